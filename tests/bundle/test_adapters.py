"""Adapters in bundles: they round-trip, digests cover them, and errors about them are one line."""

import json
from dataclasses import replace

import pytest
import torch
from bundle.miniature import FAST, make_adapter, make_parts, make_provenance
from safetensors.torch import load_file, save_file

from langit.bundle import load_bundle, save_bundle
from langit.bundle.files import hash_files
from langit.bundle.folder import add_file, read_provenance

WEIGHTS, SETTINGS = "adapters/fast/pytorch_lora_weights.safetensors", "adapters/fast/sampling.json"


@pytest.fixture
def folder(tmp_path, parts):
    save_bundle(tmp_path / "tiny", replace(parts, adapters={"fast": make_adapter(parts)}), make_provenance())
    return tmp_path / "tiny"


def rehash(folder):
    file = folder / "provenance.json"
    plain = json.loads(file.read_text())
    file.unlink()
    file.write_text(json.dumps(plain | {"files": hash_files(folder)}))


def test_adapters_round_trip(folder, parts):
    opened, wanted = load_bundle(folder).adapters, make_adapter(parts).adapter.state_dict()
    assert list(opened) == ["fast"] and opened["fast"].sampling == FAST
    found = opened["fast"].adapter.state_dict()
    assert found.keys() == wanted.keys()
    assert all(found[name].dtype == torch.float32 and torch.equal(found[name], wanted[name]) for name in wanted)


def test_the_digest_covers_it(folder, tmp_path, parts):
    sealed = read_provenance(folder)
    assert {WEIGHTS, SETTINGS} <= sealed.files.keys()
    save_bundle(tmp_path / "plain", parts, make_provenance())
    plain = read_provenance(tmp_path / "plain")
    assert plain.digest != sealed.digest and load_bundle(tmp_path / "plain").adapters == {}
    assert not (tmp_path / "plain" / "adapters").exists()
    save_bundle(tmp_path / "other", replace(parts, adapters={"fast": make_adapter(parts, seed=1)}), make_provenance())
    assert read_provenance(tmp_path / "other").digest != sealed.digest


def test_adding_a_file_keeps_the_adapters(folder):
    add_file(folder, "more.json", lambda path: path.write_text("{}"))
    assert list(load_bundle(folder).adapters) == ["fast"]


def _truncate(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-10])


def _add_tensor(folder):
    save_file(dict(load_file(folder / WEIGHTS), more=torch.zeros(1)), folder / WEIGHTS)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / WEIGHTS).unlink(), "pytorch_lora_weights.safetensors is missing"),
        (_truncate, "pytorch_lora_weights.safetensors has .* bytes.*cut off"),
        (_add_tensor, "is not the file that provenance.json names"),
        (lambda folder: (folder / SETTINGS).write_text("{}"), "sampling.json is not the file"),
        (lambda folder: (folder / "adapters/fast/more.json").write_text("{}"), "more.json is not named"),
    ],
)
def test_damage_is_one_line(folder, damage, message):
    damage(folder)
    with pytest.raises(ValueError, match=message) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_add_tensor, "adapters/fast does not fit this model .*'more' belongs to no layer"),
        (lambda folder: (folder / SETTINGS).write_text("3"), "sampling.json holds no settings"),
        (lambda folder: (folder / SETTINGS).write_text("{"), "adapters/fast does not fit this model"),
        (lambda folder: (folder / SETTINGS).unlink(), "adapters/fast lacks sampling.json"),
        (lambda folder: (folder / "adapters/fast/more.json").write_text("{}"), "more.json is not part of an adapter"),
    ],
)
def test_errors_are_one_line_even_when_the_digests_agree(folder, change, message):
    change(folder)
    rehash(folder)
    with pytest.raises(ValueError, match=message) as caught:
        load_bundle(folder)
    assert "\n" not in str(caught.value)


def test_an_adapter_of_another_transformer_is_one_line(folder, parts, tmp_path):
    tensors = {name: tensor[..., :-1].contiguous() for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file(tensors, folder / WEIGHTS)
    rehash(folder)
    with pytest.raises(ValueError, match="adapters/fast does not fit this model .*needs .*use an adapter made for"):
        load_bundle(folder)


def test_weights_that_half_precision_cannot_hold_are_not_saved(tmp_path):
    parts = make_parts()
    tuned = make_adapter(parts)
    with torch.no_grad():
        next(iter(tuned.adapter.parameters())).fill_(1e6)
    with pytest.raises(ValueError, match="of adapter fast is not finite"):
        save_bundle(tmp_path / "tiny", replace(parts, adapters={"fast": tuned}), make_provenance())
    assert not (tmp_path / "tiny").exists()

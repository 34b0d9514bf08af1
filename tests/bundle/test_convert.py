"""Bundles stored in another precision: int8 comes back nearly the same, and everything else is copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bundle.miniature import make_adapter, make_parts, make_provenance

from langit.bundle import load_bundle, save_bundle
from langit.bundle.convert import convert_bundle
from langit.bundle.folder import seal_bundle
from langit.bundle.quantize import SCALE_SUFFIX
from langit.bundle.tensors import open_tensors, save_arrays


@pytest.fixture(autouse=True)
def _small_weights_are_quantized(monkeypatch):
    monkeypatch.setattr("langit.bundle.quantize.SMALLEST", 64)


@pytest.fixture
def plain(tmp_path, parts):
    tuned = make_adapter(parts)
    parts = make_parts()
    parts = type(parts)(**{**vars(parts), "adapters": {"fast": tuned}})
    save_bundle(tmp_path / "plain", parts, make_provenance())
    (tmp_path / "plain" / "README.md").write_text("# a card\n")
    return tmp_path / "plain"


def inner_layers(autoencoder):
    outer = autoencoder.outer_layers
    return ((name, weight) for name, weight in autoencoder.named_parameters() if not name.startswith(outer))


def weights(bundle):
    yield from bundle.transformer.named_parameters()
    yield from bundle.text.model.named_parameters()
    yield from inner_layers(bundle.autoencoder)
    yield from bundle.adapters["fast"].adapter.named_parameters()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_int8_restores_every_weight_within_half_a_scale(plain, tmp_path):
    convert_bundle(plain, tmp_path / "int8", "int8")
    before, after = load_bundle(plain), load_bundle(tmp_path / "int8")
    quantized = 0
    for (name, old), (_, new) in zip(weights(before), weights(after), strict=True):
        assert new.dtype == torch.float32
        if old.ndim in (2, 4, 5) and old.numel() >= 64:
            largest = old.detach().abs().flatten(1).amax(1).view(-1, *[1] * (old.ndim - 1))
            assert ((new - old).abs() <= largest * (0.57 / 127)).all(), name
            quantized += not torch.equal(new, old)
        else:
            assert torch.equal(new, old), name
    assert quantized > 10
    assert set(after.dtypes["transformer"].values()) == {torch.int8, torch.float16}
    assert (tmp_path / "int8" / "README.md").read_text() == "# a card\n"
    assert after.provenance.digest != before.provenance.digest


def test_int8_leaves_the_outer_layers_of_the_autoencoder_as_they_are(plain, tmp_path):
    convert_bundle(plain, tmp_path / "int8", "int8")
    before, after = load_bundle(plain).autoencoder, load_bundle(tmp_path / "int8").autoencoder
    outer = [name for name, _ in before.named_parameters() if name.startswith(before.outer_layers)]
    assert len(outer) == 12  # a weight and a bias each
    kept = dict(after.named_parameters())
    for name, weight in before.named_parameters():
        if name in outer:
            assert torch.equal(kept[name], weight), name
    changed = [name for name, weight in before.named_parameters() if not torch.equal(kept[name], weight)]
    assert changed and not set(changed) & set(outer)


def test_what_was_loaded_from_int8_is_saved_as_the_same_bytes(plain, tmp_path):
    convert_bundle(plain, tmp_path / "int8", "int8", max_file_bytes=4000)  # weights and scales in different files
    bundle = load_bundle(tmp_path / "int8")
    save_bundle(tmp_path / "again", bundle, bundle.provenance, max_file_bytes=4000)
    first, second = files(tmp_path / "int8"), files(tmp_path / "again")
    converted = {name for name in first if name.startswith(("transformer/", "text_encoder/", "vae/", "adapters/"))}
    assert len(converted) > 5 and all(first[name] == second[name] for name in converted)


def test_diffusers_opens_the_half_precision_copy_of_an_int8_bundle(plain, tmp_path):
    from diffusers import WanTransformer3DModel

    convert_bundle(plain, tmp_path / "int8", "int8")
    convert_bundle(tmp_path / "int8", tmp_path / "fp16", "fp16")
    theirs = WanTransformer3DModel.from_pretrained(tmp_path / "fp16" / "transformer").state_dict()
    ours = load_bundle(tmp_path / "fp16").transformer.state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name].float(), ours[name]) for name in ours)


@pytest.mark.parametrize("change", ["lost", "short"])
def test_scales_that_do_not_fit_are_refused(plain, tmp_path, change):
    folder = tmp_path / "int8"
    convert_bundle(plain, folder, "int8")
    path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    with open_tensors(path) as file:
        arrays = {name: file.read_array(name) for name in file.entries}
    name = next(name for name in arrays if name.endswith(SCALE_SUFFIX))
    if change == "lost":
        # A weight in int8 without scales would be read as whole numbers, a hundred times too large.
        del arrays[name]
    else:
        arrays[name] = np.ascontiguousarray(arrays[name][:-1])
    save_arrays(arrays, path, {"format": "pt"})
    seal_bundle(folder)
    with pytest.raises(ValueError, match="scales"):
        load_bundle(folder)


def test_wrong_requests_are_one_clear_error(plain, tmp_path):
    with pytest.raises(ValueError, match="'int4' is not known: use int8, fp16, bf16"):
        convert_bundle(plain, tmp_path / "other", "int4")
    with pytest.raises(FileExistsError, match="exists"):
        convert_bundle(plain, plain, "int8")
    shutil.rmtree(plain / "vae")
    with pytest.raises(ValueError, match="missing"):
        convert_bundle(plain, tmp_path / "other", "int8")
    assert not (tmp_path / "other").exists()

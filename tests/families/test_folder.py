"""Folders are recognised by their configs, and what is wrong with one is a line that names it and the mend."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families import tiny
from safetensors.torch import load_file, save_file

from langit.families import folder as folders
from langit.families.folder import read_checkpoint
from langit.families.load import find_checkpoint, open_checkpoint

PICKLE = b"\x80\x04}\x94."  # an empty dict; what opens pickles is not imported even here
FAMILIES = {
    "wan2.1-t2v": "wan2.1-t2v-1.3b",
    "wan2.1-i2v": "wan2.1-i2v-14b",
    "wan2.1-flf2v": "wan2.1-flf2v-14b",
    "wan2.1-vace": "wan2.1-vace-1.3b",
    "wan2.2-t2v-a14b": "wan2.2-t2v-a14b",
    "wan2.2-i2v-a14b": "wan2.2-i2v-a14b",
    "wan2.2-flf2v-a14b": "wan2.2-i2v-a14b",
    "wan2.2-ti2v": "wan2.2-ti2v-5b",
    "wan2.2-ti2v-image": "wan2.2-ti2v-5b",
}


def change(path: Path, **changes: Any) -> None:
    plain = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in plain.items() if value is not ...}))


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_families_are_recognised_by_their_configs(saved: Callable[[str], Path], kind: str) -> None:
    assert read_checkpoint(saved(kind)).family.name == FAMILIES[kind]


def test_sharded_weights_load_as_single_ones_do(tmp_path: Path) -> None:
    tiny.save("wan2.1-t2v", tmp_path / "one")
    tiny.save("wan2.1-t2v", tmp_path / "many", max_shard_size="60KB")
    assert len(list((tmp_path / "many" / "transformer").glob("*.safetensors"))) > 2
    one, many = open_checkpoint(tmp_path / "one"), open_checkpoint(tmp_path / "many")
    for part in ("transformer", "autoencoder", "text"):
        theirs = getattr(one, part).state_dict()
        assert all(torch.equal(value, theirs[name]) for name, value in getattr(many, part).state_dict().items())


def pickled(place: Path) -> None:
    (place / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    (place / "transformer" / "diffusion_pytorch_model.bin").write_bytes(PICKLE)


def pickled_under_another_name(place: Path) -> None:
    (place / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(PICKLE)


def gguf(place: Path) -> None:
    (place / "transformer" / "diffusion_pytorch_model.safetensors").rename(place / "transformer" / "model-Q4.gguf")


def without_weights(place: Path) -> None:
    (place / "text_encoder" / "model.safetensors").unlink()


def cut_off(place: Path) -> None:
    path = place / "transformer" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def a_variant_alone(place: Path) -> None:
    path = place / "vae" / "diffusion_pytorch_model.safetensors"
    path.rename(path.with_name("diffusion_pytorch_model.fp16.safetensors"))


def another_architecture(place: Path) -> None:
    change(place / "model_index.json", _class_name="HunyuanVideoPipeline")


def another_autoencoder(place: Path) -> None:
    index = json.loads((place / "model_index.json").read_text())
    change(place / "model_index.json", vae=["diffusers", "AutoencoderKLLTXVideo"])
    assert index["vae"][1] == "AutoencoderKLWan"


def another_text_encoder(place: Path) -> None:
    change(place / "text_encoder" / "config.json", d_model=64)


def other_channels(place: Path) -> None:
    change(place / "transformer" / "config.json", in_channels=48, out_channels=48)


def more_layers(place: Path) -> None:
    change(place / "transformer" / "config.json", num_layers=4)


def wider(place: Path) -> None:
    change(place / "transformer" / "config.json", ffn_dim=80)


def an_unknown_key(place: Path) -> None:
    change(place / "transformer" / "config.json", gate_compress=True)


def an_unknown_weight(place: Path) -> None:
    path = place / "transformer" / "diffusion_pytorch_model.safetensors"
    save_file(load_file(path) | {"blocks.0.attn1.to_gate_compress.weight": torch.zeros(48, 48)}, path)


def no_index(place: Path) -> None:
    (place / "model_index.json").unlink()


def a_component_alone(place: Path) -> None:
    for path in place.iterdir():
        shutil.rmtree(path) if path.is_dir() and path.name != "transformer" else None
    (place / "model_index.json").unlink()
    for path in (place / "transformer").iterdir():
        path.rename(place / path.name)


def damaged_json(place: Path) -> None:
    (place / "vae" / "config.json").write_text("{")


def no_tokenizer(place: Path) -> None:
    shutil.rmtree(place / "tokenizer")


def a_damaged_tokenizer(place: Path) -> None:
    (place / "tokenizer" / "tokenizer.json").write_text("{}")


def a_foreign_scheduler(place: Path) -> None:
    change(place / "scheduler" / "scheduler_config.json", _class_name="DDIMScheduler")


def a_scheduler_for_other_models(place: Path) -> None:
    change(place / "scheduler" / "scheduler_config.json", prediction_type="epsilon")


def no_pipeline(place: Path) -> None:
    change(place / "model_index.json", _class_name=...)


def a_billion_layers(place: Path) -> None:
    change(place / "transformer" / "config.json", num_layers=10**9)


def a_size_in_words(place: Path) -> None:
    change(place / "vae" / "config.json", base_dim="eight")


def no_heads(place: Path) -> None:
    change(place / "text_encoder" / "config.json", num_heads=0)


def one_mean_for_all_channels(place: Path) -> None:
    change(place / "vae" / "config.json", latents_mean=[0.0])


def a_deviation_of_nothing(place: Path) -> None:
    change(place / "vae" / "config.json", latents_std=[1.0] * 15 + [0.0])


def a_boundary_in_words(place: Path) -> None:
    change(place / "model_index.json", boundary_ratio="half")


def a_boundary_beyond_all_timesteps(place: Path) -> None:
    change(place / "model_index.json", boundary_ratio=875)


DAMAGE = {
    no_pipeline: "model_index.json names no pipeline",
    a_billion_layers: "config.json: num_layers 1000000000 is not a number from 1 to 500",
    a_size_in_words: "config.json: base_dim 'eight' is not a number from 1 to",
    no_heads: "config.json: num_heads 0 is not a number from 1 to",
    one_mean_for_all_channels: "latents_mean is not a list of 16 numbers",
    a_deviation_of_nothing: "latents_std is not a list of 16 numbers",
    a_boundary_in_words: "boundary_ratio 'half' is not a number between 0 and 1",
    a_boundary_beyond_all_timesteps: "boundary_ratio 875 is not a number between 0 and 1",
    pickled: "diffusion_pytorch_model.bin is a pickle, which can run code .* save_pretrained",
    pickled_under_another_name: "is a pickle",
    gguf: "GGUF, which is not supported",
    without_weights: "text_encoder has no model.safetensors: get the checkpoint again",
    cut_off: "it was cut off",
    a_variant_alone: "has diffusion_pytorch_model.fp16.safetensors and no",
    another_architecture: "is a 'HunyuanVideoPipeline', which is not of the Wan family",
    another_autoencoder: "'AutoencoderKLLTXVideo' as vae, which this version cannot read",
    another_text_encoder: "reads text of width 32, its text encoder writes 64",
    other_channels: "goes from 48 to 48 channels, its autoencoder has 16",
    more_layers: "lacks weight 'blocks.3",
    wider: r"weight 'blocks.0.ffn.net.0.proj.bias' in .* is \(64,\), its config needs \(80,\)",
    an_unknown_key: "gate_compress",
    an_unknown_weight: "to_gate_compress.weight': it was trained with sparse attention",
    no_index: "has no model_index.json: give a folder in diffusers' layout",
    a_component_alone: "is a single component without model_index.json",
    damaged_json: "config.json is not JSON",
    no_tokenizer: "tokenizer_config.json is missing",
    a_damaged_tokenizer: "is not a tokenizer",
    a_foreign_scheduler: "scheduler 'DDIMScheduler' cannot be followed: use UniPCMultistepScheduler",
    a_scheduler_for_other_models: "prediction_type 'epsilon' cannot be followed",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_what_is_wrong_is_named_before_anything_is_loaded(
    copied: Callable[[str], Path], damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = copied("wan2.1-t2v")
    damage(place)

    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("weights were loaded")

    if damage is not a_damaged_tokenizer:  # which is opened with the text encoder
        monkeypatch.setattr("langit.families.load.load_weights", load)
    with pytest.raises(ValueError, match=DAMAGE[damage]) as caught:
        open_checkpoint(place)
    assert "\n" not in str(caught.value)


def test_a_shard_that_is_missing_or_cut_off_or_lacks_a_weight(tmp_path: Path) -> None:
    tiny.save("wan2.1-t2v", tmp_path / "whole", max_shard_size="60KB")
    names = sorted(path.name for path in (tmp_path / "whole" / "transformer").glob("*.safetensors"))
    for number, (said, damage) in enumerate(
        {
            "is missing, one of": lambda path: path.unlink(),
            "cut off": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
            "lacks weight": lambda path: save_file(dict(list(load_file(path).items())[1:]), path),
        }.items()
    ):
        place = Path(shutil.copytree(tmp_path / "whole", tmp_path / str(number)))
        damage(place / "transformer" / names[1])
        with pytest.raises(ValueError, match=said):
            find_checkpoint(place)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_not_finite_is_named(copied: Callable[[str], Path], value: float) -> None:
    path = copied("wan2.1-t2v") / "transformer" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["blocks.1.ffn.net.2.weight"].view(-1)[5] = value
    save_file(weights, path)
    with pytest.raises(ValueError, match=r"'blocks.1.ffn.net.2.weight' in .*\.safetensors has values that are not fin"):
        open_checkpoint(path.parents[1])


def test_single_files_are_not_folders(tmp_path: Path) -> None:
    for name, said in (("wan-Q4_K_M.gguf", "GGUF, which is not supported"), ("wan.safetensors", "a single file")):
        (tmp_path / name).write_bytes(b"GGUF")
        for find in (open_checkpoint, read_checkpoint):
            with pytest.raises(ValueError, match=said):
                find(tmp_path / name)


def test_the_makers_own_layout_is_named(tmp_path: Path) -> None:
    (tmp_path / "models_t5_umt5-xxl-enc-bf16.pth").write_bytes(b"PK")
    with pytest.raises(ValueError, match="layout of the makers' own code .* -Diffusers"):
        open_checkpoint(tmp_path)


def test_a_family_that_contradicts_the_configs_is_refused(saved: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match="is a wan2.1-t2v-1.3b by its configs, not a wan2.2-ti2v-5b"):
        find_checkpoint(saved("wan2.1-t2v"), "wan2.2-ti2v-5b")
    with pytest.raises(ValueError, match="no family is named 'wan9'"):
        find_checkpoint(saved("wan2.1-t2v"), "wan9")
    assert find_checkpoint(saved("wan2.1-t2v"), "wan2.1-t2v-14b").family.name == "wan2.1-t2v-14b"


def test_experts_that_differ_in_size_are_refused(copied: Callable[[str], Path]) -> None:
    place = copied("wan2.2-t2v-a14b")
    change(place / "transformer_2" / "config.json", num_layers=2)
    with pytest.raises(ValueError, match="experts in .* differ in num_layers"):
        find_checkpoint(place)


def test_the_licence_is_what_the_readme_says(copied: Callable[[str], Path]) -> None:
    place = copied("wan2.1-t2v")
    assert read_checkpoint(place).licence == "Apache-2.0"
    for said, licence in (("apache-2.0", "Apache-2.0"), ("cc-by-nc-4.0", "cc-by-nc-4.0")):
        (place / "README.md").write_text(f"---\ntags:\n- video\nlicense: {said}\n---\nlicense: mit\n")
        assert read_checkpoint(place).licence == licence


def test_what_the_base_install_lacks_is_named(saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: Any) -> None:
        raise ModuleNotFoundError("No module named 'diffusers'", name="diffusers")

    monkeypatch.setattr("langit.families.load.build_autoencoder", absent)
    with pytest.raises(ValueError, match=r"need diffusers, .* pip install 'langit\[open-weights\]'"):
        open_checkpoint(saved("wan2.1-t2v"))


def test_bundles_of_this_project_are_not_taken_for_open_weights(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    assert folders.is_checkpoint(tmp_path)
    (tmp_path / "provenance.json").write_text("{}")
    assert not folders.is_checkpoint(tmp_path)

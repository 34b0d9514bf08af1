"""Weights keep their dtype from disk to memory and back, and loading needs no second copy."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from bundle.miniature import make_adapter, make_parts, make_provenance
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from langit.bundle import load_bundle, resolve, save_bundle
from langit.device import CPU, Placement

PARTS = ("transformer/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model")
LORA = "adapters/fast/pytorch_lora_weights"


def dtypes_on_disk(folder):
    found = set()
    for name in (*PARTS, LORA):
        with safe_open(folder / f"{name}.safetensors", "pt") as file:
            found |= {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118  # not a dict
    return found


def save_in(folder, dtype):
    parts = make_parts()
    adapter = make_adapter(parts)
    names = {
        "transformer": parts.transformer.state_dict(),
        "vae": parts.autoencoder.state_dict(),
        "text_encoder": parts.text.model.state_dict(),
    }
    dtypes = {part: dict.fromkeys(state, dtype) for part, state in names.items()}
    lora = {f"transformer.{name}": dtype for name in adapter.adapter.state_dict()}
    tuned = replace(adapter, dtypes=lora)
    save_bundle(folder, replace(parts, dtypes=dtypes, adapters={"fast": tuned}), make_provenance())


@pytest.mark.parametrize(("dtype", "name"), [(torch.float16, "F16"), (torch.bfloat16, "BF16"), (torch.float32, "F32")])
@pytest.mark.parametrize("placement", [CPU, Placement(dtype=torch.float32)])
def test_weights_are_saved_again_byte_for_byte(tmp_path, dtype, name, placement):
    save_in(tmp_path / "a", dtype)
    assert dtypes_on_disk(tmp_path / "a") == {name}
    opened = load_bundle(tmp_path / "a", placement)
    assert {weight.dtype for weight in opened.transformer.parameters()} == {torch.float32}
    save_bundle(tmp_path / "b", opened, make_provenance())
    for file in (*PARTS, LORA):
        a, b = ((tmp_path / folder / f"{file}.safetensors").read_bytes() for folder in "ab")
        assert a == b, file


def test_pocket_is_saved_again_byte_for_byte(tmp_path):
    opened = load_bundle("pocket")
    save_bundle(tmp_path / "pocket", opened, opened.provenance, opened.films())
    added_later = ("nearest.safetensors", "README.md", "record/")
    for name in opened.provenance.files:
        if not name.startswith(added_later):
            assert (tmp_path / "pocket" / name).read_bytes() == (resolve("pocket") / name).read_bytes(), name


def test_new_weights_are_stored_in_half_precision_and_bf16_ones_in_bf16(tmp_path):
    parts = make_parts()
    save_bundle(tmp_path / "a", replace(parts, adapters={"fast": make_adapter(parts)}), make_provenance())
    assert dtypes_on_disk(tmp_path / "a") == {"F16"}
    opened = load_bundle(tmp_path / "a", Placement(dtype=torch.bfloat16))
    parts = replace(opened, dtypes={}, adapters={name: replace(x, dtypes={}) for name, x in opened.adapters.items()})
    save_bundle(tmp_path / "b", parts, make_provenance())
    assert dtypes_on_disk(tmp_path / "b") == {"BF16"}


def test_a_file_of_mixed_dtypes_keeps_each_of_them(tmp_path):
    save_in(tmp_path / "a", torch.bfloat16)
    path = tmp_path / "a/transformer/diffusion_pytorch_model.safetensors"
    state = load_file(path)
    state["proj_out.weight"] = state["proj_out.weight"].float() * 1.001  # what bf16 does not hold
    save_file(state, path, metadata={"format": "pt"})
    from langit.bundle.folder import seal_bundle

    seal_bundle(tmp_path / "a")
    save_bundle(tmp_path / "b", load_bundle(tmp_path / "a"), make_provenance())
    again = load_file(tmp_path / "b/transformer/diffusion_pytorch_model.safetensors")
    assert all(torch.equal(again[name], value) and again[name].dtype == value.dtype for name, value in state.items())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.no_grad()
def test_a_bundle_opens_and_computes_in_the_placements_dtype(tmp_path, dtype):
    save_in(tmp_path / "a", torch.float16)
    exact, opened = load_bundle(tmp_path / "a"), load_bundle(tmp_path / "a", Placement(dtype=dtype))
    assert opened.placement == Placement(dtype=dtype)
    for module in (opened.transformer, opened.autoencoder, opened.text, opened.adapters["fast"].adapter):
        tensors = [*module.parameters(), *module.buffers()]
        assert {tensor.dtype for tensor in tensors if tensor.is_floating_point()} == {dtype}
    video = torch.randn(1, 3, 5, 32, 32)
    latents = opened.autoencoder.encode(video)
    embeddings, _ = opened.text.encode(["a red ball"])
    out = opened.transformer.forward_grid(latents, torch.tensor([300.0]), embeddings[None])
    expected = exact.transformer.forward_grid(
        exact.autoencoder.encode(video), torch.tensor([300.0]), exact.text.encode(["a red ball"])[0][None]
    )
    assert out.dtype == dtype and (out - expected).norm() < 0.1 * expected.norm()


PEAK = """
import resource, sys
from pathlib import Path
import torch
from torch import nn
from langit.bundle.weights import load_weights
from langit.device import Placement
from langit.transformer.blank import blank
folder, dtype = Path(sys.argv[1]), getattr(torch, sys.argv[2])
with blank():
    module = nn.ModuleList(nn.Linear(1024, 1024, bias=False) for _ in range(50))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
load_weights(module, folder, "model", {"model.safetensors"}, Placement(dtype=dtype))
size = sum(weight.nbytes for weight in module.parameters())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss")
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_loading_peaks_at_the_size_of_the_weights(tmp_path, dtype):
    weights = {f"{index}.weight": torch.randn(1024, 1024).half() for index in range(50)}  # 100 MB
    save_file(weights, tmp_path / "model.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path), dtype], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 1.1

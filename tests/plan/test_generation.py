"""Plans of a video: time kernel by kernel where these were measured, and what opening takes."""

from dataclasses import replace

import pytest
import torch

from langit.device import CPU, Placement
from langit.plan.generation import VideoWork, _opening, computing_seconds
from langit.plan.hardware import GPU_SHARE, ONEDNN, Hardware
from langit.plan.model import find_model
from langit.plan.trace import Usage
from langit.shapes import PixelShape
from langit.transformer.packed_weights import can_pack

MEASURED = Hardware(
    "a CPU",
    1 << 40,
    {"fp32": 100, "int8": 400},
    1000,
    10,
    "here",
    {ONEDNN: 50},
    {"fp32": 20, "int8": 40},
    measured=True,
)


def test_measured_kernels_add_up() -> None:
    transformer = Usage(flops=1000, attention=200, moved=3000)
    assert computing_seconds(transformer, "fp32", MEASURED) == pytest.approx(800 / 100 + 200 / 20 + 3)
    assert computing_seconds(transformer, "int8", MEASURED) == pytest.approx(800 / 400 + 200 / 40 + 3)
    decoder = Usage(flops=1000, convolutions={ONEDNN: 900}, moved=3000)
    assert computing_seconds(decoder, "fp32", MEASURED) == pytest.approx(900 / 50 + 100 / 100)
    gpu = Hardware("a GPU", 1 << 40, {"bf16": 1000}, 1e12, 1e10, "data sheet")
    assert computing_seconds(transformer, "bf16", gpu) == pytest.approx(1 / GPU_SHARE)


@pytest.mark.skipif(not can_pack(CPU.device, torch.float32), reason="no kernel to pack for")
def test_opening_counts_what_is_packed_or_narrowed_later() -> None:
    sizes = find_model("Wan-AI/Wan2.1-T2V-1.3B-Diffusers").sizes
    denoisers = {name: build() for name, build in sizes.transformers.items()}
    parts = {"text encoder": sizes.text(), **denoisers, "autoencoder": sizes.autoencoder()}
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    work = VideoWork(PixelShape(5, 16, 16), 1, True, CPU)
    (packing,) = _opening(sizes, denoisers, parts, work)
    assert packing.weights == 4 * sum(counts.values())
    assert packing.activations == 4 * 1536 * 8960
    half = Placement(dtype=torch.bfloat16)
    (narrowing,) = _opening(sizes, denoisers, parts, replace(work, placement=half, storage="fp8"))
    # All weights come in bf16 before one of them is narrowed; the autoencoder's stay in single precision.
    assert narrowing.weights == 2 * (sum(counts.values()) + counts["autoencoder"])
    assert not _opening(sizes, denoisers, parts, replace(work, placement=half))
    assert not _opening(sizes, denoisers, parts, replace(work, placement=replace(CPU, offload="blocks")))

"""The commands that measure open weights run at tiny sizes."""

import json

import torch

from benchmarks import gpu_open_weights
from langit.device import Placement


def test_the_command_for_a_gpu_runs_on_a_cpu_at_a_tiny_size():
    rows: list[dict[str, object]] = []
    gpu_open_weights.measure("tiny", Placement(), 1, rows.append)
    assert json.dumps(rows)
    first, memory, fp8, int8, away = rows
    assert first["tokens"] == 8 and memory["planned_bytes"] > 0
    assert 0 < fp8["relative_error"] < 0.05 and 0 < int8["relative_error"] < 0.05
    assert away["offload"] == "blocks"


@torch.no_grad()
def test_the_peer_has_the_same_weights():
    sizes, pixels, compression, words = gpu_open_weights.MODELS["tiny"]
    model = gpu_open_weights.random_weights(sizes, Placement())
    latent = gpu_open_weights.latent_shape(pixels, compression)
    latents, packed, prompts = gpu_open_weights.inputs_of(sizes, latent, words, Placement())
    theirs = gpu_open_weights.same_in_diffusers(model)
    expected = theirs(latents[None].repeat(2, 1, 1, 1, 1), torch.full((2,), 500.0), prompts.tokens.unflatten(0, (2, 8)))
    from langit.patches import unpack

    assert torch.allclose(torch.stack(unpack(packed, model(packed, prompts))), expected.sample, atol=1e-4)

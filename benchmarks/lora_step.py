"""A training step of a LoRA on every linear layer: ours, against diffusers with PEFT on the same weights and shapes.

Forward, backward and AdamW of rank 16 on Wan-1.3B's width. Ours adds the low-rank product to the weight; PEFT adds
outputs. Losses of both are equal before anything is timed. The peer also runs on our kernel for single precision.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from dataclasses import replace

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from benchmarks.models import forward_flops, pack_batch, random_batch, twin_models
from benchmarks.protocol import Contender, measure, prepare, report
from benchmarks.r1b_int8 import on_our_kernel
from langit.patches import unpack
from langit.transformer import SIZES
from langit.transformer.adapter import Adapter

RANK = 16


def peer_step(model: nn.Module, inputs: tuple[Tensor, Tensor, Tensor]) -> Callable[[], float]:
    """A step of diffusers' transformer with PEFT's LoRA."""
    model.requires_grad_(False)
    targets = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    inject_adapter_in_model(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=targets), model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=0.0)

    def step() -> float:
        loss = model(*inputs).sample.square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        value: float = loss.item()
        return value

    return step


def main() -> None:
    """Time the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=180.0, help="seconds after which no round begins")
    parser.add_argument("--side", type=int, default=40, help="latent cells to a side of four latent frames")
    options = parser.parse_args()
    prepare()
    sizes = replace(SIZES["wan-1.3b"], num_layers=options.layers)
    ours, theirs = twin_models(sizes)
    inputs = random_batch(sizes, (1, 4, options.side, options.side), 512)
    packs = pack_batch(*inputs)
    flops = 2.0 * forward_flops(ours, packs)
    ours.requires_grad_(False)
    adapter = Adapter.of_rank(ours, RANK)
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=0.0)

    def step() -> float:
        velocity = adapter.adapted_forward(ours, *packs)
        loss = torch.stack(unpack(packs[0], velocity)).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        value: float = loss.item()
        return value

    kernel = peer_step(on_our_kernel(copy.deepcopy(theirs)), inputs)
    peer = peer_step(theirs, inputs)
    losses = step(), peer(), kernel()
    print("losses: " + ", ".join(f"{loss:.7f}" for loss in losses))
    assert max(losses) - min(losses) < 1e-5 * abs(losses[0]), losses
    contenders = [
        Contender("langit", step, flops),
        Contender("diffusers, PEFT", peer, flops),
        Contender("diffusers, PEFT, our kernel", kernel, flops),
    ]
    pairs = [(each.name, "langit") for each in contenders[1:]]
    tokens = packs[0].lengths[0]
    title = f"Wan-1.3B width, {options.layers} layers, {tokens} tokens, LoRA of rank {RANK}, two passes of work"
    report(title, measure(contenders, options.rounds, options.budget), contenders, pairs)


if __name__ == "__main__":
    main()

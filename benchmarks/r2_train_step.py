"""R2: a training step (forward, backward, AdamW) of the pocket model, ours against that of diffusers, also compiled.

48 clips of 80 tokens, 16 words each, one noise level per clip. Losses and gradients must agree before anything is
timed.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.models import forward_flops, pack_batch, random_batch, twin_models
from benchmarks.protocol import Contender, first_call, measure, prepare, report
from langit.patches import patchify
from langit.transformer import SIZES
from langit.transformer.parallel import compile_blocks

CLIPS, WORDS = 48, 16


def stepper(model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> Callable[[], float]:
    """Return a function that takes one training step, with a learning rate so small that the weights hardly change."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-9, foreach=True)

    def step() -> float:
        value = loss(model)
        value.backward()
        optimiser.step()
        optimiser.zero_grad()
        return value.item()

    return step


def gradients(model: nn.Module, loss: Callable[[nn.Module], Tensor]) -> tuple[float, dict[str, Tensor]]:
    """Return the loss, and the gradients by parameter name."""
    value = loss(model)
    value.backward()
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    return value.item(), found


def main() -> None:
    """Compare losses and gradients, then time."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    prepare()
    ours, theirs = twin_models(SIZES["pocket"])
    inputs = random_batch(SIZES["pocket"], (CLIPS, 5, 8, 8), WORDS)
    packs = pack_batch(*inputs)
    target = torch.randn_like(inputs[0])
    target_tokens = torch.cat([patchify(video, layout="channels_last") for video in target])

    def our_loss(model: nn.Module) -> Tensor:
        return (model(*packs) - target_tokens).square().mean()

    def their_loss(model: nn.Module) -> Tensor:
        return (model(*inputs).sample - target).square().mean()

    expected, peer = gradients(theirs, their_loss)
    ours_compiled, theirs_compiled = compile_blocks(copy.deepcopy(ours)), copy.deepcopy(theirs)
    theirs_compiled.compile_repeated_blocks()
    for name, model in (("langit", ours), ("langit, compiled", ours_compiled)):
        first_call(name, lambda model=model: our_loss(model).backward())
        model.zero_grad()
        loss, found = gradients(model, our_loss)
        worst = max(((found[key] - peer[key]).norm() / peer[key].norm().clamp(min=1e-6)).item() for key in peer)
        assert abs(loss - expected) < 1e-5 * expected and worst < 1e-3, f"{name}: loss {loss}, gradients off by {worst}"
        print(f"  {name}: loss {loss:.6f} (diffusers {expected:.6f}), worst relative gradient error {worst:.1e}")
    first_call("diffusers, compiled", lambda: their_loss(theirs_compiled).backward())
    theirs_compiled.zero_grad()

    flops = 3 * forward_flops(ours, packs)
    contenders = [
        Contender("langit", stepper(ours, our_loss), flops),
        Contender("langit, compiled", stepper(ours_compiled, our_loss), flops),
        Contender("diffusers", stepper(theirs, their_loss), flops),
        Contender("diffusers, compiled", stepper(theirs_compiled, their_loss), flops),
    ]
    pairs = [("diffusers", "langit"), ("diffusers, compiled", "langit"), ("diffusers, compiled", "langit, compiled")]
    report("Training step of the pocket model", measure(contenders), contenders, pairs)


if __name__ == "__main__":
    main()

"""R1a: one forward pass in float32, ours against diffusers' ``WanTransformer3DModel`` with identical weights.

Two shapes: Wan-1.3B's width with two layers and 1,600 tokens, and the pocket model with 48 clips of 80 tokens. Both
sides run eagerly and compiled block by block. Outputs must agree to 1e-4 before anything is timed.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import replace

import torch

from benchmarks.models import forward_flops, pack_batch, random_batch, twin_models
from benchmarks.protocol import Contender, first_call, measure, prepare, report
from langit.patches import unpack
from langit.transformer import SIZES, TransformerConfig
from langit.transformer.parallel import compile_blocks

SHAPES = {
    "Wan-1.3B width, 2 layers, 1 x 1600 tokens, 512 words": (
        replace(SIZES["wan-1.3b"], num_layers=2),
        (1, 4, 40, 40),
        512,
    ),
    "pocket, 48 x 80 tokens, 16 words": (SIZES["pocket"], (48, 5, 8, 8), 16),
}


@torch.no_grad()
def compare(title: str, sizes: TransformerConfig, shape: tuple[int, int, int, int], words: int) -> None:
    """Time one shape and print the results."""
    ours, theirs = twin_models(sizes)
    ours_compiled, theirs_compiled = compile_blocks(copy.deepcopy(ours)), copy.deepcopy(theirs)
    theirs_compiled.compile_repeated_blocks()
    inputs = random_batch(sizes, shape, words)
    packs = pack_batch(*inputs)

    print(f"\n{title}")
    expected = theirs(*inputs).sample
    for name, model in (("langit", ours), ("langit, compiled", ours_compiled)):
        first_call(name, lambda model=model: model(*packs))
        error = (torch.stack(unpack(packs[0], model(*packs))) - expected).abs().max().item()
        assert error < 1e-4, f"{name} is off by {error}"
        print(f"  {name}: largest difference from diffusers {error:.1e}, outputs have deviation {expected.std():.2f}")
    first_call("diffusers, compiled", lambda: theirs_compiled(*inputs))

    flops = forward_flops(ours, packs)
    contenders = [
        Contender("langit", lambda: ours(*packs), flops),
        Contender("langit, compiled", lambda: ours_compiled(*packs), flops),
        Contender("diffusers", lambda: theirs(*inputs), flops),
        Contender("diffusers, compiled", lambda: theirs_compiled(*inputs), flops),
    ]
    pairs = [
        ("diffusers", "langit"),
        ("diffusers", "langit, compiled"),
        ("diffusers, compiled", "langit, compiled"),
    ]
    report(title, measure(contenders), contenders, pairs)


def main() -> None:
    """Time both shapes."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    prepare()
    for title, (sizes, shape, words) in SHAPES.items():
        compare(title, sizes, shape, words)


if __name__ == "__main__":
    main()

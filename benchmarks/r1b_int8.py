"""R1a and R1b on Wan-1.3B's shapes: exact and int8 forward passes, against diffusers' with identical weights.

Every peer has three rows: as installed, on our kernel for single precision, and compiled on our kernel; and torchao's
dynamic int8. Outputs agree to 1e-4 before anything is timed, and the errors of int8 and bf16 are those of a block,
relative to the block's output. Shares of the peak are of the work by formula, attention included, over the fastest
product of its type. All contenders run with the allocator as it is set while open weights generate
(`langit/offload/host.py`). ``--depth`` shows instead how the error of int8 grows from block to block.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.models import pack_batch, random_batch, twin_models
from benchmarks.protocol import Contender, cpu_seconds, first_call, measure, prepare, report
from langit.offload.host import keep_freed_memory, return_freed_memory
from langit.patches import unpack
from langit.plan.flops import forward_work
from langit.transformer import SIZES
from langit.transformer.linear import linear
from langit.transformer.packed_weights import pack_blocks
from langit.transformer.parallel import compile_blocks
from langit.transformer.precision import narrow

SHAPE, WORDS = (1, 4, 40, 40), 512


class OurLinear(nn.Linear):
    """``nn.Linear`` on the kernel that our layers use."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def on_our_kernel(model: nn.Module) -> nn.Module:
    """A copy of the peer whose linear layers run on oneDNN, as ours do."""
    copied = copy.deepcopy(model)
    for part in copied.modules():
        if type(part) is nn.Linear:
            part.__class__ = OurLinear
    return copied


def block_error(model: nn.Module, narrowed: nn.Module, run: Callable[[], object], dtype: torch.dtype) -> float:
    """The largest relative error of a block on the inputs that the exact model gives it, in this dtype."""
    errors = []
    for block, (given, wanted) in zip(narrowed.blocks, block_calls(model, run), strict=True):  # type: ignore[arg-type]  # a ModuleList
        x, levels, angles, text, runs = given
        out = block(x.to(dtype), levels, angles, replace(text, tokens=text.tokens.to(dtype)), runs)
        errors.append(float((out.float() - wanted).norm() / wanted.norm()))
    return max(errors)


def block_calls(model: nn.Module, run: Callable[[], object]) -> list[tuple[tuple[Any, ...], Tensor]]:
    """What each block was given and what it returned."""
    seen: list[tuple[tuple[Any, ...], Tensor]] = []
    blocks = list(model.blocks)  # type: ignore[arg-type]  # a ModuleList
    hooks = [block.register_forward_hook(lambda _, given, out: seen.append((given, out))) for block in blocks]
    run()
    for hook in hooks:
        hook.remove()
    return seen


@torch.no_grad()
def compare_depths(layers: int) -> None:
    """Print the error of int8 after blocks, each on what the int8 block before it gave, and that of the velocity."""
    sizes = replace(SIZES["wan-1.3b"], num_layers=layers, num_attention_heads=4, ffn_dim=2048)
    exact, _ = twin_models(sizes)
    packs = pack_batch(*random_batch(sizes, (1, 2, 32, 32), 128))
    narrowed = copy.deepcopy(exact)
    narrow(narrowed, "int8")
    outs: list[Tensor] = []
    wanted = [out for _, out in block_calls(exact, lambda: outs.append(exact(*packs)))]
    made = [out for _, out in block_calls(narrowed, lambda: outs.append(narrowed(*packs)))]
    print(f"width {sizes.width}, {layers} layers, {packs[0].lengths[0]} tokens: error of int8 after blocks")
    for number in sorted({1, 2, 5, *range(10, layers + 1, 10), layers}):
        error = (made[number - 1] - wanted[number - 1]).norm() / wanted[number - 1].norm()
        print(f"  {number:3}  {float(error):.2%}")
    print(f"  velocity {float((outs[1] - outs[0]).norm() / outs[0].norm()):.2%}")


@torch.no_grad()
def compare(layers: int, rounds: int, budget: float, compiled: bool) -> None:
    """Time everything in one run and print the results."""
    sizes = replace(SIZES["wan-1.3b"], num_layers=layers)
    ours, theirs = twin_models(sizes)
    inputs = random_batch(sizes, SHAPE, WORDS)
    packs = pack_batch(*inputs)
    tokens = packs[0].lengths[0]
    flops = forward_work(sizes, tokens, WORDS).total
    expected = theirs(*inputs).sample
    error = (torch.stack(unpack(packs[0], ours(*packs))) - expected).abs().max().item()
    assert error < 1e-4, f"off by {error}"
    narrowed = copy.deepcopy(ours)
    narrow(narrowed, "int8")
    loss = block_error(ours, narrowed, lambda: ours(*packs), torch.float32)
    print(f"largest difference from diffusers {error:.1e}; int8 error of a block {loss:.2%}")
    assert loss <= 0.01
    packed = copy.deepcopy(ours)
    pack_blocks(packed)
    error = (torch.stack(unpack(packs[0], packed(*packs))) - expected).abs().max().item()
    assert error < 1e-4, f"packed weights are off by {error}"
    print(f"largest difference of packed weights {error:.1e}")
    half = copy.deepcopy(ours).to(torch.bfloat16)
    print(f"bf16 error of a block {block_error(ours, half, lambda: ours(*packs), torch.bfloat16):.2%}")
    kernel = on_our_kernel(theirs)
    contenders = [
        Contender("langit", lambda: ours(*packs), flops),
        Contender("langit, packed weights", lambda: packed(*packs), flops),
        Contender("langit, int8", lambda: narrowed(*packs), flops),
        Contender("langit, bf16", lambda: half(*packs), flops),
        Contender("diffusers", lambda: theirs(*inputs), flops),
        Contender("diffusers, our kernel", lambda: kernel(*inputs), flops),
    ]
    torchao = copy.deepcopy(theirs)
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    quantize_(torchao.blocks, Int8DynamicActivationInt8WeightConfig())
    contenders.append(Contender("diffusers, torchao int8", lambda: torchao(*inputs), flops))
    if compiled:
        ours_fast = compile_blocks(copy.deepcopy(ours))
        kernel_fast = copy.deepcopy(kernel)
        kernel_fast.compile_repeated_blocks()
        for name, run in (
            ("langit, compiled", lambda: ours_fast(*packs)),
            ("diffusers, our kernel, compiled", lambda: kernel_fast(*inputs)),
        ):
            first_call(name, run)
            contenders.append(Contender(name, run, flops))
    names = [each.name for each in contenders]
    pairs = [(peer, mine) for mine in names if mine.startswith("langit") for peer in names if peer.startswith("diff")]
    title = f"Wan-1.3B width, {layers} layers, {tokens} tokens, {WORDS} words"
    with keep_freed_memory():
        report(title, measure(contenders, rounds, budget), contenders, pairs)
    left = torch.randint(-127, 127, (2048, 2048), dtype=torch.int8)
    seconds = min(cpu_seconds(lambda: torch._int_mm(left, left)) for _ in range(5))
    print(f"  int8 peak: {2 * 2048**3 / seconds / 1e9:.0f} GOP/s")


def main() -> None:
    """Time the shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", type=float, default=180.0, help="seconds after which no round begins")
    parser.add_argument("--compiled", action="store_true", help="compile as well: minutes on two cores")
    parser.add_argument("--depth", type=int, default=0, help="show the error of int8 through so many narrow blocks")
    options = parser.parse_args()
    prepare()
    if options.depth:
        compare_depths(options.depth)
        return
    return_freed_memory()
    compare(options.layers, options.rounds, options.budget, options.compiled)


if __name__ == "__main__":
    main()

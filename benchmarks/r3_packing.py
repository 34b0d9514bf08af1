"""R3: forward and backward of a mixed batch of images and videos: packed, padded, bucketed by shape, and one by one.

32 clips of 15 to 540 tokens (a ratio of 36), a prompt of 16 words each, the pocket model. All methods share weights and
blocks:
packed: first-fit into bins of at most BUDGET tokens, as the model takes them;
padded by count: sorted by length, 8 clips per batch, padded to the longest, with the padding masked;
padded by budget: the same, but as many clips per batch as fit into BUDGET tokens with their padding (the better peer);
exact-shape buckets: a batch contains clips of one shape;
one by one: no padding and no batching.
Every clip's loss must agree to 1e-5 between the methods, and gradients must agree, before anything is timed.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.models import forward_flops
from benchmarks.protocol import Contender, measure, prepare, report
from langit.patches import Pack, TextPack, pack_by_tokens, patchify
from langit.patches import pack as pack_latents
from langit.shapes import TokenGrid
from langit.transformer import SIZES, VideoTransformer
from langit.transformer.attention import Angles, SelfAttention

CLIPS, BUDGET, COUNT, WORDS = 32, 1280, 8, 16
# frames, rows and columns of latents: images and videos; wide, tall and square
KINDS = (
    *((1, 6, 10), (1, 8, 8), (1, 10, 6), (1, 16, 16), (1, 12, 20), (1, 20, 12)),
    *((3, 8, 8), (3, 6, 10), (5, 8, 8), (5, 6, 10), (5, 10, 6), (5, 12, 12), (5, 16, 16)),
    *((9, 8, 8), (9, 10, 6), (9, 12, 20)),
)

Bins = Sequence[Sequence[int]]


class MaskedSelfAttention(SelfAttention):
    """Self-attention over padded videos that masks the padding."""

    real: Tensor  # B L

    def forward(self, x: Tensor, angles: Angles, runs: tuple[tuple[int, int], ...]) -> Tensor:
        query, key, value = (part.unflatten(0, runs[0]).transpose(1, 2) for part in self.project(x, angles))
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=self.real[:, None, None, :])
        return self.to_out[0](out.transpose(1, 2).flatten(2).flatten(0, 1))


class Clips:
    """Latents of many sizes, their noise levels, prompts and targets."""

    def __init__(self, kinds: Sequence[tuple[int, int, int]]) -> None:
        sizes = SIZES["pocket"]
        self.latents = [torch.randn(sizes.in_channels, *kind) for kind in kinds]
        self.noise = torch.rand(len(kinds))
        self.texts = torch.randn(len(kinds), WORDS, sizes.text_dim)
        self.targets = [patchify(torch.randn(sizes.out_channels, *kind), layout="channels_last") for kind in kinds]
        self.lengths = [target.shape[0] for target in self.targets]

    def pack(self, members: Sequence[int]) -> tuple[Pack, TextPack]:
        """Concatenate some of the clips."""
        prompts = TextPack(self.texts[list(members)].flatten(0, 1), (WORDS,) * len(members))
        return pack_latents([self.latents[i] for i in members], self.noise[list(members)]), prompts

    def pad(self, members: Sequence[int]) -> tuple[Pack, TextPack, Tensor]:
        """Pad some of the clips to the length of the longest; also return which tokens are real."""
        packs, prompts = self.pack(members)
        longest = max(packs.lengths)

        def pad_all(whole: Tensor) -> Tensor:
            return torch.cat([F.pad(part, (0, 0, 0, longest - len(part))) for part in whole.split(packs.lengths)])

        even = replace(
            packs,
            tokens=pad_all(packs.tokens),
            positions=pad_all(packs.positions),
            noise=self.noise[list(members)].repeat_interleave(longest),
            lengths=(longest,) * len(members),
            grids=(TokenGrid(1, 1, longest),) * len(members),
        )
        return even, prompts, torch.arange(longest)[None] < torch.tensor(packs.lengths)[:, None]


def forward_backward(model: VideoTransformer, clips: Clips, bins: Bins, pad: bool = False) -> dict[int, float]:
    """Run forward and backward over all bins; return each clip's loss and leave gradients in the model."""
    losses: dict[int, float] = {}
    for members in bins:
        if pad:
            packs, prompts, real = clips.pad(members)
            for module in model.modules():
                if isinstance(module, MaskedSelfAttention):
                    module.real = real
        else:
            packs, prompts = clips.pack(members)
        pieces = model(packs, prompts).split(packs.lengths)
        clip_losses = [
            (piece[: clips.lengths[i]] - clips.targets[i]).square().mean()
            for i, piece in zip(members, pieces, strict=True)
        ]
        torch.stack(clip_losses).sum().backward()
        losses.update({i: loss.item() for i, loss in zip(members, clip_losses, strict=True)})
    return losses


def group(order: Sequence[int], fits: Callable[[list[int]], bool]) -> Bins:
    """Group neighbours for as long as they fit."""
    bins: list[list[int]] = [[]]
    for i in order:
        if bins[-1] and not fits([*bins[-1], i]):
            bins.append([])
        bins[-1].append(i)
    return bins


def main() -> None:
    """Compare losses and gradients, then time."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    prepare()
    torch.manual_seed(0)
    kinds = [KINDS[i] for i in torch.randint(len(KINDS), (CLIPS - len(KINDS),)).tolist()] + list(KINDS)
    clips, model = Clips(kinds), VideoTransformer(SIZES["pocket"])
    torch.nn.init.normal_(model.proj_out.weight, std=0.02)
    masked = copy.deepcopy(model)
    for block in masked.blocks:
        block.attn1.__class__ = MaskedSelfAttention

    lengths, total = clips.lengths, sum(clips.lengths)
    order = sorted(range(CLIPS), key=lengths.__getitem__)
    by_shape = [[i for i in range(CLIPS) if kinds[i] == kind] for kind in dict.fromkeys(kinds)]
    packed = pack_by_tokens(lengths, BUDGET)
    methods: dict[str, tuple[VideoTransformer, Bins, bool]] = {
        "packed": (model, packed, False),
        "padded by count": (masked, group(order, lambda some: len(some) <= COUNT), True),
        "padded by budget": (masked, group(order, lambda some: len(some) * lengths[some[-1]] <= BUDGET), True),
        "exact-shape buckets": (model, by_shape, False),
        "one by one": (model, [[i] for i in range(CLIPS)], False),
    }
    print(f"\n{CLIPS} clips of {min(lengths)} to {max(lengths)} tokens, {total} in all")
    print(f"  packed: {len(packed)} bins, fill {total / (len(packed) * BUDGET):.3f}", end="; ")
    stream = [frames * rows * columns // 4 for i in range(2000) for frames, rows, columns in [kinds[i % CLIPS]]]
    print(f"fill of 2,000 such clips {sum(stream) / (len(pack_by_tokens(stream, BUDGET)) * BUDGET):.3f}")
    for name in ("padded by count", "padded by budget"):
        with_padding = sum(len(some) * max(lengths[i] for i in some) for some in methods[name][1])
        print(f"  {name}: {len(methods[name][1])} batches, {total / with_padding:.3f} of their tokens are real")

    expected: dict[int, float] = {}
    gradient: dict[str, Tensor] = {}
    for name, (used, bins, pad) in reversed(methods.items()):
        used.zero_grad()
        losses = forward_backward(used, clips, bins, pad)
        found = {key: parameter.grad.clone() for key, parameter in used.named_parameters()}
        expected, gradient = expected or losses, gradient or found
        worst = max(abs(losses[i] - expected[i]) for i in range(CLIPS))
        turned = max(((found[key] - gradient[key]).norm() / gradient[key].norm()).item() for key in gradient)
        assert worst < 1e-5 and turned < 1e-3, f"{name}: a loss is off by {worst}, a gradient by {turned}"
        print(f"  {name}: losses agree to {worst:.0e}, gradients to {turned:.0e}")

    flops = 3.0 * sum(forward_flops(model, clips.pack([i])) for i in range(CLIPS))
    contenders = [
        Contender(name, partial(forward_backward, used, clips, bins, pad), flops)
        for name, (used, bins, pad) in methods.items()
    ]
    pairs = [(name, "packed") for name in methods if name != "packed"]
    report("Forward and backward of a mixed batch", measure(contenders), contenders, pairs)


if __name__ == "__main__":
    main()

"""Context parallelism: neighbouring processes compute one micro-batch together, each a part of its tokens.

For videos too long for one device. Everything but self-attention is token by token. For that, queries, keys and values
are exchanged so that each process has all tokens of some heads (DeepSpeed-Ulysses, arXiv 2309.14509). This suits packs:
attention stays within each video, whatever the cuts are. torch's ring (`context_parallel`) knows one sequence for each
row of a batch, and no packs. Knows a transformer by its blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from types import MethodType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed._functional_collectives import all_to_all_single_autograd
from torch.distributed.device_mesh import init_device_mesh

from langit.device import Placement
from langit.patches import Pack, TextPack
from langit.shapes import TokenGrid
from langit.train.ranks import Ranks
from langit.transformer.attention import Angles, SelfAttention, attend_runs, equal_runs
from langit.transformer.protocol import Denoiser


@dataclass
class Context:
    """The processes that share a micro-batch, and where the pack that they compute now is cut."""

    group: dist.ProcessGroup
    rank: int
    count: int
    sizes: tuple[int, ...] = ()  # tokens of each process
    runs: tuple[tuple[int, int], ...] = ()  # of the whole pack

    def cut(self, lengths: tuple[int, ...]) -> tuple[int, int]:
        """Cut a pack of videos of such lengths; the first token of this process and the one after its last.

        Raises:
            ValueError: there are fewer tokens than processes.
        """
        total = sum(lengths)
        if total < self.count:
            raise ValueError(f"a micro-batch of {total} tokens cannot be cut over --context {self.count}: use fewer")
        ends = [total * (number + 1) // self.count for number in range(self.count)]
        self.sizes = tuple(end - begin for begin, end in pairwise([0, *ends]))
        self.runs = equal_runs(lengths)
        return ends[self.rank] - self.sizes[self.rank], ends[self.rank]


@contextmanager
def sharing_context(transformer: Denoiser, ranks: Ranks, placement: Placement) -> Iterator[None]:
    """Let a transformer compute its packs together with the other processes of its group, inside a ``with`` block.

    Raises:
        ValueError: the heads cannot be divided among the processes.
    """
    if ranks.context == 1:
        yield
        return
    attentions = [part for part in transformer.modules() if isinstance(part, SelfAttention)]
    for attention in attentions:
        if attention.heads % ranks.context:
            raise ValueError(
                f"--context {ranks.context}: {attention.heads} heads cannot be divided by it: use a divisor"
            )
    shape = (ranks.groups, ranks.context)
    mesh = init_device_mesh(placement.device.type, shape, mesh_dim_names=("groups", "context"))
    group = mesh.get_group("context")
    context = Context(group, dist.get_rank(group), ranks.context)
    whole = transformer.forward

    def forward(_: Denoiser, pack: Pack, text: TextPack) -> Tensor:
        begin, end = context.cut(pack.lengths)
        part, prompts = cut_pack(pack, text, begin, end)
        out: Tensor = _Gather.apply(whole(part, prompts), context)  # type: ignore[no-untyped-call]  # torch's
        return out

    def attend(attention: SelfAttention, x: Tensor, angles: Angles, runs: Any) -> Tensor:  # noqa: ARG001
        return _attend_together(attention, x, angles, context)

    # mypy allows no method to be replaced: the same weights compute a part of the sequence
    transformer.forward = MethodType(forward, transformer)  # type: ignore[method-assign]
    for attention in attentions:
        # as above
        attention.forward = MethodType(attend, attention)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in (transformer, *attentions):
            del module.forward


def cut_pack(pack: Pack, text: TextPack, begin: int, end: int) -> tuple[Pack, TextPack]:
    """Tokens ``begin`` to ``end`` of a pack, as pieces of the videos that they belong to, with these videos' texts."""
    starts = list(accumulate(pack.lengths, initial=0))
    pieces = [min(stop, end) - max(start, begin) for start, stop in pairwise(starts)]
    chosen = [index for index, length in enumerate(pieces) if length > 0]
    first, last = chosen[0], chosen[-1] + 1
    lengths = tuple(pieces[first:last])
    words = list(accumulate(text.lengths, initial=0))
    part = replace(
        pack,
        tokens=pack.tokens[begin:end],
        positions=pack.positions[begin:end],
        noise=pack.noise[begin:end],
        lengths=lengths,
        grids=tuple(TokenGrid(1, 1, length) for length in lengths),
        control=None if pack.control is None else pack.control[begin:end],
    )
    prompts = replace(
        text,
        tokens=text.tokens[words[first] : words[last]],
        lengths=text.lengths[first:last],
        pads=text.pads[first:last],
        image=None if text.image is None else text.image[first:last],
    )
    return part, prompts


def _attend_together(attention: SelfAttention, x: Tensor, angles: Angles, context: Context) -> Tensor:
    """Self-attention of this process's tokens (n, D) to all tokens of their videos."""
    count, sizes, own = context.count, list(context.sizes), context.sizes[context.rank]
    query, key, value = attention.project(x, angles)  # n heads width
    parts = torch.stack((query, key, value), dim=1).unflatten(2, (count, -1))  # n 3 count heads/count width
    sent = parts.permute(2, 0, 1, 3, 4).flatten(0, 1).contiguous()  # by the process that the heads are for
    received = all_to_all_single_autograd(sent, sizes, [own] * count, context.group)  # N 3 heads/count width
    query, key, value = received.unbind(1)
    attended = attend_runs(query, key, value, context.runs)  # N D/count
    returned = all_to_all_single_autograd(attended.contiguous(), [own] * count, sizes, context.group)
    out: Tensor = attention.to_out[0](returned.unflatten(0, (count, own)).transpose(0, 1).flatten(1))
    return out


class _Gather(torch.autograd.Function):
    """All tokens' outputs from those of each process.

    Every process computes the same loss of them, so the gradient of its own tokens is in its hands. It is scaled by the
    number of processes, because gradients of weights, which are sums over tokens, will be averaged over processes.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, context: Context) -> Tensor:
        ctx.count = context.count
        ctx.begin = sum(context.sizes[: context.rank])
        ctx.end = ctx.begin + context.sizes[context.rank]
        longest = max(context.sizes)
        padded = torch.nn.functional.pad(own, (0, 0, 0, longest - own.shape[0])).contiguous()  # gloo wants equal sizes
        found = [torch.empty_like(padded) for _ in range(context.count)]
        dist.all_gather(found, padded, group=context.group)
        return torch.cat([part[:size] for part, size in zip(found, context.sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0][ctx.begin : ctx.end] * ctx.count, None

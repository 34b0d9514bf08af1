"""Attention over packs: each video attends only to itself and to its own prompt.

Neighbouring videos of equal length are batched into one call; if all lengths are equal, nothing is copied. Parameter
names are those of diffusers' ``WanAttention``. Knows nothing of noise levels or layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from langit.transformer.linear import Linear, linear
from langit.transformer.long_attention import FEWEST, long_attention, takes_many, uses_long_attention
from langit.transformer.low_rank import LowRank, change_of

Angles = tuple[Float[Tensor, "N half"], Float[Tensor, "N half"]]


@dataclass(frozen=True)
class TextContext:
    """What cross-attention reads: embedded prompts, one per row, and embedded pictures where the model takes them.

    mask: false, or -inf, at padding; finite numbers are added to the scores. None if there is no padding.
    kept: keys and values by layer, where they are kept for the next forward pass; see :class:`KeptText`.
    """

    tokens: Float[Tensor, "B S D"]
    mask: Tensor | None = None  # B S
    image: Float[Tensor, "B I D"] | None = None
    kept: dict[tuple[int, str], tuple[Tensor, Tensor]] | None = None


def equal_runs(lengths: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Group neighbours of equal length into runs of (count, length)."""
    return tuple((len(list(run)), length) for length, run in groupby(lengths))


def halves_first(rows: Float[Tensor, "D ..."], heads: int) -> Float[Tensor, "D ..."]:
    """Reorder a projection's outputs: in each head, the first members of all rotary pairs, then the second members.

    Wan's weights rotate the pairs (0, 1), (2, 3) ... Inner products of queries and keys do not depend on the order of
    channels, so both may be permuted alike; rotating contiguous halves is several times faster.
    """
    pairs: Tensor = rows.unflatten(0, (heads, -1, 2))
    return pairs.transpose(1, 2).flatten(0, 2)


def rotate(x: Float[Tensor, "N heads width"], angles: Angles) -> Float[Tensor, "N heads width"]:
    """Rotate each head's pairs, ordered by :func:`halves_first`, by the token's angles (RoFormer, eq. 15)."""
    cos, sin = (part[:, None, :] for part in angles)  # N 1 width/2
    first, second = x.chunk(2, dim=-1)
    rotated = torch.addcmul(first * cos, second, sin, value=-1), torch.addcmul(first * sin, second, cos)
    return torch.cat(rotated, dim=-1).to(x.dtype)


def rotate_pairs(x: Float[Tensor, "N heads width"], angles: Angles) -> Float[Tensor, "N heads width"]:
    """Rotate the pairs (0, 1), (2, 3) ... of each head, in Wan's own order of channels: as complex numbers."""
    cos, sin = (part.float()[:, None] for part in angles)  # N 1 width/2
    pairs = x.float().unflatten(-1, (-1, 2))
    if torch.compiler.is_compiling():  # which has no kernels for complex numbers
        first, second = pairs.unbind(-1)
        return torch.stack((first * cos - second * sin, first * sin + second * cos), -1).flatten(-2).to(x.dtype)
    return torch.view_as_real(torch.view_as_complex(pairs) * torch.complex(cos, sin)).flatten(-2).to(x.dtype)


class Attention(nn.Module):
    """Multi-head attention with RMS-normalised queries and keys; the norm is taken across all heads."""

    half_products = False
    """Whether attention of many tokens on a CPU may multiply in bf16."""

    def __init__(self, width: int, heads: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = Linear(width, width)
        self.to_k = Linear(width, width)
        self.to_v = Linear(width, width)
        self.to_out = nn.ModuleList([Linear(width, width)])
        self.norm_q = nn.RMSNorm(width, eps=eps)
        self.norm_k = nn.RMSNorm(width, eps=eps)

    def split(self, x: Tensor) -> Tensor:
        """Cut the last axis into heads."""
        return x.view(*x.shape[:-1], self.heads, x.shape[-1] // self.heads)


class SelfAttention(Attention):
    """Each video of a pack attends to itself."""

    def forward(
        self, x: Float[Tensor, "N D"], angles: Angles, runs: tuple[tuple[int, int], ...]
    ) -> Float[Tensor, "N D"]:
        apart = takes_many(x, x.shape[0]) and not torch.compiler.is_compiling()
        query, key, value = self.project_apart(x, angles) if apart else self.project(x, angles)
        out: Tensor = self.to_out[0](attend_runs(query, key, value, runs, self.half_products))
        return out

    def project_apart(self, x: Float[Tensor, "N D"], angles: Angles) -> tuple[Tensor, Tensor, Tensor]:
        """The same for many tokens, without joining weights: three products, and pairs rotated as complex numbers."""
        return self.rotate_apart(self.norm_q(self.to_q(x)), self.norm_k(self.to_k(x)), self.to_v(x), angles)

    def rotate_apart(self, query: Tensor, key: Tensor, value: Tensor, angles: Angles) -> tuple[Tensor, Tensor, Tensor]:
        """Cut normalised projections into heads, and rotate queries and keys."""
        query, key = (rotate_pairs(self.split(each), angles) for each in (query, key))
        return query, key, self.split(value)

    def project(self, x: Float[Tensor, "N D"], angles: Angles) -> tuple[Tensor, Tensor, Tensor]:
        """Compute queries, keys and values in one product; normalise and rotate queries and keys together."""
        heads = self.heads
        scale = torch.stack([halves_first(layer.weight, heads) for layer in (self.norm_q, self.norm_k)])  # 2 D
        pair, value = self.product(x).split((2 * x.shape[-1], x.shape[-1]), dim=-1)
        pair = F.rms_norm(pair.unflatten(-1, (2, -1)), (x.shape[-1],), eps=self.norm_q.eps) * scale  # N 2 D
        query, key = rotate(pair.view(x.shape[0], 2 * heads, -1), angles).chunk(2, dim=1)
        return query, key, self.split(value)

    def joined_weights(self) -> tuple[Float[Tensor, "O D"], Float[Tensor, " O"]]:
        """Weight and bias of all three projections (O = 3 D), with queries' and keys' outputs in rotary order."""
        inputs = (self.to_q, self.to_k)
        weight = torch.cat([*(halves_first(layer.weight, self.heads) for layer in inputs), self.to_v.weight])
        return weight, torch.cat([*(halves_first(layer.bias, self.heads) for layer in inputs), self.to_v.bias])

    def product(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N O"]:
        """Queries, keys and values, one beside the other."""
        return linear(x, *self.joined_weights(), self.joined_change())

    def joined_change(self) -> LowRank | None:
        """The changes of all three projections as one, if there are any: factors below one another, and blockwise."""
        changes = [change_of(layer) for layer in (self.to_q, self.to_k, self.to_v)]
        present = [change for change in changes if change is not None]
        if not present:
            return None
        none = present[0].up[:, :0]
        ups = [none if change is None else change.up for change in changes]
        ups = [*(halves_first(up, self.heads) for up in ups[:2]), ups[2]]
        return LowRank(torch.cat([change.down for change in present]), torch.block_diag(*ups))


class CrossAttention(Attention):
    """Each video of a pack attends to its own prompt, a row of ``text``, and in a second product to its pictures.

    With ``pictures``, the width of embedded pictures, keys and values of these have layers of their own.
    """

    def __init__(self, width: int, heads: int, eps: float, pictures: int | None = None) -> None:
        super().__init__(width, heads, eps)
        if pictures is not None:
            self.add_k_proj = Linear(pictures, width)
            self.add_v_proj = Linear(pictures, width)
            self.norm_added_k = nn.RMSNorm(width, eps=eps)

    def forward(
        self, x: Float[Tensor, "N D"], text: TextContext, runs: tuple[tuple[int, int], ...]
    ) -> Float[Tensor, "N D"]:
        query = self.split(self.norm_q(self.to_q(x)))  # N heads width
        attended = self._attend_runs(query, *self._kept(text, "words", self.read_words), text.mask, runs)
        if text.image is not None:
            attended = attended + self._attend_runs(
                query, *self._kept(text, "pictures", self.read_pictures), None, runs
            )
        out: Tensor = self.to_out[0](attended)
        return out

    def read_words(
        self, text: TextContext
    ) -> tuple[Float[Tensor, "B S heads width"], Float[Tensor, "B S heads width"]]:
        """Keys and values of the prompts."""
        return self.split(self.norm_k(self.to_k(text.tokens))), self.split(self.to_v(text.tokens))

    def read_pictures(
        self, text: TextContext
    ) -> tuple[Float[Tensor, "B I heads width"], Float[Tensor, "B I heads width"]]:
        """Keys and values of the pictures."""
        assert text.image is not None
        return self.split(self.norm_added_k(self.add_k_proj(text.image))), self.split(self.add_v_proj(text.image))

    def _kept(
        self, text: TextContext, what: str, read: Callable[[TextContext], tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """Keys and values from the last forward pass, if the caller keeps them."""
        if text.kept is None or torch.compiler.is_compiling():  # a graph cannot fill a dictionary of its caller's
            return read(text)
        key = id(self), what
        if key not in text.kept:
            text.kept[key] = read(text)
        return text.kept[key]

    def _attend_runs(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, runs: tuple[tuple[int, int], ...]
    ) -> Tensor:
        sizes, counts = [count * length for count, length in runs], [count for count, _ in runs]
        masks = mask.split(counts) if mask is not None else [None] * len(runs)
        return _join(
            [
                _attend(q.unflatten(0, run), k, v, part, self.half_products)
                for run, q, k, v, part in zip(
                    runs, query.split(sizes), key.split(counts), value.split(counts), masks, strict=True
                )
            ]
        )


def attend_runs(
    query: Float[Tensor, "N heads width"],
    key: Float[Tensor, "N heads width"],
    value: Float[Tensor, "N heads width"],
    runs: tuple[tuple[int, int], ...],
    half: bool = False,
) -> Float[Tensor, "N D"]:
    """Attention of each video of a pack to itself, neighbours of one length in one call."""
    sizes = [count * length for count, length in runs]
    pieces = [
        _attend(q.unflatten(0, run), k.unflatten(0, run), v.unflatten(0, run), None, half)
        for run, q, k, v in zip(runs, query.split(sizes), key.split(sizes), value.split(sizes), strict=True)
    ]
    return _join(pieces)


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, half: bool) -> Tensor:
    """Attention of one run of videos: (count, length, heads, width) -> (count * length, D)."""
    if uses_long_attention(query, key):
        return long_attention(query, key, value, mask, half).flatten(2).flatten(0, 1)
    mask = None if mask is None else mask[:, None, None, :]
    if _is_compiled_half(query):
        return _plain_attention(query, key, value, mask)
    out = F.scaled_dot_product_attention(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=mask
    )
    return out.transpose(1, 2).flatten(2).flatten(0, 1)


def _is_compiled_half(query: Tensor) -> bool:
    """Whether products and a softmax are faster than torch's kernel: compiled for a CPU, in bf16, few tokens.

    That kernel takes a fifth of a training step backwards. Scores are kept, so many tokens would take much memory.
    """
    here = torch.compiler.is_compiling() and query.device.type == "cpu"
    return here and query.dtype == torch.bfloat16 and query.shape[1] <= FEWEST


def _plain_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention as two products; scores are rounded to the queries' dtype, their softmax is in single precision."""
    query, key, value = (each.transpose(1, 2) for each in (query * query.shape[-1] ** -0.5, key, value))
    scores = (query @ key.mT).float()  # B heads N S
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    out = scores.softmax(-1).to(value.dtype) @ value
    return out.transpose(1, 2).flatten(2).flatten(0, 1)


def _join(pieces: list[Tensor]) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

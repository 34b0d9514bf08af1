"""UMT5's encoder (arXiv 2304.09151): T5's blocks (arXiv 1910.10683), a bias by relative position in every one of them.

Parameter names and numbers are those of transformers' ``UMT5EncoderModel``, so weights travel both ways, Wan's too. It
stands here because importing that class takes four seconds, more than all else that making a video loads
(docs/benchmarks.md).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

BUCKETS, FARTHEST = 32, 128  # of relative positions: half for either side; beyond the farthest all are alike
EPSILON = 1e-6
SLOPES = ((0.5, 4.0), (4.0, 0.5), (0.5, 0.5))  # by which scores begin to fall with each word back and ahead


def buckets(length: int, device: torch.device | None = None) -> Int[Tensor, "S S"]:
    """Which bucket the way from each query (rows) to each key (columns) falls into.

    Either side has ``BUCKETS / 2``: the nearer half of these are single positions, the others widen logarithmically
    up to ``FARTHEST`` (T5, section 2.1).
    """
    place = torch.arange(length, device=device)
    way = place[None] - place[:, None]
    side, near = BUCKETS // 2, BUCKETS // 4
    far = near + (torch.log(way.abs().clamp(min=1) / near) / math.log(FARTHEST / near) * (side - near)).long()
    return torch.where(way.abs() < near, way.abs(), far.clamp(max=side - 1)) + side * (way > 0)


def nearest_ways() -> Int[Tensor, " b"]:
    """For each bucket the shortest way in it, in words: below 0 back, above 0 ahead."""
    found = buckets(2 * FARTHEST)
    ways = torch.zeros(BUCKETS, dtype=torch.long)
    for way in range(1 - 2 * FARTHEST, 2 * FARTHEST):
        bucket = found[0, way] if way >= 0 else found[-way, 0]
        if way and (not ways[bucket] or abs(way) < ways[bucket].abs()):
            ways[bucket] = way
    return ways


class _Attention(nn.Module):
    def __init__(self, d_model: int, d_kv: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(d_model, heads * d_kv, bias=False) for _ in range(3))
        self.o = nn.Linear(heads * d_kv, d_model, bias=False)
        self.relative_attention_bias = nn.Embedding(BUCKETS, heads)
        self._draw_words()
        nn.init.normal_(self.relative_attention_bias.weight, std=d_model**-0.5)
        nn.init.normal_(self.v.weight, std=d_model**-0.5)
        nn.init.normal_(self.o.weight, std=(heads * d_kv) ** -0.5)

    def _draw_words(self) -> None:
        """Queries so small that what words are hardly decides who looks at whom, as T5 begins."""
        inner, d_model = self.q.weight.shape
        nn.init.normal_(self.q.weight, std=(d_model * inner / self.heads) ** -0.5)
        nn.init.normal_(self.k.weight, std=d_model**-0.5)

    @torch.no_grad()
    def draw_scores(self) -> None:
        """Draw what decides who looks at whom: hardly what words are, but where: at what is near.

        Heads look back, ahead and both ways in turn, with scores that fall with the distance (as in ALiBi, arXiv
        2108.12409). Where all begin by looking at everybody, no word knows its neighbours, and they learn it slowly.
        """
        self._draw_words()
        way = nearest_ways()
        for head in range(self.heads):
            back, ahead = SLOPES[head % len(SLOPES)]
            self.relative_attention_bias.weight[:, head] = torch.where(way > 0, -ahead * way, back * way)

    def forward(self, hidden: Float[Tensor, "B S d"], read: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        query, key, value = (
            layer(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v)
        )
        bias = self.relative_attention_bias(buckets(hidden.shape[1], hidden.device)).permute(2, 0, 1)  # (h, S, S)
        bias = bias.masked_fill(~read[:, None, None], -torch.inf)  # (B, h, S, S)
        out = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)  # T5 does not scale
        mixed: Tensor = self.o(out.transpose(1, 2).flatten(2))
        return mixed


class _SelfAttention(nn.Module):
    def __init__(self, d_model: int, d_kv: int, heads: int) -> None:
        super().__init__()
        self.SelfAttention = _Attention(d_model, d_kv, heads)
        self.layer_norm = nn.RMSNorm(d_model, EPSILON)

    def forward(self, hidden: Float[Tensor, "B S d"], read: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        out: Tensor = hidden + self.SelfAttention(self.layer_norm(hidden), read)
        return out


class _Gated(nn.Module):
    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.wi_0, self.wi_1 = (nn.Linear(d_model, d_ff, bias=False) for _ in range(2))
        self.wo = nn.Linear(d_ff, d_model, bias=False)
        for layer, width in ((self.wi_0, d_model), (self.wi_1, d_model), (self.wo, d_ff)):
            nn.init.normal_(layer.weight, std=width**-0.5)

    def forward(self, hidden: Float[Tensor, "B S d"]) -> Float[Tensor, "B S d"]:
        out: Tensor = self.wo(functional.gelu(self.wi_0(hidden), approximate="tanh") * self.wi_1(hidden))
        return out


class _FeedForward(nn.Module):
    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.DenseReluDense = _Gated(d_model, d_ff)
        self.layer_norm = nn.RMSNorm(d_model, EPSILON)

    def forward(self, hidden: Float[Tensor, "B S d"]) -> Float[Tensor, "B S d"]:
        out: Tensor = hidden + self.DenseReluDense(self.layer_norm(hidden))
        return out


class _Block(nn.Module):
    def __init__(self, d_model: int, d_kv: int, heads: int, d_ff: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList([_SelfAttention(d_model, d_kv, heads), _FeedForward(d_model, d_ff)])

    def forward(self, hidden: Float[Tensor, "B S d"], read: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        out: Tensor = self.layer[1](self.layer[0](hidden, read))
        return out


class _Stack(nn.Module):
    def __init__(self, words: nn.Embedding, blocks: list[_Block]) -> None:
        super().__init__()
        self.embed_tokens = words
        self.block = nn.ModuleList(blocks)
        self.final_layer_norm = nn.RMSNorm(words.embedding_dim, EPSILON)


class Umt5Encoder(nn.Module):
    """Ids in, one vector for each out; the words' embedding is stored under two names, as transformers has it."""

    def __init__(self, *, vocab_size: int, d_model: int, d_kv: int, num_heads: int, d_ff: int, num_layers: int) -> None:
        super().__init__()
        self.shared = nn.Embedding(vocab_size, d_model)  # drawn from N(0, 1)
        self.encoder = _Stack(self.shared, [_Block(d_model, d_kv, num_heads, d_ff) for _ in range(num_layers)])

    def draw_scores(self) -> None:
        """Forget who looks at whom, in every block; what words are and what is told of them stays."""
        for module in self.modules():
            if isinstance(module, _Attention):
                module.draw_scores()

    def forward(self, ids: Int[Tensor, "B S"], read: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        """The texts' hidden states. ``read`` is False at padding, which nobody attends to."""
        hidden: Tensor = self.shared(ids)
        for block in self.encoder.block:
            hidden = block(hidden, read)
        last: Tensor = self.encoder.final_layer_norm(hidden)
        return last


def transformers_config(sizes: dict[str, int]) -> dict[str, Any]:
    """``config.json`` for transformers; ``sizes`` are the arguments of :class:`Umt5Encoder`, its names too."""
    return {
        "architectures": ["UMT5EncoderModel"],
        "model_type": "umt5",
        "is_encoder_decoder": True,
        "feed_forward_proj": "gated-gelu",
        "dropout_rate": 0.0,
        "layer_norm_epsilon": EPSILON,
        "relative_attention_num_buckets": BUCKETS,
        "relative_attention_max_distance": FARTHEST,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
        "tie_word_embeddings": True,
        "use_cache": False,
        **sizes,
    }

"""UMT5's encoder (arXiv 2304.09151): T5's blocks (arXiv 1910.10683), each with its own relative position bias.

Results and parameter names are those of transformers' ``UMT5EncoderModel``, so weights can be exchanged, Wan's too.
Importing transformers' class takes four seconds, more than everything else that generating a video loads
(docs/benchmarks.md).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

BUCKETS, FARTHEST = 32, 128  # buckets of relative positions, half for each side; all beyond FARTHEST share one
EPSILON = 1e-6
SLOPES = ((0.5, 4.0), (4.0, 0.5), (0.5, 0.5))  # initial decrease of scores per word back and per word ahead, by head


def position_buckets(length: int, device: torch.device | None = None) -> Int[Tensor, "S S"]:
    """The bucket of the relative position from each query (rows) to each key (columns).

    Each side has ``BUCKETS / 2``: the nearer half of these are single positions, the others widen logarithmically up
    to ``FARTHEST`` (T5, section 2.1).
    """
    place = torch.arange(length, device=device)
    distance = place[None] - place[:, None]  # below 0: the key comes before the query
    side, near = BUCKETS // 2, BUCKETS // 4
    far = near + (torch.log(distance.abs().clamp(min=1) / near) / math.log(FARTHEST / near) * (side - near)).long()
    return torch.where(distance.abs() < near, distance.abs(), far.clamp(max=side - 1)) + side * (distance > 0)


def bucket_distances() -> Int[Tensor, " b"]:
    """The shortest distance in each bucket, in words: negative back, positive ahead. On the CPU."""
    buckets = position_buckets(2 * FARTHEST, torch.device("cpu"))
    shortest = torch.zeros(BUCKETS, dtype=torch.long, device="cpu")
    for distance in range(1 - 2 * FARTHEST, 2 * FARTHEST):
        bucket = buckets[0, distance] if distance >= 0 else buckets[-distance, 0]
        if distance and (not shortest[bucket] or abs(distance) < shortest[bucket].abs()):
            shortest[bucket] = distance
    return shortest


class _Attention(nn.Module):
    def __init__(self, d_model: int, d_kv: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(d_model, heads * d_kv, bias=False) for _ in range(3))
        self.o = nn.Linear(heads * d_kv, d_model, bias=False)
        self.relative_attention_bias = nn.Embedding(BUCKETS, heads)
        self._draw_queries_and_keys()
        nn.init.normal_(self.relative_attention_bias.weight, std=d_model**-0.5)
        nn.init.normal_(self.v.weight, std=d_model**-0.5)
        nn.init.normal_(self.o.weight, std=(heads * d_kv) ** -0.5)

    def _draw_queries_and_keys(self) -> None:
        """Initialise as T5 does: queries so small that content hardly affects the first attention weights."""
        inner, d_model = self.q.weight.shape
        nn.init.normal_(self.q.weight, std=(d_model * inner / self.heads) ** -0.5)
        nn.init.normal_(self.k.weight, std=d_model**-0.5)

    @torch.no_grad()
    def draw_scores(self) -> None:
        """Initialise attention scores so that words attend to near words, hardly depending on content.

        Heads attend back, ahead and both ways in turn, with scores that decrease with distance (as in ALiBi, arXiv
        2108.12409). From uniform attention, the order of words is learnt only slowly (docs/LOG.md).
        """
        self._draw_queries_and_keys()
        distance = bucket_distances().to(self.relative_attention_bias.weight.device)
        for head in range(self.heads):
            back, ahead = SLOPES[head % len(SLOPES)]
            self.relative_attention_bias.weight[:, head] = torch.where(distance > 0, -ahead * distance, back * distance)

    def forward(self, hidden: Float[Tensor, "B S d"], mask: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        query, key, value = (
            layer(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v)
        )
        bias = self.relative_attention_bias(position_buckets(hidden.shape[1], hidden.device)).permute(
            2, 0, 1
        )  # (h, S, S)
        bias = bias.masked_fill(~mask[:, None, None], -torch.inf)  # (B, h, S, S)
        out = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)  # T5 does not scale
        mixed: Tensor = self.o(out.transpose(1, 2).flatten(2))
        return mixed


class _SelfAttention(nn.Module):
    def __init__(self, d_model: int, d_kv: int, heads: int) -> None:
        super().__init__()
        self.SelfAttention = _Attention(d_model, d_kv, heads)
        self.layer_norm = nn.RMSNorm(d_model, EPSILON)

    def forward(self, hidden: Float[Tensor, "B S d"], mask: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        out: Tensor = hidden + self.SelfAttention(self.layer_norm(hidden), mask)
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

    def forward(self, hidden: Float[Tensor, "B S d"], mask: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        out: Tensor = self.layer[1](self.layer[0](hidden, mask))
        return out


class _Stack(nn.Module):
    def __init__(self, words: nn.Embedding, blocks: list[_Block]) -> None:
        super().__init__()
        self.embed_tokens = words
        self.block = nn.ModuleList(blocks)
        self.final_layer_norm = nn.RMSNorm(words.embedding_dim, EPSILON)


class Umt5Encoder(nn.Module):
    """Token ids to hidden states. The token embedding has two names in the state dict, as in transformers."""

    def __init__(self, *, vocab_size: int, d_model: int, d_kv: int, num_heads: int, d_ff: int, num_layers: int) -> None:
        super().__init__()
        self.shared = nn.Embedding(vocab_size, d_model)  # initialised from N(0, 1)
        self.encoder = _Stack(self.shared, [_Block(d_model, d_kv, num_heads, d_ff) for _ in range(num_layers)])

    def draw_scores(self) -> None:
        """Initialise the attention scores of every block again; embeddings, values and feed-forward layers stay."""
        for module in self.modules():
            if isinstance(module, _Attention):
                module.draw_scores()

    def forward(self, ids: Int[Tensor, "B S"], mask: Bool[Tensor, "B S"]) -> Float[Tensor, "B S d"]:
        """Hidden states of the texts. ``mask`` is false at padding, which no token attends to."""
        hidden: Tensor = self.shared(ids)
        for block in self.encoder.block:
            hidden = block(hidden, mask)
        last: Tensor = self.encoder.final_layer_norm(hidden)
        return last


def transformers_config(sizes: dict[str, int]) -> dict[str, Any]:
    """The content of transformers' ``config.json``. ``sizes`` are the arguments of :class:`Umt5Encoder`."""
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

"""Optimisers: Muon for the matrices inside blocks, AdamW for everything else; schedule; moving average.

Queries and keys whose products are neither scaled nor normalised have a rate of their own: Muon moves all of their
directions alike, at a rate made for matrices that a norm holds in check, until every score is in the hundreds and
attention looks at one token for good (docs/LOG.md; Kimi K2 clips them, arXiv 2507.20534).

Knows parameters by name and shape, not what they do. Convolution kernels are matrices to Muon (out x everything else),
through views that share their storage.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from langit import config as configs
from langit.transformer.linear import linear

Kind = Literal["matrix", "score", "other"]
"""A matrix inside a block; queries or keys that nothing holds in check; embeddings, norms, tables, the output."""

Each = Callable[[Callable[[Tensor], None], list[Tensor]], object]
"""Does some work on every one of a list of tensors, perhaps on several threads."""


def map_in_turn(work: Callable[[Tensor], None], tensors: list[Tensor]) -> None:
    """One after another."""
    for tensor in tensors:
        work(tensor)


@dataclass(frozen=True)
class OptimConfig:
    """Rates, and their shape over a run: warm up, hold, then fall linearly to ``final`` of the peak."""

    matrix_rate: float = 2e-3
    other_rate: float = 1.5e-3
    weight_decay: float = 0.01
    warmup: int = 50
    decay: int = 400  # the last steps, over which the rate falls
    final: float = 0.02
    clip: float = 1.0
    ema: float = 0.998
    score_rate: float = configs.added(0.0)  # AdamW's, of queries and keys that nothing holds in check; 0: as matrices

    def __post_init__(self) -> None:
        for name in ("matrix_rate", "other_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)} is not a number above 0: give one")
        for name in ("warmup", "decay", "weight_decay", "score_rate"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} {getattr(self, name)} is below 0: give 0 or more")
        if not 0 <= self.final <= 1:
            raise ValueError(f"final {self.final} is not a share of the peak rate: give 0 to 1")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema {self.ema} is not a decay: give 0 to below 1")


def rate_at(step: int, steps: int, config: OptimConfig) -> float:
    """The share of the peak rate at a step (0-based) of a run."""
    rising = min(1.0, (step + 1) / max(config.warmup, 1))
    left = max(steps - step, 0) / max(config.decay, 1)
    return rising * (config.final + (1 - config.final) * min(1.0, left))


class LaneMuon(torch.optim.Muon):
    """`torch.optim.Muon` in single precision, its matrices shared out over threads.

    The update rule is the parent's (Newton-Schulz, Nesterov momentum, the RMS match to AdamW). Its products are bf16,
    the slow type on a CPU without AMX; these are oneDNN's in fp32 (see `transformer.linear`).
    """

    def __init__(self, matrices: list[Tensor], weight_decay: float, each: Each) -> None:
        super().__init__(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self.each = each

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # returns no loss
        assert closure is None
        for group in self.param_groups:
            self.each(partial(self._move, group=group), group["params"])

    @torch.no_grad()
    def _move(self, matrix: Tensor, group: dict[str, Any]) -> None:
        if matrix.grad is None:
            return
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
        update = torch.lerp(matrix.grad, momentum, group["momentum"])
        turned = orthogonalised(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rate = group["lr"] * 0.2 * math.sqrt(max(matrix.shape))
        matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(turned, alpha=-rate)


def orthogonalised(
    matrix: Float[Tensor, "r c"], coefficients: tuple[float, float, float], steps: int, eps: float
) -> Float[Tensor, "r c"]:
    """Newton-Schulz iteration towards the nearest semi-orthogonal matrix (Muon, kellerjordan.github.io/posts/muon)."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T.contiguous() if tall else matrix
    x = x / x.norm().clamp(min=eps)
    rows, columns = x.new_zeros(x.shape[0]), x.new_zeros(x.shape[1])  # no bias
    for _ in range(steps):
        gram = linear(x, x, rows)  # x x^T, symmetric
        polynomial = b * gram + c * linear(gram, gram, rows)
        x = a * x + linear(polynomial, x.T.contiguous(), columns)
    out: Tensor = x.T if tall else x
    return out


class Optimisers:
    """Muon and AdamW over one set of named parameters, stepped together, saved by name."""

    def __init__(
        self,
        named: dict[str, nn.Parameter],
        kind_of: Callable[[str, nn.Parameter], Kind],
        config: OptimConfig,
        each: Each = map_in_turn,
    ) -> None:
        self.config = config
        self.named = named
        kinds = {name: kind_of(name, p) for name, p in named.items()}
        if not config.score_rate:
            kinds = {name: "matrix" if kind == "score" else kind for name, kind in kinds.items()}
        self.views = {name: p.detach().view(p.shape[0], -1) for name, p in named.items() if kinds[name] == "matrix"}
        self.parts: list[tuple[torch.optim.Optimizer, dict[str, Any], float]] = []
        if self.views:
            muon = LaneMuon(list(self.views.values()), config.weight_decay, each)
            self.parts.append((muon, dict(self.views), config.matrix_rate))
        for kind, rate in (("other", config.other_rate), ("score", config.score_rate)):
            some: dict[str, Any] = {name: p for name, p in named.items() if kinds[name] == kind}
            if some:
                adam = torch.optim.AdamW(list(some.values()), betas=(0.9, 0.98), weight_decay=0.0, foreach=True)
                self.parts.append((adam, some, rate))

    def step(self, step: int, steps: int) -> float:
        """Clip, update, clear. Returns the gradient's norm before clipping."""
        gradients = [p.grad for p in self.named.values() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        torch.nn.utils.clip_grads_with_norm_(list(self.named.values()), self.config.clip, norm)
        for name, view in self.views.items():
            gradient = self.named[name].grad
            view.grad = None if gradient is None else gradient.view(view.shape)
        share = rate_at(step, steps, self.config)
        for optimiser, _, peak in self.parts:
            for group in optimiser.param_groups:
                group["lr"] = peak * share
            optimiser.step()
        for parameter in self.named.values():
            parameter.grad = None
        return float(norm)

    def state(self) -> dict[str, Tensor]:
        """Every state tensor as ``parameter name:key``."""
        return {
            f"{name}:{key}": value
            for optimiser, parameters, _ in self.parts
            for name, parameter in parameters.items()
            for key, value in optimiser.state[parameter].items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of :meth:`state`."""
        for optimiser, parameters, _ in self.parts:
            for name, parameter in parameters.items():
                prefix = name + ":"
                found = {key[len(prefix) :]: value.clone() for key, value in state.items() if key.startswith(prefix)}
                if found:
                    optimiser.state[parameter] = found


@torch.no_grad()
def average(ema: dict[str, Tensor], named: dict[str, nn.Parameter], decay: float, step: int) -> None:
    """Move the averaged weights towards the current ones; early steps average over what there has been so far."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(ema.values()), [named[name].detach() for name in ema], weight)

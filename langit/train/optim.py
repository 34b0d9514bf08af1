"""Optimisers: Muon for the matrices inside blocks, AdamW for everything else; schedule; moving average.

Queries and keys whose products are neither scaled nor normalised have a rate of their own. Muon moves all directions of
a matrix alike, at a rate made for matrices that a norm keeps in range; their attention scores grow into the hundreds
until every word looks at one other word and learns no more (docs/LOG.md; Kimi K2 clips them, arXiv 2507.20534).

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

ParameterKind = Literal["matrix", "score", "other"]
"""A matrix inside a block; queries or keys that no norm keeps in range; embeddings, norms, tables, the output."""

MapTensors = Callable[[Callable[[Tensor], None], list[Tensor]], object]
"""Does some work on every one of a list of tensors, perhaps on several threads."""


def map_sequentially(work: Callable[[Tensor], None], tensors: list[Tensor]) -> None:
    """One after another."""
    for tensor in tensors:
        work(tensor)


@dataclass(frozen=True)
class OptimConfig:
    """Learning rates, and their shape over a run: warm up, hold, then fall linearly to ``final`` of the peak."""

    matrix_rate: float = 2e-3
    other_rate: float = 1.5e-3
    weight_decay: float = 0.01
    warmup: int = 50
    decay: int = 400  # the last steps, over which the rate falls
    final: float = 0.02
    clip: float = 1.0  # of the gradient's norm
    ema: float = 0.998
    score_rate: float = configs.added_field(0.0)  # AdamW's, of queries and keys without a norm; 0: as matrices

    def __post_init__(self) -> None:
        for name in ("matrix_rate", "other_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)} is not supported: use a number above 0")
        for name in ("warmup", "decay", "weight_decay", "score_rate"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} {getattr(self, name)} is below 0: use 0 or more")
        if not 0 <= self.final <= 1:
            raise ValueError(f"final {self.final} is not a share of the peak rate: use 0 to 1")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema {self.ema} is not a decay: use 0 to below 1")


def rate_at(step: int, steps: int, config: OptimConfig) -> float:
    """The share of the peak rate at a step (0-based) of a run."""
    rising = min(1.0, (step + 1) / max(config.warmup, 1))
    left = max(steps - step, 0) / max(config.decay, 1)
    return rising * (config.final + (1 - config.final) * min(1.0, left))


class ThreadedMuon(torch.optim.Muon):
    """`torch.optim.Muon` in single precision, its matrices shared out over threads.

    The update rule is the parent's (Newton-Schulz, Nesterov momentum, the RMS match to AdamW). The parent's products
    are bf16, the slow type on a CPU without AMX; these are oneDNN's in fp32 (see `transformer.linear`).
    """

    def __init__(self, matrices: list[Tensor], weight_decay: float, map_tensors: MapTensors) -> None:
        super().__init__(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self.map_tensors = map_tensors

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # returns no loss
        assert closure is None
        for group in self.param_groups:
            self.map_tensors(partial(self._update, group=group), group["params"])

    @torch.no_grad()
    def _update(self, matrix: Tensor, group: dict[str, Any]) -> None:
        if matrix.grad is None:
            return
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
        update = torch.lerp(matrix.grad, momentum, group["momentum"])  # Nesterov
        direction = orthogonalize(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        # 0.2 sqrt(max(r, c)) gives the update the RMS of an AdamW step (Moonlight, arXiv 2502.16982).
        rate = group["lr"] * 0.2 * math.sqrt(max(matrix.shape))
        matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-rate)


def orthogonalize(
    matrix: Float[Tensor, "r c"], coefficients: tuple[float, float, float], steps: int, eps: float
) -> Float[Tensor, "r c"]:
    """Newton-Schulz iteration towards the nearest semi-orthogonal matrix (Muon, kellerjordan.github.io/posts/muon)."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T.contiguous() if tall else matrix  # the Gram matrix of the shorter side is the smaller product
    x = x / x.norm().clamp(min=eps)
    zero_rows, zero_columns = x.new_zeros(x.shape[0]), x.new_zeros(x.shape[1])  # `linear` wants a bias
    for _ in range(steps):
        gram = linear(x, x, zero_rows)  # x x^T, symmetric
        polynomial = b * gram + c * linear(gram, gram, zero_rows)
        x = a * x + linear(polynomial, x.T.contiguous(), zero_columns)
    out: Tensor = x.T if tall else x
    return out


class Optimisers:
    """Muon and AdamW over one set of named parameters, stepped together, saved by name."""

    def __init__(
        self,
        named: dict[str, nn.Parameter],
        parameter_kind: Callable[[str, nn.Parameter], ParameterKind],
        config: OptimConfig,
        map_tensors: MapTensors = map_sequentially,
    ) -> None:
        self.config = config
        self.named = named
        kinds = {name: parameter_kind(name, p) for name, p in named.items()}
        if not config.score_rate:
            kinds = {name: "matrix" if kind == "score" else kind for name, kind in kinds.items()}
        self.views = {name: p.detach().view(p.shape[0], -1) for name, p in named.items() if kinds[name] == "matrix"}
        self.parts: list[tuple[torch.optim.Optimizer, dict[str, Any], float]] = []
        if self.views:
            muon = ThreadedMuon(list(self.views.values()), config.weight_decay, map_tensors)
            self.parts.append((muon, dict(self.views), config.matrix_rate))
        for kind, rate in (("other", config.other_rate), ("score", config.score_rate)):
            chosen: dict[str, Any] = {name: p for name, p in named.items() if kinds[name] == kind}
            if chosen:
                adam = torch.optim.AdamW(list(chosen.values()), betas=(0.9, 0.98), weight_decay=0.0, foreach=True)
                self.parts.append((adam, chosen, rate))

    def clip_gradients(self) -> float:
        """Scale all gradients to a norm of at most ``config.clip``. Returns the norm before."""
        gradients = [p.grad for p in self.named.values() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        torch.nn.utils.clip_grads_with_norm_(list(self.named.values()), self.config.clip, norm)
        return float(norm)

    def step(self, step: int, steps: int) -> None:
        """Update the parameters by their gradients and clear these.

        Args:
            step: 0-based.
            steps: of the whole run, which the schedule depends on.
        """
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

    def state(self) -> dict[str, Tensor]:
        """Every state tensor as ``parameter name:key``."""
        return {
            f"{name}:{key}": value
            for optimiser, parameters, _ in self.parts
            for name, parameter in parameters.items()
            for key, value in optimiser.state[parameter].items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Set the state to what :meth:`state` gave; each tensor goes to its parameter's device."""
        for optimiser, parameters, _ in self.parts:
            for name, parameter in parameters.items():
                prefix = name + ":"
                own = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
                if own:
                    # AdamW counts its steps in a tensor that torch keeps on the CPU, whatever the parameter's device.
                    optimiser.state[parameter] = {
                        key: value.clone() if key == "step" else value.to(parameter.device, copy=True)
                        for key, value in own.items()
                    }


@torch.no_grad()
def update_ema(ema: dict[str, Tensor], named: dict[str, nn.Parameter], decay: float, step: int) -> None:
    """Move the averaged weights towards the current ones; early steps average over what there has been so far."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(ema.values()), [named[name].detach() for name in ema], weight)

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
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from langit import config as configs
from langit.train.exchange import Exchange, own_part
from langit.train.muon import MapTensors, SharedMuon, map_sequentially
from langit.train.narrow_adam import NarrowAdamW

ParameterKind = Literal["matrix", "score", "other"]
"""A matrix inside a block; queries or keys that no norm keeps in range; embeddings, norms, tables, the output."""


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
    bits: int = configs.added_field(32)  # of each of AdamW's moments: 32 or 8

    def __post_init__(self) -> None:
        for name in ("matrix_rate", "other_rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)} is not supported: use a number above 0")
        for name in ("warmup", "decay", "weight_decay", "score_rate"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} {getattr(self, name)} is below 0: use 0 or more")
        if self.bits not in (8, 32):
            raise ValueError(f"bits {self.bits} of the optimiser's moments: use 8 or 32")
        if not 0 <= self.final <= 1:
            raise ValueError(f"final {self.final} is not a share of the peak rate: use 0 to 1")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema {self.ema} is not a decay: use 0 to below 1")


def rate_at(step: int, steps: int, config: OptimConfig) -> float:
    """The share of the peak rate at a step (0-based) of a run."""
    rising = min(1.0, (step + 1) / max(config.warmup, 1))
    left = max(steps - step, 0) / max(config.decay, 1)
    return rising * (config.final + (1 - config.final) * min(1.0, left))


class Optimisers:
    """Muon and AdamW over one set of named parameters, stepped together, saved by name."""

    def __init__(
        self,
        named: dict[str, nn.Parameter],
        parameter_kind: Callable[[str, nn.Parameter], ParameterKind],
        config: OptimConfig,
        map_tensors: MapTensors = map_sequentially,
        exchange: Exchange | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config = config
        self.named = named
        kinds = {name: parameter_kind(name, p) for name, p in named.items()}
        if not config.score_rate:
            kinds = {name: "matrix" if kind == "score" else kind for name, kind in kinds.items()}
        self.views = {name: _as_matrix(p.detach()) for name, p in named.items() if kinds[name] == "matrix"}
        self.parts: list[tuple[torch.optim.Optimizer, dict[str, Any], float]] = []
        if self.views:
            muon = SharedMuon(list(self.views.values()), config.weight_decay, map_tensors, exchange, dtype)
            self.parts.append((muon, dict(self.views), config.matrix_rate))
        for kind, rate in (("other", config.other_rate), ("score", config.score_rate)):
            chosen: dict[str, Any] = {name: p for name, p in named.items() if kinds[name] == kind}
            if chosen:
                adam: torch.optim.Optimizer
                if config.bits == 8:
                    adam = NarrowAdamW(list(chosen.values()), betas=(0.9, 0.98))
                else:
                    adam = torch.optim.AdamW(list(chosen.values()), betas=(0.9, 0.98), weight_decay=0.0, foreach=True)
                for parameter in chosen.values():
                    narrow = isinstance(adam, NarrowAdamW)
                    adam.state[parameter] = (NarrowAdamW.blank_state if narrow else _blank_state)(parameter)
                self.parts.append((adam, chosen, rate))

    def clip_gradients(self) -> float:
        """Scale all gradients to a norm of at most ``config.clip``. Returns the norm before."""
        gradients = [p.grad for p in self.named.values() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if isinstance(norm, DTensor):
            norm = norm.full_tensor()
        torch.nn.utils.clip_grads_with_norm_(list(self.named.values()), self.config.clip, norm)
        return float(norm)

    def step(self, step: int, steps: int, share: float | None = None) -> None:
        """Update the parameters by their gradients and clear these.

        Args:
            step: 0-based.
            steps: of the whole run, which the schedule depends on.
            share: of the peak rates, where it follows from a clock rather than from the steps.
        """
        for name, view in self.views.items():
            gradient = self.named[name].grad
            view.grad = None if gradient is None else _as_matrix(gradient)
        share = rate_at(step, steps, self.config) if share is None else share
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
    averages = [own_part(average) for average in ema.values()]
    torch._foreach_lerp_(averages, [own_part(named[name].detach()) for name in ema], weight)


def _blank_state(parameter: Tensor) -> dict[str, Tensor]:
    """AdamW's state before the first step, which torch would make in the first step.

    By then it would lie among the activations' freed memory, which the next step would no longer find whole: a CPU's
    allocator would grow by as much.
    """
    moments = {name: torch.zeros_like(parameter.detach()) for name in ("exp_avg", "exp_avg_sq")}
    return {"step": torch.zeros((), dtype=torch.float32), **moments}


def _as_matrix(tensor: Tensor) -> Tensor:
    """A view with two axes; tensors that are cut over processes have two."""
    return tensor if tensor.ndim == 2 else tensor.view(tensor.shape[0], -1)

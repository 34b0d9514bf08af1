"""AdamW whose two moments are kept in 8 bits: 2 bytes for each weight instead of 8.

After 8-bit optimizers (arXiv 2110.02861): each moment is quantized in blocks of 256 values, each with a scale of its
own, after every step; updates are computed in single precision. The first moment is linear in 127 steps each way. The
second is kept as its square root, which needs half of the range, rounded up so that no step becomes large because a
moment became zero. Small tensors keep single precision. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor

BLOCK: Final = 256
"""Values that share a scale."""
FEWEST: Final = 4096
"""Values of a tensor from which its moments are narrow; what smaller ones would save is nothing."""


def to_signed(values: Float[Tensor, "n block"]) -> tuple[Int8[Tensor, "n block"], Float[Tensor, "n 1"]]:
    """Whole numbers from -127 to 127, and the scale of each block."""
    scale = values.abs().amax(1, keepdim=True) / 127
    return (values / scale.clamp(min=1e-38)).round().to(torch.int8), scale


def to_unsigned(values: Float[Tensor, "n block"]) -> tuple[UInt8[Tensor, "n block"], Float[Tensor, "n 1"]]:
    """Values from 0 as whole numbers from 0 to 255, rounded up, and the scale of each block."""
    scale = values.amax(1, keepdim=True) / 255
    return (values / scale.clamp(min=1e-38)).ceil().clamp(max=255).to(torch.uint8), scale


def in_blocks(values: Tensor) -> Float[Tensor, "n block"]:
    """A tensor as rows of ``BLOCK`` values, the last one filled with zeros."""
    flat = values.detach().flatten()
    rest = -len(flat) % BLOCK
    return torch.cat([flat, flat.new_zeros(rest)]).view(-1, BLOCK) if rest else flat.view(-1, BLOCK)


class NarrowAdamW(torch.optim.Optimizer):
    """AdamW with 8-bit moments.

    Args:
        params: to train.
        lr: the rate.
        betas: decay of both moments.
        eps: is added to the second moment's root.
        weight_decay: decoupled from the gradient.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.98),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @staticmethod
    def blank_state(parameter: Tensor) -> dict[str, Tensor]:
        """The state of a parameter before its first step."""
        state = {"step": torch.zeros((), device="cpu")}
        blank = torch.zeros_like(parameter.detach(), dtype=torch.float32)
        if parameter.numel() < FEWEST:
            return state | {"mean": blank, "root": blank.clone()}
        (mean, mean_scale), (root, root_scale) = to_signed(in_blocks(blank)), to_unsigned(in_blocks(blank))
        return state | {"mean": mean, "mean_scale": mean_scale, "root": root, "root_scale": root_scale}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # returns no loss
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, (decay, decay_2) = self.state[parameter], group["betas"]
        if not state:
            state.update(self.blank_state(parameter))
        state["step"] += 1
        count = float(state["step"])
        narrow = parameter.numel() >= FEWEST
        rows = in_blocks(gradient.float()) if narrow else gradient.float()
        mean, root = self._moments(state)
        mean.lerp_(rows, 1 - decay)
        square = root.square_().lerp_(rows.square(), 1 - decay_2)
        root = square.sqrt()
        if narrow:
            state["mean"], state["mean_scale"] = to_signed(mean)
            state["root"], state["root_scale"] = to_unsigned(root)
            # The step is that of the moments before they are rounded.
        else:
            state["mean"], state["root"] = mean.clone(), root.clone()
        change = (mean / (1 - decay**count)) / (root / (1 - decay_2**count) ** 0.5 + group["eps"])
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        flat = change.flatten()[: parameter.numel()].view_as(parameter)
        parameter.add_(flat.to(parameter.dtype), alpha=-group["lr"])

    @staticmethod
    def _moments(state: dict[str, Any]) -> tuple[Tensor, Tensor]:
        if "mean_scale" not in state:
            return state["mean"].clone(), state["root"].clone()
        return state["mean"].float() * state["mean_scale"], state["root"].float() * state["root_scale"]

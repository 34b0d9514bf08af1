"""Muon: every update of a matrix is made nearly orthogonal first, by a Newton-Schulz iteration over the whole matrix.

Matrices are shared out over the processes of a run (`train.exchange`): each orthogonalises some, and all get the
results. Knows parameters by shape, not what they do.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from langit.train.exchange import Exchange, own_part
from langit.transformer.linear import linear

MapTensors = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
"""Does some work on every one of a list, perhaps on several threads; results in order."""
BATCH: Final = 1 << 28
"""Values of the matrices that are iterated over at once on a device other than a CPU."""


def map_sequentially(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """One after another."""
    return [work(item) for item in items]


class SharedMuon(torch.optim.Muon):
    """`torch.optim.Muon` whose matrices are shared out over processes, and over threads on a CPU.

    The update rule is the parent's (Newton-Schulz, Nesterov momentum, the RMS match to AdamW). The parent's products
    are bf16, one matrix at a time. Here they are in ``dtype``: batches of equal shapes, or on a CPU in fp32 oneDNN's
    products, one matrix after another on threads (see `transformer.linear`).
    """

    def __init__(
        self,
        matrices: list[Tensor],
        weight_decay: float,
        map_tensors: MapTensors,
        exchange: Exchange | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self.map_tensors, self.exchange, self.dtype = map_tensors, exchange, dtype
        for matrix in matrices:
            self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # returns no loss
        assert closure is None
        for group in self.param_groups:
            matrices = [matrix for matrix in group["params"] if matrix.grad is not None]
            settings = group["ns_coefficients"], group["ns_steps"], group["eps"]
            if self.exchange is None and _on_threads(matrices, self.dtype):
                # One after another: only as many updates are in memory as there are threads.
                self.map_tensors(partial(self._update, group=group, settings=settings), matrices)
                continue
            updates = [self._momentum(matrix, group) for matrix in matrices]
            work = partial(orthogonalize_all, settings=settings, map_tensors=self.map_tensors, dtype=self.dtype)
            directions = work(updates) if self.exchange is None else self.exchange.share_out(matrices, updates, work)
            for matrix, direction in zip(matrices, directions, strict=True):
                self._move(matrix, direction, group)

    def _update(self, matrix: Tensor, group: dict[str, Any], settings: Any) -> None:
        self._move(matrix, orthogonalize(self._momentum(matrix, group), *settings), group)

    def _momentum(self, matrix: Tensor, group: dict[str, Any]) -> Tensor:
        """This process's part of the update: the gradient, averaged over steps, with Nesterov's look ahead."""
        assert matrix.grad is not None
        gradient = own_part(matrix.grad)
        momentum = own_part(self.state[matrix]["momentum_buffer"]).lerp_(gradient, 1 - group["momentum"])
        return torch.lerp(gradient, momentum, group["momentum"])

    @staticmethod
    def _move(matrix: Tensor, direction: Tensor, group: dict[str, Any]) -> None:
        # 0.2 sqrt(max(r, c)) gives the update the RMS of an AdamW step (Moonlight, arXiv 2502.16982).
        rate = group["lr"] * 0.2 * math.sqrt(max(matrix.shape))
        part = own_part(matrix).mul_(1 - group["lr"] * group["weight_decay"])
        part.add_(direction.to(part.dtype), alpha=-rate)


def _on_threads(matrices: Sequence[Tensor], dtype: torch.dtype) -> bool:
    return dtype == torch.float32 and all(matrix.device.type == "cpu" for matrix in matrices)


def orthogonalize_all(
    matrices: Sequence[Tensor], settings: Any, map_tensors: MapTensors, dtype: torch.dtype = torch.float32
) -> list[Tensor]:
    """:func:`orthogonalize` of every matrix: on threads on a CPU in fp32, otherwise in batches of equal shapes."""
    if _on_threads(matrices, dtype):
        return map_tensors(partial(_orthogonalize, settings=settings), matrices)
    coefficients, iterations, eps = settings
    shapes = defaultdict[tuple[int, ...], list[int]](list)
    for index, matrix in enumerate(matrices):
        shapes[tuple(matrix.shape)].append(index)
    found: dict[int, Tensor] = {}
    for shape, indices in shapes.items():
        most = max(1, BATCH // max(math.prod(shape), 1))
        for start in range(0, len(indices), most):
            chosen = indices[start : start + most]
            stack = torch.stack([matrices[index] for index in chosen])
            batch = orthogonalize_batch(stack, coefficients, iterations, eps, dtype)
            found.update(zip(chosen, batch.unbind(), strict=True))
    return [found[index] for index in range(len(matrices))]


def _orthogonalize(matrix: Tensor, settings: Any) -> Tensor:
    return orthogonalize(matrix, *settings)


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


def orthogonalize_batch(
    matrices: Float[Tensor, "B r c"],
    coefficients: tuple[float, float, float],
    steps: int,
    eps: float,
    dtype: torch.dtype = torch.bfloat16,
) -> Float[Tensor, "B r c"]:
    """:func:`orthogonalize` of several matrices of one shape: three launches an iteration, however many."""
    a, b, c = coefficients
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(dtype)
    # The norm in single precision: squares of small gradients vanish in bf16's sum.
    x = x / matrices.float().flatten(1).norm(dim=1).clamp(min=eps)[:, None, None].to(dtype)
    for _ in range(steps):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.mT if tall else x

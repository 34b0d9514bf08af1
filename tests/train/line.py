"""A task and a feed small enough to reason about: fit y = x W."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.train.microbatch import sharing_weights
from langit.train.optim import OptimConfig, ParameterKind
from langit.train.trainer import TrainConfig


class Line:
    """``nan_at`` is a step whose loss is not a number."""

    def __init__(self, nan_at: int | None = None) -> None:
        torch.manual_seed(5)
        self.net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
        self.previews: list[int] = []
        self.nan_at = nan_at

    def modules(self) -> dict[str, nn.Module]:
        return {"net": self.net}

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        return "matrix" if parameter.ndim == 2 else "other"

    def loss(self, batch: Batch[Tensor], step: int, generator: torch.Generator) -> Tensor:
        x = batch.items + 0.1 * torch.randn(batch.items.shape, generator=generator)
        loss = (self.net(x) - batch.items[:, :3]).square().mean()
        return loss * float("nan") if step == self.nan_at else loss

    def replica(self) -> Line:
        replica = Line(self.nan_at)
        replica.net = sharing_weights(self.net)
        return replica

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        self.previews.append(step)


class Numbers:
    def batch(self, step: int) -> Batch[Tensor]:
        items = torch.randn(4, 6, generator=torch.Generator().manual_seed(step))
        return Batch(clips=(f"{step:064x}", f"{step + 1:064x}"), tokens=24, items=items)


CONFIG = TrainConfig(steps=12, optim=OptimConfig(warmup=3, decay=4, ema=0.9), checkpoint_every=4, sample_every=6)
IDENTITY = "sha256:recipe"

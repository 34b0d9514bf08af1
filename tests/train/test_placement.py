"""Training on another device: every tensor of a step is there, draws are those of the CPU, and so are the results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from bundle.miniature import make_parts
from placement import pretend_device
from torch import Tensor

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.device import CPU, Placement
from langit.feed.batch import Batch
from langit.feed.loader import LatentItems
from langit.flow.levels import LevelsConfig
from langit.patches.known import KnownConfig
from langit.train import checkpoint
from langit.train.distil import DistilConfig, DistilTask
from langit.train.optim import OptimConfig
from langit.train.tasks import FlowConfig, FlowTask, ReconstructionConfig, ReconstructionTask
from langit.train.trainer import StepStats, TrainConfig, Trainer
from langit.transformer.adapter import Adapter

KNOWN = KnownConfig(none=1, first_frame=1, region=1, noise=0.1)
FLOW = FlowConfig(known=KNOWN, thing_after=0)
TRAINING = TrainConfig(steps=2, checkpoint_every=1, optim=OptimConfig(warmup=1, decay=0, score_rate=1e-4))


class LatentBatches:
    def batch(self, step: int) -> Batch[LatentItems]:
        source = torch.Generator().manual_seed(step)
        latents = [torch.randn(16, frames, 4, 6, generator=source) for frames in (3, 1)]
        shares = [torch.rand(6 * video.shape[1], generator=source) for video in latents]
        items = LatentItems(latents, ["a red ball", "a cube"], shares, [False, False])
        return Batch((f"{step:064x}",) * 2, sum(items.lengths), items)


class FrameBatches:
    def batch(self, step: int) -> Batch[Tensor]:
        source = torch.Generator().manual_seed(step)
        frames = torch.randint(0, 256, (2, 5, 16, 24, 3), generator=source, dtype=torch.uint8)
        return Batch((f"{step:064x}",) * 2, 24, frames)


def no_preview(_step: int, _folder: Path) -> None: ...


def flow(placement: Placement) -> tuple[FlowTask, LatentBatches]:
    parts = make_parts(0)
    return FlowTask(placement.put(parts.transformer), placement.put(parts.text), FLOW, no_preview), LatentBatches()


def distillation(placement: Placement) -> tuple[DistilTask, LatentBatches]:
    parts = make_parts(0)
    torch.manual_seed(0)
    adapter = Adapter.of_rank(parts.transformer, 2)
    modules = (placement.put(module) for module in (parts.transformer, parts.text, adapter))
    return DistilTask(*modules, DistilConfig(rank=2, substeps=1), FLOW, LevelsConfig(), no_preview), LatentBatches()


def reconstruction(placement: Placement) -> tuple[ReconstructionTask, FrameBatches]:
    torch.manual_seed(0)
    small = AutoencoderConfig(
        latent_channels=4, fine_width=8, coarse_width=8, encoder_blocks=(1, 1), decoder_blocks=(1, 1)
    )
    config = ReconstructionConfig(pyramid_weight=0.1)
    return ReconstructionTask(placement.put(Autoencoder(small)), config, no_preview), FrameBatches()


def train(make: Callable[[Placement], tuple], folder: Path, placement: Placement) -> tuple[list[float], Trainer]:
    task, feed = make(Placement(placement.device))  # weights stay in single precision
    trainer = Trainer(task, feed, TRAINING, folder, "sha256:recipe", placement)
    losses: list[float] = []

    def report(stats: StepStats) -> None:
        losses.append(stats.loss)

    trainer.fit(report)
    return losses, trainer


@pytest.mark.parametrize("make", [flow, distillation, reconstruction])
def test_a_step_runs_on_the_device_and_gives_what_the_cpu_gives(make, tmp_path: Path) -> None:
    expected, _ = train(make, tmp_path / "cpu", CPU)
    with pretend_device() as placement:
        losses, elsewhere = train(make, tmp_path / "elsewhere", placement)
        assert {value.device for value in elsewhere.ema.values()} == {placement.device}
    assert losses == pytest.approx(expected, rel=1e-5)
    saved = [checkpoint.load(folder / "step-00000002") for folder in (tmp_path / "cpu", tmp_path / "elsewhere")]
    for group in ("model", "ema", "optimiser"):
        first, second = (each.tensors[group] for each in saved)
        assert first.keys() == second.keys()
        assert all(torch.allclose(first[name], second[name], atol=1e-4) for name in first), group


@pytest.mark.parametrize("make", [flow, reconstruction])
def test_a_checkpoint_moves_between_devices(make, tmp_path: Path) -> None:
    _, trainer = train(make, tmp_path, CPU)
    with pretend_device() as placement:
        task, feed = make(placement)
        moved = Trainer(task, feed, TRAINING, tmp_path, "sha256:recipe", placement)
        assert moved.resume()
        for name, value in moved.named.items():
            assert value.device == placement.device
            assert torch.equal(value.detach().cpu(), trainer.named[name].detach()), name
        states = moved.optimisers.state()
        assert {name.split(":")[1] for name, value in states.items() if value.device.type == "cpu"} <= {"step"}


@pytest.mark.parametrize("make", [flow, distillation, reconstruction])
def test_bf16_computes_over_weights_in_single_precision(make, tmp_path: Path) -> None:
    expected, _ = train(make, tmp_path / "fp32", CPU)
    losses, trainer = train(make, tmp_path / "bf16", Placement(dtype=torch.bfloat16))
    assert losses != expected and losses == pytest.approx(expected, rel=0.1)
    assert {value.dtype for value in trainer.named.values()} == {torch.float32}


def test_fp16_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp16 is not supported.*use bf16 or fp32"):
        train(flow, tmp_path, Placement(dtype=torch.float16))

"""The loop: resumed runs equal uninterrupted ones to the bit, and a kill while saving loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from langit.feed.batch import Batch
from langit.train import checkpoint
from langit.train.checkpoint import Checkpoint
from langit.train.microbatch import MicroBatches, sharing_weights
from langit.train.optim import OptimConfig, Optimisers, ParameterKind, orthogonalize, rate_at
from langit.train.trainer import StepStats, TrainConfig, Trainer


class Line:
    """A task small enough to reason about: fit y = x W."""

    def __init__(self) -> None:
        torch.manual_seed(5)
        self.net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
        self.shown: list[int] = []

    def modules(self) -> dict[str, nn.Module]:
        return {"net": self.net}

    def parameter_kind(self, name: str, parameter: nn.Parameter) -> ParameterKind:
        return "matrix" if parameter.ndim == 2 else "other"

    def loss(self, batch: Batch[Tensor], step: int, generator: torch.Generator) -> Tensor:
        x = batch.items + 0.1 * torch.randn(batch.items.shape, generator=generator)
        return (self.net(x) - batch.items[:, :3]).square().mean()

    def replica(self) -> "Line":
        twin = Line()
        twin.net = sharing_weights(self.net)
        return twin

    def save_preview(self, ema: dict[str, Tensor], step: int, folder: Path) -> None:
        self.shown.append(step)


class Numbers:
    def batch(self, step: int) -> Batch[Tensor]:
        items = torch.randn(4, 6, generator=torch.Generator().manual_seed(step))
        return Batch(clips=(f"{step:064x}", f"{step + 1:064x}"), tokens=24, items=items)


CONFIG = TrainConfig(steps=12, optim=OptimConfig(warmup=3, decay=4, ema=0.9), checkpoint_every=4, sample_every=6)


def run(folder: Path, stop_at: int | None = None, resume: bool = False) -> tuple[Trainer, list[StepStats]]:
    trainer = Trainer(Line(), Numbers(), CONFIG, folder, "sha256:recipe")
    if resume:
        assert trainer.resume()
    ticks: list[StepStats] = []

    def report(tick: StepStats) -> None:
        ticks.append(tick)
        if tick.step == stop_at:
            raise KeyboardInterrupt

    if stop_at is None:
        trainer.fit(report)
    else:
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(report)
    return trainer, ticks


def test_resuming_gives_the_same_losses_and_weights_to_the_bit(tmp_path: Path) -> None:
    whole, ticks = run(tmp_path / "whole")
    run(tmp_path / "parts", stop_at=7)  # between the checkpoints of step 4 and step 8
    again, later = run(tmp_path / "parts", resume=True)
    assert [tick.step for tick in later] == list(range(5, 13))
    assert [tick.loss for tick in later] == [tick.loss for tick in ticks[4:]]
    for name, parameter in whole.named.items():
        assert torch.equal(parameter, again.named[name]), name
        assert torch.equal(whole.ema[name], again.ema[name]), name
    assert (tmp_path / "whole/exposure.log").read_bytes() == (tmp_path / "parts/exposure.log").read_bytes()
    assert whole.exposure.rows == 24 and whole.exposure.root() == again.exposure.root()
    assert whole.flops == again.flops > 0


def test_it_learns_and_shows_and_reports(tmp_path: Path) -> None:
    trainer, ticks = run(tmp_path)
    assert ticks[-1].loss < ticks[0].loss
    assert isinstance(trainer.task, Line) and trainer.task.shown == [6, 12]
    assert all(tick.clips_per_second > 0 and tick.tokens_per_second > 0 for tick in ticks)
    assert checkpoint.latest(tmp_path) == tmp_path / "step-00000012"
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000008", "step-00000012"]


def test_another_recipe_may_not_resume(tmp_path: Path) -> None:
    run(tmp_path)
    other = Trainer(Line(), Numbers(), CONFIG, tmp_path, "sha256:other")
    with pytest.raises(ValueError, match="another recipe"):
        other.resume()


def test_a_shortened_exposure_log_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    log = tmp_path / "exposure.log"
    log.write_bytes(log.read_bytes()[:-36])
    with pytest.raises(ValueError, match="23 rows, the checkpoint saw 24"):
        Trainer(Line(), Numbers(), CONFIG, tmp_path, "sha256:recipe").resume()


@pytest.mark.parametrize("damage", ["truncate", "remove", "json"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: str) -> None:
    run(tmp_path)
    newest = checkpoint.latest(tmp_path)
    assert newest is not None
    file = newest / ("checkpoint.json" if damage == "json" else "ema.safetensors")
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(ValueError, match="cannot be read.*resume from an older one"):
        checkpoint.load(newest)


SAVER = """
import sys, torch
from pathlib import Path
from langit.train.checkpoint import Checkpoint, save
step = 0
while True:
    step += 1
    tensors = {"model": {"w": torch.full((300_000,), float(step))}, "ema": {"w": torch.full((300_000,), float(step))}}
    save(Path(sys.argv[1]), Checkpoint(step, {"said": step}, tensors))
    print(step, flush=True)
"""


def test_a_kill_while_saving_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    """Killed at many moments of a process that does nothing but save."""
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        child = subprocess.Popen(
            [sys.executable, "-c", SAVER, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert child.stdout is not None
        acknowledged = int(child.stdout.readline())
        time.sleep(0.011 * attempt)
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(said) for said in child.stdout.read().split())])
        child.wait()
        newest = checkpoint.latest(folder)
        assert newest is not None
        found = checkpoint.load(newest)
        assert found.step >= acknowledged
        assert found.facts["said"] == found.step
        for group in ("model", "ema"):
            assert torch.equal(found.tensors[group]["w"], torch.full((300_000,), float(found.step)))
        checkpoint.save(folder, Checkpoint(found.step + 1, {}, found.tensors))  # the run goes on
        assert not list(folder.glob(".step-*"))


def test_orthogonalised_matrices_are_nearly_so() -> None:
    torch.manual_seed(0)
    for shape in ((8, 20), (20, 8), (12, 12)):
        turned = orthogonalize(torch.randn(shape), (3.4445, -4.7750, 2.0315), 5, 1e-7)
        values = torch.linalg.svdvals(turned)
        assert turned.shape == shape
        assert values.min() > 0.3 and values.max() < 1.3


def test_muon_moves_as_torchs_own(tmp_path: Path) -> None:
    """Same rule as `torch.optim.Muon`, whose products are in bf16."""
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(12, 20)) for _ in range(2))
    config = OptimConfig(matrix_rate=0.02, warmup=1, decay=1, weight_decay=0.1, clip=1e9)
    mine = Optimisers({"w": ours}, lambda _n, _p: "matrix", config)
    peer = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for step in range(4):
        gradient = torch.randn(12, 20)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        mine.clip_gradients()
        mine.step(step, 1000)
        peer.step()
    assert torch.allclose(ours, theirs, atol=3e-3)
    assert not torch.allclose(ours, torch.ones(12, 20), atol=1e-2)


def test_convolutions_are_moved_through_views() -> None:
    conv = nn.Conv2d(4, 6, 3)
    before = conv.weight.detach().clone()
    optimisers = Optimisers(
        dict(conv.named_parameters()), lambda _n, p: "matrix" if p.ndim == 4 else "other", OptimConfig(warmup=1)
    )
    conv(torch.randn(2, 4, 5, 5)).square().mean().backward()
    optimisers.step(0, 10)
    assert not torch.equal(conv.weight, before)
    assert set(optimisers.state()) >= {"weight:momentum_buffer", "bias:exp_avg"}


def test_the_rate_rises_holds_and_falls() -> None:
    config = OptimConfig(warmup=10, decay=20, final=0.1)
    shares = [rate_at(step, 100, config) for step in range(100)]
    assert shares[0] == pytest.approx(0.1) and shares[9] == 1 and shares[80] == pytest.approx(1)
    assert shares[90] == pytest.approx(0.55) and shares[99] < 0.2
    assert [rate_at(step, 200, config) for step in range(80)] == shares[:80]  # a longer run begins the same way


def test_wrong_settings_are_named() -> None:
    with pytest.raises(ValueError, match="steps=0"):
        TrainConfig(steps=0)
    with pytest.raises(ValueError, match=r"ema 1\.0"):
        OptimConfig(ema=1.0)


def test_checkpoints_hold_no_pickle(tmp_path: Path) -> None:
    run(tmp_path)
    newest = checkpoint.latest(tmp_path)
    assert newest is not None
    assert {file.suffix for file in newest.iterdir()} == {".safetensors", ".json"}
    assert json.loads((newest / "checkpoint.json").read_text())["step"] == 12


def test_lanes_give_the_gradient_of_all_batches_together() -> None:
    task, feed = Line(), Numbers()
    batches = [feed.batch(0), feed.batch(1), feed.batch(2)]
    quiet = [torch.Generator().manual_seed(lane) for lane in range(3)]
    expected = sum(task.loss(batch, 0, torch.Generator().manual_seed(lane)) for lane, batch in enumerate(batches)) / 3
    expected.backward()
    wanted = [parameter.grad.clone() for parameter in task.net.parameters() if parameter.grad is not None]
    task.net.zero_grad()
    micro = MicroBatches(task, 3)
    losses = micro.gradients(batches, 0, quiet)
    assert sum(losses) / 3 == pytest.approx(expected.item())
    found = [parameter.grad for parameter in task.net.parameters()]
    for one, other in zip(wanted, found, strict=True):
        assert other is not None and torch.allclose(one, other, atol=1e-6)
    with torch.no_grad():
        next(task.net.parameters()).add_(1.0)  # what one lane learns all know
    for twin in micro.tasks[1:]:
        assert torch.equal(next(twin.modules()["net"].parameters()), next(task.net.parameters()))


def test_resuming_with_lanes_is_exact_too(tmp_path: Path) -> None:
    def made(folder: Path, steps: int, decay: int, resume: bool = False) -> Trainer:
        optim = OptimConfig(warmup=3, decay=decay, ema=0.9)
        config = TrainConfig(steps=steps, optim=optim, checkpoint_every=3, lanes=2)
        trainer = Trainer(Line(), Numbers(), config, folder, "sha256:recipe")
        assert trainer.resume() is resume
        trainer.fit(lambda _: None)
        return trainer

    whole = made(tmp_path / "whole", 7, 3)
    made(tmp_path / "parts", 3, 0)
    again = made(tmp_path / "parts", 7, 3, resume=True)
    assert all(torch.equal(p, again.named[name]) for name, p in whole.named.items())
    assert whole.exposure.rows == 7 * 2 * 2 and whole.exposure.root() == again.exposure.root()


def test_another_length_has_to_be_chosen_before_the_rate_falls(tmp_path: Path) -> None:
    run(tmp_path)  # 12 steps, falling from step 8 on
    longer = replace(CONFIG, steps=20)
    with pytest.raises(ValueError, match="past step 8.*steps=12 and decay=4"):
        Trainer(Line(), Numbers(), longer, tmp_path, "sha256:recipe").resume()


def test_unchecked_scores_have_a_rate_of_their_own_where_one_is_given():
    def kinds(name: str, _parameter: nn.Parameter) -> ParameterKind:
        return "score" if name == "q" else "matrix"

    def moved(config: OptimConfig) -> tuple[float, float]:
        named = {name: nn.Parameter(torch.zeros(6, 6)) for name in ("q", "v")}
        optimisers = Optimisers(named, kinds, config)
        for parameter in named.values():
            parameter.grad = torch.eye(6)
        optimisers.step(0, 100)
        return named["q"].abs().max().item(), named["v"].abs().max().item()

    plain = OptimConfig(warmup=1, decay=0)
    q, v = moved(plain)
    assert q == pytest.approx(v)
    q, again = moved(replace(plain, score_rate=1e-4))
    assert again == pytest.approx(v) and q == pytest.approx(1e-4, rel=0.01)
    with pytest.raises(ValueError, match="score_rate"):
        OptimConfig(score_rate=-1.0)

"""The training loop: resumed runs equal uninterrupted ones to the bit, and a kill while saving loses nothing."""

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
from torch import nn
from train.line import CONFIG, IDENTITY, Line, Numbers

from langit.train import checkpoint
from langit.train.checkpoint import Checkpoint
from langit.train.microbatch import MicroBatches
from langit.train.muon import orthogonalize
from langit.train.optim import OptimConfig, Optimisers, ParameterKind, rate_at
from langit.train.trainer import StepStats, TrainConfig, Trainer


def run(folder: Path, stop_at: int | None = None, resume: bool = False) -> tuple[Trainer, list[StepStats]]:
    trainer = Trainer(Line(), Numbers(), CONFIG, folder, IDENTITY)
    if resume:
        assert trainer.resume()
    steps: list[StepStats] = []

    def report(stats: StepStats) -> None:
        steps.append(stats)
        if stats.step == stop_at:
            raise KeyboardInterrupt

    if stop_at is None:
        trainer.fit(report)
    else:
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(report)
    return trainer, steps


def test_resuming_gives_the_same_losses_and_weights_to_the_bit(tmp_path: Path) -> None:
    whole, steps = run(tmp_path / "whole")
    run(tmp_path / "parts", stop_at=7)  # between the checkpoints of step 4 and step 8
    again, later = run(tmp_path / "parts", resume=True)
    assert [stats.step for stats in later] == list(range(5, 13))
    assert [stats.loss for stats in later] == [stats.loss for stats in steps[4:]]
    for name, parameter in whole.named.items():
        assert torch.equal(parameter, again.named[name]), name
        assert torch.equal(whole.ema[name], again.ema[name]), name
    assert (tmp_path / "whole/exposure.log").read_bytes() == (tmp_path / "parts/exposure.log").read_bytes()
    assert whole.exposure.rows == 24 and whole.exposure.root() == again.exposure.root()
    assert whole.flops == again.flops > 0


def test_training_learns_previews_and_reports(tmp_path: Path) -> None:
    trainer, steps = run(tmp_path)
    assert steps[-1].loss < steps[0].loss
    assert isinstance(trainer.task, Line) and trainer.task.previews == [6, 12]
    assert all(stats.clips_per_second > 0 and stats.tokens_per_second > 0 for stats in steps)
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
    save(Path(sys.argv[1]), Checkpoint(step, {"number": step}, tensors))
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
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout.read().split())])
        child.wait()
        newest = checkpoint.latest(folder)
        assert newest is not None
        found = checkpoint.load(newest)
        assert found.step >= acknowledged
        assert found.facts["number"] == found.step
        for group in ("model", "ema"):
            assert torch.equal(found.tensors[group]["w"], torch.full((300_000,), float(found.step)))
        checkpoint.save(folder, Checkpoint(found.step + 1, {}, found.tensors))  # the run goes on
        assert not list(folder.glob(".step-*"))


def test_orthogonalized_matrices_are_nearly_orthogonal() -> None:
    torch.manual_seed(0)
    for shape in ((8, 20), (20, 8), (12, 12)):
        matrix = orthogonalize(torch.randn(shape), (3.4445, -4.7750, 2.0315), 5, 1e-7)
        values = torch.linalg.svdvals(matrix)
        assert matrix.shape == shape
        assert values.min() > 0.3 and values.max() < 1.3


def test_muon_updates_as_torchs_own(tmp_path: Path) -> None:
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


def test_states_are_in_memory_before_the_first_step() -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 2))
    optimisers = Optimisers(
        dict(net.named_parameters()), lambda _n, p: "matrix" if p.ndim == 2 else "other", CONFIG.optim
    )
    before = {name: value.data_ptr() for name, value in optimisers.state().items()}
    net(torch.randn(3, 4)).square().mean().backward()
    optimisers.step(0, 10)
    assert {name: value.data_ptr() for name, value in optimisers.state().items()} == before


def test_muon_in_half_precision_moves_alike() -> None:
    torch.manual_seed(1)
    start, gradient = torch.randn(3, 8, 12), torch.randn(3, 8, 12)

    def moved(dtype: torch.dtype) -> torch.Tensor:
        named = {str(number): nn.Parameter(matrix.clone()) for number, matrix in enumerate(start)}
        optimisers = Optimisers(named, lambda _n, _p: "matrix", OptimConfig(warmup=1), dtype=dtype)
        for parameter, value in zip(named.values(), gradient, strict=True):
            parameter.grad = value.clone()
        optimisers.step(0, 100)
        return torch.stack([parameter.detach() for parameter in named.values()]) - start

    single, half = moved(torch.float32), moved(torch.bfloat16)
    assert 0 < (half - single).norm() < 0.05 * single.norm()


def test_convolutions_are_updated_through_views() -> None:
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


def test_micro_batches_give_the_gradient_of_all_batches_together() -> None:
    task, feed = Line(), Numbers()
    batches = [feed.batch(0), feed.batch(1), feed.batch(2)]
    generators = [torch.Generator().manual_seed(lane) for lane in range(3)]
    expected = sum(task.loss(batch, 0, torch.Generator().manual_seed(lane)) for lane, batch in enumerate(batches)) / 3
    expected.backward()
    wanted = [parameter.grad.clone() for parameter in task.net.parameters() if parameter.grad is not None]
    task.net.zero_grad()
    micro = MicroBatches(task, 3)
    losses = micro.gradients(batches, 0, generators)
    assert sum(losses) / 3 == pytest.approx(expected.item())
    found = [parameter.grad for parameter in task.net.parameters()]
    for one, other in zip(wanted, found, strict=True):
        assert other is not None and torch.allclose(one, other, atol=1e-6)
    with torch.no_grad():
        next(task.net.parameters()).add_(1.0)  # all replicas share the weights
    for replica in micro.tasks[1:]:
        assert torch.equal(next(replica.modules()["net"].parameters()), next(task.net.parameters()))


def test_resuming_with_micro_batches_is_exact_too(tmp_path: Path) -> None:
    def train(folder: Path, steps: int, decay: int, resume: bool = False) -> Trainer:
        optim = OptimConfig(warmup=3, decay=decay, ema=0.9)
        config = TrainConfig(steps=steps, optim=optim, checkpoint_every=3, lanes=2)
        trainer = Trainer(Line(), Numbers(), config, folder, "sha256:recipe")
        assert trainer.resume() is resume
        trainer.fit(lambda _: None)
        return trainer

    whole = train(tmp_path / "whole", 7, 3)
    train(tmp_path / "parts", 3, 0)
    again = train(tmp_path / "parts", 7, 3, resume=True)
    assert all(torch.equal(p, again.named[name]) for name, p in whole.named.items())
    assert whole.exposure.rows == 7 * 2 * 2 and whole.exposure.root() == again.exposure.root()


def test_the_length_cannot_change_once_the_rate_falls(tmp_path: Path) -> None:
    run(tmp_path)  # 12 steps, falling from step 8 on
    longer = replace(CONFIG, steps=20)
    with pytest.raises(ValueError, match="past step 8.*steps=12 and decay=4"):
        Trainer(Line(), Numbers(), longer, tmp_path, "sha256:recipe").resume()


def test_attention_scores_have_a_rate_of_their_own_where_one_is_given() -> None:
    def kinds(name: str, _parameter: nn.Parameter) -> ParameterKind:
        return "score" if name == "q" else "matrix"

    def updates(config: OptimConfig) -> tuple[float, float]:
        named = {name: nn.Parameter(torch.zeros(6, 6)) for name in ("q", "v")}
        optimisers = Optimisers(named, kinds, config)
        for parameter in named.values():
            parameter.grad = torch.eye(6)
        optimisers.step(0, 100)
        return named["q"].abs().max().item(), named["v"].abs().max().item()

    plain = OptimConfig(warmup=1, decay=0)
    q, v = updates(plain)
    assert q == pytest.approx(v)
    q, again = updates(replace(plain, score_rate=1e-4))
    assert again == pytest.approx(v) and q == pytest.approx(1e-4, rel=0.01)
    with pytest.raises(ValueError, match="score_rate"):
        OptimConfig(score_rate=-1.0)

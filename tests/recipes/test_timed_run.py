"""Runs by the clock, in miniature: films come beside training; whatever ends a run leaves a checkpoint and a line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from langit import recipes
from langit.bundle import load_bundle
from langit.bundle.folder import read_provenance
from langit.config import override
from langit.feed.exposure import ExposureLog
from langit.feed.latents import encoder_hash
from langit.ledger.store import Ledger
from langit.recipes import timed_run
from langit.recipes.clock import ClockConfig, RunClock
from langit.recipes.films import RunPaths
from langit.recipes.go_on import go_on
from langit.recipes.recipe import Recipe, WorldShare
from langit.recipes.run import run
from langit.recipes.timed_run import run_timed
from langit.recipes.warm_up import need_memory
from langit.release.nearest.bundled import FILE as INDEX
from langit.train import checkpoint

TINY = recipes.find("tiny-gpu")
STAGES = ("autoencoder", "everything", "fast")
Ends = Callable[[str, int], None]


class Steps:
    """A clock on which every step that is reported takes a second, so that no load of the machine shows."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def timed(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    deadline: float | None = 40.0,
    resume: bool = False,
    during: Callable[[str, int, Steps], None] | None = None,
    recipe: Recipe = TINY,
) -> dict[str, int]:
    """Run the recipe; returns the last number that every stage reported."""
    now, last = Steps(), dict[str, int]()
    monkeypatch.setattr(timed_run, "RunClock", partial(RunClock, now=now))

    def report(stage: str, done: int, of: int, line: str) -> None:
        now.seconds += stage in recipe.stage_names
        last[stage] = done
        if during is not None:
            during(stage, done, now)

    run_timed(recipe, deadline=deadline, resume=resume, workers=1, report=report, home=home)
    return last


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the films are drawn and one run is whole."""
    home = tmp_path_factory.mktemp("timed")
    with pytest.MonkeyPatch.context() as patch:
        last = timed(home, patch)
    assert last["films"] == 30
    assert (last["autoencoder"], last["everything"], last["fast"]) == (7, 24, 6), "their shares of forty steps"
    return home


@pytest.fixture
def drawn(shared: Path, tmp_path: Path) -> Path:
    """A home of its own in which the films are drawn and nothing is trained."""
    (tmp_path / "films").symlink_to(shared / "films")
    return tmp_path


def test_a_bundle_comes_out_with_record_and_index(shared: Path) -> None:
    folder = shared / "models" / "tiny-gpu"
    bundle = load_bundle(folder)
    assert bundle.provenance.model == "tiny-gpu" and set(bundle.adapters) == {"fast"}
    assert (folder / INDEX).exists()
    parts = shared / "nearest" / encoder_hash(bundle.autoencoder)[:16]
    assert len(list(parts.rglob("*.safetensors"))) == 6, "of three shards, by the encoder as the bundle has it"
    provenance, paths = read_provenance(folder), RunPaths(shared, "tiny-gpu")
    assert set(provenance.exposure) == set(STAGES), "of every stage, the autoencoder included"
    allowed = {clip.digest for clip in Ledger(paths.ledger).read(recipes_clip())}
    for stage in STAGES:
        log = ExposureLog(paths.stage(stage) / "exposure.log")
        seen = {clip for _, clip in log.read()}
        assert seen and seen <= allowed and provenance.exposure[stage].root == log.root()
    assert provenance.exposure["everything"].steps == 24


def recipes_clip() -> type:
    from langit.ledger.record import Clip

    return Clip


def test_half_of_the_draws_are_of_the_world_that_has_half(shared: Path) -> None:
    paths = RunPaths(shared, "tiny-gpu")
    ledger = Ledger(paths.ledger)
    world = {source.digest: source.generator_version for source in ledger.sources()}
    worlds = {clip.digest: world[clip.source] for clip in ledger.read(recipes_clip())}
    rows = [worlds[clip] for _, clip in ExposureLog(paths.stage("everything") / "exposure.log").read()]
    assert 0.3 < rows.count("story-1") / len(rows) < 0.7


def test_a_finished_run_goes_on_with_nothing(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {stage: checkpoint.latest(RunPaths(shared, "tiny-gpu").stage(stage)) for stage in STAGES}
    seen = load_bundle(shared / "models" / "tiny-gpu").provenance.exposure
    last = timed(shared, monkeypatch, resume=True)
    assert not set(STAGES) & set(last)
    assert before == {stage: checkpoint.latest(RunPaths(shared, "tiny-gpu").stage(stage)) for stage in STAGES}
    assert load_bundle(shared / "models" / "tiny-gpu").provenance.exposure == seen


def test_signals_in_any_phase_leave_a_checkpoint_and_a_line(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, before = RunPaths(drawn, "tiny-gpu"), signal.getsignal(signal.SIGTERM)
    phases = (
        ("films", 0, "while the first films were drawn: there is no checkpoint yet"),
        ("autoencoder", 3, "in stage autoencoder, at step 4: the last checkpoint is"),
        ("latents", 1, "while latents of stage everything were encoded: the last checkpoint is"),
        ("everything", 5, "in stage everything, at step 6: the last checkpoint is"),
        ("fast", 2, "in stage fast, at step 3: the last checkpoint is"),
    )
    for number, (phase, step, words) in enumerate(phases):

        def during(stage: str, done: int, _now: Steps, phase: str = phase, step: int = step) -> None:
            if stage == phase and done >= step and signal.getsignal(signal.SIGTERM) is not before:
                os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(ValueError, match=f"stopped by SIGTERM {words}") as error:
            timed(drawn, monkeypatch, resume=number > 0, during=during)
        assert "\n" not in str(error.value) and str(error.value).endswith("go on with --resume")
        assert signal.getsignal(signal.SIGTERM) is before
        if phase in STAGES:
            newest = checkpoint.latest(paths.stage(phase))
            assert newest is not None and checkpoint.load(newest).step == step + 1, "the one that had begun is taken"
    last = timed(drawn, monkeypatch, resume=True)
    assert "autoencoder" not in last or last["autoencoder"] > 3
    assert load_bundle(drawn / "models" / "tiny-gpu").provenance.exposure["everything"].steps > 5


KILLED = """
import multiprocessing, sys
from pathlib import Path
from langit import recipes
from langit.recipes.timed_run import run_timed

def report(stage, done, of, line):
    print(stage, done, *(child.pid for child in multiprocessing.active_children()), flush=True)

run_timed(recipes.find("tiny-gpu"), home=Path(sys.argv[1]), workers=1, report=report)
"""


@pytest.mark.slow
def test_a_kill_leaves_the_last_checkpoint_and_no_worker(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers: set[int] = set()
    with subprocess.Popen([sys.executable, "-c", KILLED, str(drawn)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            stage, done, *pids = line.split()
            workers |= set(map(int, pids))
            if stage == "everything" and int(done) == 5:
                process.kill()
                break
    newest = checkpoint.latest(RunPaths(drawn, "tiny-gpu").stage("everything"))
    assert newest is not None and checkpoint.load(newest).step == 4
    end = time.monotonic() + 20
    while workers and time.monotonic() < end:
        workers = {pid for pid in workers if Path(f"/proc/{pid}").exists()}
        time.sleep(0.2)
    assert not workers, "they end with the process that asked for films"
    timed(drawn, monkeypatch, deadline=None, resume=True)
    assert load_bundle(drawn / "models" / "tiny-gpu").provenance.exposure["everything"].steps == 6


@pytest.mark.slow
def test_a_deadline_reached_in_any_phase_leaves_a_checkpoint_and_a_line(
    drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = (
        ("films", "while the first films were drawn: there is no checkpoint yet"),
        ("autoencoder", "while latents of stage everything were encoded: the last checkpoint is .*autoencoder"),
        ("latents", "while latents of stage everything were encoded: the last checkpoint is .*autoencoder"),
        ("everything", "while latents of stage fast were encoded: the last checkpoint is .*everything"),
    )
    for number, (phase, words) in enumerate(phases):

        def during(stage: str, _done: int, now: Steps, phase: str = phase) -> None:
            now.seconds += 1000.0 * (stage == phase)

        with pytest.raises(ValueError, match=f"the deadline was reached {words}") as error:
            timed(drawn, monkeypatch, resume=number > 0, during=during)
        assert "\n" not in str(error.value) and "of 30 films are kept" in str(error.value)

    def late(stage: str, _done: int, now: Steps) -> None:
        now.seconds += 1000.0 * (stage in ("fast", "nearest: clips"))

    timed(drawn, monkeypatch, resume=True, during=late)  # the last stage ends, and the bundle is written all the same
    assert set(load_bundle(drawn / "models" / "tiny-gpu").provenance.exposure) == set(STAGES)


@pytest.mark.slow
def test_the_ordinary_walk_trains_the_same_recipe_by_its_steps(drawn: Path) -> None:
    folder = run(TINY, home=drawn, workers=1, report=lambda *_: None)
    steps = {name: exposure.steps for name, exposure in load_bundle(folder).provenance.exposure.items()}
    assert steps == {"autoencoder": 4, "everything": 6, "fast": 4}


def test_lack_of_memory_is_a_line_that_names_what_to_make_smaller(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from langit.train.shaped import ShapedFlowTask

    plain = ShapedFlowTask.loss
    monkeypatch.setattr(
        ShapedFlowTask,
        "loss",
        lambda self, batch, step, dice: out_of_memory() if step == 3 else plain(self, batch, step, dice),
    )
    recipe = override(TINY, ["stages.everything.training.checkpoint_every=2"])
    with pytest.raises(ValueError, match="the device is out of memory .*token_budget=32 in place of 64") as error:
        timed(drawn, monkeypatch, recipe=recipe)
    assert "the last checkpoint is" in str(error.value) and "everything/step-0000000" in str(error.value)


def out_of_memory() -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 8 GiB")


def test_a_device_that_is_too_small_is_refused_before_anything_is_trained() -> None:
    need_memory(TINY, 1 << 30)
    with pytest.raises(
        ValueError, match=r"stage .* needs about 0\.0 GiB and the device has 0\.0 free: .*token_budget="
    ):
        need_memory(TINY, 1 << 16)


def test_what_a_clock_cannot_do_is_refused_before_anything(tmp_path: Path) -> None:
    quiet = {"report": lambda *_: None, "home": tmp_path, "workers": 1}
    with pytest.raises(ValueError, match="--deadline 3 is too short to be of use: .* at least 10 seconds; nothing"):
        run_timed(TINY, deadline=3.0, **quiet)
    with pytest.raises(ValueError, match="learns footage"):
        run_timed(recipes.find("small"), deadline=900.0, **quiet)
    with pytest.raises(ValueError, match="several lanes"):
        run_timed(override(TINY, ["stages.everything.training.lanes=2"]), deadline=900.0, **quiet)
    assert list(tmp_path.iterdir()) == []
    stage = TINY.stages[0]
    with pytest.raises(ValueError, match="shares behind-1 0.5: use worlds of its films"):
        replace(stage, shares=(WorldShare("behind-1", 0.5),))
    with pytest.raises(ValueError, match="need flow.one_shape=true"):
        replace(stage, flow=replace(stage.flow, one_shape=False))


def test_going_on_keeps_the_latents_and_sees_more_films() -> None:
    further = go_on(recipes.find("pocket"), "pocket")
    (stage,), (pixels,) = further.stages, further.autoencoder_stages
    assert further.base == "pocket" and further.name == "pocket-on" and pixels.reconstruction.decoder_only
    assert stage.shares == (WorldShare("story-1", 0.5),) and not stage.fresh_scores
    counts = {
        recipe.name: sum(len(group.seeds) for group in recipe.films) for recipe in (further, recipes.find("pocket"))
    }
    assert counts["pocket-on"] == counts["pocket"] + 1.5 * 6_800
    assert further.clock is not None and further.clock.fall == 0.6
    with pytest.raises(ValueError, match="--from pocket: recipe 'pocket64' is not made to be gone on with"):
        go_on(recipes.find("pocket64"), "pocket")


@pytest.mark.slow
def test_a_finished_model_is_gone_on_with(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shared / "models" / "tiny-gpu"
    further = go_on(TINY, str(before))
    last = timed(shared, monkeypatch, recipe=further)
    assert last["films"] == 45 and last["decoder"] > 0 and last["further"] > 0
    old, new = load_bundle(before), load_bundle(shared / "models" / "tiny-gpu-on")
    assert new.provenance.base == old.provenance.digest
    assert encoder_hash(new.autoencoder) == encoder_hash(old.autoencoder), "the latents are the same to the bit"
    assert not torch.equal(*(next(iter(each.autoencoder.decoder.parameters())) for each in (old, new)))
    assert set(new.provenance.exposure) == {"decoder", "further", "fast"}


def test_a_run_under_an_earlier_name_is_found_and_not_begun_anew(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(stage: str, done: int, _now: Steps) -> None:
        if (stage, done) == ("autoencoder", 2):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(ValueError, match="stopped by SIGTERM"):
        timed(drawn, monkeypatch, during=end)
    other = replace(TINY, name="other")
    with pytest.raises(ValueError, match=r"other has no checkpoint .* under another name: use name=tiny-gpu --resume"):
        timed(drawn, monkeypatch, resume=True, recipe=other)
    taken = override(replace(TINY, name="tiny-gpu"), ["autoencoder_stages.autoencoder.name=else"])
    with pytest.raises(ValueError, match=r"holds a run of another recipe \(stages autoencoder\)"):
        timed(drawn, monkeypatch, recipe=taken)


def test_clock_settings_are_checked() -> None:
    with pytest.raises(ValueError, match=r"clock\.fall 2\.0 is not a share"):
        ClockConfig(fall=2.0)

"""Denoising states on disk: a run that was cut off at any step goes on from there to the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from langit import Studio
from langit.files import sha256
from langit.flow.levels import LevelsConfig, sampling_levels
from langit.flow.solvers import SOLVERS, SolverState, solver
from langit.generate.sampler import SamplingStep, count_over, sample
from langit.ledger.derived import Output
from langit.patches import Pack, TextPack, channels_first, channels_last, pack
from langit.release import ReleaseStage
from langit.release import stage as stages
from langit.release.outputs import Outputs
from langit.studio.states import SamplingStates, SavingSteps
from langit.studio.text_requests import GenerateRequest, MinuteRequest

CPU = torch.device("cpu")
WORDS, NOTHING = TextPack(torch.randn(3, 8), (3,)), TextPack(torch.zeros(1, 8), (1,))
LEVELS = sampling_levels(6, 8, LevelsConfig()).tolist()


class CutError(Exception):
    """Stands for the end of a process."""


def curved(pack: Pack, text: TextPack) -> Tensor:
    """A field that is not straight, so that what a solver remembers matters."""
    return channels_last(torch.sin(3 * pack.tokens) + pack.noise[:, None] + 0.01 * text.tokens.sum())


def run(states: SamplingStates | None, cut: int = 0, **changes: object) -> Tensor:
    torch.manual_seed(1)
    begin = pack([torch.randn(4, 2, 4, 4)], [1.0])

    def stop(step: SamplingStep) -> None:
        if step.number == cut:
            raise CutError

    settings = {"solver": solver("unipc"), "guidance": 1.0, "levels": LEVELS, "to_state": channels_first} | changes
    on_step = None if states is None else SavingSteps(states, stop, CPU)
    return sample(curved, begin, WORDS, NOTHING, on_step=on_step, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("reuse", [0.0, 0.3])
@pytest.mark.parametrize("guided", [(1.0, 0.0), (0.8, 0.3)])
@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_goes_on_to_the_same_bits(
    name: str, guided: tuple[float, float], reuse: float, tmp_path: Path
) -> None:
    settings = {"solver": solver(name), "guidance": 3.0, "reuse": reuse}
    settings |= {"guidance_from": guided[0], "guidance_to": guided[1]}
    whole = run(None, **settings)
    for cut in range(1, len(LEVELS)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        with pytest.raises(CutError):
            run(SamplingStates(folder, "job", every=0), cut, **settings)
        states = SamplingStates(folder, "job", every=0)
        assert torch.equal(run(states, **settings), whole)
        assert states.saved == len(LEVELS) - 1 - cut  # nothing is computed twice


@pytest.mark.parametrize("damage", ["other settings", "truncated", "text", "no file", "a part is missing"])
def test_states_that_do_not_fit_are_passed_over(damage: str, tmp_path: Path) -> None:
    with pytest.raises(CutError):
        run(SamplingStates(tmp_path, "job", every=0), cut=3)
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    changed = {"truncated": data[:-8], "text": b"x" * 100, "a part is missing": data.replace(b"past", b"pest")}
    if damage in changed:
        file.write_bytes(changed[damage])
    if damage == "no file":
        file.unlink()
    states = SamplingStates(tmp_path, "other" if damage == "other settings" else "job", every=0)
    assert states.resume(1, CPU) is None
    assert torch.equal(run(states), run(None))


def test_states_are_saved_now_and_then_and_where_windows_follow(tmp_path: Path) -> None:
    states = SamplingStates(tmp_path, "job", every=3600)
    run(states)
    assert states.saved == 0 and states.resume(1, CPU) is None  # a moment's work: done again sooner than written
    followed = SavingSteps(states, lambda step: None, CPU)
    torch.manual_seed(1)
    begin = pack([torch.randn(4, 2, 4, 4)], [1.0])
    settings = {"solver": solver("unipc"), "guidance": 1.0, "levels": LEVELS, "to_state": channels_first}
    for index in range(2):
        sample(curved, begin, WORDS, NOTHING, on_step=count_over(followed, index, 2), **settings)  # type: ignore[arg-type]
    found = states.resume(1, CPU)
    assert states.saved == 1 and states.resume(2, CPU) is None
    assert found is not None and found.number == len(LEVELS) - 1
    states = SamplingStates(tmp_path, "job", every=3600, wanted=lambda: True)
    (tmp_path / "window-1.safetensors").unlink()
    run(states)
    assert states.saved == len(LEVELS) - 1


def test_a_full_disk_does_not_stop_the_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    states = SamplingStates(tmp_path / "missing", "job", every=0)
    assert torch.equal(run(states), run(None))
    assert states.saved == 0 and "could not be saved" in caplog.text


def test_windows_have_states_of_their_own() -> None:
    asked: list[int] = []

    class Steps:
        def __call__(self, step: SamplingStep) -> None: ...

        def resume(self, window: int) -> None:
            asked.append(window)

    steps = Steps()
    for index in range(3):
        counted = count_over(steps, index, 3)
        assert counted is not None
        counted.resume(1)  # type: ignore[attr-defined]
    assert asked == [1, 2, 3]
    plain = count_over(lambda step: None, 0, 2)
    assert plain is not None and plain.resume(1) is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("request_", [GenerateRequest(prompt="ball"), MinuteRequest(prompt="ball", seconds=2.0)])
def test_a_job_that_was_cut_off_makes_the_same_film(
    request_: GenerateRequest | MinuteRequest, model: Path, place: Path
) -> None:
    studio = Studio(model)
    (job,) = studio.prepare(request_, seeds=[5])
    whole = job.run(place / "whole.mp4")
    total: list[int] = []
    job.run(place / "count.mp4", on_progress=lambda progress: total.append(progress.total))
    (place / "states").mkdir()
    at = min(3, total[0] - 1)
    with pytest.raises(CutError):
        job.run(
            place / "cut.mp4",
            states=SamplingStates(place / "states", "job", every=0),
            on_progress=lambda progress: (_ for _ in ()).throw(CutError) if progress.done == at else None,
        )
    assert not (place / "cut.mp4").exists()
    left: list[int] = []
    again = job.run(
        place / "cut.mp4",
        states=SamplingStates(place / "states", "job", every=0),
        on_progress=lambda progress: left.append(progress.done),
    )
    assert left == list(range(at + 1, total[0] + 1))
    assert (again.frames == whole.frames).all()


def test_a_release_is_finished_once_wherever_it_was_cut(
    model: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(model)
    (job,) = studio.prepare(GenerateRequest(prompt="ball"), seeds=[5])
    outputs: Outputs = studio.door.outputs

    def entries() -> tuple[Output, ...]:
        return outputs.ledger.outputs() if (outputs.ledger.place.path / "log.lance").exists() else ()  # type: ignore[union-attr]

    for number, (target, name) in enumerate([(type(outputs.ledger), "add"), (stages.os, "link")]):
        before = len(entries())
        folder, path = place / f"stage-{number}", place / f"video-{number}.mp4"
        folder.mkdir()
        stage = ReleaseStage(folder)
        assert stage.finish(outputs, path) is None
        with monkeypatch.context() as patch:
            patch.setattr(target, name, lambda *_, **__: (_ for _ in ()).throw(CutError))
            with pytest.raises(CutError):
                job.run(path, stage=stage)
        assert not path.exists()
        for _ in range(2):  # finishing twice does nothing more
            found = stage.finish(outputs, path)
            assert found is not None and sha256(path) == found.entry.content_sha256
        assert len(entries()) == before + 1
        assert outputs.by_hash(sha256(path)) == found.entry
        (folder / stages.SIGNED).write_bytes(b"other")
        assert stage.find() is None


def test_a_state_without_a_past_is_whole(tmp_path: Path) -> None:
    from langit.studio.states import flatten_state, unflatten_state

    state = SolverState(torch.randn(3, 2), 0.5)
    found = unflatten_state(*flatten_state(state))
    assert torch.equal(found.x, state.x) and (found.level, found.past, found.memory) == (0.5, (), None)

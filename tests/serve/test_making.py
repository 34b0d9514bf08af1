"""What a worker does with a job, in this process: cut off at the door, refused, cancelled, and on a full disk."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from serve.conftest import Local, Start

from langit import Studio
from langit.files import sha256
from langit.release.outputs import Outputs
from langit.serve import making
from langit.serve.attempts import Attempts
from langit.serve.figures import WorkerFigures
from langit.serve.folders import JobFolder
from langit.serve.making import StoppedError, VideoMaker
from langit.studio import states

DOOR = sys.modules["langit.release.release"]  # the package has a function of that name


class CutError(BaseException):
    """Stands for the end of the process: nothing catches it."""


@pytest.fixture(scope="module")
def opened(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANGIT_HOME", str(tmp_path_factory.mktemp("home")))
        yield Studio(model)


@pytest.fixture
def client(start: Start, opened: Studio) -> Local:
    return start(home=opened.door.home, save_every=0.0)


def maker(client: Local, opened: Studio, worker: str = "w") -> VideoMaker:
    services = client.services
    attempts = Attempts(services.database, worker)
    return VideoMaker(services.settings, services.jobs, attempts, {"tiny": opened}, WorkerFigures())


def create(client: Local, **fields: Any) -> str:
    answer = client.post("/v1/videos", json={"prompt": "a ball", "x_steps": 4, "x_expand": "off", **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def get(client: Local, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/videos/{name}").json()
    return found


def output(client: Local, name: str) -> Path:
    return JobFolder.of(client.services.settings, name).output("video")


def entries(opened: Studio, path: Path) -> int:
    return sum(entry.content_sha256 == sha256(path) for entry in Outputs.of(opened.door.home).ledger.outputs())


def count(opened: Studio) -> int:
    home = opened.door.home
    return len(Outputs.of(home).ledger.outputs()) if (home / "ledger").exists() else 0


@pytest.mark.parametrize("place", ["sampling", "sign", "entry", "name", "complete"])
def test_a_job_that_was_cut_off_anywhere_is_made_once(
    client: Local, opened: Studio, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    name, before = create(client), count(opened)

    def cut(*_: object, **__: object) -> None:
        raise CutError

    targets: dict[str, tuple[Any, str]] = {
        "sign": (DOOR, "sign"),
        "entry": (type(opened.door.outputs.ledger), "add"),
        "name": (DOOR, "_place"),
        "complete": (Attempts, "complete"),
    }
    with monkeypatch.context() as patch:
        if place == "sampling":
            keep = states.SamplingStates.keep

            def keep_and_cut(self: states.SamplingStates, step: Any) -> None:
                keep(self, step)
                if step.number == 2:
                    raise CutError

            patch.setattr(states.SamplingStates, "keep", keep_and_cut)
        else:
            patch.setattr(*targets[place], cut)
        with pytest.raises(CutError):
            maker(client, opened).make(name)
    assert get(client, name)["status"] == "in_progress"
    taken: list[int] = []
    advance = Attempts.advance

    def note(self: Attempts, job: Any, progress: Any, saved: bool = False) -> None:
        taken.append(progress.steps)
        advance(self, job, progress, saved)

    with monkeypatch.context() as patch:
        patch.setattr(Attempts, "advance", note)
        maker(client, opened, "other").make(name)
    found = get(client, name)
    assert found["status"] == "completed" and found["progress"] == 100
    assert count(opened) == before + 1 and entries(opened, output(client, name)) == 1
    assert found["x_provenance"]["sha256"] == sha256(output(client, name))
    if place != "sampling":
        assert all(step in (0, 4) for step in taken)  # nothing was sampled again
    assert [path.name for path in output(client, name).parent.iterdir()] == ["video.mp4"]
    maker(client, opened).make(name)  # a workflow that runs again finds nothing to do
    assert count(opened) == before + 1


def test_a_disk_that_fills_up_in_the_middle_ends_the_job_and_leaves_nothing(
    client: Local, opened: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/place")

    name, before = create(client), count(opened)
    with monkeypatch.context() as patch:
        patch.setattr(states, "atomic_write", full)  # states cannot be saved, which stops nothing
        patch.setattr("langit.video.encode", full)
        maker(client, opened).make(name)
    found = get(client, name)
    assert found["status"] == "failed" and found["error"]["code"] == "disk_full" and "secret" not in str(found)
    assert list(output(client, name).parent.iterdir()) == [] and count(opened) == before
    again = create(client)
    maker(client, opened).make(again)
    assert get(client, again)["status"] == "completed"


def test_a_database_that_cannot_be_written_to_is_waited_for(
    client: Local, opened: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, failures = create(client), []
    complete = Attempts.complete

    def unwilling(self: Attempts, *given: Any) -> bool:
        if len(failures) < 2:
            failures.append(1)
            raise sa.exc.OperationalError("", {}, Exception("database or disk is full"))
        return complete(self, *given)

    monkeypatch.setattr(making, "AGAIN", 0.01)
    monkeypatch.setattr(Attempts, "complete", unwilling)
    monkeypatch.setattr(
        Attempts, "advance", lambda *_, **__: (_ for _ in ()).throw(sa.exc.OperationalError("", {}, Exception("full")))
    )
    maker(client, opened).make(name)
    assert get(client, name)["status"] == "completed" and len(failures) == 2


def test_a_worker_that_has_to_end_leaves_the_job_to_others(client: Local, opened: Studio) -> None:
    name = create(client)
    first = maker(client, opened)
    first.stop_at = 0.0  # long ago
    with pytest.raises(StoppedError):
        first.make(name)
    folder = JobFolder.of(client.services.settings, name)
    assert get(client, name)["status"] == "in_progress" and list(folder.states.iterdir())
    maker(client, opened, "other").make(name)
    assert get(client, name)["status"] == "completed"


def test_a_job_that_is_cancelled_or_taken_over_stops_at_the_next_step(
    client: Local, opened: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    before = count(opened)
    keep = states.SamplingStates.keep
    for what in ("deleted", "taken over"):
        name = create(client, x_steps=50)
        steps.clear()

        def keep_and_change(self: states.SamplingStates, step: Any, name: str = name, what: str = what) -> None:
            keep(self, step)
            steps.append(step.number)
            if step.number == 3:
                if what == "deleted":
                    client.delete(f"/v1/videos/{name}")
                else:
                    Attempts(client.services.database, "other").begin(name)

        with monkeypatch.context() as patch:
            patch.setattr(states.SamplingStates, "keep", keep_and_change)
            maker(client, opened).make(name)
        assert steps == [1, 2, 3]
        assert output(client, name).parent.exists() is (what == "taken over")
    assert count(opened) == before


def test_errors_say_nothing_of_this_machine() -> None:
    assert making.hide_paths("/a/b/clip.mp4 is 3x3; see /etc/passwd now") == "clip.mp4 is 3x3; see passwd now"

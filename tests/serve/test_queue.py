"""The queue and the attempts at its jobs: fair turns, one attempt at a time, and an end for what kills its workers."""

from __future__ import annotations

import sqlalchemy as sa
from serve.conftest import Local, Start

from langit.serve import database as tables
from langit.serve.attempts import MAX_STALLS, Attempts, JobProgress
from langit.serve.crew import Crew
from langit.serve.jobs import NewJob
from langit.serve.settings import Limits
from langit.serve.worker import delete_expired


def enter(client: Local, owner: str) -> str:
    new = NewJob("video", "tiny", {}, {"prompt": "a ball"})
    return client.services.jobs.create(owner, new, Limits())[0].id


def order(client: Local) -> list[str]:
    """Jobs in the order in which DBOS takes them: by priority, then by time."""
    with client.services.database.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT workflow_uuid FROM workflow_status WHERE status = 'ENQUEUED' ORDER BY priority, created_at")
        )
        return [str(row[0]) for row in rows]


def owners(client: Local) -> str:
    found = []
    for name in order(client):
        job = client.services.jobs.find(name)
        assert job is not None
        found.append(job.owner)
    return "".join(found)


def test_keys_take_turns(client: Local) -> None:
    for owner in "aaaabbc":
        enter(client, owner)
    assert owners(client) == "abcabaa"


def test_who_comes_later_does_not_wait_for_all(client: Local) -> None:
    names = [enter(client, "a") for _ in range(4)]
    attempts = Attempts(client.services.database, "w")
    for name in names[:2]:
        assert attempts.begin(name) is not None
    enter(client, "b")
    waiting = [name for name in order(client) if name not in names[:2]]
    job = client.services.jobs.find(waiting[0])
    later = client.services.jobs.find(waiting[1])
    assert job is not None and later is not None and {job.owner, later.owner} == {"a", "b"}
    for _ in range(3):  # nor does one that was idle catch up on what it did not ask for
        enter(client, "c")
    assert "ccc" not in owners(client)


def test_only_the_latest_attempt_ends_a_job(client: Local) -> None:
    name = enter(client, "a")
    old, new = (Attempts(client.services.database, worker) for worker in ("w1", "w2"))
    first = old.begin(name)
    second = new.begin(name)
    assert first is not None and second is not None and second.attempt == first.attempt + 1
    assert not old.is_current(first) and new.is_current(second)
    old.advance(first, JobProgress(9, 10))
    assert not old.complete(first, {}, 60) and not old.fail(first, "x", "y")
    found = client.services.jobs.find(name)
    assert found is not None and (found.status, found.steps) == ("in_progress", 0)
    assert new.complete(second, {"x_prompt": "b"}, 60) and not new.fail(second, "x", "y")
    assert new.begin(name) is None and old.begin(name) is None
    found = client.services.jobs.find(name)
    assert found is not None and found.status == "completed" and found.result == {"x_prompt": "b"}


def test_a_job_that_kills_its_workers_is_given_up(client: Local) -> None:
    attempts = Attempts(client.services.database, "w")
    lucky, unlucky = enter(client, "a"), enter(client, "a")
    for _ in range(MAX_STALLS + 5):
        job = attempts.begin(lucky)
        assert job is not None
        attempts.advance(job, JobProgress(1, 10), saved=True)  # each gets a little further
    for _ in range(MAX_STALLS):
        assert attempts.begin(unlucky) is not None
    assert attempts.begin(unlucky) is None
    found = client.services.jobs.find(unlucky)
    assert found is not None and found.error is not None and found.error["code"] == "worker_died"


def test_a_cancelled_job_is_not_begun(client: Local) -> None:
    name = enter(client, "local")
    attempts = Attempts(client.services.database, "w")
    job = attempts.begin(name)
    assert job is not None
    client.services.jobs.delete("local", name)
    assert not attempts.is_current(job) and not attempts.complete(job, {}, 60)
    assert attempts.begin(name) is None


def test_progress_leaves_room_for_the_release() -> None:
    shown = [JobProgress(step, 10).percent for step in range(11)]
    assert shown == sorted(shown) and shown[0] == 0 and shown[-1] == 95
    assert JobProgress(0, 0).percent == 0


def test_the_dead_are_told_from_the_living(client: Local) -> None:
    services = client.services
    one, other = (Crew(services.database, services.settings, name) for name in ("w1", "w2"))
    with one.join():
        with other.join():
            assert one.find_dead() == [] and other.find_dead() == []
        assert one.find_dead() == []  # it has left in order
        # One on this machine whose lock is free, as after kill -9; one elsewhere that has gone silent.
        with services.database.begin() as connection:
            for name, host in (("killed", one.host), ("far", "elsewhere")):
                connection.execute(tables.workers.insert().values(id=name, host=host, started_at=0))
        assert one.find_dead() == ["killed"]
        one.bury("killed")
        assert one.find_dead() == []
        seen = one._seen["far"]
        one._seen["far"] = seen[0], seen[1] - services.settings.dead_after - 1
        assert one.find_dead() == ["far"]
        with services.database.begin() as connection:
            connection.execute(tables.workers.update().where(tables.workers.c.id == "far").values(beats=7))
        assert one.find_dead() == []
        one.bury("w1")
        one.beat({})  # one that was taken for dead, wrongly, comes back
        with services.database.engine.connect() as connection:
            assert "w1" in connection.execute(sa.select(tables.workers.c.id)).scalars().all()


def test_a_server_is_ready_while_a_worker_lives(client: Local) -> None:
    services = client.services
    assert client.get("/readyz").status_code == 503  # the card is there, of a worker that was
    with Crew(services.database, services.settings, "w1").join():
        assert client.get("/readyz").status_code == 200
    assert client.get("/readyz").status_code == 503
    with services.database.begin() as connection:  # kill -9 leaves the row, and a lock that nobody holds
        values = {"id": "killed", "host": services.crew.host, "started_at": 0}
        connection.execute(tables.workers.insert().values(**values))
    assert client.get("/readyz").status_code == 503


def test_what_has_had_its_time_is_deleted(start: Start) -> None:
    import os
    import time

    client = start()
    services = client.services
    name, kept = enter(client, "local"), enter(client, "local")
    attempts = Attempts(services.database, "w")
    for each, seconds in ((name, -1.0), (kept, 60.0)):
        job = attempts.begin(each)
        assert job is not None
        attempts.complete(job, {}, seconds)
        (services.settings.videos / each).mkdir()
    stray = services.settings.videos / "video_0"
    stray.mkdir()
    os.utime(stray, (0, 0))
    assert delete_expired(services.database, services.settings) == 1
    assert {path.name for path in services.settings.videos.iterdir() if path.is_dir()} == {kept}
    assert client.get(f"/v1/videos/{name}").status_code == 404
    assert client.get(f"/v1/videos/{kept}").status_code == 200
    assert delete_expired(services.database, services.settings) == 0
    assert time.time() > 0

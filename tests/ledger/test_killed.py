"""``kill -9`` while footage is added: what was reported is on record, the ledger is whole, and the work goes on.

A writer is killed by its own hand at a step that the test picks (so that nothing hangs on how busy the machine is), or
from outside at a moment that chance picks, where every outcome but a broken ledger is right.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger.tiny_video import tiny_video

from langit.ledger.add import BATCH, add_folder
from langit.ledger.store import Ledger

FILES = 3 * BATCH
WRITER = """
import os, signal, sys
from pathlib import Path
from langit.ledger import place, store
from langit.ledger.add import add_folder

ledger, folder, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
left = [step]

def counted(function):
    def call(*arguments, **named):
        for _ in range(2):  # before and after
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            if _ == 0:
                result = function(*arguments, **named)
        return result
    return call

if step:
    store.Ledger._append = counted(store.Ledger._append)
    place.Folder.put = counted(place.Folder.put)
print("ready", flush=True)
add_folder(store.Ledger(ledger), folder, folder / "SOURCES.toml", report=lambda line: print("done", line, flush=True))
print("finished", flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("footage")
    names = [f"{number:03}.mp4" for number in range(FILES)]
    for name in names:
        (made / name).write_bytes(tiny_video(name))
    stated = (f'[[source]]\nfile = "{name}"\nlicence = "CC0-1.0"\nnote = "{name}"\n' for name in names)
    (made / "SOURCES.toml").write_text("".join(stated))
    return made


def start(ledger, folder, step):
    run = [sys.executable, "-c", WRITER, str(ledger), str(folder), str(step)]
    writer = subprocess.Popen(run, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    return writer


def reported(writer):
    said = writer.communicate()[0].splitlines()
    return {line.split()[1].rstrip(":") for line in said if line.startswith("done")}, "finished" in said


def look(path):
    """The titles on record, after checking that the ledger is whole."""
    found = Ledger(path)
    found.check()
    sources = found.sources()
    assert {signal.source for signal in found.signals()} == {source.digest for source in sources}
    assert found.size == 2 * len(sources)
    for source in sources:
        assert source.title.encode() in found.evidence.get(source.evidence[0])
    return {source.title for source in sources}


# In a fresh ledger a batch takes two steps a piece of evidence, then two for each of source, signal and log.
EVIDENCE, LOG = 9, 2 * BATCH + 5


@pytest.mark.parametrize(("step", "on_record"), [(EVIDENCE, 0), (LOG, 0), (LOG + 1, BATCH), (2 * LOG + 1, BATCH)])
def test_killed_at_a_step_and_finished_by_the_next(tmp_path, folder, step, on_record):
    writer = start(tmp_path, folder, step)
    said, finished = reported(writer)
    assert writer.returncode == -signal.SIGKILL and not finished
    found = look(tmp_path)
    assert said <= found and len(found) == on_record
    added = add_folder(Ledger(tmp_path), folder, folder / "SOURCES.toml")
    assert len(look(tmp_path)) == FILES and added.new == FILES - on_record
    assert len(Ledger(tmp_path).evidence.digests()) == FILES


@pytest.mark.slow
def test_killed_at_fifty_moments(tmp_path, folder):
    path, told, chance, killed = tmp_path / "ledger0", set(), random.Random(5), 0
    for number in range(50):
        if len(told) == FILES:
            told, path = set(), tmp_path / f"ledger{number}"
        writer = start(path, folder, 0)
        time.sleep(chance.uniform(0, 0.4))
        writer.send_signal(signal.SIGKILL)
        said, _ = reported(writer)
        killed += writer.returncode == -signal.SIGKILL
        told |= said
        assert told <= look(path)
    add_folder(Ledger(path), folder, folder / "SOURCES.toml")
    assert len(look(path)) == FILES and killed > 0


@pytest.mark.slow
def test_killed_at_every_step(tmp_path, folder):
    for step in range(1, 2 * (FILES + 3 * 3), 3):
        path = tmp_path / str(step)
        said, _ = reported(start(path, folder, step))
        assert said <= look(path)
        add_folder(Ledger(path), folder, folder / "SOURCES.toml")
        assert len(look(path)) == FILES


def test_a_lock_of_the_dead_is_let_go(tmp_path, folder):
    code = "import os, sys, filelock; filelock.FileLock(sys.argv[1]).acquire(); os.kill(os.getpid(), 9)"
    path = tmp_path / "ledger"
    path.mkdir()
    assert subprocess.run([sys.executable, "-c", code, str(path / "lock")]).returncode == -signal.SIGKILL
    assert add_folder(Ledger(path), folder).new == FILES
    assert os.access(path / "lock", os.F_OK)

"""Curation is killed (SIGKILL) at random moments, and run again until it ends: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from curate.conftest import Enter
from curate.making import encode, film

from langit.ledger.store import Ledger

CURATE = """
import os, signal, sys
from pathlib import Path
from langit.curate import run
from langit.curate.settings import CaptionSettings, Curation
from langit.ledger.store import Ledger

root, left = Path(sys.argv[1]), int(sys.argv[2])

def dying(file, *rest):  # dies on the way into the N-th function that works on the ledger, the figures or the plan
    global left
    name = file.f_code.co_filename
    if rest[0] == "call" and ("langit/curate" in name or "langit/ledger" in name or "lance" in name):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

if left:
    import threading
    threading.setprofile(dying)
    sys.setprofile(dying)
curation = Curation("set", str(root / "footage"), batch=1, captions=CaptionSettings(by="none"))
found = run.curate(curation, Ledger(root / "ledger"), root / "cache")
sys.setprofile(None)
print(found.manifest.digest if found.manifest else "none", len(found.kept))
"""


def curate(root: Path, left: int) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CURATE, str(root), str(left)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def killed(root: Path, footage: Path, ledger: Ledger, enter: Enter, kills: int) -> None:
    for name, seeds in (("a.mp4", (1, 2)), ("b.mp4", (1,)), ("c.mp4", (3,))):
        enter(encode(footage / name, film(*seeds, frames=28)))
    (footage / "d.mp4").write_text("no film")
    chance, deaths, acknowledged = random.Random(5), 0, ledger.digests()
    for _ in range(kills):
        ended = curate(root, chance.randrange(1, 4000))
        deaths += ended.returncode == -signal.SIGKILL
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        again = Ledger(root / "ledger")
        again.check()
        assert again.digests()[: len(acknowledged)] == acknowledged
        acknowledged = again.digests()
    assert deaths > 0
    ended = curate(root, 0)
    assert ended.returncode == 0, ended.stderr
    whole = Ledger(root / "ledger")
    whole.check()
    digest, kept = ended.stdout.split()
    assert whole.manifests()[-1].digest == digest and whole.manifests()[-1].clips == int(kept) == 3
    assert len(whole.clips()) == 3 and len(whole.manifests()) == 1
    assert {(drop.stage, drop.title) for drop in whole.drops()} == {("near-duplicates", "b.mp4"), ("probe", "d.mp4")}
    assert len(whole.drops()) == 2


TERMINATED = """
import contextlib, os, signal, sys, time
from langit.cli import main
from langit.curate import examine
from langit.files import atomic_write

@contextlib.contextmanager
def slow(path, **how):  # the worker's thread is in the middle of a file when the process is asked to end
    with atomic_write(path, **how) as unfinished:
        unfinished.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
        yield unfinished

examine.atomic_write = slow
main(["curate", sys.argv[1]])
"""


def test_a_curation_that_is_terminated_leaves_no_unfinished_files(
    tmp_path: Path, footage: Path, ledger: Ledger, enter: Enter
) -> None:
    enter(encode(footage / "a.mp4", film(1, frames=28)))
    (tmp_path / "set.toml").write_text(f'name = "set"\nfootage = "{footage}"\n[captions]\nby = "none"\n')
    paths = {"PYTHONPATH": str(Path(__file__).parents[2]), "LANGIT_HOME": str(ledger.path.parent)}
    command = [sys.executable, "-c", TERMINATED, str(tmp_path / "set.toml")]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | paths, check=False, cwd=tmp_path, timeout=50
    )
    assert (ended.returncode, ended.stdout) == (143, ""), ended.stderr
    assert ended.stderr.splitlines()[-1] == "langit: terminated" and "Traceback" not in ended.stderr
    assert list(tmp_path.rglob("*.part*")) == []


def test_a_curation_that_is_killed_goes_on(tmp_path: Path, footage: Path, ledger: Ledger, enter: Enter) -> None:
    killed(tmp_path, footage, ledger, enter, 2)


@pytest.mark.slow
def test_a_curation_that_is_killed_fifty_times_goes_on(
    tmp_path: Path, footage: Path, ledger: Ledger, enter: Enter
) -> None:
    killed(tmp_path, footage, ledger, enter, 50)

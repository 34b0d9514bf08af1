"""The way to a GPU and back: parts and their digests, a process that is watched, and the whole way in miniature."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "scripts"))
import gpu  # noqa: E402
import travel  # noqa: E402

SITE = next(path for path in sys.path if path.endswith("site-packages"))


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two archives in parts of a kilobyte or so."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.bin").write_bytes(os.urandom(5_000))
    (tmp_path / "two.txt").write_text("two", encoding="utf-8")
    travel.split("bundle", [(tmp_path / "a", "models")], tmp_path / "parts", part_mib=0.002)
    travel.split("record", [(tmp_path / "two.txt", "ledger/two.txt")], tmp_path / "parts", part_mib=0.002)
    return tmp_path / "parts"


def test_archives_come_back_as_they_were(parts: Path, tmp_path: Path) -> None:
    files = sorted(path.name for path in parts.iterdir())
    assert len(files) == 5 + 1 + 1 and all(
        (parts / name).stat().st_size <= 2_098 for name in files if name != travel.INDEX
    )
    assert travel.join(parts, tmp_path / "back") == ["bundle", "record"]
    assert (tmp_path / "back/models/one.bin").read_bytes() == (tmp_path / "a/one.bin").read_bytes()
    assert travel.join(parts, tmp_path / "less", ["record"]) == ["record"]
    assert not (tmp_path / "less/models").exists() and (tmp_path / "less/ledger/two.txt").read_text() == "two"
    (tmp_path / "a" / "one.bin").write_bytes(b"short")
    travel.split("bundle", [(tmp_path / "a", "models")], parts, part_mib=1)
    assert len(list(parts.glob("bundle.tar.*"))) == 1, "parts of a larger archive are gone"
    travel.join(parts, tmp_path / "again")
    assert (tmp_path / "again/models/one.bin").read_bytes() == b"short"


def test_what_did_not_come_back_whole_is_not_unpacked(parts: Path, tmp_path: Path) -> None:
    third = parts / "bundle.tar.02"
    kept = third.read_bytes()
    third.write_bytes(kept[:-1] + b"?")
    with pytest.raises(travel.TravelError, match=r"bundle\.tar\.02 is damaged"):
        travel.join(parts, tmp_path / "back")
    third.unlink()
    with pytest.raises(travel.TravelError, match=r"bundle\.tar\.02 is missing \(\d+ parts of bundle\)"):
        travel.join(parts, tmp_path / "back")
    third.write_bytes(kept)
    index = json.loads((parts / travel.INDEX).read_text())
    index["bundle"]["parts"].reverse()
    (parts / travel.INDEX).write_text(json.dumps(index))
    with pytest.raises(travel.TravelError, match="are not one archive"):
        travel.join(parts, tmp_path / "back")
    with pytest.raises(travel.TravelError, match="has no films: it has bundle, record"):
        travel.join(parts, tmp_path / "back", ["films"])
    for text in ("", "[]", '{"bundle": {}}'):
        (parts / travel.INDEX).write_text(text)
        with pytest.raises(travel.TravelError, match=r"no parts\.json that can be read"):
            travel.join(parts, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_names_in_an_archive_cannot_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("evil")
    travel.split("bundle", [(tmp_path / "evil", "../outside")], tmp_path / "parts")
    with pytest.raises(travel.TravelError, match="no archive that can be unpacked: .*outside"):
        travel.join(tmp_path / "parts", tmp_path / "in" / "back")
    assert not (tmp_path / "in" / "outside").exists()
    assert gpu.main(["join", str(tmp_path / "parts"), "-o", str(tmp_path / "in" / "back")]) == 1


def test_a_run_that_fails_is_told_at_once_with_its_last_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with pytest.raises(travel.TravelError, match=r"ended with 2:\n(.|\n)*no recipe is named 'pockt'"):
        gpu.watch(["train", "pockt"], tmp_path / "home", tmp_path / "log", limit=120)
    assert time.monotonic() - began < 100 and "langit train pockt (process" in capsys.readouterr().out


def test_a_run_that_outlasts_its_time_is_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "stubborn.py"
    script.write_text("import time\nprint('still here', flush=True)\ntime.sleep(100)\n", encoding="utf-8")
    monkeypatch.setattr(gpu, "SAY_EVERY", 0.2)
    monkeypatch.setattr(gpu, "QUIET", 0.1)
    run = subprocess.Popen
    monkeypatch.setattr(
        gpu.subprocess,
        "Popen",
        lambda command, **how: run([sys.executable, str(script)], **how),  # for langit
    )
    with pytest.raises(travel.TravelError, match="ended with -15:\nstill here"):
        gpu.watch(["train", "slow"], tmp_path / "home", tmp_path / "log", limit=1.5)
    out = capsys.readouterr().out
    assert "still here" in out and "silent for" in out and "time is over: it is asked to end" in out


def test_pins_are_those_of_the_constraints() -> None:
    assert gpu.pins(TREE, ["mujoco", "license-expression"])[0].startswith("mujoco==")
    with pytest.raises(travel.TravelError, match="no version of left-pad"):
        gpu.pins(TREE, ["left-pad"])
    needs = gpu._needs_of(["mujoco"], ["numpy"], "3.12")
    assert "PyOpenGL" in needs or "pyopengl" in needs
    assert "numpy" not in needs


def test_the_parcel_holds_the_code_and_its_plan(tmp_path: Path) -> None:
    assert gpu.main(["pack", "-o", str(tmp_path / "parcel"), "--plan", "--part", "1"]) == 0
    travel.join(tmp_path / "parcel", tmp_path / "there")
    assert (tmp_path / "there/langit/recipes/pocket.py").exists() and (tmp_path / "there/scripts/gpu.py").exists()
    assert not (tmp_path / "there/tests").exists() and not (tmp_path / "there/langit/weights").exists()
    plan = json.loads((tmp_path / "there/wheels/plan.json").read_text())
    assert plan["fetched"] is False and any(line.startswith("mujoco==") for line in plan["need"])
    assert max(path.stat().st_size for path in (tmp_path / "parcel").iterdir()) <= 2**20
    assert {"gpu.py", "travel.py"} <= {path.name for path in (tmp_path / "parcel").iterdir()}


def command(where: Path, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, str(where), *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": SITE, "MUJOCO_GL": "osmesa", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_whole_way_in_miniature(tmp_path: Path) -> None:
    """Pack, unpack, smoke, run, split, join, and a bundle that holds."""
    parcel, there = tmp_path / "parcel", tmp_path / "there"
    command(TREE / "scripts/gpu.py", "pack", "-o", parcel, "--need", "", "--there", "")
    command(parcel / "gpu.py", "unpack", parcel, "-o", there)
    words = ["--device", "cpu", "--workers", 1, "--recipe", "tiny-gpu", "--part", 1, "--seconds", 45, "--grace", 120]
    said = command(there / "scripts/gpu.py", "run", "-o", tmp_path / "results", *words, "--smoke", 45)
    assert "smoke passed" in said and said.count("is a bundle and holds") == 2
    parts = tmp_path / "results" / "parts"
    assert max(path.stat().st_size for path in parts.iterdir()) <= 2**20
    back = command(TREE / "scripts/gpu.py", "join", parts, "-o", tmp_path / "back")
    assert "is a bundle and holds" in back
    for kept in ("models/tiny-gpu/provenance.json", "ledger", "runs/tiny-gpu/everything/exposure.log", "run.log"):
        assert (tmp_path / "back" / kept).exists(), kept
    again = command(there / "scripts/gpu.py", "run", "-o", tmp_path / "results", *words, "--smoke", 0)
    assert "--resume" in again, "what is there is gone on with"

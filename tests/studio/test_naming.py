"""Outputs are named for what they show, and no two runs ever write the same file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli.running import process

from langit.studio import claim_paths, free_path
from langit.studio.naming import claim_free_path

HOLD = """
import sys, time
from pathlib import Path
from langit.studio import claim_paths
with claim_paths([Path(sys.argv[1])]):
    print("claimed", flush=True)
    time.sleep(60)
"""


def test_names_say_what_is_shown(tmp_path: Path) -> None:
    assert free_path(tmp_path, "Ein roter Bäll, on snow!", 7, ".mp4").name == "ein-roter-ball-on-snow-7.mp4"
    assert free_path(tmp_path, "красный", 0, ".png").name == "video-0.png"
    assert len(free_path(tmp_path, "ball " * 100, 0, ".mp4").name) < 80
    (tmp_path / "ball-0.mp4").touch()
    assert free_path(tmp_path, "ball", 0, ".mp4").name == "ball-0-2.mp4"


def test_a_claimed_name_is_taken_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with claim_paths([path]):
        with pytest.raises(FileExistsError, match=r"a.mp4 is being written by another run"), claim_paths([path], True):
            pass
        with claim_free_path(tmp_path, "a", 0, ".mp4") as one, claim_free_path(tmp_path, "a", 0, ".mp4") as other:
            assert (one.name, other.name) == ("a-0.mp4", "a-0-2.mp4")
    assert list(tmp_path.iterdir()) == []
    path.touch()
    with pytest.raises(FileExistsError, match=r"a.mp4 exists"), claim_paths([path]):
        pass
    with claim_paths([path], overwrite=True):
        pass
    assert list(tmp_path.iterdir()) == [path]


def test_very_long_names_can_be_claimed(tmp_path: Path) -> None:
    with claim_paths([tmp_path / ("x" * 251 + ".mp4")]):
        assert len(list(tmp_path.iterdir())) == 1


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "claimed\n"
    with pytest.raises(FileExistsError, match="being written"), claim_paths([path]):
        pass
    holder.kill()
    holder.communicate()
    with claim_paths([path]):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verb", "suffix"), [("generate", "mp4"), ("image", "png"), ("storyboard", "mp4")], ids=lambda value: value
)
def test_of_two_runs_with_one_output_one_is_refused(place: Path, model: Path, verb: str, suffix: str) -> None:
    (place / "board.toml").write_text('seconds = 2\n[[card]]\nfrom = 0\nto = 2\ntext = "ball"\n')
    what = "board.toml" if verb == "storyboard" else "ball"
    running = [process(verb, what, "--model", model, "--seed", seed, "-o", f"a.{suffix}") for seed in (1, 2)]
    answers = [run.communicate() for run in running]
    codes = sorted(run.returncode for run in running)
    assert codes == [0, 2], answers
    loser = answers[0] if running[0].returncode == 2 else answers[1]
    assert "being written by another run" in loser[1] or "exists" in loser[1]
    assert sorted(path.name for path in place.iterdir()) == sorted([f"a.{suffix}", "board.toml"])


def test_without_an_output_two_runs_choose_two_names(place: Path, model: Path) -> None:
    running = [process("generate", "ball", "--model", model) for _ in range(2)]
    outputs = {run.communicate()[0].strip() for run in running}
    assert {Path(output).name for output in outputs} == {"ball-0.mp4", "ball-0-2.mp4"}

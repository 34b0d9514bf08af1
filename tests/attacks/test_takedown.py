"""The road of a take-down by looks, by the command line: re-encoded copies are barred at add, at fetch and in curation.

Slow (`make test-all`): films are encoded, entered and curated.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.running import Run
from curate.making import FPS, encode, film
from PIL import Image

from langit import config
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger

pytestmark = pytest.mark.slow

SEED, OTHER = 11, 12


def resized(frames: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(frame).resize((width, height))) for frame in frames])


def bordered(frames: np.ndarray, value: int) -> np.ndarray:
    return np.pad(frames, ((0, 0), (12, 12), (16, 16), (0, 0)), constant_values=value)


COPIES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "re-encoded": (lambda frames: frames, 1.0),
    "smaller": (lambda frames: resized(frames, 96, 72), 1.0),
    "black borders": (lambda frames: bordered(frames, 0), 1.0),
    "mirrored": (lambda frames: frames[:, :, ::-1], 1.0),
    "1.25 times as fast": (lambda frames: frames, 1.25),
    "mirrored with borders, smaller and faster": (
        lambda frames: bordered(resized(frames[:, :, ::-1], 112, 84), 0),
        1.25,
    ),
    "a beginning cut off": (lambda frames: frames[len(frames) // 3 :], 1.0),
}


def copied(path: Path, change: str, frames: np.ndarray) -> Path:
    changed, speed = COPIES[change]
    return encode(path, np.ascontiguousarray(changed(frames)), fps=round(FPS * speed), options={"crf": "30"})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which a film and another one were entered and curated."""
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "first"
    folder.mkdir()
    for name, seed in (("friday", SEED), ("other", OTHER)):
        encode(folder / f"{name}.mp4", film(seed, frames=72))
        (folder / f"{name}.txt").write_text("a texture slides to the right")
    return tmp_path


def curation(name: str, folder: str) -> str:
    Path(f"{name}.toml").write_text(
        f'name = "{name}"\nfootage = "{folder}"\n[captions]\nby = "sidecar"\n[limits]\nsharpness = 0.0\n'
    )
    return f"{name}.toml"


def allowed(title: str) -> bool:
    ledger = Ledger(config.home() / "ledger")
    titles = {source.digest: source.title for source in ledger.sources()}
    return any(titles[clip.source] == title for clip in ledger.allowed_clips(Policy()).clips)


def test_copies_of_a_video_that_was_taken_down_are_barred(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Run(capsys, "ledger", "add", "first", "--licence", "CC0-1.0").code == 0
    assert Run(capsys, "curate", curation("first", "first")).code == 0
    assert allowed("friday.mp4") and allowed("other.mp4")
    frames = film(SEED, frames=72)

    # Copies that were entered before the take-down, and not curated.
    (home / "before").mkdir()
    for change in COPIES:
        copied(home / "before" / f"{change}.mp4", change, frames)
        (home / "before" / f"{change}.txt").write_text("a texture")
    assert Run(capsys, "ledger", "add", "before", "--licence", "CC0-1.0").code == 0

    # The owner shows a copy of their own, which is nobody else's file.
    owners = encode(home / "owners.mp4", frames, options={"crf": "26"})
    taken = Run(capsys, "ledger", "revoke", "--like", owners, "--reason", "asked by its owner", "--json")
    assert taken.code == 0
    answer = json.loads(taken.out)
    assert any("'friday.mp4'" in line for line in answer["looks like it"])
    assert not allowed("friday.mp4") and allowed("other.mp4")

    # New copies are refused by `ledger add`, each by name.
    (home / "after").mkdir()
    for change in COPIES:
        copied(home / "after" / f"{change}.mp4", change, frames[2:])
    encode(home / "after" / "unrelated.mp4", film(13, frames=72))
    added = Run(capsys, "ledger", "add", "after", "--licence", "CC0-1.0")
    assert added.code == 2
    for change in COPIES:
        assert f"{change}.mp4: it looks like a video that was revoked" in added.err, change
    sources = Ledger(config.home() / "ledger").sources()
    assert [source.title for source in sources].count("unrelated.mp4") == 1
    assert len(sources) == 3 + len(COPIES), "two films, the copies of before, and the film that is unrelated"

    # Those that were entered before are dropped by curation, and none of them may be learnt from.
    curated = Run(capsys, "curate", curation("before", "before"))
    assert curated.code == 2, "a curation that keeps nothing is an error"
    for change in COPIES:
        assert not allowed(f"{change}.mp4"), change


def test_a_take_down_that_finds_nothing_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Run(capsys, "ledger", "add", "first", "--licence", "CC0-1.0").code == 0
    unseen = encode(home / "unseen.mp4", film(14, frames=72))
    taken = Run(capsys, "ledger", "revoke", "--like", unseen)
    assert taken.code == 1 and "could be missed" in taken.out and "nothing on record matches" in taken.out

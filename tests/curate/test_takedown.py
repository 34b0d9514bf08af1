"""A take-down by looks: copies are barred whatever their bytes, other footage is not, and the evidence is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from langit import video
from langit.curate.alike import sample_looks
from langit.curate.takedown import RevokedLooks, keep_looks
from langit.ledger.store import Ledger

SIZE = (320, 192)


def scene(seed: int, frames: int = 24) -> np.ndarray:
    """A rough picture that drifts to the left."""
    rough = np.random.default_rng(seed).integers(0, 255, (7, 13, 3), np.uint8)
    wide = np.asarray(Image.fromarray(rough).resize((SIZE[0] + 4 * frames, SIZE[1]), Image.Resampling.BICUBIC))
    return np.stack([wide[:, 4 * number : 4 * number + SIZE[0]] for number in range(frames)])


def resized(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.stack([np.asarray(Image.fromarray(frame).resize(size)) for frame in frames])


@pytest.fixture
def revoked(tmp_path: Path) -> RevokedLooks:
    original = tmp_path / "original.mp4"
    video.write(original, scene(1), 8, {})
    ledger = Ledger(tmp_path / "ledger")
    ledger.revoke(keep_looks(ledger, sample_looks(original)), "asked by its owner", by="looks")
    return RevokedLooks.of(Ledger(ledger.path))


@pytest.mark.parametrize("change", ["resized", "mirrored", "faster", "cropped", "half as long"])
def test_copies_are_barred(revoked: RevokedLooks, tmp_path: Path, change: str) -> None:
    frames, fps = scene(1), 8.0
    if change == "resized":
        frames = resized(frames, (192, 112))
    elif change == "mirrored":
        frames = frames[:, :, ::-1]
    elif change == "faster":
        fps = 10.0
    elif change == "cropped":
        frames = resized(frames[:, 10:-10, 16:-16], SIZE)
    else:
        frames = frames[: len(frames) // 2]
    video.write(tmp_path / "copy.mp4", np.ascontiguousarray(frames), fps, {})
    why = revoked.why_barred(tmp_path / "copy.mp4")
    assert why is not None and "asked by its owner" in why


def test_other_footage_is_not_barred(revoked: RevokedLooks, tmp_path: Path) -> None:
    for seed in (2, 3, 4):
        video.write(tmp_path / f"other{seed}.mp4", scene(seed), 8, {})
        assert revoked.why_barred(tmp_path / f"other{seed}.mp4") is None
    (tmp_path / "words.mp4").write_text("no video")
    assert revoked.why_barred(tmp_path / "words.mp4") is None


def test_without_its_evidence_nothing_is_waved_through(tmp_path: Path) -> None:
    original = tmp_path / "original.mp4"
    video.write(original, scene(1), 8, {})
    ledger = Ledger(tmp_path / "ledger")
    target = keep_looks(ledger, sample_looks(original))
    ledger.revoke(target, "asked", by="looks")
    (ledger.path / "evidence" / target[:2] / target).unlink()
    with pytest.raises(ValueError, match="is not in"):
        RevokedLooks.of(ledger)

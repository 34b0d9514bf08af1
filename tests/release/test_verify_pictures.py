"""Without valid credentials, the pictures and the ledger show where a file came from."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from release.test_verify import remux, store

from langit import video
from langit.release.credentials.identity import identity
from langit.release.credentials.sign import sign
from langit.release.facts import Facts
from langit.release.outputs import Outputs, fingerprint_text
from langit.release.verdict import VerifyFinding
from langit.release.verify import verify
from langit.release.watermark import Watermark


def scene(seed: int, frames: int = 12) -> np.ndarray:
    """A moving picture with shapes."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 215, (6, 8, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC))
    return np.stack([np.roll(large, 3 * number, axis=1)[:96, :128] for number in range(frames)])


@pytest.fixture(scope="module")
def released(facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home, and a video that was watermarked, signed and entered there."""
    home = tmp_path_factory.mktemp("made")
    frames = scene(3)
    mark = Watermark(96, 128, facts.mark)
    marked = np.stack([mark.mark(frame) for frame in frames])
    video.write(home / "plain.mp4", marked, 8)
    sign(home / "plain.mp4", home / "made.mp4", facts, identity(home / "keys"))
    digest = hashlib.sha256((home / "made.mp4").read_bytes()).hexdigest()
    looks = [each for each in map(fingerprint_text, marked[::4]) if each]
    Outputs.of(home).enter(digest, facts, looks)
    return home, home / "made.mp4"


def test_a_released_file_is_found_in_the_ledger_by_its_hash(
    released: tuple[Path, Path], facts: Facts, tmp_path: Path
) -> None:
    home, path = released
    verdict = verify(path, home)
    assert verdict.finding is VerifyFinding.TRUSTED and [each.how for each in verdict.known] == ["file"]
    bare = tmp_path / "bare.txt"
    bare.write_bytes(b"a file of another kind")
    Outputs.of(home).enter(hashlib.sha256(bare.read_bytes()).hexdigest(), replace(facts, seed=8))
    assert verify(bare, home).finding is VerifyFinding.KNOWN_FILE


@pytest.mark.parametrize("how", ["remuxed", "encoded again", "screenshot"])
def test_the_watermark_leads_to_the_entry(released: tuple[Path, Path], facts: Facts, tmp_path: Path, how: str) -> None:
    home, path = released
    copy = tmp_path / "copy.mp4"
    if how == "remuxed":
        remux(path, copy)
    elif how == "encoded again":
        video.write(copy, video.read(path), 8)
    else:
        copy = tmp_path / "copy.png"
        Image.fromarray(video.read(path)[5]).save(copy)
    verdict = verify(copy, home)
    assert (verdict.finding, verdict.intact, verdict.credentials) == (VerifyFinding.KNOWN_MARK, None, None)
    (known,) = verdict.known
    assert (known.how, known.prompt, known.model) == ("watermark", facts.prompt, facts.weights)
    assert known.p_value is not None and known.p_value < 1e-6


def test_a_watermark_of_another_machine_is_reported(released: tuple[Path, Path], tmp_path: Path) -> None:
    remux(released[1], tmp_path / "copy.mp4")
    verdict = verify(tmp_path / "copy.mp4", tmp_path)
    assert verdict.finding is VerifyFinding.STRANGE_MARK and not verdict.known and "holds the id" in verdict.mark


def test_looks_lead_to_the_entry_if_there_is_no_watermark(facts: Facts, tmp_path: Path) -> None:
    frames = scene(9)
    Outputs.of(tmp_path).enter("12" * 32, facts, [each for each in map(fingerprint_text, frames[::4]) if each])
    video.write(tmp_path / "a.mp4", frames, 8)
    verdict = verify(tmp_path / "a.mp4", tmp_path)
    assert verdict.finding is VerifyFinding.KNOWN_LOOKS and verdict.known[0].how == "looks"
    video.write(tmp_path / "b.mp4", scene(10), 8)
    assert verify(tmp_path / "b.mp4", tmp_path).finding is VerifyFinding.NOTHING


def test_credentials_moved_to_another_encoding_do_not_hold_but_its_watermark_is_reported(
    released: tuple[Path, Path], tmp_path: Path
) -> None:
    """The manifests of a video are put into the same video encoded anew, and into another one."""
    home, path = released
    contents = path.read_bytes()
    start, end = store(contents)
    video.write(tmp_path / "again.mp4", video.read(path) // 8 * 8, 8)
    video.write(tmp_path / "other.mp4", scene(11), 8)
    for name, words, known in (("again", "the id that the", ["watermark"]), ("other", "none: not the id that the", [])):
        copy = tmp_path / f"{name}.mp4"
        copy.write_bytes(copy.read_bytes() + contents[start:end])
        verdict = verify(copy, home)
        assert verdict.finding is VerifyFinding.ELSEWHERE and words in verdict.mark
        assert [each.how for each in verdict.known] == known


def test_the_watermark_is_read_from_half_a_file(released: tuple[Path, Path], tmp_path: Path) -> None:
    home, path = released
    contents = path.read_bytes()
    (tmp_path / "half.mp4").write_bytes(contents[: len(contents) * 2 // 3])
    verdict = verify(tmp_path / "half.mp4", home)
    assert verdict.finding is VerifyFinding.CUT and [each.how for each in verdict.known] == ["watermark"]


def test_verifying_changes_nothing(released: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copy(released[1], tmp_path / "a.mp4")
    verify(tmp_path / "a.mp4", tmp_path / "nowhere")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]

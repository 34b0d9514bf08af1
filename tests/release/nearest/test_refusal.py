"""The nearest-clip gate refuses at the door, where it is configured to."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from release.leaving import FACTS
from release.nearest.conftest import film

import langit
from langit.bundle import Bundle, load_bundle
from langit.bundle.folder import add_file
from langit.release import Door, Refused, release
from langit.release.nearest import ClipIndex
from langit.release.nearest.bundled import FILE
from langit.release.nearest.fingerprints import StoredFingerprints, fingerprints_of
from langit.release.nearest.index import COPY_BITS
from langit.release.outputs import Outputs


@pytest.fixture(scope="module")
def model(index: ClipIndex, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The shipped model with the index of the small films."""
    folder = tmp_path_factory.mktemp("model") / "model"
    shutil.copytree(Path(langit.__file__).parent / "weights" / "pocket", folder)
    add_file(folder, FILE, index.save)
    return load_bundle(folder)


def open_door(model: Bundle, home: Path, settings: str) -> Door:
    (home / "release.toml").write_text(f"[nearest]\n{settings}\n")
    return Door.of(model, home)


@pytest.mark.parametrize("settings", ['near_action = "refuse"', 'near = 1.0\ncopied_action = "refuse"'])
def test_a_copy_of_a_training_clip_is_refused_and_leaves_nothing(
    model: Bundle, tmp_path: Path, out: Path, settings: str
) -> None:
    door = open_door(model, tmp_path, settings)
    with pytest.raises(Refused, match="nearest clip"):
        release(film(3), FACTS, out / "a.mp4", door)
    assert list(out.iterdir()) == [] and Outputs.of(door.home).ledger.size == 0
    released = release(film(2003), FACTS, out / "a.mp4", door)  # a film that nobody trained on
    assert not [note for note in released.notes if "fingerprints" in note.why]


def test_by_default_a_copy_is_noted_with_its_entry(model: Bundle, tmp_path: Path, out: Path) -> None:
    released = release(film(3), FACTS, out / "a.mp4", Door.of(model, tmp_path))
    flags = " ".join(released.entry.flags)
    assert "similar to film 3 of boxes" in flags and "100% of the fingerprints of film 3 of boxes" in flags


def test_the_gate_can_be_switched_off(model: Bundle, tmp_path: Path, out: Path) -> None:
    released = release(film(3), FACTS, out / "a.mp4", open_door(model, tmp_path, "on = false"))
    assert released.notes == ()


def test_thresholds_decide(model: Bundle, tmp_path: Path, out: Path) -> None:
    """Half of a clip contains one of its two fingerprints."""
    half = np.concatenate([film(3)[:9], film(2004)[9:]])
    strict = open_door(model, tmp_path, 'near = 1.0\ncopied = 0.5\ncopied_action = "refuse"')
    with pytest.raises(Refused, match="50% of the fingerprints of film 3"):
        release(half, FACTS, out / "a.mp4", strict)
    lenient = open_door(model, tmp_path, 'near = 1.0\ncopied = 0.51\ncopied_action = "refuse"')
    release(half, replace(FACTS, seed=1), out / "b.mp4", lenient)


def test_mirrored_copies_are_found_by_their_fingerprints() -> None:
    stored = StoredFingerprints(fingerprints_of(film(4))[None, [2, 6]])
    for frames in (film(4), film(4)[:, :, ::-1]):
        assert stored.find(frames, COPY_BITS)[0][0] == 1.0
    assert stored.find(film(5), COPY_BITS) == {}
    assert StoredFingerprints(np.zeros((3, 2, 32), np.uint8)).find(film(4), COPY_BITS) == {}

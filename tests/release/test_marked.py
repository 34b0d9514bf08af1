"""Released files that lost their credentials and their entry are entered as what they are, not as footage."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from langit import video
from langit.ledger.add import add_folder
from langit.ledger.derived import Output
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.ledger.verdict import RightsVerdict
from langit.release.marked import MarkedOutputs
from langit.release.pictures import FRAMES
from langit.release.watermark import Watermark
from tests.release.watermark.film import IDENT, scene

MODEL, PARENT, WHEN = "ab" * 32, "cd" * 32, "2026-11-23T00:00:00+00:00"
RELEASED = Output("ef" * 32, MODEL, WHEN, parents=(PARENT,), mark=IDENT.hex())
"""The file that was released; what is added here are other bytes."""


def marked(frames: np.ndarray, ident: bytes = IDENT) -> np.ndarray:
    mark = Watermark(frames.shape[1], frames.shape[2], ident)
    return np.stack([mark.mark(frame) for frame in frames])


def coded(path: Path, frames: np.ndarray, crf: int = 23) -> Path:
    """The frames as another program codes them, without metadata."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8, options={"crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
    return path


def entered(ledger: Ledger, folder: Path) -> list[tuple[str, str, str | None, tuple[str, ...]]]:
    add_folder(ledger, folder, licence="CC-BY-4.0", creator="me", find_mark=MarkedOutputs.of(ledger).find)
    return [(source.title, source.kind, source.generator, source.parents) for source in ledger.sources()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "footage"
    made.mkdir()
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger that released a file with this mark."""
    found = Ledger(tmp_path / "ledger")
    found.add([RELEASED])
    return found


def test_a_copy_of_an_output_is_entered_with_its_model_and_parents(ledger: Ledger, folder: Path) -> None:
    coded(folder / "copy.mp4", marked(scene(64, 64)))
    by = f"model {MODEL}, by its watermark"
    assert entered(ledger, folder) == [("copy.mp4", "synthetic", by, (PARENT,))]
    (decision,) = ledger.decisions(Policy()).values()
    assert decision.verdict is RightsVerdict.REFUSED and "refuses model outputs" in decision.rule


def test_the_output_of_another_machine_is_entered_as_one(tmp_path: Path, folder: Path) -> None:
    coded(folder / "large.mp4", marked(scene(180, 320)))
    by = f"a Langit model, by its watermark (id {IDENT.hex()}, not known here)"
    assert entered(Ledger(tmp_path / "empty"), folder) == [("large.mp4", "synthetic", by, ())]


def test_a_mark_whose_id_cannot_be_read_is_enough(tmp_path: Path, folder: Path) -> None:
    """Small pictures coded again keep the waves that show where the mark is, and lose the id."""
    coded(folder / "small.mp4", marked(scene(64, 64, 3)), crf=30)
    by = "a Langit model, by its watermark (its id cannot be read)"
    assert entered(Ledger(tmp_path / "empty"), folder) == [("small.mp4", "synthetic", by, ())]


def test_an_image_is_recognised(ledger: Ledger, folder: Path) -> None:
    Image.fromarray(marked(scene(180, 320, 1))[0]).save(folder / "picture.gif")
    assert entered(ledger, folder)[0][1] == "synthetic"


def test_marked_pictures_in_the_middle_of_a_long_video_are_found(ledger: Ledger, folder: Path) -> None:
    plain, ours = scene(32, 32, FRAMES), marked(scene(32, 32, 5))
    coded(folder / "long.mp4", np.concatenate([plain, np.tile(ours, (60, 1, 1, 1)), plain[:60]]))
    assert entered(ledger, folder)[0][1] == "synthetic"


def test_footage_without_a_mark_stays_footage(ledger: Ledger, folder: Path) -> None:
    coded(folder / "own.mp4", scene(64, 64))
    coded(folder / "noise.mp4", np.random.default_rng(3).integers(0, 255, (9, 64, 96, 3), np.uint8), crf=10)
    coded(folder / "black.mp4", np.zeros((5, 64, 64, 3), np.uint8))
    assert [kind for _, kind, _, _ in entered(ledger, folder)] == ["file"] * 3


def test_credentials_and_entries_are_asked_before_the_mark(ledger: Ledger, folder: Path) -> None:
    """They say more, and cost less."""
    coded(folder / "copy.mp4", marked(scene(64, 64)))
    video.write(folder / "named.mp4", scene(64, 64), 8, {"provenance": f"sha256:{MODEL}"})
    looked_at: list[str] = []

    def find(path: Path) -> None:
        looked_at.append(path.name)

    add_folder(ledger, folder, find_mark=find)
    assert looked_at == ["copy.mp4"]

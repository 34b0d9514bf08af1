"""Recognise released files by their watermark before they are entered as footage.

Credentials and metadata are lost when a file is coded again; the watermark is not. ``ledger add`` and ``ledger fetch``
ask here about files of which nothing else says that a model made them. Looks at the first frames and, in a longer
video, at as many from the middle on; a video that holds marked pictures only elsewhere is not recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from langit.ledger.derived import Output
from langit.ledger.store import Ledger
from langit.ledger.synthetic import ModelOutput
from langit.release import watermark
from langit.release.pictures import FRAMES, first_frames, frame_rate, middle_frames
from langit.release.watermark import MarkMatch, MarkReading


@dataclass(frozen=True)
class MarkedOutputs:
    """The released files of a ledger by their watermarks' ids."""

    outputs: dict[bytes, Output]

    @classmethod
    def of(cls, ledger: Ledger) -> MarkedOutputs:
        """Read them from a ledger."""
        return cls({bytes.fromhex(output.mark): output for output in reversed(ledger.outputs()) if output.mark})

    def find(self, path: Path) -> ModelOutput | None:
        """What made a file, by its watermark; ``None`` if no watermark is found in it, or no frame."""
        mark = next(filter(None, (reading.find(list(self.outputs)) for reading in _readings(path))), None)
        return None if mark is None else self._describe(mark)

    def _describe(self, mark: MarkMatch) -> ModelOutput:
        output = self.outputs.get(mark.ident)
        if output is not None:
            return ModelOutput(f"model {output.model}, by its watermark", output.parents)
        if mark.ident:
            return ModelOutput(f"a Langit model, by its watermark (id {mark.ident.hex()}, not known here)")
        return ModelOutput("a Langit model, by its watermark (its id cannot be read)")


def _readings(path: Path) -> Iterator[MarkReading]:
    frames = list(first_frames(path))
    if frames:
        yield watermark.read(frames, frame_rate(path))
    if len(frames) == FRAMES:
        middle = list(middle_frames(path))
        if middle:
            yield watermark.read(middle, frame_rate(path))

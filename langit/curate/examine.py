"""One file, from its bytes to the measurements of its segments, or the reason why it is dropped.

Measurements are cached by the file's hash and the settings that made them, so that a curation that was killed does not
decode a file twice. It knows nothing of Daft, which calls it.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from langit import config, video
from langit.curate.footage import local_path
from langit.curate.limits import DropReason, median
from langit.curate.measures import BlackBars
from langit.curate.survey import Segment, SurveySettings, survey
from langit.files import atomic_write, sha256

STILL: Final = "0"  # the rate of a picture
VERSION = 2  # of the measurements: those of another version are measured again

MEASUREMENTS = pa.schema(
    [
        ("start", pa.int64()),
        ("frames", pa.int64()),
        ("starts_at", pa.string()),
        ("ends_at", pa.string()),
        ("content", pa.string()),
        ("sharpness", pa.float64()),
        ("text", pa.float64()),
        ("whole", pa.float64()),
        ("inside", pa.float64()),
        ("bars", pa.list_(pa.int64())),
        ("prints", pa.list_(pa.binary())),
        ("inner", pa.list_(pa.binary())),
        ("quality", pa.list_(pa.int64())),
        ("pictures", pa.list_(pa.binary())),
    ]
)
Row = dict[str, Any]


@dataclass(frozen=True)
class ProbeResult:
    """The size and rate of a file, the rate of a picture being `STILL`, or the reason why it is dropped."""

    width: int
    height: int
    fps: str  # a fraction
    reason: DropReason | None = None


def probe(place: str, refused: str | None) -> ProbeResult:
    """Probe one file; errors become a reason in words for people."""

    def drop(reason: str, detail: str) -> ProbeResult:
        return ProbeResult(0, 0, "0", DropReason("probe", reason, detail))

    if refused is not None:
        return drop("outside the folder", refused)
    try:
        info = video.probe(local_path(place))
    except FileNotFoundError:
        return drop("missing", "the file does not exist")
    except ValueError as error:
        return drop("unreadable", _without_path(str(error), place))
    except OSError as error:
        return drop("unreadable", f"the file cannot be read ({error.strerror or error})")
    if info.transfer in video.HDR:
        name = video.HDR[info.transfer]
        return drop("HDR", f"the film has high dynamic range ({name}): convert it to standard range (BT.709)")
    if info.still:
        return ProbeResult(info.width, info.height, STILL)
    return ProbeResult(info.width, info.height, str(Fraction(info.fps).limit_denominator(1001)))


def examine(place: str, sha256: str, fps: str, settings: SurveySettings, cache: Path) -> list[Row] | DropReason:
    """Measure all segments of a file, or read the measurements from the cache."""
    still = fps == STILL
    rows = _examine(place, sha256, 1.0 if still else float(Fraction(fps)), still, settings, cache)
    if not still or isinstance(rows, DropReason):
        return rows
    return [row | {"starts_at": "0", "ends_at": "0"} for row in rows]  # a picture lasts no time


def _examine(
    place: str, sha256: str, fps: float, still: bool, settings: SurveySettings, cache: Path
) -> list[Row] | DropReason:
    kind = "-still" if still else ""  # lists could name pictures before, which were measured as films
    cached = cache / f"v{VERSION}" / config.digest(settings)[7:23] / f"{sha256}{kind}.parquet"
    if cached.exists():
        try:
            return list(pq.read_table(cached).to_pylist())
        except (pa.ArrowInvalid, OSError):
            cached.unlink(missing_ok=True)  # damaged: measure again
    try:
        rows = [_measurements(segment) for segment in survey(local_path(place), settings, fps, still=still)]
    except ValueError as error:
        return DropReason("decode", "unreadable", _without_path(str(error), place))
    except OSError as error:
        return DropReason("decode", "unreadable", f"the file cannot be read ({error.strerror or error})")
    cached.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(cached) as unfinished:
        pq.write_table(pa.Table.from_pylist(rows, schema=MEASUREMENTS), unfinished)
    return rows


def file_hash(place: str) -> str:
    """SHA-256 of a file's bytes."""
    return sha256(local_path(place))


def _measurements(segment: Segment) -> Row:
    """A segment as a row: medians over its samples, and the black bars that all samples have."""
    samples = segment.samples
    bars = reduce(BlackBars.common, (sample.bars for sample in samples)).balance()
    return {
        "start": segment.start,
        "frames": segment.frames,
        # 90000 is the clock of MPEG, of which other time bases are mostly fractions.
        "starts_at": str(Fraction(max(0.0, segment.starts_at)).limit_denominator(90000)),
        "ends_at": str(Fraction(max(0.0, segment.ends_at)).limit_denominator(90000)),
        "content": segment.content_sha256,
        "sharpness": statistics.median(sample.sharpness for sample in samples),
        "text": median([sample.text for sample in samples]),
        "whole": median([sample.motion.whole if sample.motion else None for sample in samples]),
        "inside": median([sample.motion.inside if sample.motion else None for sample in samples]),
        "bars": [bars.top, bars.bottom, bars.left, bars.right],
        "prints": [sample.fingerprint.bits for sample in samples],
        "inner": [sample.inner.bits for sample in samples],
        "quality": [sample.fingerprint.quality for sample in samples],
        "pictures": [sample.picture for sample in samples if sample.picture],
    }


def _without_path(message: str, place: str) -> str:
    """A message without the file's path, which is shown beside it anyway and may be private."""
    return message.replace(str(local_path(place)), "the file").removeprefix("the file ")

"""One file, from its bytes to the figures of its stretches; or why not. What the plan's steps on files call.

Figures are kept by the file's hash and the settings that made them, so that a curation that was killed does not look at
a file twice. Knows nothing of Daft.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from langit import config, video
from langit.curate.footage import local
from langit.curate.limits import DropReason, middle
from langit.curate.measures import BlackBars
from langit.curate.survey import FrameSample, Segment, SurveySettings, survey
from langit.files import atomic_write, sha256

VERSION = 1  # of the signals: figures of another version are made again

FIGURES = pa.schema(
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
Figures = dict[str, Any]


@dataclass(frozen=True)
class ProbeResult:
    """What a file is."""

    width: int
    height: int
    fps: str
    reason: DropReason | None = None


def probe(place: str, refused: str | None) -> ProbeResult:
    """A file's sizes, or the reason why it cannot be used, in words for a person."""

    def dropped(reason: str, detail: str) -> ProbeResult:
        return ProbeResult(0, 0, "0", DropReason("probe", reason, detail))

    if refused is not None:
        return dropped("climbs out", refused)
    try:
        info = video.probe(local(place))
    except FileNotFoundError:
        return dropped("not there", "there is no such file")
    except ValueError as error:
        return dropped("unreadable", _plain(str(error), place))
    except OSError as error:
        return dropped("unreadable", f"it cannot be read ({error.strerror or error})")
    if info.transfer in video.HDR:
        name = video.HDR[info.transfer]
        return dropped("HDR", f"its light is coded as {name}: give a version in standard dynamic range")
    return ProbeResult(info.width, info.height, str(Fraction(info.fps).limit_denominator(1001)))


def examine(place: str, sha256: str, fps: str, settings: SurveySettings, cache: Path) -> list[Figures] | DropReason:
    """The figures of all stretches of a file, from the cache where they are there."""
    kept = cache / f"v{VERSION}" / config.digest(settings)[7:23] / f"{sha256}.parquet"
    if kept.exists():
        try:
            return list(pq.read_table(kept).to_pylist())
        except (pa.ArrowInvalid, OSError):
            kept.unlink(missing_ok=True)  # damaged: made again
    try:
        found = [_figures(stretch) for stretch in survey(local(place), settings, float(Fraction(fps)))]
    except ValueError as error:
        return DropReason("decode", "unreadable", _plain(str(error), place))
    except OSError as error:
        return DropReason("decode", "unreadable", f"it cannot be read ({error.strerror or error})")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(kept) as unfinished:
        pq.write_table(pa.Table.from_pylist(found, schema=FIGURES), unfinished)
    return found


def hashed(place: str) -> str:
    """SHA-256 of a file's bytes."""
    return sha256(local(place))


def _figures(stretch: Segment) -> Figures:
    looks: tuple[FrameSample, ...] = stretch.looks
    edges = reduce(BlackBars.within, (look.bars for look in looks)).balanced()
    return {
        "start": stretch.start,
        "frames": stretch.frames,
        "starts_at": str(Fraction(max(0.0, stretch.starts_at)).limit_denominator(90000)),
        "ends_at": str(Fraction(max(0.0, stretch.ends_at)).limit_denominator(90000)),
        "content": stretch.content_sha256,
        "sharpness": statistics.median(look.sharpness for look in looks),
        "text": middle([look.text for look in looks]),
        "whole": middle([look.motion.whole if look.motion else None for look in looks]),
        "inside": middle([look.motion.inside if look.motion else None for look in looks]),
        "bars": [edges.top, edges.bottom, edges.left, edges.right],
        "prints": [look.fingerprint.bits for look in looks],
        "inner": [look.inner.bits for look in looks],
        "quality": [look.fingerprint.quality for look in looks],
        "pictures": [look.picture for look in looks if look.picture],
    }


def _plain(said: str, place: str) -> str:
    """A message without the path, which stands beside it anyway."""
    return said.replace(str(local(place)), "the file").removeprefix("the file ")

"""Which clips on record does a video repeat? Asked of a copy that was re-encoded, cropped, mirrored or re-timed.

The video is sampled more densely than curation samples clips, so that a copy at another speed still has frames near
those that were kept. Knows nothing of rights: that two clips look alike does not say that one was made from the other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from langit import video
from langit.curate.duplicates import ClipFingerprints, DuplicateIndex
from langit.curate.fingerprints import FingerprintTable
from langit.curate.settings import DuplicateSettings
from langit.curate.survey import SurveySettings, survey
from langit.ledger.place import LedgerPlace

DENSE: Final = 0.25  # seconds between sampled frames; curation takes one in 2 s


@dataclass(frozen=True)
class Resemblance:
    """The share of fingerprints that agree, and whether they do only once one of the two is mirrored."""

    share: float
    mirrored: bool

    @property
    def note(self) -> str:
        """What to add for people."""
        return ", mirrored" if self.mirrored else ""


def sample_looks(path: Path) -> tuple[ClipFingerprints, ...]:
    """Densely sampled fingerprints of a video, for each of its segments; none where it is not a video.

    Frames with too little detail, whose bits are random, are left out.
    """
    try:
        fps = video.probe(path).fps
    except ValueError:
        return ()
    quality, found = DuplicateSettings().quality, []
    for segment in survey(path, SurveySettings(seconds=DENSE, picture=0), fps):
        samples = [sample for sample in segment.samples if sample.fingerprint.quality >= quality]
        whole = tuple(sample.fingerprint.bits for sample in samples)
        found.append(ClipFingerprints("", whole, tuple(sample.inner.bits for sample in samples)))
    return tuple(one for one in found if one.whole)


def find_alike(index: DuplicateIndex, looks: Collection[ClipFingerprints]) -> dict[str, Resemblance]:
    """The clips in an index that any of some segments repeats, by name."""
    found: dict[str, Resemblance] = {}
    for one in looks:
        for flipped, asked in ((False, one), (True, one.mirror())):
            match = index.find(asked)
            if match is not None and match[1] > found.get(match[0], Resemblance(0.0, False)).share:
                found[match[0]] = Resemblance(match[1], flipped)
    return found


def similar_clips(place: LedgerPlace, clips: Collection[str], path: Path) -> dict[str, Resemblance]:
    """Clips that a video repeats in parts, by the fingerprints that curation kept; none where it kept none.

    Args:
        place: of the ledger.
        clips: digests of the clips on record; others in the table are ignored.
        path: the video.
    """
    kept = [one for one in FingerprintTable(place).read() if one.name in clips]
    if not kept:
        return {}
    found: dict[str, Resemblance] = {}
    looks = sample_looks(path)
    while looks:
        # `find` names the best clip alone: ask again without it, until none is left.
        index = DuplicateIndex(DuplicateSettings())
        for one in kept:
            if one.name not in found:
                index.add(one)
        more = find_alike(index, looks)
        if not more:
            break
        found |= more
    return found

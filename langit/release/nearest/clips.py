"""The clips of an index for people: their owners, licences and pictures.

The frames of a film are read from the home's films, or rendered again from its seed, which needs the worlds extra. Real
footage is read from where curation found it. A clip without pictures says why they are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from safetensors import safe_open

from langit.bundle import Bundle
from langit.bundle.films import FilmTable
from langit.curate.places import places_file, read_places
from langit.feed.footage import TrainingFormat, clip_frames
from langit.ledger.record import Clip, Source
from langit.ledger.store import Ledger
from langit.release.nearest.index import ClipIndex, ClipMatch, FilmName
from langit.shapes import PixelShape
from langit.worlds.shard import folder_of
from langit.worlds.world import find_world

SECONDS = 2.0
"""Length of what is shown."""


@dataclass(frozen=True, eq=False)
class SimilarClip:
    """A training clip that a video is similar to; if ``frames`` is None, ``missing`` says why."""

    name: str
    owner: str
    licence: str
    match: ClipMatch
    frames: UInt8[np.ndarray, "T H W 3"] | None
    missing: str = ""

    @property
    def words(self) -> str:
        """The similarity in one line."""
        match = self.match
        how = "its mirror image is similar" if match.mirrored else "similar"
        motion = "" if match.motion is None else f", motion {match.motion:.2f}"
        copied = f"; the video contains {match.copied:.0%} of its fingerprints" if match.copied else ""
        return f"{how}: nearer than {match.share:.1%} of held-out clips (content {match.content:.2f}{motion}){copied}"


def describe_matches(
    matches: list[ClipMatch], index: ClipIndex, model: Bundle, home: Path, pictures: bool = True
) -> list[SimilarClip]:
    """Find the owners and licences of matches, and their pictures unless they are not wanted: rendering takes time."""
    table = model.films()
    ledger = Ledger(home / "ledger") if (home / "ledger").is_dir() else None
    return [_describe(match, index, model, table, ledger, home, pictures) for match in matches]


def _describe(
    match: ClipMatch,
    index: ClipIndex,
    model: Bundle,
    table: FilmTable | None,
    ledger: Ledger | None,
    home: Path,
    pictures: bool,
) -> SimilarClip:
    name, frames, missing = index.name(match.clip), None, ""
    if match.clip < len(index.films):
        film = index.films[match.clip]
        shared = {} if table is None else table.shared.get(film.world, {})
        owner, licence = shared.get("creator", "unknown"), shared.get("licence", "unknown")
        if pictures:
            frames, missing = film_frames(film, home)
    else:
        digest = index.footage[match.clip - len(index.films)]
        clip, source = _find_records(digest, ledger)
        owner, licence = (source.creator or "unknown", source.licence or "unknown") if source else ("unknown",) * 2
        name = f"{source.title}, {name}" if source else name
        if pictures:
            frames, missing = _footage_frames(clip, source, model, match, home)
    if frames is not None:
        first = round(match.start * model.fps)
        frames = frames[first : first + round(SECONDS * model.fps) + 1]
        frames = frames[:, :, ::-1] if match.mirrored else frames  # shown as it resembles the video
    return SimilarClip(name, owner, licence, match, frames, missing)


def film_frames(film: FilmName, home: Path) -> tuple[UInt8[np.ndarray, "T H W 3"] | None, str]:
    """Read or render a film's frames; without them, a reason in the second place."""
    pixels = PixelShape.parse(film.size)
    for shard in _shards(folder_of(home / "films", pixels, film.world), film.seed):
        with safe_open(shard, "numpy") as file:
            place = np.flatnonzero(file.get_tensor("seeds") == film.seed)
            if len(place):
                return np.asarray(file.get_slice("frames")[int(place[0])]), ""
    if find_spec("mujoco") is None:
        return None, "rendering it again needs MuJoCo: install langit with the worlds extra"
    try:
        world = find_world(film.world)
        return np.asarray(world.render(world.sample(film.seed), pixels).frames), ""
    except (OSError, ValueError) as error:
        return None, f"it could not be rendered again: {error}"


def _shards(folder: Path, seed: int) -> Iterator[Path]:
    """Shards whose names say that they may hold a seed: FIRST-LAST.safetensors."""
    for path in sorted(folder.glob("*-*.safetensors")):
        first, _, last = path.stem.partition("-")
        if first.isdecimal() and last.isdecimal() and int(first) <= seed <= int(last):
            yield path


def _find_records(digest: str, ledger: Ledger | None) -> tuple[Clip | None, Source | None]:
    if ledger is None:
        return None, None
    clip = next((clip for clip in ledger.clips() if clip.digest == digest), None)
    source = None if clip is None else next(each for each in ledger.sources() if each.digest == clip.source)
    return clip, source


def _footage_frames(
    clip: Clip | None, source: Source | None, model: Bundle, match: ClipMatch, home: Path
) -> tuple[UInt8[np.ndarray, "T H W 3"] | None, str]:
    if clip is None or source is None:
        return None, "its record is not in this ledger"
    try:
        path = Path(read_places(places_file(home))[source.content_sha256])
        count = round((match.start + SECONDS) * model.fps) + 1
        size = model.sizes[0]
        return clip_frames(path, clip, TrainingFormat(PixelShape(count, size.height, size.width), model.fps)), ""
    except (OSError, ValueError, KeyError):
        return None, "its file is no longer where curation found it"

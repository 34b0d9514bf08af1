"""The clips of an index as people see them: whose they are, under which licence, and their pictures.

A film's pixels are read where films are kept, or rendered again from its seed, which needs the worlds; real footage is
read from where curation noted that it lies. Clips whose pictures cannot be had are named with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from safetensors import safe_open

from langit.bundle import Bundle
from langit.bundle.films import FilmTable
from langit.feed.footage import Wanted, clip_frames
from langit.ledger.record import Clip, Source
from langit.ledger.store import Ledger
from langit.release.nearest.index import ClipIndex, FilmName, Match
from langit.shapes import PixelShape
from langit.worlds.shard import folder_of
from langit.worlds.world import find_world

SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class Similar:
    """A training clip that a video is similar to, as it is told; ``frames`` are ``None`` where ``missing`` says why."""

    name: str
    owner: str
    licence: str
    match: Match
    frames: UInt8[np.ndarray, "T H W 3"] | None
    missing: str = ""

    @property
    def words(self) -> str:
        """The likeness in a line."""
        match = self.match
        how = "its mirror image is similar" if match.mirrored else "similar"
        moves = "" if match.motion is None else f", motion {match.motion:.2f}"
        copied = f"; {match.copied:.0%} of its fingerprints are in it" if match.copied else ""
        return f"{how}: nearer than {match.share:.1%} of held-out clips (content {match.content:.2f}{moves}){copied}"


def told(matches: list[Match], index: ClipIndex, model: Bundle, home: Path) -> list[Similar]:
    """Matches with owners, licences and pictures."""
    table = model.films()
    ledger = Ledger(home / "ledger") if (home / "ledger").is_dir() else None
    return [_told(match, index, model, table, ledger, home) for match in matches]


def _told(
    match: Match, index: ClipIndex, model: Bundle, table: FilmTable | None, ledger: Ledger | None, home: Path
) -> Similar:
    name = index.name(match.clip)
    if match.clip < len(index.films):
        film = index.films[match.clip]
        shared = {} if table is None else table.shared.get(film.world, {})
        owner, licence = shared.get("creator", "unknown"), shared.get("licence", "unknown")
        frames, missing = film_frames(film, home)
    else:
        digest = index.footage[match.clip - len(index.films)]
        clip, source = _recorded(digest, ledger)
        owner, licence = (source.creator or "unknown", source.licence or "unknown") if source else ("unknown",) * 2
        name = f"{source.title}, {name}" if source else name
        frames, missing = _footage_frames(clip, source, model, match, home)
    if frames is not None:
        first = round(match.start * model.fps)
        frames = frames[first : first + round(SECONDS * model.fps) + 1]
        frames = frames[:, :, ::-1] if match.mirrored else frames
    return Similar(name, owner, licence, match, frames, missing)


def film_frames(film: FilmName, home: Path) -> tuple[UInt8[np.ndarray, "T H W 3"] | None, str]:
    """A film's frames, or why they cannot be had."""
    pixels = PixelShape.parse(film.size)
    for shard in _shards(folder_of(home / "films", pixels, film.world), film.seed):
        with safe_open(shard, "numpy") as file:
            place = np.flatnonzero(file.get_tensor("seeds") == film.seed)
            if len(place):
                return np.asarray(file.get_slice("frames")[int(place[0])]), ""
    if find_spec("mujoco") is None:
        return None, "rendering it again needs mujoco: pip install -c constraints.txt -e '.[worlds]'"
    try:
        world = find_world(film.world)
        return np.asarray(world.render(world.sample(film.seed), pixels).frames), ""
    except (OSError, ValueError) as error:
        return None, f"it could not be rendered again: {error}"


def _shards(folder: Path, seed: int) -> Iterator[Path]:
    """Shards whose names say that they may hold a seed."""
    for path in sorted(folder.glob("*-*.safetensors")):
        first, _, last = path.stem.partition("-")
        if first.isdecimal() and last.isdecimal() and int(first) <= seed <= int(last):
            yield path


def _recorded(digest: str, ledger: Ledger | None) -> tuple[Clip | None, Source | None]:
    if ledger is None:
        return None, None
    clip = next((one for one in ledger.clips() if one.digest == digest), None)
    source = None if clip is None else next(one for one in ledger.sources() if one.digest == clip.source)
    return clip, source


def _footage_frames(
    clip: Clip | None, source: Source | None, model: Bundle, match: Match, home: Path
) -> tuple[UInt8[np.ndarray, "T H W 3"] | None, str]:
    if clip is None or source is None:
        return None, "its record is in another ledger"
    try:
        noted = json.loads((home / "curation" / "places.json").read_text(encoding="utf-8"))
        path = Path(noted[source.content_sha256])
        count = round((match.start + SECONDS) * model.fps) + 1
        size = model.sizes[0]
        return clip_frames(path, clip, Wanted(PixelShape(count, size.height, size.width), model.fps)), ""
    except (OSError, ValueError, KeyError):
        return None, "its file is not where it was when it was curated"

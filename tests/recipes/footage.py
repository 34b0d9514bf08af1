"""A home with a curated set of small films, without running curation: a square crosses the picture in some colour."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from langit.curate.places import add_places, places_file
from langit.files import sha256
from langit.ledger.derived import Caption, Manifest
from langit.ledger.record import Clip, Source
from langit.ledger.store import Ledger

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 60, 220), "yellow": (230, 220, 40)}
RATE = 8  # frames a second, as recipes have it


def draw_pictures(colour: tuple[int, int, int], frames: int) -> Iterator[np.ndarray]:
    for number in range(frames):
        picture = np.full((48, 64, 3), 90, np.uint8)
        picture[16:32, 3 * number % 48 : 3 * number % 48 + 16] = colour
        yield picture


def write_film(path: Path, colour: tuple[int, int, int], frames: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.height, stream.width, stream.pix_fmt, stream.options = 48, 64, "yuv420p", {"crf": "10"}
        for picture in draw_pictures(colour, frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def add_footage(
    home: Path, name: str = "mine", frames: int = 17, captioned: bool = True, films: int = 4, pictures: int = 0
) -> list[str]:
    """Enter films, pictures and a manifest of this name; returns the digests of the clips."""
    ledger, paths, clips = Ledger(home / "ledger"), {}, []
    (home / "filmed").mkdir(parents=True, exist_ok=True)
    for colour, value in list(COLOURS.items())[:films]:
        path = home / "filmed" / f"{name}-{colour}.mp4"
        write_film(path, value, frames)
        source = Source(kind="file", title=path.name, content_sha256=sha256(path), licence="CC0-1.0")
        ends = str(Fraction(frames, RATE))
        clip = Clip(source.digest, 0, frames, False, (), sha256(path), "64x48", None, str(RATE), "0", ends, False)
        words = [Caption(clip.digest, f"a {colour} square moves right", "en", "sidecar", "1")] if captioned else []
        ledger.add([source, clip, *words])
        paths[source.content_sha256] = path
        clips.append(clip.digest)
    for colour, value in list(COLOURS.items())[:pictures]:
        path = home / "filmed" / f"{name}-{colour}.png"
        Image.fromarray(next(draw_pictures(value, 1))).save(path)
        source = Source(kind="file", title=path.name, content_sha256=sha256(path), licence="CC0-1.0")
        clip = Clip(source.digest, 0, 1, False, (), sha256(path), "64x48", None, None, "0", "0", False)
        ledger.add([source, clip, Caption(clip.digest, f"a {colour} square", "en", "sidecar", "1")])
        paths[source.content_sha256] = path
        clips.append(clip.digest)
    listing = ledger.evidence.put("".join(f"{digest}\n" for digest in clips).encode())
    when = "2026-11-23T00:00:00+00:00"
    ledger.add([Manifest(name, ledger.size, "0" * 64, "0" * 64, "0" * 64, len(clips), listing, when)])
    add_places(places_file(home), paths)
    return clips

"""What a model's videos are compared with: rendered films that nobody trained on, or the clips of a manifest.

Each reference video comes with the prompt that a model is given to make one like it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from jaxtyping import UInt8
from torch import Tensor

from langit.curate.places import places_file, read_places
from langit.evaluate.films import check_renderer, render_frames
from langit.evaluate.report import Progress
from langit.feed.catalogue import ClipRecords, FrameReader
from langit.feed.footage import find_training_set
from langit.feed.pieces import footage_pieces, plan_footage
from langit.generate import Model
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.shapes import PixelShape
from langit.worlds.world import find_world

FILMS: Final = "films"


@dataclass(frozen=True)
class Reference:
    """A prompt, the size of its video, and the real video, which is made or read when it is asked for."""

    prompt: str
    pixels: PixelShape
    frames: Callable[[], UInt8[Tensor, "T H W 3"]]


def film_references(model: Model, worlds: Sequence[str], count: int) -> list[Reference]:
    """Held-out prompts of these worlds and films of their scenes, at the first of the model's sizes that moves.

    Raises:
        ValueError: films cannot be rendered here.
        OSError: there is no OpenGL to render with.
    """
    check_renderer()
    pixels = next((size for size in model.sizes if size.frames > 1), model.sizes[0])
    found: list[Reference] = []
    for number, world in enumerate(worlds):
        own = count // len(worlds) + (number < count % len(worlds))

        def film(scene: Any) -> Callable[[], Tensor]:
            return lambda: render_frames(scene, pixels)

        for prompt in find_world(world).prompts("held-out", own) if own else ():
            found.append(Reference(prompt.text, pixels, film(prompt.scene)))
    return found


def clip_references(model: Model, manifest: str, home: Path, count: int, progress: Progress) -> list[Reference]:
    """Clips of a manifest that the ledger allows, in pieces of the model's sizes, and the first caption of each.

    They are spread over the whole manifest where it has more than ``count``.

    Raises:
        ValueError: there is no such manifest, or no clip of it fits the model.
        OSError: a file is not where it was.
    """
    ledger = Ledger(home / "ledger")
    chosen = find_training_set(ledger, manifest)
    records = ClipRecords.read(ledger, Policy(), chosen.clips)
    sizes = [size for size in model.sizes if size.frames > 1] or list(model.sizes)
    plan = plan_footage(records, chosen, sizes, model.fps)
    pieces = footage_pieces(
        records,
        plan,
        lambda: read_places(places_file(home)),
        home / "footage",
        lambda done, of: progress("decoding", done, of),
    )
    reader, wanted = FrameReader(), min(count, len(pieces))
    chosen_pieces = [pieces[number * len(pieces) // wanted] for number in range(wanted)]
    return [Reference(piece.captions[0], piece.pixels, partial(reader.frames, piece)) for piece in chosen_pieces]

"""What a run of the transformer leaves to look at: a contact sheet of prompts that are never trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from langit import sheet
from langit.generate.model import Model
from langit.generate.video import generate_many
from langit.recipes.recipe import FilmGroup
from langit.worlds.world import find_world

VIDEOS = 16


def held_out_sheet(films: Sequence[FilmGroup], model: Callable[[], Model]) -> Callable[[int, Path], None]:
    """Shows what a model makes of held-out prompts of the films' worlds; ``model`` gives it as it is at a step."""
    worlds = tuple(dict.fromkeys(group.world for group in films))
    wanted = [prompt for world in worlds for prompt in find_world(world).prompts("held-out", VIDEOS // len(worlds))]

    def look(step: int, folder: Path) -> None:
        texts = [prompt.text for prompt in wanted]
        videos = generate_many(texts, model(), seeds=list(range(len(texts))))
        sheet.save(folder / f"sheet-{step:06d}.png", [video.frames for video in videos], texts)

    return look

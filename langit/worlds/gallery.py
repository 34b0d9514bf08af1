"""Films for people to look at: video files in a folder, each with its captions and truth beside it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langit import sheet, video
from langit.files import atomic_write, created_folder
from langit.shapes import PixelShape
from langit.worlds.film import FPS, PIXELS
from langit.worlds.scene import VERSION, split
from langit.worlds.world import AnyFilm, World, find_world

_CAPTIONS = 6  # written beside each film
_SIDE, _FRAMES = 1024, 1000  # at most: what fits an off-screen buffer, and a machine's memory


def render_to_folder(
    count: int,
    folder: Path,
    pixels: PixelShape = PIXELS,
    first_seed: int = 0,
    contact_sheet: bool = False,
    progress: Callable[[int, int], None] | None = None,
    world: str = VERSION,
) -> list[Path]:
    """Render `count` films of a world from `first_seed` on: seed-000012.mp4 with seed-000012.json, perhaps a sheet.

    Returns the files written, videos first. Nothing is overwritten; after an error or an interrupt nothing is left.

    Raises:
        ValueError: fewer than one film, a negative seed, an unknown world, or a size that cannot be drawn or written.
        FileExistsError: a file of that name is there.
        OSError: the folder cannot be written, or there is no OpenGL to draw with.
    """
    if count < 1:
        raise ValueError(f"{count} films are none: ask for at least 1")
    _check_size(pixels)
    made_by = find_world(world)
    videos = [folder / f"seed-{seed:06d}.mp4" for seed in range(first_seed, first_seed + count)]
    beside = [path.with_suffix(".json") for path in videos]
    sheets = [folder / "contact-sheet.png"] if contact_sheet else []
    for path in (*videos, *beside, *sheets):
        if path.exists():
            raise FileExistsError(f"{path} is there already: choose another folder or remove it")
    films: list[AnyFilm] = []
    written: list[Path] = []
    with created_folder(folder):
        try:
            for done, (path, record) in enumerate(zip(videos, beside, strict=True)):
                film = made_by.render(made_by.sample(first_seed + done), pixels)
                films.append(film)
                about = {"title": made_by.canonical(film.scene), "comment": f"{world} seed {film.scene.seed}, CC0-1.0"}
                video.write(path, film.frames, FPS, about)
                written.append(path)
                text = json.dumps(_record(film, made_by), indent=2, ensure_ascii=False) + "\n"
                with atomic_write(record) as unfinished:
                    unfinished.write_text(text, encoding="utf-8")
                written.append(record)
                if progress is not None:
                    progress(done + 1, count)
            for path in sheets:
                sheet.save(path, [film.frames for film in films], [made_by.canonical(film.scene) for film in films])
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
    return [*videos, *beside, *sheets]


def _check_size(pixels: PixelShape) -> None:
    for name, side in (("width", pixels.width), ("height", pixels.height)):
        if side % 2 or side > _SIDE:
            raise ValueError(f"{name} {side} of {pixels} cannot be written: use an even number up to {_SIDE}")
    if pixels.frames > _FRAMES:
        raise ValueError(f"{pixels.frames} frames are too many to draw: use up to {_FRAMES}")


def _record(film: AnyFilm, world: World[Any]) -> dict[str, object]:
    return {
        "split": split(film.scene.seed),
        "scene": json.loads(film.scene.canonical),
        "captions": list(world.captions(film.scene, _CAPTIONS)),
        "size": str(film.pixels),
        "frames_per_second": FPS,
        "scene_sha256": film.scene_sha256,
        "motion_sha256": film.motion_sha256,
        "pixel_sha256": film.pixel_sha256,
    }

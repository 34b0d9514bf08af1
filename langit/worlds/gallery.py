"""Films for people to look at: video files in a folder, each with a JSON file of its captions and ground truth."""

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

_CAPTIONS = 6  # in each JSON file
_SMALLEST_SIDE = 16  # pixels: a smaller picture shows nothing that could be recognised
_LARGEST_SIDE, _MOST_FRAMES = 1024, 1000  # limits of the off-screen buffer and of memory


def render_to_folder(
    count: int,
    folder: Path,
    pixels: PixelShape = PIXELS,
    first_seed: int = 0,
    contact_sheet: bool = False,
    progress: Callable[[int, int], None] | None = None,
    world: str = VERSION,
) -> list[Path]:
    """Render `count` films of a world from `first_seed` on, as seed-000012.mp4 with seed-000012.json and so on.

    Returns the files written, videos first. Overwrites nothing; removes its files after an error or an interrupt.

    Raises:
        ValueError: no films, a negative seed, an unknown world, or a size that cannot be rendered or encoded.
        FileExistsError: a file of that name exists.
        OSError: the folder cannot be written, or OpenGL is not available.
    """
    if count < 1:
        raise ValueError(f"cannot render {count} films: use at least 1")
    _check_size(pixels)
    maker = find_world(world)
    videos = [folder / f"seed-{seed:06d}.mp4" for seed in range(first_seed, first_seed + count)]
    records = [path.with_suffix(".json") for path in videos]
    sheets = [folder / "contact-sheet.png"] if contact_sheet else []
    for path in (*videos, *records, *sheets):
        if path.exists():
            raise FileExistsError(f"{path} exists already: choose another folder or remove it")
    films: list[AnyFilm] = []
    written: list[Path] = []
    with created_folder(folder):
        try:
            for done, (path, record) in enumerate(zip(videos, records, strict=True)):
                film = maker.render(maker.sample(first_seed + done), pixels)
                films.append(film)
                tags = {"title": maker.canonical(film.scene), "comment": f"{world} seed {film.scene.seed}, CC0-1.0"}
                video.write(path, film.frames, FPS, tags)
                written.append(path)
                text = json.dumps(_ground_truth(film, maker), indent=2, ensure_ascii=False) + "\n"
                with atomic_write(record) as unfinished:
                    unfinished.write_text(text, encoding="utf-8")
                written.append(record)
                if progress is not None:
                    progress(done + 1, count)
            for path in sheets:
                sheet.save(path, [film.frames for film in films], [maker.canonical(film.scene) for film in films])
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise
    return [*videos, *records, *sheets]


def _check_size(pixels: PixelShape) -> None:
    for name, side in (("width", pixels.width), ("height", pixels.height)):
        if side % 2 or not _SMALLEST_SIDE <= side <= _LARGEST_SIDE:
            raise ValueError(
                f"{name} {side} of {pixels} cannot be rendered: use an even number from {_SMALLEST_SIDE} to"
                f" {_LARGEST_SIDE}"
            )
    if pixels.frames > _MOST_FRAMES:
        raise ValueError(f"{pixels.frames} frames are too many to draw: use up to {_MOST_FRAMES}")


def _ground_truth(film: AnyFilm, world: World[Any]) -> dict[str, object]:
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

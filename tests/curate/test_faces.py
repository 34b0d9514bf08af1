"""Faces: a drawn one is found from the front, once, by many threads at a time; a texture has none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from curate.making import scene
from PIL import Image, ImageDraw, ImageFilter

from langit.curate.faces import faces, grey_of, people
from langit.curate.settings import FaceSettings
from langit.curate.survey import jpeg


def drawn() -> np.ndarray:
    """A schematic face, light skin, dark eyes, brows and mouth, on grey: (H, W, 3) uint8."""
    image = Image.new("RGB", (240, 200), (110, 110, 110))
    pen = ImageDraw.Draw(image)
    pen.ellipse((75, 30, 165, 160), fill=(205, 175, 155))
    pen.pieslice((72, 22, 168, 110), 180, 360, fill=(60, 45, 35))
    pen.ellipse((80, 48, 160, 150), fill=(210, 180, 160))
    for x in (100, 140):
        pen.rectangle((x - 13, 74, x + 13, 79), fill=(70, 50, 40))
        pen.ellipse((x - 10, 83, x + 10, 94), fill=(90, 70, 60))
        pen.ellipse((x - 5, 84, x + 5, 94), fill=(25, 20, 20))
    pen.polygon(((120, 90), (111, 118), (129, 118)), fill=(180, 145, 125))
    pen.ellipse((103, 126, 137, 137), fill=(140, 70, 70))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)))


def test_a_face_is_found_where_it_is_and_once() -> None:
    found = faces(grey_of(drawn()), FaceSettings())
    assert len(found) == 1
    left, top, width, height = found[0]
    assert left < 120 < left + width and top < 95 < top + height


def test_a_texture_has_no_face() -> None:
    assert faces(grey_of(scene(1, 1, 160, 240)[0]), FaceSettings()) == []


def test_threads_do_not_disturb_each_other() -> None:
    pictures = [jpeg(drawn()), jpeg(scene(1, 1, 160, 240)[0])] * 4
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda picture: people([picture], FaceSettings()), pictures))
    assert counts == [1, 0] * 4


@pytest.mark.parametrize(("needed", "expected"), [(1, 1), (2, 1), (3, 0)])
def test_a_clip_shows_people_where_enough_pictures_do(needed: int, expected: int) -> None:
    pictures = [jpeg(drawn()), jpeg(scene(1, 1, 160, 240)[0]), jpeg(drawn())]
    assert people(pictures, FaceSettings(pictures=needed)) == expected
    assert people([], FaceSettings(pictures=needed)) == 0

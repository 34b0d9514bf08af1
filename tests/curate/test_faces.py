"""Faces: a drawn one is found where it is, once, by many threads at a time; a texture and a clock have none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from curate.making import scene
from PIL import Image, ImageDraw, ImageFilter

from langit.curate.faces import blazeface, centerface, faces, people
from langit.curate.settings import FaceSettings
from langit.curate.survey import jpeg

DRAWN = replace(FaceSettings(), confirm=0.15)  # CenterFace is less sure of a drawing than of a person


def drawn() -> np.ndarray:
    """A schematic face on grey, lit from the left: (240, 240, 3) uint8."""
    skin, hair = (205, 165, 140), (55, 40, 30)
    image = Image.new("RGB", (240, 240), (110, 115, 120))
    pen = ImageDraw.Draw(image)
    pen.rectangle((60, 200, 180, 240), fill=(50, 60, 90))
    pen.rectangle((100, 160, 140, 210), fill=(164, 132, 112))
    pen.ellipse((70, 20, 170, 150), fill=hair)
    pen.ellipse((78, 40, 162, 185), fill=skin)
    pen.pieslice((74, 18, 166, 110), 180, 360, fill=hair)
    for x in (101, 139):
        pen.line((x - 14, 84, x, 79, x + 14, 84), fill=(65, 45, 35), width=5)
        pen.ellipse((x - 12, 92, x + 12, 104), fill=(240, 235, 230))
        pen.ellipse((x - 6, 91, x + 6, 104), fill=(60, 40, 30))
        pen.arc((x - 13, 90, x + 13, 106), 180, 360, fill=(50, 35, 30), width=2)
    pen.polygon(((120, 96), (110, 132), (130, 132)), fill=(188, 151, 128))
    pen.ellipse((103, 146, 137, 160), fill=(165, 75, 75))
    pen.line((104, 153, 136, 153), fill=(90, 30, 35), width=2)
    picture = np.asarray(image.filter(ImageFilter.GaussianBlur(2)), np.float32)
    light = 1.15 - 0.5 * np.abs(np.arange(240)[None, :, None] - 105) / 120
    return np.clip(picture * light, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(240, 240), (240, 320), (200, 480)])
def test_a_face_is_found_where_it_is_and_once(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 110, np.uint8)
    left = size[1] - 240
    picture[:, left:] = drawn()[: size[0]]
    (face,) = faces(picture, DRAWN)
    assert face.left < left + 120 < face.left + face.width and face.top < 115 < face.top + face.height
    assert 60 < face.width < 120 and 80 < face.height < 150


def test_both_networks_agree_on_the_place() -> None:
    first, second = blazeface(drawn(), 0.25)[0], centerface(drawn(), 0.15)[0]
    for axis in (0, 1):
        assert abs(first[axis] + first[axis + 2] / 2 - second[axis] - second[axis + 2] / 2) < 30


def test_a_texture_and_a_clock_have_no_face() -> None:
    assert faces(scene(1, 1, 160, 240)[0], DRAWN) == []
    clock = Image.new("RGB", (240, 240), (120, 110, 100))
    pen = ImageDraw.Draw(clock)
    pen.ellipse((60, 60, 180, 180), fill=(230, 225, 215), outline=(40, 30, 20), width=8)
    pen.line((120, 120, 120, 80), fill=(20, 20, 20), width=5)
    pen.line((120, 120, 150, 130), fill=(20, 20, 20), width=5)
    assert faces(np.asarray(clock), FaceSettings()) == []


def test_faces_below_the_smallest_size_do_not_count() -> None:
    assert faces(drawn(), replace(DRAWN, smallest=0.6)) == []


def test_threads_do_not_disturb_each_other() -> None:
    pictures = [jpeg(drawn()), jpeg(scene(1, 1, 160, 240)[0])] * 4
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda picture: people([picture], DRAWN), pictures))
    assert counts == [1, 0] * 4


@pytest.mark.parametrize(("needed", "expected"), [(1, 1), (2, 1), (3, 0)])
def test_a_clip_shows_people_where_enough_pictures_do(needed: int, expected: int) -> None:
    pictures = [jpeg(drawn()), jpeg(scene(1, 1, 160, 240)[0]), jpeg(drawn())]
    assert people(pictures, replace(DRAWN, pictures=needed)) == expected
    assert people([], replace(DRAWN, pictures=needed)) == 0

"""Lights, ground textures, skies and house walls of story-1, as uint8 images computed by formula."""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from langit.worlds import paint
from langit.worlds.paint import GROUND_PIXELS, Colour, Image, Light

WALL_PIXELS = 64  # of each of the cube map's six faces
_BASES: dict[str, Light] = paint.LIGHTS | {
    "rain": Light(
        (0.30, 0.30, 0.32),
        (0.52, 0.53, 0.55),
        (0.68, 0.71, 0.74),
        (0.42, 0.46, 0.52),
        (0.45, 0.50, 0.52),
        (0.68, 0.71, 0.74),
        40.0,
        1.0,
    )
}
_HILLS: dict[str, Colour] = {  # under white light
    "snow": (0.80, 0.87, 0.96),
    "grass": (0.25, 0.45, 0.20),
    "sand": (0.72, 0.52, 0.32),
    "salt": (0.55, 0.50, 0.52),
    "suburbs": (0.40, 0.52, 0.50),
    "city": (0.42, 0.46, 0.55),
    "fields": (0.28, 0.47, 0.28),
}
_MEAN = {"night": 0.32, "sunset": 0.62, "day": 0.95, "rain": 0.75}


def light(ground: str, sky: str) -> Light:
    """The light of a sky over a ground, with distant hills in the ground's colour."""
    base = _BASES[sky]
    hills = np.array(_HILLS[ground]) * _MEAN[sky]
    if sky == "sunset":
        hills = hills * np.array([0.95, 0.62, 0.70])
    if sky == "night":
        hills = hills * np.array([0.75, 0.85, 1.25])
    red, green, blue = (float(channel) for channel in hills)
    if sky == "night":  # brighter than in worlds-1, whose things have an emission of their own
        return replace(base, hills=(red, green, blue), sun=(0.38, 0.41, 0.48), shade=(0.37, 0.40, 0.47))
    return replace(base, hills=(red, green, blue))


def ground(name: str) -> Image:
    """The texture tile of a ground, or of the land beside the rails, under white light."""
    if name == "salt":
        return _salt()
    if name == "fields":
        return _rows()
    if name in ("suburbs", "city"):
        base, other = ((0.44, 0.46, 0.36), (0.52, 0.52, 0.46)) if name == "suburbs" else ((0.36,) * 3, (0.43,) * 3)
        y, x = np.mgrid[0:GROUND_PIXELS, 0:GROUND_PIXELS] * (2 * np.pi / GROUND_PIXELS)
        share = 0.5 + 0.5 * np.tanh(2 * np.sin(3 * x + y) * np.sin(2 * y - x))
        return _image(share, base, other)
    if name == "grass":  # brighter than in worlds-1: brown and black puppies must stand out
        return np.asarray(np.minimum(paint.ground(name).astype(np.int32) * 5 // 4 + 12, 255), np.uint8)
    return paint.ground(name)


def _salt() -> Image:
    """Warm white plates with darker cracks between them: the Voronoi cells of jittered points."""
    cells, size = 9, GROUND_PIXELS
    y, x = np.mgrid[0:size, 0:size] / size * cells
    nearest, second = np.full((size, size), 9.0), np.full((size, size), 9.0)
    for row in range(-1, cells + 1):
        for column in range(-1, cells + 1):
            key = (row % cells) * 31 + (column % cells) * 17
            at_x = column + 0.5 + 0.34 * np.sin(key * 1.7 + 0.4)
            at_y = row + 0.5 + 0.34 * np.sin(key * 2.9 + 1.1)
            away = np.hypot(x - at_x, y - at_y)
            second = np.minimum(second, np.maximum(nearest, away))
            nearest = np.minimum(nearest, away)
    plate = np.clip((second - nearest) / 0.16, 0, 1)
    return _image(plate, (0.62, 0.55, 0.46), (0.96, 0.93, 0.88))


def _rows() -> Image:
    """Ploughed rows of green and brown."""
    y, x = np.mgrid[0:GROUND_PIXELS, 0:GROUND_PIXELS] * (2 * np.pi / GROUND_PIXELS)
    share = 0.5 + 0.5 * np.tanh(1.5 * np.sin(6 * x + 0.4 * np.sin(2 * y)))
    return _image(share, (0.36, 0.30, 0.16), (0.32, 0.50, 0.16))


def _image(share: paint.Plane, low: Colour, high: Colour) -> Image:
    picture = (1 - share[..., None]) * np.array(low) + share[..., None] * np.array(high)
    return np.asarray(np.round(picture * 255), np.uint8)


def far_colour(name: str, sky: str) -> Colour:
    """The ground's colour at a distance, where its pattern is too small to be resolved."""
    over = light(name, sky)
    mean = ground(name).reshape(-1, 3).mean(axis=0) / 255
    red, green, blue = (min(1.0, float(m) * (a + b)) for m, a, b in zip(mean, over.sun, over.shade, strict=True))
    return red, green, blue


def sky(ground_name: str, sky_name: str) -> UInt8[np.ndarray, "6 rows columns 3"]:
    return paint.sky(sky_name, far_colour(ground_name, sky_name), light(ground_name, sky_name))


def wall(kind: str, lit: bool) -> UInt8[np.ndarray, "6 rows columns 3"]:
    """A cube map of walls, to be multiplied by the house's colour: windows, some of them lit at night, and a door."""
    size = WALL_PIXELS
    face = np.full((size, size, 3), 255, np.uint8) if not lit else np.full((size, size, 3), 60, np.uint8)
    dark, glow, dim = (84, 98, 120), (255, 214, 120), (44, 48, 66)

    def pane(left: float, top: float, right: float, bottom: float, on: bool) -> None:
        rows, columns = slice(int(top * size), int(bottom * size)), slice(int(left * size), int(right * size))
        face[rows, columns] = (glow if on else dim) if lit else dark

    if kind == "house":
        pane(0.12, 0.28, 0.38, 0.62, True)
        pane(0.62, 0.28, 0.88, 0.62, False)
        pane(0.44, 0.48, 0.56, 1.0, False)
    elif kind == "storeys":
        for top, on in ((0.14, (True, False)), (0.58, (False, True))):
            pane(0.12, top, 0.42, top + 0.26, on[0])
            pane(0.58, top, 0.88, top + 0.26, on[1])
    else:
        assert kind == "block", kind
        for row in range(5):
            for column in range(4):
                left, top = 0.07 + 0.235 * column, 0.06 + 0.19 * row
                pane(left, top, left + 0.155, top + 0.11, (row * 7 + column * 5) % 3 != 0)
    return np.stack([face] * 6)

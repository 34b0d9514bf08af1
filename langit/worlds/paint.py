"""Ground textures and skies as uint8 images, computed by formula.

Patterns are soft and about as large as a thing, so that they survive strong video compression. Of MuJoCo it knows only
the layout of cube maps.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

Image = UInt8[np.ndarray, "rows columns 3"]
Plane = Float[np.ndarray, "rows columns"]
Picture = Float[np.ndarray, "rows columns 3"]
Colour = tuple[float, float, float]

GROUND_PIXELS = 256  # of the tile, which repeats
GROUND_METRES = 10.0
SKY_PIXELS = 128  # of each of the cube's six faces


@dataclass(frozen=True)
class Light:
    """The light of a sky: colours of sunlight, shade, horizon, zenith, hills, and of the sun's or moon's disc."""

    sun: Colour
    shade: Colour
    horizon: Colour
    zenith: Colour
    hills: Colour
    disc: Colour
    disc_height: float  # degrees above the horizon
    disc_radius: float  # degrees


LIGHTS: dict[str, Light] = {
    "day": Light(
        (0.60, 0.60, 0.58),
        (0.46, 0.46, 0.48),
        (0.80, 0.92, 1.0),
        (0.25, 0.55, 0.95),
        (0.36, 0.55, 0.62),
        (1.0, 0.98, 0.80),
        13.0,
        3.2,
    ),
    "sunset": Light(
        (0.60, 0.45, 0.33),
        (0.40, 0.33, 0.37),
        (1.0, 0.62, 0.22),
        (0.55, 0.22, 0.50),
        (0.34, 0.14, 0.30),
        (1.0, 0.93, 0.55),
        5.5,
        4.2,
    ),
    "night": Light(
        (0.27, 0.29, 0.38),
        (0.27, 0.29, 0.38),
        (0.13, 0.17, 0.36),
        (0.02, 0.03, 0.12),
        (0.05, 0.06, 0.14),
        (0.95, 0.95, 0.85),
        12.0,
        3.0,
    ),
}


def _waves(kinds: list[tuple[int, int, float, float]]) -> Plane:
    """A tileable sum of sine waves: (cycles across, cycles down, phase, amplitude)."""
    y, x = np.mgrid[0:GROUND_PIXELS, 0:GROUND_PIXELS] * (2 * np.pi / GROUND_PIXELS)
    total = np.zeros((GROUND_PIXELS, GROUND_PIXELS))
    for across, down, phase, size in kinds:
        total += size * np.sin(across * x + down * y + phase)
    return total


def _soft(values: Plane, sharpness: float) -> Plane:
    """Map values to [0, 1] with a soft step at zero."""
    return 0.5 + 0.5 * np.tanh(sharpness * values)


def _mix(share: Plane, low: Colour, high: Colour) -> Picture:
    mixed: Picture = (1 - share[..., None]) * np.array(low) + share[..., None] * np.array(high)
    return mixed


def ground(name: str) -> Image:
    """The texture tile of a ground under white light."""
    blots = [
        (3, 2, 0.3, 1.0),
        (-2, 3, 1.7, 1.0),
        (1, -4, 4.0, 0.9),
        (4, 1, 2.2, 0.8),
        (-4, 3, 5.1, 0.7),
        (2, 5, 0.9, 0.6),
    ]
    if name == "checkers":
        x, y = _waves([(4, 0, 0.0, 1.0)]), _waves([(0, 4, 0.0, 1.0)])
        picture = _mix(_soft(x * y, 4.0), (0.35, 0.36, 0.41), (0.72, 0.71, 0.68))
    elif name == "snow":
        picture = _mix(_soft(_waves(blots), 0.9), (0.62, 0.72, 0.86), (0.93, 0.96, 1.0))
    elif name == "sand":
        bend = _waves([(1, 1, 0.0, 1.0), (2, -1, 1.0, 0.6)])
        y, x = np.mgrid[0:GROUND_PIXELS, 0:GROUND_PIXELS] * (2 * np.pi / GROUND_PIXELS)
        picture = _mix(_soft(np.sin(6 * y + 2 * x + 1.3 * bend), 1.0), (0.66, 0.50, 0.30), (0.92, 0.78, 0.52))
    else:
        assert name == "grass", name
        picture = _mix(_soft(_waves(blots), 1.1), (0.19, 0.27, 0.09), (0.42, 0.47, 0.17))
    return np.round(picture * 255).astype(np.uint8)


def _faces() -> list[tuple[Plane, Plane]]:
    """Azimuth (0 ahead, positive to the right) and elevation, in degrees, of the pixels of the cube's six faces."""
    up = np.array([0.0, 0.0, 1.0])
    layout = [
        ((1, 0, 0), (0, -1, 0), up),
        ((-1, 0, 0), (0, 1, 0), up),
        ((0, 0, 1), (1, 0, 0), np.array([0.0, -1.0, 0.0])),
        ((0, 0, -1), (1, 0, 0), np.array([0.0, 1.0, 0.0])),
        ((0, -1, 0), (-1, 0, 0), up),
        ((0, 1, 0), (1, 0, 0), up),
    ]
    rows, columns = (np.mgrid[0:SKY_PIXELS, 0:SKY_PIXELS] + 0.5) * 2 / SKY_PIXELS - 1
    faces = []
    for ahead, right, above in layout:
        # the viewer is inside the cube map: its columns run to the left
        way = np.array(ahead) - columns[..., None] * np.array(right) - rows[..., None] * above
        flat = np.hypot(way[..., 0], way[..., 1])
        faces.append((np.degrees(np.arctan2(way[..., 0], way[..., 1])), np.degrees(np.arctan2(way[..., 2], flat))))
    return faces


def sky(name: str, far_ground: Colour, light: Light | None = None) -> UInt8[np.ndarray, "6 rows columns 3"]:
    """The cube map of a sky: gradient, hills all around, sun or moon ahead, a few large stars at night.

    `light` defaults to that of LIGHTS.
    """
    light = light or LIGHTS[name]
    pictures = []
    for azimuth, height in _faces():
        a = np.radians(azimuth)
        picture = _mix(np.clip(height / 32, 0, 1) ** 0.8, light.horizon, light.zenith)
        if name == "night":
            stars = [(-62, 16), (-41, 10), (-30, 19), (-17, 13), (4, 18), (25, 9), (37, 17), (55, 13), (75, 18)]
            for at, rise in stars:
                glow = np.exp(-(((azimuth - at) / 0.9) ** 2) - ((height - rise) / 0.9) ** 2)
                picture = picture + glow[..., None] * (np.array([0.9, 0.9, 1.0]) - picture)
        where = -10.0 if name == "day" else 8.0
        away = np.hypot(azimuth - where, height - light.disc_height)
        halo = 0.45 * np.exp(-((away / (light.disc_radius * 2.2)) ** 2))
        picture = picture + halo[..., None] * (np.array(light.disc) - picture)
        share = np.clip((light.disc_radius - away) / 0.6 + 0.5, 0, 1)
        picture = _blend(picture, share, light.disc)
        ridge = 3.4 + 1.7 * np.sin(5 * a + 0.6) + 1.5 * np.sin(9 * a + 2.0) + 0.6 * np.sin(16 * a)
        share = np.clip((ridge - height) / 0.6 + 0.5, 0, 1)
        picture = _blend(picture, share, light.hills)
        share = np.clip(-height / 0.6 + 0.5, 0, 1)
        pictures.append(_blend(picture, share, far_ground))
    faces: UInt8[np.ndarray, "6 rows columns 3"] = np.round(np.clip(np.stack(pictures), 0, 1) * 255).astype(np.uint8)
    return faces


def _blend(picture: Picture, share: Plane, colour: Colour) -> Picture:
    blended: Picture = picture + share[..., None] * (np.array(colour) - picture)
    return blended


def far_colour(ground_name: str, sky_name: str) -> Colour:
    """The ground's colour at a distance, where its pattern is too small to be resolved."""
    light = LIGHTS[sky_name]
    mean = ground(ground_name).reshape(-1, 3).mean(axis=0) / 255
    red, green, blue = (min(1.0, float(m) * (a + b)) for m, a, b in zip(mean, light.sun, light.shade, strict=True))
    return red, green, blue

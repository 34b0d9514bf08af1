"""A tiny model that makes 1 to 33 frames of three sizes, and footage for it."""

from dataclasses import replace

import pytest
import torch
from bundle.miniature import make_parts

from langit.generate import Footage, Model, Parent
from langit.shapes import PixelShape


@pytest.fixture(scope="session")
def model() -> Model:
    sizes = tuple(map(PixelShape.parse, ("32x32x17", "48x32x33", "32x48x1")))
    return replace(Model.of(make_parts()), sizes=sizes)


@pytest.fixture
def shot():
    """Makes footage of so many frames: noise, so that no pixel is right by chance."""

    def make(frames: int, size: str = "32x32", seed: int = 0, fps: float = 8.0) -> Footage:
        pixels = PixelShape.parse(size)
        dice = torch.Generator().manual_seed(seed)
        noise = torch.randint(0, 256, (frames, pixels.height, pixels.width, 3), dtype=torch.uint8, generator=dice)
        return Footage(noise, fps, (Parent(f"shot-{seed}.mp4", f"{seed:064x}"),))

    return make

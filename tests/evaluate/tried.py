"""A tiny model with several durations, shared by the tests of evaluations."""

from __future__ import annotations

import dataclasses

from bundle.miniature import make_parts

from langit.evaluate.judges.probe import ProbeConfig
from langit.generate import Model
from langit.shapes import PixelShape

SMALL = ProbeConfig(frames=5, fine_width=8, width=16, blocks=2, looks=2, memory=16)
PIXELS = PixelShape(frames=5, height=32, width=32)
SIZES = tuple(dataclasses.replace(PIXELS, frames=frames) for frames in (5, 1, 9))


def tiny_parts(sizes=SIZES):
    return dataclasses.replace(make_parts(), sizes=sizes)


def tiny_model(sizes=SIZES) -> Model:
    model = Model.of(tiny_parts(sizes))
    for part in (model.transformer, model.autoencoder, model.text):
        part.eval()
    return model


def quiet(stage: str, done: int, of: int) -> None:
    assert stage
    assert 0 < done <= of

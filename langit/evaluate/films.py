"""Real films: scenes rendered by the simulator, which every evaluation compares a model's videos with."""

from __future__ import annotations

import json
from importlib.util import find_spec

import torch
from jaxtyping import UInt8
from torch import Tensor

from langit.shapes import PixelShape
from langit.worlds.world import AnyScene, find_world


def check_renderer() -> None:
    """Find out before hours of measuring whether films can be rendered here.

    Raises:
        ValueError: MuJoCo is not installed.
        OSError: it has no OpenGL to render with.
    """
    if find_spec("mujoco") is None:
        raise ValueError(
            "an evaluation renders real films to compare with, and mujoco is not installed:"
            " pip install 'langit[worlds]'"
        )
    from langit.worlds import film  # noqa: F401  # starts OpenGL, which reading a report does not need


def render_frames(scene: AnyScene, pixels: PixelShape) -> UInt8[Tensor, "T H W 3"]:
    """Render a scene of any world."""
    world = find_world(json.loads(scene.canonical)["world"])
    return torch.from_numpy(world.render(scene, pixels).frames)

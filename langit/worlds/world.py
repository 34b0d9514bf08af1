"""The registry of worlds by version: how each samples, captions, mirrors and renders a scene.

Code for films of any world (farm, shards, recipes, checks) uses this registry. Code that depends on what a film shows
imports that world itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from langit.shapes import PixelShape
from langit.worlds import caption, scene
from langit.worlds.behind import scene as behind_scene
from langit.worlds.story import caption as story_caption
from langit.worlds.story import scene as story_scene


@runtime_checkable
class AnyScene(Protocol):
    """A scene of any world: a value with a canonical JSON form and its hash."""

    @property
    def seed(self) -> int: ...
    @property
    def mirrored(self) -> bool: ...
    @property
    def canonical(self) -> str: ...
    @property
    def sha256(self) -> str: ...


@runtime_checkable
class AnyFilm(Protocol):
    """A film of any world: frames, masks (the figure that each pixel shows, 0 for none), and hashes."""

    @property
    def scene(self) -> AnyScene: ...
    @property
    def pixels(self) -> PixelShape: ...
    @property
    def frames(self) -> UInt8[np.ndarray, "T H W 3"]: ...
    @property
    def masks(self) -> UInt8[np.ndarray, "T H W"]: ...
    @property
    def scene_sha256(self) -> str: ...
    @property
    def motion_sha256(self) -> str: ...
    @property
    def pixel_sha256(self) -> str: ...


S = TypeVar("S", bound=AnyScene)


@dataclass(frozen=True)
class World(Generic[S]):
    """The functions of one world. ``render`` starts OpenGL when it is first called.

    ``captions`` takes a scene and a count; ``prompts`` a split, a count and a language.
    """

    version: str
    sample: Callable[[int], S]
    mirror: Callable[[S], S]
    canonical: Callable[[S], str]
    captions: Callable[[S, int], tuple[str, ...]]
    prompts: Callable[..., list[Any]]
    render: Callable[[S, PixelShape], AnyFilm]


def _render_worlds_1(scene: scene.Scene, pixels: PixelShape) -> AnyFilm:
    from langit.worlds.film import render

    return render(scene, pixels)


def _render_story_1(scene: story_scene.StoryScene, pixels: PixelShape) -> AnyFilm:
    from langit.worlds.story.film import render

    return render(scene, pixels)


def _render_behind_1(scene: behind_scene.BehindScene, pixels: PixelShape) -> AnyFilm:
    from langit.worlds.behind.film import render

    return render(scene, pixels)


WORLDS: dict[str, World[Any]] = {
    scene.VERSION: World(
        scene.VERSION,
        scene.sample_scene,
        scene.mirror_scene,
        caption.canonical,
        caption.captions,
        caption.prompts,
        _render_worlds_1,
    ),
    story_scene.VERSION: World(
        story_scene.VERSION,
        story_scene.sample_scene,
        story_scene.mirror_scene,
        story_caption.canonical,
        story_caption.captions,
        story_caption.prompts,
        _render_story_1,
    ),
    behind_scene.VERSION: World(
        behind_scene.VERSION,
        behind_scene.sample_scene,
        scene.mirror_scene,
        caption.canonical,
        caption.captions,
        partial(caption.prompts, sample=behind_scene.sample_scene),
        _render_behind_1,
    ),
}


def find_world(version: str) -> World[Any]:
    """The world of a version.

    Raises:
        ValueError: there is no such world.
    """
    if version not in WORLDS:
        raise ValueError(f"world {version!r} does not exist: use {' or '.join(WORLDS)}")
    return WORLDS[version]

"""The worlds by their versions: how each makes a scene of a seed, says it, mirrors it and films it.

Whoever handles films of any world (farms, shards, recipes, checks) asks here; whoever handles what a film shows imports
the world itself.
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
    """A scene of any world: a value with a canonical form and a hash."""

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
    """A film of any world: frames, which figure each pixel shows (0: none), and hashes."""

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
    """What makes a version's films. ``render`` starts OpenGL when it is first called.

    ``canonical`` takes a scene; ``captions`` a scene and how many; ``prompts`` a split, how many and a language.
    """

    version: str
    sample: Callable[[int], S]
    mirrored: Callable[[S], S]
    canonical: Callable[[S], str]
    captions: Callable[[S, int], tuple[str, ...]]
    prompts: Callable[..., list[Any]]
    render: Callable[[S, PixelShape], AnyFilm]


def _first(scene: scene.Scene, pixels: PixelShape) -> AnyFilm:
    from langit.worlds.film import render

    return render(scene, pixels)


def _story(scene: story_scene.StoryScene, pixels: PixelShape) -> AnyFilm:
    from langit.worlds.story.film import render

    return render(scene, pixels)


def _behind(scene: behind_scene.BehindScene, pixels: PixelShape) -> AnyFilm:
    from langit.worlds.behind.film import render

    return render(scene, pixels)


WORLDS: dict[str, World[Any]] = {
    scene.VERSION: World(
        scene.VERSION,
        scene.sample_scene,
        scene.mirrored,
        caption.canonical,
        caption.captions,
        caption.prompts,
        _first,
    ),
    story_scene.VERSION: World(
        story_scene.VERSION,
        story_scene.sample_scene,
        story_scene.mirrored,
        story_caption.canonical,
        story_caption.captions,
        story_caption.prompts,
        _story,
    ),
    behind_scene.VERSION: World(
        behind_scene.VERSION,
        behind_scene.sample_scene,
        scene.mirrored,
        caption.canonical,
        caption.captions,
        partial(caption.prompts, sample=behind_scene.sample_scene),
        _behind,
    ),
}


def find_world(version: str) -> World[Any]:
    """The world of a version.

    Raises:
        ValueError: this code renders no such world.
    """
    if version not in WORLDS:
        raise ValueError(f"world {version!r} is not one that this code renders: use {' or '.join(WORLDS)}")
    return WORLDS[version]

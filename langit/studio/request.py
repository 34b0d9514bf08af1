"""What every request has in common: a value that says what to generate, and can be prepared for a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from langit.families.table import Given
from langit.generate import Generated, GeneratedStream, Model, SamplingConfig
from langit.generate.durations import frames_in
from langit.generate.sampler import OnStep
from langit.release import IMAGE, SUFFIX, VIDEO_SUFFIXES
from langit.shapes import PixelShape
from langit.text.prompt import check_form

LONGEST_TEXT = 2500
"""Characters of a text for any model: more than the 512 tokens that the largest text encoder reads."""


class SamplingArguments(TypedDict):
    """The arguments that every ability takes."""

    seed: int
    sampling: SamplingConfig
    on_step: OnStep | None


Work = Callable[[Sequence[str], SamplingArguments], Generated | GeneratedStream]
"""Generates one video from the request's texts, as the model is to read them, and a seed."""


@dataclass(frozen=True, kw_only=True)
class StudioRequest(ABC):
    """One of the abilities with all that is given to it, apart from seed and options."""

    ability: ClassVar[str]
    suffix: ClassVar[str] = SUFFIX  # of a file that is named for the request

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What the name of its file may end in; the end decides the format."""
        return (IMAGE,) if self.suffix == IMAGE else VIDEO_SUFFIXES

    @property
    @abstractmethod
    def texts(self) -> tuple[str, ...]:
        """The texts of the request in their order, as a person wrote them; an expander may rewrite them."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What an output file is named for."""

    @property
    def fixed_texts(self) -> tuple[str, ...]:
        """Other texts that the model reads: these are gated like the others, but not rewritten."""
        return ()

    @property
    def has_media(self) -> bool:
        """Whether pictures or videos are given."""
        return False

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:  # noqa: ARG002  (for long videos)
        """What is given in each window, as far as it is known before the files are read; ``longest`` is in seconds."""
        return ()

    @property
    def default_seed(self) -> int:
        """The seed, unless a person chooses one."""
        return 0

    @abstractmethod
    def prepare(self, model: Model) -> Work:
        """Read the given files and check everything against the model; the result can be used for several seeds.

        Raises:
            ValueError, OSError: something that is given cannot be used.
        """

    def check(self) -> None:
        """Check what needs no model.

        Raises:
            ValueError: a text has no words or is too long.
        """
        for text in (*self.texts, *self.fixed_texts):
            check_form(text, LONGEST_TEXT)


def wanted_size(size: str | None, frames: int | None, seconds: float | None, model: Model) -> PixelShape:
    """The size that a request names; what it leaves open is the first of the model's sizes that agrees with it.

    Args:
        size: WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES.
        frames: number of frames.
        seconds: length, instead of ``frames``.
        model: its sizes and frame rate count.

    Raises:
        ValueError: the arguments contradict each other, or ``size`` is not a size.
    """
    if frames is not None and seconds is not None:
        raise ValueError(f"frames {frames} and seconds {seconds:g} both give the length: give one of them")
    if seconds is not None:
        frames = frames_in(seconds, model.fps)
    named = PixelShape.parse(size) if size is not None else None
    if named is not None and size is not None and size.lower().count("x") == 2:
        if frames is not None and frames != named.frames:
            raise ValueError(f"size {size} has {named.frames} frames, not {frames}: give the frames once")
        frames = named.frames
    shape = model.sizes[0]  # the default size is first
    if named is not None:
        agreeing = (each for each in model.sizes if (each.width, each.height) == (named.width, named.height))
        shape = next(agreeing, PixelShape(shape.frames, named.height, named.width))
    return shape if frames is None else PixelShape(frames, shape.height, shape.width)

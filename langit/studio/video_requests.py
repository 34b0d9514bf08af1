"""Requests that begin with a video: what is given stays, the rest is generated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from langit import generate
from langit.families.table import Given
from langit.generate import Footage, Model
from langit.generate.durations import frames_in
from langit.generate.fitting import Fit
from langit.generate.footage import Rate
from langit.studio.request import StudioRequest, Work


@dataclass(frozen=True, kw_only=True)
class VideoRequest(StudioRequest):
    """A request with a video.

    prompt: what the new part shows; without it the given frames decide.
    fit: how frames of another size are changed: crop, pad or stretch.
    rate: what to do with another frame rate: resample or retime.
    """

    video: Path
    prompt: str = ""
    fit: Fit | None = None
    rate: Rate | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.prompt,) if self.prompt else ()

    @property
    def has_media(self) -> bool:
        return True

    def read(self, model: Model) -> Footage:
        """The video as footage.

        Raises:
            ValueError, OSError: see :func:`langit.generate.read_video`.
        """
        return generate.read_video(self.video, model, fit=self.fit, rate=self.rate)


@dataclass(frozen=True, kw_only=True)
class ExtendRequest(VideoRequest):
    """A video continued by ``seconds`` after its end, or before its beginning."""

    ability: ClassVar[str] = "extend"
    seconds: float = 2.0
    before: bool = False

    @property
    def title(self) -> str:
        return f"{self.video.stem} extended"

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:  # noqa: ARG002
        return (frozenset({"last"} if self.before else {"first"}),)

    def prepare(self, model: Model) -> Work:
        frames_in(self.seconds, model.fps)
        video = self.read(model)
        return lambda texts, settings: generate.extend(
            video, model, "".join(texts), seconds=self.seconds, before=self.before, **settings
        )


@dataclass(frozen=True, kw_only=True)
class LoopRequest(VideoRequest):
    """A video with a bridge of ``seconds`` from its end to its beginning."""

    ability: ClassVar[str] = "loop"
    seconds: float = 1.0

    @property
    def title(self) -> str:
        return f"{self.video.stem} loop"

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:  # noqa: ARG002
        return (frozenset({"first", "last"}),)

    def prepare(self, model: Model) -> Work:
        frames_in(self.seconds, model.fps)
        video = self.read(model)
        return lambda texts, settings: generate.loop(video, model, "".join(texts), seconds=self.seconds, **settings)


@dataclass(frozen=True, kw_only=True)
class ConnectRequest(VideoRequest):
    """``video`` joined with ``second`` by a bridge of ``seconds`` (default 1), or blended over ``blend`` seconds."""

    ability: ClassVar[str] = "connect"
    second: Path
    seconds: float | None = None
    blend: float | None = None

    @property
    def title(self) -> str:
        return f"{self.video.stem} to {self.second.stem}"

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:  # noqa: ARG002
        return (frozenset({"first", "last"}),)

    def prepare(self, model: Model) -> Work:
        for name, value in (("seconds", self.seconds), ("blend", self.blend)):
            if value is not None:
                frames_in(value, model.fps, name)
        first, second = self._read_both(model)
        return lambda texts, settings: generate.connect(
            first, second, model, "".join(texts), seconds=self.seconds, blend=self.blend, **settings
        )

    def _read_both(self, model: Model) -> tuple[Footage, Footage]:
        """Both videos, the second fitted to the first. Problems of both are reported together."""
        try:
            first = self.read(model)
        except ValueError as error:
            try:
                generate.read_video(self.second, model, fit=self.fit, rate=self.rate)
            except ValueError as other:
                raise ValueError(f"{error}; {other}") from error
            raise
        # Without fit the second video must have the first one's size by itself.
        size = None if self.fit is None else first.pixels
        return first, generate.read_video(self.second, model, fit=self.fit, rate=self.rate, size=size)


@dataclass(frozen=True, kw_only=True)
class EditRequest(VideoRequest):
    """A video generated again with another prompt; the less ``strength``, the more of it is kept."""

    ability: ClassVar[str] = "edit"
    strength: float = 0.6

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.prompt,)  # needed, so that an empty one is refused

    @property
    def title(self) -> str:
        return f"{self.video.stem} edited"

    def prepare(self, model: Model) -> Work:
        video = self.read(model)
        return lambda texts, settings: generate.edit(video, texts[0], model, strength=self.strength, **settings)


@dataclass(frozen=True, kw_only=True)
class InpaintRequest(VideoRequest):
    """A region of a video generated anew: where the picture ``mask`` is white. Every other pixel stays."""

    ability: ClassVar[str] = "inpaint"
    mask: Path
    strength: float = 1.0

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.prompt,)

    @property
    def title(self) -> str:
        return f"{self.video.stem} inpainted"

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:  # noqa: ARG002
        return (frozenset({"region"}),)

    def prepare(self, model: Model) -> Work:
        video = self.read(model)
        generate.read_mask(self.mask, video.pixels)
        return lambda texts, settings: generate.inpaint(
            video, self.mask, texts[0], model, strength=self.strength, **settings
        )


@dataclass(frozen=True, kw_only=True)
class RecutRequest(VideoRequest):
    """A part of a video kept, with new frames before and after it; see :func:`langit.generate.recut`."""

    ability: ClassVar[str] = "recut"
    seconds: float
    start: float = 0.0
    end: float | None = None
    before: float | None = None

    @property
    def title(self) -> str:
        return f"{self.video.stem} recut"

    def prepare(self, model: Model) -> Work:
        frames_in(self.seconds, model.fps)
        video = self.read(model)
        return lambda texts, settings: generate.recut(
            video,
            model,
            "".join(texts),
            start=self.start,
            end=self.end,
            seconds=self.seconds,
            before=self.before,
            **settings,
        )

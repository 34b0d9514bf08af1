"""Requests that begin with a text: a video, an image, a long video, a storyboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from langit import generate
from langit.families.table import Given
from langit.generate import Board, Footage, Generated, Model
from langit.generate.durations import frames_in
from langit.generate.fitting import Fit
from langit.generate.footage import Rate
from langit.release import IMAGE
from langit.studio.request import SamplingArguments, StudioRequest, Work, wanted_size


@dataclass(frozen=True, kw_only=True)
class PromptRequest(StudioRequest):
    """A request with a prompt that cannot be left out, and that names the file."""

    prompt: str

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.prompt,)

    @property
    def title(self) -> str:
        return self.prompt


@dataclass(frozen=True, kw_only=True)
class GenerateRequest(PromptRequest):
    """A video of a prompt; see :func:`langit.generate.generate`.

    size: WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES.
    frames, seconds: the length, once.
    image, last: pictures for the first and the last frame.
    references: pictures of what shall appear, for VACE models.
    fit: how pictures of another size are changed: crop, pad or stretch.
    """

    ability: ClassVar[str] = "generate"
    size: str | None = None
    frames: int | None = None
    seconds: float | None = None
    image: Path | None = None
    last: Path | None = None
    references: tuple[Path, ...] = ()
    fit: Fit | None = None

    @property
    def has_media(self) -> bool:
        return self.image is not None or self.last is not None or bool(self.references)

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:  # noqa: ARG002
        kinds: tuple[tuple[Given, object], ...] = (
            ("first", self.image),
            ("last", self.last),
            ("reference", self.references),
        )
        return (frozenset(kind for kind, given in kinds if given),)

    def prepare(self, model: Model) -> Work:
        wanted = wanted_size(self.size, self.frames, self.seconds, model)
        pictures: list[Footage | None] = []
        problems: list[str] = []  # of all pictures, so that a person mends the command once
        for path in (self.image, self.last, *self.references):
            # Other pictures are fitted to the first one's size where no size is named.
            known = wanted if self.size is not None else next((each.pixels for each in pictures if each), None)
            try:
                pictures.append(None if path is None else generate.read_image(path, model, fit=self.fit, size=known))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        first = next((picture.pixels for picture in pictures if picture), wanted)
        pixels = replace(first, frames=wanted.frames)
        if pixels.frames > model.max_frames:
            raise ValueError(
                f"{pixels.frames} frames ({pixels.frames / model.fps:g} s) are too many to be sampled at once: use at"
                f" most {model.max_frames} frames ({model.max_frames / model.fps:g} s), or langit minute"
            )
        model.check(pixels)
        image, last = pictures[:2]
        references = [picture for picture in pictures[2:] if picture is not None]
        return lambda texts, settings: generate.generate(
            texts[0], model, pixels=pixels, image=image, last=last, references=references, **settings
        )


@dataclass(frozen=True, kw_only=True)
class ImageRequest(PromptRequest):
    """A picture of a prompt, ``size`` (WIDTHxHEIGHT) wide and high."""

    ability: ClassVar[str] = "image"
    suffix: ClassVar[str] = IMAGE
    size: str | None = None

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:  # noqa: ARG002
        return (frozenset(),)

    def prepare(self, model: Model) -> Work:
        size = wanted_size(self.size, 1, None, model)
        model.check(size)
        return lambda texts, settings: generate.image(texts[0], model, size=size, **settings)


@dataclass(frozen=True, kw_only=True)
class MinuteRequest(PromptRequest):
    """A long video of a prompt, generated window after window while it is written; see :func:`langit.generate.minute`.

    ``size`` is WIDTHxHEIGHT.
    """

    ability: ClassVar[str] = "minute"
    seconds: float = 60.0
    size: str | None = None

    def given_kinds(self, longest: float) -> tuple[frozenset[Given], ...]:
        # The first window begins with nothing, the others with the end of the one before.
        return (frozenset(), frozenset({"first"})) if self.seconds > longest else (frozenset(),)

    def prepare(self, model: Model) -> Work:
        frames_in(self.seconds, model.fps)
        pixels = wanted_size(self.size, None, None, model)
        model.check(pixels)
        return lambda texts, settings: generate.minute(texts[0], model, seconds=self.seconds, pixels=pixels, **settings)


@dataclass(frozen=True, kw_only=True)
class StoryboardRequest(StudioRequest):
    """The video of a board of timed cards; ``name`` is what its file is named for."""

    ability: ClassVar[str] = "storyboard"
    board: Board
    name: str = "storyboard"

    @classmethod
    def read(cls, path: Path, fit: Fit | None = None, rate: Rate | None = None) -> StoryboardRequest:
        """Read a board from a file; ``fit`` and ``rate`` replace those that it names.

        Raises:
            ValueError, OSError: see :func:`langit.generate.read_board`.
        """
        board = generate.read_board(path)
        return cls(board=replace(board, fit=fit or board.fit, rate=rate or board.rate), name=path.stem)

    @property
    def texts(self) -> tuple[str, ...]:
        cards = (card.text for card in self.board.cards if card.text)
        return (*cards, *([self.board.prompt] if self.board.prompt else []))

    @property
    def fixed_texts(self) -> tuple[str, ...]:
        return (self.board.style,) if self.board.style else ()

    @property
    def title(self) -> str:
        return self.name

    @property
    def has_media(self) -> bool:
        return any(card.text is None for card in self.board.cards)

    @property
    def default_seed(self) -> int:
        return self.board.seed

    def prepare(self, model: Model) -> Work:
        from langit.generate.storyboard import lay_out

        lay_out(self.board, model)  # raises now what would be wrong with the cards later

        def work(texts: Sequence[str], settings: SamplingArguments) -> Generated:
            rewritten = iter(texts)
            cards = tuple(replace(card, text=next(rewritten)) if card.text else card for card in self.board.cards)
            prompt = next(rewritten) if self.board.prompt else ""
            return generate.storyboard(replace(self.board, cards=cards, prompt=prompt), model, **settings)

        return work

"""From the wire to a job: fields are checked against the model's card, files are stored, and the worker's request is
written. The worker's half is ``requests.py``. Knows neither HTTP nor the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from langit.serve import protocol as wire
from langit.serve.errors import ApiError
from langit.serve.jobs import NewJob
from langit.serve.media import GivenFile, MediaStore
from langit.serve.models import ModelCard
from langit.serve.settings import ServeSettings
from langit.serve.sizes import choose_frames, choose_size, format_seconds
from langit.text.prompt import normalize_prompt

RATE_TOLERANCE: Final = 1e-3
"""Relative difference up to which two frame rates are one."""
STRENGTH: Final = 0.6
"""How much of a video is made anew where a request does not say."""


@dataclass
class JobAsker:
    """Turns one request's fields into a job.

    card: of its model.
    media: stores what it gives.
    """

    settings: ServeSettings
    card: ModelCard
    media: MediaStore
    job: str
    notes: list[str] = field(default_factory=list)

    def create(self, body: wire.CreateVideo) -> NewJob:
        """A video of a prompt."""
        given = [
            None if value is None else self.media.put(value, name, "any" if name == "input_reference" else "picture")
            for name, value in (("input_reference", body.input_reference), ("x_last", body.x_last))
        ]
        first, last = given
        if first is not None and first.seconds:
            return self._continue(body, first)
        size = body.size
        for name, picture in (("input_reference", first), ("x_last", last)):
            if picture is not None and size is None and not self._is_fitted(body):
                self._check_size(picture, name)
                size = f"{picture.width}x{picture.height}"
        width, height, notes = choose_size(self.card, size, self._is_mapped(body))
        self.notes += notes
        for name, picture in (("input_reference", first), ("x_last", last)):
            if picture is not None and (picture.width, picture.height) != (width, height):
                self._check_fit(body, picture, name, f"{width}x{height}")
        is_long = body.x_long and (body.seconds or 0) > self.card.longest
        frames = self._frames(body, body.seconds, is_long=is_long)
        if is_long:
            if first is not None or last is not None:
                raise ApiError(400, "x_long begins with a prompt alone: leave pictures out", param="x_long")
            arguments: dict[str, Any] = {"seconds": frames / self.card.fps, "size": f"{width}x{height}"}
            return self._job(body, "minute", arguments, (width, height), frames)
        arguments = {"size": f"{width}x{height}x{frames}", "fit": self._fit(body)}
        arguments |= {"image": first and first.name, "last": last and last.name}
        source = first.source if first is not None else None
        return self._job(body, "generate", arguments, (width, height), frames, source)

    def image(self, body: wire.CreateImage, number: int) -> NewJob:
        """Picture number ``number`` of a request for images, counted from 0."""
        width, height, notes = choose_size(self.card, body.size, self._is_mapped(body))
        self.notes += notes
        return self._job(body, "image", {"size": f"{width}x{height}"}, (width, height), 1, number=number)

    def remix(self, body: wire.RemixVideo, source: str) -> NewJob:
        """Another job's video made again with another prompt."""
        given = self.media.put(source, "video", "video")
        return self._edit(body, given, body.x_strength, None, None)

    def edit(self, body: wire.EditVideo) -> NewJob:
        """A video, or a region of it, made again."""
        given = self.media.put(body.video, "video", "video")
        mask = None if body.x_mask is None else self.media.put(body.x_mask, "x_mask", "picture")
        return self._edit(body, given, body.x_strength, mask, body.x_rate)

    def extend(self, body: wire.ExtendVideo) -> NewJob:
        """A video continued."""
        given = self.media.put(body.video, "video", "video")
        frames = self._frames(body, body.seconds, is_long=True)
        arguments = {"seconds": frames / self.card.fps, "before": body.x_before}
        return self._video_job(body, "extend", given, arguments, body.x_rate, added=frames)

    def loop(self, body: wire.LoopVideo) -> NewJob:
        """A video with a bridge from its end to its beginning."""
        given = self.media.put(body.video, "video", "video")
        frames = self._frames(body, 1.0 if body.seconds is None else body.seconds, is_long=True)
        return self._video_job(body, "loop", given, {"seconds": frames / self.card.fps}, body.x_rate, added=frames)

    def connect(self, body: wire.ConnectVideos) -> NewJob:
        """Two videos joined."""
        if body.seconds is not None and body.x_blend is not None:
            raise ApiError(400, "seconds and x_blend exclude each other: give one of them", param="x_blend")
        given = self.media.put(body.video, "video", "video")
        second = self.media.put(body.x_second, "x_second", "video")
        self._check_video(body, second, "x_second", body.x_rate)
        value, name = (body.x_blend, "blend") if body.x_blend is not None else (body.seconds, "seconds")
        param = "x_blend" if name == "blend" else "seconds"
        frames = self._frames(body, 1.0 if value is None else value, is_long=True, param=param)
        arguments = {"second": second.name, name: frames / self.card.fps}
        return self._video_job(body, "connect", given, arguments, body.x_rate)

    def storyboard(self, body: wire.StoryVideo, uploads: Mapping[str, Any]) -> NewJob:
        """A video of timed cards."""
        cards = [self._card(number, card, uploads) for number, card in enumerate(body.x_cards, start=1)]
        for before, card in zip(cards[:-1], cards[1:], strict=True):
            if card["begin"] < (before.get("end") or before["begin"]):
                raise ApiError(
                    400, "x_cards overlap, or are not in the order of time: correct their times", param="x_cards"
                )
        frames = self._frames(body, body.seconds, is_long=True)
        last = max(card.get("end") or card["begin"] for card in cards)
        if last > frames / self.card.fps:
            raise ApiError(400, f"a card ends at {last:g} s, after the video: make seconds longer", param="x_cards")
        width, height, notes = choose_size(self.card, body.size, self._is_mapped(body))
        self.notes += notes
        if body.prompt:
            self._check_prompt(body.prompt)
        arguments = {
            "seconds": frames / self.card.fps,
            "cards": cards,
            "size": f"{width}x{height}",
            "prompt": body.prompt,
            "style": body.x_style,
            "fit": self._fit(body),
            "rate": self._rate(body, body.x_rate),
        }
        return self._job(body, "storyboard", arguments, (width, height), frames)

    def _card(self, number: int, card: wire.StoryCard, uploads: Mapping[str, Any]) -> dict[str, Any]:
        param = f"x_cards.{number - 1}"
        kinds = [name for name in ("text", "image", "video") if getattr(card, name) is not None]
        if len(kinds) != 1 or (card.at is None) == (card.start is None):
            raise ApiError(400, f"{param}: give one of text, image and video, and one of at and start", param=param)
        begin = card.at if card.at is not None else card.start
        if begin is None or begin < 0 or (card.end is not None and card.end <= begin):
            raise ApiError(400, f"{param}: it has to start at 0 or later, and end after that", param=param)
        found: dict[str, Any] = {"begin": begin, "end": card.end}
        if card.text is not None:
            if card.end is None:
                raise ApiError(400, f"{param}: a text needs an end", param=param)
            return found | {"text": self._check_prompt(card.text, f"{param}.text")}
        (kind,) = kinds
        given = self.media.put(getattr(card, kind), param, "picture" if kind == "image" else "video", uploads)
        return found | {kind: given.name}

    def _continue(self, body: wire.CreateVideo, video: GivenFile) -> NewJob:
        """A video whose beginning is given as a video: OpenAI's input_reference may be one."""
        if body.x_last is not None or body.x_long:
            raise ApiError(400, "a video in input_reference is continued: leave x_last and x_long out", param="x_last")
        frames = self._frames(body, body.seconds, is_long=True)
        arguments = {"seconds": frames / self.card.fps, "before": False}
        return self._video_job(body, "extend", video, arguments, None, "input_reference", added=frames)

    def _edit(
        self,
        body: wire.RemixVideo | wire.EditVideo,
        given: GivenFile,
        strength: float | None,
        mask: GivenFile | None,
        rate: str | None,
    ) -> NewJob:
        if mask is None:
            arguments: dict[str, Any] = {"strength": STRENGTH if strength is None else strength}
            return self._video_job(body, "edit", given, arguments, rate)
        arguments = {"strength": 1.0 if strength is None else strength, "mask": mask.name}
        return self._video_job(body, "inpaint", given, arguments, rate)

    def _video_job(
        self,
        body: Any,
        ability: str,
        given: GivenFile,
        arguments: Mapping[str, Any],
        rate: str | None,
        param: str = "video",
        added: int = 0,
    ) -> NewJob:
        self._check_video(body, given, param, rate)
        size = (given.width, given.height)
        if size not in self.card.sizes:
            size = choose_size(self.card, f"{size[0]}x{size[1]}", True)[:2]
        frames = round(given.seconds * self.card.fps) + added
        stored = {"video": given.name, "fit": self._fit(body), "rate": self._rate(body, rate), **arguments}
        return self._job(body, ability, stored, size, frames, given.source)

    def _job(
        self,
        body: Any,
        ability: str,
        arguments: Mapping[str, Any],
        size: tuple[int, int],
        frames: int,
        source: str | None = None,
        number: int = 0,
    ) -> NewJob:
        prompt = body.prompt
        if prompt or ability in ("generate", "image", "minute", "edit", "inpaint"):
            prompt = self._check_prompt(prompt)
        if body.x_negative:
            self._check_prompt(body.x_negative, "x_negative")
        if body.x_quality == "fast" and not self.card.fast:
            raise ApiError(400, f"{self.card.name} has no fast preset: use full", param="x_quality")
        # The worker makes seeds known by name: without one, every request is another video.
        seed = secrets.randbelow(2**31) if body.x_seed is None else body.x_seed
        seed = (seed + number) % 2**63
        options = {
            "steps": body.x_steps,
            "guidance": body.x_guidance,
            "solver": body.x_solver,
            "negative": body.x_negative,
            "quality": body.x_quality,
            "expand": body.x_expand,
            "strict": body.x_strict,
        }
        if ability not in ("storyboard",):
            arguments = {"prompt": prompt, **arguments}
        seconds = frames / self.card.fps
        name = f"{size[0]}x{size[1]}"
        shown: dict[str, Any] = {"prompt": prompt, "size": name, "seconds": format_seconds(seconds)}
        shown |= {"x_seed": seed, "x_size": name, "x_seconds": seconds, "x_frames": frames, "x_fps": self.card.fps}
        shown |= {"x_ability": ability, "x_notes": self.notes}
        stored = {
            "ability": ability,
            "arguments": {key: value for key, value in arguments.items() if value is not None},
            "options": options,
            "seed": seed,
            "nearest": body.x_nearest,
        }
        kind = "image" if ability == "image" else "video"
        return NewJob(kind, self.card.name, stored, shown, source, self.job)  # type: ignore[arg-type]  # one of two

    def _check_prompt(self, prompt: str, param: str = "prompt") -> str:
        limit = self.media.limits.prompt
        if len(prompt) > limit:
            raise ApiError(
                400, f"{param} has {len(prompt)} characters: shorten it to {limit}", param=param, code="prompt_too_long"
            )
        try:
            return normalize_prompt(prompt)
        except ValueError as error:
            raise ApiError(400, str(error), param=param, code="invalid_prompt") from error

    def _check_video(self, body: Any, given: GivenFile, param: str, rate: str | None) -> None:
        if (given.width, given.height) not in self.card.sizes:
            self._check_fit(body, given, param, None)
        differs = abs(given.fps - self.card.fps) > RATE_TOLERANCE * self.card.fps
        if differs and self._rate(body, rate) is None:
            raise ApiError(
                400,
                f"{param} has {given.fps:g} frames a second, {self.card.name} makes {self.card.fps:g}: x_rate resample"
                " keeps its speed, retime keeps its frames",
                param="x_rate",
                code="unsupported_rate",
            )

    def _check_size(self, given: GivenFile, param: str) -> None:
        if (given.width, given.height) not in self.card.sizes:
            self._raise_fit(given, param, None)

    def _check_fit(self, body: Any, given: GivenFile, param: str, wanted: str | None) -> None:
        if not self._is_fitted(body):
            self._raise_fit(given, param, wanted)

    def _raise_fit(self, given: GivenFile, param: str, wanted: str | None) -> None:
        why = (
            f"the video is to be {wanted}"
            if wanted
            else f"{self.card.name} makes {', '.join(self.card.size_names[:16])}"
        )
        raise ApiError(
            400,
            f"{param} is {given.width}x{given.height}, and {why}: x_fit crop, pad or stretch changes it",
            param=param,
            code="unsupported_size",
        )

    def _frames(self, body: Any, seconds: float | None, *, is_long: bool = False, param: str = "seconds") -> int:
        frames, notes = choose_frames(self.card, seconds, self._is_mapped(body), is_long=is_long, param=param)
        self.notes += notes
        return frames

    def _is_mapped(self, body: Any) -> bool:
        return body.x_fit is not None or self.settings.map_sizes

    _is_fitted = _is_mapped

    def _fit(self, body: Any) -> str | None:
        if body.x_fit in ("crop", "pad", "stretch"):
            return str(body.x_fit)
        return "crop" if self._is_mapped(body) else None

    def _rate(self, body: Any, rate: str | None) -> str | None:
        return rate or ("resample" if self._is_mapped(body) else None)

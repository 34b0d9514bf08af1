"""The wire format: OpenAI's fields and, with names that begin with x_, Langit's own. The only place with pydantic.

Numbers and booleans may arrive as text, since forms know nothing else. A field that is not listed here is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from langit.serve.jobs import Job

MAX_SEED = 2**63 - 1


def _plain(value: object) -> object:
    """Seconds as a number: "8" and 8 mean the same. Booleans and NaN are neither."""
    if isinstance(value, bool):
        raise ValueError("is not a number of seconds")
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError('is not a number of seconds: use for example "4"')
    return number


Seconds = Annotated[float, BeforeValidator(_plain)]
Fit = Literal["nearest", "crop", "pad", "stretch"]
Text = Annotated[str, Field(max_length=200_000)]  # the prompt's own check says how long one may be


class Body(BaseModel):
    """A request's fields."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Sampling(Body):
    """Fields of everything that is generated.

    x_fit: change what the model cannot do instead of refusing it: sizes and seconds become the nearest that it can, and
        pictures and videos are cropped (also for "nearest"), padded or stretched.
    x_nearest: how many of the nearest training clips the answer names.
    """

    model: str | None = Field(None, max_length=200)
    user: str | None = Field(None, max_length=512)
    x_seed: int | None = Field(None, ge=0, le=MAX_SEED)
    x_steps: int | None = Field(None, ge=1, le=1000)
    x_guidance: float | None = Field(None, ge=0, le=100, allow_inf_nan=False)
    x_solver: Literal["euler", "heun", "midpoint", "ab2", "unipc"] | None = None
    x_negative: Text | None = None
    x_quality: Literal["fast", "full"] | None = None
    x_expand: Literal["embedded", "off"] | None = None
    x_strict: bool = False
    x_fit: Fit | None = None
    x_nearest: int = Field(3, ge=0, le=20)
    x_characters: list[str] = Field(default_factory=list, max_length=16)


class CreateVideo(Sampling):
    """POST /v1/videos. ``x_long`` makes a video longer than the model samples at once, window after window."""

    prompt: Text
    seconds: Seconds | None = None
    size: str | None = Field(None, max_length=40)
    input_reference: Any = None
    x_last: Any = None
    x_long: bool = False


class RemixVideo(Sampling):
    """POST /v1/videos/{id}/remix: a video made again with another prompt."""

    prompt: Text
    x_strength: float | None = Field(None, gt=0, le=1)


class EditVideo(Sampling):
    """POST /v1/videos/edits. With ``x_mask`` only its white region is generated anew."""

    prompt: Text
    video: Any
    x_mask: Any = None
    x_strength: float | None = Field(None, gt=0, le=1)
    x_rate: Literal["resample", "retime"] | None = None


class ExtendVideo(Sampling):
    """POST /v1/videos/extensions."""

    prompt: Text = ""
    seconds: Seconds
    video: Any
    x_before: bool = False
    x_rate: Literal["resample", "retime"] | None = None


class LoopVideo(Sampling):
    """POST /v1/videos/loops: a bridge from the end of a video to its beginning."""

    prompt: Text = ""
    seconds: Seconds | None = None
    video: Any
    x_rate: Literal["resample", "retime"] | None = None


class ConnectVideos(Sampling):
    """POST /v1/videos/connections: a bridge of ``seconds`` between two videos, or a blend over ``x_blend`` seconds."""

    prompt: Text = ""
    seconds: Seconds | None = None
    video: Any
    x_second: Any
    x_blend: Seconds | None = None
    x_rate: Literal["resample", "retime"] | None = None


class StoryCard(Body):
    """A card of a storyboard: one of ``text``, ``image`` and ``video``, at a time in seconds."""

    at: Seconds | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    text: Text | None = None
    image: Any = None
    video: Any = None


class StoryVideo(Sampling):
    """POST /v1/videos/storyboards. Cards may name files of the form: {"image": "card-1"}."""

    seconds: Seconds
    x_cards: list[StoryCard] = Field(min_length=1, max_length=64)
    prompt: Text = ""
    x_style: Text = ""
    size: str | None = Field(None, max_length=40)
    x_rate: Literal["resample", "retime"] | None = None


class CreateImage(Sampling):
    """POST /v1/images/generations."""

    prompt: Text
    n: int = Field(1, ge=1, le=10)
    size: str | None = Field(None, max_length=40)
    response_format: Literal["b64_json", "url"] | None = None
    output_format: Literal["png"] | None = None


class CreateCharacter(Body):
    """POST /v1/videos/characters.

    x_consent: what shows that the person agreed: a file, a data: URL, or "video" if the video itself shows it.
    x_scopes: what for: model:NAME, ability:NAME, purpose:WORDS, or all.
    """

    name: str = Field(max_length=200)
    video: Any
    x_consent: Any
    x_scopes: list[str] = Field(default_factory=lambda: ["ability:generate"], max_length=32)
    x_until: str | None = Field(None, max_length=10)


class CreateEndpoint(Body):
    """POST /v1/webhook_endpoints."""

    name: str = Field(min_length=1, max_length=200)
    url: str = Field(max_length=2000)
    event_types: list[Literal["video.completed", "video.failed"]] = Field(min_length=1, max_length=10)


class UpdateEndpoint(Body):
    """POST /v1/webhook_endpoints/{id}."""

    name: str | None = Field(None, min_length=1, max_length=200)
    url: str | None = Field(None, max_length=2000)
    event_types: list[Literal["video.completed", "video.failed"]] | None = Field(None, min_length=1, max_length=10)


class TestEndpoint(Body):
    """POST /v1/webhook_endpoints/{id}/test."""

    __test__ = False  # no test class of pytest

    event_type: Literal["video.completed", "video.failed"]


class RotateSecret(Body):
    """POST /v1/webhook_endpoints/{id}/rotate_secret. The old secret is invalid at once."""

    expire_after_seconds: int | None = Field(None, ge=0, le=0)


class StartSession(Body):
    """POST /session: a browser logs in with a key."""

    key: str = Field(max_length=200)


def video_object(job: Job) -> dict[str, Any]:
    """A job as OpenAI's clients read it, with our own fields.

    x_step, x_steps_total, x_stage and x_details say how far it is; x_preview where a preview is; the fields of
    ``shown`` and ``result`` are described in docs/serve.md.
    """
    found: dict[str, Any] = {
        "id": job.id,
        "object": "video",
        "model": job.model,
        "status": job.status,
        "progress": job.progress,
        "created_at": int(job.created_at),
        "completed_at": None if job.completed_at is None else int(job.completed_at),
        "expires_at": None if job.expires_at is None else int(job.expires_at),
        "error": None if job.error is None else dict(job.error),
        "remixed_from_video_id": job.remixed_from,
    }
    found |= _merge(job.shown, job.result)
    found |= {"x_step": job.steps, "x_steps_total": job.total, "x_stage": job.stage, "x_details": job.details}
    if job.previews and not job.is_over:
        found["x_preview"] = f"/v1/videos/{job.id}/preview?number={job.previews}"
    return found


def image_object(job: Job) -> dict[str, Any]:
    """A job for an image, in the shape of a video's; ``url`` is where its file is."""
    found = video_object(job) | {"object": "image"}
    if job.status == "completed":
        found["url"] = f"/v1/images/{job.id}/content"
    return found


def list_object(found: Sequence[Job], more: bool, describe: Callable[[Job], dict[str, Any]]) -> dict[str, Any]:
    """A page of a list; ``last_id`` is the next page's ``after``."""
    return {
        "object": "list",
        "data": [describe(job) for job in found],
        "has_more": more,
        "first_id": found[0].id if found else None,
        "last_id": found[-1].id if found else None,
    }


def _merge(shown: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """What was known before and what is known afterwards; notes add up."""
    notes = [*shown.get("x_notes", ()), *result.get("x_notes", ())]
    return {**shown, **result, "x_notes": list(dict.fromkeys(notes))}

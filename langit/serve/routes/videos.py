"""Videos: create, retrieve, list, delete, and all that begins with a video."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from langit.serve import protocol as wire
from langit.serve.asking import JobAsker
from langit.serve.auth import AnyCaller, Caller, services_of
from langit.serve.bodies import fields_digest, read_fields
from langit.serve.errors import ApiError
from langit.serve.folders import JobFolder
from langit.serve.jobs import Job, NewJob, new_id
from langit.serve.media import MediaStore
from langit.serve.routes.documents import body_of
from langit.serve.settings import ServeSettings

router = APIRouter(prefix="/v1/videos", tags=["videos"])

POLL_AFTER: Final = (0.1, 5.0)
"""Seconds after which OpenAI's clients should ask again, at least and at most."""
POLL_SHARE: Final = 0.1
"""The same as a share of the job's age: whoever asks so learns of the end late by no more than this share of it."""
MAX_KEY: Final = 255
"""Characters of an Idempotency-Key."""

Ask = Callable[[JobAsker, Any, dict[str, UploadFile]], NewJob]


@router.post("", openapi_extra=body_of(wire.CreateVideo))
async def create(request: Request, caller: AnyCaller) -> JSONResponse:
    """Make a video of a prompt, and of pictures for its first and last frame."""
    return await ask_for(request, caller, wire.CreateVideo, lambda asker, body, _: asker.create(body))


@router.post("/edits", openapi_extra=body_of(wire.EditVideo))
async def edit(request: Request, caller: AnyCaller) -> JSONResponse:
    """Make a video again with another prompt, or a region of it."""
    return await ask_for(request, caller, wire.EditVideo, lambda asker, body, _: asker.edit(body))


@router.post("/extensions", openapi_extra=body_of(wire.ExtendVideo))
async def extend(request: Request, caller: AnyCaller) -> JSONResponse:
    """Continue a video."""
    return await ask_for(request, caller, wire.ExtendVideo, lambda asker, body, _: asker.extend(body))


@router.post("/loops", openapi_extra=body_of(wire.LoopVideo))
async def loop(request: Request, caller: AnyCaller) -> JSONResponse:
    """Lead the end of a video to its beginning."""
    return await ask_for(request, caller, wire.LoopVideo, lambda asker, body, _: asker.loop(body))


@router.post("/connections", openapi_extra=body_of(wire.ConnectVideos))
async def connect(request: Request, caller: AnyCaller) -> JSONResponse:
    """Join two videos."""
    return await ask_for(request, caller, wire.ConnectVideos, lambda asker, body, _: asker.connect(body))


@router.post("/storyboards", openapi_extra=body_of(wire.StoryVideo))
async def storyboard(request: Request, caller: AnyCaller) -> JSONResponse:
    """Make a video of timed cards."""
    return await ask_for(request, caller, wire.StoryVideo, lambda asker, body, files: asker.storyboard(body, files))


@router.post("/{name}/remix", openapi_extra=body_of(wire.RemixVideo))
async def remix(name: str, request: Request, caller: AnyCaller) -> JSONResponse:
    """Make one of your videos again with another prompt."""
    found = await to_thread.run_sync(services_of(request).jobs.get, caller.owner, name)
    default = found.model  # a remix is made by the model of its source unless it names another
    return await ask_for(
        request, caller, wire.RemixVideo, lambda asker, body, _: asker.remix(body, name), default=default, salt=name
    )


@router.get("/{name}")
def retrieve(name: str, request: Request, caller: AnyCaller) -> JSONResponse:
    """A video's job as it stands."""
    return video_response(services_of(request).jobs.get(caller.owner, name))


@router.get("")
def list_videos(
    request: Request,
    caller: AnyCaller,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> dict[str, Any]:
    """Videos in the order of creation, a page at a time."""
    found, more = services_of(request).jobs.list(caller.owner, after=after, limit=limit, order=order)
    return wire.list_object(found, more, wire.video_object)


@router.delete("/{name}")
def delete(name: str, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Delete a video and its files; one that waits or runs is cancelled."""
    services = services_of(request)
    job = services.jobs.delete(caller.owner, name)
    if job.status != "in_progress":  # otherwise the worker removes the folder at its next step
        JobFolder.of(services.settings, job.id).remove()
    return {"id": name, "object": "video.deleted", "deleted": True}


async def ask_for(
    request: Request,
    caller: Caller,
    kind: type[wire.Sampling],
    ask: Ask,
    *,
    default: str | None = None,
    salt: str = "",
) -> JSONResponse:
    """Read a request, store what it gives, and enter its job.

    Args:
        request: whose body is read.
        caller: who asks.
        kind: the body's model.
        ask: makes the job of it.
        default: the model of a request that names none.
        salt: what the path says, as a part of the request's digest.

    Raises:
        ApiError: something cannot be used; nothing is left behind.
    """
    key = idempotency_key(request)
    resent = request.headers.get("x-stainless-retry-count", "0")
    fields = await read_fields(request)
    body = kind.model_validate(fields)
    services = services_of(request)

    def enter() -> Job:
        card = services.cards.find(body.model or default, services.default_model)
        name = new_id("video")
        folder = JobFolder.of(services.settings, name)
        media = MediaStore(services.settings, services.jobs, caller.owner, caller.limits, folder)
        is_new = False
        try:
            uploads = {name: value for name, value in fields.items() if isinstance(value, UploadFile)}
            new = ask(JobAsker(services.settings, card, media, name), body, uploads)
            services.check_characters(caller.owner, body.x_characters)
            digest = fields_digest(
                [str(request.url.path), salt, {name: value for name, value in fields.items() if name not in uploads}],
                media.kept,
            )
            new = NewJob(**{**vars(new), "fields": digest})
            job, is_new = services.jobs.create(caller.owner, new, caller.limits, key, is_resent=resent not in ("", "0"))
            return job
        finally:
            if not is_new:
                folder.remove()

    return video_response(await to_thread.run_sync(enter))


def idempotency_key(request: Request) -> str | None:
    """The client's key for a request that may be sent again.

    Raises:
        ApiError: it is too long or not printable.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and (not key or len(key) > MAX_KEY or not key.isascii() or not key.isprintable()):
        raise ApiError(
            400,
            f"an Idempotency-Key has 1 to {MAX_KEY} printable characters",
            param="Idempotency-Key",
            code="invalid_value",
        )
    return key


def video_response(job: Job) -> JSONResponse:
    """A job as an answer, which says when to ask again."""
    fewest, most = POLL_AFTER
    seconds = min(most, max(fewest, POLL_SHARE * (time.time() - job.created_at)))
    headers = {} if job.is_over else {"openai-poll-after-ms": str(round(1e3 * seconds))}
    return JSONResponse(wire.video_object(job), headers=headers)


def settings_of(request: Request) -> ServeSettings:
    """The server's settings."""
    return services_of(request).settings

"""Images: videos of one frame, answered when they are done, as OpenAI's clients expect.

OpenAI keeps no images and has no calls to list them; ours are released files, kept like videos, and so are listed,
retrieved and deleted like videos.
"""

from __future__ import annotations

import base64
import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import anyio
from anyio import to_thread
from fastapi import APIRouter, Query, Request

from langit.serve import protocol as wire
from langit.serve.asking import JobAsker
from langit.serve.auth import AnyCaller, services_of
from langit.serve.bodies import fields_digest, read_fields
from langit.serve.errors import ApiError
from langit.serve.folders import JobFolder
from langit.serve.jobs import Job, NewJob, new_id
from langit.serve.media import MediaStore
from langit.serve.routes.documents import body_of
from langit.serve.routes.videos import idempotency_key

router = APIRouter(prefix="/v1/images", tags=["images"])

EVERY: Final = 0.05
"""Seconds between two looks at the job."""
LONGEST: Final = 600.0
"""Seconds to wait for an image."""


@router.post("/generations", openapi_extra=body_of(wire.CreateImage))
async def generate(request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Make images of a prompt and wait for them."""
    key, services = idempotency_key(request), services_of(request)
    fields = await read_fields(request)
    body = wire.CreateImage.model_validate(fields)

    def enter() -> list[Job]:
        card = services.cards.find(body.model, services.default_model)
        jobs = []
        for number in range(body.n):
            name = new_id("image")
            media = MediaStore(
                services.settings, services.jobs, caller.owner, caller.limits, JobFolder.of(services.settings, name)
            )
            new = JobAsker(services.settings, card, media, name).image(body, number)
            new = NewJob(**{**vars(new), "fields": fields_digest([fields, number], {})})
            numbered = None if key is None else f"{key} {number}"
            jobs.append(services.jobs.create(caller.owner, new, caller.limits, numbered)[0])
        return jobs

    done = []
    entered = await to_thread.run_sync(enter)
    try:
        for job in entered:
            done.append(await _wait(job, request, caller.owner))
    except BaseException:  # also of a client that hung up
        for job in entered:
            await to_thread.run_sync(services.jobs.mark_deleted, job.id)
        raise
    data = [
        await to_thread.run_sync(_image_object, job, JobFolder.of(services.settings, job.id).output(job.kind), body)
        for job in done
    ]
    return {"created": int(time.time()), "data": data, "output_format": "png", "size": done[0].shown.get("size")}


@router.get("")
def list_images(
    request: Request,
    caller: AnyCaller,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> dict[str, Any]:
    """Images in the order of creation, a page at a time."""
    jobs = services_of(request).jobs
    found, more = jobs.list(caller.owner, after=after, limit=limit, order=order, kind="image")
    return wire.list_object(found, more, wire.image_object)


@router.get("/{name}")
def retrieve(name: str, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """An image's job as it stands."""
    return wire.image_object(services_of(request).jobs.get(caller.owner, name, "image"))


@router.delete("/{name}")
def delete(name: str, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Delete an image and its file; one that waits or runs is cancelled."""
    services = services_of(request)
    job = services.jobs.delete(caller.owner, name, "image")
    if job.status != "in_progress":  # otherwise the worker removes the folder at its next step
        JobFolder.of(services.settings, job.id).remove()
    return {"id": name, "object": "image.deleted", "deleted": True}


async def _wait(job: Job, request: Request, owner: str) -> Job:
    """The job when it is completed."""
    services, deadline = services_of(request), time.monotonic() + LONGEST
    while not job.is_over:
        if time.monotonic() > deadline or services.stopping.is_set():
            raise ApiError(503, "the image is not ready: try again later", code="timeout")
        if await request.is_disconnected():
            raise ApiError(499, "the client went away", code="disconnected")
        await anyio.sleep(EVERY)
        job = await to_thread.run_sync(services.jobs.get, owner, job.id, "image")
    if job.status == "failed":
        error = job.error or {}
        status = 400 if error.get("code") in ("moderation_blocked", "invalid_request") else 500
        raise ApiError(status, str(error.get("message")), code=str(error.get("code")))
    return job


def _image_object(job: Job, path: Path, body: wire.CreateImage) -> dict[str, Any]:
    found: dict[str, Any] = {"revised_prompt": job.result.get("x_prompt")}
    if body.response_format == "url":
        found["url"] = f"/v1/images/{job.id}/content"
    else:
        found["b64_json"] = base64.b64encode(path.read_bytes()).decode()
    found |= {name: value for name, value in {**job.shown, **job.result}.items() if name.startswith("x_")}
    return found

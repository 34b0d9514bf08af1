"""The files of a job: the video, its thumbnail and spritesheet, and the preview of one that is being made."""

from __future__ import annotations

from typing import Literal

import filelock
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from langit.release.stills import release_spritesheet, release_thumbnail
from langit.serve.auth import AnyCaller, services_of
from langit.serve.errors import ApiError
from langit.serve.folders import JobFolder
from langit.serve.jobs import Job

router = APIRouter(tags=["videos"])

PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
MAKERS = {"thumbnail": release_thumbnail, "spritesheet": release_spritesheet}


@router.get("/v1/videos/{name}/content", response_class=FileResponse)
def content(
    name: str,
    request: Request,
    caller: AnyCaller,
    variant: Literal["video", "thumbnail", "spritesheet"] = "video",
) -> Response:
    """A file of a completed video; parts of it by the Range header."""
    services = services_of(request)
    job = services.jobs.get(caller.owner, name)
    folder = JobFolder.of(services.settings, job.id)
    path = folder.output(job.kind)
    if job.status != "completed":
        why = "it failed" if job.status == "failed" else "wait until it is completed"
        raise ApiError(
            404 if job.status == "failed" else 409,
            f"video {name[:80]!r} is {job.status} and has no content: {why}",
            param="id",
            code="not_ready",
        )
    if not path.is_file():
        raise missing_file(job)
    if variant in MAKERS:
        still = folder.still(variant)
        # Of several requests at once, one makes the picture.
        with filelock.FileLock(folder.path / ".stills.lock"):
            if not still.is_file():
                MAKERS[variant](path, still)
        return FileResponse(still, media_type="image/png", headers=PRIVATE, filename=f"{job.id}-{variant}.png")
    return FileResponse(path, media_type="video/mp4", headers=PRIVATE, filename=f"{job.id}.mp4")


@router.get("/v1/images/{name}/content", response_class=FileResponse)
def image_content(name: str, request: Request, caller: AnyCaller) -> Response:
    """The file of an image."""
    services = services_of(request)
    job = services.jobs.get(caller.owner, name, "image")
    path = JobFolder.of(services.settings, job.id).output(job.kind)
    if job.status != "completed" or not path.is_file():
        raise missing_file(job)
    return FileResponse(path, media_type="image/png", headers=PRIVATE, filename=f"{job.id}.png")


@router.get("/v1/videos/{name}/preview", response_class=FileResponse)
def preview(name: str, request: Request, caller: AnyCaller, number: int | None = None) -> Response:
    """What a video is becoming: a few frames side by side. ``number`` is for caches alone."""
    del number
    services = services_of(request)
    job = services.jobs.get(caller.owner, name)
    path = JobFolder.of(services.settings, job.id).preview
    try:
        return Response(path.read_bytes(), media_type="image/png", headers=PRIVATE)
    except FileNotFoundError as error:
        raise ApiError(
            404, f"video {name[:80]!r} has no preview now: it has not begun, or it is over", code="no_preview"
        ) from error


def missing_file(job: Job) -> ApiError:
    """The error for a file that is not there."""
    return ApiError(404, f"the file of {job.id!r} is not there", param="id", code="not_found")

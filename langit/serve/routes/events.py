"""Progress as server-sent events: the video's object whenever it changes, and previews as they come."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import anyio
from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from langit.serve.auth import AnyCaller, services_of
from langit.serve.errors import ApiError
from langit.serve.jobs import Jobs
from langit.serve.protocol import video_object

router = APIRouter(tags=["videos"])

EVERY: Final = 0.1
"""Seconds between two looks at the job."""
SILENCE: Final = 15.0
"""Seconds after which a comment keeps the connection open."""


@router.get("/v1/videos/{name}/events", response_class=StreamingResponse)
async def events(name: str, request: Request, caller: AnyCaller) -> StreamingResponse:
    """Follow a job until it is over."""
    services = services_of(request)
    await to_thread.run_sync(services.jobs.get, caller.owner, name)
    stream = follow(services.jobs, caller.owner, name, request)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def follow(jobs: Jobs, owner: str, name: str, request: Request) -> AsyncIterator[str]:
    """The events of a job; ends with it, or when the client or the server goes away."""
    last, previews, said = "", 0, time.monotonic()
    while not await request.is_disconnected() and not services_of(request).stopping.is_set():
        try:
            job = await to_thread.run_sync(jobs.get, owner, name)
        except ApiError:
            yield event("deleted", {"id": name})
            return
        shown = video_object(job)
        text = json.dumps(shown, sort_keys=True)
        if job.previews > previews and not job.is_over:
            previews = job.previews
            yield event("preview", {"number": previews, "url": f"/v1/videos/{job.id}/preview?number={previews}"})
            said = time.monotonic()
        if text != last and not job.is_over:
            last = text
            yield event("video", shown)
            said = time.monotonic()
        if job.is_over:
            yield event("done", shown)
            return
        if time.monotonic() - said > SILENCE:
            yield ": still here\n\n"
            said = time.monotonic()
        await anyio.sleep(EVERY)


def event(kind: str, data: dict[str, Any]) -> str:
    """An event as it is sent."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"

"""The training clips that a video is most similar to, with their pictures: found when first asked for, then kept."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request

from langit.files import write_bytes
from langit.serve.auth import AnyCaller, services_of
from langit.serve.errors import ApiError
from langit.serve.folders import JobFolder

router = APIRouter(prefix="/v1/videos", tags=["videos"])
COUNT: Final = 3
SECONDS: Final = 120.0
"""Time for a model to be loaded and three films to be rendered, on a busy machine."""
FILE: Final = "nearest.json"


@router.get("/{id}/nearest")
async def nearest(id: str, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """The nearest training clips, each with its owner, licence and a strip of frames as a data: URL."""
    services = services_of(request)
    job = services.jobs.get(caller.owner, id)
    folder = JobFolder.of(services.settings, job.id)
    video = folder.output(job.kind)
    if job.status != "completed" or not video.is_file():
        raise ApiError(409, f"video {id[:80]} is not completed: wait for it", code="not_completed")
    kept = folder.path / FILE
    if not hasattr(request.app.state, "rendering"):
        request.app.state.rendering = asyncio.Lock()
    async with request.app.state.rendering:  # one at a time: it loads a model
        if not kept.is_file():
            model = next(name for name in services.settings.models if Path(name).name == job.model)
            write_bytes(kept, await _find(video, model, services.settings.home), durable=False)
    found: dict[str, Any] = json.loads(kept.read_bytes())
    return {"object": "nearest", "id": job.id, **found}


async def _find(video: Path, model: str, home: Path) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "langit.inquiry.clips", str(video), model, str(COUNT), str(home)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "LANGIT_HOME": str(home)},
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), SECONDS)
    except TimeoutError as error:
        raise ApiError(503, "finding the nearest clips took too long: try again", code="busy") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise ApiError(500, "the nearest clips could not be found; the model may have no index", code="internal")
    return output

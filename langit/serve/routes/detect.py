"""The detection tool: what is known of any video or picture, for anybody. No account, and no upload is kept."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from langit.serve.auth import count_public, services_of
from langit.serve.errors import ApiError
from langit.serve.examiners import Examiners
from langit.serve.intake import take_in

router = APIRouter(prefix="/v1", tags=["public"])
FILE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


@router.post("/detect", openapi_extra=FILE_BODY)
async def detect(request: Request) -> dict[str, Any]:
    """What is known of a video or picture: was it made by a machine, by which model, was it edited since?

    Send the file as the body, or as the part ``file`` of a form. Nothing of it is kept. ``made_by_machine`` is yes,
    likely or unknown; ``edited`` is yes, no or unknown; ``claims`` is what the file's own credentials say.
    """
    count_public(request)
    examiners = Examiners.of(request.app)
    async with take_in(request, examiners.limits, frozenset()) as given:
        if given.file is None:
            raise ApiError(400, "there is no file in the request: send a video or a picture", param="file")
        return await examiners.ask(request, given.file, "detect", services_of(request).settings.home)

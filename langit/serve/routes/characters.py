"""Characters: a person's consent to be shown, entered with its evidence and retrieved by id."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request

from langit.serve import protocol as wire
from langit.serve.auth import AnyCaller, services_of
from langit.serve.bodies import read_body
from langit.serve.characters import Character
from langit.serve.folders import JobFolder
from langit.serve.jobs import new_id
from langit.serve.media import MediaStore
from langit.serve.routes.documents import body_of

router = APIRouter(prefix="/v1/videos/characters", tags=["characters"])


@router.post("", openapi_extra=body_of(wire.CreateCharacter))
async def create(request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Enter that a person agreed to be shown. The video is judged and not kept; what shows the consent is."""
    body = await read_body(request, wire.CreateCharacter)
    return await to_thread.run_sync(_enter, body, request, caller)


@router.get("/{name}")
def retrieve(name: str, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """One of your characters."""
    return character_object(services_of(request).characters.get(caller.owner, name))


def _enter(body: wire.CreateCharacter, request: Request, caller: AnyCaller) -> dict[str, Any]:
    services = services_of(request)
    folder = JobFolder.of(services.settings, new_id("upload"))
    media = MediaStore(services.settings, services.jobs, caller.owner, caller.limits, folder)
    try:
        shown = media.put(body.video, "video", "video")
        # The evidence may be any file: a signed form, a recording.
        consent = (
            folder.inputs / shown.name
            if body.x_consent == "video"
            else folder.inputs / media.keep(body.x_consent, "x_consent")
        )
        return character_object(services.characters.add(caller.owner, body.name, body.x_scopes, consent, body.x_until))
    finally:
        folder.remove()


def character_object(character: Character) -> dict[str, Any]:
    """A character as JSON."""
    return {
        "id": character.id,
        "object": "character",
        "name": character.name,
        "created_at": int(character.created_at),
        "x_consent": character.consent,
    }

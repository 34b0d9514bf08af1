"""What a model can show of a prompt, asked while it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from langit.inquiry.limits import InquiryLimits
from langit.serve.auth import AnyCaller, services_of
from langit.serve.coverage import PromptCoverage
from langit.serve.errors import ApiError
from langit.serve.intake import take_in

router = APIRouter(prefix="/v1/prompts", tags=["prompts"])
MOST: Final = 20_000
WORDS: Final = {
    "prompt": {"type": "string"},
    "model": {"type": "string"},
    "x_expand": {"type": "string", "enum": ["embedded", "off"]},
    "x_seed": {"type": "string"},
    "ability": {"type": "string"},
}
BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object", "properties": WORDS, "required": ["prompt"]}},
        },
    }
}


@router.post("/coverage", openapi_extra=BODY)
async def cover(request: Request, _: AnyCaller) -> dict[str, Any]:
    """What the model reads of a prompt, what it fills in, which words it cannot show, and whether a gate refuses it."""
    services = services_of(request)
    if not hasattr(request.app.state, "coverage"):
        request.app.state.coverage = PromptCoverage(services.settings.home)
    async with take_in(request, InquiryLimits(bytes=MOST), frozenset(WORDS)) as given:
        words = dict(given.words)
    model = words.get("model") or services.default_model
    place = next((name for name in services.settings.models if Path(name).name == model), None)
    if place is None:
        raise ApiError(400, f"model {model[:80]!r} is not served here", param="model", code="model_not_found")
    expander, seed = words.get("x_expand", "embedded"), words.get("x_seed", "0")
    if expander not in ("embedded", "off"):
        raise ApiError(400, f"x_expand {expander[:40]!r} is not known: use embedded or off", param="x_expand")
    if not seed.isdecimal() or int(seed) >= 2**63:
        raise ApiError(400, f"x_seed {seed[:40]!r} is not a seed: use a whole number below 2**63", param="x_seed")
    ability = words.get("ability", "generate")

    def work() -> dict[str, Any]:
        try:
            found: dict[str, Any] = request.app.state.coverage.cover(
                place, words.get("prompt", ""), expander, int(seed), ability
            )
        except ValueError as error:
            raise ApiError(400, str(error), param="prompt", code="invalid_value") from error
        return found

    return await run_in_threadpool(work)

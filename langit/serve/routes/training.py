"""What a model was trained on, as this machine knows it: shown under every video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from langit.bundle.places import read_provenance, resolve
from langit.inquiry.about import describe_training_data
from langit.serve.auth import AnyCaller, services_of
from langit.serve.errors import not_found

router = APIRouter(prefix="/v1/training", tags=["models"])


@router.get("/{model}")
async def training(model: str, request: Request, _: AnyCaller) -> dict[str, Any]:
    """What a model was trained on: a line for each owner, and the ledger that is on record in its provenance."""
    settings = services_of(request).settings
    place = next((name for name in settings.models if Path(name).name == model), None)
    if place is None:
        raise not_found("model", model)
    return await run_in_threadpool(lambda: describe_training_data(read_provenance(resolve(place)), settings.home))

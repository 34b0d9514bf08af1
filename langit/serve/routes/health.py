"""Whether the process lives, whether it can take jobs, and its figures for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from langit.serve.auth import services_of

router = APIRouter(tags=["operations"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Whether a worker has loaded the default model, so that jobs can be taken."""
    services = services_of(request)
    ready = any(card.name == services.default_model for card in services.cards.list())
    return JSONResponse({"status": "ready" if ready else "loading"}, 200 if ready else 503)

"""Whether the process lives, whether it can take jobs, and its figures for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from langit.serve.auth import AnyCaller, services_of
from langit.serve.metrics import render_metrics

router = APIRouter(tags=["operations"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Whether a living worker has loaded the default model, so that jobs are made and not only kept."""
    services = services_of(request)
    known = any(card.name == services.default_model for card in services.cards.list())
    ready = known and bool(services.crew.find_alive())
    return JSONResponse({"status": "ready" if ready else "loading"}, 200 if ready else 503)


@router.get("/metrics", response_class=Response)
def metrics(request: Request, _: AnyCaller) -> Response:
    """Figures for Prometheus, which sends a key as any client does."""
    return Response(render_metrics(services_of(request).database), media_type="text/plain; version=0.0.4")

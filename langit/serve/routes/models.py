"""The models that workers serve, in OpenAI's shape with what each can make."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from langit.serve.auth import AnyCaller, services_of
from langit.serve.errors import not_found
from langit.serve.models import ModelCard

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("")
def list_models(request: Request, _: AnyCaller) -> dict[str, Any]:
    """All models."""
    return {"object": "list", "data": [model_object(card) for card in services_of(request).cards.list()]}


@router.get("/{name:path}")
def show_model(name: str, request: Request, _: AnyCaller) -> dict[str, Any]:
    """One model."""
    found = next((card for card in services_of(request).cards.list() if card.name == name), None)
    if found is None:
        raise not_found("model", name)
    return model_object(found)


def model_object(card: ModelCard) -> dict[str, Any]:
    """A model as JSON."""
    return {
        "id": card.name,
        "object": "model",
        "created": int(card.created_at),
        "owned_by": "langit",
        "x_sizes": list(card.size_names),
        "x_fps": card.fps,
        "x_seconds": {
            "default": card.seconds,
            "least": card.fewest / card.fps,
            "most": card.longest,
            "step": 1 / card.fps,
        },
        "x_fast": card.fast,
        "x_provenance": {"model": card.name, "digest": card.digest},
    }

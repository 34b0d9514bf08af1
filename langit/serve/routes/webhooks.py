"""Webhook endpoints of a key, as OpenAI's clients manage them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from langit.serve import protocol as wire
from langit.serve.auth import AnyCaller, services_of
from langit.serve.hooks import WebhookEndpoint, check_address

router = APIRouter(prefix="/v1/webhook_endpoints", tags=["webhooks"])


@router.post("")
def create(body: wire.CreateEndpoint, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Enter an endpoint; only this answer shows its signing secret."""
    services = services_of(request)
    check_address(body.url, services.settings.private_networks)
    made = services.webhooks.add(caller.owner, body.name, body.url, body.event_types)
    return endpoint_object(made) | {"signing_secret": made.secret}


@router.get("")
def list_endpoints(request: Request, caller: AnyCaller) -> dict[str, Any]:
    """All endpoints."""
    data = [endpoint_object(each) for each in services_of(request).webhooks.list(caller.owner)]
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "has_more": False, "first_id": first, "last_id": last}


@router.get("/{name}")
def retrieve(name: str, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """One endpoint."""
    return endpoint_object(services_of(request).webhooks.get(caller.owner, name))


@router.post("/{name}")
def update(name: str, body: wire.UpdateEndpoint, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Change an endpoint."""
    services = services_of(request)
    if body.url is not None:
        check_address(body.url, services.settings.private_networks)
    changed = services.webhooks.update(
        caller.owner, name, name=body.name, url=body.url, event_types=body.event_types and tuple(body.event_types)
    )
    return endpoint_object(changed)


@router.delete("/{name}")
def delete(name: str, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Delete an endpoint."""
    services_of(request).webhooks.delete(caller.owner, name)
    return {"id": name, "object": "webhook_endpoint.deleted", "deleted": True}


@router.post("/{name}/rotate_secret")
def rotate(name: str, _: wire.RotateSecret, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Make a new signing secret; the old one is invalid at once."""
    changed = services_of(request).webhooks.rotate(caller.owner, name)
    return endpoint_object(changed) | {"signing_secret": changed.secret}


@router.post("/{name}/test")
def test(name: str, body: wire.TestEndpoint, request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Send a sample event now."""
    status = services_of(request).webhooks.test(caller.owner, name, body.event_type)
    return {
        "object": "webhook_endpoint.test",
        "webhook_endpoint_id": name,
        "event_type": body.event_type,
        "status_code": status,
        "success": True,
    }


def endpoint_object(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint as JSON, without its secret."""
    return {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": list(endpoint.event_types),
        "created_at": int(endpoint.created_at),
        "updated_at": int(endpoint.updated_at),
        "signing_secret_hint": f"whsec_…{endpoint.secret[-4:]}",
    }

"""What OpenAPI's document says of bodies that may be JSON or forms, and of answers that are errors."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

_NULLABLE = {"type": ["string", "null"]}
ERROR: Final[dict[str, Any]] = {
    "description": "What is wrong, in OpenAI's shape.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["message", "type", "param", "code"],
                        "properties": {
                            "message": {"type": "string"},
                            "type": {"type": "string"},
                            "param": _NULLABLE,
                            "code": _NULLABLE,
                        },
                    }
                },
            }
        }
    },
}


def body_of(kind: type[BaseModel]) -> dict[str, Any]:
    """The body of an operation, in both encodings."""
    schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = schema.pop("$defs", {})
    inlined = _inline(schema, definitions)
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": inlined},
                "multipart/form-data": {"schema": _as_form(inlined)},
            },
        },
    }


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI's document of an application, with the errors as they are: FastAPI's own are never sent."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for operations in document["paths"].values():
            for operation in operations.values():
                responses = operation["responses"]
                responses.pop("422", None)
                responses |= {"4XX": ERROR, "5XX": ERROR}
        for name in ("HTTPValidationError", "ValidationError"):
            document.get("components", {}).get("schemas", {}).pop(name, None)
        app.openapi_schema = document
    return app.openapi_schema


def _inline(value: Any, definitions: dict[str, Any]) -> Any:
    """A schema without references."""
    if isinstance(value, dict):
        name = str(value.get("$ref", "")).rpartition("/")[2]
        if name in definitions:
            return _inline(definitions[name], definitions)
        return {key: _inline(item, definitions) for key, item in value.items()}
    return [_inline(item, definitions) for item in value] if isinstance(value, list) else value


def _as_form(schema: dict[str, Any]) -> dict[str, Any]:
    """The same fields as a form has them: fields without a type are files."""
    properties = {
        name: value if set(value) - {"title", "default"} else {"type": "string", "format": "binary"}
        for name, value in schema["properties"].items()
    }
    return {**schema, "properties": properties}

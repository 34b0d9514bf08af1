"""What OpenAPI's document says of bodies that may be JSON or forms, and of answers that are errors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


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
        "responses": {"4XX": {"description": "What is wrong, in OpenAI's shape."}},
    }


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

"""Was a file made by a model? Asked before it is entered, so that a model's output is never taken for footage.

A file is taken for one if this ledger released it, if its C2PA credentials say so, or if its metadata name a Langit
model. Those who enter files also ask ``release.marked``, which looks for the watermark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langit import video
from langit.ledger.derived import Output
from langit.ledger.signals import media

TYPES = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "compositeSynthetic",
    "trainedAlgorithmicData",
)
"""IPTC digital source types of what a model made, in whole or in part."""
IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")
IMAGE_NAMES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


@dataclass(frozen=True)
class ModelOutput:
    """What made a file, in words, and the content hashes of the footage that it was made from."""

    made_by: str
    parents: tuple[str, ...] = ()


def why_not_footage(path: Path) -> str | None:
    """Why a file is neither a video nor an image, or ``None``.

    Raises:
        OSError: it cannot be read.
    """
    if path.stat().st_size == 0:
        return "it is empty"
    with path.open("rb") as file:
        head = file.read(16)
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    if path.suffix.lower() in IMAGE_NAMES and (is_webp or head.startswith(IMAGES)):
        return None
    try:
        video.probe(path)
    except ValueError as error:
        return f"it is not a video ({error})"
    return None


def find_model_output(
    path: Path, content: str, outputs: Iterable[Output], manifests: bytes | None
) -> ModelOutput | None:
    """What is known of a model that made a file; ``None`` if nothing says that one did.

    Args:
        path: the file.
        content: SHA-256 of its bytes.
        outputs: all that this ledger released.
        manifests: the file's C2PA manifests as JSON, where it has any.
    """
    for output in outputs:
        if output.content_sha256 == content:
            return ModelOutput(f"model {output.model}", output.parents)
    if manifests is not None:
        made_by = _credited_generator(manifests)
        if made_by is not None:
            return ModelOutput(made_by)
    try:
        found = video.probe(path).metadata
    except ValueError:
        found = {}
    provenance = found.get("provenance", "")
    if provenance.startswith("sha256:"):
        parents = (
            item.split(",")[0].split(" ")[0].removeprefix("sha256:") for item in found.get("parents", "").split("; ")
        )
        whole = tuple(item for item in parents if len(item) == 64 and not item.strip("0123456789abcdef"))
        return ModelOutput(f"model {provenance.removeprefix('sha256:')[:64]}, by its metadata", whole)
    source_type = media.made_by_model(path)
    return None if source_type is None else ModelOutput(f"a model, by its metadata ({source_type})")


def _credited_generator(manifests: bytes) -> str | None:
    """The program that the credentials name, where an action of theirs says that a model made the pixels."""
    try:
        store = json.loads(manifests)
        for manifest in store["manifests"].values():
            if any(_is_generated(action) for action in _actions(manifest)):
                named = manifest.get("claim_generator_info") or [{}]
                return str(
                    named[0].get("name")
                    or manifest.get("claim_generator")
                    or "a model that its credentials do not name"
                )
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None  # not laid out as C2PA is: `cawg` records it as unreadable
    return None


def _actions(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            yield from assertion["data"]["actions"]


def _is_generated(action: dict[str, Any]) -> bool:
    return str(action.get("digitalSourceType", "")).rstrip("/").rpartition("/")[2] in TYPES

"""Look things up in the ledger by a file, a hash, a URL or a model's name, and describe them. Knows no command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langit import config
from langit.files import sha256

if TYPE_CHECKING:
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.lineage import Lineage
    from langit.ledger.store import Ledger


def lineage_over(ledger: Ledger, home: Path | None = None) -> Lineage:
    """A ledger that is open, with what was made from it in a home; LANGIT_HOME if left out."""
    from langit.feed.traces import find_artifacts
    from langit.ledger.lineage import Lineage

    return Lineage(ledger, find_artifacts(home or config.home()))


def find_model(lineage: Lineage, thing: str) -> TrainedModel | None:
    """The model that a folder, a name or a hash refers to; ``None`` if it refers to something else, or nothing."""
    from langit.feed.traces import read_model
    from langit.ledger.artifacts import TrainedModel

    path = Path(thing)
    named = any(model.name == thing for model in lineage.artifacts.models)
    if path.is_dir() and not named:
        logs = [log for stages in lineage.artifacts.runs.values() for log in stages]
        return read_model(path, logs)
    if path.is_file():
        return None
    try:
        found = lineage.find(thing)[0]
    except ValueError:
        return None
    return found if isinstance(found, TrainedModel) else None


def with_its_own_record(lineage: Lineage, model: TrainedModel) -> tuple[Lineage, TrainedModel]:
    """The lineage to ask about a model: this machine's, or, where that is another ledger, what came with the model.

    Raises:
        ValueError: what came with the model is damaged.
    """
    from langit.bundle.record import bundle_snapshot
    from langit.ledger.lineage import Lineage

    if lineage.continues(model):
        return lineage, model
    snapshot = bundle_snapshot(model)
    if snapshot is None:
        return lineage, model
    record = model.record
    whole = model.with_logs(record.exposures) if record is not None else model
    others = tuple(other for other in lineage.artifacts.models if other.digest != model.digest)
    artifacts = replace(lineage.artifacts, models=(*others, whole))
    return Lineage(snapshot, artifacts, record.policy if record is not None else None), whole


def describe_file(lineage: Lineage, ledger: Ledger, path: Path, every: bool) -> dict[str, Any]:
    """What is known of a file: by its hash, else by its metadata, which anybody can write."""
    from langit.curate.alike import similar_clips
    from langit.ledger.answers import describe, describe_model, source_line

    digest = sha256(path)
    found = metadata(path)
    try:
        return {"file": str(path)} | describe(lineage, lineage.find(digest), every)
    except ValueError:
        answer: dict[str, Any] = {"file": str(path), "content": digest, "in the ledger": "no entry has this content"}
        answer["looks like"] = [
            {"share of fingerprints that agree": f"{match.share:.0%}{match.note}"}
            | describe(lineage, [lineage.clips[clip]], every)
            for clip, match in similar_clips(ledger.place, lineage.clips, path).items()
        ]
    model = found.get("provenance", "").removeprefix("sha256:")
    if not model:
        return answer | {"made by": "its metadata name no model: it was made elsewhere, or the metadata were removed"}
    names = ("model", "ability", "prompt", "asked", "seed")
    answer["its metadata say"] = {name: found[name] for name in names if name in found}
    parents = [
        item.split(",")[0].split(" ")[0].removeprefix("sha256:") for item in found.get("parents", "").split("; ")
    ]
    known = {source.content_sha256: source for source in lineage.sources.values()} if any(parents) else {}
    answer["made from"] = [source_line(known[item]) if item in known else item for item in parents if item]
    models = [item for item in lineage.artifacts.models if item.digest == model]
    if not models:
        return answer | {"made by": f"provenance {model}, which no model on this machine has"}
    return answer | {"made by": describe_model(*with_its_own_record(lineage, models[0]), every)}


def metadata(path: Path) -> dict[str, str]:
    """The metadata of a video or an image; empty where the file is neither."""
    from PIL import Image, UnidentifiedImageError

    from langit import video

    if path.suffix.lower() == ".png":
        try:
            with Image.open(path, formats=("PNG",)) as picture:
                return {str(name): text for name, text in picture.info.items() if isinstance(text, str)}
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
            return {}
    try:
        return dict(video.probe(path).metadata)
    except ValueError:
        return {}

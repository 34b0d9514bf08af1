"""What the ledger's verbs need before they can answer: the ledger, the thing that was named, the key to trust."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langit.files import sha256

if TYPE_CHECKING:
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.checkpoint import Verifier
    from langit.ledger.lineage import Lineage
    from langit.ledger.record import Record
    from langit.ledger.store import Ledger


def open_ledger(where: str | None, empty: bool = False) -> Ledger:
    """The ledger.

    Raises:
        ValueError: it has no entry, and may not be ``empty``.
    """
    from langit import config
    from langit.ledger.store import Ledger

    found = Ledger(where if where is not None else config.home() / "ledger")
    if found.size == 0 and not empty:
        raise ValueError(f"there is no ledger at {found.place}: `langit ledger add` begins one, or give --ledger")
    return found


def open_lineage(where: str | None, empty: bool = False) -> Lineage:
    """The ledger, with what was made from it in this home."""
    return lineage_over(open_ledger(where, empty))


def lineage_over(ledger: Ledger) -> Lineage:
    """A ledger that is open, with what was made from it in this home."""
    from langit import config
    from langit.feed.traces import find_artifacts
    from langit.ledger.lineage import Lineage

    return Lineage(ledger, find_artifacts(config.home()))


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


def find_records(lineage: Lineage, thing: str) -> tuple[Record | TrainedModel, ...]:
    """What a hash, a URL, a name or the content of a file refers to."""
    path = Path(thing)
    if not path.is_file():
        return lineage.find(thing)
    digest = sha256(path)
    try:
        return lineage.find(digest)
    except ValueError as error:
        raise ValueError(f"{path} (SHA-256 {digest[:16]}…) is not in {lineage.ledger.name}: add it first") from error


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
            with Image.open(path) as picture:
                return {str(name): text for name, text in picture.info.items() if isinstance(text, str)}
        except (UnidentifiedImageError, OSError, SyntaxError):
            return {}
    try:
        return dict(video.probe(path).metadata)
    except ValueError:
        return {}


def trusted_key(key: str | None) -> tuple[Verifier, str]:
    """The key to trust, and whose it is, for people.

    Raises:
        ValueError: none was given and this machine has none, or it is not a key.
    """
    from langit import config
    from langit.ledger import keys
    from langit.ledger.checkpoint import Verifier

    if key is not None:
        text = Path(key).read_text(encoding="utf-8") if len(key) < 256 and Path(key).is_file() else key
        return Verifier.parse(text), f"the key that you gave ({text.strip()})"
    folder = config.home() / "ledger"
    if not (folder / keys.FILE).exists():
        raise ValueError("no key to trust: give --key with the public key that the ledger's owner published")
    verifier = keys.signer(folder).verifier
    return verifier, f"this machine's own key ({verifier})"


def rendered_fps(lineage: Lineage, name: str | None) -> Any:
    """Frames per second of rendered films, whose records have none: what the models here make, if they agree."""
    from fractions import Fraction

    models = [item for item in lineage.artifacts.models if name in (None, item.name, item.digest)]
    rates = {item.fps for item in models if item.fps}
    return Fraction(rates.pop()).limit_denominator(1001) if len(rates) == 1 else None

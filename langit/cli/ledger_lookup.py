"""What the ledger's verbs need before they can answer: the ledger, what a person named, whose key to trust."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langit.files import sha256

if TYPE_CHECKING:
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.checkpoint import LogCheckpoint, Verifier
    from langit.ledger.lineage import Lineage
    from langit.ledger.record import Record
    from langit.ledger.store import Ledger


def open_ledger(where: str | None, empty: bool = False) -> Ledger:
    """The ledger.

    Raises:
        ValueError: there is nothing in it, and it may not be ``empty``.
    """
    from langit import config
    from langit.ledger.store import Ledger

    found = Ledger(where if where is not None else config.home() / "ledger")
    if found.size == 0 and not empty:
        raise ValueError(f"there is no ledger at {found.place}: `langit ledger add` begins one, or give --ledger")
    return found


def open_lineage(where: str | None) -> Lineage:
    """The ledger, with what came of it in this home."""
    from langit import config
    from langit.feed.traces import find_artifacts
    from langit.ledger.lineage import Lineage

    return Lineage(open_ledger(where), find_artifacts(config.home()))


def find_records(lineage: Lineage, thing: str) -> tuple[Record | TrainedModel, ...]:
    """What a hash, a URL, a name or the content of a file means."""
    path = Path(thing)
    if not path.is_file():
        return lineage.find(thing)
    digest = sha256(path)
    try:
        return lineage.find(digest)
    except ValueError as error:
        raise ValueError(f"{path} (SHA-256 {digest[:16]}…) is not in {lineage.ledger.place}: add it first") from error


def describe_file(lineage: Lineage, path: Path, every: bool) -> dict[str, Any]:
    """What is known of a file: by its hash, else by what stands in its metadata, which anybody can write."""
    from langit.ledger.answers import describe, describe_model, source_line

    digest = sha256(path)
    told = metadata(path)
    try:
        return {"file": str(path)} | describe(lineage, lineage.find(digest), every)
    except ValueError:
        said: dict[str, Any] = {"file": str(path), "content": digest, "in the ledger": "no entry has this content"}
        said["looks like"] = [
            {"share of fingerprints that agree": f"{share:.0%}"} | describe(lineage, [lineage.clips[clip]], every)
            for clip, share in similar_clips(lineage, path).items()
        ]
    model = told.get("provenance", "").removeprefix("sha256:")
    if not model:
        return said | {"made by": "its metadata name no model: it was made elsewhere, or they were removed"}
    names = ("model", "ability", "prompt", "asked", "seed")
    said["its metadata say"] = {name: told[name] for name in names if name in told}
    parents = [item.split(",")[0].split(" ")[0].removeprefix("sha256:") for item in told.get("parents", "").split("; ")]
    known = {source.content_sha256: source for source in lineage.sources.values()} if any(parents) else {}
    said["made from"] = [source_line(known[item]) if item in known else item for item in parents if item]
    models = [item for item in lineage.artifacts.models if item.digest == model]
    made = describe_model(lineage, models[0], every) if models else f"provenance {model}, which no model here has"
    return said | {"made by": made}


def similar_clips(lineage: Lineage, path: Path) -> dict[str, float]:
    """Clips that a video repeats in parts, by the fingerprints that curation kept, with the share that agrees.

    That they look alike, not that the one came of the other. Without kept fingerprints nothing is looked at.
    """
    from langit import video

    if not lineage.ledger.place.has_table("fingerprint"):
        return {}
    from langit.curate.duplicates import ClipFingerprints, DuplicateIndex
    from langit.curate.fingerprints import FingerprintTable
    from langit.curate.settings import DuplicateSettings
    from langit.curate.survey import SurveySettings, survey

    try:
        fps = video.probe(path).fps
    except ValueError:
        return {}
    settings = DuplicateSettings()
    seen, found = DuplicateIndex(settings), dict[str, float]()
    for kept in FingerprintTable(lineage.ledger.place).read():
        if kept.name in lineage.clips:
            seen.add(kept)
    for stretch in survey(path, SurveySettings(picture=0), fps):
        looks = [look for look in stretch.looks if look.fingerprint.quality >= settings.quality]
        asked = ClipFingerprints(
            "", tuple(look.fingerprint.bits for look in looks), tuple(look.inner.bits for look in looks)
        )
        match = seen.find(asked)
        if match is not None:
            found[match[0]] = max(match[1], found.get(match[0], 0.0))
    return found


def metadata(path: Path) -> dict[str, str]:
    """What stands in a video or an image of ours; nothing where the file is neither."""
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
    """The key whose word is taken, and whose it is, for people.

    Raises:
        ValueError: none was given and this machine has none, or it is no key.
    """
    from langit import config
    from langit.ledger import keys
    from langit.ledger.checkpoint import Verifier

    if key is not None:
        text = Path(key).read_text(encoding="utf-8") if len(key) < 256 and Path(key).is_file() else key
        return Verifier.parse(text), f"the key that you gave ({text.strip()})"
    folder = config.home() / "ledger"
    if not (folder / keys.FILE).exists():
        raise ValueError("whose word is to be taken? Give --key with the public key that the ledger's owner published")
    verifier = keys.signer(folder).verifier
    return verifier, f"this machine's own key ({verifier})"


def compare_histories(state: LogCheckpoint, against: Path, verifier: Verifier) -> str:
    """What a second witness says of the log: a receipt, an audit file or a ledger's folder."""
    from langit.ledger import audit as audits
    from langit.ledger import receipt
    from langit.ledger.store import Ledger

    if against.is_dir():
        return receipt.check_history(state, Ledger(against).leaves(), str(against), current=True)
    if audits.is_audit(against):
        return receipt.check_history(state, audits.Audit(against, verifier).leaves, str(against), current=False)
    other = receipt.check(against.read_bytes().decode("utf-8", "replace"), verifier).state
    return receipt.check_same(state, other, str(against))


def check_audit_file(found: Any, model: Path | None) -> tuple[dict[str, Any], LogCheckpoint, bool]:
    """The findings of an audit file, and of a model's files beside it."""
    from langit.bundle.files import check_files
    from langit.feed.traces import read_model
    from langit.ledger.receipt import UnprovedError

    findings = found.findings()
    said: dict[str, Any] = {
        "log": f"{found.state.size} entries of {found.state.origin}, root {found.state.root.hex()}",
        **{f"{finding.state:5}  {finding.what}": finding.text for finding in findings},
    }
    holds = all(finding.state != "fails" for finding in findings)
    if model is not None:
        there = read_model(model)
        if there.digest != found.model:
            raise UnprovedError(
                f"{model} is another model ({there.name}, {there.digest[:16]}…) than {found.name} in it"
            )
        try:
            files = json.loads(there.provenance)["files"]
            check_files(model, files)
        except ValueError as error:
            raise UnprovedError(str(error)) from error
        said["holds  files"] = f"all {len(files)} files in {model} are those that the provenance names"
    return said, found.state, holds


def resolve_revocation(
    lineage: Lineage, hash: str | None, url: str | None, like: Path | None
) -> tuple[list[Record], list[tuple[Any, str]]]:
    """The records that are meant, and by what they are to be barred: content and URLs bar what comes later, too."""
    from langit.ledger.artifacts import TrainedModel
    from langit.ledger.record import SHA256, Source

    if sum(item is not None for item in (hash, url, like)) != 1:
        raise ValueError("what is to be revoked? Give one of --hash, --url and --like")
    if url is not None:
        return [source for source in lineage.sources.values() if source.url == url], [("url", url)]
    asked = sha256(like) if like is not None else str(hash).strip().lower().removeprefix("sha256:")
    try:
        found = lineage.find(asked)
    except ValueError:
        if like is None and not SHA256.fullmatch(asked):
            raise
        alike = sorted(similar_clips(lineage, like)) if like is not None else []
        return [lineage.clips[clip] for clip in alike], [("content", asked), *(("record", clip) for clip in alike)]
    first = found[0]
    if isinstance(first, TrainedModel):
        raise ValueError(f"{asked[:16]}… is a model, which has no owner to revoke it: name footage that it learnt from")
    records = [item for item in found if not isinstance(item, TrainedModel)]
    if asked in {getattr(item, "content_sha256", None) for item in records} or isinstance(first, Source):
        content = {str(getattr(item, "content_sha256", first.digest)) for item in records}
        return records, [("content", item) for item in sorted(content)]
    return records, [("record", first.digest)]


def rendered_fps(lineage: Lineage, name: str | None) -> Any:
    """Frames a second of rendered films, whose records have none: what the models here make, if they agree."""
    from fractions import Fraction

    models = [item for item in lineage.artifacts.models if name in (None, item.name, item.digest)]
    rates = {item.fps for item in models if item.fps}
    return Fraction(rates.pop()).limit_denominator(1001) if len(rates) == 1 else None

"""Read Content Credentials, Langit's and other signers': what a file claims, and what is wrong with it.

Nothing is fetched. A manifest that cannot be read is a value like any other. A manifest is believed only as far as its
state allows: see :mod:`langit.release.verify`. This module does not know watermarks or ledgers.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from langit.ledger.signals.cawg import MOST_BOXES, has_many_boxes, has_trace
from langit.release.credentials.problems import Problem, problem
from langit.release.credentials.sign import GENERATION, KEY_USAGES, LAYOUT, LEDGER, MARK, OFFLINE, WEBM, media_type
from langit.release.credentials.stores import read_sidecar

State = Literal["trusted", "valid", "invalid", "unreadable"]
MAX_PROMPT: Final = 64 * 1024
"""Bytes of a prompt that are read from a manifest."""
MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What a report of any form can raise; deeply nested JSON exhausts the parser's stack."""
MAX_REASON: Final = 300
"""Characters of an error of C2PA's library that are kept."""


@dataclass(frozen=True)
class Signature:
    """Who signed, as the certificate says, and who vouches for it.

    ``vouched`` is ``here`` if the certificate comes from a root that was created on this machine, ``trusted`` if from
    one that the person trusts, and ``nobody`` otherwise. ``stamped`` is when a timestamp authority saw the signature,
    ``stamp_by`` which authority.
    """

    name: str
    organisation: str
    issuer: str
    serial: str
    algorithm: str
    valid_from: str
    valid_until: str
    vouched: Literal["here", "trusted", "nobody"]
    stamped: str | None = None
    stamp_by: str | None = None
    stamp_trusted: bool = False


@dataclass(frozen=True)
class TrainingLedger:
    """The training ledger as the model's run read it: whose log, how many entries, their RFC 6962 root (hex)."""

    origin: str
    size: int
    root: str


@dataclass(frozen=True)
class Origin:
    """A file that this one was made from, and what its own credentials said at that time."""

    name: str
    relation: str  # C2PA's: parentOf, componentOf or inputTo
    sha256: str | None = None
    done: str = ""
    signed: bool = False
    problems: tuple[str, ...] = ()  # of its own credentials, at that time or now
    model: str | None = None
    prompt: str | None = None
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Credentials:
    """What a file's manifest says, and what is wrong with it."""

    state: State
    label: str = ""  # of the manifest
    problems: tuple[Problem, ...] = ()
    signature: Signature | None = None
    generator: str = ""
    source: str = ""  # last word of the digital source type, for example trainedAlgorithmicMedia
    langit: bool = False  # it has the assertions that Langit writes
    model: str | None = None
    weights: str | None = None
    provenance: str | None = None
    ability: str | None = None
    prompt: str | None = None
    asked: str | None = None
    seed: int | None = None
    settings: Mapping[str, Any] | None = None
    ledger: TrainingLedger | None = None
    base: Mapping[str, Any] | None = None  # of open weights: source, licence, makers and digest of the files
    undisclosed: str | None = None  # makers of the model who do not disclose its training data
    mark: bytes | None = None
    origins: tuple[Origin, ...] = ()
    boxes: tuple[str, ...] = ()
    first: str | None = None
    piece_size: int = 0
    pieces: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    why: str = ""  # it cannot be read


def read(
    path: Path,
    here: Sequence[x509.Certificate] = (),
    trusted: Sequence[x509.Certificate] = (),
    size: int | None = None,
) -> Credentials | None:
    """Read a file's credentials, or those beside it if its format cannot hold any; None if there are none.

    Args:
        path: any file.
        here: roots that were created on this machine.
        trusted: roots that the person trusts.
        size: bytes from the file's beginning that are read; all if left out.

    Raises:
        OSError: the file cannot be read.
    """
    import c2pa

    with path.open("rb") as file:
        mime, store = media_type(file.read(16)), None
        if mime is None:
            mime, store = WEBM, read_sidecar(path)  # of other formats C2PA hashes all bytes, whatever the name says
            if not store:
                return None
        if has_many_boxes(file):
            file.seek(0)
            return Credentials("unreadable", why=f"it has more than {MOST_BOXES} boxes") if has_trace(file) else None
        file.seek(0)
        stream = file if size is None else io.BytesIO(file.read(size))
        try:
            context = c2pa.Context.from_dict(_settings(here, trusted))
            with context, c2pa.Reader(mime, stream, store, context=context) as reader:
                state = reader.get_validation_state() or "Invalid"
                plain, full = json.loads(reader.json()), json.loads(reader.crjson())
                prompts = _read_prompts(reader, plain)
        except c2pa.C2paError as error:
            if isinstance(error, c2pa.C2paError.ManifestNotFound) or "ManifestNotFound" in str(error):
                return None
            return Credentials("unreadable", why=" ".join(str(error).split())[:MAX_REASON])
        except MALFORMED as error:
            return Credentials("unreadable", why=f"unexpected structure ({type(error).__name__}: {error})"[:MAX_REASON])
    try:
        return _parse(state, plain, full, prompts, here)
    except MALFORMED as error:
        return Credentials("unreadable", why=f"unexpected structure ({type(error).__name__}: {error})"[:MAX_REASON])


def _settings(here: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate]) -> dict[str, Any]:
    trust = {"trust_config": KEY_USAGES}
    for name, roots in (("user_anchors", here), ("trust_anchors", trusted)):
        if roots:
            trust[name] = "".join(root.public_bytes(Encoding.PEM).decode() for root in roots)
    return {**OFFLINE, "trust": trust}


def _read_prompts(reader: Any, plain: dict[str, Any]) -> dict[str, str]:
    """The embedded prompts, by the label of their manifest."""
    import c2pa

    prompts: dict[str, str] = {}
    for label, manifest in plain["manifests"].items():
        for ingredient in manifest.get("ingredients") or ():
            types = [data.get("type") for data in ingredient.get("data_types") or ()]
            if "c2pa.types.generator.prompt" in types and "data" in ingredient:
                stream = io.BytesIO()
                try:
                    reader.resource_to_stream(ingredient["data"]["identifier"], stream)
                except c2pa.C2paError:
                    continue
                prompts.setdefault(label, stream.getvalue()[:MAX_PROMPT].decode("utf-8", "replace"))
    return prompts


def _parse(
    state: str,
    plain: dict[str, Any],
    full: dict[str, Any],
    prompts: dict[str, str],
    here: Sequence[x509.Certificate],
) -> Credentials:
    label = plain["active_manifest"]
    manifest = plain["manifests"][label]
    results = plain.get("validation_results") or {}
    active = results.get("activeManifest") or {}
    assertions = _assertions(manifest)
    generation = assertions.get(GENERATION) or {}
    ledger = assertions.get(LEDGER) or {}
    layout = assertions.get(LAYOUT) or {}
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    details: Mapping[str, Any] = next((other for other in full["manifests"] if other.get("label") == label), {})
    return Credentials(
        state={"Trusted": "trusted", "Valid": "valid"}.get(state, "invalid"),  # type: ignore[arg-type]
        label=str(label),
        problems=tuple(problem(failure) for failure in active.get("failure") or ()),
        signature=_signature(manifest, details, active, here),
        generator=" ".join(str(generator[key]) for key in ("name", "version") if key in generator),
        source=_source_type(assertions),
        langit=bool(generation),
        model=_text(generation.get("model")),
        weights=_text(generation.get("model_digest")),
        provenance=_text(generation.get("provenance")),
        ability=_text(generation.get("ability")),
        prompt=prompts.get(label),
        asked=_text(generation.get("asked")),
        seed=generation["seed"] if isinstance(generation.get("seed"), int) else None,
        settings={
            key: generation[key] for key in ("steps", "guidance", "fps", "sampling", "placement") if key in generation
        },
        ledger=_training_ledger(ledger),
        undisclosed=_text(ledger.get("undisclosed")),
        base=ledger["base"] if isinstance(ledger.get("base"), dict) else None,
        mark=_mark(assertions),
        origins=_origins(plain, label, prompts, results, frozenset()),
        boxes=tuple(map(str, layout.get("boxes") or ())),
        first=_text(layout.get("first")),
        piece_size=max(0, int(layout.get("piece_size") or 0)),
        pieces=tuple(map(str, layout.get("pieces") or ())),
        exclusions=_exclusions(assertions),
    )


def _training_ledger(ledger: Mapping[str, Any]) -> TrainingLedger | None:
    if not ledger or "undisclosed" in ledger:
        return None
    return TrainingLedger(str(ledger["origin"]), int(ledger["tree_size"]), str(ledger["root_hash"]))


def _assertions(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Assertions by label, without those that the signer did not vouch for."""
    found: dict[str, Any] = {}
    for assertion in manifest.get("assertions") or ():
        if assertion.get("created") or str(assertion["label"]).startswith("c2pa."):
            found.setdefault(str(assertion["label"]), assertion.get("data") or {})
    return found


def _signature(
    manifest: Mapping[str, Any], full: Mapping[str, Any], active: Mapping[str, Any], here: Sequence[x509.Certificate]
) -> Signature | None:
    info = manifest.get("signature_info")
    if not info:
        return None
    signature = full.get("signature") or {}
    certificate, stamp = signature.get("certificateInfo") or {}, signature.get("timeStampInfo") or {}
    passed = {str(success["code"]): str(success.get("explanation")) for success in active.get("success") or ()}
    trust = passed.get("signingCredential.trusted")
    vouched: Literal["here", "trusted", "nobody"] = "nobody"
    if trust is not None:
        # c2pa names in the explanation which of the lists of anchors held the root.
        vouched = "here" if here and "[user_anchors]" in trust else "trusted"
    subject, validity = certificate.get("subject") or {}, certificate.get("validity") or {}
    return Signature(
        name=str(subject.get("CN") or info.get("common_name") or ""),
        organisation=str(subject.get("O") or info.get("issuer") or ""),
        issuer=str((certificate.get("issuer") or {}).get("CN") or ""),
        serial=str(certificate.get("serialNumber") or ""),
        algorithm=str(info.get("alg") or ""),
        valid_from=str(validity.get("notBefore") or ""),
        valid_until=str(validity.get("notAfter") or ""),
        vouched=vouched,
        stamped=str(stamp["timestamp"]) if stamp.get("timestamp") else None,
        stamp_by=str(((stamp.get("certificateInfo") or {}).get("subject") or {}).get("CN") or "") or None,
        stamp_trusted="timeStamp.trusted" in passed,
    )


def _source_type(assertions: Mapping[str, Any]) -> str:
    for action in _actions(assertions):
        if action.get("digitalSourceType"):
            return str(action["digitalSourceType"]).rsplit("/", 1)[-1]
    return ""


def _actions(assertions: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = assertions.get("c2pa.actions.v2") or assertions.get("c2pa.actions") or {}
    return [action for action in data.get("actions") or () if isinstance(action, dict)]


def _mark(assertions: Mapping[str, Any]) -> bytes | None:
    binding = assertions.get("c2pa.soft-binding") or {}
    if binding.get("alg") != MARK:
        return None
    try:
        return bytes.fromhex(binding["blocks"][0]["value"])
    except (LookupError, TypeError, ValueError):
        return None


def _exclusions(assertions: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths of boxes that the hash leaves out, without that of the manifest itself."""
    paths: list[str] = []
    for label, data in assertions.items():
        if label.startswith("c2pa.hash.bmff"):
            exclusions = data.get("exclusions") or ()
            paths += [str(exclusion["xpath"]) for exclusion in exclusions if exclusion.get("xpath") != "/uuid"]
    return tuple(paths)


def _origins(
    plain: Mapping[str, Any],
    label: str,
    prompts: Mapping[str, str],
    results: Mapping[str, Any],
    above: frozenset[str],
) -> tuple[Origin, ...]:
    """Files that a manifest names as edited, placed or shown to the model, and in turn their origins."""
    manifest = plain["manifests"].get(label)
    if manifest is None or label in above:  # a manifest may name itself as its parent
        return ()
    parents = (_assertions(manifest).get(GENERATION) or {}).get("parents") or ()
    listed = {str(parent.get("sha256")) for parent in parents}
    origins: list[Origin] = []
    for ingredient in manifest.get("ingredients") or ():
        types = [str(data.get("type")) for data in ingredient.get("data_types") or ()]
        if any(kind.startswith(("c2pa.types.generator", "c2pa.types.model", "c2pa.types.dataset")) for kind in types):
            continue
        below = ingredient.get("active_manifest")
        digest = str(ingredient.get("instance_id") or "").removeprefix("sha256:")
        generation = _assertions(plain["manifests"].get(below) or {}).get(GENERATION) or {}
        failed = ((ingredient.get("validation_results") or {}).get("activeManifest") or {}).get("failure") or []
        # Deltas hold what is wrong with the ingredient's manifest now and was not when it was used.
        changed = [
            failure
            for delta in results.get("ingredientDeltas") or ()
            if str(delta.get("ingredientAssertionURI")).endswith(f"{label}/c2pa.assertions/{ingredient.get('label')}")
            for failure in (delta.get("validationDeltas") or {}).get("failure") or ()
        ]
        wrong = [problem(each) for each in (*failed, *changed) if each.get("code") != "signingCredential.untrusted"]
        origins.append(
            Origin(
                name=str(ingredient.get("title") or "a file without a name"),
                relation=str(ingredient.get("relationship") or ""),
                sha256=digest if digest in listed else None,
                done=str(ingredient.get("description") or ""),
                signed=below is not None,
                problems=tuple(dict.fromkeys(each.words for each in wrong)),
                model=_text(generation.get("model")),
                prompt=prompts.get(str(below)),
                origins=_origins(plain, str(below), prompts, results, above | {label}) if below else (),
            )
        )
    return tuple(origins)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

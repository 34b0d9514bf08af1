"""Read Content Credentials, ours and other signers': what a file claims, and what is wrong with it.

Nothing is fetched. A manifest that cannot be read is a value like any other. What a manifest says is believed only as
far as its state goes: see :mod:`langit.release.verify`. Knows nothing of watermarks and ledgers.
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

from langit.release.credentials.sign import GENERATION, LAYOUT, LEDGER, MARK, OFFLINE, USES, media_type

State = Literal["trusted", "valid", "invalid", "unreadable"]
MOST: Final = 64 * 1024
"""Bytes of a prompt that are read from a manifest."""

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "assertion.bmffHash.mismatch": ("content", "the file is not as it was when it was signed"),
    "assertion.dataHash.mismatch": ("content", "the file is not as it was when it was signed"),
    "assertion.boxesHash.mismatch": ("content", "the file is not as it was when it was signed"),
    "assertion.bmffHash.malformed": ("manifest", "the hash of the file is written in a way that cannot be"),
    "assertion.dataHash.malformed": ("manifest", "the hash of the file is written in a way that cannot be"),
    "assertion.hashedURI.mismatch": ("manifest", "what the credentials say was changed after they were signed"),
    "assertion.missing": ("manifest", "a part of the credentials is missing"),
    "assertion.undeclared": ("manifest", "something was added to the credentials after they were signed"),
    "assertion.multipleHardBindings": ("manifest", "the credentials belong to more than one file"),
    "claim.hardBindings.missing": ("manifest", "the credentials do not say which file they belong to"),
    "claim.missing": ("manifest", "the credentials make no claim"),
    "claim.multiple": ("manifest", "the credentials make more than one claim"),
    "claim.malformed": ("manifest", "the credentials are damaged"),
    "claimSignature.missing": ("signature", "the signature is missing"),
    "claimSignature.mismatch": ("signature", "the signature was not made with the key of the certificate beside it"),
    "claimSignature.outsideValidity": ("expired", "the certificate was not valid when this was signed"),
    "signingCredential.expired": ("expired", "the certificate has expired, and no timestamp shows that this is older"),
    "signingCredential.untrusted": ("untrusted", "nobody that is trusted here vouches for the signer"),
    "signingCredential.invalid": ("certificate", "the certificate is not one that may sign content"),
    "signingCredential.ocsp.revoked": ("revoked", "the certificate was revoked by its issuer"),
    "timeStamp.mismatch": ("timestamp", "the timestamp is of something else"),
    "timeStamp.malformed": ("timestamp", "the timestamp is damaged"),
    "timeStamp.outsideValidity": ("timestamp", "the timestamp authority's certificate was not valid at the time"),
    "timeStamp.untrusted": ("timestamp", "nobody that is trusted here vouches for the timestamp authority"),
    "algorithm.unsupported": ("manifest", "it is signed in a way that is not known here"),
    "manifest.inaccessible": ("manifest", "the credentials lie elsewhere, and are not fetched"),
}
"""What each of C2PA's validation codes is about, and in plain words."""


@dataclass(frozen=True)
class Problem:
    """A validation code that is a failure; what it is about (content, manifest, signature, …), and in plain words."""

    code: str
    about: str
    words: str
    detail: str = ""


@dataclass(frozen=True)
class Signature:
    """Who signed, as the certificate says, and who vouches for that.

    ``vouched`` is ``here`` if the certificate comes from a root of this machine's own, ``trusted`` if from one that
    the person trusts, ``nobody`` else. ``stamped`` is when a timestamp authority saw it; ``stamp_by`` which.
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
class Training:
    """The training ledger as the model's run read it: whose log, how many entries, their RFC 6962 root (hex)."""

    origin: str
    size: int
    root: str


@dataclass(frozen=True)
class Origin:
    """A file that this one was made from, and what its own credentials said when it was used."""

    name: str
    relation: str  # C2PA's: parentOf, componentOf or inputTo
    sha256: str | None = None
    done: str = ""
    signed: bool = False
    problems: tuple[str, ...] = ()  # of its own credentials, when it was used or now
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
    ledger: Training | None = None
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
    """What a file's credentials say; None if it has none.

    Args:
        path: any file.
        here: roots that were made on this machine.
        trusted: roots whose word the person takes.
        size: bytes from the file's beginning that are looked at; all if left out.

    Raises:
        OSError: the file cannot be read.
    """
    import c2pa

    with path.open("rb") as file:
        mime = media_type(file.read(16))
        if mime is None:
            return None
        file.seek(0)
        whole = file if size is None else io.BytesIO(file.read(size))
        try:
            context = c2pa.Context.from_dict(_settings(here, trusted))
            with context, c2pa.Reader(mime, whole, context=context) as reader:
                state = reader.get_validation_state() or "Invalid"
                plain, full = json.loads(reader.json()), json.loads(reader.crjson())
                prompts = _prompts(reader, plain)
        except c2pa.C2paError as error:
            if isinstance(error, c2pa.C2paError.ManifestNotFound) or "ManifestNotFound" in str(error):
                return None
            return Credentials("unreadable", why=" ".join(str(error).split())[:300])
        except (ValueError, RecursionError) as error:
            return Credentials("unreadable", why=" ".join(str(error).split())[:300])
    try:
        return _said(state, plain, full, prompts, here)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return Credentials("unreadable", why=f"not laid out as it should be ({type(error).__name__}: {error})")


def _settings(here: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate]) -> dict[str, Any]:
    trust = {"trust_config": USES}
    for name, roots in (("user_anchors", here), ("trust_anchors", trusted)):
        if roots:
            trust[name] = "".join(root.public_bytes(Encoding.PEM).decode() for root in roots)
    return {**OFFLINE, "trust": trust}


def _prompts(reader: Any, plain: dict[str, Any]) -> dict[str, str]:
    """The embedded prompts, by the label of their manifest."""
    import c2pa

    found: dict[str, str] = {}
    for label, manifest in plain["manifests"].items():
        for ingredient in manifest.get("ingredients") or ():
            types = [each.get("type") for each in ingredient.get("data_types") or ()]
            if "c2pa.types.generator.prompt" in types and "data" in ingredient:
                stream = io.BytesIO()
                try:
                    reader.resource_to_stream(ingredient["data"]["identifier"], stream)
                except c2pa.C2paError:
                    continue
                found.setdefault(label, stream.getvalue()[:MOST].decode("utf-8", "replace"))
    return found


def _said(
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
    made = assertions.get(GENERATION) or {}
    ledger = assertions.get(LEDGER)
    placed = assertions.get(LAYOUT) or {}
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    details: Mapping[str, Any] = next((each for each in full["manifests"] if each.get("label") == label), {})
    return Credentials(
        state={"Trusted": "trusted", "Valid": "valid"}.get(state, "invalid"),  # type: ignore[arg-type]
        label=str(label),
        problems=tuple(problem(each) for each in active.get("failure") or ()),
        signature=_signature(manifest, details, active, here),
        generator=" ".join(str(generator[key]) for key in ("name", "version") if key in generator),
        source=_source(assertions),
        langit=bool(made),
        model=_text(made.get("model")),
        weights=_text(made.get("model_digest")),
        provenance=_text(made.get("provenance")),
        ability=_text(made.get("ability")),
        prompt=prompts.get(label),
        asked=_text(made.get("asked")),
        seed=made["seed"] if isinstance(made.get("seed"), int) else None,
        settings={key: made[key] for key in ("steps", "guidance", "fps", "sampling") if key in made},
        ledger=Training(str(ledger["origin"]), int(ledger["tree_size"]), str(ledger["root_hash"])) if ledger else None,
        mark=_mark(assertions),
        origins=_origins(plain, label, prompts, results, frozenset()),
        boxes=tuple(map(str, placed.get("boxes") or ())),
        first=_text(placed.get("first")),
        piece_size=max(0, int(placed.get("piece_size") or 0)),
        pieces=tuple(map(str, placed.get("pieces") or ())),
        exclusions=_exclusions(assertions),
    )


def problem(failure: Mapping[str, Any]) -> Problem:
    """A failed check in plain words."""
    code = str(failure.get("code"))
    about, words = WORDS.get(code, ("manifest", "the credentials break a rule of C2PA"))
    return Problem(code, about, words, str(failure.get("explanation") or ""))


def _assertions(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Assertions by label; those that the signer did not vouch for are left out."""
    found: dict[str, Any] = {}
    for each in manifest.get("assertions") or ():
        if each.get("created") or str(each["label"]).startswith("c2pa."):
            found.setdefault(str(each["label"]), each.get("data") or {})
    return found


def _signature(
    manifest: Mapping[str, Any], full: Mapping[str, Any], active: Mapping[str, Any], here: Sequence[x509.Certificate]
) -> Signature | None:
    info = manifest.get("signature_info")
    if not info:
        return None
    signed = full.get("signature") or {}
    certificate, stamp = signed.get("certificateInfo") or {}, signed.get("timeStampInfo") or {}
    passed = {str(each["code"]): str(each.get("explanation")) for each in active.get("success") or ()}
    trust = passed.get("signingCredential.trusted")
    vouched: Literal["here", "trusted", "nobody"] = "nobody"
    if trust is not None:
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


def _source(assertions: Mapping[str, Any]) -> str:
    for action in _actions(assertions):
        if action.get("digitalSourceType"):
            return str(action["digitalSourceType"]).rsplit("/", 1)[-1]
    return ""


def _actions(assertions: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    said = assertions.get("c2pa.actions.v2") or assertions.get("c2pa.actions") or {}
    return [each for each in said.get("actions") or () if isinstance(each, dict)]


def _mark(assertions: Mapping[str, Any]) -> bytes | None:
    said = assertions.get("c2pa.soft-binding") or {}
    if said.get("alg") != MARK:
        return None
    try:
        return bytes.fromhex(said["blocks"][0]["value"])
    except (LookupError, TypeError, ValueError):
        return None


def _exclusions(assertions: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths of boxes that the hash leaves out, but for that of the manifest itself."""
    found: list[str] = []
    for label, said in assertions.items():
        if label.startswith("c2pa.hash.bmff"):
            found += [str(each["xpath"]) for each in said.get("exclusions") or () if each.get("xpath") != "/uuid"]
    return tuple(found)


def _origins(
    plain: Mapping[str, Any],
    label: str,
    prompts: Mapping[str, str],
    results: Mapping[str, Any],
    above: frozenset[str],
) -> tuple[Origin, ...]:
    """Files that a manifest names as what was worked on, placed or shown to the model, and theirs."""
    manifest = plain["manifests"].get(label)
    if manifest is None or label in above:
        return ()
    listed = {
        str(each.get("sha256")): each for each in (_assertions(manifest).get(GENERATION) or {}).get("parents") or ()
    }
    found: list[Origin] = []
    for ingredient in manifest.get("ingredients") or ():
        types = [str(each.get("type")) for each in ingredient.get("data_types") or ()]
        if any(each.startswith(("c2pa.types.generator", "c2pa.types.model", "c2pa.types.dataset")) for each in types):
            continue
        below = ingredient.get("active_manifest")
        digest = str(ingredient.get("instance_id") or "").removeprefix("sha256:")
        made = _assertions(plain["manifests"].get(below) or {}).get(GENERATION) or {}
        failed = ((ingredient.get("validation_results") or {}).get("activeManifest") or {}).get("failure") or []
        changed = [
            each
            for delta in results.get("ingredientDeltas") or ()
            if str(delta.get("ingredientAssertionURI")).endswith(f"{label}/c2pa.assertions/{ingredient.get('label')}")
            for each in (delta.get("validationDeltas") or {}).get("failure") or ()
        ]
        wrong = (problem(each) for each in (*failed, *changed) if each.get("code") != "signingCredential.untrusted")
        found.append(
            Origin(
                name=str(ingredient.get("title") or "a file without a name"),
                relation=str(ingredient.get("relationship") or ""),
                sha256=digest if digest in listed else None,
                done=str(ingredient.get("description") or ""),
                signed=below is not None,
                problems=tuple(dict.fromkeys(each.words for each in wrong)),
                model=_text(made.get("model")),
                prompt=prompts.get(str(below)),
                origins=_origins(plain, str(below), prompts, results, above | {label}) if below else (),
            )
        )
    return tuple(found)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

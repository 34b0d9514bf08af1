"""Sign what made a file together with the file's bytes (Content Credentials, C2PA), in mp4, PNG and GIF.

For WebM, which has no place for a manifest, it becomes a file of its own, a sidecar.

The manifest says: created, or opened and edited, by a trained algorithm; from which prompt, by which model, trained on
what (``inputTo`` ingredients, and the training ledger's checkpoint); from which files, with the manifests that those
had themselves; which id the watermark holds. The contents of ``free`` boxes are covered by the signature as well.
Nothing is fetched; the network is used only if a timestamp is configured. This module does not know how the file was
written.
"""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import langit
from langit.files import sha256
from langit.release.credentials import boxes
from langit.release.credentials.identity import Identity

if TYPE_CHECKING:
    from langit.release.facts import Facts, Parent

GENERATION: Final = "org.langit.generation"
LEDGER: Final = "org.langit.training-ledger"
LAYOUT: Final = "org.langit.layout"
GIF, WEBM = "image/gif", "video/webm"
MARK: Final = "org.langit.watermark"
TRAINED: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
EDITS: Final = frozenset({"edit", "extend", "inpaint", "loop", "recut"})
"""Abilities that continue one video, which C2PA calls opened and edited. Other parents are components or inputs."""
PLACES: Final = frozenset({"connect", "storyboard"})
"""Abilities that place given footage in a new video."""
MASK: Final = "used as a mask"
AGENT: Final = {"name": "Langit", "version": langit.__version__}
CREATED: Final = (
    "c2pa.actions",
    "c2pa.ingredient",
    "c2pa.embedded-data",
    "c2pa.soft-binding",
    "cawg.training-mining",
    GENERATION,
    LEDGER,
    LAYOUT,
)
"""Assertions that the signer vouches for; c2pa lists all others as merely gathered."""
KEY_USAGES: Final = "\n".join(
    (
        "1.3.6.1.5.5.7.3.4",  # e-mail protection
        "1.3.6.1.5.5.7.3.36",  # document signing
        "1.3.6.1.5.5.7.3.8",  # time stamping
        "1.3.6.1.5.5.7.3.9",  # OCSP signing
        "1.3.6.1.4.1.62558.2.1",  # C2PA's own
    )
)
"""Extended key usages that a signer's certificate may have."""
OFFLINE: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
SETTINGS: Final[dict[str, Any]] = {
    "builder": {
        "created_assertion_labels": list(CREATED),
        "thumbnail": {"enabled": False},
        "bmff_hash_exclude_free_and_skip_boxes": False,
        "ignore_ingredient_errors": True,  # a parent with damaged credentials is named without them
    },
    "trust": {"trust_config": KEY_USAGES},
    **OFFLINE,
}


def sign(source: Path, destination: Path, facts: Facts, identity: Identity, sidecar: Path | None = None) -> None:
    """Write a copy of a finished mp4, PNG or GIF that contains a signed manifest.

    Args:
        source: the file, complete: the copy must not be changed afterwards.
        destination: another path; a file there is replaced, and removed if signing fails.
        facts: what made the file.
        identity: who signs.
        sidecar: where the manifest is written instead of into the copy; for WebM, which cannot contain one.

    Raises:
        ValueError: the file has another format, is damaged or already signed, or the identity cannot sign.
        OSError: a file cannot be read or written, or the timestamp authority does not answer.
    """
    with source.open("rb") as file:
        layout = boxes.layout_of(file)
        file.seek(0)
        mime = WEBM if sidecar is not None else media_type(file.read(16))
        whole = not (layout.missing or layout.stray or layout.manifest) if layout else mime in (GIF, WEBM)
        if mime is None or not whole:
            raise ValueError(
                f"{source} is not a complete and unsigned mp4, PNG or GIF: sign a file that was just written"
            )
        definition, parents = manifest(facts, _describe_layout(file, layout) if layout else None, identity)
        try:
            with destination.open("w+b") as target:
                store = _sign(file, target, mime, definition, facts, parents, identity, sidecar is not None)
            if sidecar is not None:
                sidecar.write_bytes(store)
        except BaseException:
            destination.unlink(missing_ok=True)
            raise


def _sign(
    file: BinaryIO,
    target: BinaryIO,
    mime: str,
    definition: dict[str, Any],
    facts: Facts,
    parents: list[tuple[dict[str, Any], Path]],
    identity: Identity,
    apart: bool,
) -> bytes:
    """Sign, and return the manifests; ``apart`` leaves them out of the target."""
    import c2pa

    address = identity.settings.timestamps
    # With without_timestamp, a second attempt follows if the authority does not answer.
    for timestamps in (address, "") if address and identity.settings.without_timestamp else (address,):
        file.seek(0)
        target.seek(0)
        target.truncate()
        try:
            builder = c2pa.Builder(json.dumps(definition), context=_context())
            if apart:
                builder.set_no_embed()
            if facts.prompt:
                builder.add_resource("prompt.txt", io.BytesIO(facts.prompt.encode()))
            for ingredient, path in parents:
                with path.open("rb") as opened:
                    builder.add_ingredient(json.dumps(ingredient), ingredient["format"], opened)
            with _signer(identity, timestamps) as signer:
                return bytes(builder.sign(signer, mime, file, target))
        except c2pa.C2paError as error:
            if timestamps and identity.settings.without_timestamp:
                continue
            why = " ".join(str(error).split())
            if timestamps:
                raise OSError(
                    f"signing with a timestamp from {timestamps} failed ({why}): try again, or set"
                    " without_timestamp = true in [signing]"
                ) from error
            raise ValueError(f"{identity.where} cannot sign this ({why}): use another chain and key") from error
    raise AssertionError("the last attempt returns or raises")


@cache
def _context() -> Any:
    import c2pa

    return c2pa.Context.from_dict(SETTINGS)


def _signer(identity: Identity, timestamps: str) -> Any:
    import c2pa

    algorithm = c2pa.C2paSigningAlg[identity.settings.algorithm.upper()]
    if identity.callback is not None:
        return c2pa.Signer.from_callback(identity.callback, algorithm, identity.pem.decode(), timestamps or None)
    assert identity.key is not None
    info = c2pa.C2paSignerInfo(
        alg=algorithm,
        sign_cert=identity.pem,
        private_key=identity.key,
        ta_url=timestamps.encode() if timestamps else None,
    )
    return c2pa.Signer.from_info(info)


def manifest(
    facts: Facts, layout: dict[str, Any] | None, identity: Identity
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Path]]]:
    """The manifest's definition for c2pa's builder, and the ingredients with the files that it reads for them."""
    inputs = _inputs(facts)
    parents: list[dict[str, Any]] = []
    actions: list[dict[str, Any]] = []
    embedded: list[tuple[dict[str, Any], Path]] = []
    for number, parent in enumerate(_unique(facts.parents)):
        label, relation = f"parent{number}", _relation(facts, parent)
        ingredient = _ingredient(label, parent, relation)
        mime = _embeddable(parent)
        if mime and parent.path is not None:
            embedded.append((ingredient | {"format": mime}, parent.path))
        else:
            parents.append(ingredient)
        if relation == "inputTo":
            inputs.append(ingredient)
        else:
            actions.append(
                {
                    "action": "c2pa.opened" if relation == "parentOf" else "c2pa.placed",
                    "parameters": {"ingredientIds": [label]},
                }
            )
    generated: dict[str, Any] = {
        "action": "c2pa.created",
        "digitalSourceType": COMPOSITE if actions else TRAINED,
        "softwareAgent": AGENT,
        "description": facts.ability,
        "parameters": {"ingredientIds": [ingredient["label"] for ingredient in inputs]},
    }
    if actions and actions[0]["action"] == "c2pa.opened":
        # C2PA allows either "created" or "opened" as the first action.
        actions = [actions[0], generated | {"action": "c2pa.edited"}, *actions[1:]]
    else:
        actions = [generated, *actions]
    if facts.mark:
        actions.append({"action": "c2pa.watermarked.bound", "softwareAgent": AGENT})
    own = [ingredient for ingredient in inputs if not ingredient["label"].startswith("parent")]
    definition = {
        "claim_generator_info": [AGENT],
        "title": facts.prompt[:200] or facts.ability,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": GENERATION, "data": _generation(facts)},
            {"label": LEDGER, "data": _ledger(facts)},
            *([{"label": LAYOUT, "data": layout}] if layout is not None else []),
            *_watermark(facts),
            *_training_and_mining(identity),
        ],
        "ingredients": [*own, *parents],
    }
    return definition, embedded


def _inputs(facts: Facts) -> list[dict[str, Any]]:
    """The ingredients that the model read or was trained on: prompt, model and training data."""
    from langit.bundle.provenance import LedgerState  # here: reading credentials imports this module without torch

    ledger = facts.ledger
    plain = "application/octet-stream"
    found: list[dict[str, Any]] = []
    if facts.prompt:
        found.append(
            {
                "title": "prompt",
                "format": "text/plain",
                "label": "prompt",
                "data_types": [{"type": "c2pa.types.generator.prompt"}],
                "data": {"format": "text/plain", "identifier": "prompt.txt"},
            }
        )
    found.append(
        {
            "title": facts.model,
            "format": plain,
            "label": "model",
            "data_types": [{"type": "c2pa.types.model.pytorch"}],
            "instance_id": f"sha256:{facts.weights.removeprefix('sha256:')}",
        }
    )
    training = {"format": plain, "label": "training-data", "data_types": [{"type": "c2pa.types.dataset"}]}
    if isinstance(ledger, LedgerState):
        title = f"training data: {ledger.size} entries of ledger {ledger.origin}"
        found.append(training | {"title": title, "instance_id": f"rfc6962-sha256:{ledger.root}"})
    else:
        found.append(training | {"title": f"training data: not disclosed by {ledger.makers}"})
    return [ingredient | {"relationship": "inputTo"} for ingredient in found]


def _relation(facts: Facts, parent: Parent) -> str:
    """The relationship of a given file to the video, in C2PA's words.

    A single video that is continued is the parent, several are components; a picture that the model starts from and a
    mask are inputs.
    """
    if MASK in parent.done:
        return "inputTo"
    if facts.ability in EDITS:
        videos = [given for given in _unique(facts.parents) if MASK not in given.done]
        return "parentOf" if len(videos) == 1 else "componentOf"
    return "componentOf" if facts.ability in PLACES else "inputTo"


def _unique(parents: tuple[Parent, ...]) -> list[Parent]:
    """Each file once, even if it was given twice."""
    return list({parent.sha256: parent for parent in parents}.values())


def _ingredient(label: str, parent: Parent, relation: str) -> dict[str, Any]:
    return {
        "title": parent.name,
        "label": label,
        "relationship": relation,
        "instance_id": f"sha256:{parent.sha256}",
        **({"description": ", ".join(parent.done)} if parent.done else {}),
    }


def _embeddable(parent: Parent) -> str | None:
    """The format of a parent whose file is unchanged and can hold a manifest, which c2pa then embeds; else None."""
    if parent.path is None:
        return None
    try:
        with parent.path.open("rb") as file:
            mime = media_type(file.read(16))
        same = sha256(parent.path) == parent.sha256
    except OSError:
        return None
    return mime if same else None


def media_type(head: bytes) -> str | None:
    """The format of a file that can hold C2PA manifests, by its first 16 bytes: file names are not trusted."""
    if head[4:8] == b"ftyp":
        return {b"qt  ": "video/quicktime", b"avif": "image/avif", b"heic": "image/heic"}.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return {b"AVI ": "video/avi", b"WEBP": "image/webp"}.get(head[8:12])
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    tiff = {b"II*\0": "image/tiff", b"MM\0*": "image/tiff"}
    return {b"\x89PNG": "image/png", b"GIF8": "image/gif", **tiff}.get(head[:4])


def _generation(facts: Facts) -> dict[str, Any]:
    """What is needed to make the video again with the same code on the same machine."""
    return {
        "ability": facts.ability,
        "model": facts.model,
        "model_digest": facts.weights,
        "provenance": facts.provenance,
        "asked": facts.asked or facts.prompt,
        "seed": facts.seed,
        "steps": facts.steps,
        "guidance": facts.guidance,
        "fps": facts.fps,
        "sampling": json.loads(facts.sampling) if facts.sampling else {},
        **({"placement": facts.placement} if facts.placement else {}),
        "parents": [
            {"name": parent.name, "sha256": parent.sha256, "done": list(parent.done)}
            for parent in _unique(facts.parents)
        ],
    }


def _ledger(facts: Facts) -> dict[str, Any]:
    from langit.bundle.provenance import LedgerState

    ledger = facts.ledger
    if not isinstance(ledger, LedgerState):
        base = {"base": json.loads(facts.base)} if facts.base else {}
        return {"undisclosed": ledger.makers, "manifest_digest": facts.provenance, **base}
    return {
        "origin": ledger.origin,
        "tree_size": ledger.size,
        "root_hash": ledger.root,
        "manifest_digest": facts.provenance,
    }


def _describe_layout(file: BinaryIO, layout: boxes.FileLayout) -> dict[str, Any]:
    """Where the file's parts lie: shows later what was changed, and covers the ``ftyp`` box, which C2PA leaves out."""
    first, size = layout.boxes[0], boxes.piece_size(layout)
    return {
        "boxes": [f"{box.kind} {box.size}" for box in layout.plain if box.kind != "IDAT"],
        "first": boxes.sha256_of(file, first.start, first.end),
        "piece_size": size,
        "pieces": list(boxes.pieces(file, layout, size)),
    }


def _watermark(facts: Facts) -> list[dict[str, Any]]:
    if not facts.mark:
        return []
    blocks = [{"scope": {}, "value": facts.mark.hex()}]
    return [{"label": "c2pa.soft-binding", "data": {"alg": MARK, "blocks": blocks}}]


def _training_and_mining(identity: Identity) -> list[dict[str, Any]]:
    """CAWG's assertion on whether others may train on the file; none if nothing is configured."""
    use = identity.settings.mining
    keys = ("cawg.ai_generative_training", "cawg.ai_training", "cawg.data_mining")
    entries = {key: {"use": use} for key in keys}
    return [{"label": "cawg.training-mining", "data": {"entries": entries}}] if use else []

"""Content Credentials: what made a file is signed together with the file's bytes (C2PA), in mp4 and PNG.

The manifest says: created, or opened and edited, by a trained algorithm; from which prompt, by which model, trained on
what (ingredients of relationship inputTo, and the training ledger's checkpoint); from which files, with the manifests
that those had themselves; which id the watermark holds. Everything that signs the bytes of a ``free`` box is switched
on. Needs no network unless a timestamp is asked for; nothing is fetched. Knows nothing of how the file was written.
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
MARK: Final = "org.langit.watermark"
TRAINED: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
EDITS: Final = frozenset({"edit", "extend", "inpaint", "loop", "recut"})
"""Abilities that go on from one video: it is opened and edited. Of others the parents are parts, or pictures to see."""
PLACES: Final = frozenset({"connect", "storyboard"})
"""Abilities that put what is given into a new video."""
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
"""Assertions that the signer vouches for; others would land among those that were merely gathered."""
USES: Final = "\n".join(
    (
        "1.3.6.1.5.5.7.3.4",  # e-mail protection
        "1.3.6.1.5.5.7.3.36",  # document signing
        "1.3.6.1.5.5.7.3.8",  # time stamping
        "1.3.6.1.5.5.7.3.9",  # OCSP signing
        "1.3.6.1.4.1.62558.2.1",  # C2PA's own
    )
)
"""What a certificate may have been issued for, as extended key usages."""
OFFLINE: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
SETTINGS: Final[dict[str, Any]] = {
    "builder": {
        "created_assertion_labels": list(CREATED),
        "thumbnail": {"enabled": False},
        "bmff_hash_exclude_free_and_skip_boxes": False,
        "ignore_ingredient_errors": True,  # of a parent with damaged credentials: it is named without them
    },
    "trust": {"trust_config": USES},
    **OFFLINE,
}


def sign(source: Path, destination: Path, facts: Facts, identity: Identity) -> None:
    """Write a copy of a finished mp4 or PNG with a signed manifest in it.

    Args:
        source: the file, with everything in it that is to be covered: nothing may touch the copy afterwards.
        destination: another path; a file there is replaced, and removed if signing fails.
        facts: what made it.
        identity: who signs.

    Raises:
        ValueError: the file is neither mp4 nor PNG or not whole, or the identity cannot sign.
        OSError: a file cannot be read or written, or the timestamp authority does not answer.
    """
    with source.open("rb") as file:
        found = boxes.layout_of(file)
        if found is None or found.missing or found.stray or found.manifest:
            raise ValueError(f"{source} is no whole and unsigned mp4 or PNG: sign what was just written")
        said, parents = manifest(facts, _layout(file, found), identity)
        try:
            with destination.open("w+b") as target:
                _sign(file, target, found.mime, said, facts, parents, identity)
        except BaseException:
            destination.unlink(missing_ok=True)
            raise


def _sign(
    file: BinaryIO,
    target: BinaryIO,
    mime: str,
    said: dict[str, Any],
    facts: Facts,
    parents: list[tuple[dict[str, Any], Path]],
    identity: Identity,
) -> None:
    import c2pa

    address = identity.settings.timestamps
    for timestamps in (address, "") if address and identity.settings.without_timestamp else (address,):
        file.seek(0)
        target.seek(0)
        target.truncate()
        try:
            builder = c2pa.Builder(json.dumps(said), context=_context())
            if facts.prompt:
                builder.add_resource("prompt.txt", io.BytesIO(facts.prompt.encode()))
            for ingredient, path in parents:
                with path.open("rb") as opened:
                    builder.add_ingredient(json.dumps(ingredient), ingredient["format"], opened)
            with _signer(identity, timestamps) as signer:
                builder.sign(signer, mime, file, target)
            return
        except c2pa.C2paError as error:
            if timestamps and identity.settings.without_timestamp:
                continue
            why = " ".join(str(error).split())
            if timestamps:
                raise OSError(
                    f"this could not be signed with a timestamp of {timestamps} ({why}): try again, or set"
                    " without_timestamp = true in [signing]"
                ) from error
            raise ValueError(f"{identity.where} cannot sign this ({why}): use another chain and key") from error


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
    facts: Facts, layout: dict[str, Any], identity: Identity
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Path]]]:
    """The manifest's definition, and the ingredients whose files are read for it."""
    inputs = _inputs(facts)
    parents: list[dict[str, Any]] = []
    actions: list[dict[str, Any]] = []
    embedded: list[tuple[dict[str, Any], Path]] = []
    for number, parent in enumerate(_once(facts.parents)):
        label, relation = f"parent{number}", _relation(facts, parent)
        ingredient = _ingredient(label, parent, relation)
        mime = _readable(parent)
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
    made: dict[str, Any] = {
        "action": "c2pa.created",
        "digitalSourceType": COMPOSITE if actions else TRAINED,
        "softwareAgent": AGENT,
        "description": facts.ability,
        "parameters": {"ingredientIds": [each["label"] for each in inputs]},
    }
    if actions and actions[0]["action"] == "c2pa.opened":
        actions = [actions[0], made | {"action": "c2pa.edited"}, *actions[1:]]
    else:
        actions = [made, *actions]
    if facts.mark:
        actions.append({"action": "c2pa.watermarked.bound", "softwareAgent": AGENT})
    own = [each for each in inputs if not each["label"].startswith("parent")]
    said = {
        "claim_generator_info": [AGENT],
        "title": facts.prompt[:200] or facts.ability,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": GENERATION, "data": _generation(facts)},
            {"label": LEDGER, "data": _ledger(facts)},
            {"label": LAYOUT, "data": layout},
            *_marked(facts),
            *_mining(identity),
        ],
        "ingredients": [*own, *parents],
    }
    return said, embedded


def _inputs(facts: Facts) -> list[dict[str, Any]]:
    """Prompt, model and training data."""
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
    found.append(
        {
            "title": f"training data: {ledger.size} entries of ledger {ledger.origin}",
            "format": plain,
            "label": "training-data",
            "data_types": [{"type": "c2pa.types.dataset"}],
            "instance_id": f"rfc6962-sha256:{ledger.root}",
        }
    )
    return [each | {"relationship": "inputTo"} for each in found]


def _relation(facts: Facts, parent: Parent) -> str:
    """What a file is to the video, as C2PA has it.

    One video that is gone on from is its parent; several are its components; a picture that the model starts from, or
    a mask, is an input.
    """
    if MASK in parent.done:
        return "inputTo"
    if facts.ability in EDITS:
        videos = [each for each in _once(facts.parents) if MASK not in each.done]
        return "parentOf" if len(videos) == 1 else "componentOf"
    return "componentOf" if facts.ability in PLACES else "inputTo"


def _once(parents: tuple[Parent, ...]) -> list[Parent]:
    """Each file once, also where it was given twice."""
    return list({parent.sha256: parent for parent in parents}.values())


def _ingredient(label: str, parent: Parent, relation: str) -> dict[str, Any]:
    return {
        "title": parent.name,
        "label": label,
        "relationship": relation,
        "instance_id": f"sha256:{parent.sha256}",
        **({"description": ", ".join(parent.done)} if parent.done else {}),
    }


def _readable(parent: Parent) -> str | None:
    """The format of a parent that is still the file it was, if it can hold a manifest."""
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
    """The format of a file that can hold C2PA manifests, by its first 16 bytes; names are not believed."""
    if head[4:8] == b"ftyp":
        return {b"qt  ": "video/quicktime", b"avif": "image/avif", b"heic": "image/heic"}.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return {b"AVI ": "video/avi", b"WEBP": "image/webp"}.get(head[8:12])
    return {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}.get(
        head[:3] if head[:2] == b"\xff\xd8" else head[:4]
    )


def _generation(facts: Facts) -> dict[str, Any]:
    """All that is needed to make the video again with the same code and machine."""
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
        "parents": [
            {"name": each.name, "sha256": each.sha256, "done": list(each.done)} for each in _once(facts.parents)
        ],
    }


def _ledger(facts: Facts) -> dict[str, Any]:
    return {
        "origin": facts.ledger.origin,
        "tree_size": facts.ledger.size,
        "root_hash": facts.ledger.root,
        "manifest_digest": facts.provenance,
    }


def _layout(file: BinaryIO, found: boxes.Layout) -> dict[str, Any]:
    """Where the file's parts lie: tells later what was changed, and covers the file type box, which C2PA leaves out."""
    first, size = found.boxes[0], boxes.piece_size(found)
    return {
        "boxes": [f"{box.kind} {box.size}" for box in found.plain if box.kind != "IDAT"],
        "first": boxes.sha256_of(file, first.start, first.end),
        "piece_size": size,
        "pieces": list(boxes.pieces(file, found, size)),
    }


def _marked(facts: Facts) -> list[dict[str, Any]]:
    if not facts.mark:
        return []
    blocks = [{"scope": {}, "value": facts.mark.hex()}]
    return [{"label": "c2pa.soft-binding", "data": {"alg": MARK, "blocks": blocks}}]


def _mining(identity: Identity) -> list[dict[str, Any]]:
    use = identity.settings.mining
    keys = ("cawg.ai_generative_training", "cawg.ai_training", "cawg.data_mining")
    said = {"entries": {key: {"use": use} for key in keys}}
    return [{"label": "cawg.training-mining", "data": said}] if use else []

"""What is known of a file: from its credentials, then from its watermark and looks, then from this machine's ledger.

The pictures are looked at only if the credentials are missing or do not hold. What credentials say of model and prompt
is their signer's claim, so the verdict says who the signer is. Nothing is fetched.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from langit import config
from langit.files import sha256
from langit.release.credentials import boxes
from langit.release.credentials.boxes import FileLayout
from langit.release.credentials.identity import SigningConfig, certificates, fingerprint, own_roots
from langit.release.credentials.read import Credentials, read
from langit.release.credentials.stores import certificates_in
from langit.release.credentials.uncovered import find_uncovered, has_trace
from langit.release.verdict import FileVerdict, KnownOutput, KnownSource, VerifyFinding

if TYPE_CHECKING:
    from langit.ledger.derived import Output
    from langit.ledger.store import Ledger
    from langit.release.outputs import Outputs
    from langit.release.watermark import MarkMatch

MAX_IN_MEMORY: Final = 1 << 28
"""Bytes of a file that are held in memory if stray bytes after it must be cut off before it can be read."""
MAX_GIVEN_TO: Final = 8
"""Outputs that are named for a file that was given to them."""


def verify(path: Path, home: Path | None = None, signing: SigningConfig | None = None) -> FileVerdict:
    """Report everything that is known of a file.

    Args:
        path: any file.
        home: the home whose keys and ledger are asked; LANGIT_HOME if left out.
        signing: settings that name the trusted roots.

    Raises:
        FileNotFoundError: there is no such file, or it is a folder, a pipe or a device.
        OSError: it cannot be read.
        ValueError: a file of trusted roots holds none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file: name a video or a picture")
    home = config.home() if home is None else home
    digest = sha256(path)
    with path.open("rb") as file:
        layout = boxes.layout_of(file)
    credentials = _read_credentials(path, layout, home, signing or SigningConfig())
    ledger = _open_ledger(home)
    verdict = FileVerdict(str(path), digest, VerifyFinding.NOTHING, credentials)
    if ledger is not None:
        verdict = replace(verdict, known=_by_hash(ledger, digest), source=_source(ledger, digest))
    if credentials is not None:
        verdict = _judge_credentials(path, verdict, credentials, layout)
    elif layout is not None and layout.missing:
        verdict = replace(verdict, finding=VerifyFinding.CUT, missing=layout.missing)
    if credentials is None or verdict.intact is False:
        verdict = _judge_pictures(path, verdict, ledger)
    model = credentials.weights if credentials is not None else verdict.known[0].model if verdict.known else None
    if not model:
        return verdict
    from langit.ledger.derived import tuned_parts
    from langit.release.training import describe_training

    if credentials is not None:
        sampling = (credentials.settings or {}).get("sampling")
        tuned = tuned_parts(sampling if isinstance(sampling, Mapping) else {}, credentials.base or {})
    else:
        tuned = verdict.known[0].tuned
    return replace(verdict, training=describe_training(model, home, ledger, tuned))


def _read_credentials(path: Path, layout: FileLayout | None, home: Path, signing: SigningConfig) -> Credentials | None:
    trusted = [root for name in signing.trusted for root in certificates(Path(name).expanduser())]
    own = own_roots(home / "keys")
    found = read(path, own, trusted)
    if layout is None:
        return found
    if found is not None and found.state == "unreadable" and 0 < layout.stray < layout.size <= MAX_IN_MEMORY:
        # Bytes after the last box make c2pa refuse the whole file: read what lies before them.
        found = read(path, own, trusted, layout.size - layout.stray)
    if found is None and has_trace(path, layout):
        return Credentials("unreadable", why="the box that holds them is not marked as such")
    return found


def _judge_credentials(
    path: Path, verdict: FileVerdict, credentials: Credentials, layout: FileLayout | None
) -> FileVerdict:
    """Set the finding that the credentials lead to. The order of the checks is the order in docs/verify.md."""
    chain = certificates_in(path, credentials.label) if credentials.label else ()
    verdict = replace(verdict, chain=tuple(map(fingerprint, chain)))
    signature = credentials.signature
    if signature is not None:
        own = signature.vouched == "here"
        # A certificate may name itself anything, also "this machine's own key": its words are quoted.
        names = [f'"{name}"' for name in (signature.name, signature.organisation) if name]
        verdict = replace(
            verdict, signer="this machine's own key" if own else ", ".join(names) or "no name", signed_here=own
        )
    about = {problem.about for problem in credentials.problems}
    if layout is not None and layout.missing:
        return replace(verdict, finding=VerifyFinding.CUT, missing=layout.missing)
    if credentials.state == "unreadable" or "manifest" in about:
        return replace(verdict, finding=VerifyFinding.MANIFEST)
    if "signature" in about:
        return replace(verdict, finding=VerifyFinding.SIGNATURE)
    if "content" in about:
        return _judge_change(path, verdict, credentials, layout)
    if layout is not None and layout.stray:
        return replace(verdict, finding=VerifyFinding.APPENDED, appended=layout.stray)
    if "expired" in about:
        return replace(verdict, finding=VerifyFinding.EXPIRED)
    if about & {"certificate", "revoked", "timestamp"}:
        return replace(verdict, finding=VerifyFinding.CERTIFICATE)
    if credentials.state == "invalid":
        return replace(verdict, finding=VerifyFinding.MANIFEST)
    hidden = find_uncovered(path, layout, credentials) if layout is not None else ()
    if hidden:
        return replace(verdict, finding=VerifyFinding.UNCOVERED, uncovered=hidden)
    if credentials.state == "trusted":
        return replace(verdict, finding=VerifyFinding.TRUSTED)
    private = any(certificate.issuer == certificate.subject for certificate in chain)
    return replace(verdict, finding=VerifyFinding.PRIVATE if private else VerifyFinding.UNKNOWN_ISSUER)


def _judge_change(path: Path, verdict: FileVerdict, credentials: Credentials, layout: FileLayout | None) -> FileVerdict:
    """Say what was changed in a file whose hash is not the one that was signed."""
    if layout is None or not credentials.pieces or not credentials.piece_size:
        return replace(verdict, finding=VerifyFinding.CHANGED)
    signed = credentials.pieces
    with path.open("rb") as file:
        pieces = boxes.pieces(file, layout, credentials.piece_size)
    if pieces != signed:
        same = sum(now == then for now, then in zip(pieces, signed, strict=False))
        # Encoders begin with a text of their settings, several hundred bytes that other videos have as well.
        if same == (pieces[:1] == signed[:1]):
            return replace(verdict, finding=VerifyFinding.ELSEWHERE)
        numbers = [str(n) for n, (now, then) in enumerate(itertools.zip_longest(pieces, signed), 1) if now != then]
        named = ", ".join(numbers[:4]) + (", …" if len(numbers) > 4 else "")
        changed = f"{len(signed) - same} of {len(signed)} parts of the picture data differ (part {named})"
        return replace(verdict, finding=VerifyFinding.CHANGED, changed=changed)
    now = tuple(f"{box.kind} {box.size}" for box in layout.plain if box.kind != "IDAT")
    more = len(now) - len(credentials.boxes)
    if now[: len(credentials.boxes)] == credentials.boxes and (more > 0 or layout.stray):
        added = sum(box.size for box in layout.plain[len(layout.plain) - more :]) if more else 0
        return replace(verdict, finding=VerifyFinding.APPENDED, appended=layout.stray + added)
    return replace(verdict, finding=VerifyFinding.STRUCTURE)


def _judge_pictures(path: Path, verdict: FileVerdict, ledger: Ledger | None) -> FileVerdict:
    """Look for a watermark in the pictures and, where there is none, for outputs that look like them."""
    from langit.release.pictures import first_frames

    settled = verdict.credentials is not None or verdict.finding is VerifyFinding.CUT
    if next(first_frames(path), None) is None:
        return verdict if settled else replace(verdict, finding=_without_pictures(verdict))
    outputs = _outputs(ledger)
    claimed = verdict.credentials.mark if verdict.credentials else None
    mark = _find_mark(path, [*(outputs.marks() if outputs else ()), *([claimed] if claimed else [])])
    entries = outputs.by_mark(mark.ident) if outputs is not None and mark is not None and mark.ident else ()
    known = [*verdict.known, *(_known("watermark", entry, ledger, mark.p_value if mark else None) for entry in entries)]
    verdict = replace(verdict, mark=_describe_mark(mark, claimed), known=tuple(known))
    if settled:
        return verdict
    if verdict.known:
        exact = any(known.how == "file" for known in verdict.known)
        return replace(verdict, finding=VerifyFinding.KNOWN_FILE if exact else VerifyFinding.KNOWN_MARK)
    if mark is not None:
        return replace(verdict, finding=VerifyFinding.STRANGE_MARK)
    if verdict.source is not None:
        # What a person gave resembles what was made of it: the record answers before the looks.
        return replace(verdict, finding=_source_finding(verdict.source))
    similar = outputs.by_looks(first_frames(path)) if outputs is not None else []
    if similar:
        known = [_known("looks", one.output, ledger) for one in similar]
        return replace(verdict, finding=VerifyFinding.KNOWN_LOOKS, known=tuple(known))
    return replace(verdict, finding=VerifyFinding.NOTHING)


def _without_pictures(verdict: FileVerdict) -> VerifyFinding:
    if verdict.known:
        return VerifyFinding.KNOWN_FILE
    return _source_finding(verdict.source) if verdict.source is not None else VerifyFinding.NO_PICTURES


def _source_finding(source: KnownSource) -> VerifyFinding:
    return VerifyFinding.KNOWN_PARENT if source.entry is None else VerifyFinding.KNOWN_SOURCE


def _find_mark(path: Path, ids: Sequence[bytes]) -> MarkMatch | None:
    """Read the watermark: one of the known ids, or else any id, or else a mark whose id cannot be read."""
    from langit.release import watermark
    from langit.release.pictures import first_frames, frame_rate

    return watermark.read(first_frames(path), frame_rate(path)).find(list(dict.fromkeys(ids)))


def _describe_mark(mark: MarkMatch | None, claimed: bytes | None) -> str:
    text = "none"
    if mark is not None:
        named = f"holds the id {mark.ident.hex()}" if mark.ident else "is there, but its id cannot be read"
        text = f"{named}, by chance once in {1 / max(mark.p_value, 1e-300):.1e}"
    if claimed and not (mark is not None and not mark.ident):
        same = mark is not None and mark.ident == claimed
        text += ": the id that the credentials name" if same else ": not the id that the credentials name"
    return text


def _open_ledger(home: Path) -> Ledger | None:
    if not (home / "ledger").is_dir():
        return None  # opening a ledger must not create one
    from langit.ledger.store import Ledger

    return Ledger(home / "ledger")


def _outputs(ledger: Ledger | None) -> Outputs | None:
    if ledger is None:
        return None
    from langit.release.outputs import Outputs

    return Outputs(ledger)


def _by_hash(ledger: Ledger, digest: str) -> tuple[KnownOutput, ...]:
    from langit.ledger.derived import Output
    from langit.ledger.lookup import find_records

    return tuple(
        _known("file", output, ledger)
        for output in find_records(ledger, Output, "content_sha256", bytes.fromhex(digest))
    )


def _source(ledger: Ledger, digest: str) -> KnownSource | None:
    """The source that is exactly this file, and what it was given to; None if it is neither on record nor given."""
    from langit.ledger.lookup import find_records
    from langit.ledger.record import Rights, Source

    given_to = tuple(output.content_sha256 for output in ledger.outputs() if digest in output.parents)[:MAX_GIVEN_TO]
    for source in find_records(ledger, Source, "content_sha256", bytes.fromhex(digest)):
        creator, licence = source.creator or "", source.licence or ""
        for statement in find_records(ledger, Rights, "source", bytes.fromhex(source.digest)):  # later statements win
            creator, licence = statement.holder or creator, statement.licence or licence
        return KnownSource(source.digest, source.title, creator, licence, given_to)
    return KnownSource(None, given_to=given_to) if given_to else None


def _known(how: str, output: Output, ledger: Ledger | None, p_value: float | None = None) -> KnownOutput:
    kept = ledger.personal.get(output.prompt) if ledger is not None and output.prompt is not None else None
    return KnownOutput(
        how=how,
        entry=output.digest,
        content_sha256=output.content_sha256,
        made_at=output.made_at,
        model=output.model,
        ability=output.ability,
        prompt=json.loads(kept).get("prompt") if kept is not None else None,
        parents=output.parents,
        p_value=p_value,
        tuned=output.tuned,
    )

"""What is known of a file that somebody hands you: by its credentials, then its watermark, then this machine's ledger.

Credentials are asked first and, where they hold, alone. Where they do not hold or are gone, the pictures are looked at.
What credentials say of model and prompt is the signer's word: the verdict says who that is. Nothing is fetched.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import langit
from langit import config
from langit.files import sha256
from langit.release.credentials import boxes
from langit.release.credentials.boxes import Layout
from langit.release.credentials.identity import SigningConfig, certificates, fingerprint, own_roots
from langit.release.credentials.read import Credentials, read
from langit.release.credentials.uncovered import certificates as chain_of
from langit.release.credentials.uncovered import has_trace, uncovered
from langit.release.verdict import Finding, Known, Verdict

if TYPE_CHECKING:
    import numpy as np

    from langit.ledger.made import Output
    from langit.ledger.store import Ledger

FRAMES: Final = 240
"""Frames that are looked at for a watermark."""
LARGEST: Final = 1 << 28
"""Bytes of a file that are held in memory where what follows it has to be taken off before it can be read."""
CHANCE: Final = 1e-6
"""A watermark that chance would show more often than this is none."""


@dataclass(frozen=True)
class Seen:
    """An id that pictures bear, and how often chance would look like it."""

    ident: bytes
    p_value: float


def verify(path: Path, home: Path | None = None, signing: SigningConfig | None = None) -> Verdict:
    """Everything that is known of a file.

    Args:
        path: any file.
        home: whose keys and ledger are asked; LANGIT_HOME if left out.
        signing: whose roots are trusted.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read.
        ValueError: a file of trusted roots is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file: name a video or a picture")
    here = config.home() if home is None else home
    digest = sha256(path)
    with path.open("rb") as file:
        found = boxes.layout_of(file)
    trusted = [root for name in (signing or SigningConfig()).trusted for root in certificates(Path(name).expanduser())]
    said = read(path, own_roots(here / "keys"), trusted)
    if (
        said is not None
        and said.state == "unreadable"
        and found is not None
        and 0 < found.stray < found.size <= LARGEST
    ):
        said = read(path, own_roots(here / "keys"), trusted, found.size - found.stray)  # what follows stood in its way
    if said is None and found is not None and has_trace(path, found):
        said = Credentials("unreadable", why="the box that holds them does not say so")
    ledger = _ledger(here)
    verdict = Verdict(str(path), digest, Finding.NOTHING, said, known=_by_hash(ledger, digest))
    if said is not None:
        verdict = _judged(path, verdict, said, found)
    elif found is not None and found.missing:
        verdict = replace(verdict, finding=Finding.CUT, missing=found.missing)
    if said is None or verdict.intact is False:
        verdict = _looked_at(path, verdict, ledger)
    model = said.weights if said is not None else verdict.known[0].model if verdict.known else None
    return replace(verdict, training=_training(model, here)) if model else verdict


def _judged(path: Path, verdict: Verdict, said: Credentials, found: Layout | None) -> Verdict:
    """What the credentials are worth."""
    chain = chain_of(path, found, said.label) if found is not None and said.label else ()
    signer = said.signature
    if signer is not None:
        name = f"{signer.name}, {signer.organisation}" if signer.organisation else signer.name
        own = signer.vouched == "here"
        verdict = replace(verdict, signer="this machine's own key" if own else name, signed_here=own)
    verdict = replace(verdict, chain=tuple(map(fingerprint, chain)))
    about = {each.about for each in said.problems}
    if found is not None and found.missing:
        return replace(verdict, finding=Finding.CUT, missing=found.missing)
    if said.state == "unreadable" or "manifest" in about:
        return replace(verdict, finding=Finding.MANIFEST)
    if "signature" in about:
        return replace(verdict, finding=Finding.SIGNATURE)
    if "content" in about:
        return _changed(path, verdict, said, found)
    if found is not None and found.stray:
        return replace(verdict, finding=Finding.APPENDED, appended=found.stray)
    if "expired" in about:
        return replace(verdict, finding=Finding.EXPIRED)
    if about & {"certificate", "revoked", "timestamp"}:
        return replace(verdict, finding=Finding.CERTIFICATE)
    if said.state == "invalid":
        return replace(verdict, finding=Finding.MANIFEST)
    hidden = uncovered(path, found, said) if found is not None else ()
    if hidden:
        return replace(verdict, finding=Finding.UNCOVERED, uncovered=hidden)
    if said.state == "trusted":
        return replace(verdict, finding=Finding.TRUSTED)
    private = any(each.issuer == each.subject for each in chain)
    return replace(verdict, finding=Finding.PRIVATE if private else Finding.UNKNOWN_ISSUER)


def _changed(path: Path, verdict: Verdict, said: Credentials, found: Layout | None) -> Verdict:
    """What was changed of a file whose hash is not the one that was signed."""
    if found is None or not said.pieces or not said.piece_size:
        return replace(verdict, finding=Finding.CHANGED)
    with path.open("rb") as file:
        pieces = boxes.pieces(file, found, said.piece_size)
    same = sum(now == then for now, then in zip(pieces, said.pieces, strict=False))
    if pieces != said.pieces:
        if not same:
            return replace(verdict, finding=Finding.ELSEWHERE)
        count = len(said.pieces)
        places = [str(n) for n, (now, then) in enumerate(itertools.zip_longest(pieces, said.pieces), 1) if now != then]
        words = f"{count - same} of {count} parts of the pictures' data are others (part {', '.join(places[:4])}"
        return replace(verdict, finding=Finding.CHANGED, changed=words + (", …)" if len(places) > 4 else ")"))
    now = tuple(f"{box.kind} {box.size}" for box in found.plain if box.kind != "IDAT")
    if now[: len(said.boxes)] == said.boxes and (len(now) > len(said.boxes) or found.stray):
        added = sum(box.size for box in found.plain[len(found.plain) - (len(now) - len(said.boxes)) :])
        return replace(verdict, finding=Finding.APPENDED, appended=found.stray + (added if now != said.boxes else 0))
    return replace(verdict, finding=Finding.STRUCTURE)


def _looked_at(path: Path, verdict: Verdict, ledger: Ledger | None) -> Verdict:
    """What the pictures themselves tell."""
    frames = _frames(path)
    if not frames:
        if verdict.credentials is not None or verdict.finding is Finding.CUT:
            return verdict
        return replace(verdict, finding=Finding.KNOWN_FILE if verdict.known else Finding.NO_PICTURES)
    outputs = ledger.outputs() if ledger is not None else ()
    claimed = verdict.credentials.mark if verdict.credentials else None
    mark = _mark(frames, [bytes.fromhex(each.mark) for each in outputs if each.mark] + ([claimed] if claimed else []))
    entries = [each for each in outputs if mark is not None and each.mark == mark.ident.hex()]
    known = [*verdict.known, *(_known("watermark", each, ledger, mark.p_value if mark else None) for each in entries)]
    told = f"holds the id {mark.ident.hex()}, by chance once in {1 / max(mark.p_value, 1e-300):.1e}" if mark else "none"
    if claimed:
        told += ": the one of the credentials" if mark and mark.ident == claimed else ": not that of the credentials"
    verdict = replace(verdict, mark=told)
    if verdict.credentials is not None or verdict.finding is Finding.CUT:
        return replace(verdict, known=tuple(known))
    finding = Finding.KNOWN_FILE if verdict.known else Finding.KNOWN_MARK if entries else Finding.STRANGE_MARK
    if mark is None and not verdict.known:
        known = _alike(frames, ledger)
        finding = Finding.KNOWN_LOOKS if known else Finding.NOTHING
    return replace(verdict, finding=finding, known=tuple(known))


def _frames(path: Path) -> list[np.ndarray]:
    """The first frames of a video or the picture, as far as they can be read; none if it is neither."""
    import av
    from av.error import FFmpegError

    from langit.video import LARGEST as MOST_PIXELS
    from langit.video import Picture

    found: list[np.ndarray] = []
    try:
        with av.open(str(path)) as container:
            decoder = container.streams.video[0].codec_context if container.streams.video else None
            if decoder is None or decoder.width * decoder.height > MOST_PIXELS:
                return []
            packets: Iterator[Any] = container.demux(video=0)
            while len(found) < FRAMES:
                try:
                    packet = next(packets, None)
                    pictures = decoder.decode(packet)
                except FFmpegError:
                    pictures = decoder.decode(None)  # half a file shows its first half
                    packet = None
                found += [Picture(each).upright() for each in pictures]
                if packet is None:
                    break
    except (FFmpegError, ValueError):
        pass
    return [each for each in found if each.shape == found[0].shape][:FRAMES]


def _mark(frames: Iterable[np.ndarray], ids: Sequence[bytes]) -> Seen | None:
    """The id in the pictures: one of those that are known, else what can be read with none."""
    from langit.release import watermark

    reading = watermark.read(frames)
    found = list(reading.matches(list(dict.fromkeys(ids)))) if ids else []
    blind = reading.decode()
    if not any(each.p_value <= CHANCE for each in found) and blind is not None:
        found = [blind]
    best = min(found, key=lambda each: each.p_value, default=None)
    return Seen(best.ident, best.p_value) if best is not None and best.p_value <= CHANCE else None


def _ledger(home: Path) -> Ledger | None:
    if not (home / "ledger").is_dir():
        return None
    from langit.ledger.store import Ledger

    return Ledger(home / "ledger")


def _by_hash(ledger: Ledger | None, digest: str) -> tuple[Known, ...]:
    outputs = ledger.outputs() if ledger is not None else ()
    return tuple(_known("file", each, ledger) for each in outputs if each.content_sha256 == digest)


def _alike(frames: Iterable[np.ndarray], ledger: Ledger | None) -> list[Known]:
    """Entries of which most looks are found."""
    if ledger is None:
        return []
    from langit.release.outputs import Outputs

    return [_known("looks", each.output, ledger) for each in Outputs(ledger).by_looks(frames) if each.share >= 0.5]


def _known(how: str, output: Output, ledger: Ledger | None, p_value: float | None = None) -> Known:
    kept = ledger.personal.get(output.prompt) if ledger is not None and output.prompt is not None else None
    return Known(
        how=how,
        entry=output.digest,
        content_sha256=output.content_sha256,
        made_at=output.made_at,
        model=output.model,
        ability=output.ability,
        prompt=json.loads(kept).get("prompt") if kept is not None else None,
        parents=output.parents,
        p_value=p_value,
    )


def _training(digest: str, home: Path) -> str:
    """What this machine knows of a model's training, by the model's digest."""
    from langit.feed.traces import PROVENANCE, read_model

    packaged = Path(str(resources.files(langit))) / "weights"
    for place in sorted({*packaged.glob(f"*/{PROVENANCE}"), *home.glob(f"models/*/{PROVENANCE}")}):
        try:
            model = read_model(place.parent)
        except ValueError:
            continue  # half a bundle: `langit bundle check` says what is wrong with it
        if model.digest == digest:
            films = f"{len(model.films):,} films that were rendered for it" if model.films else "clips of its ledger"
            return f"{films}; this machine has the model: `langit ledger whose {model.name}` names what it saw"
    return ""

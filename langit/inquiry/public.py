"""What a stranger may see of a verdict: all that the file itself carries, and of the ledger only what concerns makers.

Left out are prompts that the ledger keeps and the file does not, and what a person gave to a model: that somebody once
uploaded a file is their affair. Knows verdicts, not how they are made.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from langit.inquiry.about import without_commands
from langit.printable import one_line
from langit.release.credentials.read import Credentials, Origin
from langit.release.verdict import FileVerdict, VerifyFinding

MadeByMachine = Literal["yes", "likely", "unknown"]
Edited = Literal["no", "yes", "unknown"]
MAX_ORIGINS: Final = 20
MAX_TEXT: Final = 1000
GENERATED: Final = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"})
"""IPTC's digital source types of what a model made, whole or in part."""
SUMMARIES: Final = {
    ("yes", "no"): "A machine made this file, and it is as it was made.",
    ("yes", "yes"): "A machine made the original of this file, and it was changed since.",
    ("yes", "unknown"): "A machine made this file. Whether it was changed since cannot be told.",
    ("likely", "unknown"): "A machine probably made this file: it looks like one that a model on this server made.",
    ("unknown", "no"): "Its credentials are intact, and do not say that a machine made it.",
    ("unknown", "yes"): "It was changed since it was signed. Its credentials do not say that a machine made it.",
    ("unknown", "unknown"): "Nothing shows that a machine made this file. That does not mean that none did.",
}


def public_verdict(verdict: FileVerdict) -> dict[str, Any]:
    """A verdict as JSON values for anybody: codes for programs, and a sentence for people."""
    credentials, finding = verdict.credentials, verdict.finding
    sources = (VerifyFinding.KNOWN_SOURCE, VerifyFinding.KNOWN_PARENT)
    if finding in sources:
        finding = VerifyFinding.NOTHING  # a given or learnt file is no output; /rights answers who asks for footage
    machine, edited = _made_by_machine(verdict, finding), _edited(finding)
    sentence = verdict.sentence if finding is verdict.finding else "nothing is known of it as a machine's work"
    known = verdict.known[0] if verdict.known and verdict.finding not in sources else None
    return {
        "object": "detection",
        "finding": finding.name.lower().replace("_", "-"),
        "made_by_machine": machine,
        "edited": edited,
        "summary": SUMMARIES[machine, edited],
        "detail": one_line(sentence, MAX_TEXT),
        "sha256": verdict.sha256,
        "signer": _signer(verdict, credentials),
        "claims": _claims(credentials, verdict),
        "watermark": one_line(verdict.mark, MAX_TEXT) if verdict.mark else None,
        "known_here": None
        if known is None
        else {"how": known.how, "made_at": known.made_at, "ability": known.ability, "model_digest": known.model},
        "trained_on": list(without_commands(verdict.training)),
    }


def _made_by_machine(verdict: FileVerdict, finding: VerifyFinding) -> MadeByMachine:
    if finding is VerifyFinding.KNOWN_LOOKS:
        return "likely"
    if finding in (VerifyFinding.KNOWN_FILE, VerifyFinding.KNOWN_MARK, VerifyFinding.STRANGE_MARK):
        return "yes"
    credentials = verdict.credentials
    believable = finding <= VerifyFinding.UNCOVERED or finding in (
        VerifyFinding.CHANGED,
        VerifyFinding.STRUCTURE,
        VerifyFinding.APPENDED,
    )
    if credentials is not None and believable and credentials.source in GENERATED:
        return "yes"
    # Credentials that do not hold say nothing; a watermark in the pictures does.
    return "yes" if verdict.mark.startswith("holds the id") else "unknown"


def _edited(finding: VerifyFinding) -> Edited:
    if finding <= VerifyFinding.CERTIFICATE:
        return "no"
    if VerifyFinding.CHANGED <= finding <= VerifyFinding.CUT:
        return "yes"
    return "unknown"  # without credentials, or with bytes that none cover


def _signer(verdict: FileVerdict, credentials: Credentials | None) -> dict[str, Any] | None:
    if credentials is None or credentials.signature is None:
        return None
    signature = credentials.signature
    return {
        "name": one_line(signature.name, 200),
        "organisation": one_line(signature.organisation, 200),
        "this_server": verdict.signed_here,
        "vouched_for_by": signature.vouched,
        "timestamp": signature.stamped,
    }


def _claims(credentials: Credentials | None, verdict: FileVerdict) -> dict[str, Any] | None:
    """What the file itself says, which is its signer's word."""
    if credentials is None or credentials.state == "unreadable":
        return None

    def text(value: str | None) -> str | None:
        return one_line(value, MAX_TEXT) if value else None

    ledger = credentials.ledger
    return {
        "about_this_file": verdict.intact is not False,
        "generator": text(credentials.generator),
        "kind": text(credentials.source),
        "model": text(credentials.model),
        "model_digest": text(credentials.weights),
        "ability": text(credentials.ability),
        "prompt": text(credentials.prompt),
        "asked": text(credentials.asked),
        "seed": credentials.seed,
        "training_ledger": None
        if ledger is None
        else {"origin": text(ledger.origin), "entries": ledger.size, "root": text(ledger.root)},
        "training_undisclosed_by": text(credentials.undisclosed),
        "made_from": [_origin(origin) for origin in credentials.origins[:MAX_ORIGINS]],
        "problems": [one_line(problem.words, 200) for problem in credentials.problems[:MAX_ORIGINS]],
    }


def _origin(origin: Origin) -> dict[str, Any]:
    return {
        "relation": one_line(origin.relation, 50),
        "name": one_line(origin.name, 200),
        "model": one_line(origin.model, 200) if origin.model else None,
        "prompt": one_line(origin.prompt, MAX_TEXT) if origin.prompt else None,
    }

"""The result of a gate: findings, and the refusal that carries them. Knows neither rules nor videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from langit.ledger.record import check_one_of

Action = Literal["refuse", "flag"]


@dataclass(frozen=True)
class Finding:
    """One thing that a gate found.

    rule: the name of the rule that fired.
    why: what made it fire, in a few words.
    action: ``refuse`` stops the video, ``flag`` adds a note to it.
    score: how sure a classifier is, from 0 to 1; rules have none.
    """

    rule: str
    why: str
    action: Action
    score: float | None = None

    def __post_init__(self) -> None:
        check_one_of("action of a finding", self.action, Action)

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


class Refused(ValueError):  # noqa: N818  (an answer rather than a fault)
    """A gate refused. ``findings`` holds all that it found, flags too. The message is one line."""

    def __init__(self, findings: Sequence[Finding], mend: str = "ask for something else") -> None:
        self.findings = tuple(findings)
        reasons = "; ".join(f"{finding.rule} ({finding.why})" for finding in self.refusing)
        super().__init__(" ".join(f"refused by rule {reasons}: {mend}".split()))

    @property
    def refusing(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return tuple(finding for finding in self.findings if finding.action == "refuse")


def enforce(findings: Sequence[Finding], mend: str = "ask for something else") -> tuple[Finding, ...]:
    """Return findings that are all flags.

    Raises:
        Refused: one of them refuses.
    """
    if any(finding.action == "refuse" for finding in findings):
        raise Refused(findings, mend)
    return tuple(findings)

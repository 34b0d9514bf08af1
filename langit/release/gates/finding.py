"""What a gate says: findings, and the refusal that carries them. Knows no rule, and not what was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from langit.ledger.record import check_one_of

Action = Literal["refuse", "flag"]


@dataclass(frozen=True)
class Finding:
    """One thing that a gate found.

    ``rule`` names the rule that fired, ``why`` says in a few words what fired it, ``action`` what follows from it:
    ``refuse`` stops the video, ``flag`` is noted with it.
    """

    rule: str
    why: str
    action: Action

    def __post_init__(self) -> None:
        check_one_of("action of a finding", self.action, Action)

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


class Refused(ValueError):  # noqa: N818  (it is an answer rather than a fault)
    """A gate refused; ``findings`` are all that it found, flags too. The message is one line."""

    def __init__(self, findings: Sequence[Finding], mend: str = "ask for something else") -> None:
        self.findings = tuple(findings)
        said = "; ".join(f"{one.rule} ({one.why})" for one in self.refusing)
        super().__init__(" ".join(f"refused by rule {said}: {mend}".split()))

    @property
    def refusing(self) -> tuple[Finding, ...]:
        """The findings that refuse."""
        return tuple(one for one in self.findings if one.action == "refuse")


def enforce(findings: Sequence[Finding], mend: str = "ask for something else") -> tuple[Finding, ...]:
    """The findings, where all of them are flags.

    Raises:
        Refused: one of them refuses.
    """
    if any(one.action == "refuse" for one in findings):
        raise Refused(findings, mend)
    return tuple(findings)

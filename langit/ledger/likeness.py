"""The record of a person's consent to be shown in generated videos. Knows no prompt, and not who the person is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from langit.ledger.record import Record, check_sha256

ALL = "all"
SCOPE = re.compile(r"(?:model|ability|purpose):\S(?:.*\S)?|all")


@dataclass(frozen=True)
class LikenessConsent(Record):
    """That a person agreed to be shown. Who it is is kept beside the log, where it can be erased.

    ``person`` and ``form`` are salted commitments (see ``personal``) to the person's name and to the bytes of what
    shows the consent. ``scopes`` are sorted: ``all``, or what it is for, such as ``model:pocket``, ``ability:generate``
    and ``purpose:advertising``; of every kind that is named, one has to apply. ``starts`` and ``ends``
    are ISO 8601 dates in UTC, the last day included. A Revocation of this record withdraws it.
    """

    record: ClassVar[str] = "likeness"

    person: str
    scopes: tuple[str, ...]
    starts: str
    recorded_at: str
    ends: str | None = None
    form: str | None = None

    def __post_init__(self) -> None:
        check_sha256("person", self.person)
        if self.form is not None:
            check_sha256("form", self.form)
        if not self.scopes:
            raise ValueError(
                "consent to a likeness has no scope: give what it is for, such as ability:generate, or all"
            )
        for scope in self.scopes:
            if not SCOPE.fullmatch(scope):
                raise ValueError(
                    f"scope {scope!r} of a likeness is malformed: write model:NAME, ability:NAME, purpose:WORDS or all"
                )
        if list(self.scopes) != sorted(set(self.scopes)):
            raise ValueError(f"scopes {self.scopes} of a likeness are not sorted, or repeat one: sort them")
        if ALL in self.scopes and len(self.scopes) > 1:
            raise ValueError(f"scopes {', '.join(self.scopes)} of a likeness: all includes everything, give it alone")
        for name, value in (("starts", self.starts), ("ends", self.ends)):
            if value is not None:
                _date(name, value)
        if self.ends is not None and self.ends < self.starts:
            raise ValueError(
                f"consent to a likeness ends on {self.ends}, before it starts on {self.starts}: give a later day"
            )

    def covers(self, request: dict[str, str]) -> bool:
        """Whether it is for a request, given the names of its ``model``, ``ability`` and ``purpose``."""
        if ALL in self.scopes:
            return True
        wanted: dict[str, set[str]] = {}
        for scope in self.scopes:
            kind, _, name = scope.partition(":")
            wanted.setdefault(kind, set()).add(name)
        return all(request.get(kind, "") in names for kind, names in wanted.items())

    def in_force(self, day: str) -> bool:
        """Whether it has begun and not ended on a day, ISO 8601; a revocation is not seen from here."""
        return self.starts <= day and (self.ends is None or day <= self.ends)


def _date(name: str, value: str) -> None:
    try:
        canonical = date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise ValueError(f"{name} {value!r} of a likeness is not a date: write it as 2026-11-23") from error
    if canonical != value:
        raise ValueError(f"{name} {value!r} of a likeness is {canonical}: write it so")

"""SPDX licence expressions: what AND, OR and WITH come to under a policy, and whether a statement is one at all.

Identifiers are matched without regard to case, and deprecated ones by what replaced them. A ``LicenseRef-`` means what
its author meant, so it counts only if the policy lists those very words. What cannot be read is unknown. Knows nothing
of who owns what.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache

from boolean import Expression, ParseError
from license_expression import (
    ExpressionError,
    LicenseSymbol,
    LicenseWithExceptionSymbol,
    Licensing,
    get_spdx_licensing,
)

from langit.ledger.policy import Policy
from langit.ledger.verdict import Decision, RightsVerdict

LONGEST = 1000
"""Characters of an expression: nobody states a longer one in earnest, and the parser recurses."""
FAILURES = (
    ExpressionError,
    ParseError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the parser raises over words that are not an expression; only the first two are meant to be raised."""
REFERENCES = ("licenseref-", "documentref-")
NO_LICENCE = ("NONE", "NOASSERTION")
"""What SPDX writes where there is no licence, or nobody looked."""
NEAREST = 3
_WORST_LAST = (RightsVerdict.ALLOWED, RightsVerdict.UNKNOWN, RightsVerdict.REFUSED)


def judge(expression: str, policy: Policy, named: bool) -> Decision:
    """Judge a licence expression; ``named`` says whether the creator's name is on record."""
    if len(expression) > LONGEST:
        return Decision(RightsVerdict.UNKNOWN, f"licence {expression[:40]!r}... is longer than {LONGEST} characters")
    if expression in policy.allowed or expression in policy.refused:
        return _judge_one(expression, policy, named)
    try:
        tree = Licensing().parse(expression, simple=True)
    except FAILURES:
        return Decision(RightsVerdict.UNKNOWN, f"licence {expression!r} is not an SPDX expression")
    if tree is None:
        return Decision(RightsVerdict.UNKNOWN, "the licence on record is empty")
    decision = _judge_tree(tree, policy, named)
    # "CC0-1.0 or later" parses as a choice between CC0-1.0 and a licence called "later": words that are not an
    # identifier mean that the statement was misread, so it permits nothing.
    strange = [name for name in _identifiers(tree) if name in NO_LICENCE or not _is_identifier(name, policy)]
    if strange and decision.allowed:
        return Decision(RightsVerdict.UNKNOWN, f"licence {expression!r}: {strange[0]!r} is not an SPDX identifier")
    return decision


def check_stated(expression: str) -> None:
    """Check a licence that a person states, before it is on record.

    Raises:
        ValueError: not an SPDX expression; the message names the nearest identifiers.
    """
    if not expression.strip() or len(expression) > LONGEST:
        raise ValueError(f"licence {expression[:40]!r} is empty, or longer than {LONGEST} characters: give an SPDX one")
    if expression in NO_LICENCE:
        return
    mend = "for a licence that SPDX does not list, write LicenseRef-NAME"
    try:
        tree = Licensing().parse(expression, simple=True)
    except FAILURES as error:
        raise ValueError(f"licence {expression!r} is not an SPDX expression{_suggest(expression)}; {mend}") from error
    for name in () if tree is None else _identifiers(tree):
        if name.upper() in NO_LICENCE:
            raise ValueError(f"licence {expression!r} joins {name} with others: SPDX has it alone, state one licence")
        if not _is_identifier(name, Policy()):
            raise ValueError(f"licence {name!r} is not in the SPDX list{_suggest(name)}; {mend}")


def _suggest(name: str) -> str:
    """The nearest SPDX identifiers, for a message."""
    known = {key: value for key, value in _spdx()[0].items() if key == value.lower()}
    lower = re.sub(r"[\s_]+", "-", name.strip().lower())
    # Versions sort as text; of "cc-by" people mostly mean the newest of the plain licence.
    extends = sorted((key for key in known if re.fullmatch(re.escape(lower) + r"-\d[\d.]*", key)), reverse=True)
    near = list(dict.fromkeys([*extends, *difflib.get_close_matches(lower, known, n=NEAREST, cutoff=0.6)]))[:NEAREST]
    return f": did you mean {' or '.join(known[key] for key in near)}?" if near else ""


def _identifiers(tree: Expression) -> Iterator[str]:
    """Every identifier in an expression."""
    if isinstance(tree, LicenseWithExceptionSymbol):
        yield str(tree.license_symbol.key)
        yield str(tree.exception_symbol.key)
    elif isinstance(tree, LicenseSymbol):
        yield str(tree.key)
    else:
        for part in tree.args:
            yield from _identifiers(part)


def _is_identifier(name: str, policy: Policy) -> bool:
    lower = name.lower()
    licences, exceptions = _spdx()
    listed = name in policy.allowed or name in policy.refused or name in NO_LICENCE
    return listed or lower.startswith(REFERENCES) or lower in licences or lower in exceptions


def _judge_tree(tree: Expression, policy: Policy, named: bool) -> Decision:
    if isinstance(tree, LicenseWithExceptionSymbol):
        return _judge_exception(str(tree.license_symbol.key), str(tree.exception_symbol.key), policy, named)
    if isinstance(tree, LicenseSymbol):
        return _judge_one(str(tree.key), policy, named)
    parts = [_judge_tree(part, policy, named) for part in tree.args]
    pick = min if str(tree.operator).strip().upper() == "OR" else max
    return pick(parts, key=lambda part: _WORST_LAST.index(part.verdict))


def _judge_one(stated: str, policy: Policy, named: bool) -> Decision:
    """A single identifier."""
    name = _standard(stated)
    if name in policy.refused:
        return Decision(RightsVerdict.REFUSED, f"licence {name} is refused by policy {policy.name}")
    if name not in policy.allowed:
        return Decision(RightsVerdict.UNKNOWN, f"licence {stated!r} is not on the list of policy {policy.name}")
    if name in policy.attribution and not named:
        return Decision(RightsVerdict.UNKNOWN, f"licence {name} requires the creator's name, and none is on record")
    return Decision(RightsVerdict.ALLOWED, f"licence {name} is allowed by policy {policy.name}")


def _judge_exception(stated: str, exception: str, policy: Policy, named: bool) -> Decision:
    """``X WITH Y``: an exception only adds permissions, so a known one leaves an allowed licence allowed."""
    whole = f"{_standard(stated)} WITH {exception}"
    if whole in policy.allowed or whole in policy.refused:
        return _judge_one(whole, policy, named)
    if _spdx()[1].get(exception.lower()) is None:
        return Decision(RightsVerdict.UNKNOWN, f"exception {exception!r} of licence {stated!r} is not known")
    return _judge_one(stated, policy, named)


def _standard(stated: str) -> str:
    """The current SPDX identifier for what was stated, or what was stated."""
    if stated.lower().startswith(REFERENCES):
        return stated
    return _spdx()[0].get(stated.lower(), stated)


@cache
def _spdx() -> tuple[dict[str, str], dict[str, str]]:
    """Identifiers of licences and of exceptions, by every spelling of them in lower case."""
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for key, symbol in get_spdx_licensing().known_symbols.items():
        names = found[symbol.is_exception]
        names[key.lower()] = key
        for alias in symbol.aliases:
            if not alias.lower().startswith(REFERENCES):
                names.setdefault(alias.lower(), key)
    return found

"""SPDX licence expressions against a policy: what AND, OR and WITH come to.

Identifiers are matched without regard to case, and deprecated ones by what replaced them; a ``LicenseRef-`` means what
its author meant, so that it counts only if the policy lists those very words. Whatever cannot be read is unknown.
Knows nothing of who owns what.
"""

from __future__ import annotations

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
"""What the parser raises over words that are no expression; only the first two are meant."""
REFERENCES = ("licenseref-", "documentref-")
_WORST_LAST = (RightsVerdict.ALLOWED, RightsVerdict.UNKNOWN, RightsVerdict.REFUSED)


def judge(expression: str, policy: Policy, named: bool) -> Decision:
    """Judge a licence expression; ``named`` says whether the creator's name is on record."""
    if len(expression) > LONGEST:
        return Decision(RightsVerdict.UNKNOWN, f"licence {expression[:40]!r}... is longer than {LONGEST} characters")
    if expression in policy.allowed or expression in policy.refused:
        return _one(expression, policy, named)
    try:
        tree = Licensing().parse(expression, simple=True)
    except FAILURES:
        return Decision(RightsVerdict.UNKNOWN, f"licence {expression!r} is no SPDX expression")
    if tree is None:
        return Decision(RightsVerdict.UNKNOWN, "the licence on record is empty")
    return _tree(tree, policy, named)


def _tree(tree: Expression, policy: Policy, named: bool) -> Decision:
    if isinstance(tree, LicenseWithExceptionSymbol):
        return _exception(str(tree.license_symbol.key), str(tree.exception_symbol.key), policy, named)
    if isinstance(tree, LicenseSymbol):
        return _one(str(tree.key), policy, named)
    parts = [_tree(part, policy, named) for part in tree.args]
    pick = min if str(tree.operator).strip().upper() == "OR" else max
    return pick(parts, key=lambda part: _WORST_LAST.index(part.verdict))


def _one(stated: str, policy: Policy, named: bool) -> Decision:
    """A single identifier."""
    name = _standard(stated)
    if name in policy.refused:
        return Decision(RightsVerdict.REFUSED, f"licence {name} is refused by policy {policy.name}")
    if name not in policy.allowed:
        return Decision(RightsVerdict.UNKNOWN, f"licence {stated!r} is not on the list of policy {policy.name}")
    if name in policy.attribution and not named:
        return Decision(RightsVerdict.UNKNOWN, f"licence {name} obliges us to name the creator, and none is on record")
    return Decision(RightsVerdict.ALLOWED, f"licence {name} is allowed by policy {policy.name}")


def _exception(stated: str, exception: str, policy: Policy, named: bool) -> Decision:
    """``X WITH Y``: an exception only adds permissions, so a known one leaves an allowed licence allowed."""
    whole = f"{_standard(stated)} WITH {exception}"
    if whole in policy.allowed or whole in policy.refused:
        return _one(whole, policy, named)
    if _spdx()[1].get(exception.lower()) is None:
        return Decision(RightsVerdict.UNKNOWN, f"exception {exception!r} of licence {stated!r} is not known")
    return _one(stated, policy, named)


def _standard(stated: str) -> str:
    """The current SPDX identifier for what was stated, or what was stated."""
    if stated.lower().startswith(REFERENCES):
        return stated
    return _spdx()[0].get(stated.lower(), stated)


@cache
def _spdx() -> tuple[dict[str, str], dict[str, str]]:
    """Identifiers of licences and of exceptions by what they may be written as, in lower case."""
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for key, symbol in get_spdx_licensing().known_symbols.items():
        names = found[symbol.is_exception]
        names[key.lower()] = key
        for alias in symbol.aliases:
            if not alias.lower().startswith(REFERENCES):
                names.setdefault(alias.lower(), key)
    return found

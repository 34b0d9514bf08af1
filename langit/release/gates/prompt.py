"""The prompt gate: what may be asked for. Rules and lexicons here, and a guard model or an endpoint where one is set.

Knows words in English and Indonesian, also in disguise, and which of them together mean what; it does not understand a
sentence. See docs/gates.md for how much it refuses of what it should, and of what it should not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from langit.release.gates.disguise import parted, spoken
from langit.release.gates.finding import Action, Finding
from langit.release.gates.lexicon import Hit, Lexicon, Rule, fired, lexicon
from langit.release.gates.reading import Reading, words_of

Setting = Literal["refuse", "flag", "off"]

RULES = ("sexual", "minors", "violence", "hate", "self-harm", "likeness", "election")
_BESIDE = 3  # words between "the likeness of" and the name
MEND = "describe another video; docs/gates.md explains the rule"


@dataclass(frozen=True)
class PromptConfig:
    """What follows when a rule fires, and which guard is asked besides.

    ``guard`` is empty, ``transformers:FOLDER`` (a text-classification model on this machine) or ``MODEL@URL`` (an
    OpenAI-compatible moderations endpoint). ``guard_labels`` says what follows from each of its labels or categories,
    by name; a label that is not there refuses where the endpoint itself flags the text, and else does nothing.
    A label fires from ``guard_threshold`` on. ``purpose`` is what videos are made for, which
    consents may be limited to. A child who is sexualised is refused
    whatever ``minors`` says.
    """

    sexual: Setting = "refuse"
    minors: Setting = "refuse"
    violence: Setting = "refuse"
    hate: Setting = "refuse"
    self_harm: Setting = "refuse"
    likeness: Setting = "refuse"
    election: Setting = "refuse"
    guard: str = ""
    guard_labels: tuple[str, ...] = ()
    guard_threshold: float = 0.5
    guard_timeout: float = 10.0
    purpose: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.guard_threshold <= 1:
            raise ValueError(f"guard_threshold {self.guard_threshold} is no probability: give one above 0, to 1")
        if self.guard_timeout <= 0:
            raise ValueError(f"guard_timeout {self.guard_timeout} s leaves no time to answer: give more than 0")
        self.labels()

    def of(self, rule: str) -> Setting:
        """What follows when a rule fires."""
        setting: Setting = getattr(self, rule.replace("-", "_"))
        return setting

    def labels(self) -> dict[str, Setting]:
        """``guard_labels``, each written ``label=refuse``, as a table.

        Raises:
            ValueError: one is written otherwise.
        """
        return label_settings("guard label", self.guard_labels)


def label_settings(what: str, written: Sequence[str]) -> dict[str, Setting]:
    """What follows from a model's labels, each written ``label=refuse``, ``label=flag`` or ``label=off``.

    Raises:
        ValueError: one is written otherwise; it is called ``what``.
    """
    found: dict[str, Setting] = {}
    for told in written:
        label, _, setting = told.rpartition("=")
        if not label or setting not in ("refuse", "flag", "off"):
            raise ValueError(f"{what} {told!r} does not read label=refuse, label=flag or label=off")
        found[label] = setting  # type: ignore[assignment]  # one of the three
    return found


@runtime_checkable
class Guard(Protocol):
    """Anything that reads a text and says what is wrong with it."""

    def __call__(self, text: str) -> Sequence[Finding]:
        """What it finds; an empty answer lets the text pass. A guard that cannot answer says so by a refusal."""
        ...


@runtime_checkable
class Consents(Protocol):
    """Who agreed to be shown; see ``likeness.Consents``."""

    def names(self) -> Sequence[str]:
        """Every name on record, whether or not its consent is in force."""
        ...

    def allows(self, words: Sequence[str]) -> bool:
        """Whether a person of whose name these words are has agreed to what is being made."""
        ...


def check_prompt(
    text: str,
    settings: PromptConfig | None = None,
    consents: Consents | None = None,
    guard: Guard | None = None,
) -> list[Finding]:
    """What the gate finds in one text that a model is to read.

    Args:
        text: a prompt as it was written, or as it was expanded: each is to be checked. A negative prompt is not.
        settings: what follows from each rule; all refuse if left out.
        consents: who agreed to be shown; nobody if left out.
        guard: asked besides, see :func:`langit.release.gates.guard.guard`.

    Returns:
        Findings, those that refuse first, one of each rule. :func:`finding.enforce` raises for them.
    """
    settings = settings or PromptConfig()
    found: dict[str, Finding] = {}
    for view in dict.fromkeys((text, parted(text), spoken(text))):
        for one in _rules(view, settings, consents):
            if one.rule not in found or (one.action, found[one.rule].action) == ("refuse", "flag"):
                found[one.rule] = one
    findings = [*found.values(), *(guard(text) if guard is not None else ())]
    return sorted(findings, key=lambda one: one.action != "refuse")


def _rules(text: str, settings: PromptConfig, consents: Consents | None) -> list[Finding]:
    words = lexicon()
    reading = words.read(text)
    hits = words.hits(reading)
    if consents is not None:
        hits = _consented(reading, hits, consents)
    findings = []
    for rule in words.rules:
        setting: Setting = "refuse" if rule.always else settings.of(rule.name)
        if setting == "off":
            continue
        chosen = fired(rule, hits)
        if chosen is not None:
            findings.append(Finding(rule.name, _why(rule, chosen, words.meanings), _action(setting)))
    return findings


def _action(setting: Setting) -> Action:
    assert setting != "off"
    return setting


def _why(rule: Rule, chosen: Sequence[Hit], meanings: Mapping[str, str]) -> str:
    said = " with ".join(repr(hit.shown) for hit in sorted(chosen, key=lambda hit: hit.start))
    return f"{said}: {meanings[rule.name]}"


def _is_name(hit: Hit) -> bool:
    return hit.tag in ("real-person", "real-one")


def _consented(reading: Reading, hits: Sequence[Hit], consents: Consents) -> list[Hit]:
    """The hits without those on people who agreed, and with those on people on record who have not, or no longer."""
    found: list[Hit] = []
    agreed: list[Hit] = []
    for name in consents.names():
        words = tuple(name.split())
        (agreed if consents.allows(words) else found).extend(Lexicon.find(reading, words, "real-person"))
    for hit in hits:
        if _is_name(hit) and consents.allows(words_of(hit.shown)):
            agreed.append(hit)
        else:
            found.append(hit)
    # "in the likeness of NAME" is what NAME agreed to.
    return [
        hit
        for hit in found
        if hit.tag not in ("faking", "resembling")
        or not any(hit.start <= one.start <= hit.end + _BESIDE for one in agreed)
    ]

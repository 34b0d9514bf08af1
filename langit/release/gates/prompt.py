"""The prompt gate decides what may be asked for: rules and a lexicon, a learnt classifier, and a guard if configured.

Rules know words of English and Indonesian, also in disguise, and which combinations mean something bad. The classifier
reads what they let through. docs/gates.md reports how many bad prompts are refused, and how many harmless ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

from langit.release.gates.classifier import GateReading, shipped_classifier
from langit.release.gates.disguise import split_at_invisible, transliterate
from langit.release.gates.finding import Action, Finding
from langit.release.gates.lexicon import PERSON, GateRule, Lexicon, LexiconHit, lexicon, match_rule
from langit.release.gates.names import NameIndex
from langit.release.gates.reading import TextLattice, name_words
from langit.release.gates.roles import ended_by_rescue, has_harmless_object, victim_of

Setting = Literal["refuse", "flag", "off"]

RULES = ("sexual", "minors", "violence", "hate", "self-harm", "likeness", "election")
CLASSIFIER = "classifier"  # the name of the learnt classifier among the rules
_CERTAIN = ("likeness",)  # rules that the classifier cannot overrule: it knows no names
_LIKENESS_REACH = 3  # words between "the likeness of" and the name
_VICTIMS = ("person", "child", "animal", "people")  # tags of those whom a verb can hurt
_HARM = ("hurt", "kill", "maltreated", "cruel")  # tags of verbs that need a victim
MEND = "describe another video; docs/gates.md explains the rule"


@dataclass(frozen=True)
class PromptConfig:
    """Settings of the prompt gate: an action for each category of bad prompts, and an optional guard.

    classifier: whether the learnt classifier refuses what it takes for one of the categories that refuse.
    classifier_threshold: the probability from which it does; 0 for the one that it was calibrated to.
    guard: empty, ``transformers:FOLDER`` (a text classifier on this machine) or ``MODEL@URL`` (an OpenAI-compatible
        moderations endpoint).
    guard_labels: the action for each of its labels. Of an endpoint's other categories, those that it flags refuse.
    guard_threshold: the score from which a label counts.
    guard_timeout: seconds to wait for an endpoint.
    purpose: what the videos are for; consents may be limited to a purpose.

    A sexualised child is refused whatever the settings say.
    """

    sexual: Setting = "refuse"
    minors: Setting = "refuse"
    violence: Setting = "refuse"
    hate: Setting = "refuse"
    self_harm: Setting = "refuse"
    likeness: Setting = "refuse"
    election: Setting = "refuse"
    classifier: Setting = "refuse"
    classifier_threshold: float = 0.0
    guard: str = ""
    guard_labels: tuple[str, ...] = ()
    guard_threshold: float = 0.5
    guard_timeout: float = 10.0
    purpose: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.guard_threshold <= 1:
            raise ValueError(f"guard_threshold {self.guard_threshold} is not a probability: use one above 0, up to 1")
        if not 0 <= self.classifier_threshold <= 1:
            raise ValueError(
                f"classifier_threshold {self.classifier_threshold} is not a probability: use one above 0, up to 1, or 0"
                " for the calibrated one"
            )
        if self.guard_timeout <= 0:
            raise ValueError(f"guard_timeout {self.guard_timeout} s leaves no time to answer: use more than 0")
        self.labels()

    def of(self, rule: str) -> Setting:
        """The action of a category."""
        setting: Setting = getattr(self, rule.replace("-", "_"))
        return setting

    def labels(self) -> dict[str, Setting]:
        """``guard_labels`` as a table.

        Raises:
            ValueError: one does not read ``label=action``.
        """
        return label_settings("guard label", self.guard_labels)


def label_settings(what: str, written: Sequence[str]) -> dict[str, Setting]:
    """Parse ``label=refuse``, ``label=flag`` and ``label=off``; ``what`` names them in errors.

    Raises:
        ValueError: an entry has another form.
    """
    actions: dict[str, Setting] = {}
    for entry in written:
        label, _, setting = entry.rpartition("=")
        if not label or setting not in ("refuse", "flag", "off"):
            raise ValueError(f"{what} {entry!r} does not read label=refuse, label=flag or label=off")
        actions[label] = setting  # type: ignore[assignment]  # one of the three
    return actions


@runtime_checkable
class Guard(Protocol):
    """Anything that reads a text and reports what is wrong with it."""

    def __call__(self, text: str) -> Sequence[Finding]:
        """Findings; none lets the text pass. A guard that cannot answer returns a refusal."""
        ...


@runtime_checkable
class ConsentLookup(Protocol):
    """The consents in force for one video; see ``likeness.Consents``."""

    def names(self) -> Sequence[str]:
        """Every name on record, whether or not its consent is in force."""
        ...

    def allowing(self, words: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """The names of people who agreed to this video that have all these words."""
        ...


def judge_prompt(
    text: str,
    settings: PromptConfig | None = None,
    consents: ConsentLookup | None = None,
    guard: Guard | None = None,
) -> list[Finding]:
    """Judge one text that a model is to read.

    Args:
        text: a prompt as written, or as expanded; judge both.
        settings: the action of each category; by default all refuse.
        consents: who agreed to be shown; by default nobody.
        guard: an additional judge, see :func:`langit.release.gates.guard.load_guard`.

    Returns:
        Findings, one for each rule, those that refuse first. :func:`finding.enforce` raises for them.
    """
    settings = settings or PromptConfig()
    found: dict[str, Finding] = {}
    for view in dict.fromkeys((text, split_at_invisible(text), transliterate(text))):
        for one in _judge_view(view, settings, consents):
            if one.rule not in found or (one.action, found[one.rule].action) == ("refuse", "flag"):
                found[one.rule] = one
    findings = [*found.values(), *(guard(text) if guard is not None else ())]
    return sorted(findings, key=lambda one: one.action != "refuse")


def _judge_view(text: str, settings: PromptConfig, consents: ConsentLookup | None) -> list[Finding]:
    """Findings of the rules. The classifier acquits some of what they refuse, and reads what they let through."""
    words = lexicon()
    lattice = words.read(text)
    written = words.hits(lattice)
    hits, agreed = _read_roles(lattice, written), frozenset[int]()
    if consents is not None:
        hits, agreed = _apply_consents(lattice, hits, consents)
    findings: list[Finding] = []
    certain = False  # whether a rule refuses that gives way to nothing
    for rule in words.rules:
        setting: Setting = "refuse" if rule.always else settings.of(rule.name)
        if setting == "off":
            continue
        chosen = match_rule(rule, hits, lattice.sentence)
        if chosen is not None:
            findings.append(Finding(rule.name, _explain(rule, chosen, words.meanings), _action(setting)))
            sure = rule.always or rule.name in _CERTAIN or any(map(_is_disguised, chosen))
            certain |= setting == "refuse" and sure
    refused = any(one.action == "refuse" for one in findings)
    if certain or (refused and settings.classifier != "refuse"):
        return findings
    reading = shipped_classifier()(lattice, written, agreed)
    if refused:
        return [_acquit(one) if one.action == "refuse" else one for one in findings] if reading.acquits else findings
    known = {one.rule for one in findings} | ({"likeness"} if agreed else set())
    return findings + _classify(reading, settings, known)


def _is_disguised(hit: LexiconHit) -> bool:
    """Whether a phrase was written with digits or signs for letters, or with its letters apart."""
    words = hit.shown.split()
    return not all(word.isalpha() or word.isdecimal() for word in words) or sum(len(word) == 1 for word in words) > 2


def _acquit(finding: Finding) -> Finding:
    """A rule's refusal as a note: the classifier is sure that its words mean something harmless here."""
    return replace(finding, why=f"{finding.why}; the classifier takes it for harmless", action="flag")


def _classify(reading: GateReading, settings: PromptConfig, known: Collection[str]) -> list[Finding]:
    """The classifier's finding, if it is sure enough of those categories that are neither off nor ``known``."""
    if settings.classifier == "off":
        return []
    threshold = settings.classifier_threshold or reading.threshold
    asked = [name for name in RULES if name not in known and settings.of(name) != "off"]
    refusing = [name for name in asked if settings.of(name) == "refuse" and settings.classifier == "refuse"]
    choices: tuple[tuple[Action, list[str]], ...] = (("refuse", refusing), ("flag", asked))
    for action, names in choices:
        score = sum(reading.chances[name] for name in names)
        if names and score >= threshold:
            category = max(names, key=lambda name: reading.chances[name])
            why = f"a learnt classifier, which may err, takes it for {category} with a score of {score:.2f}"
            return [Finding(CLASSIFIER, why, action, round(score, 4))]
    return []


def _read_roles(lattice: TextLattice, hits: Sequence[LexiconHit]) -> list[LexiconHit]:
    """Drop verbs that hurt nobody here, and what somebody is rescued from."""
    victims = [(hit.start, hit.end) for hit in hits if hit.tag in _VICTIMS]
    kinds = {hit.start: hit.tag for hit in hits if hit.tag in _VICTIMS}
    kinds |= {hit.start: "child" for hit in hits if hit.tag == "child"}
    read: list[LexiconHit] = []
    for hit in hits:
        if ended_by_rescue(lattice, hit.tag, hit.start):
            continue
        if hit.tag in _HARM and has_harmless_object(lattice, hit.start, hit.end, victims):
            continue
        read.append(hit)
        if hit.tag == "harm":
            victim = victim_of(lattice, hit.start, hit.end, kinds)
            if victim is not None:
                kind = "person" if victim == "people" else victim
                read.append(replace(hit, tag=f"harmed-{kind}"))
                if kind != "animal" and any(one.tag == "deadly" and one.start == hit.start for one in hits):
                    read.append(replace(hit, tag="slain"))
    return read


def _action(setting: Setting) -> Action:
    assert setting != "off"
    return setting


def _explain(rule: GateRule, chosen: Sequence[LexiconHit], meanings: Mapping[str, str]) -> str:
    quoted = " with ".join(repr(hit.shown) for hit in sorted(chosen, key=lambda hit: hit.start))
    return f"{quoted}: {meanings[rule.name]}"


def _is_name(hit: LexiconHit) -> bool:
    return hit.tag in (PERSON, "real-one")


def _agrees(hit: LexiconHit, consents: ConsentLookup) -> bool:
    """Whether the person whom a name means has agreed.

    A listed surname alone means the listed person: "Obama" is not Anna Obama, who agreed.
    """
    listed = lexicon().people.exact
    words = name_words(hit.shown)
    return any(set(words) >= set(name) or name in listed for name in consents.allowing(words))


def _apply_consents(
    lattice: TextLattice, hits: Sequence[LexiconHit], consents: ConsentLookup
) -> tuple[list[LexiconHit], frozenset[int]]:
    """Drop hits of people who agreed; add hits of people on record who have not, or not any more.

    Returns:
        The hits, and the places of the words that consents permit: names, and "the likeness of" before them.
    """
    found: list[LexiconHit] = []
    agreed: list[LexiconHit] = []
    refusing = NameIndex()
    for name in consents.names():
        words = tuple(name.split())
        allowed = words in consents.allowing(words)
        (agreed if allowed else found).extend(Lexicon.find(lattice, words, PERSON))
        if not allowed:
            refusing.add(words)
    misspelt = refusing.misspelt(lattice.pieces, ())
    found += [LexiconHit(a, b, PERSON, " ".join(lattice.pieces[a:b])) for a, b in misspelt]
    for hit in hits:
        (agreed if _is_name(hit) and _agrees(hit, consents) else found).append(hit)
    # a name inside the name of somebody who agreed is part of that one: "Obama" in "Anna Obama"
    found = [
        hit
        for hit in found
        if not (_is_name(hit) and any(one.start <= hit.start and hit.end <= one.end for one in agreed))
    ]
    # "in the likeness of NAME" is exactly what NAME agreed to
    kept = [
        hit
        for hit in found
        if hit.tag not in ("faking", "resembling")
        or not any(hit.start <= one.start <= hit.end + _LIKENESS_REACH for one in agreed)
    ]
    permitted = [*agreed, *(hit for hit in found if hit not in kept)]
    return kept, frozenset(place for hit in permitted for place in range(hit.start, hit.end))

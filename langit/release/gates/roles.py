"""Who does what to whom: the object of an ambiguous verb, and what a rescue saves from. English and Indonesian.

A shallow reading: the object of "shoot" is the first noun after it, within the clause. Knows no grammar beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from langit.release.gates.reading import TextLattice
from langit.release.gates.stems import english_stems, indonesian_stems

# verbs that hurt somebody only if somebody is their object: children shoot marbles, a team beats its rival
_AMBIGUOUS_VERBS = (
    "shoot shooter hit strike beat beating kick punch burn cut throw push crush choke knock smash slap drop kill"
    " execute hang attack drown poison blow tembak pukul tendang lempar potong bakar injak tusuk serang dorong hantam"
    " gantung bunuh racun buang"
)
_DETERMINER_WORDS = (
    "a an the his her their its my your our this that these those some any every each another one two three several"
    " many all both more other up down away hard again back seorang sebuah seekor para si sang itu ini semua dua tiga"
    " beberapa"
)
_ONTO_WORDS = "at on into onto upon against ke kepada pada terhadap"  # prepositions before an object
_BOUNDARY_WORDS = (
    "and or but then while when as with by for from in of over under near beside through during before after until who"
    " which because so to off out across along around like behind inside outside without dan atau lalu kemudian sambil"
    " saat ketika dengan oleh untuk dari di yang karena hingga sampai sebelum sesudah agar supaya dalam"
)
_PROJECTILE_WORDS = (
    "bullet arrow stone rock brick knife spear grenade acid bomb molotov dart bottle axe rocket missile peluru panah"
    " batu pisau tombak granat bom botol"
)
_RESCUE_VERBS = (
    "save rescue protect treat heal free evacuate shelter comfort bandage resuscitate tolong selamat rawat obat"
    " evakuasi lindung bebas"
)
_AMBIGUOUS, _DETERMINERS = frozenset(_AMBIGUOUS_VERBS.split()), frozenset(_DETERMINER_WORDS.split())
_ONTO, BOUNDARIES = frozenset(_ONTO_WORDS.split()), frozenset(_BOUNDARY_WORDS.split())
_PROJECTILES, _RESCUE = frozenset(_PROJECTILE_WORDS.split()), frozenset(_RESCUE_VERBS.split())
_AGENT = re.compile(r"[a-z]{3,}(?:er|or|ist|man|men|woman|women|ian|ant|eer|ast|mate|guard|folk|boy|girl)s?")
_THING_WORDS = (
    "water paper butter letter number door floor corner river tower flower hammer ladder poster printer meter"
    " finger shoulder computer color colour mirror motor plant elephant mountain curtain tractor trailer"
    " container counter cover helicopter layer lever liver power rubber feather leather powder fiber fibre sugar"
    " list mist twist fist breast chest coast toast roast feast beast east yeast mast post dust air monitor"
    " sensor reactor anchor armor armour odor harbor harbour vapor humor record error terror horror mower shower"
    " dinner supper pepper ginger timber lumber cucumber boulder ladder border cylinder fender gender order"
    " shelter filter litter center centre quarter poster toaster coaster cluster plaster roller boiler cooler"
    " dryer drawer answer wonder thunder"
)
_THINGS = frozenset(_THING_WORDS.split())
_TOYS = frozenset("doll toy dummy statue puppet figure game costume mask suit robot painting picture".split())  # noqa: SIM905
_PARTICIPLES = frozenset(
    "shot hung beaten thrown burnt slain cut hit bound bitten crushed torn run struck stuck driven".split()  # noqa: SIM905
)
_AFTERMATH = frozenset(("hurt", "kill", "maltreated", "danger", "means", "wreck"))  # tags of what a rescue ends


def has_harmless_object(lattice: TextLattice, start: int, end: int, victims: Sequence[tuple[int, int]]) -> bool:
    """Whether an ambiguous verb at start..end has an object that is neither a person nor an animal.

    Args:
        lattice: the text.
        start: where the verb begins.
        end: where it ends.
        victims: spans of the text that mean persons or animals.
    """
    if end != start + 1 or not _AMBIGUOUS & _stems(lattice, start) or _is_passive(lattice, start):
        return False
    place = end
    while place < len(lattice.pieces) and lattice.sentence[place] == lattice.sentence[start]:
        word = lattice.pieces[place].casefold()
        span = next((span for span in victims if span[0] == place), None)
        possessive = word in ("her", "his", "its", "their", "my", "your")
        if span is not None and not (possessive and _goes_on(lattice, place + 1)):
            return False
        if word in BOUNDARIES:
            return False  # the verb has no object
        if word in _DETERMINERS or word in _ONTO:
            place += 1
            continue
        if not _goes_on(lattice, place + 1):
            # the head noun: a thing, unless it is shot or thrown at somebody
            at_somebody = any(place < first <= place + 4 for first, _ in victims)
            return not (at_somebody and bool(_PROJECTILES & _stems(lattice, place)))
        place += 1
    return False


def ended_by_rescue(lattice: TextLattice, tag: str, start: int) -> bool:
    """Whether a hit describes what somebody is saved from: "saves a child from a burning house"."""
    if tag not in _AFTERMATH:
        return False
    for place in range(start - 1, max(-1, start - 9), -1):
        word = lattice.pieces[place].casefold()
        if lattice.sentence[place] != lattice.sentence[start] or word in ("and", "then", "while", "dan", "lalu", "but"):
            return False
        if _RESCUE & _stems(lattice, place):
            return True
    return False


def victim_of(lattice: TextLattice, start: int, end: int, kinds: Mapping[int, str]) -> str | None:
    """Whom a verb at start..end hurts: the tag of its object, or of its subject if the verb is passive.

    Args:
        lattice: the text.
        start: where the verb begins.
        end: where it ends.
        kinds: for places where a phrase for a person or an animal begins, its tag.
    """
    if start and lattice.pieces[start - 1].casefold() in ("a", "an", "the"):
        return None  # a noun: "the attack", "a shot"
    if _is_passive(lattice, start) or _is_reduced_passive(lattice, start, end):
        return _subject(lattice, start, kinds)
    place, sentence = end, lattice.sentence[start]
    while place < min(len(lattice.pieces), end + 6) and lattice.sentence[place] == sentence:
        word = lattice.pieces[place].casefold()
        if word in BOUNDARIES:
            return None
        possessive = word in ("her", "his", "its", "their", "my", "your")
        last = not _goes_on(lattice, place + 1)
        if place in kinds and not (possessive and not last):
            # "farm animals", "child actor": a compound is what its last noun says; a toy is no victim
            toy = _TOYS & _stems(lattice, min(place + 1, len(lattice.pieces) - 1))
            # animals hunt each other
            wild = kinds[place] == "animal" and _subject(lattice, start, kinds) == "animal"
            return None if toy or wild else kinds[place]
        if word not in _DETERMINERS and word not in _ONTO and last:
            return "person" if _names_a_person(word) else None
        place += 1
    return None


def _subject(lattice: TextLattice, start: int, kinds: Mapping[int, str]) -> str | None:
    for place in range(start - 1, max(-1, start - 9), -1):
        if lattice.sentence[place] != lattice.sentence[start]:
            return None
        if place in kinds and lattice.pieces[place].casefold() not in ("her", "his", "their"):
            return kinds[place]
        if lattice.pieces[place].casefold() in ("and", "while", "then", "dan", "lalu", "sambil"):
            return None
    return None


def _names_a_person(word: str) -> bool:
    """Whether an unknown noun looks like an agent: "commuters", "gymnast"."""
    return _AGENT.fullmatch(word) is not None and not _THINGS & english_stems(word)


def _is_reduced_passive(lattice: TextLattice, start: int, end: int) -> bool:
    """Whether a participle follows its noun: "a boy kicked by his father"."""
    word = lattice.pieces[start].casefold()
    participle = word.endswith("ed") or word in _PARTICIPLES
    following = lattice.pieces[end].casefold() if end < len(lattice.pieces) else ""
    return participle and following in ("", "by", "with", "until", "in", "and", "to", "on", "while", "from", "against")


def _stems(lattice: TextLattice, place: int) -> frozenset[str]:
    word = lattice.pieces[place].casefold()
    return english_stems(word) | indonesian_stems(word)


def _is_passive(lattice: TextLattice, place: int) -> bool:
    word = lattice.pieces[place].casefold()
    before = lattice.pieces[place - 1].casefold() if place else ""
    return before in ("is", "are", "was", "were", "being", "been", "be", "gets", "got", "getting") or word.startswith(
        "di"
    )


def _goes_on(lattice: TextLattice, place: int) -> bool:
    """Whether the noun phrase continues: no boundary, preposition or determiner stands at the place."""
    if place >= len(lattice.pieces) or lattice.sentence[place] != lattice.sentence[place - 1]:
        return False
    word = lattice.pieces[place].casefold()
    return word not in BOUNDARIES and word not in _ONTO and word not in _DETERMINERS

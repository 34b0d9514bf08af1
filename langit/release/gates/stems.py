"""Candidate stems of English and Indonesian words.

Returns all candidates, wrong ones too: "membunuh" may come from "bunuh" or from "munuh". A lexicon contains the right
one. Knows affixes, not words.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SHORTEST = 3  # letters of a stem
_DOUBLES_CONSONANT = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]")
"""Stems that double their last letter before an ending: "striped" comes from "stripe", since "strip" has "stripped"."""

# nasal prefixes, each with the first letters of a stem that it may have replaced
_NASAL = (
    ("meny", ("s",)), ("peny", ("s",)), ("ny", ("s",)),
    ("menge", ("",)), ("penge", ("",)), ("nge", ("",)),
    ("meng", ("", "k")), ("peng", ("", "k")), ("ng", ("", "k")),
    ("mem", ("", "p")), ("pem", ("", "p")),
    ("men", ("", "t")), ("pen", ("", "t")),
    ("me", ("",)), ("pe", ("",)),
    ("m", ("p",)), ("n", ("t",)), ("ny", ("s",)), ("ny", ("c",)),
)  # fmt: skip
_PLAIN = ("diper", "memper", "keter", "keber", "ber", "ter", "per", "di", "ke", "se", "ku", "kau", "be", "te")
_CLITICS = ("nya", "lah", "kah", "pun", "ku", "mu")
_ENDINGS = ("kan", "in", "an", "i")


_IRREGULAR_FORMS = (
    "took:take taken:take wore:wear worn:wear ate:eat eaten:eat gave:give given:give made:make went:go"
    " gone:go slept:sleep drank:drink drunk:drink hung:hang fell:fall fallen:fall threw:throw thrown:throw"
    " drove:drive driven:drive bit:bite bitten:bite hid:hide hidden:hide stole:steal stolen:steal beaten:beat"
    " slew:slay slain:slay burnt:burn lay:lie left:leave held:hold ran:run blew:blow blown:blow broke:break"
    " broken:break tore:tear torn:tear woke:wake woken:wake sent:send told:tell taught:teach bought:buy"
    " brought:bring caught:catch fought:fight sold:sell stood:stand lit:light fed:feed bled:bleed met:meet"
    " kept:keep dug:dig struck:strike sank:sink sunk:sink swam:swim rose:rise saw:see seen:see knew:know"
    " known:know grew:grow drew:draw drawn:draw flew:fly said:say paid:pay lost:lose found:find wrote:write"
    " written:write forbidden:forbid dying:die dies:die lying:lie tying:tie goes:go does:do men:man women:woman"
    " children:child wives:wife knives:knife thieves:thief"
)
_IRREGULAR = dict(pair.split(":") for pair in _IRREGULAR_FORMS.split())


@lru_cache(maxsize=16384)
def english_stems(word: str) -> frozenset[str]:
    """The word and its possible stems: "stabbing" gives "stab", "raped" gives "rape", "took" gives "take"."""
    found = {word, _IRREGULAR.get(word, word)}
    if word.endswith("s") and not word.endswith("ss"):
        found.add(word[:-1])
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            found.add(word[:-2])
        if word.endswith("ies"):
            found.add(word[:-3] + "y")
        if word.endswith("ves"):
            found |= {word[:-3] + "f", word[:-3] + "fe"}
    if word.endswith("ied"):
        found.add(word[:-3] + "y")
    for ending in ("ing", "ed", "in"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST - 1:
            base = word[: -len(ending)]
            if len(base) >= _SHORTEST and not _DOUBLES_CONSONANT.fullmatch(base):
                found.add(base)
            if len(base) >= _SHORTEST + 1:
                found |= {base[:-1]} if base[-1] == base[-2] else set()
            if ending != "in":
                found.add(base + "e")
    return frozenset(one for one in found if len(one) >= 2)


@lru_cache(maxsize=16384)
def indonesian_stems(word: str) -> frozenset[str]:
    """The word and its possible stems: "menembakinya" gives "tembak", "diperkosa" gives "perkosa"."""
    ends = {word}
    ends |= {word[: -len(clitic)] for clitic in _CLITICS if word.endswith(clitic)}
    ends |= {one[: -len(ending)] for one in tuple(ends) for ending in _ENDINGS if one.endswith(ending)}
    found = set(ends)
    for one in ends:
        found |= _without_prefix(one)
    for one in tuple(found):
        if len(one) > 6:
            found |= _without_prefix(one)
    # prepositions such as "di" and "ke" are short and have no affix
    return frozenset((word, *(one for one in found if len(one) >= _SHORTEST)))


def _without_prefix(word: str) -> set[str]:
    found = {word[len(prefix) :] for prefix in _PLAIN if word.startswith(prefix)}
    for prefix, taken in _NASAL:
        if word.startswith(prefix):
            found |= {letter + word[len(prefix) :] for letter in taken}
    return {one for one in found if len(one) > _SHORTEST}

"""Undoes disguises of letters: removes invisible characters and maps look-alike letters to to_latin Latin ones.

Knows letters, not words. Everything that looks like a Latin letter becomes that letter, which turns other scripts into
nonsense: the result serves to find disguised Latin words, not to read Russian.
"""

from __future__ import annotations

import re
import unicodedata

_BLANK = "\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0"
"""Letters and symbols by their Unicode category that nevertheless show nothing."""

_LOOK_ALIKE = (
    # Cyrillic
    "аa вb сc ԁd еe ғf ԍg һh іi јj кk ӏl мm нh оo рp ԛq гr ѕs тt υu ѵv ԝw хx уy ўy зz ӡz бb пn иu юo яr ѡw ґr"
    " ҡk ҝk ңh ұy"
    " АA ВB СC ԀD ЕE ҒF ԌG НH ІI ЈJ КK ӀI МM ОO РP ԚQ ГR ЅS ТT ѴV ԜW ХX УY ЗZ БB ПN ИU ЯR ҮY ҰY ҺH"
    # Greek
    " αa βb ϲc δd εe ϝf ϐb γy ηn ιi ϳj κk λl μu νv οo ρp σo τt υu ωw χx ψy ζz ςs ϕo ϵe ϱp ϰk"
    " ΑA ΒB ϹC ΕE ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ΖZ ΣE ΛA ΩO"
    # Armenian, Cherokee, Coptic, Lisu and others that look like Latin letters
    " աw ցg հh յj ոn սu օo զq ցg ղn ՏS ՍU ՕO ԼL տu ք p"
    " ᎪA ᏴB ᏟC ᎠD ᎬE ᎻH ᎥI ᎫJ ᏦK ᏞL ᎷM ᏢP ᎡR ᏚS ᎢT ᏙV ᎳW ᏃZ ᏀG Ꭹy Ꭰd ꭰd ꮓz ꮪs ꮯc ꮮl ꮇm ꮲp ꭲt ꭱr"
    " ⲁa ⲃb ⲥc ⲉe ⲏh ⲓi ⲕk ⲙm ⲛn ⲟo ⲣp ⲧt ⲩy ⲭx ⲍz"
    " ꓮA ꓐB ꓚC ꓓD ꓰE ꓝF ꓖG ꓧH ꓲI ꓙJ ꓗK ꓡL ꓟM ꓠN ꓳO ꓑP ꓣR ꓢS ꓔT ꓴU ꓦV ꓪW ꓫX ꓬY ꓜZ"
    # Latin letters that NFKD does not decompose, and signs
    " ıi ȷj ɑa ɐa ɒa ʙb ɓb ƀb ᴄc ɕc đd ɖd ɗd ɘe əe ɛe ɜe ǝe ƒf ɡg ɢg ɠg ħh ɦh ʜh ɨi ɪi ɩi ʝj ɟj ʞk ƙk ɫl ɭl ʟl"
    " ɬl łl ƚl ɯm ɱm"
    " ɲn ɳn ɴn ŋn ɔo øo ɵo ƥp þp ʀr ɹr ɾr ɽr ʁr ʂs ʃs ƨs ʇt ʈt ŧt ƭt ʉu ʊu ʋv ʌv ʍw ɣy ʎy ʏy ƴy ʐz ʑz ƶz"
    " ÐD ĐD ĦH ŁL ŊN ØO ƠO ÞP ŦT ƁB ƉD ƐE ƑF ƓG ƗI ƘK ƝN ƟO ƤP ƬT ƲU ƳY ȺA ȻC ɃB ɄU ɅV ɆE ɈJ ɌR ɎY"
    " ℮e ℓl ℯe ℴo ∂d ∅o ⊙o ∪u ∨v ∧a ∑e ∏n ∆a ∇v ⋁v ⍳i ⍺a ○o ●o ◯o ☺o ❌x ✕x ✖x ✝t †t ‡t ∩n ∈e ⊂c ⊃d ∣l │l ǀl ׀l ן l"
)
_NAMED = re.compile(
    r"(?:LATIN (?:SMALL|CAPITAL) LETTER|LATIN LETTER SMALL CAPITAL|MODIFIER LETTER (?:SMALL|CAPITAL)|"
    r"LATIN SUBSCRIPT SMALL LETTER|COMBINING LATIN SMALL LETTER|"
    r"(?:(?:PARENTHESIZED|CIRCLED|NEGATIVE CIRCLED|SQUARED|NEGATIVE SQUARED|CROSSED NEGATIVE SQUARED|FULLWIDTH|"
    r"DOUBLE-STRUCK ITALIC|TAG) )+LATIN (?:SMALL|CAPITAL) LETTER|REGIONAL INDICATOR SYMBOL LETTER) "
    r"(?:REVERSED |TURNED )?"
    r"([A-Z])(?: WITH .*)?"
)


class _LatinCache(dict[int, str]):
    """A cache from code points to what they are read as."""

    def __init__(self) -> None:
        super().__init__()
        for pair in _LOOK_ALIKE.replace("ք p", "քp").replace("ן l", "ןl").split():
            self[ord(pair[0])] = pair[1]

    def __missing__(self, code: int) -> str:
        self[code] = _latin_for(chr(code))
        return self[code]


def _latin_for(letter: str) -> str:
    if letter.isascii():
        return letter if letter.isprintable() or letter.isspace() else ""
    if letter.isspace():
        return " "
    if letter in _BLANK:
        return ""
    category = unicodedata.category(letter)
    named = _NAMED.fullmatch(unicodedata.name(letter, ""))
    if named is not None:
        capital = "CAPITAL LETTER" in unicodedata.name(letter)
        return named[1] if capital else named[1].lower()
    if category in ("Cf", "Mn", "Me", "Mc", "Cc", "Cs", "Cn", "Co") or "VARIATION SELECTOR" in unicodedata.name(
        letter, ""
    ):
        return ""
    return letter


_LATIN = _LatinCache()
LOOK_ALIKES = {chr(code): letter for code, letter in _LATIN.items()}
"""Letters of other scripts and signs, each with the Latin letter that it is read as; the tests use them."""


def to_latin(text: str) -> str:
    """The text in to_latin Latin letters; capitals stay. Its length may change."""
    if text.isascii() and text.isprintable():
        return text
    once = unicodedata.normalize("NFKD", text.translate(_LATIN))
    return once.translate(_LATIN).replace("⁄", "/")


_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў"
_SOUND = "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh sh - y - e yu ya i i e g u"
_SOUNDS = {ord(letter): sound.strip("-") for letter, sound in zip(_CYRILLIC, _SOUND.split(), strict=True)}


def transliterate(text: str) -> str:
    """The text with Cyrillic letters transliterated by sound, for names such as "Трамп"."""
    low = text.lower() if any("\u0400" <= letter <= "\u04ff" for letter in text) else text
    return low.translate(_SOUNDS)


def split_at_invisible(text: str) -> str:
    """The text with a space for every invisible character, which may have been used to join words."""
    return "".join(
        " " if not letter.isascii() and _LATIN[ord(letter)] == "" and _is_format(letter) else letter for letter in text
    )


def _is_format(letter: str) -> bool:
    return letter in _BLANK or (unicodedata.category(letter) in ("Cf", "Cc") and not letter.isspace())

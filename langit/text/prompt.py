"""Checks of a prompt's form before anything reads it: encoding, length, words, script. Knows no model and no world."""

from __future__ import annotations

import unicodedata

from langit.text.vocabulary import script_of

LONGEST = 1000  # characters
# embeddings, overrides and isolates (Unicode Standard Annex 9): they can make a text look like another one
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LATIN = frozenset({"LATIN"})


def check_form(prompt: str, longest: int | None = LONGEST) -> None:
    """Refuse a text that is no prompt in any language; ``longest`` is in characters, None for any length.

    Raises:
        ValueError: the prompt is not valid Unicode, has control characters or no words, or is too long.
    """
    # surrogates stand for bytes of the command line that were not UTF-8 (PEP 383)
    if any("\ud800" <= letter <= "\udfff" for letter in prompt):
        raise ValueError(f"the prompt {prompt[:40]!r} is not valid UTF-8: type it again")
    hidden = next((letter for letter in prompt if _is_control(letter)), None)
    if hidden is not None:
        raise ValueError(
            f"the prompt {prompt[:40]!r} has the control character U+{ord(hidden):04X}: remove it, or type it again"
        )
    plain = _plain(prompt)
    if not any(letter.isalnum() for letter in plain):
        raise ValueError(
            f"the prompt {prompt[:40]!r} has no words: describe the video, for example 'a red ball on snow'"
        )
    if longest is not None and len(plain) > longest:
        raise ValueError(f"the prompt has {len(plain)} characters: shorten it to {longest} or fewer")


def normalize_prompt(prompt: str) -> str:
    """Return the prompt in Unicode's form NFKC with single spaces, in whatever script it is written.

    Raises:
        ValueError: the prompt is not valid Unicode, has control characters or no words, or is longer than LONGEST.
    """
    check_form(prompt)
    return _plain(prompt)


def _plain(prompt: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", prompt).split())


def _is_control(letter: str) -> bool:
    """Whether a character controls a terminal or the direction of text; tabs and new lines are white space."""
    return (unicodedata.category(letter) == "Cc" and not letter.isspace()) or letter in _BIDI


def check_prompt(prompt: str, scripts: frozenset[str] | None = LATIN) -> str:
    """Return the normalized prompt if a model can read its letters.

    Args:
        prompt: as a person wrote it.
        scripts: what the model reads, see `Vocabulary.scripts`; None for any script.

    Raises:
        ValueError: see `normalize_prompt`; or a letter is of another script.
    """
    plain = normalize_prompt(prompt)
    if scripts is None:
        return plain
    for letter in plain:
        # ASCII digits have no script of their own: their names begin with "DIGIT"
        if letter.isalnum() and not letter.isascii() and script_of(letter) not in scripts:
            known = " and ".join(sorted(script.title() for script in scripts))
            raise ValueError(
                f"the prompt has {script_of(letter).title()} letters ({letter!r}) and this model reads {known} ones:"
                " translate it, or use --expand embedded if it is Japanese or Chinese"
            )
    return plain

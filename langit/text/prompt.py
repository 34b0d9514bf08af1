"""Checks of a prompt's form before anything reads it: encoding, length, words, script. Knows no model and no world."""

from __future__ import annotations

import unicodedata

from langit.text.vocabulary import script_of

LONGEST = 1000  # characters
LATIN = frozenset({"LATIN"})


def normalize_prompt(prompt: str) -> str:
    """Return the prompt in Unicode's form NFKC with single spaces, in whatever script it is written.

    Raises:
        ValueError: the prompt is not valid Unicode, has no words, or is longer than LONGEST characters.
    """
    # surrogates stand for bytes of the command line that were not UTF-8 (PEP 383)
    if any("\ud800" <= letter <= "\udfff" for letter in prompt):
        raise ValueError(f"the prompt {prompt[:40]!r} is not valid UTF-8: type it again")
    plain = " ".join(unicodedata.normalize("NFKC", prompt).split())
    if not any(letter.isalnum() for letter in plain):
        raise ValueError(
            f"the prompt {prompt[:40]!r} has no words: describe the video, for example 'a red ball on snow'"
        )
    if len(plain) > LONGEST:
        raise ValueError(f"the prompt has {len(plain)} characters: shorten it to {LONGEST} or fewer")
    return plain


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
                " translate it, or let --expand embedded do so"
            )
    return plain

"""What to tell a person about their prompt before a model reads it.

Checks a prompt's form and names the words that no caption ever used. Knows the tokenizer's vocabulary, not the model.
"""

from __future__ import annotations

import difflib
import unicodedata

from tokenizers import Tokenizer

from langit.text.tokenizer import words

LONGEST = 1000  # characters


def check_words(prompt: str) -> str:
    """The prompt, in whatever language, with its white space made plain.

    Raises:
        ValueError: empty, or longer than LONGEST characters.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in prompt):
        raise ValueError(f"the prompt {prompt[:40]!r} is not valid UTF-8: type it again")
    plain = " ".join(unicodedata.normalize("NFKC", prompt).split())
    if not any(letter.isalnum() for letter in plain):
        raise ValueError(
            f"the prompt {prompt[:40]!r} has no words: describe the video, for example 'a red ball on snow'"
        )
    if len(plain) > LONGEST:
        raise ValueError(f"the prompt has {len(plain)} characters, at most {LONGEST} are read: shorten it")
    return plain


def check_prompt(prompt: str) -> str:
    """The prompt with its white space made plain.

    Raises:
        ValueError: empty, longer than LONGEST characters, or written in a script that the captions never use.
    """
    plain = check_words(prompt)
    for letter in plain:
        if letter.isalnum() and not letter.isascii() and not unicodedata.name(letter, "UNKNOWN").startswith("LATIN"):
            script = unicodedata.name(letter, "UNKNOWN").split()[0].title()
            raise ValueError(
                f"the prompt is written in {script} letters ({letter!r}): this model reads English and Indonesian"
            )
    return plain


def unknown_words(tokenizer: Tokenizer, prompt: str) -> tuple[tuple[str, str], ...]:
    """Words of the prompt that no caption ever used, each with the known word spelt most like it."""
    known = [word for word in tokenizer.get_vocab() if any(letter.isalnum() for letter in word) and word[0] != "<"]
    known.sort()
    found = {}
    for word in words(tokenizer, prompt):
        if tokenizer.token_to_id(word) is None:
            found[word] = difflib.get_close_matches(word, known, n=1, cutoff=0.0)[0]
    return tuple(found.items())

"""Who rewrites prompts, by name. Knows vocabularies and no models, so that it can be asked without loading one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from langit.text.chat import ChatExpander
from langit.text.expansion import Expander, NoExpansion
from langit.text.vocabulary import Vocabulary
from langit.worlds.reading.expand import EmbeddedExpander, example_captions

Examples = tuple[str, ...] | None
"""Captions in the style that a chat model is to write; None for those of this project's worlds."""


def _chat(rest: str, vocabulary: Vocabulary, examples: Examples) -> Expander:
    return ChatExpander.from_name(rest, vocabulary, example_captions(vocabulary) if examples is None else examples)


def _transformers(rest: str, vocabulary: Vocabulary, examples: Examples) -> Expander:
    from langit.text.local_chat import LocalChatExpander  # imports transformers, which the others do without

    chosen = example_captions(vocabulary) if examples is None else examples
    return LocalChatExpander.from_name(rest, vocabulary, chosen)


EXPANDERS: Final[Mapping[str, Callable[[str, Vocabulary, Examples], Expander]]] = {
    "embedded": lambda _, vocabulary, __: EmbeddedExpander(vocabulary),
    "off": lambda _, vocabulary, __: NoExpansion(vocabulary),
    "chat": _chat,
    "transformers": _transformers,
}
"""Expanders by the part of their name before a colon; the rest of the name is their first argument."""


def find_expander(name: str, vocabulary: Vocabulary, examples: Examples = None) -> Expander:
    """The expander of a name: "embedded", "off", "chat:MODEL@URL" or "transformers:FOLDER".

    Raises:
        ValueError: there is no such expander, or the name lacks a part.
        OSError: a local chat model cannot be read.
    """
    check_expander(name)
    kind, _, rest = name.partition(":")
    return EXPANDERS[kind](rest, vocabulary, examples)


def check_expander(name: str) -> None:
    """Refuse the name of an expander that there is not.

    Raises:
        ValueError: the message says which there are.
    """
    kind, _, rest = name.partition(":")
    if kind not in EXPANDERS or (rest and kind in ("embedded", "off")):
        raise ValueError(
            f"there is no prompt expander {name!r}: use off, embedded, chat:MODEL@URL (an OpenAI-compatible endpoint)"
            " or transformers:FOLDER (a chat model on this machine)"
        )

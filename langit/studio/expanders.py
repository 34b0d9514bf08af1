"""Choose who rewrites prompts, and pass every text through the prompt gate before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from langit.generate import Model
from langit.generate.open_model import OpenModel
from langit.text.chat import ChatExpander
from langit.text.expansion import Expander, Expansion, NoExpansion
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


@dataclass(frozen=True)
class RawPrompt:
    """Leaves a prompt exactly as it is, for models that read any text and clean it themselves."""

    model: Model

    def __call__(self, prompt: str, seed: int) -> Expansion:  # noqa: ARG002  (the signature of an Expander)
        self.model.check_prompt(prompt)  # raises
        return Expansion(prompt, prompt, by="off")


def find_expander(name: str, vocabulary: Vocabulary, examples: Examples = None) -> Expander:
    """The expander of a name: "embedded", "off", "chat:MODEL@URL" or "transformers:FOLDER".

    Raises:
        ValueError: there is no such expander, or the name lacks a part.
        OSError: a local chat model cannot be read.
    """
    kind, _, rest = name.partition(":")
    if kind not in EXPANDERS or (rest and kind in ("embedded", "off")):
        raise ValueError(
            f"there is no prompt expander {name!r}: use off, embedded, chat:MODEL@URL (an OpenAI-compatible endpoint)"
            " or transformers:FOLDER (a chat model on this machine)"
        )
    return EXPANDERS[kind](rest, vocabulary, examples)


def gated_expander(name: str, model: Model, ask: Callable[[str], object], strict: bool = False) -> Expander:
    """An expander whose input and output pass the prompt gate.

    Args:
        name: see :func:`find_expander`.
        model: its vocabulary says which words are known.
        ask: the gate, which raises an exception to refuse a text.
        strict: refuse texts with words that are not understood.

    Raises:
        ValueError, OSError: see :func:`find_expander`.
    """
    style = model.family.style if isinstance(model, OpenModel) else None
    expander = find_expander(name, model.text.vocabulary, style)
    if isinstance(model, OpenModel) and name == "off":
        expander = RawPrompt(model)

    def expand(prompt: str, seed: int) -> Expansion:
        ask(prompt)
        expansion = expander(prompt, seed)
        ask(expansion.text)
        if expansion.text:
            ask(model.check_prompt(expansion.text))  # some models clean a text before they read it
        if expansion.by == "embedded" and not expansion.understood:
            # Everything was filled in: that is no translation of a prompt in letters that the model cannot read.
            model.check_prompt(prompt)
        if strict and expansion.lost:
            words = ", ".join(map(repr, expansion.lost))
            raise ValueError(f"strict: this model cannot show {words}: use other words, or leave strict out")
        return expansion

    return expand

"""Expanders between two gates: what a person wrote and what a model would read are judged, whoever rewrites it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from langit.generate import Model
from langit.generate.open_model import OpenModel
from langit.studio.expanders import find_expander
from langit.text.expansion import Expander, Expansion


@dataclass(frozen=True)
class RawPrompt:
    """Leaves a prompt exactly as it is, for models that read any text and clean it themselves."""

    model: Model

    def __call__(self, prompt: str, seed: int) -> Expansion:  # noqa: ARG002  (the signature of an Expander)
        self.model.check_prompt(prompt)  # raises
        return Expansion(prompt, prompt, by="off")


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

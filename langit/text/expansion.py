"""A prompt and its expansion as a value, and the protocol of everything that expands prompts.

Knows no language. `worlds/reading/expand.py` holds the embedded expander, `chat.py` and `local_chat.py` those that ask
a chat model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from langit.text.prompt import check_prompt
from langit.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Expansion:
    """What a person wrote and what the model reads.

    original: the person's text, normalized.
    text: the sentence for the model.
    understood: attributes and values found in the original ("shape", "ball").
    filled: attributes that the original leaves open, with the values chosen for them.
    unknown: words of the original, or of the text, that mean nothing to the expander or the model, each with the known
        word that is spelt most like it ("" if none is similar).
    ignored: pieces of the original that the text leaves out although they were understood.
    unchanged_because: why an incomplete original was left as it is, or "".
    by: the expander's name.
    corrected: misspelt words of the original, each with the word that was read instead.
    counts: words of the original for a number of things that the text does not show.
    content: how many words with a meaning of their own the original has, and how many of them the text says; (0, 0)
        where the expander does not count them.
    """

    original: str
    text: str
    understood: tuple[tuple[str, str], ...] = ()
    filled: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    unchanged_because: str = ""
    by: str = "embedded"
    corrected: tuple[tuple[str, str], ...] = ()
    counts: tuple[str, ...] = ()
    content: tuple[int, int] = (0, 0)

    @property
    def lost(self) -> tuple[str, ...]:
        """Everything of the original that the video will not show, as it was written."""
        return tuple(dict.fromkeys((*(word for word, _ in self.unknown), *self.ignored, *self.counts)))

    @property
    def mostly_lost(self) -> bool:
        """Whether less than half of the original's content words were understood."""
        words, understood = self.content
        return 2 * understood < words

    @property
    def changed(self) -> bool:
        return self.text != self.original

    def lines(self) -> tuple[str, ...]:
        """The report to the person, a line for each fact; empty if nothing was changed and every word is known."""
        report = []
        if self.mostly_lost:
            words, understood = self.content
            report.append(
                f'this model cannot show "{self.original}": it understands {understood} of {words} words with a'
                " meaning; open weights can show it (langit models lists them, --model NAME takes one), or use"
                " the words of docs/prompts.md"
            )
        if self.corrected:
            report.append("read as: " + ", ".join(f"'{meant}' for '{word}'" for word, meant in self.corrected))
        if self.changed:
            filled = ", ".join(f"{name} {value}" for name, value in self.filled)
            report.append(f'expanded by {self.by}: "{self.text}"' + (f" (filled in: {filled})" if filled else ""))
        if self.changed and self.by == "embedded" and not self.understood:
            report.append(f'nothing of "{self.original}" was understood: everything was filled in')
        if self.unchanged_because:
            report.append(f"not expanded: {self.unchanged_because}")
        if self.counts:
            shown = ", ".join(f"'{count}'" for count in self.counts)
            report.append(f"this model shows one thing, or two different ones: {shown} cannot be counted out")
        if self.unknown:
            names = ", ".join(f"'{word}'" + (f" (nearest: '{near}')" if near else "") for word, near in self.unknown)
            report.append(f"unknown words: {names}")
        if self.ignored:
            report.append(
                "left out, because no caption says such things: " + ", ".join(f"'{it}'" for it in self.ignored)
            )
        return tuple(report)


@runtime_checkable
class Expander(Protocol):
    """Turns what a person wrote into a sentence for the model.

    Raises:
        ValueError: the prompt or the answer is not a usable sentence.
        OSError: a chat model could not be reached.
    """

    def __call__(self, prompt: str, seed: int) -> Expansion: ...


@dataclass(frozen=True)
class NoExpansion:
    """Leaves a prompt as it is and reports the words that the model does not know."""

    vocabulary: Vocabulary

    def __call__(self, prompt: str, seed: int) -> Expansion:  # noqa: ARG002  (the signature of an Expander)
        plain = check_prompt(prompt, self.vocabulary.scripts)
        return Expansion(plain, plain, unknown=self.vocabulary.suggestions(plain), by="off")

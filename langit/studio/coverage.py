"""What a model will show of a prompt, told before anything is made: from its vocabulary alone, without its weights.

The same expander and the same gate answer as when the video is made, so that nobody waits for a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langit.release import Refused
from langit.studio.expanders import find_expander
from langit.text.expansion import Expansion
from langit.text.prompt import check_prompt
from langit.text.vocabulary import Vocabulary


def cover_prompt(
    vocabulary: Vocabulary, ask: Callable[[str], object], prompt: str, expander: str = "embedded", seed: int = 0
) -> dict[str, Any]:
    """What a model reads, fills in and cannot show of a prompt, as JSON values.

    Args:
        vocabulary: of the model.
        ask: the prompt gate, which raises :class:`Refused`.
        prompt: as a person wrote it.
        expander: who rewrites prompts.
        seed: of the video, which decides what is filled in.

    Raises:
        ValueError: the prompt has no words, is too long or in letters that the model cannot read.
    """
    expansion: Expansion | None = None
    refused: str | None = None
    try:
        ask(prompt)
        expansion = find_expander(expander, vocabulary)(prompt, seed)
        if not (expansion.by == "embedded" and expansion.understood):
            check_prompt(prompt, vocabulary.scripts)
        ask(expansion.text)
    except Refused as error:
        refused = str(error)
    return {"object": "coverage", "open": not vocabulary.closed, "refused": refused, **_describe(expansion)}


def _describe(expansion: Expansion | None) -> Mapping[str, Any]:
    if expansion is None:
        return {"text": None, "lost": [], "suggestions": {}, "understood": [], "filled": [], "corrected": {}}
    return {
        "text": expansion.text,
        "lost": list(expansion.lost),
        "suggestions": {word: near for word, near in expansion.unknown if near},
        "understood": [value for _, value in expansion.understood],
        "filled": [value for _, value in expansion.filled],
        "corrected": dict(expansion.corrected),
        "mostly_lost": expansion.mostly_lost,
        "by": expansion.by if expansion.changed else None,
    }

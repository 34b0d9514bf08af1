"""What a model will show of a prompt, told while it is typed: from its vocabulary alone, without its weights.

The same expander and the same prompt gate answer as when the video is made, so that nobody waits for a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from langit.bundle.folder import resolve
from langit.files import sha256
from langit.release.door import ReleaseConfig
from langit.release.gates.finding import Refused, enforce
from langit.release.gates.likeness import consents
from langit.release.gates.prompt import MEND, judge_prompt
from langit.studio.expanders import find_expander
from langit.text.expansion import Expansion
from langit.text.prompt import check_prompt
from langit.text.vocabulary import Vocabulary

LISTED: Final = 400
"""Words of a vocabulary that are listed."""


@dataclass
class PromptCoverage:
    """Vocabularies of the models of a server, each read once."""

    home: Path
    _read: dict[str, Vocabulary] = field(default_factory=dict)

    def vocabulary(self, model: str) -> Vocabulary:
        """The vocabulary of a model, by its name or folder.

        Raises:
            ValueError: there is no such model, or it has no tokenizer.
        """
        path = resolve(model) / "tokenizer" / "tokenizer.json"
        if not path.is_file():
            raise ValueError(f"model {model} has no tokenizer that can be read: get it again")
        digest = sha256(path)
        if digest not in self._read:
            self._read[digest] = Vocabulary(Tokenizer.from_file(str(path)))
        return self._read[digest]

    def cover(self, model: str, prompt: str, expander: str, seed: int, ability: str) -> dict[str, Any]:
        """What the model reads, fills in and cannot show of a prompt; ``refused`` says why a gate would refuse it.

        Raises:
            ValueError: the prompt has no words, is too long or in letters that the model cannot read.
        """
        vocabulary = self.vocabulary(model)
        agreed = consents(self.home / "ledger", Path(model).name, ability, ReleaseConfig.read(self.home).prompt.purpose)
        refused: str | None = None
        expansion: Expansion | None = None
        try:
            self._ask(prompt, agreed)
            expansion = find_expander(expander, vocabulary)(prompt, seed)
            if not (expansion.by == "embedded" and expansion.understood):
                check_prompt(prompt, vocabulary.scripts)
            self._ask(expansion.text, agreed)
        except Refused as error:
            refused = str(error)
        return {"object": "coverage", "open": not vocabulary.closed, "refused": refused, **_describe(expansion)}

    def _ask(self, text: str, agreed: Any) -> None:
        enforce(tuple(judge_prompt(text, ReleaseConfig.read(self.home).prompt, agreed)), MEND)


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

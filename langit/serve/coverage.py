"""What a model will show of a prompt, told while it is typed; see ``langit.studio.coverage``. Loads no weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from langit.bundle.places import resolve
from langit.files import sha256
from langit.release.gates.finding import enforce
from langit.release.gates.likeness import consents
from langit.release.gates.prompt import MEND, PromptConfig, judge_prompt
from langit.release.settings import section
from langit.studio.coverage import cover_prompt
from langit.text.vocabulary import Vocabulary


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
        settings = section(self.home, "prompt", PromptConfig)
        agreed = consents(self.home / "ledger", Path(model).name, ability, settings.purpose)

        def ask(text: str) -> None:
            enforce(tuple(judge_prompt(text, settings, agreed)), MEND)

        return cover_prompt(self.vocabulary(model), ask, prompt, expander, seed)

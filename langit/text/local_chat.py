"""Prompts expanded by a chat model on this machine, through transformers: a folder, or a name that it resolves.

Reads safetensors only and runs no code of the model's folder. Answers greedily, so the seed changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from langit.text.chat import answered, messages
from langit.text.expansion import Expansion, Vocabulary
from langit.text.prompt import check_words

_LONGEST = 160  # tokens of an answer


@dataclass(frozen=True)
class LocalExpander:
    """A causal language model with a chat template."""

    name: str
    model: Any
    tokenizer: Any
    vocabulary: Vocabulary
    examples: tuple[str, ...] = ()

    @classmethod
    def named(cls, name: str, vocabulary: Vocabulary, examples: tuple[str, ...] = ()) -> LocalExpander:
        """Load a chat model.

        Raises:
            ValueError: no name, or the model has no chat template.
            OSError: it cannot be read.
        """
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if not name:
            raise ValueError("transformers: names no chat model: write transformers:FOLDER")
        folder = Path(name).expanduser()
        if name[0] in "/.~" and not folder.is_dir():
            raise OSError(f"there is no folder {folder}: name one that holds a chat model")
        place = str(folder) if folder.is_dir() else name
        try:
            tokenizer = AutoTokenizer.from_pretrained(place)
            model = AutoModelForCausalLM.from_pretrained(place, use_safetensors=True).eval()
        except (OSError, ValueError) as error:
            first = str(error).strip().split("\n")[0]
            raise OSError(f"no chat model can be read from {name}: {first}") from None
        if tokenizer.chat_template is None:
            raise ValueError(f"the model {name} has no chat template: use one that was tuned to follow instructions")
        return cls(name, model, tokenizer, vocabulary, examples)

    @torch.no_grad()
    def __call__(self, prompt: str, seed: int) -> Expansion:  # noqa: ARG002  (an Expander's signature)
        plain = check_words(prompt)
        asked = self.tokenizer.apply_chat_template(
            messages(plain, self.vocabulary, self.examples),
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        length = asked["input_ids"].shape[1]
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is not None and length + _LONGEST > room:
            raise ValueError(
                f"the model {self.name} reads {room} tokens, instructions and answer need {length + _LONGEST}:"
                " use one with a longer context"
            )
        said = self.model.generate(**asked, do_sample=False, max_new_tokens=_LONGEST)
        answer = self.tokenizer.decode(said[0, length:], skip_special_tokens=True)
        return answered(plain, answer, self.vocabulary, self.name)

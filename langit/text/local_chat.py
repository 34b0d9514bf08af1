"""Expands prompts with a chat model on this machine, through transformers: a folder, or a name that it resolves.

Reads safetensors only and runs no code of the model's folder. Decoding is greedy, so the seed changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from langit.text.chat import chat_messages, parse_answer
from langit.text.expansion import Expansion
from langit.text.prompt import normalize_prompt
from langit.text.vocabulary import Vocabulary

_LONGEST_ANSWER = 160  # tokens


@dataclass(frozen=True)
class LocalChatExpander:
    """A causal language model with a chat template."""

    name: str
    model: Any
    tokenizer: Any
    vocabulary: Vocabulary
    examples: tuple[str, ...] = ()

    @classmethod
    def from_name(cls, name: str, vocabulary: Vocabulary, examples: tuple[str, ...] = ()) -> LocalChatExpander:
        """Load a chat model.

        Raises:
            ValueError: no name, or the model has no chat template.
            OSError: it cannot be read.
        """
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if not name:
            raise ValueError("transformers: names no chat model: write transformers:FOLDER")
        folder = Path(name).expanduser()
        # a path is never looked up as the name of a model elsewhere
        if name[0] in "/.~" and not folder.is_dir():
            raise OSError(f"there is no folder {folder}: name one that holds a chat model")
        place = str(folder) if folder.is_dir() else name
        try:
            # "on this machine" is meant: a mistyped name must not be asked of a hub, nor waited for
            tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(place, use_safetensors=True, local_files_only=True).eval()
        except (OSError, ValueError) as error:
            if not folder.is_dir():
                raise OSError(f"no chat model {name!r} is on this machine: name a folder that holds one") from None
            first_line = str(error).strip().split("\n")[0]
            raise OSError(f"no chat model can be read from {name}: {first_line}") from None
        if tokenizer.chat_template is None:
            raise ValueError(f"the model {name} has no chat template: use one that was tuned to follow instructions")
        return cls(name, model, tokenizer, vocabulary, examples)

    @torch.no_grad()
    def __call__(self, prompt: str, seed: int) -> Expansion:  # noqa: ARG002  (the signature of an Expander)
        plain = normalize_prompt(prompt)
        inputs = self.tokenizer.apply_chat_template(
            chat_messages(plain, self.vocabulary, self.examples),
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        length = inputs["input_ids"].shape[1]
        context = getattr(self.model.config, "max_position_embeddings", None)
        if context is not None and length + _LONGEST_ANSWER > context:
            raise ValueError(
                f"the model {self.name} reads {context} tokens, instructions and answer need"
                f" {length + _LONGEST_ANSWER}: use one with a longer context"
            )
        output = self.model.generate(**inputs, do_sample=False, max_new_tokens=_LONGEST_ANSWER)
        answer = self.tokenizer.decode(output[0, length:], skip_special_tokens=True)
        return parse_answer(plain, answer, self.vocabulary, self.name)

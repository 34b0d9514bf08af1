"""Expands prompts with a chat model behind an OpenAI-compatible endpoint; and how any chat model is instructed.

Knows how to ask and how to check an answer, not what makes a good video. Nothing falls back: an endpoint that fails is
an error that names it. The key comes from LANGIT_CHAT_KEY, else from OPENAI_API_KEY.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langit.text.endpoint import (
    EndpointError,
    JsonEndpoint,
    api_url,
    has_secrets,
    is_address,
    key_from_environment,
    split_model_and_url,
)
from langit.text.expansion import Expansion
from langit.text.prompt import check_prompt, normalize_prompt
from langit.text.vocabulary import Vocabulary

TIMEOUT = 60.0  # seconds
KEY_VARIABLES = ("LANGIT_CHAT_KEY", "OPENAI_API_KEY")
_LISTED_WORDS = 1500  # a larger vocabulary would fill the chat model's context
_ADVICE = {
    401: f"set {KEY_VARIABLES[0]} or {KEY_VARIABLES[1]} to a key that it accepts",
    403: f"set {KEY_VARIABLES[0]} or {KEY_VARIABLES[1]} to a key that may do this",
    404: "check the address and the model's name",
    429: "wait, or use another endpoint",
}


def instructions(vocabulary: Vocabulary, examples: Sequence[str]) -> str:
    """The system message for a chat model."""
    lines = [
        "You rewrite a person's wish as one caption for a text-to-video model.",
        "Answer with the caption alone: one sentence, no quotation marks, no explanation.",
        "Keep everything that the person asks for. Add what is missing: the ground, the sky or time of day,"
        " what happens, what the camera does.",
        "Write English, or Indonesian if the person does.",
    ]
    if vocabulary.closed and len(vocabulary.words) <= _LISTED_WORDS:
        lines.append("The model knows these words and no others: " + " ".join(vocabulary.words) + ".")
    if examples:
        lines.append("Captions that it was trained on:")
        lines += [f"- {caption}" for caption in examples]
    return "\n".join(lines)


def chat_messages(prompt: str, vocabulary: Vocabulary, examples: Sequence[str] = ()) -> list[dict[str, str]]:
    """The conversation that asks a chat model for a caption, in the style of ``examples``."""
    return [
        {"role": "system", "content": instructions(vocabulary, examples)},
        {"role": "user", "content": prompt},
    ]


def parse_answer(original: str, answer: str, vocabulary: Vocabulary, by: str) -> Expansion:
    """A chat model's answer as an expansion, without the thoughts, code fences and quotation marks around it.

    Raises:
        ValueError: the answer is empty, too long, or in a script that the video model does not read.
    """
    text = re.sub(r"<think>.*?</think>", " ", answer, flags=re.DOTALL)
    text = re.sub(r"^\s*```\w*|```\s*$", " ", text).strip().strip("\"'“”‘’«»").strip()
    try:
        text = check_prompt(text, vocabulary.scripts)
    except ValueError as error:
        raise ValueError(f"{by} gave no caption for {original[:40]!r}: {error}") from None
    return Expansion(original, text, unknown=vocabulary.suggestions(text), by=by)


@dataclass(frozen=True)
class ChatExpander:
    """A chat model by its name at an endpoint; ``url`` is the full address of its chat completions."""

    model: str
    url: str
    vocabulary: Vocabulary
    examples: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    key: str | None = field(default=None, repr=False)

    @classmethod
    def from_name(cls, name: str, vocabulary: Vocabulary, examples: tuple[str, ...] = ()) -> ChatExpander:
        """From "MODEL@URL", with the key from the environment.

        Raises:
            ValueError: the model or the address is missing, the protocol is not HTTP, or the address holds a secret.
        """
        parts = split_model_and_url(name)
        if parts is None:
            raise ValueError(f"chat:{name} names no model and address: write chat:MODEL@http://HOST:PORT")
        model, url = parts
        if has_secrets(url):
            raise ValueError(f"the address of {model} holds more than host and path: put keys into {KEY_VARIABLES[0]}")
        if not is_address(url):
            raise ValueError(f"{url} is not the address of a chat endpoint: use http:// or https://, a host and a path")
        key = key_from_environment(KEY_VARIABLES)
        return cls(model, api_url(url, "chat/completions"), vocabulary, examples, key=key)

    def __call__(self, prompt: str, seed: int) -> Expansion:
        plain = normalize_prompt(prompt)
        request = {
            "model": self.model,
            "messages": chat_messages(plain, self.vocabulary, self.examples),
            "temperature": 0,
            "seed": seed,
        }
        try:
            content = _message_content(JsonEndpoint(self.url, self.timeout, self.key).post(request))
        except EndpointError as error:
            raise OSError(f"the chat endpoint {self.url} {_explain(error)}") from None
        return parse_answer(plain, content, self.vocabulary, f"{self.model} at {self.url}")


def _explain(error: EndpointError) -> str:
    """What happened at the endpoint and what a person can do about it."""
    if error.status is None:
        if error.failure.startswith("cannot be reached"):
            return f"{error.failure}: start it, or use --expand embedded"
        slow = error.failure.startswith("gave no answer")
        return error.failure + (": use a smaller model, or use --expand embedded" if slow else "")
    advice = _ADVICE.get(error.status, "see the server's log")
    if error.location:
        advice = f"it points to {error.location}: give that address itself"
    return f"{error.failure}: {advice}" + (f" (it says: {error.detail})" if error.detail else "")


def _message_content(answer: Any) -> str:
    """The text of the first choice of a chat completion.

    Raises:
        EndpointError: the answer has another structure.
    """
    choices = answer.get("choices") if isinstance(answer, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str):
        raise EndpointError("answered without choices[0].message.content: is it OpenAI-compatible?")
    return content

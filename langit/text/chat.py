"""Prompts expanded by a chat model behind an OpenAI-compatible endpoint, and what any chat model is told and held to.

Knows how to ask and how to check an answer, not what a good video is. Nothing is retried and nothing falls back: an
endpoint that fails is an error that names it. The key comes from the environment (LANGIT_CHAT_KEY, else OPENAI_API_KEY)
and goes to the endpoint alone: redirects are refused.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Any

from langit.text.expansion import Expansion, Vocabulary, nearest
from langit.text.prompt import check_prompt, check_words

TIMEOUT = 60.0  # seconds
_LARGEST = 1_000_000  # bytes of an answer
_MOST_WORDS = 1500  # a vocabulary larger than this is not recited
KEYS = ("LANGIT_CHAT_KEY", "OPENAI_API_KEY")


def instructions(vocabulary: Vocabulary, shown: Sequence[str]) -> str:
    """What a chat model is told before it sees the prompt."""
    told = [
        "You rewrite a person's wish as one caption for a text-to-video model.",
        "Answer with the caption alone: one sentence, no quotation marks, no explanation.",
        "Keep everything that the person asks for. Add what is missing: the ground, the sky or time of day,"
        " what happens, what the camera does.",
        "Write English, or Indonesian if the person does.",
    ]
    known = vocabulary.words
    if vocabulary.closed and len(known) <= _MOST_WORDS:
        told.append("The model knows these words and no others: " + " ".join(known) + ".")
    if shown:
        told.append("Captions that it was trained on:")
        told += [f"- {caption}" for caption in shown]
    return "\n".join(told)


def messages(prompt: str, vocabulary: Vocabulary, examples: Sequence[str] = ()) -> list[dict[str, str]]:
    """The conversation that asks a chat model for a caption, in the style of ``examples``."""
    return [
        {"role": "system", "content": instructions(vocabulary, examples)},
        {"role": "user", "content": prompt},
    ]


def answered(original: str, answer: str, vocabulary: Vocabulary, by: str) -> Expansion:
    """A chat model's answer as an expansion; thoughts, code fences and quotation marks around it are taken off.

    Raises:
        ValueError: the answer is empty, too long, or in a script that the captions do not use.
    """
    text = re.sub(r"<think>.*?</think>", " ", answer, flags=re.DOTALL)
    text = re.sub(r"^\s*```\w*|```\s*$", " ", text).strip().strip("\"'“”‘’«»").strip()
    try:
        text = check_prompt(text)
    except ValueError as error:
        raise ValueError(f"{by} gave no caption for {original[:40]!r}: {error}") from None
    known = vocabulary.words
    missing = tuple((word, nearest(word, known)) for word in vocabulary.unknown(text))
    return Expansion(original, text, unknown=missing, by=by)


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
    def named(cls, rest: str, vocabulary: Vocabulary, examples: tuple[str, ...] = ()) -> ChatExpander:
        """From "MODEL@URL", the key from the environment.

        Raises:
            ValueError: no model, no address, another protocol than http, a key or a password inside the address.
        """
        match = re.fullmatch(r"(.+?)@(\w+://.+)", rest)
        if match is None:
            raise ValueError(f"chat:{rest} names no model and address: write chat:MODEL@http://HOST:PORT")
        model, url = match.groups()
        if re.search(r"[@?#]", url):
            raise ValueError(f"the address of {model} holds more than host and path: put keys into {KEYS[0]}")
        if not _is_address(url):
            raise ValueError(f"{url} is no address of a chat endpoint: use http:// or https://, a host and a path")
        key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
        return cls(model, completions(url), vocabulary, examples, key=key)

    def __call__(self, prompt: str, seed: int) -> Expansion:
        plain = check_words(prompt)
        asked = {
            "model": self.model,
            "messages": messages(plain, self.vocabulary, self.examples),
            "temperature": 0,
            "seed": seed,
        }
        return answered(plain, _content(self._post(asked), self.url), self.vocabulary, f"{self.model} at {self.url}")

    def _post(self, asked: dict[str, Any]) -> bytes:
        """Send a request and read the answer.

        Raises:
            OSError: nobody answers, too late, or with an HTTP error.
            ValueError: the answer is no HTTP, or endless.
        """
        request = urllib.request.Request(self.url, json.dumps(asked).encode(), {"Content-Type": "application/json"})
        if self.key is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self.key}")
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=self.timeout) as answer:
                body: bytes = answer.read(_LARGEST + 1)
        except urllib.error.HTTPError as error:
            raise OSError(_complaint(error, self.url, self.key)) from None
        except TimeoutError:
            raise TimeoutError(self._late()) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise TimeoutError(self._late()) from None
            raise ConnectionError(
                f"the chat endpoint {self.url} cannot be reached ({error.reason}): start it, or use --expand embedded"
            ) from None
        except (ConnectionError, http.client.HTTPException) as error:
            raise ConnectionError(
                f"the chat endpoint {self.url} broke off ({type(error).__name__}): is it an HTTP server?"
            ) from None
        if len(body) > _LARGEST:
            raise ValueError(
                f"the chat endpoint {self.url} answered with more than {_LARGEST} bytes: is it the right one?"
            )
        return body

    def _late(self) -> str:
        return (
            f"the chat endpoint {self.url} gave no answer within {self.timeout:g} s: use a smaller model,"
            " or --expand embedded"
        )


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def completions(url: str) -> str:
    """The address of chat completions under a base address: HOST, HOST/v1 or the whole."""
    base = url.rstrip("/")
    if base.endswith("/chat/completions"):
        return base
    return f"{base}/chat/completions" if re.search(r"/v\d+$", base) else f"{base}/v1/chat/completions"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """None makes urllib raise the answer as an HTTPError."""


def _complaint(error: urllib.error.HTTPError, url: str, key: str | None) -> str:
    """One line about an HTTP error, with what the server says and what can be done."""
    mend = {
        401: f"set {KEYS[0]} or {KEYS[1]} to a key that it accepts",
        403: f"set {KEYS[0]} or {KEYS[1]} to a key that may do this",
        404: "check the address and the model's name",
        429: "wait, or use another endpoint",
    }.get(error.code, "see the server's log")
    if 300 <= error.code < 400:
        mend = f"it points to {error.headers.get('Location', 'nowhere')}: give that address itself"
    said = " ".join(error.read(2000).decode("utf-8", "replace").split())[:200]
    if key:
        said = said.replace(key, "…")
    return f"the chat endpoint {url} answered HTTP {error.code}: {mend}" + (f" (it says: {said})" if said else "")


def _content(body: bytes, url: str) -> str:
    """The text of the first choice.

    Raises:
        ValueError: the answer is no JSON of chat completions' shape.
    """
    try:
        told = json.loads(body)
    except ValueError:
        start = body[:60].decode("utf-8", "replace")
        raise ValueError(f"the chat endpoint {url} answered no JSON ({start!r}): check the address") from None
    choices = told.get("choices") if isinstance(told, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str):
        raise ValueError(
            f"the chat endpoint {url} answered without choices[0].message.content: is it OpenAI-compatible?"
        )
    return content

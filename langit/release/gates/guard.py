"""A guard besides the rules: a text-classification model on this machine, or an OpenAI-compatible moderations endpoint.

Knows how to ask and what an answer means, not what is bad: that is the guard's to know. A guard that does not answer,
or not what was asked, refuses and says so; nothing is retried. The key comes from the environment (LANGIT_GUARD_KEY,
else OPENAI_API_KEY) and goes to the endpoint alone: redirects are refused.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from langit.release.gates.finding import Finding
from langit.release.gates.prompt import Guard, PromptConfig, Setting

RULE = "guard"
KEYS = ("LANGIT_GUARD_KEY", "OPENAI_API_KEY")
_LARGEST = 1_000_000  # bytes of an answer
_OVERLAP = 16  # tokens that two windows on a long text share


def guard(settings: PromptConfig) -> Guard | None:
    """The guard that the settings name; ``None`` where they name none.

    Raises:
        ValueError: the name lacks a part, or the labels are not the model's.
        OSError: a model that cannot be read.
    """
    if not settings.guard:
        return None
    if settings.guard.startswith("transformers:"):
        return LocalGuard.named(settings.guard.partition(":")[2], settings.labels(), settings.guard_threshold)
    found = re.fullmatch(r"(.+?)@(\w+://.+)", settings.guard)
    if found is None or re.search(r"[@?#]", found[2]) or not _is_address(found[2]):
        raise ValueError(
            f"guard {settings.guard!r} is neither transformers:FOLDER nor MODEL@http://HOST:PORT: write one of them"
        )
    key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
    return Endpoint(
        found[1], moderations(found[2]), settings.labels(), settings.guard_threshold, settings.guard_timeout, key
    )


def moderations(url: str) -> str:
    """The address of moderations under a base address: HOST, HOST/v1 or the whole."""
    base = url.rstrip("/")
    if base.endswith("/moderations"):
        return base
    return f"{base}/moderations" if re.search(r"/v\d+$", base) else f"{base}/v1/moderations"


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """None makes urllib raise the answer as an HTTPError."""


@dataclass(frozen=True)
class Endpoint:
    """A moderations endpoint; ``url`` is its full address."""

    model: str
    url: str
    labels: Mapping[str, Setting]
    threshold: float
    timeout: float
    key: str | None = field(default=None, repr=False)

    def __call__(self, text: str) -> list[Finding]:
        """What the endpoint flags; one refusal that says why, where it gives no answer."""
        try:
            return self._judged(self._post(text))
        except urllib.error.HTTPError as error:
            return self._silent(f"answered HTTP {error.code}")
        except TimeoutError:
            return self._silent(f"gave no answer within {self.timeout:g} s")
        except urllib.error.URLError as error:
            late = isinstance(error.reason, TimeoutError)
            said = f"gave no answer within {self.timeout:g} s" if late else f"cannot be reached ({error.reason})"
            return self._silent(said)
        except (OSError, http.client.HTTPException) as error:
            return self._silent(f"broke off ({type(error).__name__})")
        except ValueError as error:
            return self._silent(str(error))

    def _post(self, text: str) -> bytes:
        asked = json.dumps({"model": self.model, "input": text}).encode()
        request = urllib.request.Request(self.url, asked, {"Content-Type": "application/json"})
        if self.key is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self.key}")
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.timeout) as answer:
            body: bytes = answer.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise ValueError(f"answered with more than {_LARGEST} bytes")
        return body

    def _judged(self, body: bytes) -> list[Finding]:
        try:
            told = json.loads(body)
        except ValueError:
            raise ValueError("answered no JSON") from None
        results = told.get("results") if isinstance(told, dict) else None
        if not isinstance(results, list) or not results or not all(isinstance(one, dict) for one in results):
            raise ValueError("answered without results")
        found = []
        for result in results:
            flagged, categories = result.get("flagged"), result.get("categories", {})
            scores = result.get("category_scores", {})
            if not isinstance(flagged, bool) or not isinstance(categories, dict) or not isinstance(scores, dict):
                raise ValueError("answered without results[].flagged and categories")
            named = [name for name, fires in categories.items() if fires is True]
            named += [
                name
                for name, score in scores.items()
                if name in self.labels and name not in named and _number(score) >= self.threshold
            ]
            settled = [(name, self.labels.get(name, "refuse" if flagged else "off")) for name in named]
            if flagged and not named:
                settled = [("flagged", self.labels.get("flagged", "refuse"))]
            found += [Finding(RULE, f"{self.model} says {name}", act) for name, act in settled if act != "off"]
        return found

    def _silent(self, why: str) -> list[Finding]:
        said = f"the guard {self.url} {why}, and nothing passes without it: mend it, or take it out of the settings"
        return [Finding(RULE, said, "refuse")]


def _number(score: object) -> float:
    return float(score) if isinstance(score, (int, float)) and not isinstance(score, bool) else 0.0


@dataclass(frozen=True)
class LocalGuard:
    """A text-classification model of ``transformers``; reads safetensors only and runs no code of the folder."""

    name: str
    model: Any
    tokenizer: Any
    labels: Mapping[str, Setting]
    threshold: float

    @classmethod
    def named(cls, name: str, labels: Mapping[str, Setting], threshold: float) -> LocalGuard:
        """Load a model.

        Raises:
            ValueError: no labels are set, or ones that the model does not have.
            OSError: there is no such model.
        """
        folder = Path(name).expanduser()
        if not name or not folder.is_dir():
            raise OSError(f"there is no folder {name!r} that holds a guard model: give transformers:FOLDER")
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model = AutoModelForSequenceClassification.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError) as error:
            first = str(error).strip().split("\n")[0]
            raise OSError(f"no guard model can be read from {name}: {first}") from None
        check_labels("guard_labels", labels, model.config.id2label.values(), name)
        return cls(name, model, tokenizer, labels, threshold)

    def __call__(self, text: str) -> list[Finding]:
        """What the model says of the text, in windows where it is longer than the model reads: the worst counts."""
        import torch

        room = min(getattr(self.model.config, "max_position_embeddings", 512), self.tokenizer.model_max_length)
        read = self.tokenizer(
            text,
            truncation=True,
            max_length=room,
            stride=min(_OVERLAP, room // 4),
            return_overflowing_tokens=True,
            padding=True,
            return_tensors="pt",
        )
        given = {key: read[key] for key in ("input_ids", "attention_mask") if key in read}
        with torch.no_grad():
            logits = self.model(**given).logits
        several = self.model.config.problem_type == "multi_label_classification" or logits.shape[1] == 1
        shares = (logits.sigmoid() if several else logits.softmax(-1)).amax(0).tolist()
        found = []
        for number, share in enumerate(shares):
            label = self.model.config.id2label[number]
            setting = self.labels.get(label, "off")
            if setting != "off" and share >= self.threshold:
                found.append(Finding(RULE, f"{Path(self.name).name} says {label}, {share:.2f}", setting))
        return found


def check_labels(setting: str, labels: Mapping[str, Setting], known: Any, name: str) -> None:
    """That a model's labels are spoken of, and no others.

    Raises:
        ValueError: they are not.
    """
    has = [str(one) for one in known]
    strange = [label for label in labels if label not in has]
    if strange or not labels:
        said = f"has no label {', '.join(strange)}" if strange else "is asked, and nothing is said to follow from it"
        raise ValueError(f"the model {name} {said}: set {setting} for {', '.join(has)}, such as {has[0]}=refuse")

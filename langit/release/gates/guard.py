"""An optional guard beside the rules: a text classifier on this machine, or an OpenAI-compatible moderations endpoint.

Knows how to ask and what an answer means; what is bad is the guard's own knowledge. It fails closed: a guard that gives
no usable answer refuses and says why. The key comes from LANGIT_GUARD_KEY, else from OPENAI_API_KEY.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langit.release.gates.finding import Finding
from langit.release.gates.prompt import Guard, PromptConfig, Setting
from langit.text.endpoint import (
    EndpointError,
    JsonEndpoint,
    api_url,
    has_secrets,
    is_address,
    key_from_environment,
    split_model_and_url,
)

RULE = "guard"
KEY_VARIABLES = ("LANGIT_GUARD_KEY", "OPENAI_API_KEY")
_SAFE = "safe harmless benign neutral normal ok okay clean sfw non-toxic non_toxic nontoxic non-hate not-hate"
SAFE_LABELS = frozenset(_SAFE.split())
"""What models call texts that may pass, in lower case. A model with one of these needs no ``guard_labels``."""
_OVERLAP = 16  # tokens that two windows on a long text share


def load_guard(settings: PromptConfig) -> Guard | None:
    """The guard that the settings name, or ``None`` if they name none.

    Raises:
        ValueError: the name lacks a part, or the labels are not the model's.
        OSError: a model that cannot be read.
    """
    if not settings.guard:
        return None
    kind, _, folder = settings.guard.partition(":")
    if kind == "transformers":
        return LocalGuard.load(folder, settings.labels(), settings.guard_threshold)
    parts = split_model_and_url(settings.guard)
    if parts is None or has_secrets(parts[1]) or not is_address(parts[1]):
        raise ValueError(
            f"guard {settings.guard!r} is neither transformers:FOLDER nor MODEL@http://HOST:PORT: write one of them"
        )
    model, url = parts
    key = key_from_environment(KEY_VARIABLES)
    endpoint = JsonEndpoint(api_url(url, "moderations"), settings.guard_timeout, key)
    return EndpointGuard(model, endpoint, settings.labels(), settings.guard_threshold)


@dataclass(frozen=True)
class EndpointGuard:
    """A model behind a moderations endpoint."""

    model: str
    endpoint: JsonEndpoint
    labels: Mapping[str, Setting]
    threshold: float

    def __call__(self, text: str) -> list[Finding]:
        """What the endpoint flags; a single refusal that says why, if it gives no usable answer."""
        try:
            return self._findings(self.endpoint.post({"model": self.model, "input": text}))
        except EndpointError as error:
            reason = (
                f"the guard {self.endpoint.url} {error.failure}, and nothing passes without it: repair it, or remove it"
                " from the settings"
            )
            return [Finding(RULE, reason, "refuse")]

    def _findings(self, answer: Any) -> list[Finding]:
        """Findings of a moderations answer.

        A category without a setting follows the endpoint's own judgement: it refuses if the endpoint flags the text.

        Raises:
            EndpointError: the answer has another structure.
        """
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or not results or not all(isinstance(one, dict) for one in results):
            raise EndpointError("answered without results")
        findings = []
        for result in results:
            flagged, categories = result.get("flagged"), result.get("categories", {})
            scores = result.get("category_scores", {})
            if not isinstance(flagged, bool) or not isinstance(categories, dict) or not isinstance(scores, dict):
                raise EndpointError("answered without results[].flagged and categories")
            names = [name for name, fires in categories.items() if fires is True]
            names += [
                name
                for name, score in scores.items()
                if name in self.labels and name not in names and _as_score(score) >= self.threshold
            ]
            actions = [(name, self.labels.get(name, "refuse" if flagged else "off")) for name in names]
            if flagged and not names:
                actions = [("flagged", self.labels.get("flagged", "refuse"))]
            findings += [Finding(RULE, f"{self.model} says {name}", act) for name, act in actions if act != "off"]
        return findings


def _as_score(score: object) -> float:
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
    def load(cls, name: str, labels: Mapping[str, Setting], threshold: float) -> LocalGuard:
        """Load a model from a folder.

        Without ``labels``, whatever the model calls anything but safe refuses.

        Raises:
            ValueError: ones that the model does not have, or none though none of its labels says "safe".
            OSError: there is no such model.
        """
        folder = Path(name).expanduser()
        if not name or not folder.is_dir():
            raise OSError(f"there is no folder {name!r} that holds a guard model: give transformers:FOLDER")
        from safetensors import SafetensorError
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model = AutoModelForSequenceClassification.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError, SafetensorError) as error:
            first_line = str(error).strip().split("\n")[0]
            raise OSError(f"no guard model can be read from {name}: {first_line}") from None
        labels = labels or usual_actions(model.config.id2label.values())
        check_labels("guard_labels", labels, model.config.id2label.values(), name)
        return cls(name, model, tokenizer, labels, threshold)

    def __call__(self, text: str) -> list[Finding]:
        """What the model says of the text. A long text is read in overlapping windows, of which the worst counts."""
        import torch

        context = min(getattr(self.model.config, "max_position_embeddings", 512), self.tokenizer.model_max_length)
        tokens = self.tokenizer(
            text,
            truncation=True,
            max_length=context,
            stride=min(_OVERLAP, context // 4),
            return_overflowing_tokens=True,
            padding=True,
            return_tensors="pt",
        )
        inputs = {key: tokens[key] for key in ("input_ids", "attention_mask") if key in tokens}
        with torch.no_grad():
            logits = self.model(**inputs).logits  # (windows, labels)
        independent = self.model.config.problem_type == "multi_label_classification" or logits.shape[1] == 1
        scores = (logits.sigmoid() if independent else logits.softmax(-1)).amax(0).tolist()
        findings = []
        for index, score in enumerate(scores):
            label = self.model.config.id2label[index]
            setting = self.labels.get(label, "off")
            if setting != "off" and score >= self.threshold:
                findings.append(Finding(RULE, f"{Path(self.name).name} says {label}, {score:.2f}", setting))
        return findings


def usual_actions(known: Iterable[object]) -> dict[str, Setting]:
    """Actions for labels of which some say that a text is safe: the others refuse. Empty if none says so."""
    names = [str(label) for label in known]
    if not any(name.casefold() in SAFE_LABELS for name in names):
        return {}
    return {name: "refuse" for name in names if name.casefold() not in SAFE_LABELS}


def check_labels(setting: str, labels: Mapping[str, Setting], known: Iterable[object], name: str) -> None:
    """Check that settings name at least one label of a model, and none that it does not have.

    Raises:
        ValueError: they do not.
    """
    available = [str(label) for label in known]
    strangers = [label for label in labels if label not in available]
    if strangers or not labels:
        problem = f"has no label {', '.join(strangers)}" if strangers else "has no settings for its labels"
        raise ValueError(
            f"the model {name} {problem}: set {setting} for some of {', '.join(available)},"
            f" such as {available[0]}=refuse"
        )

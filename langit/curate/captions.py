"""Words for a clip: from a file beside the footage, from a local model that sees pictures, or from a server of one.

Each captioner says who wrote and how it was asked, for the record. Knows nothing of the ledger.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from langit.curate.settings import CaptionSettings


@dataclass(frozen=True)
class WrittenCaption:
    """What was written, and by whom: see the ledger's `Caption`."""

    text: str
    captioner: str
    version: str
    prompt: str | None
    language: str


class Captioner(Protocol):
    """Writes captions of clips."""

    def __call__(self, place: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        """Captions of the stretch of a file between two times, of which ``pictures`` are JPEGs; none if it has none.

        Raises:
            ValueError: what was asked did not answer, or not with words.
        """
        ...


def captioner(settings: CaptionSettings) -> Captioner | None:
    """The captioner that the settings name."""
    if settings.by == "sidecar":
        return SidecarCaptioner(settings)
    if settings.by == "transformers":
        return LocalCaptioner(settings)
    return ServerCaptioner(settings) if settings.by == "openai" else None


def spread(pictures: Sequence[bytes], count: int) -> list[bytes]:
    """``count`` of the pictures, or all if they are fewer, evenly from first to last."""
    if len(pictures) <= count:
        return list(pictures)
    return [pictures[place] for place in np.linspace(0, len(pictures) - 1, count).round().astype(int)]


@dataclass(frozen=True)
class SidecarCaptioner:
    """A text beside the file: ``film.txt``, or ``film.json``.

    The text is of the whole file, a caption on each line. The JSON is a caption, a list of them, or ``{"captions":
    [...]}``; a caption is words, or ``{"text": ..., "language": ..., "start": seconds, "end": seconds}``, which is for
    the clips that lie between those times for the most part.
    """

    settings: CaptionSettings

    def __call__(self, place: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        del pictures
        found = []
        for path in (place.with_suffix(".json"), place.with_suffix(".txt")):
            if not path.is_file():
                continue
            data = path.read_bytes()
            version = hashlib.sha256(data).hexdigest()
            for text, language, start, end in _captions(data, path):
                start, end = start or 0.0, seconds[1] if end is None else end
                shared = min(end, seconds[1]) - max(start, seconds[0])
                if text.strip() and shared > (seconds[1] - seconds[0]) / 2:
                    found.append(WrittenCaption(text.strip(), "sidecar", version, None, language or self.settings.language))
        return found


Said = tuple[str, str | None, float | None, float | None]  # text, language, start, end


def _captions(data: bytes, path: Path) -> list[Said]:
    try:
        text = data.decode("utf-8")
        if path.suffix == ".txt":
            return [(line, None, None, None) for line in text.splitlines()]
        plain = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path.name} cannot be read ({error}): write it in UTF-8, JSON where it says so") from error
    if isinstance(plain, dict) and "captions" in plain:
        plain = plain["captions"]
    return [_said(item, path) for item in (plain if isinstance(plain, list) else [plain])]


def _said(item: Any, path: Path) -> Said:
    if isinstance(item, str):
        return item, None, None, None
    times = [item.get(name) for name in ("start", "end")] if isinstance(item, dict) else []
    if times and isinstance(item.get("text"), str) and all(isinstance(t, (int, float, type(None))) for t in times):
        language = item.get("language")
        return item["text"], language if isinstance(language, str) else None, times[0], times[1]
    raise ValueError(f"{path.name} says {str(item)[:80]!r}: a caption is words, or has a text, and times in seconds")


class LocalCaptioner:
    """Any image-text-to-text model of `transformers`, in a folder or by its name on the Hub; words by greedy search."""

    def __init__(self, settings: CaptionSettings) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.settings = settings
        try:
            self.processor = AutoProcessor.from_pretrained(settings.model)
            model = AutoModelForImageTextToText.from_pretrained(settings.model, dtype=torch.float32)
        except (OSError, ValueError) as error:
            said = str(error).splitlines()[0]
            raise ValueError(f"captions.model {settings.model} cannot be opened ({said}): give another") from error
        self.model = model.eval()
        digest = hashlib.sha256()
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().contiguous().view(torch.uint8).numpy().tobytes())
        self.version = digest.hexdigest()

    def __call__(self, place: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        import torch

        del place, seconds
        shown = [Image.open(io.BytesIO(picture)) for picture in spread(pictures, self.settings.pictures)]
        asked = [{"type": "image"} for _ in shown] + [{"type": "text", "text": self.settings.prompt}]
        prompt = self.processor.apply_chat_template([{"role": "user", "content": asked}], add_generation_prompt=True)
        inputs = self.processor(text=prompt, images=shown, return_tensors="pt")
        with torch.no_grad():
            made = self.model.generate(**inputs, max_new_tokens=self.settings.words, do_sample=False)
        answer = made[0, inputs["input_ids"].shape[1] :]
        text = self.processor.batch_decode([answer], skip_special_tokens=True)[0].strip()
        if not text:
            return []
        return [WrittenCaption(text, self.settings.model, self.version, self.settings.prompt, self.settings.language)]


class ServerCaptioner:
    """Any server that speaks OpenAI's chat completions; pictures go along as data URIs."""

    def __init__(self, settings: CaptionSettings) -> None:
        self.settings = settings
        base = settings.url.rstrip("/")
        self.url = base if base.endswith("/chat/completions") else f"{base.removesuffix('/v1')}/v1/chat/completions"

    def __call__(self, place: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        del place, seconds
        settings = self.settings
        content: list[dict[str, Any]] = [{"type": "text", "text": settings.prompt}]
        for picture in spread(pictures, settings.pictures):
            address = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
            content.append({"type": "image_url", "image_url": {"url": address}})
        body = {
            "model": settings.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": settings.words,
            "temperature": 0,
        }
        answer = self._ask(json.dumps(body).encode())
        try:
            text = answer["choices"][0]["message"]["content"]
            version = str(answer.get("system_fingerprint") or answer.get("model") or settings.model)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.url} answered without a message: is it a chat server?") from error
        if not isinstance(text, str) or not text.strip():
            return []
        return [WrittenCaption(text.strip(), settings.model, version, settings.prompt, settings.language)]

    def _ask(self, body: bytes) -> Any:
        key = os.environ.get(self.settings.key)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = urllib.request.Request(self.url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.settings.seconds) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            raise ValueError(
                f"{self.url} refused ({error.code} {error.reason}): check the model and the key"
            ) from error
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.url} did not answer ({error}): is the server running?") from error

"""Captions for clips: from a file beside the footage, from a local vision-language model, or from a model server.

Each captioner reports who wrote a caption and with which prompt, for the record. It knows nothing of the ledger.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import io
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from PIL import Image

from langit.curate.settings import CaptionSettings

HUB_SECONDS: Final = 20.0


@dataclass(frozen=True)
class WrittenCaption:
    """A caption and its author; the fields are those of the ledger's `Caption`."""

    text: str
    captioner: str
    version: str
    prompt: str | None
    language: str


class Captioner(Protocol):
    """Writes captions for clips."""

    def __call__(self, path: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        """Return the captions of one clip, or an empty list if there are none.

        Args:
            path: the file that the clip is cut from.
            seconds: where the clip starts and ends, counted from the file's first frame.
            pictures: JPEGs of the clip, in order.

        Raises:
            ValueError: the caption file or the model's answer cannot be read.
        """
        ...


def make_captioner(settings: CaptionSettings) -> Captioner | None:
    """Return the captioner that the settings name, or None if clips are kept without captions.

    Raises:
        ValueError: the model cannot be opened.
    """
    if settings.by == "sidecar":
        return SidecarCaptioner(settings)
    if settings.by == "transformers":
        return LocalCaptioner(settings)
    return ServerCaptioner(settings) if settings.by == "openai" else None


def spread(pictures: Sequence[bytes], count: int) -> list[bytes]:
    """Return ``count`` pictures, evenly spaced from first to last, or all of them if there are fewer."""
    if len(pictures) <= count:
        return list(pictures)
    return [pictures[index] for index in np.linspace(0, len(pictures) - 1, count).round().astype(int)]


class TimedCaption(NamedTuple):
    """One entry of a caption file; ``start`` and ``end`` are in seconds, None where the file gives no time."""

    text: str
    language: str | None = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class SidecarCaptioner:
    """Reads ``film.txt`` or ``film.json`` beside ``film.mp4``.

    A text file describes the whole film, one caption per line. A JSON file holds one caption, a list of captions, or
    ``{"captions": [...]}``. A caption is a string, or ``{"text": ..., "language": ..., "start": seconds, "end":
    seconds}``. A caption with times applies to clips that overlap them for more than half of the clip's length.
    """

    settings: CaptionSettings

    def __call__(self, path: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        del pictures
        captions = []
        for sidecar in (path.with_suffix(".json"), path.with_suffix(".txt")):
            if not sidecar.is_file():
                continue
            data = sidecar.read_bytes()
            version = hashlib.sha256(data).hexdigest()
            for text, language, start, end in parse_sidecar(data, sidecar):
                start, end = start or 0.0, seconds[1] if end is None else end
                overlap, length = min(end, seconds[1]) - max(start, seconds[0]), seconds[1] - seconds[0]
                # A picture lasts no time: what is said from its one moment on, or of all times, is said of it.
                if text.strip() and (overlap > length / 2 or overlap == length == 0):
                    language = language or self.settings.language
                    captions.append(WrittenCaption(text.strip(), "sidecar", version, None, language))
        return captions


def parse_sidecar(data: bytes, path: Path) -> list[TimedCaption]:
    """Parse the bytes of a caption file. ``path`` gives its kind and its name in messages.

    Raises:
        ValueError: the file is not UTF-8 (or UTF-16 with a byte order mark), not JSON where it should be, or holds
            something that is not a caption.
    """
    # Windows editors write a byte order mark; it must not become part of the first word.
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
        if "\0" in text:
            raise ValueError("it contains NUL characters")
        if path.suffix == ".txt":
            # str.splitlines would also split at U+2028 and form feeds, which people paste inside a caption.
            return [TimedCaption(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        plain = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path.name} cannot be read ({error}): save it as UTF-8 text, .json as JSON") from error
    if isinstance(plain, dict) and "captions" in plain:
        plain = plain["captions"]
    return [_parse_entry(item, path) for item in (plain if isinstance(plain, list) else [plain])]


def _parse_entry(item: Any, path: Path) -> TimedCaption:
    if isinstance(item, str):
        return TimedCaption(item)
    if isinstance(item, dict) and isinstance(item.get("text"), str):
        start, end = item.get("start"), item.get("end")
        if all(time is None or _is_seconds(time) for time in (start, end)):
            language = item.get("language")
            return TimedCaption(item["text"], language if isinstance(language, str) else None, start, end)
    raise ValueError(
        f"{path.name} holds {str(item)[:80]!r}, which is not a caption: write a string, or an object with a text and"
        " optional start and end in seconds"
    )


def _is_seconds(value: object) -> bool:
    """Whether a JSON value is a finite number; Python's JSON parser accepts NaN and Infinity, too."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class LocalCaptioner:
    """Any image-text-to-text model of `transformers`, from a folder or by its name on the Hub, with greedy decoding."""

    def __init__(self, settings: CaptionSettings) -> None:
        _check_model(settings.model)
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self.settings = settings
        try:
            self.processor = AutoProcessor.from_pretrained(settings.model)
            model = AutoModelForImageTextToText.from_pretrained(settings.model, dtype=torch.float32)
        except (OSError, ValueError) as error:
            cause = str(error).splitlines()[0]
            raise ValueError(
                f"captions.model {settings.model} cannot be opened ({cause}): give a folder, or a name on the Hub"
            ) from error
        self.model = model.eval()
        digest = hashlib.sha256()  # of all weights: a name on the Hub may point to other weights tomorrow
        for name, value in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.detach().contiguous().view(torch.uint8).numpy().tobytes())
        self.version = digest.hexdigest()

    def __call__(self, path: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        import torch

        del path, seconds
        images = [Image.open(io.BytesIO(picture)) for picture in spread(pictures, self.settings.pictures)]
        content = [{"type": "image"} for _ in images] + [{"type": "text", "text": self.settings.prompt}]
        prompt = self.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        inputs = self.processor(text=prompt, images=images, return_tensors="pt")
        with torch.no_grad():
            tokens = self.model.generate(**inputs, max_new_tokens=self.settings.words, do_sample=False)
        answer = tokens[0, inputs["input_ids"].shape[1] :]
        text = self.processor.batch_decode([answer], skip_special_tokens=True)[0].strip()
        if not text:
            return []
        settings = self.settings
        return [WrittenCaption(text, settings.model, self.version, settings.prompt, settings.language)]


def _check_model(model: str) -> None:
    """Refuse a model that is neither here nor on the Hub, which `transformers` looks for for minutes.

    Names on the Hub are ``name`` or ``owner/name``; anything else is a path.
    """
    is_path = model.startswith(("/", ".", "~")) or model.count("/") > 1 or "\\" in model
    if Path(model).is_dir():
        return
    if is_path:
        raise ValueError(f"captions.model {model} is not a folder: give the folder of a model, or a name on the Hub")
    import httpx2
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        if isinstance(try_to_load_from_cache(model, "config.json"), str):
            return
        HfApi().model_info(model, timeout=HUB_SECONDS)
    except (HfHubHTTPError, HFValidationError) as error:
        cause = str(error).splitlines()[0]
        raise ValueError(
            f"captions.model {model} is not a folder, and the Hub refuses the name ({cause}): give the folder of a"
            " model, or a name on the Hub"
        ) from error
    except (httpx2.TransportError, OfflineModeIsEnabled) as error:
        raise ValueError(
            f"captions.model {model} is not a folder, and the Hub cannot be reached ({type(error).__name__}): give the"
            " folder of a model, or connect once"
        ) from error


class ServerCaptioner:
    """Any server with OpenAI's chat completions API; pictures are sent as data URIs."""

    def __init__(self, settings: CaptionSettings) -> None:
        self.settings = settings
        base = settings.url.rstrip("/")
        self.url = base if base.endswith("/chat/completions") else f"{base.removesuffix('/v1')}/v1/chat/completions"

    def __call__(self, path: Path, seconds: tuple[float, float], pictures: Sequence[bytes]) -> list[WrittenCaption]:
        del path, seconds
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
        answer = self._post(json.dumps(body).encode())
        try:
            text = answer["choices"][0]["message"]["content"]
            version = str(answer.get("system_fingerprint") or answer.get("model") or settings.model)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.url} answered without a message: is it a chat server?") from error
        if not isinstance(text, str) or not text.strip():
            return []
        return [WrittenCaption(text.strip(), settings.model, version, settings.prompt, settings.language)]

    def _post(self, body: bytes) -> Any:
        key = os.environ.get(self.settings.key)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = urllib.request.Request(self.url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.settings.seconds) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            raise ValueError(
                f"{self.url} refused the request ({error.code} {error.reason}): check the model's name and the key"
            ) from error
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.url} did not answer ({error}): check that the server runs") from error

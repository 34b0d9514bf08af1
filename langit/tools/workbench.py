"""What the tools work with: models that were allowed, one at a time, and the folders that may be read. No protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langit import config
from langit.generate.board import Board, parse_board
from langit.studio import ReleasedVideo, Studio, StudioOptions, StudioProgress
from langit.studio.naming import claim_free_path, outputs_folder
from langit.studio.progress import OnProgress
from langit.studio.request import StudioRequest
from langit.tools.confine import AllowedFolders


@dataclass
class Workbench:
    """The studios of the models that may be used, opened when first needed.

    models: names or folders; the first is the default.
    folders: what may be read, beside the folder of outputs.
    """

    models: Sequence[str] = ("pocket",)
    folders: Sequence[Path] = ()
    device: str = "auto"
    dtype: str = "auto"
    _studios: dict[str, Studio] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def home(self) -> Path:
        """LANGIT_HOME."""
        return config.home()

    @property
    def files(self) -> AllowedFolders:
        """Files that may be named."""
        return AllowedFolders([outputs_folder(), *self.folders])

    def find_file(self, name: str | None) -> Path | None:
        """A file that a caller names; None stays None."""
        return None if name is None else self.files.find_file(name)

    @contextmanager
    def open_studio(self, model: str | None) -> Iterator[Studio]:
        """The studio of a model, for one thread at a time.

        Raises:
            ValueError: the model is not one of those that were allowed.
        """
        known = {Path(name).name: name for name in self.models}
        wanted = Path(self.models[0]).name if model is None else model
        if wanted not in known:
            raise ValueError(f"model {wanted[:80]!r} is not offered here: use {', '.join(known)}")
        with self._lock:
            if wanted not in self._studios:
                self._studios[wanted] = Studio(known[wanted], device=self.device, dtype=self.dtype)
            yield self._studios[wanted]

    def make(
        self,
        request: StudioRequest,
        options: StudioOptions,
        seed: int | None,
        model: str | None,
        on_progress: OnProgress | None = None,
    ) -> dict[str, Any]:
        """Make one file in the folder of outputs; what it is, as JSON values.

        Raises:
            Refused: a gate refuses the prompt or the frames.
            ValueError, OSError: something cannot be used; the message says what and how to mend it.
        """
        request.check()
        chosen = request.default_seed if seed is None else seed
        with (
            self.open_studio(model) as studio,
            claim_free_path(outputs_folder(), request.title, chosen, request.suffix) as path,
        ):
            (job,) = studio.prepare(request, options, [chosen])
            return describe_made(job.run(path, on_progress=on_progress))

    def read_board(self, seconds: float, cards: Sequence[Mapping[str, Any]], words: Mapping[str, str | None]) -> Board:
        """A storyboard of cards, whose files are confined.

        Raises:
            ValueError: a card is malformed, or names a file that may not be read.
        """
        lines = [f"seconds = {float(seconds)}"]
        lines += [f"{name} = {_toml(value)}" for name, value in words.items() if value]
        for card in cards:
            lines.append("[[card]]")
            for name, value in card.items():
                if name in ("image", "video"):
                    value = str(self.files.find_file(str(value)))
                lines.append(f"{_toml(name)} = {_toml(value)}")
        return parse_board("\n".join(lines), self.files.folders[0])


def describe_made(made: ReleasedVideo) -> dict[str, Any]:
    """A result as JSON values, with its entry in the ledger."""
    return made.as_dict() | {"ledger_entry": made.entry.digest}


def describe_progress(progress: StudioProgress) -> str:
    """Progress in words."""
    step = f"step {progress.done} of {progress.total}"
    return f"{step}, {progress.details}" if progress.details else step


def _toml(value: Any) -> str:
    """A value in TOML.

    Raises:
        ValueError: it is neither text nor a number.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is neither text nor a number: correct that card")
    if not isinstance(value, str):
        return repr(float(value))
    escaped = "".join(f"\\u{ord(one):04x}" if ord(one) < 32 or one in '"\\\x7f' else one for one in value)
    return f'"{escaped}"'

"""A released file as a value that notebooks display. Its pixels are those of the file, watermark included."""

from __future__ import annotations

import base64
import html
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from langit import video
from langit.files import atomic_write
from langit.generate.show import enlarged_size
from langit.ledger.derived import Output
from langit.release import IMAGE, Facts, check_path
from langit.release.credentials.stores import sidecar_name
from langit.shapes import PixelShape

MAX_EMBEDDED: Final = 50_000_000
"""Bytes up to which a notebook embeds the file. Larger ones would make the notebook too large to open."""


@dataclass(frozen=True, eq=False, repr=False)
class ReleasedVideo:
    """A video or image that left through the door.

    path: the file.
    facts: what made it, as signed with the file.
    pixels: frames, height and width.
    notes: what was noted on the way: expansions of the prompt, unknown words, remarks of the gates.
    entry: its entry in the ledger.
    sidecar: the file with its credentials, if its format cannot hold them.
    """

    path: Path
    facts: Facts
    pixels: PixelShape
    notes: tuple[str, ...]
    entry: Output
    sidecar: Path | None = None

    @property
    def frames(self) -> UInt8[np.ndarray, "T H W 3"]:
        """The frames, read from the file each time."""
        if self.path.suffix.lower() == IMAGE:
            with Image.open(self.path) as picture:
                return np.asarray(picture.convert("RGB"))[None]
        return video.read(self.path)

    @property
    def seconds(self) -> float:
        """The length."""
        return self.pixels.frames / self.facts.fps

    def save(self, path: Path | str, overwrite: bool = False) -> Path:
        """Copy the file, bytes and signature unchanged, and return the new path; a sidecar is copied beside it.

        Raises:
            ValueError: the name does not end as the file does.
            FileExistsError: the file exists and ``overwrite`` is not set.
            OSError: the folder is missing or cannot be written to.
        """
        target = Path(path)
        check_path(target, overwrite, (self.path.suffix.lower(),))
        # Bytes, not frames: encoding again would break the signature.
        copies = [] if self.sidecar is None else [(self.sidecar, sidecar_name(target))]
        for source, name in (*copies, (self.path, target)):
            with atomic_write(name, replace=overwrite) as unfinished:
                shutil.copyfile(source, unfinished)
        return target.absolute()

    def as_dict(self) -> dict[str, Any]:
        """The result as plain values for JSON."""
        return {
            "path": str(self.path),
            **({"credentials": str(self.sidecar)} if self.sidecar is not None else {}),
            "ability": self.facts.ability,
            "prompt": self.facts.prompt,
            "asked": self.facts.asked or self.facts.prompt,
            "seed": self.facts.seed,
            "model": self.facts.model,
            "width": self.pixels.width,
            "height": self.pixels.height,
            "frames": self.pixels.frames,
            "fps": self.facts.fps,
            "steps": self.facts.steps,
            "guidance": self.facts.guidance,
            "sha256": self.entry.content_sha256,
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        size = f"{self.pixels.width}x{self.pixels.height}"
        if self.pixels.frames > 1:
            size += f", {self.pixels.frames} frames at {self.facts.fps:g} fps"
        return f"<{type(self).__name__} {str(self.path)!r}: {size}, seed {self.facts.seed}>"

    def _repr_html_(self) -> str:
        words = html.escape(self.facts.prompt or self.facts.ability, quote=True)
        caption = f"<div>{words}, seed {self.facts.seed}<br><code>{html.escape(str(self.path))}</code></div>"
        notes = "".join(f"<div><small>{html.escape(note)}</small></div>" for note in self.notes)
        if not self.path.is_file():
            return f"<div>{html.escape(str(self.path))} is no longer there</div>{caption}{notes}"
        if self.path.stat().st_size > MAX_EMBEDDED:
            return f"<div>too large to show here: open the file</div>{caption}{notes}"
        data = base64.b64encode(self.path.read_bytes()).decode()
        size = enlarged_size(self.pixels.width, self.pixels.height)
        suffix = self.path.suffix.lower()
        if suffix in (IMAGE, ".gif"):
            return f'<img src="data:image/{suffix[1:]};base64,{data}" alt="{words}" {size}>{caption}{notes}'
        return (
            f'<video src="data:video/{suffix[1:]};base64,{data}" {size} controls loop autoplay muted playsinline>'
            f"</video>{caption}{notes}"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        # Jupyter prefers this to _repr_html_ and also stores the plain text.
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

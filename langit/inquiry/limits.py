"""How much of a stranger's file is looked at, and what the process that looks may use. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class InquiryLimits:
    """Limits on a file, which are checked before it is decoded, and on the process that examines it.

    bytes: of the file.
    seconds: length of a video, as its header says.
    pixels: of a frame.
    cpu_seconds, wall_seconds: of the process.
    memory: address space of the process in bytes. Lance and PyArrow reserve much more than they use.
    """

    bytes: int = 64 << 20
    seconds: float = 600.0
    pixels: int = 3840 * 2160
    cpu_seconds: int = 60
    wall_seconds: float = 90.0
    memory: int = 6 << 30

    def check_size(self, size: int) -> None:
        """Refuse a file that is too large.

        Raises:
            TooMuchError: names the size and the limit.
        """
        if size > self.bytes:
            raise TooMuchError(f"the file has more than {self.bytes:,} bytes: give one of at most {self.bytes:,}")

    def check_picture(self, width: int, height: int, seconds: float | None) -> None:
        """Refuse frames or a length that would take too long.

        Raises:
            TooMuchError: names the value and the limit.
        """
        if width * height > self.pixels:
            raise TooMuchError(f"frames of {width}x{height} are too large: at most {self.pixels:,} pixels are examined")
        if seconds is not None and seconds > self.seconds:
            raise TooMuchError(f"{seconds:.0f} seconds are too long: at most {self.seconds:g} seconds are examined")

    def plain(self) -> dict[str, Any]:
        """The limits as JSON values."""
        return dict(vars(self))


class TooMuchError(ValueError):
    """A file is beyond a limit."""


class ExaminationError(ValueError):
    """A file could not be examined: the decoder crashed, or ran into a limit of its process."""

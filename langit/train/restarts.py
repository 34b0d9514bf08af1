"""How a process of a run knows that it is not the first of its place: the run is to be resumed. Imports no torch."""

from __future__ import annotations

import os
from typing import Final

TORCHRUN: Final = "TORCHELASTIC_RESTART_COUNT"  # in which torchrun counts how often it has started all processes again
RESTARTS: Final = "LANGIT_RESTARTS"  # in which `langit train --devices` counts them


def was_restarted() -> bool:
    """Whether this process was started again after one of the run had died, so that the run is to be resumed."""
    return any(int(os.environ.get(name, "0")) > 0 for name in (TORCHRUN, RESTARTS))


def is_launched() -> bool:
    """Whether this is one of several processes that torchrun, or ``--devices``, started."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1

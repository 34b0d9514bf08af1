"""Denoising states of a job on disk: after the process died, another one goes on from the last of them.

A state is the solver's whole value, so the video is the same to the bit as one that nothing interrupted. Files are
safetensors; one that is damaged, or of other settings, is passed over, and the window begins anew.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from langit.config import canonical
from langit.files import atomic_write
from langit.flow.reuse import ReuseMemory
from langit.flow.solvers import PastStep, SolverState
from langit.generate.sampler import SamplingStep, SavedStep

LOGGER: Final = logging.getLogger("langit.studio")
KEY: Final = "langit"


@dataclass
class SamplingStates:
    """The states of one job, one file for each window.

    folder: where they lie; must exist.
    fingerprint: of everything that decides the pixels; states of another one are not used.
    every: seconds between two saved states. The last one of a window that others follow is always saved, since none
        of them could go on without it.
    wanted: says that the next state should be saved whatever the time, because the process is to end.
    """

    folder: Path
    fingerprint: str
    every: float = 2.0
    wanted: Callable[[], bool] = lambda: False
    saved: int = field(default=0, init=False)
    _last: float = field(default_factory=time.monotonic, init=False)

    def keep(self, step: SamplingStep) -> None:
        """Save the state after a step, if it is time to. A full disk is logged and does not stop the job."""
        steps = step.total // step.windows
        number = step.number - (step.window - 1) * steps
        is_needed = number == steps and step.window < step.windows
        if not is_needed and time.monotonic() - self._last < self.every and not self.wanted():
            return
        tensors, facts = flatten_state(step.state)
        facts |= {"fingerprint": self.fingerprint, "number": number, "guided": step.guided}
        data = save(tensors, {KEY: canonical(facts).decode()})
        try:
            with atomic_write(self._path(step.window), durable=True) as unfinished:
                unfinished.write_bytes(data)
        except OSError as error:
            LOGGER.warning("a denoising state could not be saved: %s", error.strerror)
            return
        self.saved += 1
        self._last = time.monotonic()

    def resume(self, window: int, device: torch.device) -> SavedStep | None:
        """The last saved step of a window, counted from 1, on a device; None if there is none."""
        try:
            with safe_open(self._path(window), framework="pt") as file:
                facts = json.loads((file.metadata() or {}).get(KEY, "null"))
                if not isinstance(facts, dict) or facts.get("fingerprint") != self.fingerprint:
                    return None
                tensors = {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118
            return SavedStep(facts["number"], unflatten_state(tensors, facts), facts["guided"])
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None

    def _path(self, window: int) -> Path:
        return self.folder / f"window-{window}.safetensors"


def flatten_state(state: SolverState) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A solver's state as tensors by name, on the CPU, and numbers for JSON."""
    tensors, facts = {"x": state.x}, {"level": state.level, "past": [past.level for past in state.past]}
    for index, past in enumerate(state.past):
        tensors |= {f"past.{index}.x": past.x, f"past.{index}.value": past.value}
    if state.memory is not None:
        memory = state.memory
        tensors |= {f"memory.{name}": getattr(memory, name) for name in ("point", "evaluated", "velocity")}
        facts["memory"] = {name: getattr(memory, name) for name in ("rate", "change", "evaluations")}
    # Copies: some of these tensors are one and the same, which the format does not allow.
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}, facts


def unflatten_state(tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> SolverState:
    """The state that :func:`flatten_state` took apart.

    Raises:
        KeyError, TypeError: a part is missing.
    """
    past = tuple(
        PastStep(level, tensors[f"past.{index}.x"], tensors[f"past.{index}.value"])
        for index, level in enumerate(facts["past"])
    )
    memory = None
    if "memory" in facts:
        point, evaluated, velocity = (tensors[f"memory.{name}"] for name in ("point", "evaluated", "velocity"))
        memory = ReuseMemory(point, evaluated, velocity, **facts["memory"])
    return SolverState(tensors["x"], facts["level"], past, memory)


@dataclass(frozen=True)
class SavingSteps:
    """A callback for steps that saves states before it reports the step, and knows where to go on."""

    states: SamplingStates
    on_step: Callable[[SamplingStep], None]
    device: torch.device

    def __call__(self, step: SamplingStep) -> None:
        """Save, then report: what is called last may raise an exception to cancel."""
        self.states.keep(step)
        self.on_step(step)

    def resume(self, window: int) -> SavedStep | None:
        """The last saved step of a window."""
        return self.states.resume(window, self.device)

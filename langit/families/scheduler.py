"""The scheduler that a checkpoint names, as sampling settings; and where it differs from what its makers use.

The checkpoint is followed, so that it samples as it does elsewhere; differences are reported. Settings are plain
values: a room below gives them a meaning. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from langit.families.table import Family, FewSteps

_UNIPC: Final = {
    "prediction_type": "flow_prediction",
    "use_flow_sigmas": True,
    "solver_order": 2,
    "solver_type": "bh2",
    "predict_x0": True,
    "lower_order_final": True,
    "final_sigmas_type": "zero",
    "num_train_timesteps": 1000,
}
"""What a UniPC scheduler has to be set to for a solver of this project; diffusers' own values where a key is missing
are below."""
_UNIPC_DEFAULTS: Final = {"prediction_type": "epsilon", "use_flow_sigmas": False, "flow_shift": 1.0}
_OFF: Final = (
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_dynamic_shifting",
    "thresholding",
    "shift_terminal",
    "disable_corrector",
    "invert_sigmas",
    "stochastic_sampling",
)
"""Variations that are not supported, and have to be off."""


@dataclass(frozen=True)
class SchedulerReading:
    """Sampling settings, and what to tell the person about them."""

    sampling: Mapping[str, Any]
    notes: tuple[str, ...]


def read_scheduler(
    plain: Mapping[str, Any] | None, family: Family, preset: FewSteps | None, boundary: float | None
) -> SchedulerReading:
    """The settings that a checkpoint is sampled with unless a person chooses others.

    Args:
        plain: its ``scheduler_config.json``; None if it has none, so that the makers' settings count.
        family: the makers' settings.
        preset: for checkpoints that were distilled for a few steps; it counts instead of the scheduler.
        boundary: the ``boundary_ratio`` of its ``model_index.json``.

    Raises:
        ValueError: a scheduler that cannot be followed; the message says which can.
    """
    notes: list[str] = []
    settings: dict[str, Any] = {
        "steps": family.steps,
        "guidance": family.guidance,
        "guidance_low": family.guidance_low,
        "negative": family.negative,
        "solver": "unipc",
        "scheduler": "unipc",
        "shift": family.shift,
        "boundary": family.boundary if boundary is None else boundary,
    }
    if boundary is not None and family.boundary is not None and boundary != family.boundary:
        notes.append(
            f"this checkpoint hands over to its second expert at {boundary:g}, its makers at {family.boundary:g}"
            f" ({family.source}): the checkpoint is followed"
        )
    if preset is not None:
        return SchedulerReading(settings | few_steps(preset), (*notes, describe_preset(preset)))
    if plain is None:
        notes.append(
            f"this checkpoint has no scheduler config: it is sampled as its makers do, UniPC at shift {family.shift:g}"
            f" ({family.source})"
        )
        return SchedulerReading(settings, tuple(notes))
    name, shift = _kind_and_shift(plain)
    settings |= {"scheduler": name, "solver": name, "shift": shift}
    if shift not in (family.shift, *family.also):
        notes.append(
            f"this checkpoint's scheduler has shift {shift:g}, its makers sample with {family.shift:g}"
            f" ({family.source}): the checkpoint is followed; --shift {family.shift:g} follows the makers"
        )
    if name != "unipc":
        notes.append(
            f"this checkpoint's scheduler is {plain['_class_name']}, its makers sample with UniPC: the checkpoint is"
            " followed"
        )
    return SchedulerReading(settings, tuple(notes))


def few_steps(preset: FewSteps) -> dict[str, Any]:
    """The settings of a few-step preset: without guidance, which such weights have learnt."""
    return {
        "steps": len(preset.timesteps),
        "guidance": 1.0,
        "guidance_low": None,
        "negative": "",
        "solver": "euler",
        "scheduler": "listed",
        "timesteps": list(preset.timesteps),
        "shift": preset.shift,
        "renoise": preset.renoise,
    }


def describe_preset(preset: FewSteps) -> str:
    """What a preset does, for people."""
    listed = ", ".join(f"{timestep:g}" for timestep in preset.timesteps)
    return (
        f"preset {preset.name}: {len(preset.timesteps)} steps at timesteps {listed} with shift {preset.shift:g},"
        f" without guidance ({preset.source})"
    )


def _kind_and_shift(plain: Mapping[str, Any]) -> tuple[str, float]:
    kind = plain.get("_class_name")
    wrong = [key for key in _OFF if plain.get(key)]
    if kind == "UniPCMultistepScheduler":
        found = {**_UNIPC, **_UNIPC_DEFAULTS, **plain}
        wrong += [key for key, value in _UNIPC.items() if found[key] != value]
        shift = found["flow_shift"]
    elif kind == "FlowMatchEulerDiscreteScheduler":
        shift = plain.get("shift", 1.0)
        wrong += [] if plain.get("num_train_timesteps", 1000) == 1000 else ["num_train_timesteps"]
    else:
        raise ValueError(
            f"scheduler {kind!r} cannot be followed: use UniPCMultistepScheduler or FlowMatchEulerDiscreteScheduler, or"
            " remove scheduler/scheduler_config.json to sample as the makers do"
        )
    if wrong:
        listed = ", ".join(f"{key} {plain.get(key)!r}" for key in wrong)
        raise ValueError(
            f"scheduler {kind} with {listed} cannot be followed: remove scheduler/scheduler_config.json to sample as"
            " the makers do"
        )
    if isinstance(shift, bool) or not isinstance(shift, int | float) or not 0.1 <= shift <= 100:
        raise ValueError(f"the scheduler's shift {shift!r} is not a number from 0.1 to 100: get the checkpoint again")
    return ("unipc" if kind == "UniPCMultistepScheduler" else "euler"), float(shift)

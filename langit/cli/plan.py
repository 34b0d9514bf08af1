"""The verb ``plan``: what a video, or the training of a recipe, takes before anything is loaded."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langit.cli.entry import app
from langit.cli.printing import say
from langit.printable import to_json

if TYPE_CHECKING:
    from langit.plan.generation import GenerationPlan
    from langit.plan.model import PlannedModel

SMALL = 0.01
"""Units below which a number is shown with more digits."""


@app.command()
def plan(
    recipe: Annotated[str | None, typer.Argument(help="A recipe, to plan its training.")] = None,
    changes: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it.")] = None,
    model: Annotated[str | None, typer.Option(help="A model, to plan a video: name, folder or OWNER/NAME.")] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Number of frames.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length in seconds, instead of --frames.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Solver steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Guidance scale; 1 takes half the time.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda …, or a GPU that is not here, such as H100.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    offload: Annotated[str, typer.Option(help="none, parts or blocks.")] = "none",
    weights: Annotated[str, typer.Option(help="Keep linear weights in fp8 or int8.", show_default=False)] = "",
    tiled: Annotated[bool, typer.Option("--tiled", help="Decode large frames in overlapping tiles.")] = False,
    manifest: Annotated[str | None, typer.Option(help="Training: a curated set of footage.")] = None,
    devices: Annotated[str, typer.Option(help="Training: such as 8xH100; default this machine's.")] = "",
    price: Annotated[float | None, typer.Option(help="Training: what one device costs for an hour.")] = None,
    share: Annotated[float | None, typer.Option(help="Training: share of the devices' peak that is reached.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a video (--model) or a recipe's training takes: memory, operations, time. Loads nothing."""
    if (recipe is None) == (model is None):
        raise ValueError("give either a recipe, to plan its training, or --model, to plan a video")
    if recipe is not None:
        from langit.cli.training_plan import say_training_plan

        say_training_plan(recipe, manifest, devices, price, share, changes)
        return
    assert model is not None
    from langit.plan.hardware import find_hardware, free_memory, hardware_of
    from langit.plan.model import check_pixels, find_model, planned_pixels
    from langit.studio.opening import check_weights

    placement, elsewhere = _placement(device, dtype, offload)
    storage = check_weights(weights, placement)
    hardware = find_hardware(device) if elsewhere else hardware_of(placement)
    known = find_model(model)

    from langit.plan.generation import VideoWork, plan_generation
    from langit.plan.process import base_memory

    base = base_memory(placement, known.family is not None)
    available = hardware.memory if elsewhere else free_memory(placement) + base

    scale = known.guidance if guidance is None else guidance
    if not math.isfinite(scale):
        raise ValueError(f"--guidance {scale} is not a number: use for example 5, or 1 for none")
    pixels = planned_pixels(known, size, frames, seconds)
    check_pixels(known, pixels)
    work = VideoWork(
        pixels=pixels,
        steps=known.steps if steps is None else steps,
        guided=scale != 1,
        placement=placement,
        storage=storage,
        tiled=tiled,
    )
    planned = plan_generation(known.sizes, work, hardware, base)
    if as_json:
        typer.echo(to_json(_as_dict(known, planned, available), None))
        return
    for line in _lines(known, planned, available):
        say(line)


def _placement(device: str, dtype: str, offload: str) -> tuple[Any, bool]:
    """The placement, and whether its device is one of the table that is not here."""
    import torch

    from langit.device import DTYPES, Placement
    from langit.plan.hardware import find_hardware

    try:
        return Placement.choose(device, dtype, offload), False
    except ValueError:
        here = Placement.choose("cpu", "fp32", offload)  # raises if it is the offloading that is unknown
        if dtype not in ("auto", *DTYPES):
            raise
        find_hardware(device)  # raises: neither here nor in the table
        chosen = torch.bfloat16 if dtype == "auto" else DTYPES[dtype]
        return replace(here, device=torch.device("cuda"), dtype=chosen), True


def _lines(model: PlannedModel, plan: GenerationPlan, available: int) -> list[str]:
    from langit.plan.hardware import GIB

    work, place = plan.work, plan.work.placement
    dtype = str(place.dtype).removeprefix("torch.") + (f", linear weights in {work.storage}" if work.storage else "")
    parameters = ", ".join(f"{name} {_short(count)}" for name, count in plan.parameters.items())
    lines = [
        f"model       {model.name} ({'its configs' if model.here else 'not here: published sizes of its family'})",
        f"parameters  {parameters}",
        f"video       {work.pixels}: {plan.tokens} tokens, {work.steps} steps{', guided' if work.guided else ''}",
        f"device      {plan.hardware.name} in {dtype}, offload {place.offload} ({plan.hardware.source})",
    ]
    for phase in plan.phases:
        lines.append(
            f"{'':12}{phase.name:28}{phase.memory / GIB:8.2f} GiB ({phase.weights / GIB:.2f} of weights)"
            f"{_short(phase.flops):>9}FLOP{_time(phase.seconds):>10}"
        )
    fits = "fits" if plan.memory <= available else "does not fit"
    process = f", {plan.base / GIB:.2f} of them the process" if plan.base else ""
    return [
        *lines,
        f"memory      {plan.memory / GIB:.2f} GiB at the peak{process}; {available / GIB:.1f} GiB there: {fits}",
        f"operations  {_short(plan.flops)}FLOP",
        f"time        about {_time(plan.seconds)}",
    ]


def _as_dict(model: PlannedModel, plan: GenerationPlan, available: int) -> dict[str, Any]:
    return {
        "model": model.name,
        "here": model.here,
        "size": str(plan.work.pixels),
        "tokens": plan.tokens,
        "steps": plan.work.steps,
        "guided": plan.work.guided,
        "device": plan.hardware.name,
        "dtype": str(plan.work.placement.dtype).removeprefix("torch."),
        "offload": plan.work.placement.offload,
        "weights": plan.work.storage,
        "tiled": plan.work.tiled,
        "parameters": dict(plan.parameters),
        "phases": [
            {
                "name": phase.name,
                "weights": phase.weights,
                "activations": phase.activations,
                "flops": phase.flops,
                "seconds": phase.seconds,
            }
            for phase in plan.phases
        ],
        "process": plan.base,
        "memory": plan.memory,
        "available": available,
        "fits": plan.memory <= available,
        "flops": plan.flops,
        "seconds": plan.seconds,
    }


def _short(number: float) -> str:
    for power, letter in ((15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {letter}"
    return f"{number:.3g} "


def _time(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 90:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.1f} s" if seconds >= SMALL * 100 else f"{seconds * 1000:.3g} ms"

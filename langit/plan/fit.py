"""Whether a video fits into a device's memory, and what would if it does not.

Knows no command: remedies are named as options of the command line, which are also arguments of ``Studio``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch

from langit.device import OFFLOADS, Placement
from langit.plan.generation import GenerationPlan, Traces, VideoWork, plan_generation
from langit.plan.hardware import GIB, Hardware, free_memory
from langit.plan.model import PlannedModel
from langit.plan.process import base_memory
from langit.shapes import Compression, PixelShape, whole_frames

RESERVE: Final = 0.03
"""The share of the free memory that is left alone: allocators round up, and other programs move."""
FEWEST: Final = 5  # frames of the shortest video, of two latent frames
NAMED: Final = 3
"""Remedies that an error message names."""


def plan_here(
    model: PlannedModel, pixels: PixelShape, work: VideoWork, hardware: Hardware, traces: Traces | None = None
) -> GenerationPlan:
    """Plan a video on this machine: the process's own memory counts on a CPU."""
    base = base_memory(work.placement, model.family is not None)
    return plan_generation(model.sizes, replace(work, pixels=pixels), hardware, base, traces)


def check_fits(model: PlannedModel, work: VideoWork, available: int | None = None) -> GenerationPlan:
    """Refuse a video that does not fit into the device's memory, before anything is loaded.

    Args:
        model: its networks.
        work: the video.
        available: bytes that the process may hold on the device; what is free now and what it holds, if left out.

    Raises:
        ValueError: names what it takes, what there is, and what would fit.
    """
    hardware = Hardware("", 0, {"fp32": 1e12}, 1e12, 1e12, "")  # only memory counts here
    traces: Traces = {}
    plan = plan_here(model, work.pixels, work, hardware, traces)
    if available is None:
        available = free_memory(work.placement) + plan.base
    usable = int(available * (1 - RESERVE))
    if plan.memory <= usable:
        return plan
    fitting = []
    # Where the process itself takes all there is, no setting helps, and trying them takes seconds.
    for words, changed in remedies(model, work) if usable > plan.base else ():
        if plan_here(model, changed.pixels, changed, hardware, traces).memory <= usable:
            fitting.append(words)
        if len(fitting) == NAMED:
            break
    where = "RAM" if work.placement.device.type == "cpu" else str(work.placement.device)
    advice = f"use {' or '.join(fitting)}" if fitting else "no setting that is known fits: use a smaller model"
    raise ValueError(
        f"{model.name} at {work.pixels} needs {plan.memory / GIB:.1f} GiB and {where} has {available / GIB:.1f} GiB:"
        f" {advice} (langit plan shows why)"
    )


def remedies(model: PlannedModel, work: VideoWork) -> Iterator[tuple[str, VideoWork]]:
    """Settings that take less memory, in the order in which they cost time or quality."""
    place = work.placement
    half = place.dtype == torch.float32
    for offload in OFFLOADS[OFFLOADS.index(place.offload) + 1 :]:
        if not work.storage:
            # mypy takes the names of a loop for any text
            yield f"--offload {offload}", replace(work, placement=replace(place, offload=offload))  # type: ignore[arg-type]
    if not work.tiled:
        yield "--tiled", replace(work, tiled=True)
    if half:
        yield "--dtype bf16", replace(work, placement=replace(place, dtype=torch.bfloat16))
    if not work.storage and place.offload == "none":
        yield "--weights fp8", replace(work, storage="fp8")
    least = Placement(place.device, torch.bfloat16, "blocks")
    if half and place.offload != "blocks":
        yield "--offload blocks --dtype bf16", replace(work, placement=least)
    if place.offload != "blocks" and not work.storage and not work.tiled:
        yield "--offload blocks --tiled", replace(work, placement=replace(place, offload="blocks"), tiled=True)
    for pixels in smaller_sizes(model, work.pixels):
        words = f"--size {pixels.width}x{pixels.height} --frames {pixels.frames}"
        yield words, replace(work, pixels=pixels)
        yield f"{words} --offload blocks --dtype bf16", replace(work, pixels=pixels, placement=least, storage="")


def smaller_sizes(model: PlannedModel, pixels: PixelShape) -> Iterator[PixelShape]:
    """The same video shorter and smaller, in sizes that the model takes."""
    cell = 32 if model.family is None else model.family.cell
    half = max(whole_frames(max(pixels.frames // 2, 1), Compression()), FEWEST)
    for frames, divisor in ((half, 1), (pixels.frames, 2), (17, 2), (5, 4)):
        sides = [max(side // divisor // cell, 1) * cell for side in (pixels.width, pixels.height)]
        candidate = PixelShape(min(frames, pixels.frames), sides[1], sides[0])
        if candidate != pixels:
            yield candidate


def default_work(model: PlannedModel, placement: Placement) -> VideoWork:
    """The video that the model makes when nothing is asked."""
    return VideoWork(model.pixels, model.steps, model.guidance != 1, placement)

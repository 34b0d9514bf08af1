"""The verb ``models``: what is here, what is known, and what is missing to run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer

if TYPE_CHECKING:
    from langit.studio.models import ModelEntry


@app.command()
def models(
    name: Annotated[
        str | None, typer.Argument(help="One model or family: its name, folder or OWNER/NAME; default all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the models that are here and the families that are known, with what is missing to run them."""
    from langit.studio.models import describe_model, list_models

    if name is None:
        entries = list_models()
        answer({"models": [entry.as_dict() for entry in entries]}, as_json, _lines(entries))
        return
    entry = describe_model(name)
    needs = _memory(entry.name) if entry.where != "shipped" else ()
    values = {**entry.as_dict(), "plans": dict(needs)}
    answer(values, as_json, (*_details(entry), *(f"{'':12}{what}: {much:.1f} GiB" for what, much in needs)))


def _lines(entries: tuple[ModelEntry, ...]) -> Iterator[str]:
    for entry in entries:
        memory = f", {entry.memory} GB of GPU memory by its makers" if entry.memory else ""
        yield f"{entry.where:10}{entry.name}"
        yield f"{'':10}{entry.title}; {entry.licence or 'licence unknown'}; {entry.gigabytes:.2g} GB{memory}"
        yield from (f"{'':10}missing: {what}" for what in entry.missing)


def _details(entry: ModelEntry) -> Iterator[str]:
    for what, text in (
        ("model", entry.name),
        ("is", entry.title),
        ("where", f"{entry.where} {entry.place}".strip()),
        ("licence", entry.licence or "unknown"),
        ("trained on", entry.training),
        ("weights", f"{entry.gigabytes:.3g} GB"),
        ("memory", f"{entry.memory} GB of GPU memory by its makers" if entry.memory else "its makers name none"),
        ("missing", "; ".join(entry.missing) or "nothing"),
    ):
        yield f"{what:12}{text}"


def _memory(name: str) -> tuple[tuple[str, float], ...]:
    """What a video of its default size takes in bf16, as ``langit plan`` computes it, with and without offloading."""
    import torch

    from langit.device import Placement
    from langit.plan.fit import default_work, plan_here
    from langit.plan.hardware import GIB, Hardware
    from langit.plan.model import find_model

    planned = find_model(name)
    hardware = Hardware("", 0, {"fp32": 1e12, "bf16": 1e12}, 1e12, 1e12, "")  # only memory counts here
    found = []
    for offload in ("none", "blocks"):
        work = default_work(planned, Placement(torch.device("cpu"), torch.bfloat16, offload))
        plan = plan_here(planned, planned.pixels, work, hardware)
        words = f"{planned.pixels} in bf16" + (f" with --offload {offload}" if offload != "none" else "")
        found.append((words, (plan.memory - plan.base) / GIB))
    return tuple(found)

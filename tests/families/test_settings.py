"""The makers' settings by family, and what a checkpoint's scheduler changes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from langit import config
from langit.device import Placement
from langit.families.load import open_checkpoint
from langit.families.scheduler import few_steps, read_scheduler
from langit.families.table import FAMILIES, PRESETS, families_that_carry, family_named, preset_for
from langit.generate.settings import OpenSampling

UNIPC = {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": True}


def test_the_table_holds_what_is_on_record() -> None:
    a14b, ti2v = family_named("wan2.2-t2v-a14b"), family_named("wan2.2-ti2v-5b")
    assert (a14b.steps, a14b.guidance, a14b.guidance_low, a14b.shift, a14b.boundary) == (40, 4.0, 3.0, 12.0, 0.875)
    image = family_named("wan2.2-i2v-a14b")
    assert (image.guidance, image.guidance_low, image.shift, image.boundary) == (3.5, 3.5, 5.0, 0.9)
    assert (ti2v.fps, ti2v.frames, ti2v.cell, ti2v.sizes[0]) == (24.0, 121, 32, "1280x704")
    assert {family.licence for family in FAMILIES} == {"Apache-2.0"}
    for family in FAMILIES:
        assert family.source and family.negative.startswith("色调艳丽") and family.needs <= family.carries
        for size in family.pixels:
            assert size.width % family.cell == size.height % family.cell == 0 and size.frames % 4 == 1
        config.load(OpenSampling, dict(read_scheduler(None, family, None, None).sampling))  # raises on wrong values


def test_a_family_is_found_for_all_that_can_be_given() -> None:
    for given in (set(), {"first"}, {"last"}, {"first", "last"}, {"region"}, {"first", "region"}):
        assert families_that_carry(frozenset(given))


@pytest.mark.parametrize(
    ("plain", "scheduler", "shift", "said"),
    [
        (None, "unipc", 12.0, "no scheduler config: it is sampled as its makers do, UniPC at shift 12"),
        (UNIPC | {"flow_shift": 12.0}, "unipc", 12.0, ""),
        (UNIPC | {"flow_shift": 3.0}, "unipc", 3.0, "shift 3, its makers sample with 12"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 12.0}, "euler", 12.0, "makers sample with UniPC"),
    ],
)
def test_a_checkpoints_scheduler_is_followed_with_a_note(
    plain: dict[str, Any] | None, scheduler: str, shift: float, said: str
) -> None:
    reading = read_scheduler(plain, family_named("wan2.2-t2v-a14b"), None, 0.875)
    assert (reading.sampling["scheduler"], reading.sampling["shift"]) == (scheduler, shift)
    assert reading.sampling["boundary"] == 0.875
    assert (said in " ".join(reading.notes)) if said else reading.notes == ()


def test_another_boundary_is_followed_with_a_note() -> None:
    reading = read_scheduler(None, family_named("wan2.2-t2v-a14b"), None, 0.9)
    assert reading.sampling["boundary"] == 0.9 and "at 0.9, its makers at 0.875" in reading.notes[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"solver_order": 3},
        {"solver_type": "bh1"},
        {"use_karras_sigmas": True},
        {"final_sigmas_type": "sigma_min"},
        {"flow_shift": "large"},
        {"flow_shift": 0},
        {"use_flow_sigmas": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_scheduler_that_cannot_be_followed_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes)).removeprefix("flow_")):
        read_scheduler(UNIPC | {"flow_shift": 5.0} | changes, FAMILIES[0], None, None)


def test_few_step_checkpoints_are_known_by_their_names() -> None:
    for name, preset in {
        "FastVideo/FastWan2.2-TI2V-5B-FullAttn-Diffusers": "fastwan",
        "lightx2v/Wan2.1-T2V-14B-StepDistill-CfgDistill": "lightx2v",
        "me/wan2.2-4step": "lightx2v",
        "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": None,
    }.items():
        found = preset_for(name)
        assert (found.name if found else None) == preset
    for preset in PRESETS.values():
        sampling = config.load(OpenSampling, {"levels": {}, **few_steps(preset)})
        assert sampling.guidance == 1 and len(sampling.schedule(1, 1.0).told) == sampling.steps


def test_half_precision_keeps_what_diffusers_keeps(saved: Callable[[str], Path]) -> None:
    bundle = open_checkpoint(saved("wan2.1-i2v"), Placement(dtype=torch.bfloat16))
    kinds = {name: weight.dtype for name, weight in bundle.transformer.named_parameters()}
    single = {name for name, dtype in kinds.items() if dtype == torch.float32}
    assert single == {
        name for name in kinds if any(part in name for part in ("time_embedder", "scale_shift_table", "norm1", "norm2"))
    }
    assert {weight.dtype for weight in bundle.text.parameters()} == {torch.bfloat16}
    assert {weight.dtype for weight in bundle.autoencoder.parameters()} == {torch.float32}

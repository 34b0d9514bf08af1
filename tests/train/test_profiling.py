"""Ten steps of a stage are recorded, with a trace and a table; steps before and after are not."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from langit.device import CPU
from langit.train.profiling import STEPS, WARM, profiling


def test_ten_steps_of_each_stage_are_recorded(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def train(stage: str, first: int, count: int) -> None:
        for step in range(first, first + count):
            torch.ones(4, 4) @ torch.ones(4, 4)
            report(stage, step, 100, "loss 0.5")

    with profiling(lambda stage, step, *_: seen.append((stage, step)), tmp_path / "there", CPU) as report:
        report("films of a world", 3, 9, "")
        train("long", 41, WARM + STEPS + 5)
        train("short", 1, WARM + 4)
    assert len(seen) == 2 * WARM + STEPS + 10, "every report is passed on"
    assert len(list((tmp_path / "there").iterdir())) == 4, "of training alone"
    for stage, steps in (("long", STEPS), ("short", 3)):
        events = json.loads((tmp_path / "there" / f"{stage}.json").read_text())["traceEvents"]
        assert sum(event.get("name") == "aten::matmul" for event in events) == steps
        assert "aten::matmul" in (tmp_path / "there" / f"{stage}.txt").read_text()


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    def report(*_: object) -> None: ...

    with profiling(report, None, CPU) as same:
        assert same is report
    assert not list(tmp_path.iterdir())

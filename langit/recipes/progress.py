"""What a stage says while it trains: a line of figures for whoever watches, and rows in `train.journal`'s file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from langit.recipes.films import Report
from langit.train.journal import Journal, LevelLosses, ProgressRow
from langit.train.tasks import SavePreview
from langit.train.trainer import StepStats

TENTHS: Final = (("little", slice(0, 3)), ("middle", slice(3, 7)), ("much", slice(7, 10)))
"""Ranges of noise in a line of figures; the file has ten."""


class StageProgress:
    """Call it with the figures of every step of a stage; ``report`` gets a line each time."""

    def __init__(self, stage: str, folder: Path, report: Report, by_level: LevelLosses | None = None) -> None:
        self.stage, self.report, self.journal = stage, report, Journal(folder, by_level)

    def __call__(self, stats: StepStats) -> None:
        self.journal.add(stats)
        self.report(self.stage, stats.step, stats.steps, progress_line(stats, self.journal.newest))


def progress_line(stats: StepStats, row: ProgressRow | None = None) -> str:
    """A step in a few words; rates are those since the row before, where there is one."""
    clips, tokens = stats.clips_per_second, stats.tokens_per_second
    mfu = stats.share_of_peak
    waits = stats.data_seconds / stats.step_seconds if stats.step_seconds else 0.0
    if row is not None:
        clips, tokens, mfu, waits = row.clips_per_second, row.tokens_per_second, row.mfu, row.data_wait_share
    parts = [
        f"loss {stats.smooth_loss:.4f}{_by_level(row)}",
        f"{clips:.1f} clips/s",
        f"{tokens / 1e3:.1f}k tokens/s" if tokens >= 1e3 else f"{tokens:.0f} tokens/s",
        f"MFU {mfu:.0%} of {_operations(stats.peak)}",
        f"waits for data {waits:.0%}",
    ]
    return "  ".join(parts)


def _by_level(row: ProgressRow | None) -> str:
    """Losses by noise, from little to much."""
    if row is None or not any(row.loss_by_level):
        return ""
    words = []
    for name, tenths in TENTHS:
        values = [loss for loss in row.loss_by_level[tenths] if loss is not None]
        if values:
            words.append(f"{name} {sum(values) / len(values):.2f}")
    return f" (noise: {', '.join(words)})"


def _operations(per_second: float) -> str:
    return f"{per_second / 1e12:.3g} TFLOP/s" if per_second >= 1e12 else f"{per_second / 1e9:.3g} GFLOP/s"


def noted_preview(save: SavePreview, stage: str, note: Callable[[str], None]) -> SavePreview:
    """A preview that says where its sheet lies, once it is there."""

    def save_and_note(step: int, folder: Path) -> None:
        save(step, folder)
        newest = max(folder.glob("sheet-*.png"), default=None)
        if newest is not None:
            note(f"{stage}: samples at step {step:,}: {newest}")

    return save_and_note

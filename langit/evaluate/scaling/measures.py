"""The results of a training run: its loss on held-out clips, and the probe's scores of its videos.

Every run gets the same clips and captions, the same noise at the same levels, and the same prompts and seeds. Does not
know how a run was trained.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from langit.evaluate.fidelity.scores import LANGUAGES, ShownVideo, cases
from langit.evaluate.figures.intervals import Rate, rate
from langit.evaluate.judges.probe import Probe, judge
from langit.evaluate.judges.truth import CLASSES, agreement
from langit.feed.latents import LatentClip
from langit.feed.loader import LatentFeed
from langit.feed.windows import WindowConfig
from langit.generate import Model, generate_many
from langit.patches.known import KnownConfig
from langit.shapes import PixelShape
from langit.train.tasks import FlowConfig, FlowTask

ALL, EVERYTHING = "all attributes", "everything"
_BATCH = 8
_SEED = 20_260_101  # of noise and levels, which are the same for every run


@dataclass(frozen=True)
class HeldOutLoss:
    """Mean squared error of the velocity, averaged over tokens and draws of each clip, then over clips."""

    mean: float
    error: float  # one standard error of the mean over clips
    clips: int
    draws: int


@torch.no_grad()
def held_out_loss(
    model: Model, clips: Sequence[LatentClip], flow: FlowConfig, draws: int, progress: Callable[[int, int], None]
) -> HeldOutLoss:
    """Compute the flow loss on whole clips with their full captions, all patches weighted equally.

    Args:
        model: the model to test.
        clips: clips that it was not trained on.
        flow: its training settings, which define how levels are drawn.
        draws: number of levels and noises for every clip.
        progress: called with the number of batches that are done, and of all.

    Raises:
        ValueError: there are fewer than two clips, or no draws.
    """
    if len(clips) < 2 or draws < 1:
        raise ValueError(f"{len(clips)} held-out clips, {draws} draws: use at least 2 and 1")
    plain = replace(flow, drop_caption=0.0, drop_word=0.0, windows=WindowConfig(), known=KnownConfig())
    task = FlowTask(model.transformer, model.text, plain, lambda *_: None)
    feed = LatentFeed(clips, flow.token_budget, _SEED)
    steps = next(step for step in range(len(clips) + 1) if feed.order.epoch(step) > 0)
    losses: dict[str, list[float]] = {clip.digest: [] for clip in clips}
    for done, (draw, step) in enumerate(((draw, step) for draw in range(draws) for step in range(steps)), start=1):
        batch = feed.batch(step)
        token_losses, _ = task.losses(batch, torch.Generator().manual_seed(_SEED + draw * 100_003 + step))
        for clip, errors in zip(batch.clips, token_losses.split(list(batch.items.lengths)), strict=True):
            losses[clip].append(float(errors.mean()))
        progress(done, draws * steps)
    means = [statistics.fmean(values) for values in losses.values()]
    error = statistics.stdev(means) / math.sqrt(len(means))
    return HeldOutLoss(statistics.fmean(means), error, len(means), draws)


def fidelity_rates(
    model: Model, probe: Probe, pixels: PixelShape, prompts: int, seeds: int, progress: Callable[[int, int], None]
) -> tuple[Mapping[str, Rate], tuple[ShownVideo, ...]]:
    """Return how often the probe sees what unseen prompts say: by attribute, over all of them, and all at once.

    Languages alternate, as in `fidelity.score`. Also returns each prompt's first video, for people to look at.

    Raises:
        ValueError: there are too few prompts or seeds.
    """
    if seeds < 1:
        raise ValueError(f"{seeds} seeds make no video: use at least 1")
    chosen = cases(prompts)
    orders = [(one, LANGUAGES[(index + seed) % 2], seed) for seed in range(seeds) for index, one in enumerate(chosen)]
    answers: list[dict[str, bool]] = []
    shown: list[ShownVideo] = []
    for start in range(0, len(orders), _BATCH):
        part = orders[start : start + _BATCH]
        texts = [one.texts[language] for one, language, _ in part]
        videos = [made.frames for made in generate_many(texts, model, seeds=[seed for *_, seed in part], pixels=pixels)]
        shown += [ShownVideo(*pair) for pair in zip(texts, videos, strict=True)][: max(0, prompts - len(shown))]
        answers += [
            agreement(one.truth, verdict) for (one, *_), verdict in zip(part, judge(probe, videos), strict=True)
        ]
        progress(len(answers), len(orders))
    rates = {name: rate([answer[name] for answer in answers if name in answer]) for name in CLASSES}
    rates[ALL] = rate([right for answer in answers for right in answer.values()])
    rates[EVERYTHING] = rate([all(answer.values()) for answer in answers])
    return rates, tuple(shown)

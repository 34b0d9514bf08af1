"""Contact sheets that a run leaves to look at: videos of prompts, and reconstructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from langit import sheet
from langit.autoencoder.model import to_float, to_frames
from langit.autoencoder.protocol import VideoAutoencoder
from langit.device import placement_of
from langit.evaluate.reconstruction import psnr
from langit.feed.catalogue import FrameReader, StoredClip
from langit.generate.model import Model
from langit.generate.video import generate_many
from langit.recipes.films import Report
from langit.recipes.recipe import AutoencoderStage, StageData
from langit.train.tasks import SavePreview
from langit.worlds.world import find_world

VIDEOS = 16  # of a sheet
PAIRS = 8  # of a sheet: clips beside their reconstructions
MEASURED = 24  # clips, over which the error of reconstructions is taken


def video_preview(data: StageData, clips: Sequence[StoredClip], model: Callable[[], Model]) -> SavePreview:
    """A sheet of what a model makes of prompts.

    Args:
        data: prompts are held-out ones of the films' worlds.
        clips: their captions are the prompts where there are no films.
        model: returns the model as it is at a step.
    """
    worlds = tuple(dict.fromkeys(group.world for group in data.films))
    prompts = [
        prompt.text for world in worlds for prompt in find_world(world).prompts("held-out", VIDEOS // len(worlds))
    ]
    if not worlds:
        prompts = list(dict.fromkeys(clip.captions[0] for clip in clips))[:VIDEOS]

    def save(step: int, folder: Path) -> None:
        videos = generate_many(prompts, model(), seeds=list(range(len(prompts))))
        sheet.save(folder / f"sheet-{step:06d}.png", [video.frames for video in videos], prompts)

    return save


def reconstruction_preview(
    model: VideoAutoencoder, clips: Sequence[StoredClip], reader: FrameReader, stage: AutoencoderStage, report: Report
) -> SavePreview:
    """A sheet of held-out clips beside their reconstructions, spread over all clips of the first one's size."""
    # Clips of one size, so that they stack into a batch.
    alike = [clip for clip in clips if clip.pixels == clips[0].pixels]
    frames = torch.stack([reader.frames(clip) for clip in alike[:: max(1, len(alike) // MEASURED)][:MEASURED]])

    def save(step: int, folder: Path) -> None:
        placement = placement_of(model)
        decoded = to_frames(model.decode(model.encode(placement.put(to_float(frames))))).cpu()
        pairs = list(zip(frames, decoded, strict=True))[:: max(1, len(frames) // PAIRS)][:PAIRS]
        rows = [video for pair in pairs for video in pair]
        texts = [text for a, b in pairs for text in ("film", f"{psnr(a, b):.1f} dB")]
        sheet.save(folder / f"sheet-{step:06d}.png", rows, texts)
        quality = f"{psnr(frames.flatten(0, 1), decoded.flatten(0, 1)):.2f} dB"
        report(f"{stage.name} held out", step, stage.training.steps, quality)

    return save

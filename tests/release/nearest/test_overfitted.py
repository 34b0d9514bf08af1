"""A model that was made to learn ten clips by heart gives them back, and the gate says so."""

import pytest
import torch
from release.nearest.conftest import film

from langit.autoencoder.model import to_float
from langit.bundle import load_bundle
from langit.feed.latents import LatentClip, LatentView
from langit.feed.loader import LatentFeed
from langit.generate import Model, generate
from langit.release.nearest import NearestGate, nearest_clips
from langit.train.tasks import FlowConfig, FlowTask
from langit.worlds.caption import prompts

STEPS = 160


@pytest.mark.slow
def test_a_model_overfitted_on_ten_clips_is_caught_copying(index):
    model = Model.of(load_bundle("pocket"))
    before = Model.of(load_bundle("pocket"))
    captions = [prompt.text for prompt in prompts("train", 10)]
    clips = []
    for seed, caption in enumerate(captions):
        with torch.no_grad():
            latents = model.autoencoder.encode(to_float(torch.from_numpy(film(seed))[None]))[0]
        frames, rows, columns = latents.shape[1], latents.shape[2] // 2, latents.shape[3] // 2
        clips.append(LatentClip(f"{seed:064x}", (caption,), (LatentView(latents, torch.zeros(frames, rows, columns)),)))
    task = FlowTask(model.transformer, model.text, FlowConfig(), lambda *_: None)
    feed = LatentFeed(clips, 10 * 80, seed=0)
    weights = [weight for module in task.modules().values() for weight in module.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=2e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=STEPS)
    dice = torch.Generator().manual_seed(0)
    for weight in weights:
        weight.requires_grad_(True)
    for step in range(STEPS):
        loss = task.loss(feed.batch(step), step, dice)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()

    def caught(maker: Model) -> list[tuple[bool, bool]]:
        said = []
        for seed, caption in enumerate(captions):
            video = generate(caption, maker, seed=100 + seed).frames.numpy()
            (nearest,) = nearest_clips(index, maker.autoencoder, video, maker.fps, 1)
            said.append((nearest.clip == seed, bool(NearestGate(index, maker.autoencoder, maker.fps).compare(video))))
        return said

    copied = caught(model)
    assert sum(right for right, _ in copied) >= 8 and sum(flagged for _, flagged in copied) >= 8, copied
    assert sum(right for right, _ in caught(before)) <= 3

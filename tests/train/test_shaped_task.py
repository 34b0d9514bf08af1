"""The flow task on batches of one shape has the loss and the gradients of the plain task."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from bundle.miniature import make_parts

from langit.feed.batch import Batch
from langit.feed.latents import LatentClip, LatentView
from langit.feed.shaped import ShapedFeed
from langit.feed.windows import WindowConfig
from langit.patches.known import KnownConfig
from langit.train.shaped import DrawnFeed, ShapedFlowTask
from langit.train.tasks import FlowConfig, FlowTask
from langit.transformer.model import VideoTransformer

SAID = ("a red ball rolls to the left", "a cube", "snow on a green hill at night", "a blue cone spins")
KNOWN = KnownConfig(0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, noise=0.1)


def clips(channels: int) -> list[LatentClip]:
    source = torch.Generator().manual_seed(1)

    def view(frames: int) -> LatentView:
        latents = torch.randn(channels, frames, 4, 6, generator=source).half()
        return LatentView(latents, torch.rand(frames, 2, 3, generator=source))

    return [LatentClip(f"{number:064x}", SAID, (view(3), view(2))) for number in range(8)]


@pytest.mark.parametrize("step", range(4))
def test_loss_and_gradients_are_those_of_packs(step: int) -> None:
    parts = make_parts(0)
    transformer, text = parts.transformer, parts.text
    assert isinstance(transformer, VideoTransformer)
    torch.manual_seed(0)
    torch.nn.init.normal_(transformer.proj_out.weight, std=0.1)  # zero when drawn, and then nothing else has a gradient
    flow = FlowConfig(known=KNOWN, thing_after=0, token_budget=48, drop_caption=0.3, drop_word=0.1, one_shape=True)
    windows = WindowConfig(whole=0.5, later=0.3, image=0.1, starts=1)
    feed = ShapedFeed(clips(transformer.config.in_channels), 48, 0, windows)
    preview = lambda _step, _folder: None  # noqa: E731
    plain, shaped = FlowTask(transformer, text, flow, preview), ShapedFlowTask(transformer, text, flow, preview)
    assert shaped.modules() == plain.modules()

    generator = torch.Generator().manual_seed(7 * 1_000_003 + step)
    expected = plain.loss(feed.batch(step), 1, generator)
    expected.backward()
    named = {**dict(transformer.named_parameters()), **dict(text.named_parameters())}
    gradients = {name: p.grad.clone() for name, p in named.items() if p.grad is not None}
    for parameter in named.values():
        parameter.grad = None

    drawn = DrawnFeed(feed, text, flow, seed=7).batch(step)
    assert drawn.clips == feed.batch(step).clips and drawn.tokens == feed.batch(step).tokens
    assert drawn.items.ids.shape[1] == 48 and len(drawn.items.noisy) == len(drawn.clips)
    loss = shaped.loss(drawn, 1, torch.Generator())
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    for name, gradient in gradients.items():
        found = named[name].grad
        assert found is not None, name
        torch.testing.assert_close(found, gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_things_weigh_more_only_once_their_time_has_come() -> None:
    parts = make_parts(0)
    assert isinstance(parts.transformer, VideoTransformer)
    torch.nn.init.normal_(parts.transformer.proj_out.weight, std=0.1)
    flow = FlowConfig(thing_after=5, thing_weight=9.0, token_budget=48)
    feed = DrawnFeed(
        ShapedFeed(clips(parts.transformer.config.in_channels), 48, 0, WindowConfig()), parts.text, flow, 0
    )
    batch = feed.batch(0)
    task = ShapedFlowTask(parts.transformer, parts.text, flow, lambda _step, _folder: None)
    early, late = (float(task.loss(batch, step, torch.Generator()).detach()) for step in (4, 5))
    without = Batch(batch.clips, batch.tokens, replace(batch.items, shares=0 * batch.items.shares))
    assert early != late and float(task.loss(without, 5, torch.Generator()).detach()) == early

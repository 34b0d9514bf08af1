"""Distillation: the target is what the sampler does, at the levels of sampling, and only the adapter learns."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from bundle.miniature import make_parts
from train.test_tasks import batch

from langit.flow.levels import LevelsConfig, sampling_levels
from langit.flow.solvers import solver
from langit.generate.sampler import sample
from langit.patches import Pack, TextPack, channels_first, pack
from langit.patches.known import KnownConfig
from langit.train.distil import DistilConfig, DistilTask, draw_intervals
from langit.train.tasks import FlowConfig
from langit.transformer.adapter import Adapter

LEVELS = LevelsConfig(shift=2.0, base_tokens=20)
CONFIG = DistilConfig(rank=2, steps=3)
FLOW = FlowConfig(drop_caption=0.0, drop_word=0.0, thing_after=0)


def task(config: DistilConfig = CONFIG, flow: FlowConfig = FLOW) -> DistilTask:
    parts = make_parts(0)
    adapter = Adapter.of_rank(parts.transformer, config.rank)
    return DistilTask(parts.transformer, parts.text, adapter, config, flow, LEVELS, lambda _step, _folder: None)


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("substeps", [1, 3])
@torch.no_grad()
def test_the_target_leads_where_the_guided_sampler_arrives(guidance: float, substeps: int) -> None:
    """Each video at levels of its own, in one pack, against the sampler alone with each."""
    made = task(DistilConfig(rank=2, steps=3, guidance=guidance, substeps=substeps))
    videos = [torch.randn(16, frames, 4, 6, generator=dice(1)) for frames in (3, 1)]
    levels, after = torch.tensor([0.9, 0.4]), torch.tensor([0.5, 0.0])
    shown, words = pack(videos, levels), [TextPack(*made.text.encode([text])) for text in ("a red ball", "a cube")]
    together = TextPack(torch.cat([one.tokens for one in words]), words[0].lengths + words[1].lengths)
    stretch = (levels - after).repeat_interleave(torch.tensor(shown.lengths))
    target = made.teacher_velocity(shown, together, stretch)
    landed = (shown.tokens - stretch[:, None] * target).split(shown.lengths)
    for video, text, begin, end, found in zip(videos, words, levels.tolist(), after.tolist(), landed, strict=True):
        start = pack([video], [begin])
        expected = sample(
            made.transformer,
            start,
            text,
            TextPack(*made.text.encode([""])),
            levels=torch.linspace(begin, end, substeps + 1).tolist(),
            solver=solver("midpoint"),
            guidance=guidance,
            to_state=channels_first,
        )
        assert torch.allclose(found, expected, atol=1e-4)
        assert (expected - start.tokens).abs().max() > 0.01


@torch.no_grad()
def test_without_a_caption_guidance_changes_nothing() -> None:
    shown = pack([torch.randn(16, 2, 4, 4, generator=dice())], [0.8])
    stretch = torch.full((8,), 0.3)
    plain, guided = (task(DistilConfig(rank=2, guidance=scale)) for scale in (1.0, 6.0))
    empty, told = (TextPack(*plain.text.encode([text])) for text in ("", "a red ball"))
    assert torch.allclose(
        guided.teacher_velocity(shown, empty, stretch), plain.teacher_velocity(shown, empty, stretch), atol=1e-5
    )
    assert not torch.allclose(
        guided.teacher_velocity(shown, told, stretch), plain.teacher_velocity(shown, told, stretch), atol=1e-5
    )


def test_levels_are_those_of_sampling() -> None:
    counts = (20, 80) * 60
    levels, after = draw_intervals(counts, DistilConfig(steps=5, free=0.0), LEVELS, LevelsConfig(), dice())
    for count in (20, 80):
        mine = torch.tensor([one == count for one in counts])
        grid = sampling_levels(5, count, LEVELS)
        distance = (levels[mine][:, None] - grid[None, :-1]).abs()
        assert distance.min(1).values.max() < 1e-6 and set(distance.argmin(1).tolist()) == set(range(5))
        assert torch.allclose(after[mine], grid[1:][distance.argmin(1)], atol=1e-6)


def test_free_levels_lie_between_and_their_steps_are_as_long() -> None:
    counts = (80,) * 200
    levels, after = draw_intervals(counts, DistilConfig(steps=4, free=1.0), LEVELS, LevelsConfig(), dice())
    near = (levels[:, None] - sampling_levels(4, 80, LEVELS)[None]).abs().min(1).values
    assert (near > 1e-4).float().mean() > 0.9 and (after < levels).all() and (after >= 0).all()
    shift = 4.0  # of 80 tokens
    flat, then = (each / (shift + (1 - shift) * each) for each in (levels, after))
    assert torch.allclose(then, (flat - 0.25).clamp(min=0), atol=1e-4)


def test_known_tokens_stay_and_have_no_loss() -> None:
    made = task(flow=replace(FLOW, known=KnownConfig(none=0, first_frame=1)))
    given = batch(made.transformer.config.in_channels)
    asked: list[Pack] = []
    made.transformer.register_forward_pre_hook(lambda _module, inputs: asked.append(inputs[0]))
    wrong, level = made.losses(given, dice(2))
    clean = pack(given.items.latents, [0.0] * 3)
    known = torch.zeros(54, dtype=torch.bool)
    known[:6] = known[18:24] = True
    assert torch.equal(level == 0, known) and len(asked) == 9  # two guided steps of two evaluations, and the student
    assert all(torch.equal(one.tokens[known], clean.tokens[known]) and (one.noise[known] == 0).all() for one in asked)
    assert all((one.noise[~known] > 0).all() for one in asked)
    loss = made.loss(given, 0, dice(2))
    assert torch.isclose(loss, wrong[~known].mean())


def test_only_the_adapter_learns_and_it_learns() -> None:
    made = task(replace(DistilConfig(rank=8, steps=3), guidance=3.0))
    before = {name: weight.clone() for name, weight in made.transformer.state_dict().items()}
    given = batch(made.transformer.config.in_channels)
    optimiser = torch.optim.AdamW(made.adapter.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss = made.loss(given, 0, dice(5))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]
    assert all(torch.equal(weight, before[name]) for name, weight in made.transformer.state_dict().items())
    assert all(parameter.grad is None for parameter in (*made.transformer.parameters(), *made.text.parameters()))


def test_a_replica_has_the_same_weights_and_its_own_gradients() -> None:
    made = task()
    twin = made.replica()
    given = batch(made.transformer.config.in_channels)
    first, second = made.loss(given, 0, dice(1)), twin.loss(given, 0, dice(1))
    assert torch.equal(first, second)
    second.backward()
    assert all(parameter.grad is None for parameter in made.adapter.parameters())
    pairs = zip(made.adapter.parameters(), twin.adapter.parameters(), strict=True)
    assert all(mine.data_ptr() == theirs.data_ptr() and theirs.grad is not None for mine, theirs in pairs)


def test_draws_follow_from_the_generator() -> None:
    made, given = task(flow=FlowConfig(known=KnownConfig(0.5, 0.5, noise=0.1), drop_caption=0.5)), batch(16)
    same = [made.loss(given, 0, dice(seed)) for seed in (3, 3, 4)]
    assert torch.equal(same[0], same[1]) and not torch.equal(same[0], same[2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rank": 0}, "rank 0"),
        ({"steps": 0}, "steps 0"),
        ({"substeps": 0}, "substeps 0"),
        ({"guidance": -1.0}, "guidance -1"),
        ({"free": 2.0}, "free 2"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DistilConfig(**change)

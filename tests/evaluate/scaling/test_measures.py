"""Measures of training runs: the same clips, noise, prompts and seeds for all of them."""

from __future__ import annotations

import pytest
import torch
from evaluate.tried import PIXELS, SMALL, tiny_model
from torch import Tensor

from langit.evaluate.fidelity.scores import LANGUAGES, cases
from langit.evaluate.judges.probe import Probe
from langit.evaluate.judges.truth import CLASSES
from langit.evaluate.scaling.measures import ALL, EVERYTHING, fidelity_rates, held_out_loss
from langit.feed.latents import LatentClip, LatentView
from langit.generate import Model
from langit.train.tasks import FlowConfig
from langit.transformer.model import VideoTransformer


def clips(model: Model, count: int = 5) -> list[LatentClip]:
    source = torch.Generator().manual_seed(1)
    channels = model.transformer.config.in_channels
    return [
        LatentClip(
            f"{number:064x}",
            ("a red ball",),
            (LatentView(torch.randn(channels, 2, 4, 4, generator=source).half(), torch.zeros(2, 2, 2)),),
        )
        for number in range(count)
    ]


def quiet(done: int, of: int) -> None:
    assert 0 < done <= of


def test_the_loss_is_repeatable() -> None:
    model = tiny_model()
    flow = FlowConfig(token_budget=16, drop_caption=0.5, thing_weight=9.0)
    once = held_out_loss(model, clips(model), flow, 2, quiet)
    torch.manual_seed(7)
    again = held_out_loss(model, clips(model), FlowConfig(token_budget=16), 2, quiet)
    assert once == again and (once.clips, once.draws) == (5, 2) and once.error > 0
    assert held_out_loss(model, clips(model), flow, 1, quiet).mean != once.mean


def test_a_prediction_of_zero_has_the_loss_of_the_velocity_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clean and noise are both of unit variance and independent: 2."""

    def nothing(self: VideoTransformer, shown, texts) -> Tensor:
        return torch.zeros_like(shown.tokens)

    model = tiny_model()
    monkeypatch.setattr(VideoTransformer, "forward", nothing)
    found = held_out_loss(model, clips(model, 40), FlowConfig(token_budget=64), 2, quiet)
    assert found.mean == pytest.approx(2.0, abs=0.08) and found.error < 0.05


def test_too_few_clips_or_draws_are_refused() -> None:
    model = tiny_model()
    with pytest.raises(ValueError, match="1 held-out clips, 2 draws"):
        held_out_loss(model, clips(model, 1), FlowConfig(), 2, quiet)
    with pytest.raises(ValueError, match="0 draws"):
        held_out_loss(model, clips(model), FlowConfig(), 0, quiet)


def test_rates_count_every_video_and_its_attributes() -> None:
    model, probe = tiny_model(), Probe(SMALL).eval()
    rates, shown = fidelity_rates(model, probe, PIXELS, 3, 2, quiet)
    assert list(rates) == [*CLASSES, ALL, EVERYTHING]
    assert rates["sky"].of == rates[EVERYTHING].of == 6
    assert rates[ALL].of == sum(rates[name].of for name in CLASSES)
    assert rates[ALL].right == sum(rates[name].right for name in CLASSES)
    expected = [one.texts[LANGUAGES[index % 2]] for index, one in enumerate(cases(3))]
    assert [one.text for one in shown] == expected and shown[0].frames.shape == (5, 32, 32, 3)
    again, _ = fidelity_rates(model, probe, PIXELS, 3, 2, quiet)
    assert again == rates
    with pytest.raises(ValueError, match="0 seeds"):
        fidelity_rates(model, probe, PIXELS, 3, 0, quiet)

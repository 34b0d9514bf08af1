"""The whole pipeline, from a text and pictures to pixels, gives what diffusers gives for the same noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from families import tiny

from benchmarks import parity
from langit.families.load import open_checkpoint
from langit.generate import Model
from langit.generate.open_model import OpenModel
from langit.generate.settings import OpenSampling


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_every_family_and_conditioning_agrees_with_diffusers(kind: str, tmp_path: Path) -> None:
    row = parity.compare(kind, tmp_path)
    assert row.latents <= parity.BOUND and row.pixels <= parity.BOUND
    assert row.spread > 0.1


@pytest.fixture(scope="module")
def experts(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    folder = tmp_path_factory.mktemp("experts")
    tiny.save("wan2.2-t2v-a14b", folder)
    model = Model.of(open_checkpoint(folder))
    assert isinstance(model, OpenModel)
    return model


def error(model: OpenModel, expected: torch.Tensor) -> float:
    return float((parity.sample_ours("wan2.2-t2v-a14b", model) - expected).abs().max())


def test_what_is_easy_to_get_wrong_shows_in_the_numbers(experts: OpenModel, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = parity.sample_ours("wan2.2-t2v-a14b", experts)
    assert error(experts, expected) == 0
    wrong: dict[str, float] = {}
    with monkeypatch.context() as patch:
        patch.setattr(type(experts.text), "pads", lambda self, lengths: ())
        wrong["pads without attention"] = error(experts, expected)
    with monkeypatch.context() as patch:
        exact = OpenSampling.schedule
        patch.setattr(
            OpenSampling,
            "schedule",
            lambda self, tokens, share: replace(
                exact(self, tokens, share), told=exact(self, tokens, share).levels[:-1]
            ),
        )
        wrong["timesteps that are not cut"] = error(experts, expected)
    with monkeypatch.context() as patch:
        patch.setattr("langit.families.text.clean_prompt", lambda text: text)
        wrong["prompts that are not cleaned"] = error(experts, expected)
    wrong["one expert"] = error(replace(experts, low=None), expected)
    sampling = replace(experts.sampling, shift=3.0)
    wrong["another shift"] = error(replace(experts, sampling=sampling), expected)
    assert {what: by for what, by in wrong.items() if by <= parity.BOUND} == {}


def test_the_experts_change_at_the_boundary_as_the_makers_count(experts: OpenModel) -> None:
    """At shift 12 the first expert takes 26 of 40 steps, at the shift 3 of converted checkpoints 13."""
    for shift, count in ((12.0, 26), (3.0, 13)):
        sampling = experts.settings(steps=40, shift=shift)
        choose = experts.experts(sampling)
        levels = sampling.schedule(1, 1.0).levels[:-1]
        assert [choose(level)[0] is experts.transformer for level in levels] == [True] * count + [False] * (40 - count)
        assert [choose(level)[1] for level in (levels[0], levels[-1])] == [4.0, 3.0]

"""Distillation in a recipe: the adapter is in the bundle, its clips are on record, other stages are unaffected."""

from pathlib import Path

import pytest
import torch
from recipes.corpora import allowed_films

from langit import config, recipes
from langit.bundle import load_bundle
from langit.feed.exposure import ExposureLog
from langit.generate import Model, SamplingConfig, generate
from langit.recipes.films import RunPaths
from langit.recipes.identity import identity
from langit.train import checkpoint

PROMPT = "a red ball bounces on snow"


@pytest.fixture(scope="module")
def model(home: Path) -> Model:
    return Model.of(load_bundle(home / "models" / "tiny"))


def test_the_bundle_is_sampled_by_its_adapter(home: Path, model: Model) -> None:
    levels = recipes.find("tiny").sampling.levels
    assert model.sampling == SamplingConfig(3, guidance=1.0, solver="euler", levels=levels, adapter="fast")
    assert model.full_quality == recipes.find("tiny").sampling
    newest = checkpoint.latest(RunPaths(home, "tiny").stage("fast"))
    assert newest is not None
    averaged, stored = checkpoint.load(newest).tensors["ema"], model.preset("fast").adapter.state_dict()
    assert averaged.keys() == {f"adapter.{name}" for name in stored}
    assert all(torch.equal(averaged[f"adapter.{name}"].half().float(), stored[name]) for name in stored)
    assert any(tensor.abs().max() > 0 for name, tensor in stored.items() if name.endswith("lora_B.weight"))
    fast, full = (generate(PROMPT, model, seed=1, sampling=each) for each in (model.sampling, model.full_quality))
    assert torch.equal(fast.frames, generate(PROMPT, model, seed=1).frames)
    assert full.sampling.adapter == "" and full.frames.shape == fast.frames.shape


def test_the_transformer_is_that_of_the_last_stage(home: Path, model: Model) -> None:
    newest = checkpoint.latest(RunPaths(home, "tiny").stage("abilities"))
    assert newest is not None
    averaged = checkpoint.load(newest).tensors["ema"]
    for name, weight in model.transformer.state_dict().items():
        assert torch.equal(averaged[f"transformer.{name}"].half().float(), weight)


def test_the_clips_it_saw_are_on_record(home: Path) -> None:
    bundle, places, tiny = load_bundle(home / "models" / "tiny"), RunPaths(home, "tiny"), recipes.find("tiny")
    log = ExposureLog(places.stage("fast") / "exposure.log")
    recorded = bundle.provenance.exposure["fast"]
    assert (recorded.root, recorded.rows, recorded.steps) == (log.root(), log.rows, 4) and log.rows >= 4
    allowed = {entry.digest for entry in allowed_films(tiny, tiny.data_of(tiny.distil[0]).films, places)}
    assert {clip for _, clip in log.read()} <= allowed
    assert bundle.provenance.training["fast"].flops > 0


def test_other_stages_keep_their_identity_without_it() -> None:
    tiny = recipes.find("tiny")
    plain = config.override(tiny, ["distil=[]"])
    for stage in plain.stage_names:
        assert identity(plain, stage) == identity(tiny, stage)
    assert tiny.stage_names == (*plain.stage_names, "fast")
    assert tiny.data_of(tiny.distil[0]).films == tiny.distil[0].films
    followed = config.override(tiny, ["distil.fast.films=[]"])
    assert followed.data_of(followed.distil[0]).films == tiny.stages[-1].films


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("distil.fast.training.steps=9", True),
        ("distil.fast.training.checkpoint_every=7", True),
        ("sampling.guidance=2", True),
        ("distil.fast.distil.steps=5", False),
        ("distil.fast.flow.drop_caption=0.3", False),
        ("stages.scenes.training.seed=9", False),
        ("sampling.levels.shift=2", False),
    ],
)
def test_which_changes_make_it_another_run(change: str, same: bool) -> None:
    tiny = recipes.find("tiny")
    assert (identity(config.override(tiny, [change]), "fast") == identity(tiny, "fast")) == same

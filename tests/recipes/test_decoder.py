"""A stage that trains the decoder alone: latents stay to the bit, so models of these latents stay valid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from recipes.corpora import allowed_films

from langit import config, recipes
from langit.feed.catalogue import FrameReader
from langit.feed.latents import cache_latents
from langit.recipes.autoencoder import train_autoencoder
from langit.recipes.films import RunPaths, read_corpus
from langit.recipes.identity import identity
from langit.recipes.recipe import AutoencoderStage, Recipe
from langit.train import checkpoint
from langit.train.tasks import ReconstructionConfig
from langit.train.trainer import TrainConfig


def crisp() -> Recipe:
    tiny = recipes.find("tiny")
    decoder = ReconstructionConfig(batch=4, decoder_only=True, pyramid_weight=0.2)
    stage = AutoencoderStage("crisp", tiny.autoencoder_stages[1].films, decoder, TrainConfig(steps=3, lanes=2))
    return replace(tiny, autoencoder_stages=(*tiny.autoencoder_stages, stage))


def test_only_the_decoder_changes(home: Path, beside: Path) -> None:
    recipe, places = crisp(), RunPaths(beside, "tiny")
    corpus = read_corpus(recipe, places)
    stages = train_autoencoder(recipe, corpus, places, True, lambda *_: None)
    before, after = stages["sharper"], stages["crisp"]
    for name, value in before.state_dict().items():
        assert torch.equal(value, after.state_dict()[name]) == name.startswith("encoder."), name
    assert before.config == after.config and torch.equal(before.std, after.std)
    saved = checkpoint.load(checkpoint.latest(places.stage("crisp")) or beside).tensors["model"]
    assert saved and all(name.startswith("autoencoder.decoder.") for name in saved)

    entries = allowed_films(recipe, recipe.stages[1].films, places)
    files = {path: path.stat().st_mtime_ns for path in (home / "latents").rglob("*.safetensors")}
    cache_latents(
        entries, FrameReader(), after, beside / "latents", lambda *_: None, recipe.stages[1].flow.windows.starts
    )
    assert files == {path: path.stat().st_mtime_ns for path in (home / "latents").rglob("*.safetensors")}

    again = train_autoencoder(recipe, corpus, places, True, lambda *_: None)["crisp"]
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in after.state_dict().items())
    assert list(train_autoencoder(recipe, corpus, places, True, lambda *_: None, "autoencoder")) == ["autoencoder"]


def test_stages_of_these_latents_keep_their_identity_and_use_the_new_decoder() -> None:
    tiny, more = recipes.find("tiny"), crisp()
    named = config.override(more, ["stages.abilities.autoencoder=sharper"])
    for stage in ("autoencoder", "sharper", "scenes", "abilities"):
        assert identity(named, stage) == identity(tiny, stage)
    assert [named.decoder_of(stage) for stage in named.stages] == ["autoencoder", "crisp"]
    assert [tiny.decoder_of(stage) for stage in tiny.stages] == ["autoencoder", "sharper"]
    with pytest.raises(ValueError, match="stage autoencoder trains only the decoder"):
        config.override(more, ["autoencoder_stages.autoencoder.reconstruction.decoder_only=true"])

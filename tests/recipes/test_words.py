"""A stage that draws the text encoder's attention anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from langit import recipes
from langit.recipes.autoencoder import train_autoencoder
from langit.recipes.films import RunPaths, read_corpus
from langit.recipes.identity import identity
from langit.recipes.run import train_transformer
from langit.text.umt5 import Umt5Encoder
from langit.train import checkpoint


def test_attention_is_drawn_anew_and_learns_at_its_own_rate(beside: Path) -> None:
    tiny = recipes.find("tiny")
    last = tiny.stages[-1]
    optim = replace(last.training.optim, score_rate=1e-6)
    words = replace(last, name="words", fresh_scores=True, training=replace(last.training, steps=2, optim=optim))
    recipe, places = replace(tiny, stages=(*tiny.stages, words)), RunPaths(beside, "tiny")
    for stage in tiny.stages:
        assert identity(recipe, stage.name) == identity(tiny, stage.name)
    corpus = read_corpus(recipe, places)
    autoencoders = train_autoencoder(recipe, corpus, places, True, lambda *_: None)
    model = train_transformer(recipe, corpus, places, autoencoders, True, lambda *_: None)
    before = checkpoint.load(checkpoint.latest(places.stage(last.name)) or beside).tensors["ema"]
    torch.manual_seed(words.training.seed)  # as the stage does before it adds words, of which there are none here
    drawn = Umt5Encoder(**model.text.config.sizes)
    drawn.draw_scores()
    begun = drawn.state_dict()
    for name, value in model.text.model.state_dict().items():
        if name.endswith((".SelfAttention.q.weight", ".SelfAttention.k.weight")):
            old = before[f"text.model.{name}"]
            assert not torch.allclose(value, old, atol=1e-3)  # forgotten
            assert torch.allclose(value, begun[name], atol=1e-4)  # 2 steps of 1e-6 from where it was drawn
            assert not torch.equal(value, begun[name])  # but it moves
        if name.endswith(".SelfAttention.v.weight"):
            assert torch.allclose(value, before[f"text.model.{name}"], atol=0.1)  # what is told stays, and goes on
        if name.endswith("relative_attention_bias.weight"):
            assert not torch.allclose(before[f"text.model.{name}"], begun[name], atol=0.1)
            assert torch.allclose(value, begun[name], atol=0.1)  # begins by looking near

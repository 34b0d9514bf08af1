"""A stage whose blocks are compiled learns what it would have learnt, and they are compiled indeed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial, partialmethod
from pathlib import Path

import pytest
import torch
from torch import Tensor, fx, nn

from langit import recipes
from langit.autoencoder.model import Autoencoder
from langit.feed.windows import WindowConfig
from langit.recipes import compiling
from langit.recipes.films import RunPaths, read_corpus, training_clips
from langit.recipes.recipe import FilmGroup
from langit.recipes.run import first_model, train_stage
from langit.train.compiled import compiled_blocks


def test_the_shapes_with_most_tokens_are_static() -> None:
    pocket = recipes.find("pocket")
    flow = pocket.stages[0].flow
    assert set(compiling.static_shapes(flow, pocket.films, 2)) == {(64, 576), (120, 320)}  # whole films
    short = (FilmGroup("128x128x17", 0, 100),)
    # Of one size: whole windows, then the lengths that later ones can have, by their tokens; then single frames.
    shapes = compiling.static_shapes(replace(flow, token_budget=10_000), short, 8)
    assert shapes == ((24, 320), (32, 256), (48, 192), (72, 128), (152, 64))
    whole = replace(flow, windows=WindowConfig())
    assert compiling.static_shapes(whole, short, 8) == ((120, 320),)


@pytest.mark.parametrize("one_shape", [True, False])
def test_a_compiled_stage_learns_the_same_on_two_threads(
    beside: Path, monkeypatch: pytest.MonkeyPatch, one_shape: bool
) -> None:
    graphs: list[fx.GraphModule] = []

    def backend(graph: fx.GraphModule, _inputs: list[Tensor]) -> fx.GraphModule:
        graphs.append(graph)
        return graph

    monkeypatch.setattr(compiling, "compiled_blocks", partial(compiled_blocks, backend=backend))
    monkeypatch.setattr(nn.Module, "compile", partialmethod(nn.Module.compile, backend=backend))
    recipe, paths, steps = recipes.find("tiny"), RunPaths(beside, "tiny"), 3
    first = recipe.stages[0]
    training = replace(first.training, steps=steps, lanes=2)
    corpus, autoencoder = read_corpus(recipe, paths), Autoencoder(recipe.autoencoder)
    learnt = []
    for compiled in (False, True):
        stage = replace(
            first,
            name=f"compiled-{compiled}".lower(),
            flow=replace(first.flow, one_shape=one_shape),
            training=replace(training, compile=compiled),
        )
        whole = replace(recipe, stages=(stage,))
        clips = training_clips(whole, whole.data_of(stage), corpus, paths, lambda *_: None)
        model = first_model(whole, clips, autoencoder)
        begun = _weights(model.transformer)
        torch._dynamo.reset()
        train_stage(whole, stage, paths, model, clips, False, lambda *_: None)
        learnt.append(_weights(model.transformer) - begun)
        assert bool(graphs) == compiled
    plain, ours = learnt
    assert (ours - plain).norm() < 1e-3 * plain.norm()


def _weights(module: nn.Module) -> Tensor:
    return torch.cat([value.detach().flatten().clone() for value in module.parameters()])

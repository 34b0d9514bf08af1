"""The identity of a stage's run: the hash of all settings that decide its weights so far.

A checkpoint carries it, and is never resumed by a run of another identity. The length of a run and habits of saving are
not in it: they may change while the run goes on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langit import config
from langit.recipes.recipe import AnyStage, Recipe
from langit.train.trainer import TrainConfig


def identity(recipe: Recipe, stage: str) -> str:
    """``sha256:`` and the hash of what must not change while a stage's run goes on.

    It covers the stages before, whose weights the stage begins with. Fields that configs got later
    (:func:`config.added`) count only where they are used, so that older checkpoints keep their identity.

    Args:
        recipe: with manifest and base named by their digests.
        stage: a name of the recipe's.
    """
    plain = config.identifying(recipe)
    common = {key: plain[key] for key in ("captions", "mirror", "autoencoder")}
    common |= {key: plain[key] for key in ("base", "fps", "autoencoder_base") if key in plain}
    if stage in (each.name for each in recipe.autoencoder_stages):
        return config.digest_of(common | {"autoencoder_stages": _autoencoder_chain(recipe, stage)})
    for distil in recipe.distil:
        if distil.name == stage:
            films = [config.identifying(group) for group in recipe.data_of(distil).films]
            own = _settings(distil) | {"films": films}
            base = identity(recipe, recipe.stages[-1].name)
            return config.digest_of({"base": base, "distil": own, "levels": plain["sampling"]["levels"]})
    # A stage's weights depend on every stage before it, so they are all in its identity.
    before = []
    for each in recipe.stages:
        before.append(_settings(each) | {"autoencoder": _autoencoder_chain(recipe, recipe.autoencoder_of(each))})
        if each.name == stage:
            break
    networks = ("whitening", "text", "transformer", "text_encoder")
    rest: dict[str, Any] = {key: plain[key] for key in networks if key in plain}
    if recipe.manifest is not None:
        rest["manifest"] = recipe.manifest
    return config.digest_of(common | rest | {"stages": before})


def _autoencoder_chain(recipe: Recipe, name: str) -> list[dict[str, Any]]:
    """The settings of the autoencoder's stages up to one."""
    chain = []
    for each in recipe.autoencoder_stages:
        data = recipe.data_of(each)
        settings = _settings(each) | {"films": [config.identifying(group) for group in data.films]}
        if data.sizes:
            settings |= {"sizes": list(data.sizes), "manifest": recipe.manifest}
            if data.buckets is not None:
                settings["buckets"] = config.identifying(data.buckets)
        chain.append(settings)
        if each.name == name:
            break
    return chain


def _settings(stage: AnyStage) -> dict[str, Any]:
    """A stage's settings without the length of its run and its habits of saving."""
    return config.identifying(stage) | {"training": _timeless(stage.training)}


def _timeless(training: TrainConfig) -> dict[str, Any]:
    plain = config.identifying(
        replace(training, steps=1, checkpoint_every=1, sample_every=0, keep=1, compile=False, recompute=False)
    )
    plain["optim"].pop("decay")
    return plain

"""A recipe as a run uses it: names become digests, and sizes of training are chosen from the footage.

Identities and provenance then say which manifest, which base and which sizes, whatever has a name later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from langit import config
from langit.autoencoder.model import Autoencoder
from langit.bundle import Bundle
from langit.bundle.files import hash_files
from langit.device import Placement
from langit.feed.catalogue import ClipRecords
from langit.feed.footage import find_training_set
from langit.feed.pieces import manifest_sizes
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.recipes.base import open_autoencoder, open_base, open_text_encoder
from langit.recipes.films import RunPaths
from langit.recipes.recipe import Recipe
from langit.text.encoder import TextEncoder


@dataclass(frozen=True)
class FittedRecipe:
    """A recipe without anything left to choose, and what it begins with."""

    recipe: Recipe
    base: Bundle | None = None
    autoencoder: Autoencoder | None = None
    text: TextEncoder | None = None


def fit_recipe(recipe: Recipe, paths: RunPaths) -> Recipe:
    """The recipe with its manifest's digest and the sizes of its buckets.

    Raises:
        ValueError: there is no such manifest, none of its clips fits, or the recipe needs one and names none.
    """
    if recipe.manifest is None:
        if recipe.needs_footage:
            raise ValueError(
                f"recipe {recipe.name!r} has a stage that learns from footage alone: name a curated set with --manifest"
            )
        return recipe
    ledger = Ledger(paths.ledger)
    chosen = find_training_set(ledger, recipe.manifest)
    recipe = replace(recipe, manifest=chosen.manifest.digest)
    if all(stage.buckets is None or stage.sizes for stage in recipe.stages):
        return recipe
    records = ClipRecords.read(ledger, Policy(), chosen.clips)
    stages = []
    for stage in recipe.stages:
        if stage.buckets is not None and not stage.sizes:
            sizes = manifest_sizes(records, chosen, stage.buckets, recipe.fps)
            stage = replace(stage, sizes=tuple(map(str, sizes)))
        stages.append(stage)
    return replace(recipe, stages=tuple(stages))


def open_beginnings(recipe: Recipe, paths: RunPaths, placement: Placement) -> FittedRecipe:
    """:func:`fit_recipe`, with the models opened that the recipe begins with, on the placement's device.

    Raises:
        ValueError: see :func:`fit_recipe`, :func:`langit.recipes.base.open_base`.
    """
    single = Placement(placement.device)
    base, autoencoder, text = None, None, None
    if recipe.base is not None:
        base = open_base(recipe, paths.home, single)
        assert isinstance(base.autoencoder, Autoencoder), "open_base checks it"
        recipe, autoencoder = replace(recipe, base=base.provenance.digest), base.autoencoder
    if recipe.autoencoder_base is not None:
        given = open_autoencoder(recipe, paths.home, single)
        assert isinstance(given.autoencoder, Autoencoder), "open_autoencoder checks it"
        recipe, autoencoder = replace(recipe, autoencoder_base=given.provenance.digest), given.autoencoder
    if recipe.text_encoder is not None:
        folder = Path(recipe.text_encoder)
        text = open_text_encoder(folder, single)
        digest = hashlib.sha256(config.canonical(hash_files(folder))).hexdigest()
        recipe = replace(
            recipe,
            text=text.config,
            text_encoder=f"sha256:{digest}",
            transformer=replace(recipe.transformer, text_dim=text.config.d_model),
        )
    return FittedRecipe(fit_recipe(recipe, paths), base, autoencoder, text)

"""The model that a recipe begins from: found by name, folder or digest, and checked to be of the recipe's shape."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import langit
from langit import config
from langit.autoencoder.model import Autoencoder
from langit.bundle import Bundle, load_bundle, resolve
from langit.bundle.folder import read_provenance
from langit.bundle.provenance import FILE
from langit.device import Placement
from langit.recipes.recipe import Recipe
from langit.transformer.model import VideoTransformer


def open_base(recipe: Recipe, home: Path, placement: Placement) -> Bundle:
    """Open the recipe's base.

    Args:
        recipe: whose ``base`` is a bundle's name, folder or digest.
        home: holds the models that were trained here, beside those that ship.
        placement: where the base's modules go.

    Raises:
        ValueError: there is no such model, it is damaged, or its networks are not of the recipe's sizes.
    """
    assert recipe.base is not None
    # Statistics of latents and the size of the vocabulary come from training, not from the recipe: they may differ.
    base = load_bundle(_find(recipe.base, home), placement)
    if not isinstance(base.autoencoder, Autoencoder) or not isinstance(base.transformer, VideoTransformer):
        raise ValueError(
            f"base {recipe.base} has networks of other kinds than recipes train: begin with a model that langit trained"
        )
    _check_sizes("autoencoder", recipe.autoencoder, replace(base.autoencoder.config, latents_mean=(), latents_std=()))
    _check_sizes("text", recipe.text, replace(base.text.config, vocab_size=recipe.text.vocab_size))
    _check_sizes("transformer", recipe.transformer, base.transformer.config)
    if base.fps != recipe.fps:
        raise ValueError(f"fps {recipe.fps:g} is not the base's {base.fps:g}: set fps={base.fps:g}")
    return base


def _find(name: str, home: Path) -> Path:
    if not name.startswith("sha256:"):
        return home / "models" / name if (home / "models" / name).is_dir() else resolve(name)
    packaged = Path(str(resources.files(langit))) / "weights"
    for file in sorted({*home.glob(f"models/*/{FILE}"), *packaged.glob(f"*/{FILE}")}):
        try:
            if read_provenance(file.parent).digest == name:
                return file.parent
        except ValueError:
            continue  # half a bundle is not the one that is looked for
    raise ValueError(f"the base {name} is not under {home / 'models'}: bring the model back that this run began from")


def _check_sizes(what: str, wanted: object, given: object) -> None:
    mine, theirs = config.dump(wanted), config.dump(given)
    other: dict[str, Any] = {key: value for key, value in theirs.items() if mine[key] != value}
    if other:
        changes = " ".join(f"{what}.{key}={config.canonical(value).decode()}" for key, value in other.items())
        raise ValueError(f"the recipe's {what} is not of the base's sizes: set {changes}")

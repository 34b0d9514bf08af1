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
from langit.bundle.components import Component, load_umt5
from langit.bundle.folder import read_provenance
from langit.bundle.provenance import FILE
from langit.device import Placement
from langit.recipes.recipe import Recipe
from langit.text.encoder import TextEncoder
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


def open_autoencoder(recipe: Recipe, home: Path, placement: Placement) -> Bundle:
    """Open the model whose autoencoder the recipe begins with.

    Raises:
        ValueError: there is no such model, it is damaged, or its autoencoder is not of the recipe's sizes.
    """
    assert recipe.autoencoder_base is not None
    base = load_bundle(_find(recipe.autoencoder_base, home), placement)
    if not isinstance(base.autoencoder, Autoencoder):
        raise ValueError(
            f"autoencoder_base {recipe.autoencoder_base} has an autoencoder of another kind than recipes train: take"
            " the one of a model that langit trained"
        )
    _check_sizes("autoencoder", recipe.autoencoder, replace(base.autoencoder.config, latents_mean=(), latents_std=()))
    return base


def open_text_encoder(folder: Path, placement: Placement) -> TextEncoder:
    """Open a pretrained UMT5 encoder: ``text_encoder`` and ``tokenizer`` of a folder in diffusers' layout.

    Raises:
        ValueError: the folder lacks a part, or a part is damaged.
    """
    files = frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in ("text_encoder/config.json", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"):
        if name not in files:
            raise ValueError(f"text_encoder {folder} has no {name}: give a folder with text_encoder/ and tokenizer/")
    encoder, _ = load_umt5(Component(folder, "text_encoder", files, placement))
    return encoder.eval().requires_grad_(False)


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

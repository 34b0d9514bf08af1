"""A tiny model, made once, and the folder that a person stands in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from langit.autoencoder.model import Autoencoder
from langit.bundle import LedgerState, Parts, Provenance, save_bundle
from langit.recipes import find
from langit.shapes import PixelShape
from langit.text.encoder import TextEncoder
from langit.text.tokenizer import train_tokenizer
from langit.transformer.model import VideoTransformer
from langit.worlds.reading.lexicon import caption_words

SIZES = (PixelShape(9, 32, 32), PixelShape(1, 32, 32), PixelShape(9, 32, 48))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny recipe's sizes, untrained."""
    torch.manual_seed(0)
    recipe, tokenizer = find("tiny"), train_tokenizer(sorted(caption_words()))
    parts = Parts(
        VideoTransformer(recipe.transformer),
        Autoencoder(recipe.autoencoder),
        TextEncoder(replace(recipe.text, vocab_size=tokenizer.get_vocab_size()), tokenizer),
        sampling={"steps": 2, "guidance": 2.0, "solver": "euler", "levels": {"shift": 2.0}},
        sizes=SIZES,
    )
    provenance = Provenance("tiny", "0", "0", {"name": "tiny"}, LedgerState("test", 0, ""), {}, {})
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_bundle(folder, parts, provenance)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a person stands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path

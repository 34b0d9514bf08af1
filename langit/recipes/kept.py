"""What a run with a clock keeps beside its checkpoints, because it depends on which films had arrived.

Without a clock both follow from the recipe, and are made anew when a run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from langit.files import atomic_write
from langit.train import checkpoint

TOKENIZER, STATISTICS = "tokenizer.json", "statistics.json"


def kept_tokenizer(folder: Path, make: Callable[[], Tokenizer]) -> Tokenizer:
    """The stage's tokenizer: the one that its checkpoints were trained with or, before there are any, a new one."""
    file = folder / TOKENIZER
    if checkpoint.latest(folder) is not None and file.exists():
        return Tokenizer.from_file(str(file))
    tokenizer = make()
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as unfinished:
        tokenizer.save(str(unfinished))
    return tokenizer


def kept_statistics(folder: Path, make: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a finished autoencoder's latents, as they were when it was finished."""
    newest, file = checkpoint.latest(folder), folder / STATISTICS
    name = newest.name if newest is not None else ""
    if file.exists():
        plain = json.loads(file.read_text(encoding="utf-8"))
        if plain["checkpoint"] == name:
            return torch.tensor(plain["mean"]), torch.tensor(plain["std"])
    mean, std = (value.cpu() for value in make())
    with atomic_write(file) as unfinished:
        plain = {"checkpoint": name, "mean": mean.tolist(), "std": std.tolist()}
        unfinished.write_text(json.dumps(plain), encoding="utf-8")
    return mean, std

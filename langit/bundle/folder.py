"""A model as a folder: save parts, open a folder. The layout is diffusers'.

    model_index.json  provenance.json  signature.json  films.safetensors  README.md
    transformer/   config.json  diffusion_pytorch_model.safetensors
    vae/           config.json  diffusion_pytorch_model.safetensors
    text_encoder/  config.json  model.safetensors
    tokenizer/     tokenizer.json  tokenizer_config.json
    scheduler/     scheduler_config.json
    adapters/      NAME/pytorch_lora_weights.safetensors  NAME/sampling.json, if there are any

diffusers opens transformer/ and scheduler/, transformers opens text_encoder/ and tokenizer/; vae/ is our own format.
Sampling settings are kept as plain JSON; rooms below interpret them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from langit.bundle import provenance as record
from langit.bundle.adapters import load_adapters, save_adapters
from langit.bundle.components import (
    AUTOENCODERS,
    DIFFUSION_STEM,
    TEXT_ENCODERS,
    TEXT_STEM,
    TRANSFORMERS,
    Component,
    load_component,
    read_key,
)
from langit.bundle.digests import DigestCache
from langit.bundle.files import SIGNATURE, check_files, hash_files
from langit.bundle.films import FILE as FILMS_FILE
from langit.bundle.films import FilmTable
from langit.bundle.parts import Bundle, Parts
from langit.bundle.places import read_provenance, resolve
from langit.bundle.provenance import Provenance
from langit.bundle.signature import read_signature
from langit.bundle.weights import MAX_FILE_BYTES, save_weights
from langit.device import CPU, Placement
from langit.files import replace_folder, sha256, write_bytes
from langit.shapes import PixelShape
from langit.text.encoder import TextEncoder
from langit.text.tokenizer import END, PAD, UNKNOWN
from langit.text.umt5 import transformers_config

__all__ = ["Bundle", "Parts", "add_file", "load_bundle", "read_provenance", "resolve", "save_bundle", "seal_bundle"]


def save_bundle(
    folder: Path,
    parts: Parts,
    provenance: Provenance,
    films: FilmTable | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> Provenance:
    """Write a bundle, or replace one, atomically.

    Returns:
        Its provenance with the digests of its files.

    Raises:
        ValueError: a weight is not finite in its dtype on disk.
        OSError: the folder cannot be written.
    """
    sealed = replace(provenance, films=None if films is None else films.facts(), files={})

    def write(unfinished: Path) -> None:
        nonlocal sealed
        for name in ("transformer", "vae", "text_encoder", "tokenizer", "scheduler"):
            (unfinished / name).mkdir()
        _write_json(unfinished / "model_index.json", _index(parts, provenance))
        _write_json(unfinished / "transformer" / "config.json", parts.transformer.config_dict())
        _write_json(unfinished / "vae" / "config.json", parts.autoencoder.config_dict())
        _write_json(unfinished / "text_encoder" / "config.json", transformers_config(parts.text.config.sizes))
        parts.text.tokenizer.save(str(unfinished / "tokenizer" / "tokenizer.json"))
        _write_json(unfinished / "tokenizer" / "tokenizer_config.json", _tokenizer_config(parts.text))
        _write_json(unfinished / "scheduler" / "scheduler_config.json", _scheduler_config(parts))
        for name, module, stem in (
            ("transformer", parts.transformer, DIFFUSION_STEM),
            ("vae", parts.autoencoder, DIFFUSION_STEM),
            ("text_encoder", parts.text.model, TEXT_STEM),
        ):
            save_weights(module, unfinished / name, stem, parts.dtypes.get(name, {}), max_file_bytes)
        save_adapters(unfinished, parts.adapters, parts.transformer)
        if films is not None:
            films.save(unfinished / FILMS_FILE)
        sealed = replace(sealed, files=hash_files(unfinished))  # last, so that it covers everything
        (unfinished / record.FILE).write_text(sealed.text(), encoding="utf-8")

    replace_folder(folder, write)
    return sealed


def add_file(folder: Path, name: str, write: Callable[[Path], None]) -> Provenance:
    """Add a file to a bundle, or replace it. Its digest goes into the provenance, so the model's digest changes.

    A signature, which is of the old digest, is removed.

    Args:
        folder: a complete bundle; it stays as it was if anything fails.
        name: the file's name in the folder.
        write: is called with the path to write to.

    Raises:
        ValueError: the folder is not a complete bundle.
        OSError: it cannot be written.
    """
    provenance = read_provenance(folder)
    check_files(folder, provenance.files)  # a damaged bundle must not come out consistent
    sealed = provenance

    def copy(unfinished: Path) -> None:
        nonlocal sealed
        shutil.copytree(folder, unfinished, dirs_exist_ok=True)
        (unfinished / SIGNATURE).unlink(missing_ok=True)
        write(unfinished / name)
        sealed = replace(provenance, files=provenance.files | {name: sha256(unfinished / name)})
        (unfinished / record.FILE).write_text(sealed.text(), encoding="utf-8")

    replace_folder(folder, copy)
    return sealed


def seal_bundle(folder: Path) -> tuple[Provenance, list[str]]:
    """Write the digests of a bundle's files, as they are now, into its provenance. A signature is removed.

    Returns:
        The new provenance, and the names of files that were added, changed or removed.

    Raises:
        ValueError: the folder has no provenance, or holds something that no bundle may hold.
        OSError: it cannot be written.
    """
    provenance = read_provenance(folder)
    files = hash_files(folder)
    check_files(folder, files)  # refuses kinds of files that no bundle may hold, and links
    changed = sorted(dict(provenance.files.items() ^ files.items()))
    sealed = replace(provenance, files=files)
    if changed:
        (folder / SIGNATURE).unlink(missing_ok=True)
        write_bytes(folder / record.FILE, sealed.text().encode())
    return sealed, changed


def load_bundle(place: Path | str, placement: Placement = CPU) -> Bundle:
    """Open a model by name or folder, ready to generate, after checking every file against the provenance.

    Files that were hashed before and have not changed since are not hashed again; see
    :class:`langit.bundle.digests.DigestCache` for what that trusts.

    Args:
        place: a packaged model's name, the name of one trained here, or a folder.
        placement: the device that the modules are put on, and the dtype of their weights there.

    Raises:
        ValueError: there is no such model, its signature is not valid, or one of its files is missing, cut off,
            swapped, changed, a pickle, or not named by the provenance.
    """
    folder = resolve(place)
    provenance = read_provenance(folder)
    read_signature(folder, provenance)  # raises if it is not valid; being signed is not required
    cache = DigestCache.open()
    check_files(folder, provenance.files, cache.sha256)
    cache.save()

    checked = frozenset(provenance.files)
    for name in ("model_index.json", "scheduler/scheduler_config.json", provenance.films and provenance.films.file):
        if name and name not in checked:
            raise ValueError(f"{folder / record.FILE} has no hash of {name}: get the bundle again")
    transformer, transformer_dtypes = load_component(TRANSFORMERS, Component(folder, "transformer", checked, placement))
    autoencoder, vae_dtypes = load_component(AUTOENCODERS, Component(folder, "vae", checked, placement))
    text, text_dtypes = load_component(TEXT_ENCODERS, Component(folder, "text_encoder", checked, placement))
    index = folder / "model_index.json"
    return Bundle(
        transformer.eval(),
        autoencoder.eval(),
        text.eval(),
        sampling=read_key(folder / "scheduler" / "scheduler_config.json", "langit"),
        sizes=_read_sizes(index),
        fps=_read_fps(index),
        adapters=load_adapters(folder, provenance.files, transformer, placement),
        dtypes={"transformer": transformer_dtypes, "vae": vae_dtypes, "text_encoder": text_dtypes},
        provenance=provenance,
        path=folder,
    )


def _read_sizes(index: Path) -> tuple[PixelShape, ...]:
    sizes = read_key(index, "sizes")
    if not isinstance(sizes, list) or not sizes or not all(isinstance(size, str) for size in sizes):
        raise ValueError(f"{index} has sizes that are not a list of texts: get the bundle again")
    return tuple(PixelShape.parse(size) for size in sizes)


def _read_fps(index: Path) -> float:
    fps = read_key(index, "fps")
    if not isinstance(fps, (int, float)) or not 0 < fps < 1000:
        raise ValueError(f"{index} has fps {fps!r}, not a number above 0: get the bundle again")
    return float(fps)


def _index(parts: Parts, provenance: Provenance) -> dict[str, Any]:
    return {
        "_class_name": "Langit",
        "name": provenance.model,
        "transformer": list(parts.transformer.class_name),
        "vae": list(parts.autoencoder.class_name),
        "text_encoder": list(parts.text.class_name),
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "sizes": [str(size) for size in parts.sizes],
        "fps": parts.fps,
    }


def _tokenizer_config(text: TextEncoder) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": text.config.max_tokens,
        "pad_token": PAD,
        "eos_token": END,
        "unk_token": UNKNOWN,
    }


def _scheduler_config(parts: Parts) -> dict[str, Any]:
    return {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": 1000,  # the unit of Wan's timesteps, see transformer.TIMESTEPS
        "shift": parts.sampling["levels"]["shift"],
        "langit": dict(parts.sampling),
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

"""Store a bundle's weights in another precision: int8 for a small download, half precision for other libraries.

diffusers and transformers open bundles in fp16 or bf16, not our int8. Everything that is not a weight is copied.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from langit.bundle.adapters import FOLDER as ADAPTERS
from langit.bundle.adapters import save_adapters
from langit.bundle.components import DIFFUSION_STEM, TEXT_STEM
from langit.bundle.files import PROVENANCE, SIGNATURE, hash_files
from langit.bundle.folder import load_bundle
from langit.bundle.provenance import Provenance
from langit.bundle.weights import MAX_FILE_BYTES, choose_dtypes, named_weights, save_weights
from langit.files import replace_folder
from langit.transformer.adapter import to_diffusers

STORED: Final = {"int8": torch.int8, "fp16": torch.float16, "bf16": torch.bfloat16}


def convert_bundle(place: Path | str, folder: Path, dtype: str, max_file_bytes: int = MAX_FILE_BYTES) -> Provenance:
    """Write a copy of a bundle whose weights are stored in another precision.

    In int8 the first and last layers of the autoencoder stay in half precision.

    The copy is another model, with a digest of its own; a signature is not copied.

    Args:
        place: as :func:`langit.bundle.load_bundle` takes it.
        folder: to write.
        dtype: "int8", "fp16" or "bf16".
        max_file_bytes: weights beyond this size are split into several files.

    Raises:
        ValueError: no such model or dtype, the folder is the model's own, or a weight is not finite in the dtype.
        OSError: the folder exists, or cannot be written.
    """
    if dtype not in STORED:
        raise ValueError(f"dtype {dtype!r} is not known: use {', '.join(STORED)}")
    if folder.exists():
        raise FileExistsError(f"{folder} exists: name a folder that does not")
    bundle = load_bundle(place)
    sealed = bundle.provenance

    def write(unfinished: Path) -> None:
        nonlocal sealed
        shutil.copytree(bundle.path, unfinished, dirs_exist_ok=True)
        (unfinished / SIGNATURE).unlink(missing_ok=True)
        for name, module, stem in (
            ("transformer", bundle.transformer, DIFFUSION_STEM),
            ("text_encoder", bundle.text.model, TEXT_STEM),
            ("vae", bundle.autoencoder, DIFFUSION_STEM),
        ):
            for old in (unfinished / name).glob(f"{stem}*"):
                old.unlink()
            state = module.state_dict()
            dtypes = choose_dtypes({key: state[key] for key in named_weights(module)}, STORED[dtype])
            if STORED[dtype] == torch.int8 and module is bundle.autoencoder:
                # Rounding the decoder's last layer alone leaves 47 dB, rounding all layers between the outer ones 57.
                outer = bundle.autoencoder.outer_layers
                dtypes |= {key: torch.float16 for key in dtypes if key.rpartition(".")[0] in outer}
            save_weights(module, unfinished / name, stem, dtypes, max_file_bytes)
        shutil.rmtree(unfinished / ADAPTERS, ignore_errors=True)
        adapters = {
            name: replace(tuned, dtypes=choose_dtypes(to_diffusers(tuned.adapter, bundle.transformer), STORED[dtype]))
            for name, tuned in bundle.adapters.items()
        }
        save_adapters(unfinished, adapters, bundle.transformer)
        sealed = replace(bundle.provenance, files=hash_files(unfinished))
        (unfinished / PROVENANCE).write_text(sealed.text(), encoding="utf-8")

    replace_folder(folder, write)
    return sealed

"""A model as a folder: parts in, folder out; folder in, parts out. The layout is diffusers'.

    model_index.json  provenance.json  films.safetensors
    transformer/   config.json  diffusion_pytorch_model.safetensors
    vae/           config.json  diffusion_pytorch_model.safetensors
    text_encoder/  config.json  model.safetensors
    tokenizer/     tokenizer.json  tokenizer_config.json
    scheduler/     scheduler_config.json
    adapters/      NAME/pytorch_lora_weights.safetensors  NAME/sampling.json, where there are any

diffusers opens transformer/ and scheduler/, transformers opens text_encoder/ and tokenizer/; vae/ is ours. What a
sampler makes of ``sampling`` is the business of rooms below; it is kept as plain JSON.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

import langit
from langit import config
from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.bundle import provenance as record
from langit.bundle.adapters import TunedAdapter, load_adapters, save_adapters
from langit.bundle.files import check_files, hashes
from langit.bundle.films import FILE as FILMS_FILE
from langit.bundle.films import FilmTable
from langit.bundle.provenance import Provenance
from langit.bundle.weights import MAX_FILE_BYTES, load_weights, save_weights
from langit.device import CPU, Placement, placement_of
from langit.files import recover, replace_folder, sha256
from langit.shapes import PixelShape
from langit.text.encoder import TextConfig, TextEncoder
from langit.text.tokenizer import END, PAD, UNKNOWN
from langit.text.umt5 import transformers_config
from langit.transformer.blank import blank
from langit.transformer.model import TransformerConfig, VideoTransformer

DIFFUSION_STEM, TEXT_STEM = "diffusion_pytorch_model", "model"


@dataclass(frozen=True, eq=False)
class Parts:
    """All that generating needs. ``sampling`` is plain JSON with ``levels.shift``; ``sizes`` has the default first."""

    transformer: VideoTransformer
    autoencoder: Autoencoder
    text: TextEncoder
    sampling: Mapping[str, Any]
    sizes: tuple[PixelShape, ...]
    fps: float = 8.0
    adapters: Mapping[str, TunedAdapter] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Bundle(Parts):
    """A model that was opened: its parts, where it came from, and the folder."""

    provenance: Provenance = dataclasses.field(kw_only=True)
    path: Path = dataclasses.field(kw_only=True)

    @property
    def placement(self) -> Placement:
        """The device and dtype of the parts."""
        return placement_of(self.transformer)

    @property
    def tokenizer(self) -> Tokenizer:
        """The text encoder's own."""
        return self.text.tokenizer

    def films(self) -> FilmTable | None:
        """The films that the model was trained on, if it says so."""
        return FilmTable.load(self.path / self.provenance.films.file) if self.provenance.films else None


def save_bundle(
    folder: Path,
    parts: Parts,
    provenance: Provenance,
    films: FilmTable | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> Provenance:
    """Write a bundle, or replace one; it is there whole or not at all. Returns its provenance with the files' hashes.

    Raises:
        ValueError: a weight is not finite in half precision.
        OSError: the folder cannot be written.
    """
    sealed = replace(provenance, films=None if films is None else films.facts(), files={})

    def write(draft: Path) -> None:
        nonlocal sealed
        for name in ("transformer", "vae", "text_encoder", "tokenizer", "scheduler"):
            (draft / name).mkdir()
        _write_json(draft / "model_index.json", _index(parts, provenance))
        _write_json(draft / "transformer" / "config.json", parts.transformer.config.to_diffusers())
        _write_json(draft / "vae" / "config.json", {"_class_name": "Autoencoder", **parts.autoencoder.config_dict()})
        _write_json(draft / "text_encoder" / "config.json", transformers_config(parts.text.config.sizes))
        parts.text.tokenizer.save(str(draft / "tokenizer" / "tokenizer.json"))
        _write_json(draft / "tokenizer" / "tokenizer_config.json", _tokenizer_config(parts.text))
        _write_json(draft / "scheduler" / "scheduler_config.json", _scheduler_config(parts))
        save_weights(parts.transformer, draft / "transformer", DIFFUSION_STEM, max_file_bytes)
        save_weights(parts.autoencoder, draft / "vae", DIFFUSION_STEM, max_file_bytes)
        save_weights(parts.text.model, draft / "text_encoder", TEXT_STEM, max_file_bytes)
        save_adapters(draft, parts.adapters, parts.transformer)
        if films is not None:
            films.save(draft / FILMS_FILE)
        sealed = replace(sealed, files=hashes(draft))
        (draft / record.FILE).write_text(sealed.text(), encoding="utf-8")

    replace_folder(folder, write)
    return sealed


def add_file(folder: Path, name: str, write: Callable[[Path], None]) -> Provenance:
    """Add a file to a bundle, or replace it: its hash goes into the provenance, which so becomes another one.

    Args:
        folder: of a whole bundle; it stays as it was if anything fails.
        name: of the file, in the folder.
        write: is called with the place to write to.

    Raises:
        ValueError: the folder is no whole bundle.
        OSError: it cannot be written.
    """
    provenance = read_provenance(folder)
    check_files(folder, provenance.files)
    sealed = provenance

    def again(draft: Path) -> None:
        nonlocal sealed
        shutil.copytree(folder, draft, dirs_exist_ok=True)
        write(draft / name)
        sealed = replace(provenance, files=provenance.files | {name: sha256(draft / name)})
        (draft / record.FILE).write_text(sealed.text(), encoding="utf-8")

    replace_folder(folder, again)
    return sealed


def resolve(place: Path | str) -> Path:
    """The folder of a bundle: a packaged model's name, one trained here (under LANGIT_HOME), or a path.

    Raises:
        ValueError: there is none; the message says what there is.
    """
    packaged = Path(str(resources.files(langit))) / "weights"
    trained = config.home() / "models"
    name = str(place)
    if Path(name).name == name and name not in (".", ".."):
        for folder in (packaged / name, trained / name):
            recover(folder)
            if folder.is_dir():
                return folder
    folder = Path(place)
    recover(folder)
    if folder.is_dir():
        return folder
    known = sorted({path.parent.name for home in (packaged, trained) for path in home.glob(f"*/{record.FILE}")})
    there = f"there are {', '.join(known)}" if known else "train one with `langit train`"
    raise ValueError(f"no model {name!r}: {there}, or give a bundle's folder")


def read_provenance(folder: Path) -> Provenance:
    """A bundle's provenance.

    Raises:
        ValueError: it is missing or damaged.
    """
    file = folder / record.FILE
    if not file.is_file():
        raise ValueError(f"{file} is missing: {folder} is no Langit bundle, or not a whole one; get it again")
    try:
        return Provenance.parse(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def load_bundle(place: Path | str, placement: Placement = CPU) -> Bundle:
    """Open a model by name or folder, ready to generate, after checking every file against the provenance.

    Args:
        place: a packaged model's name, the name of one trained here, or a folder.
        placement: the device that the modules are put on, and the dtype of their weights there.

    Raises:
        ValueError: there is no such model, or one of its files is missing, cut off, swapped, changed or a pickle.
    """
    folder = resolve(place)
    provenance = read_provenance(folder)
    needed = ["model_index.json", "transformer/config.json", "vae/config.json", "text_encoder/config.json"]
    needed += ["tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json", "scheduler/scheduler_config.json"]
    needed += [provenance.films.file] if provenance.films else []
    for name in needed:
        if name not in provenance.files:
            raise ValueError(f"{folder / record.FILE} has no hash of {name}: get the bundle again")
    check_files(folder, provenance.files)

    index = folder / "model_index.json"
    plain = _read_json(folder / "vae" / "config.json")
    plain.pop("_class_name", None)
    with blank():
        transformer = VideoTransformer(
            TransformerConfig.from_diffusers(_read_json(folder / "transformer" / "config.json"))
        )
        text = TextEncoder(_text_sizes(folder), Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json")))
    autoencoder = Autoencoder(config.load(AutoencoderConfig, plain))  # not on meta: its statistics come from its config
    modules = {"transformer": transformer, "vae": autoencoder, "text_encoder": text.model}
    for part, module in modules.items():
        checked = {Path(name).name for name in provenance.files if Path(name).parent == Path(part)}
        load_weights(module, folder / part, TEXT_STEM if part == "text_encoder" else DIFFUSION_STEM, checked)
    adapters = load_adapters(folder, provenance.files, transformer)
    for module in (transformer, autoencoder, text, *(tuned.adapter for tuned in adapters.values())):
        placement.put(module)
    return Bundle(
        transformer.eval(),
        autoencoder.eval(),
        text.eval(),
        sampling=_value(folder / "scheduler" / "scheduler_config.json", "langit"),
        sizes=tuple(PixelShape.parse(size) for size in _value(index, "sizes")),
        fps=float(_value(index, "fps")),
        adapters=adapters,
        provenance=provenance,
        path=folder,
    )


def _index(parts: Parts, provenance: Provenance) -> dict[str, Any]:
    return {
        "_class_name": "Langit",
        "name": provenance.model,
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "vae": ["langit", "Autoencoder"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "sizes": [str(size) for size in parts.sizes],
        "fps": parts.fps,
    }


def _text_sizes(folder: Path) -> TextConfig:
    umt5 = _read_json(folder / "text_encoder" / "config.json")
    limit = _value(folder / "tokenizer" / "tokenizer_config.json", "model_max_length")
    names = {field.name for field in dataclasses.fields(TextConfig)} & umt5.keys()
    return config.load(TextConfig, {name: umt5[name] for name in names} | {"max_tokens": limit})


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
        "num_train_timesteps": 1000,
        "shift": parts.sampling["levels"]["shift"],
        "langit": dict(parts.sampling),
    }


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return plain


def _value(path: Path, key: str) -> Any:
    plain = _read_json(path)
    if key not in plain:
        raise ValueError(f"{path} lacks {key}: get the bundle again")
    return plain[key]

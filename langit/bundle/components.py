"""The networks that a bundle may consist of: registries from the class named in ``model_index.json`` to a loader.

To support another network, write it against the room's protocol and add its loader to a registry here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from tokenizers import Tokenizer
from torch import nn

from langit import config
from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.autoencoder.protocol import VideoAutoencoder
from langit.bundle.weights import load_weights
from langit.config import parse_json
from langit.device import Placement
from langit.text.encoder import TextConfig, TextEncoder
from langit.transformer.blank import blank
from langit.transformer.model import TransformerConfig, VideoTransformer
from langit.transformer.protocol import Denoiser

DIFFUSION_STEM, TEXT_STEM = "diffusion_pytorch_model", "model"

ModuleT = TypeVar("ModuleT", bound=nn.Module)
Dtypes = Mapping[str, torch.dtype]


@dataclass(frozen=True)
class Component:
    """One part of a bundle to load: its folder in the bundle, and the files whose digests were checked."""

    bundle: Path
    name: str
    checked: frozenset[str]  # by name in the bundle
    placement: Placement

    def json(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the bundle.

        Raises:
            ValueError: it was not checked, or is not a JSON object.
        """
        if name not in self.checked:
            raise ValueError(f"{self.bundle / 'provenance.json'} has no hash of {name}: get the bundle again")
        return read_json(self.bundle / name)

    def load(self, module: ModuleT, stem: str) -> dict[str, torch.dtype]:
        """Load the weights of a module that was built on the meta device."""
        names = {Path(name).name for name in self.checked if Path(name).parent == Path(self.name)}
        return load_weights(module, self.bundle / self.name, stem, names, self.placement)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: the file is not a JSON object.
        OSError: it cannot be read.
    """
    plain = parse_json(path.read_bytes(), str(path))
    if not isinstance(plain, dict):
        raise ValueError(f"{path} is not a JSON object: get the bundle again")
    return plain


def read_key(path: Path, key: str) -> Any:
    """Read one value of a JSON object.

    Raises:
        ValueError: the file is not a JSON object, or lacks the key.
    """
    plain = read_json(path)
    if key not in plain:
        raise ValueError(f"{path} lacks {key}: get the bundle again")
    return plain[key]


def load_autoencoder(part: Component) -> tuple[Autoencoder, Dtypes]:
    """Load the autoencoder that langit trains."""
    plain = part.json(f"{part.name}/config.json")
    plain.pop("_class_name", None)
    with blank():
        autoencoder = Autoencoder(config.load(AutoencoderConfig, plain))
    dtypes = part.load(autoencoder, DIFFUSION_STEM)
    autoencoder.set_statistics(part.placement)  # from its config: they are not among the weights
    return autoencoder, dtypes


def load_wan_transformer(part: Component) -> tuple[VideoTransformer, Dtypes]:
    """Load a transformer of the Wan family in diffusers' format."""
    plain = part.json(f"{part.name}/config.json")
    with blank():
        transformer = VideoTransformer(TransformerConfig.from_diffusers(plain))
    return transformer, part.load(transformer, DIFFUSION_STEM)


def load_umt5(part: Component) -> tuple[TextEncoder, Dtypes]:
    """Load a UMT5 encoder in transformers' format, and its tokenizer."""
    umt5 = part.json(f"{part.name}/config.json")
    names = {item.name for item in dataclasses.fields(TextConfig)} & umt5.keys()
    part.json("tokenizer/tokenizer_config.json")
    limit = read_key(part.bundle / "tokenizer" / "tokenizer_config.json", "model_max_length")
    sizes = config.load(TextConfig, {name: umt5[name] for name in names} | {"max_tokens": limit})
    tokenizer = _load_tokenizer(part)
    if sizes.vocab_size != tokenizer.get_vocab_size():
        raise ValueError(
            f"{part.bundle / part.name} has {sizes.vocab_size} words, its tokenizer {tokenizer.get_vocab_size()}:"
            " get the bundle again"
        )
    with blank():
        encoder = TextEncoder(sizes, tokenizer)
    return encoder, part.load(encoder.model, TEXT_STEM)


def _load_tokenizer(part: Component) -> Tokenizer:
    part.json("tokenizer/tokenizer.json")  # the library's own errors say neither which file nor what to do
    path = part.bundle / "tokenizer" / "tokenizer.json"
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(f"{path} is not a tokenizer ({error}): get the bundle again") from error


AUTOENCODERS: dict[str, Callable[[Component], tuple[VideoAutoencoder, Dtypes]]] = {"Autoencoder": load_autoencoder}
TRANSFORMERS: dict[str, Callable[[Component], tuple[Denoiser, Dtypes]]] = {
    "WanTransformer3DModel": load_wan_transformer
}
TEXT_ENCODERS: dict[str, Callable[[Component], tuple[TextEncoder, Dtypes]]] = {"UMT5EncoderModel": load_umt5}


def load_component(
    registry: Mapping[str, Callable[[Component], tuple[ModuleT, Dtypes]]], part: Component
) -> tuple[ModuleT, Dtypes]:
    """Load a part with the loader of the class that ``model_index.json`` names.

    Raises:
        ValueError: the class is unknown, or the part's files are damaged or of another model.
    """
    entry = part.json("model_index.json").get(part.name)
    name = entry[1] if isinstance(entry, list) and len(entry) == 2 else entry
    if not isinstance(name, str) or name not in registry:
        raise ValueError(
            f"{part.bundle / 'model_index.json'} names {name!r} as {part.name}, which this version cannot load:"
            f" use a bundle with {' or '.join(registry)}"
        )
    module, dtypes = registry[name](part)
    left = [name for name, tensor in (*module.named_parameters(), *module.named_buffers()) if tensor.is_meta]
    assert not left, f"not in the state_dict, so not set: {left}"
    return module, dtypes

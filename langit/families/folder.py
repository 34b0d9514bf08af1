"""A folder in diffusers' layout, read as far as its configs: which family it is of, and whether its files are whole.

Everything here takes milliseconds, so that what is wrong is said before anything large is read. Opens no weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langit.bundle.files import PICKLES
from langit.bundle.tensors import open_tensors
from langit.config import parse_json
from langit.families.sizes import check_boundary, check_sizes
from langit.families.table import FAMILIES, Family, FewSteps, family_named, preset_for

INDEX: Final = "model_index.json"
PIPELINES: Final = ("WanPipeline", "WanImageToVideoPipeline", "WanVACEPipeline", "WanVideoToVideoPipeline")
CLASSES: Final = {
    "transformer": ("WanTransformer3DModel", "WanVACETransformer3DModel"),
    "transformer_2": ("WanTransformer3DModel", "WanVACETransformer3DModel"),
    "vae": ("AutoencoderKLWan",),
    "text_encoder": ("UMT5EncoderModel",),
    "image_encoder": ("CLIPVisionModel", "CLIPVisionModelWithProjection"),
}
"""The classes that are read, by component. A component that is missing from a folder is not in its index either."""
STEMS: Final = {"text_encoder": "model", "image_encoder": "model"}
DIFFUSION_STEM: Final = "diffusion_pytorch_model"
_LAYOUT = "give a folder in diffusers' layout, for example Wan-AI/Wan2.1-T2V-1.3B-Diffusers"


@dataclass(frozen=True)
class CheckpointFolder:
    """A folder whose configs fit together: what is known of it before it is loaded.

    configs: of each component, by its name. ``index`` is the content of ``model_index.json``.
    files: names of the weights of each component.
    """

    folder: Path
    name: str
    family: Family
    preset: FewSteps | None
    index: Mapping[str, Any]
    configs: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, tuple[str, ...]]
    scheduler: Mapping[str, Any] | None

    @property
    def licence(self) -> str:
        """What its README says, in SPDX's words; the licence of the family where it says nothing."""
        readme = self.folder / "README.md"
        text = readme.read_text(encoding="utf-8", errors="replace")[:5000] if readme.is_file() else ""
        found = re.search(r"\A---\n(?:.*\n)*?license:[ \t]*['\"]?([\w.+-]+)", text)
        if found is None:
            return self.family.licence
        return self.family.licence if found[1].lower() == self.family.licence.lower() else found[1]

    @property
    def boundary(self) -> float | None:
        """The share of 1000 timesteps above which the first expert samples, where there are two."""
        ratio = self.index.get("boundary_ratio")
        return None if ratio is None or "transformer_2" not in self.configs else float(ratio)

    @property
    def bytes(self) -> dict[str, int]:
        """The size of each component's weights on disk."""
        sizes = {}
        for component, names in self.files.items():
            sizes[component] = sum((self.folder / component / name).stat().st_size for name in names)
        return sizes


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder is meant to be opened here and not as a bundle of this project."""
    if not folder.is_dir() or (folder / "provenance.json").is_file():
        return False
    return (folder / INDEX).is_file() or bool(_others(folder))


def read_checkpoint(
    folder: Path, name: str | None = None, family: str | None = None, weights: bool = True
) -> CheckpointFolder:
    """Read a folder's configs, recognise its family, and check that its weights are whole.

    Args:
        folder: in diffusers' layout.
        name: what to call it; the folder's name if left out. It tells checkpoints for a few steps.
        family: the family's name, for a person who knows better.
        weights: whether the weights are there to be checked.

    Raises:
        ValueError: it is not such a folder, of another architecture, a pickle, or a file is missing or cut off.
    """
    name = folder.resolve().name if name is None else name
    if folder.is_file():
        what = "GGUF, which is not supported" if folder.suffix == ".gguf" else "a single file"
        raise ValueError(f"{folder} is {what}: {_LAYOUT}")
    if not (folder / INDEX).is_file():
        raise ValueError(_explain_layout(folder))
    index = _json(folder / INDEX)
    pipeline = index.get("_class_name")
    if pipeline is None:
        raise ValueError(f"{folder / INDEX} names no pipeline (_class_name): {_LAYOUT}")
    if pipeline not in PIPELINES:
        raise ValueError(
            f"{folder} is a {pipeline!r}, which is not of the Wan family: use {', '.join(PIPELINES[:3])} (langit models"
            " lists what is known)"
        )
    components = [part for part in CLASSES if isinstance(index.get(part), list) and index[part][1] is not None]
    for part in ("transformer", "vae", "text_encoder"):
        if part not in components:
            raise ValueError(f"{folder / INDEX} names no {part}: {_LAYOUT}")
    configs, files = {}, {}
    for part in components:
        if index[part][1] not in CLASSES[part]:
            raise ValueError(
                f"{folder} has {index[part][1]!r} as {part}, which this version cannot read: use a checkpoint with"
                f" {' or '.join(CLASSES[part])}"
            )
        if not (folder / part / "config.json").is_file():
            raise ValueError(f"{folder / part / 'config.json'} is missing: get the checkpoint again")
        configs[part] = _json(folder / part / "config.json")
        check_sizes(folder / part / "config.json", part, configs[part])
    check_boundary(folder / INDEX, index.get("boundary_ratio"))
    recognised = _recognise(folder, index, configs)
    if family is not None:
        _check_family(folder, family_named(family), recognised)
        recognised = family_named(family)
    for part in components if weights else ():
        files[part] = _check_weights(folder / part, STEMS.get(part, DIFFUSION_STEM))
    if weights and not (folder / "tokenizer" / "tokenizer_config.json").is_file():
        raise ValueError(f"{folder / 'tokenizer' / 'tokenizer_config.json'} is missing: get the checkpoint again")
    plain = folder / "scheduler" / "scheduler_config.json"
    scheduler = _json(plain) if plain.is_file() else None
    return CheckpointFolder(folder, name, recognised, preset_for(name), index, configs, files, scheduler)


def _recognise(folder: Path, index: Mapping[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> Family:
    """The family by the structure of the networks, whatever the folder is called."""
    sizes, vae, text = configs["transformer"], configs["vae"], configs["text_encoder"]
    inputs, latents = sizes.get("in_channels", 16), vae.get("z_dim", 16)
    if sizes.get("text_dim", 4096) != text.get("d_model"):
        raise ValueError(
            f"the transformer in {folder} reads text of width {sizes.get('text_dim', 4096)}, its text encoder writes"
            f" {text.get('d_model')}: the parts are of different models, get the checkpoint again"
        )
    # Four channels of mask, one for each frame of a latent frame, and the latents of what is given.
    masked = 2 * latents + vae.get("scale_factor_temporal", 4)
    if inputs not in (latents, masked) or (sizes.get("out_channels") or inputs) != latents:
        raise ValueError(
            f"the transformer in {folder} goes from {inputs} to {sizes.get('out_channels')} channels, its autoencoder"
            f" has {latents}: the parts are of different models, get the checkpoint again"
        )
    if "transformer_2" in configs:
        differing = [key for key in sizes if key[0] != "_" and configs["transformer_2"].get(key) != sizes[key]]
        if differing:
            raise ValueError(
                f"the experts in {folder} differ in {', '.join(sorted(differing))}: get the checkpoint again"
            )
    large = sizes.get("num_attention_heads", 40) > 12
    control = "vace_layers" in sizes or "vace_in_channels" in sizes or index["transformer"][1].startswith("WanVACE")
    if control:
        return family_named("wan2.1-vace-14b" if large else "wan2.1-vace-1.3b")
    if inputs == masked:
        if sizes.get("image_dim") is None:
            return family_named("wan2.2-i2v-a14b")
        if "image_encoder" not in configs:
            raise ValueError(f"{folder} has no image_encoder, which its transformer needs: get the checkpoint again")
        return family_named("wan2.1-i2v-14b" if sizes.get("pos_embed_seq_len") is None else "wan2.1-flf2v-14b")
    if index.get("expand_timesteps"):
        return family_named("wan2.2-ti2v-5b")
    if "transformer_2" in configs:
        return family_named("wan2.2-t2v-a14b")
    return family_named("wan2.1-t2v-14b" if large else "wan2.1-t2v-1.3b")


def _check_family(folder: Path, wanted: Family, found: Family) -> None:
    if (wanted.kind, wanted.boundary is None) != (found.kind, found.boundary is None):
        same = [each.name for each in FAMILIES if each.kind == found.kind]
        raise ValueError(
            f"{folder} is a {found.name} by its configs, not a {wanted.name}: leave the family out, or use"
            f" {' or '.join(same)}"
        )


def _check_weights(folder: Path, stem: str) -> tuple[str, ...]:
    """The names of a component's weight files, after their headers and lengths were checked."""
    index, single = folder / f"{stem}.safetensors.index.json", folder / f"{stem}.safetensors"
    if index.is_file():
        try:
            mapped = dict(_json(index)["weight_map"])
            names = tuple(sorted(set(mapped.values())))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{index} is not an index of weights: get the checkpoint again") from error
        if any(not isinstance(name, str) or Path(name).name != name for name in names):
            raise ValueError(f"{index} names files outside of its folder: get the checkpoint again")
    elif single.is_file():
        mapped, names = {}, (single.name,)
    else:
        raise ValueError(_explain_weights(folder, stem))
    held: set[str] = set()
    for name in names:
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing, one of {len(names)} files: get the checkpoint again")
        with open_tensors(folder / name) as file:
            held |= file.entries.keys()
    lost = sorted(set(mapped) - held)
    if lost:
        raise ValueError(f"{folder} lacks weight {lost[0]!r}, which its index lists: get the checkpoint again")
    return names


def _explain_weights(folder: Path, stem: str) -> str:
    """Why a folder without safetensors cannot be used."""
    pickles = sorted(path.name for path in folder.glob("*") if path.suffix.lower() in PICKLES)
    if pickles:
        return (
            f"{folder / pickles[0]} is a pickle, which can run code when it is opened: convert it where you trust it,"
            " with diffusers' or transformers' from_pretrained(…, use_safetensors=False) and save_pretrained(FOLDER),"
            " or get the checkpoint as safetensors"
        )
    if any(folder.glob("*.gguf")):
        return f"{folder} holds GGUF, which is not supported: get the checkpoint as safetensors"
    variants = sorted(path.name for path in folder.glob(f"{stem}.*.safetensors*"))
    if variants:
        return f"{folder} has {variants[0]} and no {stem}.safetensors: rename the variant's files, or get the others"
    return f"{folder} has no {stem}.safetensors: get the checkpoint again"


def _others(folder: Path) -> list[str]:
    """Files by which the layouts of other programs are known."""
    patterns = ("*.gguf", "diffusion_pytorch_model*.safetensors", "models_t5_*", "*VAE*.pth", "high_noise_model")
    return sorted({path.name for pattern in patterns for path in folder.glob(pattern)})


def _explain_layout(folder: Path) -> str:
    found = _others(folder)
    if any(name.endswith(".gguf") for name in found):
        return f"{folder} holds GGUF, which is not supported: {_LAYOUT}"
    if (folder / "config.json").is_file():
        return f"{folder} is a single component without {INDEX}: give the folder above it, or {_LAYOUT}"
    if found:
        return (
            f"{folder} is in the layout of the makers' own code ({found[0]}): {_LAYOUT}; most names there end in"
            " -Diffusers"
        )
    return f"{folder} has no {INDEX}: {_LAYOUT}"


def _json(path: Path) -> dict[str, Any]:
    plain = parse_json(path.read_bytes(), str(path))
    if not isinstance(plain, dict):
        raise ValueError(f"{path} is not a JSON object: get the checkpoint again")
    return plain

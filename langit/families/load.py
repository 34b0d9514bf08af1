"""Open weights as a bundle: every component is built on the meta device and its weights are read straight into place.

What the makers disclose is the weights, so the provenance names the files, their source and licence, and who does not
disclose the training data. :func:`open_checkpoint` is the whole of it; each ``load_*`` opens one component, so that
they may also be opened one at a time. Knows nothing of sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import torch
from torch import nn

from langit import config
from langit.bundle.digests import DigestCache
from langit.bundle.folder import load_bundle
from langit.bundle.parts import Bundle
from langit.bundle.provenance import FILE, Provenance, Undisclosed
from langit.bundle.tensors import open_tensors
from langit.bundle.weights import load_weights, named_weights
from langit.device import CPU, Placement
from langit.families import hub
from langit.families.folder import DIFFUSION_STEM, STEMS, CheckpointFolder, is_checkpoint, read_checkpoint
from langit.families.scheduler import read_scheduler
from langit.families.table import TEXT_TOKENS, Family, FewSteps
from langit.files import sha256, write_bytes
from langit.ledger.artifacts import TUNED
from langit.offload.host import return_freed_memory
from langit.text.encoder import TextConfig
from langit.transformer import ControlConfig, ControlTransformer, TransformerConfig, VideoTransformer
from langit.transformer.blank import blank
from langit.transformer.protocol import Denoiser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langit.families.autoencoder import WanAutoencoder
    from langit.families.pictures import PictureEncoder
    from langit.families.text import OpenTextEncoder

SINGLE: Final = ("time_embedder", "scale_shift_table", "norm1", "norm2", "norm3")
"""Weights that diffusers keeps in single precision as well (``_keep_in_fp32_modules``)."""
IGNORED: Final = ("norm_added_q",)
"""Weights of old checkpoints that nothing reads."""
FOLDER: Final = "open-weights"
"""The folder of LANGIT_HOME in which the provenance of every checkpoint that was opened is kept, by its digest."""

ModuleT = TypeVar("ModuleT", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class OpenBundle(Bundle):
    """An opened checkpoint of open weights.

    family: how it is sampled, and what it can take.
    low: the second expert, which takes over below the boundary; None if there is one.
    pictures: the image encoder of Wan 2.1's image-to-video models.
    preset: of checkpoints for a few steps.
    notes: where the checkpoint differs from its makers' settings.
    """

    family: Family = field(kw_only=True)
    low: Denoiser | None = field(default=None, kw_only=True)
    pictures: PictureEncoder | None = field(default=None, kw_only=True)
    preset: FewSteps | None = field(default=None, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)


def is_open_weights(place: Path | str) -> bool:
    """Whether a model's name means open weights: a folder in diffusers' layout, or OWNER/NAME on the hub."""
    return is_checkpoint(Path(place)) or hub.is_hub_name(str(place)) or Path(place).suffix in (".gguf", ".safetensors")


def find_checkpoint(place: Path | str, family: str | None = None) -> CheckpointFolder:
    """Read the configs of a folder, or of a repository of the hub, which is downloaded if it has to be.

    Raises:
        ValueError, OSError: see :func:`langit.families.folder.read_checkpoint` and :func:`langit.families.hub.fetch`.
    """
    name = str(place)
    if hub.is_hub_name(name):
        # Configs come first: gigabytes of weights that cannot be used would take hours.
        folder = hub.fetch(name, lambda configs: read_checkpoint(configs, name, family, weights=False))
        return read_checkpoint(folder, name, family)
    return read_checkpoint(Path(place), None, family)


def open_checkpoint(place: Path | str, placement: Placement = CPU, *, family: str | None = None) -> OpenBundle:
    """Open a folder or a repository of the hub, ready to generate.

    Args:
        place: the folder, or OWNER/NAME.
        placement: where the transformers and encoders go. The autoencoder computes in single precision, as its makers
            run it.
        family: the family's name, for a person who knows better than its configs.

    Raises:
        ValueError, OSError: see :func:`find_checkpoint`; or weights that are not those of the configs.
    """
    if placement.device.type == "cpu":
        return_freed_memory()
    with extras(), quiet():
        checkpoint = find_checkpoint(place, family)
        reading = read_scheduler(
            checkpoint.scheduler, checkpoint.family, checkpoint.preset, checkpoint.index.get("boundary_ratio")
        )
        check_networks(checkpoint)
        provenance = make_provenance(checkpoint)
        low = load_transformer(checkpoint, placement, "transformer_2") if checkpoint.boundary is not None else None
        return OpenBundle(
            transformer=load_transformer(checkpoint, placement),
            autoencoder=load_autoencoder(checkpoint, replace(placement, dtype=torch.float32)),
            text=load_text(checkpoint, placement),
            sampling=reading.sampling if low is not None else {**reading.sampling, "boundary": None},
            sizes=checkpoint.family.pixels,
            fps=checkpoint.family.fps,
            provenance=provenance,
            path=checkpoint.folder,
            family=checkpoint.family,
            low=low,
            pictures=load_pictures(checkpoint, placement) if "image_encoder" in checkpoint.configs else None,
            preset=checkpoint.preset,
            notes=reading.notes,
        )


def open_model(place: Path | str, placement: Placement = CPU) -> Bundle:
    """Open a model of any kind: a bundle of this project by name or folder, or open weights by folder or hub name.

    Raises:
        ValueError, OSError: see :func:`langit.bundle.load_bundle` and :func:`open_checkpoint`.
    """
    return open_checkpoint(place, placement) if is_open_weights(place) else load_bundle(place, placement)


@contextmanager
def extras() -> Iterator[None]:
    """Say which extra is missing where a package that only open weights need is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("diffusers", "ftfy", "accelerate"):
            raise
        raise ValueError(
            f"open weights need {error.name}, which is not installed: pip install 'langit[open-weights]'"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Have transformers draw no bars of its own on a terminal that this project draws on."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def build_transformer(plain: dict[str, Any], name: str = "WanTransformer3DModel") -> VideoTransformer:
    """A transformer without memory, by diffusers' config and class name.

    Raises:
        ValueError: a key or value that it does not support.
    """
    with blank():
        if name == "WanVACETransformer3DModel":
            sizes = ControlConfig.from_diffusers(plain)
            assert isinstance(sizes, ControlConfig)
            return ControlTransformer(sizes)
        return VideoTransformer(TransformerConfig.from_diffusers(plain))


def load_transformer(checkpoint: CheckpointFolder, placement: Placement, part: str = "transformer") -> VideoTransformer:
    """Load a transformer; ``part`` is "transformer_2" for the second expert."""
    module = build_transformer(dict(checkpoint.configs[part]), checkpoint.index[part][1])
    _load(checkpoint, part, module, placement, single=SINGLE, ignored=IGNORED)
    return module.eval()


def build_autoencoder(plain: dict[str, Any]) -> Any:
    """diffusers' autoencoder without memory."""
    from diffusers import AutoencoderKLWan

    with blank():
        return AutoencoderKLWan.from_config(plain)


def load_autoencoder(checkpoint: CheckpointFolder, placement: Placement) -> WanAutoencoder:
    """Load the autoencoder."""
    from langit.families.autoencoder import WanAutoencoder

    vae = build_autoencoder(dict(checkpoint.configs["vae"]))
    _load(checkpoint, "vae", vae, placement, single=("",))  # all of them, also when they come and go
    autoencoder = WanAutoencoder(vae).eval()
    autoencoder.set_statistics(placement.device)
    return autoencoder


def build_text(plain: dict[str, Any]) -> Any:
    """transformers' UMT5 encoder without memory."""
    from transformers import UMT5Config, UMT5EncoderModel

    with blank():
        return UMT5EncoderModel(UMT5Config.from_dict(plain))


def load_text(checkpoint: CheckpointFolder, placement: Placement) -> OpenTextEncoder:
    """Load the text encoder and its tokenizer."""
    from transformers import AutoTokenizer

    from langit.families.text import OpenTextEncoder

    try:
        words = AutoTokenizer.from_pretrained(
            checkpoint.folder / "tokenizer", local_files_only=True, trust_remote_code=False
        )
        tokenizer = words.backend_tokenizer
    except Exception as error:  # the libraries raise nothing more specific
        raise ValueError(
            f"{checkpoint.folder / 'tokenizer'} is not a tokenizer ({error}): get the checkpoint again"
        ) from error
    encoder = build_text(dict(checkpoint.configs["text_encoder"]))
    _load(checkpoint, "text_encoder", encoder, placement)
    sizes = checkpoint.configs["text_encoder"]
    kept = {name: sizes[name] for name in ("vocab_size", "d_model", "d_kv", "num_heads", "d_ff", "num_layers")}
    return OpenTextEncoder(encoder.eval(), words, tokenizer, TextConfig(**kept, max_tokens=TEXT_TOKENS)).eval()


def load_pictures(checkpoint: CheckpointFolder, placement: Placement) -> PictureEncoder:
    """Load the image encoder. transformers opens it, because the names in its files are of another version's."""
    from transformers import CLIPImageProcessorPil, CLIPVisionModel

    from langit.families.pictures import PictureEncoder

    folder = checkpoint.folder / "image_encoder"
    try:
        model = CLIPVisionModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        processor = CLIPImageProcessorPil.from_pretrained(checkpoint.folder / "image_processor", local_files_only=True)
    except Exception as error:  # the library raises nothing more specific
        raise ValueError(f"{folder} is not a CLIP image encoder ({error}): get the checkpoint again") from error
    return PictureEncoder(placement.put(model).eval(), processor).eval()


def check_networks(checkpoint: CheckpointFolder) -> None:
    """Compare the names and shapes of all weights with the networks of the configs, by the files' headers alone.

    Raises:
        ValueError: names the first weight that is missing, of another shape, or unknown.
    """
    for part in checkpoint.files:
        if part == "image_encoder":
            continue  # read by transformers under other names
        module = _build(checkpoint, part)
        shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        firsts = {other: first for first, names in named_weights(module).items() for other in names}
        found: set[str] = set()
        for file in checkpoint.files[part]:
            with open_tensors(checkpoint.folder / part / file) as opened:
                for name, entry in opened.entries.items():
                    if any(ignored in name for ignored in IGNORED):
                        continue
                    _check_weight(checkpoint.folder / part, name, entry.shape, shapes)
                    found.add(firsts[name])
        lost = sorted(set(firsts.values()) - found)
        if lost:
            raise ValueError(
                f"{checkpoint.folder / part} lacks weight {lost[0]!r}, which its config needs: get the checkpoint again"
            )


def _check_weight(folder: Path, name: str, shape: Sequence[int], shapes: dict[str, tuple[int, ...]]) -> None:
    if name not in shapes:
        hint = (
            ": it was trained with sparse attention, which this version does not have; use a FullAttn checkpoint"
            if "to_gate_compress" in name
            else ": its weights are of another model, get the checkpoint again"
        )
        raise ValueError(f"{folder} has an unknown weight {name!r}{hint}")
    if tuple(shape) != shapes[name]:
        raise ValueError(
            f"weight {name!r} in {folder} is {tuple(shape)}, its config needs {shapes[name]}: the weights are of"
            " another model, get the checkpoint again"
        )


def _build(checkpoint: CheckpointFolder, part: str) -> nn.Module:
    plain = dict(checkpoint.configs[part])
    if part == "vae":
        module: nn.Module = build_autoencoder(plain)
    elif part == "text_encoder":
        module = build_text(plain)
    else:
        module = build_transformer(plain, checkpoint.index[part][1])
    return module


def _load(
    checkpoint: CheckpointFolder,
    part: str,
    module: nn.Module,
    placement: Placement,
    *,
    single: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> None:
    folder = checkpoint.folder / part
    names = {path.name for path in folder.iterdir()}
    stem = STEMS.get(part, DIFFUSION_STEM)
    load_weights(module, folder, stem, names, placement, single=single, ignored=ignored)


def make_provenance(checkpoint: CheckpointFolder) -> Provenance:
    """What is known of where the weights come from, kept in LANGIT_HOME so that ``verify`` can repeat it.

    The digest is of the files and of what is said of them, whatever version of this code opens them.
    """
    cache = DigestCache.open()
    names = [f"{part}/{file}" for part, files in checkpoint.files.items() for file in files]
    names += [f"{part}/config.json" for part in checkpoint.configs] + ["model_index.json"]
    names += ["scheduler/scheduler_config.json"] if checkpoint.scheduler is not None else []
    names += [path.relative_to(checkpoint.folder).as_posix() for path in (checkpoint.folder / "tokenizer").glob("*.*")]
    files = {name: cache.sha256(checkpoint.folder / name) for name in sorted(names)}
    cache.save()
    family, known = checkpoint.family, checkpoint.family.repositories
    source = checkpoint.name if "/" in checkpoint.name else f"the folder {checkpoint.name}, by its configs {known[0]}"
    base = {"family": family.name, "makers": family.makers, "licence": checkpoint.licence, "source": source}
    if (tuning := checkpoint.folder / TUNED).is_file():
        base["tuning"] = sha256(tuning)
    provenance = Provenance(
        model=checkpoint.name,
        version="open weights",
        code_version="",
        recipe={"base": base},
        ledger=Undisclosed(family.makers),
        exposure={},
        training={},
        files=files,
    )
    place = config.home() / FOLDER / provenance.digest.removeprefix("sha256:")[:16] / FILE
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(place, provenance.text().encode())
    return provenance

"""Fine-tuning of a model from footage with a record: a LoRA, or all weights of its transformer.

Clips come from a ledger's manifest, at any size that the model takes; latents and prompts are encoded once and cached.
The result names its base by digest, its manifest, and the log of what was seen at which step, which the ledger keeps as
for every run.
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import torch

from langit import config
from langit.bundle import Bundle, code_version
from langit.bundle.lora import save_lora
from langit.bundle.weights import save_weights
from langit.curate.places import places_file
from langit.device import CPU, Placement
from langit.families.clips import ClipEncoder
from langit.families.load import OpenBundle, open_model
from langit.feed.allowed import TakenDown
from langit.feed.catalogue import ClipRecords, FrameReader
from langit.feed.exposure import ExposureLog
from langit.feed.footage import TrainingFormat, find_training_set, footage_clips
from langit.feed.latents import cache_latents
from langit.feed.loader import LatentFeed
from langit.files import replace_folder, sha256, write_bytes
from langit.flow.levels import LevelsConfig
from langit.generate.model import Model
from langit.ledger.artifacts import TUNED
from langit.ledger.derived import RunExposure
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.patches.known import KnownConfig
from langit.recipes.films import Report, RunPaths
from langit.recipes.progress import StageProgress
from langit.shapes import PixelShape, latent_shape, token_grid
from langit.studio.opening import remember_embeddings
from langit.train.optim import OptimConfig
from langit.train.recompute import recompute_blocks
from langit.train.trainer import TrainConfig, Trainer
from langit.train.tuning import EncodedPrompts, TuningLevels, TuningTask
from langit.transformer.adapter import Adapter
from langit.transformer.protocol import Denoiser

STATE: Final = "ledger.json"
"""The ledger as a run read it, beside its checkpoints."""
RECORD: Final = TUNED
"""What was trained on what, beside the weights; a LoRA file has the same in its metadata."""


@dataclass(frozen=True)
class TuningConfig:
    """What is tuned and how. Everything that decides the weights is here.

    model: a name, a folder or a hub id.
    manifest: of curated footage.
    name: of the result and its run.
    size: WIDTHxHEIGHTxFRAMES of the clips; the model's own if empty.
    rank: of the LoRA; 0 trains all weights.
    expert: "high" or "low", for a model with two.
    tokens: the most in a step.
    """

    model: str
    manifest: str
    name: str
    size: str = ""
    rank: int = 16
    expert: Literal["", "high", "low"] = ""
    tokens: int = 40_000
    drop_caption: float = 0.1
    first_frame: float = 0.5
    training: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=1000,
            checkpoint_every=250,
            recompute=True,
            optim=OptimConfig(other_rate=1e-4, weight_decay=0.0, warmup=20, decay=200, ema=0.99),
        )
    )

    def __post_init__(self) -> None:
        if not self.name or Path(self.name).name != self.name or self.name.startswith("."):
            raise ValueError(f"name {self.name!r} is not the name of a folder: use letters, digits and dashes")
        if self.rank < 0:
            raise ValueError(f"rank {self.rank} is below 0: use for example 16, or 0 to train all weights")
        if self.tokens < 1:
            raise ValueError(f"tokens {self.tokens} is too small: use at least 1")
        if not 0 <= self.drop_caption < 1:
            raise ValueError(f"drop_caption {self.drop_caption} is not a share: use 0 to below 1")
        if self.expert not in ("", "high", "low"):
            raise ValueError(f"expert {self.expert!r} is unknown: use high or low")


def tune(tuning: TuningConfig, home: Path, report: Report, placement: Placement = CPU, resume: bool = False) -> Path:
    """Tune a model; returns the LoRA file, or the folder of the tuned model.

    Raises:
        ValueError: a model, manifest, size or rank that cannot be used; checkpoints that are not to be overwritten.
        OSError: the disk is full, or a folder cannot be written.
    """
    paths = RunPaths(home, f"tune-{tuning.name}")
    ledger = Ledger(paths.ledger)
    chosen = find_training_set(ledger, tuning.manifest)
    # Weights are trained in single precision and computed with in the placement's dtype.
    bundle = open_model(tuning.model, Placement(placement.device))
    denoiser, levels_of = choose_expert(bundle, tuning)
    wanted = TrainingFormat(training_size(bundle, tuning), bundle.fps)
    state = {"origin": f"langit/{tuning.name}", "size": ledger.size, "root": ledger.root().hex()}
    records = ClipRecords.read(ledger, Policy(), chosen.clips)
    clips = footage_clips(
        records, chosen, places_file(home), paths.footage, wanted, lambda done, of: report("decoding", done, of, "")
    )
    encoder = clip_encoder(bundle)
    latents = cache_latents(
        clips,
        FrameReader(),
        encoder or bundle.autoencoder,
        paths.latents,
        lambda done, of: report("latents", done, of, ""),
    )
    prompts = encode_prompts(bundle, sorted({caption for clip in clips for caption in clip.captions}), report)
    torch.manual_seed(tuning.training.seed)
    adapter = None
    if tuning.rank:
        denoiser.requires_grad_(False)
        adapter = Placement(placement.device).put(Adapter.of_rank(denoiser, tuning.rank))
    if tuning.training.recompute:
        recompute_blocks(denoiser)
    known = KnownConfig(first_frame=tuning.first_frame if _takes_frames(bundle) else 0.0)
    task = TuningTask(
        denoiser.train(),
        adapter,
        prompts,
        levels_of(wanted.pixels),
        known,
        tuning.drop_caption,
        None if encoder is None else encoder.channels,
        isinstance(bundle, OpenBundle) and bundle.family.kind == "control",
    )
    feed = LatentFeed(
        latents,
        tuning.tokens,
        tuning.training.seed,
        taken_down=TakenDown(ledger, (clip.digest for clip in clips)),
    )
    identity = tuning_identity(tuning, bundle, chosen.manifest.digest)
    training = replace(tuning.training, recompute=False)  # done above, on the transformer itself
    trainer = Trainer(task, feed, training, paths.run, identity, placement)
    trainer.train(StageProgress("tuning", paths.run, report), resume)
    target = denoiser if adapter is None else adapter
    prefix = "transformer." if adapter is None else "adapter."
    target.load_state_dict({name.removeprefix(prefix): value for name, value in trainer.ema.items()}, strict=False)
    log = ExposureLog(paths.run / "exposure.log")
    record = describe_training(tuning, bundle, chosen.manifest.digest, log, trainer.step)
    record["ledger"] = _kept_state(paths.run / STATE, state, resume)
    if adapter is not None:
        output = home / "loras" / f"{tuning.name}.safetensors"
        output.parent.mkdir(parents=True, exist_ok=True)
        save_lora(output, adapter, denoiser, {"langit": json.dumps(record, sort_keys=True)})
        digest = sha256(output)
    else:
        output = save_tuned(home / "tuned" / tuning.name, bundle, denoiser, tuning, record)
        digest = sha256(output / RECORD)
    enter_tuning(ledger, tuning, record, chosen.manifest.digest, digest)
    return output


def _kept_state(file: Path, state: dict[str, Any], resume: bool) -> dict[str, Any]:
    """The ledger as the run read it: of a finished run that is resumed, as it was the first time."""
    if resume and file.is_file():
        return dict(config.parse_json(file.read_bytes(), str(file)))
    write_bytes(file, json.dumps(state).encode())
    return state


def choose_expert(bundle: Bundle, tuning: TuningConfig) -> tuple[Denoiser, Any]:
    """The transformer that is tuned, and a function from a size to the levels that it learns.

    Raises:
        ValueError: there are two experts and none is named, or one and one is named.
    """
    low = bundle.low if isinstance(bundle, OpenBundle) else None
    if (low is None) != (not tuning.expert):
        words = "has two experts: say --expert high or low" if low is not None else "has one expert: leave --expert out"
        raise ValueError(f"{tuning.model} {words}")
    boundary = float(bundle.sampling.get("boundary") or 0.0)
    lowest, highest = (0.0, boundary) if tuning.expert == "low" else (boundary if tuning.expert else 0.0, 1.0)

    def levels(pixels: PixelShape) -> TuningLevels:
        if not isinstance(bundle, OpenBundle):
            return TuningLevels(Model.of(bundle).sampling.levels)
        grid = token_grid(latent_shape(pixels, bundle.autoencoder.compression), bundle.transformer.patch_size)
        # The makers' shift for this size as it is: it does not grow with the number of tokens.
        shift = LevelsConfig(shift=max(bundle.family.shift, 1.0), base_tokens=grid.count, spread=1.0)
        return TuningLevels(shift, lowest, highest)

    return (low if tuning.expert == "low" and low is not None else bundle.transformer), levels


def clip_encoder(bundle: Bundle) -> ClipEncoder | None:
    """What encodes clips with the condition that their family reads beside them; None for other families."""
    if not isinstance(bundle, OpenBundle) or bundle.family.kind not in ("channels", "control"):
        return None
    sizes, own = bundle.transformer.config, bundle.autoencoder.compression.channels
    beside = sizes.vace_in_channels if bundle.family.kind == "control" else sizes.in_channels - own
    return ClipEncoder(bundle.autoencoder, bundle.family, bundle.transformer.patch_size, beside, bundle.pictures)


def training_size(bundle: Bundle, tuning: TuningConfig) -> PixelShape:
    """The size of the clips.

    Raises:
        ValueError: the model does not take it.
    """
    model = Model.of(bundle)
    if not tuning.size:
        return model.sizes[0]
    pixels = PixelShape.parse(tuning.size)
    model.check(pixels)
    return pixels


def encode_prompts(bundle: Bundle, captions: Sequence[str], report: Report) -> EncodedPrompts:
    """Encode every caption once, and the empty one; open weights keep them on disk."""
    if isinstance(bundle, OpenBundle):
        remember_embeddings(bundle.text, bundle.provenance.digest, bundle.placement)
    tokens, pads = {}, {}
    texts = ["", *captions]
    with torch.no_grad():
        for done, text in enumerate(texts, start=1):
            encoded, lengths = bundle.text.encode([text])
            tokens[text] = encoded.cpu()
            pads[text] = (bundle.text.pads(lengths) or (0,))[0]
            report("prompts", done, len(texts), "")
    return EncodedPrompts(tokens, pads)


def _takes_frames(bundle: Bundle) -> bool:
    return not isinstance(bundle, OpenBundle) or bundle.family.kind == "tokens"


def tuning_identity(tuning: TuningConfig, bundle: Bundle, manifest: str) -> str:
    """What decides the weights, as one digest: settings, base and manifest."""
    plain = config.dump(tuning) | {"model": bundle.provenance.digest, "manifest": manifest}
    plain["training"].pop("checkpoint_every", None)
    return config.digest_of(plain)


def describe_training(
    tuning: TuningConfig, bundle: Bundle, manifest: str, log: ExposureLog, steps: int
) -> dict[str, Any]:
    """The record of a tuned model: its base, and what it saw."""
    base = bundle.provenance
    said: dict[str, Any] = {
        "base": {"model": base.model, "digest": base.digest},
        "manifest": manifest,
        "exposure": {"root": log.root(), "rows": log.rows, "steps": steps},
        "settings": config.dump(tuning),
        "code_version": code_version(),
    }
    if isinstance(bundle, OpenBundle):
        said["base"] |= {
            "family": bundle.family.name,
            "makers": bundle.family.makers,
            "licence": bundle.family.licence,
            "training_data": f"not disclosed by {bundle.family.makers}",
        }
    return said


def save_tuned(folder: Path, bundle: Bundle, denoiser: Denoiser, tuning: TuningConfig, record: dict[str, Any]) -> Path:
    """Write a copy of the base's folder with the tuned transformer, and the record beside it."""
    part = "transformer_2" if tuning.expert == "low" else "transformer"

    def write(unfinished: Path) -> None:
        shutil.copytree(bundle.path, unfinished, dirs_exist_ok=True, ignore=_ignore_weights(bundle.path / part))
        save_weights(denoiser, unfinished / part, "diffusion_pytorch_model", bundle.dtypes.get(part, {}))
        write_bytes(unfinished / RECORD, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())

    folder.parent.mkdir(parents=True, exist_ok=True)
    replace_folder(folder, write)
    return folder


def _ignore_weights(part: Path) -> Any:
    def ignored(folder: str, names: list[str]) -> list[str]:
        inside = Path(folder).resolve() == part.resolve()
        return [name for name in names if inside and ".safetensors" in name]

    return ignored


def enter_tuning(ledger: Ledger, tuning: TuningConfig, record: dict[str, Any], manifest: str, digest: str) -> None:
    """Enter in the ledger which run saw which clips, and which file came of it; nothing is entered twice."""
    exposure = record["exposure"]
    entry = RunExposure(
        run=f"tune-{tuning.name}",
        root=exposure["root"],
        rows=exposure["rows"],
        step=exposure["steps"],
        recorded_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        manifest=manifest,
        policy=Policy().digest.removeprefix("sha256:"),
        model=digest.removeprefix("sha256:"),
    )
    known = {(each.run, each.root, each.model) for each in ledger.exposures()}
    if (entry.run, entry.root, entry.model) not in known:
        ledger.add([entry])

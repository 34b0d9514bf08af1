"""What a whole run is: one frozen config from films to bundle, hashed into the model's provenance."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from langit import config
from langit.autoencoder.model import AutoencoderConfig
from langit.generate.settings import SamplingConfig
from langit.shapes import PixelShape, latent_shape, token_grid
from langit.text.encoder import TextConfig
from langit.train.tasks import FlowConfig, ReconstructionConfig
from langit.train.trainer import TrainConfig
from langit.transformer.model import TransformerConfig
from langit.worlds.scene import VERSION, split
from langit.worlds.world import find_world


@dataclass(frozen=True)
class FilmGroup:
    """Films of a world and size: seeds ``first`` to ``last - 1``, of which the world itself holds out every tenth."""

    size: str
    first: int
    last: int
    world: str = VERSION

    def __post_init__(self) -> None:
        PixelShape.parse(self.size)
        find_world(self.world)
        if not 0 <= self.first < self.last:
            raise ValueError(f"seeds {self.first} to {self.last} are none: give first below last, from 0 on")

    @property
    def seeds(self) -> range:
        return range(self.first, self.last)

    @property
    def pixels(self) -> PixelShape:
        return PixelShape.parse(self.size)


@dataclass(frozen=True)
class Stage:
    """A stretch of the transformer's training: on which films, what the loss is, and how long.

    A stage begins with the averaged weights of the one before it; the first begins with random ones.
    """

    name: str
    films: tuple[FilmGroup, ...]
    flow: FlowConfig = field(default_factory=FlowConfig)
    training: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.name) or self.name == "autoencoder":
            raise ValueError(f"stage {self.name!r} cannot name a folder of its own: use small letters, digits, - and _")
        if not self.films:
            raise ValueError(f"stage {self.name!r} with no films has nothing to learn from: give at least one group")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights. Machine facts (workers, threads) are not in it."""

    name: str
    stages: tuple[Stage, ...]
    autoencoder_films: tuple[FilmGroup, ...] = ()  # those that the autoencoder learns from; all of them when left empty
    captions: int = 8  # of each film, half of them Indonesian
    mirror: bool = True
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    reconstruction: ReconstructionConfig = field(default_factory=ReconstructionConfig)
    autoencoder_training: TrainConfig = field(default_factory=TrainConfig)
    manifest: str | None = None  # a curated set, by its digest, that every stage learns from beside the films
    whitening: float = 0.5  # latents are divided by std ** whitening: 0 leaves their variances, 1 makes them equal
    text: TextConfig = field(default_factory=TextConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise ValueError(f"name {self.name!r} cannot name a folder: use letters, digits, - and _")
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"stages named {', '.join(names) or 'nothing'}: give at least one, each a name of its own")
        if self.transformer.text_dim != self.text.d_model:
            raise ValueError(
                f"transformer.text_dim {self.transformer.text_dim} is not text.d_model {self.text.d_model}:"
                " make them equal"
            )
        if self.transformer.in_channels != self.autoencoder.latent_channels:
            raise ValueError(
                f"transformer.in_channels {self.transformer.in_channels} is not autoencoder.latent_channels"
                f" {self.autoencoder.latent_channels}: make them equal"
            )
        if self.transformer.out_channels != self.transformer.in_channels:
            raise ValueError(
                f"transformer.out_channels {self.transformer.out_channels} is not in_channels"
                f" {self.transformer.in_channels}: make them equal"
            )
        if self.transformer.patch_size != (1, 2, 2):
            raise ValueError(
                f"transformer.patch_size {self.transformer.patch_size}: training packs patches of (1, 2, 2)"
            )
        for stage in self.stages:
            for group in stage.films:
                tokens = token_grid(latent_shape(group.pixels, self.autoencoder.compression)).count
                if tokens > stage.flow.token_budget:
                    raise ValueError(
                        f"stages.{stage.name}.flow.token_budget {stage.flow.token_budget}: a film of {group.size} has"
                        f" {tokens} tokens, give more"
                    )
        if not any(split(seed) != "train" for g in self.autoencoder_films or self.films for seed in g.seeds):
            raise ValueError("the films hold no held-out seed to look at (every tenth is one): give at least 10 seeds")
        if self.captions < 1:
            raise ValueError(f"captions {self.captions}: give each film at least 1")
        if not 0 <= self.whitening <= 1:
            raise ValueError(f"whitening {self.whitening} is out of range: give 0 to 1")

    @property
    def films(self) -> tuple[FilmGroup, ...]:
        """All films that the stages learn from, each group once."""
        return tuple(dict.fromkeys(group for stage in self.stages for group in stage.films))

    @property
    def sizes(self) -> tuple[PixelShape, ...]:
        """What the model is made for: the last stage's films, and one frame of each where lengths were varied."""
        stage = self.stages[-1]
        sizes = [group.pixels for group in stage.films]
        if stage.flow.windows.varied:
            sizes += [replace(size, frames=1) for size in sizes]
        return tuple(dict.fromkeys(sizes))


def identity(recipe: Recipe, stage: str) -> str:
    """What must not change while a stage's run goes on: its settings without its length and its habits of saving."""

    def timeless(training: TrainConfig) -> dict[str, Any]:
        plain = asdict(replace(training, steps=1, checkpoint_every=1, sample_every=0, keep=1, compile=False))
        plain["optim"].pop("decay")
        return plain

    said = config.dump(recipe)
    common = {key: said[key] for key in ("captions", "mirror", "autoencoder", "reconstruction")}
    common["autoencoder_films"] = said["autoencoder_films"] or [config.dump(group) for group in recipe.films]
    common["autoencoder_training"] = timeless(recipe.autoencoder_training)
    if stage == "autoencoder":
        return config.digest_of(common)
    before = []
    for each in recipe.stages:
        before.append(config.dump(each) | {"training": timeless(each.training)})
        if each.name == stage:
            break
    rest = {key: said[key] for key in ("whitening", "text", "transformer")}
    if recipe.manifest is not None:
        rest["manifest"] = recipe.manifest
    return config.digest_of(common | rest | {"stages": before})

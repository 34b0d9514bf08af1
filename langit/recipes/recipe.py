"""What a whole run is: one frozen config from films to bundle, hashed into the model's provenance."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from langit import config
from langit.autoencoder.model import AutoencoderConfig
from langit.generate.settings import SamplingConfig
from langit.shapes import PixelShape, latent_shape, token_grid
from langit.text.encoder import TextConfig
from langit.train.distil import DistilConfig
from langit.train.tasks import FlowConfig, ReconstructionConfig
from langit.train.trainer import TrainConfig
from langit.transformer.adapter import Adapter
from langit.transformer.blank import blank
from langit.transformer.model import TransformerConfig, VideoTransformer
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
class AutoencoderStage:
    """A stretch of the autoencoder's training; on all films of the transformer's stages where it names none.

    A stage begins with the averaged weights of the one before it; the first begins with principal components. One that
    trains the decoder alone keeps the latents of the one before it, and may come after a transformer has learnt them.
    """

    name: str
    films: tuple[FilmGroup, ...] = ()
    reconstruction: ReconstructionConfig = field(default_factory=ReconstructionConfig)
    training: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        _check_name(self.name)


@dataclass(frozen=True)
class Stage:
    """A stretch of the transformer's training: on which films, what the loss is, and how long.

    A stage begins with the averaged weights of the one before it; the first begins with random ones. It learns the
    latents of the autoencoder as one of its stages left it, the last if none is named; words of its captions that were
    not there before are added to the vocabulary. With ``fresh_scores`` the text encoder's words forget who looks at
    whom and learn it again, or for the first time, from their neighbours on.
    """

    name: str
    films: tuple[FilmGroup, ...]
    flow: FlowConfig = field(default_factory=FlowConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    autoencoder: str = ""
    fresh_scores: bool = config.added(False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not self.films:
            raise ValueError(f"stage {self.name!r} with no films has nothing to learn from: give at least one group")


@dataclass(frozen=True)
class DistilStage:
    """An adapter, named as the stage, that is trained beside the finished transformer, so that fewer evaluations do.

    It learns from films of its own or, where it names none, from those of the transformer's last stage. ``flow`` says
    what is drawn of them.
    """

    name: str
    films: tuple[FilmGroup, ...] = ()
    distil: DistilConfig = field(default_factory=DistilConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    training: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.training.compile:
            raise ValueError(f"distil.{self.name}.training.compile: two sets of weights share the blocks; set it false")


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise ValueError(f"stage {name!r} cannot name a folder of its own: use small letters, digits, - and _")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights. Machine facts (workers, threads) are not in it."""

    name: str
    stages: tuple[Stage, ...]
    autoencoder_stages: tuple[AutoencoderStage, ...] = (AutoencoderStage("autoencoder"),)
    captions: int = 8  # of each film, half of them Indonesian
    mirror: bool = True
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    manifest: str | None = None  # a curated set, by its digest, that every stage learns from beside the films
    whitening: float = 0.5  # latents are divided by std ** whitening: 0 leaves their variances, 1 makes them equal
    text: TextConfig = field(default_factory=TextConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    distil: tuple[DistilStage, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise ValueError(f"name {self.name!r} cannot name a folder: use letters, digits, - and _")
        names = list(self.stage_names)
        if not self.stages or not self.autoencoder_stages or len(set(names)) < len(names):
            raise ValueError(
                f"stages named {', '.join(names) or 'nothing'}: give at least one of the autoencoder and one of the"
                " transformer, each a name of its own"
            )
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
            self.autoencoder_of(stage)
            self._check_budget(f"stages.{stage.name}", stage.films, stage.flow)
        for last in self.distil:
            self._check_budget(f"distil.{last.name}", self.films_of(last), last.flow)
            with blank():
                Adapter.beside(VideoTransformer(self.transformer), last.distil.rank)
        if self.autoencoder_stages[0].reconstruction.decoder_only:
            raise ValueError(
                f"stage {self.autoencoder_stages[0].name} trains the decoder alone, and no stage before it an encoder:"
                " set decoder_only=false"
            )
        for each in self.autoencoder_stages:
            if not any(split(seed) != "train" for group in each.films or self.films for seed in group.seeds):
                raise ValueError(
                    f"the films of stage {each.name} hold no held-out seed to look at (every tenth is one):"
                    " give at least 10 seeds"
                )
        if self.captions < 1:
            raise ValueError(f"captions {self.captions}: give each film at least 1")
        if not 0 <= self.whitening <= 1:
            raise ValueError(f"whitening {self.whitening} is out of range: give 0 to 1")

    def _check_budget(self, where: str, films: tuple[FilmGroup, ...], flow: FlowConfig) -> None:
        for group in films:
            tokens = token_grid(latent_shape(group.pixels, self.autoencoder.compression)).count
            if tokens > flow.token_budget:
                raise ValueError(
                    f"{where}.flow.token_budget {flow.token_budget}: a film of {group.size} has {tokens} tokens,"
                    " give more"
                )

    @property
    def films(self) -> tuple[FilmGroup, ...]:
        """All films that the transformer's stages learn from, each group once."""
        return tuple(dict.fromkeys(group for stage in self.stages for group in stage.films))

    @property
    def all_films(self) -> tuple[FilmGroup, ...]:
        """All films that any stage learns from, each group once."""
        others = (*(each.films for each in self.autoencoder_stages), *(each.films for each in self.distil))
        return tuple(dict.fromkeys((*self.films, *(group for films in others for group in films))))

    def films_of(self, stage: DistilStage) -> tuple[FilmGroup, ...]:
        """The films that a distillation learns from."""
        return stage.films or self.stages[-1].films

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The autoencoder's stages, then the transformer's, then the adapters'."""
        names = (*(each.name for each in self.autoencoder_stages), *(each.name for each in self.stages))
        return (*names, *(each.name for each in self.distil))

    def autoencoder_of(self, stage: Stage) -> str:
        """The stage of the autoencoder whose latents a stage learns.

        Raises:
            ValueError: it names one that there is not.
        """
        names = [each.name for each in self.autoencoder_stages]
        if stage.autoencoder and stage.autoencoder not in names:
            raise ValueError(
                f"stages.{stage.name}.autoencoder {stage.autoencoder!r} is none of its stages: {', '.join(names)}"
            )
        return stage.autoencoder or names[-1]

    def decoder_of(self, stage: Stage) -> str:
        """The stage of the autoencoder that decodes what a stage learns: the last that has the same latents."""
        names = [each.name for each in self.autoencoder_stages]
        found = self.autoencoder_of(stage)
        for each in self.autoencoder_stages[names.index(found) + 1 :]:
            if not each.reconstruction.decoder_only:
                break
            found = each.name
        return found

    @property
    def sizes(self) -> tuple[PixelShape, ...]:
        """What the model is made for: the last stage's films, and one frame of each where lengths were varied."""
        stage = self.stages[-1]
        sizes = [group.pixels for group in stage.films]
        if stage.flow.windows.varied:
            sizes += [replace(size, frames=1) for size in sizes]
        return tuple(dict.fromkeys(sizes))


def identity(recipe: Recipe, stage: str) -> str:
    """What must not change while a stage's run goes on: its settings without its length and its habits of saving.

    Settings that configs got later (:func:`config.added`) count where they are used.
    """

    def timeless(training: TrainConfig) -> dict[str, Any]:
        plain = config.identifying(
            replace(training, steps=1, checkpoint_every=1, sample_every=0, keep=1, compile=False)
        )
        plain["optim"].pop("decay")
        return plain

    said = config.identifying(recipe)
    common = {key: said[key] for key in ("captions", "mirror", "autoencoder")}

    def autoencoder(name: str) -> list[dict[str, Any]]:
        """The autoencoder's stages up to one."""
        chain = []
        for each in recipe.autoencoder_stages:
            films = [config.identifying(group) for group in each.films or recipe.films]
            chain.append(config.identifying(each) | {"training": timeless(each.training), "films": films})
            if each.name == name:
                break
        return chain

    if stage in (each.name for each in recipe.autoencoder_stages):
        return config.digest_of(common | {"autoencoder_stages": autoencoder(stage)})
    for last in recipe.distil:
        if last.name == stage:
            films = [config.identifying(group) for group in recipe.films_of(last)]
            own = config.identifying(last) | {"training": timeless(last.training), "films": films}
            base = identity(recipe, recipe.stages[-1].name)
            return config.digest_of({"base": base, "distil": own, "levels": said["sampling"]["levels"]})
    before = []
    for each in recipe.stages:
        chain = autoencoder(recipe.autoencoder_of(each))
        before.append(config.identifying(each) | {"training": timeless(each.training), "autoencoder": chain})
        if each.name == stage:
            break
    rest = {key: said[key] for key in ("whitening", "text", "transformer")}
    if recipe.manifest is not None:
        rest["manifest"] = recipe.manifest
    return config.digest_of(common | rest | {"stages": before})

"""What a whole run is: one frozen config, from data to bundle."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from langit import config
from langit.autoencoder.model import AutoencoderConfig
from langit.feed.buckets import BucketConfig
from langit.generate.settings import SamplingConfig
from langit.recipes.clock import ClockConfig
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

FILM_FPS = 8.0  # `worlds.film.FPS`, which cannot be imported without MuJoCo


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
            raise ValueError(f"seeds {self.first} to {self.last} are none: use first below last, from 0 on")

    @property
    def seeds(self) -> range:
        return range(self.first, self.last)

    @property
    def pixels(self) -> PixelShape:
        return PixelShape.parse(self.size)


@dataclass(frozen=True)
class WorldShare:
    """The share of a stage's draws that is of films of one world."""

    world: str
    share: float

    def __post_init__(self) -> None:
        find_world(self.world)
        if not 0 <= self.share <= 1:
            raise ValueError(f"share {self.share} of {self.world} is out of range: use 0 to 1")


@dataclass(frozen=True)
class StageData:
    """What a stage learns from: groups of rendered films, and the sizes at which the clips of the manifest are learnt.

    The sizes count only in a recipe that names a manifest. With ``buckets`` each clip is learnt at the one of them that
    fits it, in pieces; without, at all of them, cropped to each.
    """

    films: tuple[FilmGroup, ...] = ()
    sizes: tuple[str, ...] = ()
    buckets: BucketConfig | None = None

    @property
    def pixels(self) -> tuple[PixelShape, ...]:
        """The sizes of all clips, each once."""
        return tuple(dict.fromkeys((*(group.pixels for group in self.films), *map(PixelShape.parse, self.sizes))))


@dataclass(frozen=True)
class AutoencoderStage:
    """A stage of the autoencoder's training.

    It learns from ``films``, and from footage at ``sizes``; where it names neither, from the films of the transformer's
    stages, or from their footage where they have no films. A stage begins with the averaged weights of the one before
    it; the first begins with those of the recipe's base, or with principal components. One that trains the decoder
    alone keeps the latents of the one before it, and may come after a transformer has learnt them.
    """

    name: str
    films: tuple[FilmGroup, ...] = ()
    reconstruction: ReconstructionConfig = field(default_factory=ReconstructionConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    sizes: tuple[str, ...] = config.added_field(())

    def __post_init__(self) -> None:
        _check_stage(self.name, self.sizes)


@dataclass(frozen=True)
class Stage:
    """A stage of the transformer's training: on which clips, what the loss is, and how long.

    It learns from ``films``, and, where the recipe names a manifest, from its footage at the sizes of the films and at
    ``sizes``. A stage of footage alone names no films, but sizes or ``buckets``: then each clip is learnt at the one
    size that fits it, and sizes that are not named are chosen from what the footage is when the run begins. A stage
    begins with the averaged weights of the one before it; the first with those of the recipe's base, or with random
    ones. It learns the latents of the autoencoder as one of its stages left it, the last if none is named. Words of its
    captions that were not there before are added to the vocabulary. With ``fresh_scores`` the text encoder's attention
    is drawn anew, and begins by looking at neighbouring words.
    """

    name: str
    films: tuple[FilmGroup, ...]
    flow: FlowConfig = field(default_factory=FlowConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    autoencoder: str = ""
    fresh_scores: bool = config.added_field(False)
    sizes: tuple[str, ...] = config.added_field(())
    buckets: BucketConfig | None = config.added_field(None)
    shares: tuple[WorldShare, ...] = config.added_field(())  # of the draws; films of other worlds share what is left

    def __post_init__(self) -> None:
        _check_stage(self.name, self.sizes)
        if self.shares and not self.flow.one_shape:
            raise ValueError(f"stage {self.name!r} has shares of worlds: they need flow.one_shape=true")
        others = {each.world for each in self.shares} - {group.world for group in self.films}
        if others or sum(each.share for each in self.shares) > 1 + 1e-9:
            given = ", ".join(f"{each.world} {each.share:g}" for each in self.shares)
            raise ValueError(f"stage {self.name!r} has shares {given}: use worlds of its films, and at most 1 in all")
        if self.films and self.buckets:
            raise ValueError(f"stage {self.name!r} has films and buckets: buckets are of footage alone; leave one out")
        if not self.films and not self.sizes and self.buckets is None:
            raise ValueError(
                f"stage {self.name!r} has no films and no sizes of footage, so nothing to learn from: give at least one"
                " group of films, or one size"
            )


@dataclass(frozen=True)
class DistilStage:
    """An adapter, named as the stage, that is trained beside the finished transformer to need fewer evaluations.

    It learns from films and sizes of its own or, where it names none, from those of the transformer's last stage.
    ``flow`` says what is drawn of them.
    """

    name: str
    films: tuple[FilmGroup, ...] = ()
    distil: DistilConfig = field(default_factory=DistilConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    training: TrainConfig = field(default_factory=TrainConfig)
    sizes: tuple[str, ...] = config.added_field(())

    def __post_init__(self) -> None:
        _check_stage(self.name, self.sizes)
        if self.training.compile:
            # The base and its merged copy would share compiled blocks that hold the weights of one of them.
            raise ValueError(f"distil.{self.name}.training.compile is not supported: set it to false")


AnyStage = AutoencoderStage | Stage | DistilStage


def _check_stage(name: str, sizes: tuple[str, ...]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise ValueError(f"stage {name!r} cannot name a folder: use small letters, digits, - and _")
    for size in sizes:
        PixelShape.parse(size)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights. Facts of the machine (workers, threads, device) are not in it."""

    name: str
    stages: tuple[Stage, ...]
    autoencoder_stages: tuple[AutoencoderStage, ...] = (AutoencoderStage("autoencoder"),)
    captions: int = 8  # of each film, half of them Indonesian
    mirror: bool = True
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    manifest: str | None = None  # a curated set, by its digest, whose clips the stages learn from
    whitening: float = 0.5  # latents are divided by std ** whitening: 0 keeps their variances, 1 makes them equal
    text: TextConfig = field(default_factory=TextConfig)
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    distil: tuple[DistilStage, ...] = ()
    base: str | None = config.added_field(None)  # a model, by its digest, that training begins from
    fps: float = config.added_field(FILM_FPS)  # frames a second of all clips
    autoencoder_base: str | None = config.added_field(None)  # a model, by its digest, whose autoencoder is taken
    text_encoder: str | None = config.added_field(None)  # a folder with a pretrained UMT5 encoder, which stays as it is
    clock: ClockConfig | None = config.added_field(None)  # how a run with a deadline divides its time

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise ValueError(f"name {self.name!r} cannot name a folder: use letters, digits, - and _")
        self._check_stages()
        self._check_networks()
        if self.captions < 1:
            raise ValueError(f"captions {self.captions}: use at least 1 for each film")
        if not 0 <= self.whitening <= 1:
            raise ValueError(f"whitening {self.whitening} is out of range: use 0 to 1")
        if not 0 < self.fps <= 120:
            raise ValueError(f"fps {self.fps} is out of range: use frames a second above 0, to 120")
        if self.base and (self.autoencoder_base or self.text_encoder):
            raise ValueError(
                "a base brings its own autoencoder and text encoder: leave autoencoder_base and text_encoder out"
            )
        if self.all_films and self.fps != FILM_FPS:
            raise ValueError(f"fps {self.fps}: films are rendered at {FILM_FPS:g}; use this rate, or footage alone")

    def _check_stages(self) -> None:
        names = list(self.stage_names)
        given = self.base or self.autoencoder_base
        if not self.stages or not (self.autoencoder_stages or given) or len(set(names)) < len(names):
            raise ValueError(
                f"stages named {', '.join(names) or 'nothing'}: give at least one of the transformer and, without a"
                " base, one of the autoencoder, each a name of its own"
            )
        for stage in self.stages:
            self.autoencoder_of(stage)
            self._check_budget(f"stages.{stage.name}", stage)
        for distil in self.distil:
            self._check_budget(f"distil.{distil.name}", distil)
        if self.autoencoder_stages and self.autoencoder_stages[0].reconstruction.decoder_only and not given:
            raise ValueError(
                f"stage {self.autoencoder_stages[0].name} trains only the decoder, but no earlier stage trains an"
                " encoder: set decoder_only=false"
            )
        for each in self.autoencoder_stages:
            films = self.data_of(each).films
            if films and not any(split(seed) != "train" for group in films for seed in group.seeds):
                raise ValueError(
                    f"the films of stage {each.name} hold no held-out seed (every tenth is one) to show in previews:"
                    " give at least 10 seeds"
                )

    def _check_networks(self) -> None:
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
        for distil in self.distil:
            with blank():
                Adapter.of_rank(VideoTransformer(self.transformer), distil.distil.rank)

    def _check_budget(self, where: str, stage: Stage | DistilStage) -> None:
        for pixels in self.data_of(stage).pixels:
            tokens = token_grid(latent_shape(pixels, self.autoencoder.compression)).count
            if tokens > stage.flow.token_budget:
                raise ValueError(
                    f"{where}.flow.token_budget {stage.flow.token_budget}: a clip of {pixels} has {tokens} tokens,"
                    " use at least as many"
                )

    @property
    def every_stage(self) -> tuple[AnyStage, ...]:
        """The autoencoder's stages, then the transformer's, then the adapters'."""
        return (*self.autoencoder_stages, *self.stages, *self.distil)

    @property
    def stage_names(self) -> tuple[str, ...]:
        """The names of :attr:`every_stage`, in its order."""
        return tuple(stage.name for stage in self.every_stage)

    @property
    def films(self) -> tuple[FilmGroup, ...]:
        """All films that the transformer's stages learn from, each group once."""
        return tuple(dict.fromkeys(group for stage in self.stages for group in stage.films))

    @property
    def all_films(self) -> tuple[FilmGroup, ...]:
        """All films that any stage learns from, each group once."""
        others = (*(each.films for each in self.autoencoder_stages), *(each.films for each in self.distil))
        return tuple(dict.fromkeys((*self.films, *(group for films in others for group in films))))

    @property
    def needs_footage(self) -> bool:
        """Whether a stage has no films, so that there is nothing to learn without a manifest."""
        return any(not self.data_of(stage).films for stage in self.every_stage)

    def data_of(self, stage: AnyStage) -> StageData:
        """What a stage learns from."""
        if isinstance(stage, Stage):
            sizes = (*(group.size for group in stage.films), *stage.sizes)
            return StageData(stage.films, tuple(dict.fromkeys(sizes)), stage.buckets)
        if isinstance(stage, DistilStage):
            if not stage.films and not stage.sizes:
                return self.data_of(self.stages[-1])
            sizes = (*(group.size for group in stage.films), *stage.sizes)
            return StageData(stage.films, tuple(dict.fromkeys(sizes)))
        if stage.films or stage.sizes:
            return StageData(stage.films, stage.sizes)
        if self.films:
            return StageData(self.films)  # an autoencoder learns footage beside films only where it names sizes
        if self.stages[0].buckets is not None:
            return self.data_of(self.stages[0])
        return StageData((), tuple(dict.fromkeys(size for each in self.stages for size in each.sizes)))

    def autoencoder_of(self, stage: Stage) -> str:
        """The stage of the autoencoder whose latents a stage learns; "" is the base's autoencoder as it is.

        Raises:
            ValueError: it names one that there is not.
        """
        names = [each.name for each in self.autoencoder_stages]
        if stage.autoencoder and stage.autoencoder not in names:
            raise ValueError(
                f"stages.{stage.name}.autoencoder {stage.autoencoder!r} is not a stage of the autoencoder: there are"
                f" {', '.join(names) or 'none'}"
            )
        return stage.autoencoder or (names[-1] if names else "")

    def decoder_of(self, stage: Stage) -> str:
        """The stage of the autoencoder that decodes what a stage learns: the last that has the same latents."""
        names = [each.name for each in self.autoencoder_stages]
        decoder = self.autoencoder_of(stage)
        after = names.index(decoder) + 1 if decoder else 0
        for each in self.autoencoder_stages[after:]:
            if not each.reconstruction.decoder_only:
                break
            decoder = each.name
        return decoder

    @property
    def sizes(self) -> tuple[PixelShape, ...]:
        """What the model is made for: the last stage's clips, and one frame of each where lengths were varied."""
        stage = self.stages[-1]
        sizes = [group.pixels for group in stage.films] + [PixelShape.parse(size) for size in stage.sizes]
        if stage.flow.windows.varied:
            sizes += [replace(size, frames=1) for size in sizes]
        return tuple(dict.fromkeys(sizes))

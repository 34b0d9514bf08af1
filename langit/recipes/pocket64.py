"""The recipe pocket64: the 64x64 model that shipped before pocket, trained on two CPU cores (docs/runs-pocket.md).

It was called pocket then. Identities do not depend on a recipe's name, so a run of that time goes on with
``langit train pocket64 name=pocket --resume``.
"""

from __future__ import annotations

from dataclasses import replace

from langit.autoencoder.model import AutoencoderConfig
from langit.feed.windows import WindowConfig
from langit.flow.levels import LevelsConfig
from langit.generate.settings import SamplingConfig
from langit.patches.known import KnownConfig
from langit.recipes.recipe import AutoencoderStage, DistilStage, FilmGroup, Recipe, Stage
from langit.text.encoder import TextConfig
from langit.train.distil import DistilConfig
from langit.train.optim import OptimConfig
from langit.train.tasks import FlowConfig, ReconstructionConfig
from langit.train.trainer import TrainConfig
from langit.transformer.model import TransformerConfig


def pocket64() -> Recipe:
    """64x64 (and some 80x48 and 48x80), up to 33 frames at 8 frames a second; about 12M parameters in all."""
    text = TextConfig()
    short = (
        FilmGroup("64x64x17", 0, 5_800),
        FilmGroup("80x48x17", 100_000, 100_300),
        FilmGroup("48x80x17", 200_000, 200_300),
    )
    long = (
        FilmGroup("64x64x33", 300_000, 303_000),
        FilmGroup("80x48x33", 400_000, 400_400),
        FilmGroup("48x80x33", 500_000, 500_400),
    )
    worlds = (
        FilmGroup("64x64x17", 0, 4_000),
        *short[1:],
        FilmGroup("64x64x33", 300_000, 302_000),
        *long[1:],
        FilmGroup("64x64x17", 0, 3_400, "story-1"),
        FilmGroup("64x64x33", 300_000, 300_700, "story-1"),
        FilmGroup("80x48x33", 400_000, 400_350, "story-1"),
        FilmGroup("48x80x33", 500_000, 500_350, "story-1"),
        FilmGroup("64x64x17", 0, 1_200, "behind-1"),
        FilmGroup("64x64x33", 300_000, 300_300, "behind-1"),
    )
    sharp = OptimConfig(matrix_rate=3e-3, other_rate=1e-3, warmup=30, decay=250, ema=0.995)
    optim = OptimConfig(matrix_rate=2e-3, other_rate=1.5e-3, warmup=50, decay=600, ema=0.995)
    everything = FlowConfig(
        token_budget=2560,
        thing_after=0,
        windows=WindowConfig(whole=0.55, later=0.2, image=0.08, starts=1),
        known=KnownConfig(
            none=0.5,
            first_frame=0.11,
            first_frames=0.12,
            last_frames=0.08,
            both_ends=0.11,
            scattered=0.03,
            region=0.05,
            noise=0.1,
        ),
    )
    return Recipe(
        name="pocket64",
        stages=(
            Stage(
                "scenes",  # what the world looks like: whole short films, from text alone
                short,
                FlowConfig(token_budget=2560),
                TrainConfig(steps=2_000, lanes=2, optim=optim, checkpoint_every=100, sample_every=500),
                autoencoder="autoencoder",
            ),
            Stage(
                "abilities",  # videos of any length, and continuing from frames that are given
                (*short, *long),
                FlowConfig(
                    token_budget=2560,
                    thing_after=0,
                    windows=WindowConfig(whole=0.55, later=0.2, image=0.08, starts=1),
                    known=KnownConfig(
                        none=0.55,
                        first_frame=0.12,
                        first_frames=0.12,
                        last_frames=0.07,
                        both_ends=0.07,
                        scattered=0.03,
                        region=0.04,
                        noise=0.1,
                    ),
                ),
                TrainConfig(
                    steps=2_000,
                    seed=1,
                    lanes=2,
                    optim=replace(optim, decay=500),
                    checkpoint_every=100,
                    sample_every=500,
                ),
                autoencoder="autoencoder",
            ),
            Stage(
                "story",  # puppies, travellers, train windows, and things that pass behind others
                worlds,
                replace(
                    everything, levels=LevelsConfig(mean=-0.4, spread=1.3)
                ),  # more low noise levels, at which flicker is decided
                TrainConfig(
                    steps=5_600,
                    seed=2,
                    lanes=2,
                    optim=replace(optim, decay=1_000),
                    checkpoint_every=100,
                    sample_every=500,
                ),
                autoencoder="story-pixels",
            ),
            Stage(
                "words",  # which words belong together: attention of the stages before had saturated (docs/LOG.md)
                worlds,
                replace(everything, levels=LevelsConfig(mean=-0.2, spread=1.2)),
                TrainConfig(
                    steps=4_000,
                    seed=3,
                    lanes=2,
                    optim=replace(optim, decay=1_000, score_rate=2e-4),
                    checkpoint_every=100,
                    sample_every=500,
                ),
                autoencoder="story-pixels",
                fresh_scores=True,
            ),
        ),
        autoencoder_stages=(
            AutoencoderStage(
                "autoencoder",
                (FilmGroup("64x64x17", 0, 2_000),),
                ReconstructionConfig(batch=8),
                TrainConfig(
                    steps=650,
                    optim=sharp,
                    checkpoint_every=50,
                    sample_every=100,
                ),
            ),
            AutoencoderStage(
                "sharper",  # more films, for longer; the rate does not fall, because the next stage continues from it
                (FilmGroup("64x64x17", 0, 5_800),),
                ReconstructionConfig(batch=8),
                TrainConfig(steps=2_000, seed=1, optim=replace(sharp, decay=0), checkpoint_every=100, sample_every=200),
            ),
            AutoencoderStage(
                "story-pixels",  # fur, knitted wool, houses, film grain
                (FilmGroup("64x64x17", 0, 5_800), FilmGroup("64x64x17", 0, 3_400, "story-1")),
                ReconstructionConfig(batch=8),
                TrainConfig(
                    steps=1_000, seed=2, optim=replace(sharp, decay=600), checkpoint_every=100, sample_every=200
                ),
            ),
        ),
        autoencoder=AutoencoderConfig(latent_channels=24),
        text=text,
        transformer=TransformerConfig(text_dim=text.d_model, in_channels=24, out_channels=24),
        sampling=SamplingConfig(guidance=3.0),
        distil=(
            DistilStage(
                "fast",  # 6 evaluations in place of 24; a step costs as much as two or three steps of the flow
                distil=DistilConfig(rank=64, steps=6, guidance=3.0, substeps=1),
                flow=everything,
                training=TrainConfig(
                    steps=600,
                    seed=3,
                    lanes=2,
                    optim=OptimConfig(other_rate=1e-3, warmup=20, decay=300, ema=0.98),
                    checkpoint_every=50,
                    sample_every=300,
                ),
            ),
        ),
    )

"""The recipe pocket: the model that ships, 128x128, from rendered films on one GPU by the clock.

The weights that ship were trained by a script over this project's modules (their provenance says so) with these films
and settings, in nine minutes of an H200. This recipe is the same walk in the project's own rooms. It begins with
nothing: the script's autoencoder went on, for 650 steps, from that of `pocket64`.
"""

from __future__ import annotations

from dataclasses import replace

from langit.autoencoder.model import AutoencoderConfig
from langit.feed.windows import WindowConfig
from langit.flow.levels import LevelsConfig
from langit.generate.settings import SamplingConfig
from langit.patches.known import KnownConfig
from langit.recipes.clock import ClockConfig
from langit.recipes.recipe import AutoencoderStage, DistilStage, FilmGroup, Recipe, Stage
from langit.text.encoder import TextConfig
from langit.train.distil import DistilConfig
from langit.train.optim import OptimConfig
from langit.train.tasks import FlowConfig, ReconstructionConfig
from langit.train.trainer import TrainConfig
from langit.transformer.model import TransformerConfig

FILMS = (
    FilmGroup("128x128x17", 0, 4_600),
    FilmGroup("128x128x33", 300_000, 302_400),
    FilmGroup("160x96x17", 100_000, 100_300),
    FilmGroup("96x160x17", 200_000, 200_300),
    FilmGroup("160x96x33", 400_000, 400_400),
    FilmGroup("96x160x33", 500_000, 500_400),
    FilmGroup("128x128x17", 0, 4_000, "story-1"),
    FilmGroup("128x128x33", 300_000, 302_000, "story-1"),
    FilmGroup("160x96x33", 400_000, 400_400, "story-1"),
    FilmGroup("96x160x33", 500_000, 500_400, "story-1"),
    FilmGroup("128x128x17", 0, 1_200, "behind-1"),
    FilmGroup("128x128x33", 300_000, 300_600, "behind-1"),
)
"""15,520 films with the held-out ones (every tenth): seconds of a GPU by EGL, about five hours of a core by OSMesa."""


def pocket() -> Recipe:
    """128x128, 160x96 and 96x160, up to 33 frames at 8 frames a second; about 26M parameters in all.

    Without a deadline the steps are those that the shipped model took; with one they are what the time allows.
    """
    text = TextConfig(num_layers=3)
    levels = LevelsConfig(shift=4.0, base_tokens=320, mean=-0.4, spread=1.4)
    everything = FlowConfig(
        levels=levels,
        token_budget=40_000,
        thing_after=300,
        one_shape=True,
        windows=WindowConfig(whole=0.66, later=0.16, image=0.05, starts=1),
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
    optim = OptimConfig(
        matrix_rate=2e-3, other_rate=1.5e-3, warmup=150, decay=2_200, final=0.0, ema=0.999, score_rate=2e-4
    )
    return Recipe(
        name="pocket",
        stages=(
            Stage(
                "everything",  # all worlds, sizes, lengths and abilities at once, from random weights
                FILMS,
                everything,
                TrainConfig(steps=5_385, optim=optim, checkpoint_every=1_000),
                fresh_scores=True,
            ),
        ),
        autoencoder_stages=(
            AutoencoderStage(
                "pixels-128",  # 2,000 steps where the shipped one went 650 further: it had weights to begin with
                FILMS,
                ReconstructionConfig(batch=16),
                TrainConfig(
                    steps=2_000,
                    optim=OptimConfig(matrix_rate=2e-3, other_rate=7e-4, warmup=30, decay=1_400, ema=0.995),
                    checkpoint_every=500,
                ),
            ),
        ),
        autoencoder=AutoencoderConfig(latent_channels=24),
        text=text,
        transformer=TransformerConfig(
            num_attention_heads=6,
            text_dim=text.d_model,
            in_channels=24,
            out_channels=24,
            ffn_dim=1536,
            num_layers=8,
        ),
        sampling=SamplingConfig(guidance=3.0, levels=levels),
        distil=(
            DistilStage(
                "fast",  # 6 evaluations in place of 24; 200 steps already have most of it
                distil=DistilConfig(rank=32, steps=6, guidance=3.0, substeps=1),
                flow=replace(everything, token_budget=20_000),  # a step has three evaluations of a teacher as well
                training=TrainConfig(
                    steps=416,
                    seed=3,
                    optim=OptimConfig(other_rate=1e-3, warmup=30, decay=208, ema=0.985),
                    checkpoint_every=100,
                ),
            ),
        ),
        clock=ClockConfig(),
    )

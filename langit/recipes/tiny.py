"""The recipes tiny and tiny-gpu: every kind of stage in miniature."""

from __future__ import annotations

from dataclasses import replace

from langit.autoencoder.model import AutoencoderConfig
from langit.feed.windows import WindowConfig
from langit.generate.settings import SamplingConfig
from langit.patches.known import KnownConfig
from langit.recipes.clock import ClockConfig
from langit.recipes.recipe import AutoencoderStage, DistilStage, FilmGroup, Recipe, Stage, WorldShare
from langit.text.encoder import TextConfig
from langit.train.distil import DistilConfig
from langit.train.optim import OptimConfig
from langit.train.tasks import FlowConfig, ReconstructionConfig
from langit.train.trainer import TrainConfig
from langit.transformer.model import TransformerConfig


def tiny() -> Recipe:
    """Every kind of stage in miniature, for tests and for trying things out: seconds to train, no useful result."""
    text = TextConfig(d_model=32, d_kv=16, num_heads=2, d_ff=48, num_layers=1)
    quick = OptimConfig(warmup=2, decay=2)
    training = TrainConfig(steps=6, optim=quick, checkpoint_every=2)
    short = (FilmGroup("32x32x5", 0, 12), FilmGroup("48x32x5", 1000, 1006))
    return Recipe(
        name="tiny",
        stages=(
            Stage("scenes", short, FlowConfig(token_budget=64, thing_after=2), training, "autoencoder"),
            Stage(
                "abilities",
                (*short, FilmGroup("32x32x9", 2000, 2010), FilmGroup("32x32x5", 3000, 3004, "story-1")),
                FlowConfig(
                    token_budget=64,
                    thing_after=0,
                    windows=WindowConfig(whole=0.4, later=0.2, image=0.2, starts=1),
                    known=KnownConfig(1.0, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, noise=0.1),
                ),
                training,
            ),
        ),
        captions=2,
        autoencoder=AutoencoderConfig(fine_width=16, coarse_width=24, encoder_blocks=(1, 1), decoder_blocks=(1, 1)),
        autoencoder_stages=(
            AutoencoderStage(
                "autoencoder",
                reconstruction=ReconstructionConfig(batch=4),
                training=TrainConfig(steps=4, optim=quick, checkpoint_every=2),
            ),
            AutoencoderStage("sharper", (short[0],), ReconstructionConfig(batch=4), TrainConfig(steps=4, optim=quick)),
        ),
        text=text,
        transformer=TransformerConfig(
            num_attention_heads=2, attention_head_dim=16, text_dim=32, freq_dim=32, ffn_dim=48, num_layers=2
        ),
        sampling=SamplingConfig(steps=2),
        distil=(
            DistilStage(
                "fast",
                (short[0],),
                DistilConfig(rank=4, steps=3, substeps=1),
                FlowConfig(
                    token_budget=64, windows=WindowConfig(whole=0.6, later=0.2, starts=1), known=KnownConfig(1.0, 0.5)
                ),
                TrainConfig(steps=4, optim=quick, checkpoint_every=2),
            ),
        ),
    )


def tiny_gpu() -> Recipe:
    """The road of pocket in miniature: films beside training, batches of one shape, stages that end by the clock."""
    recipe = tiny()
    _, abilities = recipe.stages
    films = (
        FilmGroup("32x32x5", 0, 10),
        FilmGroup("32x32x9", 2000, 2010),
        FilmGroup("32x32x5", 3000, 3010, "story-1"),
    )
    flow = replace(abilities.flow, one_shape=True)
    everything = replace(
        abilities,
        name="everything",
        films=films,
        flow=flow,
        fresh_scores=True,
        shares=(WorldShare("story-1", 0.5),),
    )
    (fast,) = recipe.distil
    return replace(
        recipe,
        name="tiny-gpu",
        stages=(everything,),
        autoencoder_stages=(replace(recipe.autoencoder_stages[0], films=films),),
        distil=(replace(fast, films=(), flow=flow),),
        clock=ClockConfig(
            autoencoder=0.15, adapter=0.15, save=0.1, first_films=0.4, least=10.0, checkpoint_seconds=2.0
        ),
    )

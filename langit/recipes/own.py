"""Recipes that learn from footage alone, for models of one's own: small, 300m, 2b, and a trial of small for a laptop.

Sizes are chosen from what the footage is, at its own aspect ratios; pictures and videos are learnt together (single
frames are windows like others). All begin with the shipped autoencoder and adapt it to the footage first.

Tokens are steps x lanes x token budget, at most: `langit plan RECIPE` says what a run takes, before anything runs.
"""

from __future__ import annotations

from dataclasses import replace

from langit.autoencoder.model import AutoencoderConfig
from langit.feed.buckets import BucketConfig
from langit.feed.windows import WindowConfig
from langit.flow.levels import LevelsConfig
from langit.generate.settings import SamplingConfig
from langit.patches.known import KnownConfig
from langit.recipes.recipe import AutoencoderStage, Recipe, Stage
from langit.text.encoder import TextConfig
from langit.train.optim import OptimConfig
from langit.train.tasks import FlowConfig, ReconstructionConfig
from langit.train.trainer import TrainConfig
from langit.transformer.model import TransformerConfig

SHIPPED = "pocket"  # its autoencoder: 8x8 pixels and 4 frames to a latent of 24 channels
AUTOENCODER = AutoencoderConfig(latent_channels=24)
WINDOWS = WindowConfig(whole=0.6, later=0.15, image=0.1, starts=1)
ABILITIES = KnownConfig(
    none=0.55,
    first_frame=0.15,
    first_frames=0.1,
    last_frames=0.06,
    both_ends=0.06,
    scattered=0.03,
    region=0.05,
    noise=0.1,
)


def small() -> Recipe:
    """20M parameters, 128x128 pixels' worth of any shape, up to 33 frames at 12 a second; for one GPU.

    1.6G tokens. The sizes are those of a model that learnt rendered films on one GPU in 400 s, at 0.5M tokens a second.
    """
    optim = OptimConfig(matrix_rate=2e-3, other_rate=1.5e-3, warmup=150, decay=6_000, ema=0.999, score_rate=2e-4)
    return Recipe(
        name="small",
        stages=(
            Stage(
                "footage",
                (),
                FlowConfig(
                    token_budget=10_240, windows=WINDOWS, known=ABILITIES, levels=LevelsConfig(mean=-0.4, spread=1.4)
                ),
                TrainConfig(steps=20_000, lanes=8, optim=optim, checkpoint_every=500, sample_every=2_000),
                buckets=BucketConfig(area=128 * 128, frames=(5, 9, 17, 33)),
            ),
        ),
        autoencoder_stages=(_pixels(4_000, 16, 1_000),),
        autoencoder=AUTOENCODER,
        autoencoder_base=SHIPPED,
        mirror=False,
        text=TextConfig(num_layers=3),
        transformer=TransformerConfig(
            num_attention_heads=6, text_dim=192, in_channels=24, out_channels=24, ffn_dim=1536, num_layers=8
        ),
        sampling=SamplingConfig(steps=24, guidance=3.0),
        fps=12.0,
    )


def small_trial() -> Recipe:
    """What small is on a machine without a GPU: 5M parameters, 112x64 pixels' worth, 17 frames at 8 a second, minutes.

    It learns a few clips by heart, and shows that the road from footage to a model works. For a model that makes
    anything new use small on a GPU, and footage by the hour.
    """
    recipe, (stage,) = small(), small().stages
    optim = OptimConfig(matrix_rate=2e-3, other_rate=1.5e-3, warmup=30, decay=300, ema=0.99, score_rate=2e-4)
    return replace(
        recipe,
        stages=(
            replace(
                stage,
                flow=replace(
                    stage.flow,
                    token_budget=1_120,
                    windows=WindowConfig(whole=0.85, image=0.1),
                    known=KnownConfig(none=0.8, first_frame=0.15, first_frames=0.05, noise=0.1),
                    levels=LevelsConfig(mean=-0.2, spread=1.2),
                ),
                training=TrainConfig(steps=900, lanes=2, optim=optim, checkpoint_every=100, sample_every=300),
                buckets=BucketConfig(area=112 * 64, frames=(5, 9, 17)),
            ),
        ),
        autoencoder_stages=(_pixels(120, 4, 60),),
        text=TextConfig(d_model=128, d_kv=32, num_heads=4, d_ff=256),
        transformer=TransformerConfig(
            num_attention_heads=3, text_dim=128, in_channels=24, out_channels=24, ffn_dim=768, num_layers=6
        ),
        sampling=SamplingConfig(steps=16, guidance=2.0),
        fps=8.0,
    )


def m300() -> Recipe:
    """300M parameters: 256x144 first, then 480x272, up to 65 frames at 16 a second; for 8 GPUs.

    31G tokens in two stages. Nobody has trained it: rates and lengths are scaled from what was measured on 20M.
    """
    return _in_two_stages(
        Recipe(
            name="300m",
            stages=small().stages,
            autoencoder_stages=(_pixels(20_000, 16, 5_000),),
            autoencoder=AUTOENCODER,
            autoencoder_base=SHIPPED,
            mirror=False,
            text=TextConfig(d_model=512, num_heads=8, d_ff=1024, num_layers=6, max_tokens=256),
            transformer=TransformerConfig(
                num_attention_heads=16, text_dim=512, in_channels=24, out_channels=24, ffn_dim=4096, num_layers=18
            ),
            sampling=SamplingConfig(steps=30, guidance=4.0),
            fps=16.0,
        ),
        OptimConfig(matrix_rate=6e-4, other_rate=4e-4, warmup=1_000, ema=0.9995, score_rate=1e-4),
        low=(BucketConfig(area=256 * 144, frames=(5, 17, 33, 65)), 16_384, 100_000),
        high=(BucketConfig(area=480 * 272, frames=(17, 33, 65)), 16_384, 20_000),
    )


def b2() -> Recipe:
    """Wan 2.1 1.3B's shapes, with a text encoder of its own 1.6G parameters in all: 256x144, then 832x480, 81 frames.

    150G tokens in two stages, at 16 frames a second; for 64 GPUs. Nobody has trained it. With
    ``text_encoder=FOLDER`` the captions are read by a pretrained encoder, such as UMT5-XXL, which Wan has.
    """
    return _in_two_stages(
        Recipe(
            name="2b",
            stages=small().stages,
            autoencoder_stages=(_pixels(50_000, 16, 10_000),),
            autoencoder=AUTOENCODER,
            autoencoder_base=SHIPPED,
            mirror=False,
            text=TextConfig(d_model=1024, num_heads=16, d_ff=2816, num_layers=12, max_tokens=512),
            transformer=TransformerConfig(
                num_attention_heads=12,
                attention_head_dim=128,
                text_dim=1024,
                in_channels=24,
                out_channels=24,
                ffn_dim=8960,
                num_layers=30,
            ),
            sampling=SamplingConfig(steps=40, guidance=5.0),
            fps=16.0,
        ),
        OptimConfig(matrix_rate=3e-4, other_rate=2e-4, warmup=2_000, ema=0.9999, score_rate=1e-4),
        low=(BucketConfig(area=256 * 144, frames=(5, 17, 33, 81)), 32_768, 60_000),
        high=(BucketConfig(area=832 * 480, frames=(17, 33, 81)), 32_768, 12_000),
        lanes=64,
        recompute=True,
    )


def _pixels(steps: int, batch: int, decay: int) -> AutoencoderStage:
    """The shipped autoencoder, adapted to the footage at small rates."""
    optim = OptimConfig(matrix_rate=1e-3, other_rate=4e-4, warmup=20, decay=decay, ema=0.995)
    return AutoencoderStage(
        "pixels",
        reconstruction=ReconstructionConfig(batch=batch),
        training=TrainConfig(steps=steps, optim=optim, checkpoint_every=max(20, steps // 20), sample_every=steps),
    )


def _in_two_stages(
    recipe: Recipe,
    optim: OptimConfig,
    low: tuple[BucketConfig, int, int],
    high: tuple[BucketConfig, int, int],
    lanes: int = 16,
    recompute: bool = False,
) -> Recipe:
    """Most steps at a low resolution, where they are cheap, then the rest at a high one; each: sizes, tokens, steps."""
    stages = []
    for seed, (name, (buckets, tokens, steps)) in enumerate({"low": low, "high": high}.items()):
        training = TrainConfig(
            steps=steps,
            seed=seed,
            lanes=lanes,
            recompute=recompute,
            optim=replace(optim, decay=steps // 4),
            checkpoint_every=1_000,
            sample_every=5_000,
        )
        # Read as a stream: the latents of footage for models of this size do not fit into memory.
        flow = FlowConfig(
            token_budget=tokens,
            windows=WINDOWS,
            known=ABILITIES,
            levels=LevelsConfig(mean=-0.4, spread=1.4),
            stream=True,
        )
        stages.append(Stage(name, (), flow, training, buckets=buckets))
    return replace(recipe, stages=tuple(stages))

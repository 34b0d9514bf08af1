"""The autoencoder's stages of a recipe: each begins with the averaged weights of the one before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from langit import sheet
from langit.autoencoder.model import Autoencoder, frame_blocks, principal_components, to_float, to_frames
from langit.evaluate.reconstruction import psnr
from langit.feed.catalogue import Entry, Films
from langit.feed.latents import latent_statistics
from langit.feed.loader import FilmFeed
from langit.recipes.films import Places, Report, allowed
from langit.recipes.recipe import AutoencoderStage, Recipe, identity
from langit.train.tasks import ReconstructionTask
from langit.train.trainer import Tick, Trainer

PAIRS = 8  # held-out films that a sheet shows beside what became of them


def line(tick: Tick) -> str:
    """A step in a few words for a progress bar."""
    return (
        f"loss {tick.smooth_loss:.4f}  {tick.clips_per_second:.1f} clips/s"
        f"  {tick.tokens_per_second / 1e3:.1f}k tokens/s  {tick.share_of_peak:.0%} of peak"
    )


def train_autoencoder(
    recipe: Recipe, places: Places, resume: bool, report: Report, last: str = ""
) -> dict[str, Autoencoder]:
    """Train (or take up) the autoencoder; gives it as each stage left it, its latents calibrated.

    A stage that trains the decoder alone keeps the latents of the one before it. ``last`` names the stage to end with,
    where it is not the recipe's last.
    """
    model = Autoencoder(recipe.autoencoder)
    stages: dict[str, Autoencoder] = {}
    for number, stage in enumerate(recipe.autoencoder_stages):
        torch.manual_seed(stage.training.seed)
        films, groups = Films(), stage.films or recipe.films
        entries = allowed(recipe, groups, places)
        feed = FilmFeed(entries, films, stage.reconstruction.batch, stage.training.seed)
        if number == 0:
            model = Autoencoder(recipe.autoencoder)
            first = torch.cat([frame_blocks(to_float(feed.batch(step).items)) for step in range(12)])
            model.start_from_components(*principal_components(first, recipe.autoencoder.latent_channels))
        held = [entry for entry in allowed(recipe, groups, places, "held-out") if not entry.mirrored]
        look = _reconstructions(model, held, films, stage, report)
        task = ReconstructionTask(model, stage.reconstruction, look)
        trainer = Trainer(task, feed, stage.training, places.stage(stage.name), identity(recipe, stage.name))
        if resume:
            trainer.resume()

        def tell(tick: Tick, name: str = stage.name) -> None:
            report(name, tick.step, tick.steps, line(tick))

        trainer.fit(tell)
        named = {name.removeprefix("autoencoder."): value for name, value in trainer.ema.items()}
        model.load_state_dict(model.state_dict() | named)
        if stage.reconstruction.decoder_only:
            before = list(stages.values())[-1]
            mean, std = before.mean.flatten(), before.std.flatten()
        else:
            mean, spread = latent_statistics(model, [to_float(feed.batch(step).items) for step in range(16)])
            scale = spread**recipe.whitening
            std = scale * (spread / scale).square().mean().sqrt()
        stages[stage.name] = model.calibrated(mean, std).eval()
        if stage.name == last:
            break
    return stages


def _reconstructions(
    model: Autoencoder, held: Sequence[Entry], films: Films, stage: AutoencoderStage, report: Report
) -> Callable[[int, Path], None]:
    """Shows held-out films beside what becomes of them, spread over all that there are."""
    alike = [entry for entry in held if entry.pixels == held[0].pixels]
    shown = torch.stack([films.frames(entry) for entry in alike[:: max(1, len(alike) // 24)][:24]])

    def look(step: int, folder: Path) -> None:
        again = to_frames(model.decode(model.encode(to_float(shown))))
        pairs = list(zip(shown, again, strict=True))[:: max(1, len(shown) // PAIRS)][:PAIRS]
        rows = [frames for pair in pairs for frames in pair]
        texts = [text for a, b in pairs for text in ("film", f"{psnr(a, b):.1f} dB")]
        sheet.save(folder / f"sheet-{step:06d}.png", rows, texts)
        found = f"{psnr(shown.flatten(0, 1), again.flatten(0, 1)):.2f} dB"
        report(f"{stage.name} held out", step, stage.training.steps, found)

    return look

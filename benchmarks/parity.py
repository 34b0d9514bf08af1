"""Same numbers as diffusers: nine tiny checkpoints, built and saved with diffusers' own classes, sampled by both.

    python -m benchmarks.parity

Each row samples one family and conditioning with the same noise, prompts and pictures, in single precision, with the
whole pipeline from texts to pixels, and prints the largest difference. It has to be at most 1e-4.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from langit.families.conditioning import control_video
from langit.families.load import open_checkpoint
from langit.generate import Model
from langit.generate.open_model import OpenModel
from langit.generate.request import SamplingRequest, encode_prompts, sample_request
from langit.shapes import PixelShape

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

BOUND = 1e-4
# Words, entities, broken encoding and several spaces: what the makers clean is part of the comparison.
PROMPT = "a red &amp;amp; ball  flies over the sea, cafÃ© 空を飛ぶ鳥"
NEGATIVE = "色调艳丽，过曝"
STEPS, GUIDANCE, SEED = 6, 4.0, 7
PIXELS = PixelShape(9, 32, 64)


@dataclass(frozen=True)
class ParityRow:
    """The largest differences of one family: of latents, and of pixels in [-1, 1]."""

    kind: str
    latents: float
    pixels: float
    spread: float  # standard deviation of diffusers' latents: differences of nothing from nothing are no agreement

    @property
    def agrees(self) -> bool:
        """Whether the whole pipeline is within the bound, and gave something."""
        return max(self.latents, self.pixels) <= BOUND and self.spread > 0.1


def takes_picture(kind: str) -> bool:
    """Whether a checkpoint is sampled with a first frame."""
    return "-i2v" in kind or "flf2v" in kind or kind.endswith("image")


def picture(seed: int) -> Tensor:
    """A picture of PIXELS' size, of noise and so of no chance agreement: (H, W, 3), uint8."""
    dice = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (PIXELS.height, PIXELS.width, 3), dtype=torch.uint8, generator=dice)


def compare(kind: str, folder: Path) -> ParityRow:
    """Build a checkpoint in ``folder``, sample it with both, and compare."""
    from families import tiny

    with _quiet():
        theirs = tiny.save(kind, folder)
        expected, pixels = _sample_theirs(kind, theirs)
        model = Model.of(open_checkpoint(folder))
    assert isinstance(model, OpenModel)
    found = sample_ours(kind, model)
    with torch.no_grad():
        decoded = model.autoencoder.decode(found[None])[0].float()  # 3 T H W
    return ParityRow(
        kind,
        float((found - expected).abs().max()),
        float((decoded - (2 * pixels.permute(1, 0, 2, 3) - 1)).abs().max()),
        float(expected.std()),
    )


def _sample_theirs(kind: str, pipeline: Any) -> tuple[Tensor, Tensor]:
    arguments: dict[str, Any] = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "height": PIXELS.height,
        "width": PIXELS.width,
        "num_frames": PIXELS.frames,
        "num_inference_steps": STEPS,
        "guidance_scale": GUIDANCE,
    }
    if kind.endswith("a14b"):
        arguments["guidance_scale_2"] = GUIDANCE - 1
    if takes_picture(kind):
        arguments["image"] = Image.fromarray(picture(1).numpy())
    if "flf2v" in kind:
        arguments["last_image"] = Image.fromarray(picture(2).numpy())
    if kind == "wan2.1-vace":
        video, mask = control()
        arguments["video"] = [Image.fromarray(frame.numpy()) for frame in video]
        arguments["mask"] = [Image.fromarray((frame.numpy() * 255).astype("uint8")).convert("RGB") for frame in mask]
        arguments["reference_images"] = [Image.fromarray(picture(3).numpy())]
    kept: list[Tensor] = []

    def keep(_: Any, __: int, ___: Any, values: dict[str, Tensor]) -> dict[str, Tensor]:
        kept.append(values["latents"].clone())
        return values

    generator = torch.Generator().manual_seed(SEED)
    pixels = pipeline(**arguments, generator=generator, output_type="pt", callback_on_step_end=keep).frames[0]
    latents = kept[-1][0].detach()
    if kind == "wan2.1-vace":
        latents = latents[:, 1:]
    if kind.endswith("image"):  # diffusers puts the picture back after the last step
        latents = torch.cat([_encoded(pipeline, picture(1)), latents[:, 1:]], dim=1)
    return latents, pixels.float()


def _encoded(pipeline: Any, frame: Tensor) -> Tensor:
    mean, std = (torch.tensor(pipeline.vae.config[name]).view(-1, 1, 1, 1) for name in ("latents_mean", "latents_std"))
    pixels = frame.permute(2, 0, 1)[None, :, None] / 127.5 - 1
    with torch.no_grad():
        return (pipeline.vae.encode(pixels).latent_dist.mode()[0] - mean) / std


def control() -> tuple[Tensor, Tensor]:
    """A control video (uint8) and a mask of what is generated: a part of every frame, and whole frames."""
    dice = torch.Generator().manual_seed(5)
    video = torch.randint(0, 256, (*_shape(), 3), dtype=torch.uint8, generator=dice)
    mask = torch.zeros(_shape(), dtype=torch.bool)
    mask[:, 8:24, 16:48] = True
    mask[3:7] = True
    return video, mask


def _shape() -> tuple[int, int, int]:
    return PIXELS.frames, PIXELS.height, PIXELS.width


@torch.no_grad()
def sample_ours(kind: str, model: OpenModel) -> Tensor:
    """Latents of the same request by this project: the path that every ability takes."""
    low = {"guidance_low": GUIDANCE - 1} if kind.endswith("a14b") else {}
    sampling = model.settings(steps=STEPS, guidance=GUIDANCE, negative=NEGATIVE, **low)
    frames, given = torch.zeros(*_shape(), 3, dtype=torch.uint8), torch.zeros(_shape(), dtype=torch.bool)
    if takes_picture(kind):
        frames[0], given[0] = picture(1), True
    if "flf2v" in kind:
        frames[-1], given[-1] = picture(2), True
    prompt = model.check_prompt(PROMPT)
    conditioning = encode_prompts([prompt], model, sampling)[prompt]
    condition = model.condition(frames, given)
    if kind == "wan2.1-vace":
        video, mask = control()
        pixels = video.permute(3, 0, 1, 2) / 127.5 - 1
        references = (picture(3).permute(2, 0, 1) / 127.5 - 1,)
        patch, device = model.transformer.patch_size, model.placement.device
        condition = control_video(pixels, mask, model.autoencoder, patch, device, references)
    assert condition is not None
    return sample_request(SamplingRequest(conditioning, PIXELS, SEED, condition=condition), model, sampling)


@contextmanager
def _quiet() -> Iterator[None]:
    import logging

    from diffusers.utils import logging as theirs
    from transformers.utils import logging as others

    for each in (theirs, others):
        each.disable_progress_bar()
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def main() -> None:
    """Print the table."""
    from families import tiny

    torch.set_num_threads(1)
    print(f"{'family and conditioning':24} {'latents':>9} {'pixels':>9}   (largest difference; bound {BOUND:g})")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in tiny.KINDS:
            row = compare(kind, Path(folder) / kind)
            rows.append(row)
            print(f"{row.kind:24} {row.latents:9.1e} {row.pixels:9.1e}   {'agrees' if row.agrees else 'DIFFERS'}")
    if not all(row.agrees for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()

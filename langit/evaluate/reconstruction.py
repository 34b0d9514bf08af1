"""How well the autoencoder reconstructs films, and how fast. Knows no prompts and no diffusion."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from langit.autoencoder.model import to_float, to_frames
from langit.autoencoder.protocol import VideoAutoencoder
from langit.device import placement_of

_WINDOW, _SIGMA = 11, 1.5  # the Gaussian window of SSIM, as in its paper
_RED, _GREEN, _BLUE = 0.299, 0.587, 0.114  # ITU-R BT.601 luma


@dataclass(frozen=True)
class Reconstruction:
    """Results over films. Field names are keys of the report's JSON.

    psnr: mean peak signal-to-noise ratio in dB, each over a whole film.
    encode, decode: seconds per second of video.
    """

    films: int
    psnr: float
    psnr_percentiles: tuple[float, float, float]  # the 5th, 50th and 95th
    ssim: float
    encode: float
    decode: float
    threads: int


def psnr(frames: UInt8[Tensor, "T H W 3"], again: UInt8[Tensor, "T H W 3"]) -> float:
    """Return the peak signal-to-noise ratio over a whole film in dB; infinite for identical films."""
    error = float((frames.float() - again.float()).square().mean())
    return float("inf") if error == 0 else float(10 * torch.log10(torch.tensor(255.0**2 / error)))


def ssim(frames: UInt8[Tensor, "T H W 3"], again: UInt8[Tensor, "T H W 3"]) -> float:
    """Return the mean structural similarity of luma over a film (Wang et al. 2004, IEEE TIP 13, p. 600)."""
    x, y = _luma(frames), _luma(again)
    mean_x, mean_y = _smooth(x), _smooth(y)
    var_x, var_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    like = (2 * mean_x * mean_y + c1) * (2 * covariance + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(like.mean())


def _luma(frames: Tensor) -> Float[Tensor, "T 1 H W"]:
    return (frames.float() @ torch.tensor([_RED, _GREEN, _BLUE], device=frames.device)).unsqueeze(1)


def _smooth(x: Tensor) -> Tensor:
    line = torch.exp(-(torch.arange(_WINDOW, device=x.device) - _WINDOW // 2).float().square() / (2 * _SIGMA**2))
    line = line / line.sum()
    # a Gaussian is separable: filter rows, then columns, without padding
    return functional.conv2d(functional.conv2d(x, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))


@torch.no_grad()
def reconstruct(autoencoder: VideoAutoencoder, frames: UInt8[Tensor, "B T H W 3"]) -> UInt8[Tensor, "B T H W 3"]:
    """Encode and decode frames on the autoencoder's device; return them on the CPU."""
    video = placement_of(autoencoder).put(to_float(frames))
    return to_frames(autoencoder.decode(autoencoder.encode(video)).float()).cpu()


@torch.no_grad()
def measure(
    autoencoder: VideoAutoencoder,
    films: Sequence[UInt8[Tensor, "T H W 3"]],
    fps: float,
    progress: Callable[[str, int, int], None],
) -> Reconstruction:
    """Encode and decode films one at a time.

    Raises:
        ValueError: there is no film.
    """
    if not films:
        raise ValueError("no film to reconstruct: use at least 1")
    placement = placement_of(autoencoder)
    reconstruct(autoencoder, films[0][None])  # warm up
    ratios, similarities, encoding, decoding, playing = [], [], 0.0, 0.0, 0.0
    for done, film in enumerate(films, start=1):
        start = time.perf_counter()
        latents = autoencoder.encode(placement.put(to_float(film[None])))
        placement.synchronize()
        middle = time.perf_counter()
        again = to_frames(autoencoder.decode(latents).float())[0].cpu()
        end = time.perf_counter()
        encoding, decoding, playing = encoding + middle - start, decoding + end - middle, playing + len(film) / fps
        ratios.append(psnr(film, again))
        similarities.append(ssim(film, again))
        progress("reconstruction", done, len(films))
    low, half, high = torch.tensor(ratios).quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    return Reconstruction(
        films=len(films),
        psnr=statistics.fmean(ratios),
        psnr_percentiles=(low, half, high),
        ssim=statistics.fmean(similarities),
        encode=encoding / playing,
        decode=decoding / playing,
        threads=torch.get_num_threads(),
    )

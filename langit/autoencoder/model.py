"""The video autoencoder that langit trains: 8x8 pixels and 4 frames to one latent cell, causal in time.

A linear path carries the principal components of each 8x8x4 block from the first training step; a convolutional path
starts at zero and learns the rest. Most computing happens at a quarter and an eighth of the resolution. Latents are
centred and scaled per channel. Knows nothing of diffusion.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from langit.autoencoder.layers import ChannelNorm, Groups, SpaceBlock, TimeBlock, zero_init
from langit.autoencoder.protocol import Latents, State, Video, VideoAutoencoder
from langit.device import Placement, placement_of
from langit.shapes import Compression, PixelShape, latent_shape

FrameGroups = Float[Tensor, "B G v H W"]  # v = 3 * time values of each pixel


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of the network. ``latents_mean`` and ``latents_std`` are set after training by ``with_statistics``."""

    latent_channels: int = 16
    time: int = 4
    space: int = 8
    fine_width: int = 96
    coarse_width: int = 160
    encoder_blocks: tuple[int, int] = (2, 2)  # fine, coarse
    decoder_blocks: tuple[int, int] = (3, 3)  # fine, coarse
    time_kernel: int = 3
    latents_mean: tuple[float, ...] = ()
    latents_std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.space != 8:
            raise ValueError(f"space {self.space} is not supported: this network compresses 8x8 pixels; use space=8")
        sizes = (self.latent_channels, self.time, self.fine_width, self.coarse_width, self.time_kernel)
        if min(*sizes, *self.encoder_blocks, *self.decoder_blocks) < 1:
            raise ValueError(f"{self} has a size below 1: use at least 1 for every size")
        for name in ("latents_mean", "latents_std"):
            if len(getattr(self, name)) not in (0, self.latent_channels):
                raise ValueError(f"{name} has {len(getattr(self, name))} values: use {self.latent_channels} or none")

    @property
    def compression(self) -> Compression:
        """How pixels are compressed to latents."""
        return Compression(time=self.time, space=self.space, channels=self.latent_channels)


class _CoarsePath(nn.Module):
    """Residual blocks in space, each followed by a causal convolution in time."""

    def __init__(self, width: int, blocks: int, kernel: int) -> None:
        super().__init__()
        self.space = nn.ModuleList(SpaceBlock(width) for _ in range(blocks))
        self.time = nn.ModuleList(TimeBlock(width, kernel) for _ in range(blocks))

    def forward(self, x: Groups, state: State | None) -> tuple[Groups, State]:
        states = []
        for index, (space, time) in enumerate(zip(self.space, self.time, strict=True)):
            assert isinstance(time, TimeBlock)
            x = space(x.flatten(0, 1)).view_as(x)
            before = time.start(x) if state is None else state[index]
            x, after = time(x, before)
            states.append(after)
        return x, tuple(states)


class Encoder(nn.Module):
    """Groups of frames to latents that are not normalised yet."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        fine, coarse = config.fine_width, config.coarse_width
        values = 3 * config.time
        self.linear = nn.Conv2d(values * 64, config.latent_channels, 1)
        self.stem = nn.Conv2d(values * 16, fine, 3, padding=1)
        self.fine = nn.Sequential(*(SpaceBlock(fine) for _ in range(config.encoder_blocks[0])))
        self.down = nn.Conv2d(fine * 4, coarse, 1)
        self.coarse = _CoarsePath(coarse, config.encoder_blocks[1], config.time_kernel)
        self.norm = ChannelNorm(coarse)
        self.head = zero_init(nn.Conv2d(coarse, config.latent_channels, 3, padding=1))

    def forward(self, x: FrameGroups, state: State | None) -> tuple[Groups, State]:
        batch, groups = x.shape[:2]
        flat = x.flatten(0, 1)  # (B G, 3 time, H, W)
        y = self.fine(self.stem(functional.pixel_unshuffle(flat, 4)))  # (B G, fine, H/4, W/4)
        y = self.down(functional.pixel_unshuffle(y, 2))  # (B G, coarse, h, w)
        mixed, state = self.coarse(y.unflatten(0, (batch, groups)), state)
        y = self.head(functional.silu(self.norm(mixed.flatten(0, 1))))  # (B G, C, h, w)
        return (self.linear(functional.pixel_unshuffle(flat, 8)) + y).unflatten(0, (batch, groups)), state


class Decoder(nn.Module):
    """Latents before normalisation to groups of frames."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        fine, coarse = config.fine_width, config.coarse_width
        values = 3 * config.time
        self.linear = nn.Conv2d(config.latent_channels, values * 64, 1)
        self.stem = nn.Conv2d(config.latent_channels, coarse, 3, padding=1)
        self.coarse = _CoarsePath(coarse, config.decoder_blocks[1], config.time_kernel)
        self.up = nn.Conv2d(coarse, fine * 4, 1)
        self.fine = nn.Sequential(*(SpaceBlock(fine) for _ in range(config.decoder_blocks[0])))
        self.norm = ChannelNorm(fine)
        self.head = zero_init(nn.Conv2d(fine, values * 16, 3, padding=1))

    def forward(self, z: Groups, state: State | None) -> tuple[FrameGroups, State]:
        batch, groups = z.shape[:2]
        flat = z.flatten(0, 1)  # (B G, C, h, w)
        mixed, state = self.coarse(self.stem(flat).unflatten(0, (batch, groups)), state)
        y = functional.pixel_shuffle(self.up(mixed.flatten(0, 1)), 2)  # (B G, fine, H/4, W/4)
        y = self.head(functional.silu(self.norm(self.fine(y))))  # (B G, 3 time 16, H/4, W/4)
        frames = functional.pixel_shuffle(self.linear(flat), 8) + functional.pixel_shuffle(y, 4)
        return frames.unflatten(0, (batch, groups)), state  # (B, G, 3 time, H, W)


class Autoencoder(VideoAutoencoder):
    """Encode and decode whole videos, or stream them piece by piece with an explicit state."""

    class_name = ("langit", "Autoencoder")
    outer_layers = tuple(f"{part}.{layer}" for part in ("encoder", "decoder") for layer in ("linear", "stem", "head"))
    config: AutoencoderConfig
    encoder: Encoder
    decoder: Decoder
    mean: Tensor
    std: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.set_statistics()

    @property
    def compression(self) -> Compression:
        """How pixels are compressed to latents."""
        return self.config.compression

    def set_statistics(self, placement: Placement | None = None) -> None:
        """Create the buffers ``mean`` and ``std`` from the config; they are not part of the weights on disk."""
        channels = self.config.latent_channels
        for name, values in (
            ("mean", self.config.latents_mean or (0.0,) * channels),
            ("std", self.config.latents_std or (1.0,) * channels),
        ):
            buffer = torch.tensor(values).view(1, -1, 1, 1, 1)
            self.register_buffer(name, buffer if placement is None else placement.put(buffer), persistent=False)

    def encode_stream(self, video: Video, state: State | None) -> tuple[Latents, State]:
        """Encode the next piece of a video.

        Args:
            video: 1 + k * time frames in the first piece (``state`` None), k * time frames in later pieces.
            state: the state that the last call returned.

        Raises:
            ValueError: the size cannot be compressed; the message names the nearest sizes that can.
        """
        frames, height, width = video.shape[2:]
        lead = self.config.time - 1 if state is None else 0
        whole = PixelShape(frames if state is None else frames + 1, height, width)
        latent_shape(whole, self.config.compression)  # raises on a size that does not divide
        video = video.to(self.mean.dtype)
        # The first frame is a group of its own: repeat it to fill the group.
        padded = torch.cat([video[:, :, :1].expand(-1, -1, lead, -1, -1), video], dim=2) if lead else video
        groups = padded.unflatten(2, (-1, self.config.time))  # (B, 3, G, time, H, W)
        groups = groups.permute(0, 2, 1, 3, 4, 5).flatten(2, 3)  # (B, G, 3 time, H, W)
        latents, after = self.encoder(groups, state)
        return (latents.transpose(1, 2) - self.mean) / self.std, after  # (B, C, F, h, w)

    def decode_stream(self, latents: Latents, state: State | None) -> tuple[Video, State]:
        """Decode the next latent frames. In the first piece (``state`` None) the first latent gives one frame."""
        raw = (latents.to(self.mean.dtype) * self.std + self.mean).transpose(1, 2)  # (B, F, C, h, w)
        groups, after = self.decoder(raw, state)  # (B, G, 3 time, H, W)
        video = groups.unflatten(2, (3, self.config.time)).permute(0, 2, 1, 3, 4, 5).flatten(2, 3)
        return (video[:, :, self.config.time - 1 :] if state is None else video), after

    @torch.no_grad()
    def init_from_components(self, mean: Float[Tensor, " V"], components: Float[Tensor, "C V"]) -> None:
        """Initialise the linear path with a principal component basis of 8x8x4 blocks (V = 3 * time * 64 values)."""
        for layer, weight, bias in (
            (self.encoder.linear, components, -components @ mean),
            (self.decoder.linear, components.T, mean),
        ):
            layer.load_state_dict({"weight": weight[:, :, None, None], "bias": bias})

    def with_statistics(self, mean: Tensor, std: Tensor) -> Autoencoder:
        """A copy whose latents are centred by ``mean`` and divided by ``std`` (C values each)."""
        config = replace(self.config, latents_mean=tuple(mean.tolist()), latents_std=tuple(std.tolist()))
        model = Autoencoder(config)
        model.load_state_dict(self.state_dict())
        return placement_of(self).put(model).train(self.training)

    def config_dict(self) -> dict[str, Any]:
        """The config as plain values, for a bundle's ``config.json``."""
        return {"_class_name": self.class_name[1], **asdict(self.config)}


def frame_blocks(video: Video, time: int = 4) -> Float[Tensor, "n V"]:
    """All 8x8 blocks of all groups of ``time`` frames after the first frame, as rows; a picture stands still."""
    after = video[:, :, 1:] if video.shape[2] > 1 else video.expand(-1, -1, time, -1, -1)
    groups = after.unflatten(2, (-1, time)).permute(0, 2, 1, 3, 4, 5).flatten(2, 3).flatten(0, 1)
    return functional.pixel_unshuffle(groups, 8).permute(0, 2, 3, 1).flatten(0, 2)


def principal_components(blocks: Float[Tensor, "n V"], count: int) -> tuple[Float[Tensor, " V"], Float[Tensor, "C V"]]:
    """The mean and the ``count`` leading principal components (orthonormal rows) of the blocks."""
    mean = blocks.mean(dim=0)
    centred = (blocks - mean).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred / len(blocks))
    return mean, vectors[:, -count:].flip(1).T.float().contiguous()


def to_float(frames: Tensor) -> Video:
    """uint8 frames (B, T, H, W, 3) to a float video in [-1, 1], (B, 3, T, H, W)."""
    return frames.permute(0, 4, 1, 2, 3).float().div(127.5).sub(1.0)


def to_frames(video: Video) -> Tensor:
    """A float video in [-1, 1] to uint8 frames (B, T, H, W, 3). Values outside are clamped."""
    # In single precision: bfloat16 has 8 bits of mantissa, too few to round to 256 values.
    return video.float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 4, 1).contiguous()

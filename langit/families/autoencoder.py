"""Wan's video autoencoders behind this project's interface: diffusers' ``AutoencoderKLWan``, one piece at a time.

Latents are centred and scaled by the checkpoint's own statistics. Its layers look back in time by caches, which are the
explicit state here, so that a video may be encoded and decoded in pieces of any length. Knows nothing of diffusion.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import patchify, unpatchify
from torch import Tensor, nn

from langit.autoencoder.protocol import Latents, State, Video, VideoAutoencoder
from langit.shapes import Compression, PixelShape, latent_shape


class WanAutoencoder(VideoAutoencoder):
    """An ``AutoencoderKLWan``: latents are the mode of its posterior, as for all that conditions a Wan model."""

    class_name: ClassVar[tuple[str, str]] = ("diffusers", "AutoencoderKLWan")
    mean: Tensor
    std: Tensor

    def __init__(self, vae: AutoencoderKLWan) -> None:
        super().__init__()
        self.vae = vae
        self.config = vae.config
        self.set_statistics(torch.device("cpu"))

    def set_statistics(self, device: torch.device) -> None:
        """Create the buffers ``mean`` and ``std``, in single precision, from the config."""
        for name, values in (("mean", self.config.latents_mean), ("std", self.config.latents_std)):
            buffer = torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1, 1)
            self.register_buffer(name, buffer, persistent=False)

    @property
    def encoder(self) -> nn.Module:  # type: ignore[override]  # a property here, an attribute elsewhere
        """The network from pixels to latents."""
        return self.vae.encoder  # type: ignore[no-any-return]  # diffusers is not typed

    @property
    def decoder(self) -> nn.Module:  # type: ignore[override]  # as above
        """The network from latents to pixels."""
        return self.vae.decoder  # type: ignore[no-any-return]  # diffusers is not typed

    def config_dict(self) -> dict[str, Any]:
        """The content of diffusers' ``config.json``."""
        return {"_class_name": self.class_name[1], **dict(self.config)}

    @property
    def compression(self) -> Compression:
        """How pixels are compressed to latents."""
        return Compression(
            time=self.config.scale_factor_temporal, space=self.config.scale_factor_spatial, channels=self.config.z_dim
        )

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that it computes in."""
        dtype: torch.dtype = next(self.vae.parameters()).dtype
        return dtype

    def encode_stream(self, video: Video, state: State | None) -> tuple[Latents, State]:
        """Encode the next piece: 1 + 4k frames in the first piece, 4k in later ones.

        Raises:
            ValueError: the size cannot be compressed; the message names the nearest sizes that can.
        """
        frames, height, width = video.shape[2:]
        latent_shape(PixelShape(frames if state is None else frames + 1, height, width), self.compression)  # raises
        pixels = video.to(self.dtype)
        if self.config.patch_size is not None:
            pixels = patchify(pixels, self.config.patch_size)
        first, step = state is None, self.compression.time
        # The caches of the layers; a new list, because the layers replace its entries.
        caches = [None] * _count_convolutions(self.vae, "encoder") if state is None else list(state)
        pieces = [pixels[:, :, :1]] if first else []
        pieces += list(pixels[:, :, 1 if first else 0 :].split(step, dim=2)) if frames > len(pieces) else []
        encoded = [self.vae.encoder(piece, feat_cache=caches, feat_idx=[0]) for piece in pieces]
        mode = self.vae.quant_conv(torch.cat(encoded, dim=2)).chunk(2, dim=1)[0]  # B C F h w
        return (mode.float() - self.mean) / self.std, tuple(caches)

    def decode_stream(self, latents: Latents, state: State | None) -> tuple[Video, State]:
        """Decode the next latent frames, one after the other. Values are clamped to [-1, 1], as in diffusers."""
        caches = [None] * _count_convolutions(self.vae, "decoder") if state is None else list(state)
        raw = self.vae.post_quant_conv((latents.float() * self.std + self.mean).to(self.dtype))
        decoded = [
            self.vae.decoder(frame, feat_cache=caches, feat_idx=[0], first_chunk=state is None and not number)
            for number, frame in enumerate(raw.split(1, dim=2))
        ]
        video = torch.cat(decoded, dim=2)
        if self.config.patch_size is not None:
            video = unpatchify(video, self.config.patch_size)
        return video.clamp(-1, 1), tuple(caches)


def _count_convolutions(vae: AutoencoderKLWan, part: str) -> int:
    count: int = vae._cached_conv_counts[part]  # as diffusers counts its caches
    return count

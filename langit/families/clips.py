"""Clips as training reads them, for families that see given frames beside the noise: latents with their condition.

The condition comes from the clip itself: its first frame, first and last, or a part of it. It is encoded once with the
latents and kept as further channels of theirs. Knows nothing of losses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from langit.autoencoder.model import to_float, to_frames
from langit.autoencoder.protocol import Latents, State, Video, VideoAutoencoder
from langit.families.conditioning import control_video, mask_channels
from langit.families.pictures import PictureEncoder
from langit.families.table import Family
from langit.shapes import Compression


@dataclass(frozen=True)
class ClipChannels:
    """How the channels of an encoded clip are divided.

    latents: of the video.
    beside: of the condition, which the transformer reads beside them.
    states: rows and width of the image encoder's states, which fill the channels after that; None without one.
    """

    latents: int
    beside: int
    states: tuple[int, int] | None = None

    def split(
        self, clip: Float[Tensor, "Z F h w"]
    ) -> tuple[Float[Tensor, "C F h w"], Float[Tensor, "X F h w"], Float[Tensor, "I V"] | None]:
        """The latents, the condition and the pictures' states of a clip."""
        own, beside, rest = clip.tensor_split((self.latents, self.latents + self.beside))
        if self.states is None:
            return own, beside, None
        rows, width = self.states
        return own, beside, rest.flatten()[: rows * width].view(rows, width)


class ClipEncoder(VideoAutoencoder):
    """Encodes a clip as its latents, followed by the channels of its condition.

    autoencoder: encodes both.
    family: says what is given: the frames that it needs, or for VACE each time something else.
    patch: of the transformer.
    beside: channels of the condition.
    pictures: the image encoder, where the family has one.
    """

    class_name: ClassVar[tuple[str, str]] = ("langit", "ClipEncoder")

    def __init__(
        self,
        autoencoder: VideoAutoencoder,
        family: Family,
        patch: tuple[int, int, int],
        beside: int,
        pictures: PictureEncoder | None = None,
    ) -> None:
        super().__init__()
        self.inner, self.pictures = autoencoder, pictures
        self.family, self.patch = family, patch
        self.config = None
        states = None
        if pictures is not None:
            picture = torch.zeros(1, 1, 3, dtype=torch.uint8, device="cpu")
            found = pictures.encode([picture] * (2 if self.both else 1)).shape
            states = found[1], found[2]
        self.channels = ClipChannels(autoencoder.compression.channels, beside, states)

    @property
    def both(self) -> bool:
        """Whether the family needs the last frame as well as the first."""
        return "last" in self.family.needs

    @property
    def encoder(self) -> torch.nn.Module:  # type: ignore[override]  # a property here, an attribute elsewhere
        """The network from pixels to latents."""
        return self.inner.encoder

    def config_dict(self) -> dict[str, Any]:
        """What decides the encoded clips, beside weights."""
        return {"autoencoder": self.inner.config_dict(), "family": self.family.name, "condition": 1}

    @property
    def compression(self) -> Compression:
        """How pixels are compressed to latents."""
        return self.inner.compression

    def encode(self, video: Video) -> Latents:
        """Encode clips, one after the other."""
        return torch.stack([self._encode(to_frames(clip[None])[0]) for clip in video])

    def encode_stream(self, video: Video, state: State | None) -> tuple[Latents, State]:
        """Clips are encoded whole."""
        raise NotImplementedError("a clip and its condition are encoded whole: use encode")

    def decode_stream(self, latents: Latents, state: State | None) -> tuple[Video, State]:
        """Decode the video's own latents."""
        return self.inner.decode_stream(latents[:, : self.channels.latents], state)

    def _encode(self, frames: UInt8[Tensor, "T H W 3"]) -> Float[Tensor, "Z F h w"]:
        device = next(self.inner.parameters()).device
        video = to_float(frames[None]).to(device)  # 1 3 T H W
        latents = self.inner.encode(video)[0].float()
        if self.family.kind == "control":
            given = given_by_chance(frames)
            shown = video[0] * given.to(device)
            condition = control_video(shown, ~given.to(device), self.inner, self.patch, device)
            beside = condition.control
        else:
            given = torch.zeros(frames.shape[:3], dtype=torch.bool, device="cpu")
            given[[0, -1] if self.both else [0]] = True
            condition = mask_channels(frames.cpu(), given, self.inner, device, self.pictures, self.both)
            beside = condition.channels
        assert beside is not None and len(beside) == self.channels.beside
        parts = [latents, beside]
        if condition.image is not None:
            parts.append(_as_channels(condition.image.float(), latents))
        return torch.cat(parts)


def given_by_chance(frames: UInt8[Tensor, "T H W 3"]) -> Bool[Tensor, "T H W"]:
    """What VACE is given of a clip: nothing, the first frame, both ends, or all but a rectangle.

    The clip's own bytes choose, so that it is the same whenever the clip is encoded again.
    """
    digest = hashlib.sha256(frames.cpu().numpy().tobytes()).digest()
    given = torch.zeros(frames.shape[:3], dtype=torch.bool, device="cpu")
    choice = digest[0] % 4
    if choice in (1, 2):
        given[[0] if choice == 1 else [0, -1]] = True
    elif choice == 3:
        _, height, width = given.shape
        top, left = digest[1] * height // 512, digest[2] * width // 512
        given[:] = True
        given[:, top : top + height // 2, left : left + width // 2] = False
    return given


def _as_channels(states: Float[Tensor, "1 I V"], latents: Float[Tensor, "C F h w"]) -> Float[Tensor, "S F h w"]:
    """The states, filled up with zeros to whole channels of the latents' size."""
    flat, size = states.flatten(), latents[0].numel()
    filled = flat.new_zeros(-(-len(flat) // size) * size)
    filled[: len(flat)] = flat
    return filled.view(-1, *latents.shape[1:])

"""What a family's transformer reads of given frames: mask channels beside the noise, a control video, or known tokens.

Given are frames and a mask of pixels. What comes out goes to the transformer's input unchanged. Knows nothing of
abilities, prompts or sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional

from langit.autoencoder.model import to_float
from langit.autoencoder.protocol import VideoAutoencoder
from langit.families.pictures import PictureEncoder
from langit.families.table import Family, Given, families_that_carry
from langit.patches.known import Known
from langit.shapes import frames_of


@dataclass(frozen=True, eq=False)
class Condition:
    """What the sampler gives to the transformer beside noise and text. All parts are optional.

    known: tokens at noise level zero.
    channels: channels that are appended to the noisy ones.
    control: the control video's channels; ``lead`` latent frames before the video hold pictures to refer to, which are
        sampled and cut off.
    image: states of the image encoder.
    """

    known: Known | None = None
    channels: Float[Tensor, "X F h w"] | None = None
    control: Float[Tensor, "Y F h w"] | None = None
    image: Float[Tensor, "1 I V"] | None = None
    lead: int = 0


def describe_given(given: Bool[Tensor, "T H W"]) -> frozenset[Given]:
    """Which kinds of given pixels a mask has."""
    frames = given.flatten(1)
    whole, some = frames.all(dim=1), frames.any(dim=1)
    found: set[Given] = set()
    if (some & ~whole).any():
        found.add("region")
    if whole[0]:
        found.add("first")
    beginning = int((~whole).to(torch.uint8).argmax()) if not whole.all() else len(whole)
    if whole[beginning:].any():
        found.add("last")
    return frozenset(found)


def check_given(given: frozenset[Given], family: Family) -> None:
    """Refuse what a family cannot take, or a request without what it needs.

    Raises:
        ValueError: names the family and families that can.
    """
    words = {
        "first": "a first frame",
        "last": "frames at the end",
        "region": "a region of frames",
        "reference": "reference pictures",
    }
    excess, lacking = sorted(given - family.carries), sorted(family.needs - given)
    if not excess and not lacking:
        return
    able = families_that_carry(given)
    others = ", ".join(other.name for other in able)
    if lacking:
        missing = " and ".join(words[kind] for kind in lacking)
        options = {"first": "--image", "last": "--last"}
        raise ValueError(
            f"{family.title} ({family.name}) needs {missing}: give {' and '.join(options[kind] for kind in lacking)},"
            f" or use a family that does without: {others}"
        )
    what = " and ".join(words[kind] for kind in excess)
    raise ValueError(f"{family.title} ({family.name}) cannot take {what}: use a family that can: {others}")


@torch.no_grad()
def mask_channels(
    frames: UInt8[Tensor, "T H W 3"],
    given: Bool[Tensor, "T H W"],
    autoencoder: VideoAutoencoder,
    device: torch.device,
    pictures: PictureEncoder | None = None,
    both: bool = False,
) -> Condition:
    """Condition an image-to-video model: 4 mask channels, then the latents of the given frames amid grey ones.

    Args:
        frames: whole frames are given or not; those that are not do not count.
        given: their mask.
        autoencoder: encodes the video.
        device: where the result goes.
        pictures: the image encoder of Wan 2.1, which sees the first frame, and the last one if ``both``.
        both: see there.
    """
    whole = given.flatten(1).all(dim=1)  # T
    video = to_float(frames[None]) * whole[None, None, :, None, None]
    latents = autoencoder.encode(video.to(device))[0].float()  # C F h w
    step, (height, width) = autoencoder.compression.time, latents.shape[2:]
    # One channel for each frame of a latent frame; the first latent frame has one frame, which counts four times.
    flags = torch.cat([whole[:1].expand(step - 1), whole]).view(-1, step).T.to(latents)  # 4 F
    mask = flags[:, :, None, None].expand(-1, -1, height, width)
    seen = [frames[0], frames[-1]] if both else [frames[0]]
    image = pictures.encode(seen) if pictures is not None else None
    return Condition(channels=torch.cat([mask, latents]), image=image)


@torch.no_grad()
def control_video(
    video: Float[Tensor, "3 T H W"],
    generate: Bool[Tensor, "T H W"],
    autoencoder: VideoAutoencoder,
    patch: tuple[int, int, int],
    device: torch.device,
    references: tuple[Float[Tensor, "3 H W"], ...] = (),
) -> Condition:
    """Condition VACE: latents of what stays, of what is replaced, and the mask of every pixel in 64 channels.

    Args:
        video: in [-1, 1]; where it is generated it may show what guides it, or 0.
        generate: where the video is generated.
        autoencoder: encodes both halves.
        patch: of the transformer.
        device: where the result goes.
        references: pictures of what shall appear, of the video's size; each becomes a leading latent frame.
    """
    reactive = generate.to(video.dtype)
    halves = (video * (1 - reactive), video * reactive)
    latents = torch.cat([autoencoder.encode(half[None].to(device))[0].float() for half in halves])  # 2C F h w
    space, frames = autoencoder.compression.space, latents.shape[1]
    # A pixel of every cell in a channel of its own; of each four frames the one that diffusers' resizing picks.
    cells = functional.pixel_unshuffle(reactive[:, None].to(device), space)  # T 64 h w
    masks = functional.interpolate(cells.transpose(0, 1)[None], (frames, *cells.shape[2:]), mode="nearest-exact")[0]
    control = torch.cat([latents, masks.to(latents)])  # 2C + 64 F h w
    lead = []
    for picture in references:
        encoded = autoencoder.encode(picture[None, :, None].to(device))[0].float()  # C 1 h w
        lead.append(torch.cat([encoded, encoded.new_zeros(len(control) - len(encoded), *encoded.shape[1:])]))
    assert patch[0] == 1, "a latent frame is a patch long"
    return Condition(control=torch.cat([*lead, control], dim=1), lead=len(lead))


@torch.no_grad()
def known_tokens(
    frames: UInt8[Tensor, "T H W 3"],
    mask: Bool[Tensor, "F r s"],
    autoencoder: VideoAutoencoder,
    patch: tuple[int, int, int],
    device: torch.device,
) -> Condition:
    """Condition by known tokens; nothing after the last latent frame that has one is encoded.

    Args:
        frames: as the autoencoder shall see them.
        mask: the known patches.
        autoencoder: encodes the frames; it looks back in time, never ahead.
        patch: of the transformer.
        device: where the result goes.
    """
    some = mask.flatten(1).any(dim=1).nonzero().flatten().tolist()
    if not some:
        return Condition()
    count = frames_of(some[-1] + 1, autoencoder.compression)
    latents = autoencoder.encode(to_float(frames[None, :count]).to(device))[0].float()  # C f h w
    rest = latents.new_zeros(latents.shape[0], mask.shape[0] - latents.shape[1], *latents.shape[2:])
    return Condition(known=Known(torch.cat([latents, rest], dim=1), mask.to(device), patch))

"""The probe: a small network that classifies what a video shows, trained on films whose content is known.

It locates the first and the second object in every moment, pools features there, and classifies each attribute of a
world's questions. It knows videos and classes; prompts, video models and training are elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.autoencoder.layers import ChannelNorm, SpaceBlock
from langit.device import CPU, Placement, placement_of
from langit.evaluate.judges.questions import FIRST, questions_for
from langit.evaluate.judges.truth import ProbeVerdict

CELL = 8  # pixels to a side of a cell, the resolution at which objects are located
SHIPPED = Path(str(resources.files("langit"))) / "weights" / "probe"
SHIPPED_STORY = SHIPPED.with_name("probe-story")
SHIPPED_LONG = SHIPPED.with_name("probe-long")
_MOMENT = 3  # frames that are processed together; middle frames of neighbouring moments are two frames apart
_LARGEST = 64 * 64  # pixels: larger pictures are downscaled first


@dataclass(frozen=True)
class ProbeConfig:
    """Sizes of the network, and the world whose questions it answers.

    ``frames`` is fixed, because an action has a beginning and an end. Of these, the network reads every ``every``-th:
    in a video of twice the length, a camera turns half as fast.
    """

    frames: int = 17
    every: int = configs.added_field(1)
    fine_width: int = 48
    width: int = 64
    blocks: int = 3
    looks: int = 4  # learned attention maps, besides those of the two objects
    memory: int = 64
    world: str = FIRST.world

    def __post_init__(self) -> None:
        if self.every < 1 or self.frames < 2 * self.every + 1 or (self.frames - 1) % (2 * self.every):
            raise ValueError(
                f"frames {self.frames} with every {self.every} is not supported: a moment spans {2 * self.every + 1}"
                f" frames, use a multiple of {2 * self.every} and one more"
                if self.every >= 1
                else f"every {self.every} is not positive: use 1 or more"
            )
        questions_for(self.world)

    @property
    def moments(self) -> int:
        return (self.frames - 1) // (2 * self.every)


@dataclass(frozen=True)
class ProbeOutput:
    """Logits for B videos: of each attribute, and of (nothing, first object, second object) in each cell."""

    logits: dict[str, Float[Tensor, "B _"]]
    where: Float[Tensor, "B G 3 h w"]


class _AcrossTime(nn.Module):
    """A dilated convolution over time: each cell sees itself ``step`` moments before and after."""

    def __init__(self, width: int, step: int) -> None:
        super().__init__()
        self.step = step
        self.norm = ChannelNorm(width)
        self.conv = nn.Conv2d(3 * width, width, 1)
        nn.init.zeros_(self.conv.weight)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Float[Tensor, "B G D h w"]) -> Float[Tensor, "B G D h w"]:
        moments = x.shape[1]
        y = functional.silu(self.norm(x.flatten(0, 1))).view_as(x)
        padded = functional.pad(y, (0, 0, 0, 0, 0, 0, self.step, self.step))
        near = [padded[:, start : start + moments] for start in (0, self.step, 2 * self.step)]
        mixed: Tensor = self.conv(torch.cat(near, dim=2).flatten(0, 1))  # (B G, D, h, w)
        return x + mixed.view_as(x)


class Probe(nn.Module):
    """A video classifier: float video (B, 3, T, H, W) in [-1, 1] to a :class:`ProbeOutput`.

    T counts the frames that it reads, which are every ``config.every``-th of a video.
    Submodules are named as in the weights on disk.
    """

    def __init__(self, config: ProbeConfig) -> None:
        super().__init__()
        self.config = config
        self.questions = questions_for(config.world)
        fine, width, memory = config.fine_width, config.width, config.memory
        self.stem = nn.Conv2d(_MOMENT * 3 * 16, fine, 1)
        self.fine = SpaceBlock(fine)
        self.down = nn.Conv2d(4 * fine, width, 1)
        self.space = nn.ModuleList(SpaceBlock(width) for _ in range(config.blocks))
        self.time = nn.ModuleList(_AcrossTime(width, 2**index) for index in range(config.blocks))
        self.norm = ChannelNorm(width)
        self.where = nn.Conv2d(width, 3, 1)
        self.looks = nn.Conv2d(width, config.looks, 1, bias=False)
        self.gather = nn.Linear((config.looks + 2) * width + 6, memory)
        self.story = nn.Linear(config.moments * memory, memory)
        self.thing = nn.Linear(width, width)
        self.heads = nn.ModuleDict(
            {
                _module_name(attribute): nn.Linear(width if attribute in self.questions.things else memory, len(names))
                for attribute, names in self.questions.classes.items()
                if not attribute.startswith("second ")
            }
        )

    def forward(self, video: Float[Tensor, "B 3 T H W"]) -> ProbeOutput:
        batch, groups = len(video), self.config.moments
        x = functional.pixel_unshuffle(moment_features(video).flatten(0, 1), 4)  # (B G, 144, H/4, W/4)
        x = self.fine(self.stem(x))  # (B G, fine, H/4, W/4)
        x = self.down(functional.pixel_unshuffle(x, 2))  # (B G, D, h, w)
        for space, time in zip(self.space, self.time, strict=True):
            x = time(_unflatten(space(x), groups)).flatten(0, 1)
        x = self.norm(x)
        where = self.where(x)  # (B G, 3, h, w)
        coverage = where.softmax(dim=1)[:, 1:].flatten(2)  # (B G, 2, n): the share of each cell that an object covers
        looks = self.looks(x).flatten(2).softmax(dim=2)  # (B G, looks, n)
        # 0.05: an object that is not in the picture must not divide by zero
        weights = torch.cat([coverage / (coverage.sum(dim=2, keepdim=True) + 0.05), looks], dim=1)
        pooled = torch.einsum("bkn,bdn->bkd", weights, x.flatten(2))  # (B G, 2 + looks, D)
        centres = torch.einsum("bkn,nc->bkc", weights[:, :2], _cell_centres(where))  # (B G, 2, 2)
        sizes = coverage.sum(dim=2, keepdim=True) / 8  # (B G, 2, 1)
        features = torch.cat([pooled.flatten(1), centres.flatten(1), sizes.flatten(1)], dim=1)
        features = functional.silu(self.gather(features)).reshape(batch, -1)  # (B, G memory)
        story = functional.silu(self.story(features))  # (B, memory)
        logits = {name: self.heads[_module_name(name)](story) for name in self.questions.whole}
        sizes = _unflatten(sizes, groups)  # (B, G, 2, 1)
        share = sizes / (sizes.sum(dim=1, keepdim=True) + 1e-3)  # moments in which an object is large count more
        things = (_unflatten(pooled[:, :2], groups) * share).sum(dim=1)  # (B, 2, D)
        things = functional.silu(self.thing(things))
        for name in self.questions.things:
            both = self.heads[_module_name(name)](things)  # (B, 2, classes)
            logits[name], logits[f"second {name}"] = both[:, 0], both[:, 1]
        return ProbeOutput(logits, _unflatten(where, groups))


def moment_features(video: Float[Tensor, "B 3 T H W"]) -> Float[Tensor, "B G 9 H W"]:
    """Stack every second frame with the change before it and the change after it, as channels."""
    before, here, after = video[:, :, :-2:2], video[:, :, 1:-1:2], video[:, :, 2::2]
    return torch.cat([here, 2 * (here - before), 2 * (after - here)], dim=1).transpose(1, 2)


def _unflatten(x: Tensor, groups: int) -> Tensor:
    """Separate the moments of each video: (B G, ...) -> (B, G, ...)."""
    return x.reshape(-1, groups, *x.shape[1:])


def _cell_centres(like: Tensor) -> Float[Tensor, "n 2"]:
    """Return the (x, y) of each cell's centre, from -1 to 1."""
    height, width = like.shape[-2:]
    down = (torch.arange(height, device=like.device) + 0.5) / height * 2 - 1
    across = (torch.arange(width, device=like.device) + 0.5) / width * 2 - 1
    return torch.stack(torch.meshgrid(across, down, indexing="xy"), dim=-1).flatten(0, 1)


def _module_name(attribute: str) -> str:
    # ModuleDict keys become attribute names, which must not contain spaces
    return attribute.replace(" ", "_")


def input_size(height: int, width: int) -> tuple[int, int]:
    """Return the size at which the probe reads a picture: whole cells, and at most as many pixels as 64x64."""
    scale = min(1.0, (_LARGEST / (height * width)) ** 0.5)
    rows, columns = (max(1, round(side * scale / CELL)) for side in (height, width))
    return rows * CELL, columns * CELL


def to_video(frames: UInt8[Tensor, "B T H W 3"]) -> Float[Tensor, "B 3 T h w"]:
    """Convert frames to the probe's input: floats in [-1, 1], downscaled to :func:`input_size`."""
    video = frames.permute(0, 4, 1, 2, 3).float().div(127.5).sub(1.0)
    size = input_size(*video.shape[3:])
    if size == tuple(video.shape[3:]):
        return video
    return functional.adaptive_avg_pool3d(video, (video.shape[2], *size))


@torch.no_grad()
def judge(probe: Probe, videos: Sequence[UInt8[Tensor, "T H W 3"]], batch: int = 16) -> list[ProbeVerdict]:
    """Judge videos of any sizes, in batches of equal size, on the probe's device.

    Raises:
        ValueError: a video does not have the number of frames that the probe was trained on.
    """
    placement = placement_of(probe)
    verdicts: list[ProbeVerdict | None] = [None] * len(videos)
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, video in enumerate(videos):
        if video.shape[0] != probe.config.frames:
            raise ValueError(
                f"a video of {video.shape[0]} frames cannot be judged: this probe needs {probe.config.frames} frames"
            )
        by_size.setdefault(tuple(video.shape), []).append(index)
    for indices in by_size.values():
        for start in range(0, len(indices), batch):
            part = indices[start : start + batch]
            video = to_video(torch.stack([videos[index][:: probe.config.every] for index in part]).to(placement.device))
            logits = probe(placement.put(video)).logits
            for row, index in enumerate(part):
                shares = {name: tuple(logits[name][row].softmax(0).tolist()) for name in probe.questions.classes}
                verdicts[index] = ProbeVerdict(shares, probe.questions)
    assert all(verdict is not None for verdict in verdicts)
    return [verdict for verdict in verdicts if verdict is not None]


def save_probe(probe: Probe, folder: Path) -> None:
    """Write config.json and model.safetensors (half precision) to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in probe.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(configs.dump(probe.config), indent=1) + "\n", encoding="utf-8")


def load_probe(folder: Path = SHIPPED, placement: Placement = CPU) -> Probe:
    """Load a probe, by default the one shipped for the first world.

    Raises:
        ValueError: a file is missing or damaged; the message names it.
    """
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise ValueError(f"{folder / name} is missing: reinstall langit, the probe cannot work without it")
    probe = Probe(configs.load(ProbeConfig, folder / "config.json"))
    try:
        probe.load_state_dict({name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{folder / 'model.safetensors'} is damaged ({error}): reinstall langit") from error
    placement.put(probe)  # moves the module in place
    return probe.eval()

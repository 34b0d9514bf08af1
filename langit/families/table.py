"""The families of open weights that are known: how they are recognised, and how their makers sample them.

Every value has its source beside it. A checkpoint may say otherwise; see :mod:`langit.families.scheduler`. Knows
nothing of files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from langit.shapes import PixelShape

Given = Literal["first", "last", "region", "reference"]
"""What a request may give: frames from the beginning, frames at the end, a part of every frame, or pictures of what
shall appear."""
Kind = Literal["text", "channels", "control", "tokens"]
"""How a family takes what is given: not at all, as mask channels beside the noise (I2V), as a control video (VACE), or
as tokens at noise level zero (TI2V)."""

TEXT_TOKENS: Final = 512
"""Tokens that prompts are filled up to with zero vectors."""

# sample_neg_prompt of wan/configs/shared_config.py in Wan-Video/Wan2.1 and Wan2.2: what the makers' own commands use.
NEGATIVE: Final = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，JPEG压缩残留，"
    "丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，手指融合，静止不动的画面，"
    "杂乱的背景，三条腿，背景人很多，倒着走"
)
STYLE: Final = (
    "A close-up of an old fisherman mending a net on a wooden pier at dawn. Soft golden light comes from the left, the"
    " sea behind him is out of focus. He looks up and smiles while his hands go on working. Handheld camera, shallow"
    " depth of field, film grain, realistic style.",
    "A red tram crosses a bridge in the rain at night. Neon signs are reflected in the wet street, people with"
    " umbrellas walk past. The camera follows the tram from the side at an even speed. Wide shot, cinematic"
    " colours, realistic style.",
)
"""Captions of the kind that the makers' own prompt extension writes: 40 to 100 words on subject, place, light, motion,
camera and style."""
MAKERS: Final = "Wan Team, Alibaba"


@dataclass(frozen=True)
class Family:
    """A family of checkpoints and the settings that its makers sample it with.

    name, title: for commands and for people.
    repositories: of the hub, in diffusers' layout.
    parameters: of all transformers together.
    kind, carries, needs: how it takes what is given, what it can take, and what it cannot do without.
    heads: attention heads of 128 channels, which tell sizes of one architecture apart.
    steps, guidance, shift: the makers'; ``also`` has other shifts that they use.
    guidance_low: guidance of the second expert, which takes over below ``boundary``.
    fps, frames, sizes: what it was made for; the first size is the default.
    cell: pixels that sides are multiples of.
    memory: GPU memory that the makers name, in GB.
    style: examples of captions for a chat model that rewrites prompts.
    source: where the settings are from.
    """

    name: str
    title: str
    repositories: tuple[str, ...]
    parameters: float
    kind: Kind
    heads: int
    steps: int
    guidance: float
    shift: float
    source: str
    also: tuple[float, ...] = ()
    carries: frozenset[Given] = frozenset()
    needs: frozenset[Given] = frozenset()
    guidance_low: float | None = None
    boundary: float | None = None
    fps: float = 16.0
    frames: int = 81
    sizes: tuple[str, ...] = ("832x480", "480x832", "1280x720", "720x1280")
    cell: int = 16
    memory: str = ""
    negative: str = NEGATIVE
    style: tuple[str, ...] = STYLE
    makers: str = MAKERS
    licence: str = "Apache-2.0"

    @property
    def pixels(self) -> tuple[PixelShape, ...]:
        """The sizes with the family's number of frames, the default first."""
        return tuple(replace(PixelShape.parse(size), frames=self.frames) for size in self.sizes)

    @property
    def largest(self) -> int:
        """The largest area that it was made for, in pixels."""
        return max(size.width * size.height for size in self.pixels)


_SMALL = ("832x480", "480x832")  # SUPPORTED_SIZES of wan/configs/__init__.py
_ALL: Final[frozenset[Given]] = frozenset({"first", "last", "region"})

_T2V = Family(
    name="wan2.1-t2v-1.3b",
    title="Wan 2.1 text to video, 1.3B",
    repositories=("Wan-AI/Wan2.1-T2V-1.3B-Diffusers",),
    parameters=1.419e9,
    kind="text",
    heads=12,
    steps=50,
    guidance=6.0,
    shift=8.0,
    also=(5.0, 10.0, 12.0),
    sizes=_SMALL,
    memory="8.2",
    # The README asks for --sample_shift 8 to 12 and --sample_guide_scale 6; generate.py itself falls back on 5 and 5.
    source="Wan-Video/Wan2.1 README.md, T2V-1.3B: sample_guide_scale 6, sample_shift 8 to 12",
)
_I2V = Family(
    name="wan2.1-i2v-14b",
    title="Wan 2.1 image to video, 14B",
    repositories=("Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers"),
    parameters=16.4e9,
    kind="channels",
    heads=40,
    steps=40,
    guidance=5.0,
    shift=5.0,
    also=(3.0,),
    carries=frozenset({"first"}),
    needs=frozenset({"first"}),
    source="Wan-Video/Wan2.1 generate.py, i2v: 40 steps, shift 5 (3 at 480p), guidance 5",
)
_VACE = Family(
    name="wan2.1-vace-1.3b",
    title="Wan 2.1 VACE (any frames and regions), 1.3B",
    repositories=("Wan-AI/Wan2.1-VACE-1.3B-diffusers",),
    parameters=2.154e9,
    kind="control",
    heads=12,
    steps=50,
    guidance=5.0,
    shift=16.0,
    carries=_ALL | {"reference"},
    sizes=_SMALL,
    source="Wan-Video/Wan2.1 generate.py, vace: 50 steps, shift 16, guidance 5",
)
_TI2V = Family(
    name="wan2.2-ti2v-5b",
    title="Wan 2.2 text and image to video, 5B",
    repositories=("Wan-AI/Wan2.2-TI2V-5B-Diffusers",),
    parameters=5.0e9,
    kind="tokens",
    heads=24,
    steps=50,
    guidance=5.0,
    shift=5.0,
    carries=_ALL,
    fps=24.0,
    frames=121,
    sizes=("1280x704", "704x1280"),
    cell=32,
    memory="24",
    source="Wan-Video/Wan2.2 wan/configs/wan_ti2v_5B.py",
)
_A14B = Family(
    name="wan2.2-t2v-a14b",
    title="Wan 2.2 text to video, two experts of 14B",
    repositories=("Wan-AI/Wan2.2-T2V-A14B-Diffusers",),
    parameters=28.576e9,
    kind="text",
    heads=40,
    steps=40,
    guidance=4.0,
    guidance_low=3.0,
    shift=12.0,
    boundary=0.875,
    sizes=("1280x720", "720x1280", *_SMALL),
    memory="80",
    source="Wan-Video/Wan2.2 wan/configs/wan_t2v_A14B.py",
)

FAMILIES: Final[tuple[Family, ...]] = (
    _T2V,
    replace(
        _T2V,
        name="wan2.1-t2v-14b",
        title="Wan 2.1 text to video, 14B",
        repositories=("Wan-AI/Wan2.1-T2V-14B-Diffusers",),
        parameters=14.288e9,
        heads=40,
        guidance=5.0,
        shift=5.0,
        also=(),
        sizes=("1280x720", "720x1280", *_SMALL),
        memory="",
        source="Wan-Video/Wan2.1 generate.py, t2v: 50 steps, shift 5, guidance 5",
    ),
    _I2V,
    replace(
        _I2V,
        name="wan2.1-flf2v-14b",
        title="Wan 2.1 first and last frame to video, 14B",
        repositories=("Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers",),
        shift=16.0,
        also=(),
        carries=frozenset({"first", "last"}),
        needs=frozenset({"first", "last"}),
        sizes=("1280x720", "720x1280"),
        source="Wan-Video/Wan2.1 generate.py, flf2v: 40 steps, shift 16, guidance 5",
    ),
    _VACE,
    replace(
        _VACE,
        name="wan2.1-vace-14b",
        title="Wan 2.1 VACE (any frames and regions), 14B",
        repositories=("Wan-AI/Wan2.1-VACE-14B-diffusers",),
        parameters=17.3e9,
        heads=40,
        sizes=("1280x720", "720x1280", *_SMALL),
    ),
    _TI2V,
    _A14B,
    replace(
        _A14B,
        name="wan2.2-i2v-a14b",
        title="Wan 2.2 image to video, two experts of 14B",
        repositories=("Wan-AI/Wan2.2-I2V-A14B-Diffusers",),
        kind="channels",
        guidance=3.5,
        guidance_low=3.5,
        shift=5.0,
        boundary=0.9,
        carries=frozenset({"first", "last"}),
        needs=frozenset({"first"}),
        source="Wan-Video/Wan2.2 wan/configs/wan_i2v_A14B.py",
    ),
)


@dataclass(frozen=True)
class FewSteps:
    """How a checkpoint that was distilled for a few timesteps is sampled. It has guidance in its weights.

    shift: is applied to ``timesteps``; 1 leaves them.
    renoise: each step noises its prediction again with fresh noise; without, the steps are Euler's.
    """

    name: str
    timesteps: tuple[float, ...]
    shift: float
    renoise: bool
    source: str


PRESETS: Final = {
    preset.name: preset
    for preset in (
        FewSteps(
            "fastwan",
            (1000, 757, 522),
            1.0,
            True,
            "hao-ai-lab/FastVideo, DMD: predict, then noise again",
        ),
        FewSteps(
            "lightx2v",
            (1000, 750, 500, 250),
            5.0,
            False,
            "ModelTC/LightX2V, WanStepDistillScheduler at sample_shift 5: Euler steps",
        ),
    )
}


REUSE: Final = "easycache"
REUSE_THRESHOLD: Final = 0.05
"""The preset that reuses velocities in the way of EasyCache (arXiv 2507.02860), and its threshold: our choice, which is
also the default of diffusers' FirstBlockCacheConfig. What it costs in quality on published weights was not measured."""


def family_named(name: str) -> Family:
    """The family of that name.

    Raises:
        ValueError: there is none.
    """
    found = next((family for family in FAMILIES if family.name == name), None)
    if found is None:
        raise ValueError(f"no family is named {name!r}: use one of {', '.join(family.name for family in FAMILIES)}")
    return found


def families_that_carry(given: frozenset[Given]) -> tuple[Family, ...]:
    """The families that can take all of ``given`` and need nothing else."""
    return tuple(family for family in FAMILIES if given <= family.carries and family.needs <= given)


def preset_for(name: str) -> FewSteps | None:
    """The preset of a few-step checkpoint, as its name tells; None for others."""
    plain = name.lower().replace("_", "").replace("-", "")
    if "fastwan" in plain:
        return PRESETS["fastwan"]
    if any(word in plain for word in ("lightx2v", "stepdistill", "4step")):
        return PRESETS["lightx2v"]
    return None

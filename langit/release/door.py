"""What a video passes on its way out, opened once for a model: gates, watermark, signature, ledger.

Knows frames and facts about them; knows nothing of sampling, nor of file formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy.typing import ArrayLike

from langit import config
from langit.bundle import Bundle
from langit.release.credentials.identity import FOLDER, Identity, SigningConfig, identity
from langit.release.facts import Facts
from langit.release.gates.finding import Finding, enforce
from langit.release.gates.frames import MEND as OTHER_FRAMES
from langit.release.gates.frames import FrameGates, FramesConfig, frame_gates, watched
from langit.release.gates.guard import load_guard
from langit.release.gates.likeness import consents
from langit.release.gates.prompt import MEND, Guard, PromptConfig, check_prompt
from langit.release.nearest.bundled import open_index
from langit.release.nearest.gate import NearestConfig, Watch, unindexed
from langit.release.outputs import Looks, Outputs
from langit.release.settings import check_sections, section
from langit.release.watermark import Watermark, WatermarkConfig

Frame = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True)
class ReleaseConfig:
    """Everything that may be set of the door. What leaves is always watermarked, signed and entered."""

    prompt: PromptConfig = field(default_factory=PromptConfig)
    frames: FramesConfig = field(default_factory=FramesConfig)
    nearest: NearestConfig = field(default_factory=NearestConfig)
    watermark: WatermarkConfig = field(default_factory=WatermarkConfig)
    signing: SigningConfig = field(default_factory=SigningConfig)

    @classmethod
    def read(cls, home: Path) -> ReleaseConfig:
        """The settings of a home, from its ``release.toml``.

        Raises:
            ValueError: the file is not TOML, or has a wrong section, key or value; it is named.
        """
        check_sections(home, tuple(each.name for each in fields(cls)))
        return cls(
            prompt=section(home, "prompt", PromptConfig),
            frames=section(home, "frames", FramesConfig),
            nearest=section(home, "nearest", NearestConfig),
            watermark=section(home, "watermark", WatermarkConfig),
            signing=section(home, "signing", SigningConfig),
        )


@dataclass(frozen=True)
class Door:
    """The door of a home for the videos of one model. Its parts are opened when they are first needed, and kept."""

    model: Bundle
    home: Path
    settings: ReleaseConfig

    @classmethod
    def of(cls, model: Bundle, home: Path | None = None) -> Door:
        """The door as ``release.toml`` under ``home`` (LANGIT_HOME when left out) sets it.

        Raises:
            ValueError: that file has a wrong key or value.
        """
        home = config.home() if home is None else home
        return cls(model, home, ReleaseConfig.read(home))

    @cached_property
    def identity(self) -> Identity:
        """Who signs; made on first use."""
        return identity(self.home / FOLDER, self.settings.signing)

    @cached_property
    def outputs(self) -> Outputs:
        """Where what leaves is entered."""
        return Outputs.of(self.home)

    @cached_property
    def guard(self) -> Guard | None:
        """What is asked about prompts besides the rules."""
        return load_guard(self.settings.prompt)

    @cached_property
    def gates(self) -> FrameGates:
        """What looks at frames."""
        return frame_gates(self.settings.frames)

    def ask(self, *texts: str, ability: str = "generate") -> tuple[Finding, ...]:
        """Ask the prompt gate about texts that the model is to read; returns what is noted and let pass.

        Raises:
            Refused: a rule fired that refuses.
        """
        agreed = consents(self.home / "ledger", self.model.provenance.model, ability, self.settings.prompt.purpose)
        found = dict.fromkeys(
            finding
            for text in dict.fromkeys(texts)
            for finding in check_prompt(text, self.settings.prompt, agreed, self.guard)
        )
        return enforce(tuple(found), MEND)

    def passage(self, facts: Facts) -> Passage:
        """The way out of one video."""
        return Passage(self, facts)


class Passage:
    """One video on its way out, frame by frame in constant memory: looked at as it was made, and watermarked."""

    def __init__(self, door: Door, facts: Facts) -> None:
        self.looks = Looks()
        self._notes = list(door.ask(facts.asked, facts.prompt, ability=facts.ability))
        self._facts, self._strength = facts, door.settings.watermark
        self._gates = door.gates(facts.fps)
        self._near: Watch | None = None
        nearest = door.settings.nearest
        if nearest.on:
            index = open_index(door.model)
            if index is None:
                self._notes.append(unindexed(door.model))
            else:
                self._near = Watch(index, door.model.autoencoder, facts.fps, nearest)

    def through(self, frames: Iterable[ArrayLike]) -> Iterator[Frame]:
        """The frames as they leave.

        Raises:
            Refused: at the first frame that a gate refuses.
        """
        mark: Watermark | None = None
        seen = self._near.passing(frames) if self._near else frames
        for frame in watched(map(np.asarray, seen), self._gates, self._notes):
            if mark is None:
                height, width = frame.shape[:2]
                mark = Watermark(height, width, self._facts.mark, self._strength)
            self.looks.take(frame)
            yield mark.mark(frame)

    def findings(self) -> tuple[Finding, ...]:
        """What is noted, after all frames have passed.

        Raises:
            Refused: something that refuses.
        """
        near = self._near.findings() if self._near else ()
        return enforce((*self._notes, *near), OTHER_FRAMES)

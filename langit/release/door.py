"""What a video passes on its way out, opened once for a model: gates, watermark, signature and ledger.

This module knows frames and the facts about them. It does not know sampling or file formats.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
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
from langit.release.gates.frames import FrameGates, FramesConfig, frame_gates, watch_frames
from langit.release.gates.guard import load_guard
from langit.release.gates.likeness import consents
from langit.release.gates.prompt import MEND, Guard, PromptConfig, judge_prompt
from langit.release.nearest.bundled import open_index
from langit.release.nearest.gate import NearestConfig, NearestGate, no_index
from langit.release.outputs import FingerprintSampler, Outputs
from langit.release.pictures import first_frames
from langit.release.settings import check_sections, section
from langit.release.watermark import Watermark, WatermarkConfig

Frame = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True)
class ReleaseConfig:
    """All settings of the door. Watermark, signature and entry cannot be switched off."""

    prompt: PromptConfig = field(default_factory=PromptConfig)
    frames: FramesConfig = field(default_factory=FramesConfig)
    nearest: NearestConfig = field(default_factory=NearestConfig)
    watermark: WatermarkConfig = field(default_factory=WatermarkConfig)
    signing: SigningConfig = field(default_factory=SigningConfig)

    @classmethod
    def read(cls, home: Path) -> ReleaseConfig:
        """Read the settings of a home from its ``release.toml``.

        Raises:
            ValueError: the file is not TOML, or has a wrong section, key or value; the message names it.
        """
        check_sections(home, tuple(part.name for part in fields(cls)))
        return cls(
            prompt=section(home, "prompt", PromptConfig),
            frames=section(home, "frames", FramesConfig),
            nearest=section(home, "nearest", NearestConfig),
            watermark=section(home, "watermark", WatermarkConfig),
            signing=section(home, "signing", SigningConfig),
        )


@dataclass(frozen=True)
class Door:
    """The door of a home for the videos of one model. Its parts are opened on first use and kept."""

    model: Bundle
    home: Path
    settings: ReleaseConfig

    @classmethod
    def of(cls, model: Bundle, home: Path | None = None) -> Door:
        """The door as ``release.toml`` under ``home`` (LANGIT_HOME if left out) configures it.

        Raises:
            ValueError: that file has a wrong key or value.
        """
        home = config.home() if home is None else home
        return cls(model, home, ReleaseConfig.read(home))

    @cached_property
    def identity(self) -> Identity:
        """Who signs; created on first use."""
        return identity(self.home / FOLDER, self.settings.signing)

    @cached_property
    def outputs(self) -> Outputs:
        """The ledger's entries of released files."""
        return Outputs.of(self.home)

    @cached_property
    def guard(self) -> Guard | None:
        """The guard model that judges prompts beside the rules, if one is configured."""
        return load_guard(self.settings.prompt)

    @cached_property
    def gates(self) -> FrameGates:
        """The gates that look at frames."""
        return frame_gates(self.settings.frames)

    def ask(self, *texts: str, ability: str = "generate") -> tuple[Finding, ...]:
        """Check texts that the model is to read with the prompt gate.

        Returns:
            Findings that are only noted.

        Raises:
            Refused: a rule refuses.
        """
        agreed = consents(self.home / "ledger", self.model.provenance.model, ability, self.settings.prompt.purpose)
        findings = dict.fromkeys(
            finding
            for text in dict.fromkeys(texts)
            for finding in judge_prompt(text, self.settings.prompt, agreed, self.guard)
        )
        return enforce(tuple(findings), MEND)

    def passage(self, facts: Facts) -> Passage:
        """The way out for one video."""
        return Passage(self, facts)


class Passage:
    """One video on its way out, frame by frame in constant memory: checked as generated, then watermarked."""

    def __init__(self, door: Door, facts: Facts) -> None:
        self._notes = list(door.ask(facts.asked, facts.prompt, ability=facts.ability))
        self._facts, self._watermark_config = facts, door.settings.watermark
        self._gates = door.gates(facts.fps)
        self._fingerprints = FingerprintSampler()
        self._nearest: NearestGate | None = None
        nearest = door.settings.nearest
        if nearest.on:
            index = open_index(door.model)
            if index is None:
                self._notes.append(no_index(door.model))
            else:
                self._nearest = NearestGate(index, door.model.autoencoder, facts.fps, nearest)

    def frames(self, frames: Iterable[ArrayLike], given: Collection[int] = ()) -> Iterator[Frame]:
        """Pass frames through the gates; yields them watermarked.

        Args:
            frames: (H, W, 3) uint8 each.
            given: numbers of frames that a person gave and the model did not generate.

        Raises:
            Refused: at the first frame that a gate refuses.
        """
        watermark: Watermark | None = None
        compared = self._nearest.passing(frames) if self._nearest else frames
        for number, frame in enumerate(watch_frames(map(np.asarray, compared), self._gates, self._notes)):
            if watermark is None:
                height, width = frame.shape[:2]
                watermark = Watermark(height, width, self._facts.mark, self._watermark_config)
            self._fingerprints.take(frame, number in given)
            yield watermark.mark(frame, number / self._facts.fps)

    def looks(self) -> tuple[str, ...]:
        """Fingerprints by which the video can be found again, after all frames have passed.

        None of them leads to a file that the video was made from: what people give is not ours. The parents are read
        by the same function as files that somebody verifies, so what a parent shows there has been excluded here.
        """
        for parent in self._facts.parents:
            if parent.path is not None:
                self._fingerprints.exclude(first_frames(parent.path))
        return self._fingerprints.kept

    def findings(self) -> tuple[Finding, ...]:
        """What the gates noted, after all frames have passed.

        Raises:
            Refused: the nearest-clip gate refuses.
        """
        near = self._nearest.findings() if self._nearest else ()
        return enforce((*self._notes, *near), OTHER_FRAMES)

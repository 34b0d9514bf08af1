"""What a person may set for everything that is generated, apart from what the video shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from langit.generate import Model, SamplingConfig
from langit.generate.open_model import OpenModel, changed_sampling
from langit.generate.settings import OpenSampling
from langit.studio.expanders import check_expander

Quality = Literal["fast", "full"]
SAMPLING: Final = ("steps", "guidance", "solver", "negative", "reuse", "shift", "preset")
"""Options that are sampling settings of the same name."""
NO_FAST: Final = "this model has no fast preset: leave quality out, or use full"


@dataclass(frozen=True)
class StudioOptions:
    """Options of every request; None means the model's own value.

    steps: solver steps.
    guidance: the guidance scale, how closely the video follows the prompt.
    solver: euler, heun, midpoint, ab2 or unipc.
    negative: a text that the video is led away from.
    reuse: uses the last velocity again while it is predicted to have changed by less than this share, such as 0.05.
    shift: moves the noise levels of open weights towards noise, instead of the shift of their scheduler.
    preset: samples open weights that were distilled for a few steps, fastwan or lightx2v; or easycache, which reuses
        velocities.
    quality: "fast" samples with the model's fast preset, "full" with its own weights and guidance. By default the fast
        preset is used where the model has one and the other options allow it.
    expand: who rewrites prompts: embedded, off, chat:MODEL@URL or transformers:FOLDER. By default embedded, and off
        where pictures or videos are given, which already show what an expander would fill in, and for open weights,
        which read any text.
    strict: refuse prompts with words that are not understood, instead of noting them.
    parent_names: sign the names of given files with the video; without it only their hashes.
    """

    steps: int | None = None
    guidance: float | None = None
    solver: str | None = None
    negative: str | None = None
    reuse: float | None = None
    shift: float | None = None
    preset: str | None = None
    quality: Quality | None = None
    expand: str | None = None
    strict: bool = False
    parent_names: bool = False

    def __post_init__(self) -> None:
        if self.quality is not None and self.quality not in get_args(Quality):
            raise ValueError(f"quality {self.quality!r} is not known: use {' or '.join(get_args(Quality))}")

    def expander(self, has_media: bool, model: Model) -> str:
        """The name of the expander, see `expand`.

        Raises:
            ValueError: the embedded one, for a model that does not show its worlds.
        """
        raw = isinstance(model, OpenModel)
        if raw:
            self._check_expand_for_open_weights()
        return self.expand or ("off" if has_media or raw else "embedded")

    def _check_expand_for_open_weights(self) -> None:
        if self.expand == "embedded":
            raise ValueError(
                "expand embedded writes captions of this project's own worlds, which open weights do not need: use off,"
                " chat:MODEL@URL or transformers:FOLDER"
            )

    def check_for_open_weights(self, sampling: SamplingConfig) -> None:
        """Refuse options before open weights are loaded, which may take minutes.

        Args:
            sampling: the checkpoint's settings.

        Raises:
            ValueError: an option has a wrong value, or does not count.
        """
        self._check_expand_for_open_weights()
        if self.expand is not None:
            check_expander(self.expand)
        if self.quality == "fast":
            raise ValueError(NO_FAST)
        changed_sampling(sampling, **{name: getattr(self, name) for name in SAMPLING})

    def sampling(self, model: Model) -> SamplingConfig:
        """The model's settings with these options.

        Raises:
            ValueError: an option has a wrong value, or the fast preset does not support it.
        """
        wanted = {name: getattr(self, name) for name in SAMPLING}
        settings = model.settings(model.full_quality if self.quality == "full" else None, **wanted)
        if self.quality == "fast":
            # Asked for by name, it must not turn into something else silently.
            if not model.presets:
                raise ValueError(NO_FAST)
            if not settings.adapter:
                raise ValueError(f"quality fast does not support {self._named_settings()}: use quality full")
        return settings

    def notes(self, model: Model, sampling: SamplingConfig) -> tuple[str, ...]:
        """What to tell a person who gets full quality without having asked for it."""
        if isinstance(model, OpenModel):
            # What differs from the makers' settings concerns nobody who has chosen.
            notes = model.notes if self.shift is None and self.preset is None else ()
            twice = isinstance(sampling, OpenSampling) and sampling.scheduler == "listed" and sampling.guidance != 1
            warning = (
                f"guidance {sampling.guidance:g} counts on top of what weights for"
                f" {sampling.steps} steps have learnt; their makers sample without"
            )
            return (*notes, warning) if twice else notes
        if self.quality == "full" or model.sampling.adapter == sampling.adapter:
            return ()
        return (
            f"sampled in full quality ({sampling.steps} steps, guidance {sampling.guidance:g}):"
            f" the fast preset does not support {self._named_settings()}",
        )

    def _named_settings(self) -> str:
        named = (f"{name} {getattr(self, name)}" for name in SAMPLING if getattr(self, name) is not None)
        return " and ".join(named)

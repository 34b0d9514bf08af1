"""Which weights are on the device when: one part of a model at a time, or one block of it at a time.

``parts``: when a text encoder, a transformer or an autoencoder is called, the others leave first. ``blocks``: beside
that, the repeated layers of transformers and text encoders come one by one while the layer before computes; only two
are there at once. Knows parts by their methods, not what they are.
"""

from __future__ import annotations

import functools
import mmap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from langit.autoencoder.protocol import VideoAutoencoder
from langit.bundle.mapped import mapped_files, single_weights
from langit.device import COMPUTES_ON, OFFLOADS, Offload, Placement
from langit.offload.host import trim_freed_memory
from langit.offload.visits import Change, Visit, Visitor, list_visitors

ENTRIES: Final = ("forward", "encode", "decode", "encode_stream", "decode_stream")
"""Methods of parts that compute with their weights."""


class OffloadedPart:
    """One part of a model, and the visits of its weights."""

    def __init__(
        self,
        module: nn.Module,
        placement: Placement,
        layers: Sequence[nn.Module],
        dtypes: Callable[[str, Tensor], torch.dtype],
        changes: Mapping[str, Change],
    ) -> None:
        self.module, self.placement = module, placement
        cuda = placement.device.type == "cuda"
        self.stream = torch.cuda.Stream(placement.device) if cuda and layers else None
        visitors = list_visitors(module, dtypes, mapped_files(module), changes)
        where = {id(part): number for number, layer in enumerate(layers) for part in layer.modules()}
        rows: list[list[Visitor]] = [[] for _ in layers]
        rest: list[Visitor] = []
        for visitor in visitors.values():
            homes = {where.get(id(part)) for part, _ in visitor.places}
            number = homes.pop() if len(homes) == 1 else None
            (rest if number is None else rows[number]).append(visitor)
        self.outside, self.inside = Visit(rest, placement), [Visit(row, placement) for row in rows]
        for visitor in visitors.values():
            visitor.advise(mmap.MADV_DONTNEED)
        for number, layer in enumerate(layers):
            layer.register_forward_pre_hook(functools.partial(self._before, number))
            layer.register_forward_hook(functools.partial(self._after, number), always_call=True)

    def _before(self, number: int, *_: Any) -> None:
        self.inside[number].arrive()

    def _after(self, number: int, *_: Any) -> None:
        # Here this layer's kernels are queued on a GPU: the next weights travel while they run.
        self.inside[(number + 1) % len(self.inside)].prefetch(self.stream)
        self.inside[number].leave()

    def arrive(self) -> None:
        """Bring the weights that stay while the part works; those of its blocks come when they are called."""
        self.outside.arrive()
        if self.inside:
            self.inside[0].prefetch(self.stream)

    def leave(self) -> None:
        """Take all weights off the device."""
        for visit in (self.outside, *self.inside):
            visit.leave()


class OffloadedModel:
    """Parts of a model of which one is on the device at a time."""

    def __init__(self) -> None:
        self.parts: list[OffloadedPart] = []
        self.here: OffloadedPart | None = None

    def add(self, part: OffloadedPart) -> None:
        """Bring a part whenever one of its methods is called."""
        self.parts.append(part)
        for name in ENTRIES:
            method = getattr(part.module, name, None)
            if method is not None:
                part.module.__dict__[name] = self._entering(part, method)

    def _entering(self, part: OffloadedPart, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.enter(part)
            return method(*args, **kwargs)

        return call

    def enter(self, part: OffloadedPart | None) -> None:
        """Have one part on the device and no other; none at all for None."""
        if self.here is part:
            return
        if self.here is not None:
            self.here.leave()
            trim_freed_memory()
        if part is not None:
            part.arrive()
        self.here = part


def offload(
    parts: Mapping[str, nn.Module],
    placement: Placement,
    mode: Offload,
    changes: Mapping[str, Mapping[str, Change]] | None = None,
) -> OffloadedModel:
    """Offload a model's parts, in place. Their weights must be on the CPU, at best mapped from files.

    Args:
        parts: by name.
        placement: where they compute.
        mode: "parts" or "blocks".
        changes: of weights by part and name, applied each time that a weight comes.

    Raises:
        ValueError: the mode is unknown.
    """
    if mode not in OFFLOADS or mode == "none":
        raise ValueError(f"offload {mode!r} is unknown: use {', '.join(OFFLOADS)}")
    model = OffloadedModel()
    for name, module in parts.items():
        layers = repeated_layers(module) if mode == "blocks" else ()
        keep = functools.partial(_dtype_on_device, placement.dtype, single_weights(module))
        model.add(OffloadedPart(module, placement, layers, keep, (changes or {}).get(name, {})))
        # As `placement_of` says of weights that stay: latents are drawn and decoded in this dtype.
        name, first = next(module.named_parameters())
        module.__dict__[COMPUTES_ON] = replace(placement, dtype=keep(name, first))
    return model


def repeated_layers(module: nn.Module) -> tuple[nn.Module, ...]:
    """The layers of a part that come one by one: a denoiser's, or the longest list of others; no autoencoder's."""
    if isinstance(module, VideoAutoencoder):
        return ()
    own = getattr(module, "layers", None)
    if isinstance(own, tuple):
        return own
    lists = [tuple(part) for part in module.modules() if isinstance(part, nn.ModuleList) and len(part) > 1]
    return max(lists, key=len) if lists else ()


def _dtype_on_device(dtype: torch.dtype, single: tuple[str, ...], name: str, _: Tensor) -> torch.dtype:
    """Weights that are kept in single precision have it on the device, whatever their file has."""
    return torch.float32 if any(part in name for part in single) else dtype

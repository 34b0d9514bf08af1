"""Weights as visitors of a device: they come for a computation and leave after it.

Weights at home are in mapped files, or in the host's memory. On a CPU a mapped weight computes where it is, and its
pages are dropped when it leaves; in another dtype, and on other devices, a copy comes and goes. Results are the same to
the bit as those of weights that stay.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from langit.bundle.mapped import MappedFile
from langit.device import Placement

Change = Callable[[Tensor], Tensor]
"""What is done to a weight each time that it comes, such as adding a LoRA."""


@dataclass(frozen=True, eq=False)
class Visitor:
    """One weight: where modules hold it (under each of its names), its home, and its dtype on the device."""

    places: tuple[tuple[nn.Module, str], ...]
    home: Tensor
    dtype: torch.dtype
    file: MappedFile | None
    change: Change | None

    def copy_to(self, device: torch.device) -> Tensor:
        """The weight as it computes on a device: its home itself where that is possible."""
        copied = self.home.to(device, self.dtype, non_blocking=True)
        if copied is not self.home:
            self.advise(mmap.MADV_DONTNEED)  # a page that is still being copied is read again from its file
        return copied if self.change is None else self.change(copied)

    def put(self, value: Tensor) -> None:
        """Set the modules' weight."""
        shared = nn.Parameter(value, requires_grad=False) if value.is_floating_point() else None
        for module, name in self.places:
            if name in module._parameters:
                module._parameters[name] = shared
            else:
                module._buffers[name] = value

    def advise(self, advice: int) -> None:
        """Tell the operating system about the home's pages."""
        if self.file is not None:
            self.file.advise(self.home, advice)


class Visit:
    """The weights of one layer or of one part, which come and leave together."""

    def __init__(self, visitors: Iterable[Visitor], placement: Placement) -> None:
        self.visitors, self.placement = tuple(visitors), placement
        self.copies: list[Tensor] | None = None
        self.ready: torch.cuda.Event | None = None
        self.arrived = False

    def prefetch(self, stream: torch.cuda.Stream | None) -> None:
        """Begin to bring the weights: on a side stream of a GPU, or by a hint to the operating system."""
        if self.copies is not None or self.arrived:
            return
        if stream is None:
            for visitor in self.visitors:
                visitor.advise(mmap.MADV_WILLNEED)
            return
        with torch.cuda.stream(stream):
            self.copies = [visitor.copy_to(self.placement.device) for visitor in self.visitors]
            self.ready = torch.cuda.Event()
            self.ready.record(stream)

    def arrive(self) -> None:
        """Put the weights on the device, so that the modules can compute."""
        if self.arrived:
            return
        if self.ready is not None:
            current = torch.cuda.current_stream(self.placement.device)
            current.wait_event(self.ready)
            for copy in self.copies or ():
                copy.record_stream(current)  # its memory is not used again before this stream is done with it
        copies = self.copies or [visitor.copy_to(self.placement.device) for visitor in self.visitors]
        for visitor, copy in zip(self.visitors, copies, strict=True):
            visitor.put(copy)
        self.copies, self.ready, self.arrived = None, None, True

    def leave(self) -> None:
        """Take the weights off the device."""
        self.copies, self.ready, self.arrived = None, None, False
        for visitor in self.visitors:
            visitor.put(visitor.home)
            visitor.advise(mmap.MADV_DONTNEED)


def list_visitors(
    module: nn.Module, dtypes: Callable[[str, Tensor], torch.dtype], files: Iterable[MappedFile],
    changes: Mapping[str, Change],
) -> dict[str, Visitor]:  # fmt: skip
    """A module's weights as visitors, by their first names. Buffers that are not saved are weights too.

    Args:
        module: whose weights are at home now.
        dtypes: a weight's dtype on the device, by name and weight.
        files: that weights may be mapped from.
        changes: of some weights, by name.
    """
    places: dict[int, list[tuple[str, nn.Module, str]]] = {}
    homes: dict[int, Tensor] = {}
    for prefix, part in module.named_modules():
        for table in (part._parameters, part._buffers):
            for name, tensor in table.items():
                if tensor is None:
                    continue
                places.setdefault(id(tensor), []).append((f"{prefix}.{name}".lstrip("."), part, name))
                homes[id(tensor)] = tensor
    made = {}
    for key, found in places.items():
        first, home = found[0][0], homes[key].detach().cpu()
        made[first] = Visitor(
            places=tuple((part, name) for _, part, name in found),
            home=home,
            dtype=dtypes(first, home) if home.is_floating_point() else home.dtype,
            file=next((file for file in files if file.holds(home)), None),
            change=changes.get(first),
        )
    return made

"""Where tensors live and in which precision: one value, chosen once and passed to whatever computes.

Knows no model. Random numbers are always drawn on the CPU and then moved, so that a seed means the same on every
device (:meth:`Placement.normal`).
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Final, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

Movable = TypeVar("Movable", Tensor, nn.Module)

DTYPES: Final = {
    "fp32": torch.float32,
    "float32": torch.float32,
    "bf16": torch.bfloat16,
    "bfloat16": torch.bfloat16,
    "fp16": torch.float16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Placement:
    """A device, and the floating-point type that models compute in on it."""

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32

    @classmethod
    def choose(cls, device: str = "auto", dtype: str = "auto") -> Placement:
        """The placement that a person names.

        Args:
            device: "auto" (CUDA, then MPS, then the CPU), "cpu", "cuda", "cuda:1" or "mps".
            dtype: "auto" (bf16 on CUDA devices that compute in it, else fp32), "fp32", "bf16" or "fp16".

        Raises:
            ValueError: no such device or dtype, or none on this machine; the message lists what there is.
        """
        found = _device(device)
        if dtype == "auto":
            fast = found.type == "cuda" and torch.cuda.get_device_capability(found) >= (8, 0)
            return cls(found, torch.bfloat16 if fast else torch.float32)
        if dtype not in DTYPES:
            raise ValueError(f"dtype {dtype!r} is not known: use auto, fp32, bf16 or fp16")
        return cls(found, DTYPES[dtype])

    @property
    def name(self) -> str:
        """The hardware, as records of training name it: "x86_64 CPU", "NVIDIA H200"."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{platform.machine()} {self.device.type.upper()}"

    def put(self, value: Movable) -> Movable:
        """A module or tensor on the device; floating-point values become ``dtype``, integers and masks stay."""
        if isinstance(value, Tensor):
            return value.to(self.device, self.dtype if value.is_floating_point() else None)
        return value.to(self.device, self.dtype)

    def normal(self, size: tuple[int, ...], generator: torch.Generator) -> Float[Tensor, ...]:
        """Standard normal noise, drawn on the CPU in single precision and moved to the device.

        Args:
            size: the tensor's shape.
            generator: a CPU generator.
        """
        return torch.randn(size, generator=generator, device="cpu").to(self.device)


CPU: Final = Placement()


def placement_of(module: nn.Module) -> Placement:
    """The placement of a module that is on one device, by its first parameter."""
    first = next(module.parameters())
    return Placement(first.device, first.dtype)


def _device(name: str) -> torch.device:
    there = available()
    if name == "auto":
        return torch.device(there[0])
    try:
        asked = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device {name!r} is not known: use auto, {', '.join(there)}") from error
    known = asked.type in there and (asked.index is None or asked.type == "cpu" or str(asked) in there)
    if not known:
        raise ValueError(f"device {name!r} is not on this machine: use auto, {', '.join(there)}")
    return asked


def available() -> tuple[str, ...]:
    """The devices of this machine by name, the fastest first."""
    found: list[str] = []
    if torch.cuda.is_available():
        found += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")

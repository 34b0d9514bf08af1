"""The device and dtype to compute with: one value, chosen once and passed to everything that computes.

Random numbers are always drawn on the CPU and then moved (:meth:`Placement.normal`), so that a seed gives the same
result on every device. Knows nothing of models.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, overload

import torch
from jaxtyping import Float
from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)

DTYPES: Final = {
    "fp32": torch.float32,
    "float32": torch.float32,
    "bf16": torch.bfloat16,
    "bfloat16": torch.bfloat16,
    "fp16": torch.float16,
    "float16": torch.float16,
}

Offload = Literal["none", "parts", "blocks"]
OFFLOADS: Final = ("none", "parts", "blocks")


@dataclass(frozen=True)
class Placement:
    """A device, the floating-point dtype of models on it, and which of their weights are there at a time."""

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    offload: Offload = "none"

    @classmethod
    def choose(cls, device: str = "auto", dtype: str = "auto", offload: str = "none") -> Placement:
        """Read the options ``--device``, ``--dtype`` and ``--offload``.

        Args:
            device: "auto" (CUDA, then MPS, then the CPU), "cpu", "cuda", "cuda:1" or "mps".
            dtype: "auto" (bf16 on CUDA devices that compute in it, else fp32), "fp32", "bf16" or "fp16".
            offload: "none" (all weights stay on the device), "parts" (those of one part of a model at a time) or
                "blocks" (those of two layers at a time).

        Raises:
            ValueError: the device or dtype is unknown, or not on this machine; the message lists the choices.
        """
        chosen = _find_device(device)
        if offload not in OFFLOADS:
            raise ValueError(f"offload {offload!r} is unknown: use {', '.join(OFFLOADS)}")
        if dtype == "auto":
            # Ampere (8.0) is the first generation with bf16 arithmetic; older GPUs emulate it slowly.
            fast = chosen.type == "cuda" and torch.cuda.get_device_capability(chosen) >= (8, 0)
            return cls(chosen, torch.bfloat16 if fast else torch.float32, offload)  # type: ignore[arg-type]  # checked
        if dtype not in DTYPES:
            raise ValueError(f"dtype {dtype!r} is unknown: use auto, fp32, bf16 or fp16")
        return cls(chosen, DTYPES[dtype], offload)  # type: ignore[arg-type]  # checked above

    @property
    def name(self) -> str:
        """The name of the hardware for training records, for example "x86_64 CPU" or "NVIDIA H200"."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{platform.machine()} {self.device.type.upper()}"

    @overload
    def put(self, value: Tensor) -> Tensor: ...

    @overload
    def put(self, value: ModuleT) -> ModuleT: ...

    def put(self, value: Tensor | nn.Module) -> Tensor | nn.Module:
        """Move a module (in place) or tensor to the device.

        Floating-point values are converted to ``dtype``; integers and masks keep their dtype.
        """
        if isinstance(value, Tensor):
            return value.to(self.device, self.dtype if value.is_floating_point() else None)
        return value.to(self.device, self.dtype)

    def synchronize(self) -> None:
        """Wait until the device has finished its queued work, so that a clock measures it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def normal(self, size: tuple[int, ...], generator: torch.Generator) -> Float[Tensor, ...]:
        """Draw standard normal noise on the CPU, in single precision whatever ``dtype`` is, and move it.

        Args:
            size: the tensor's shape.
            generator: a CPU generator.
        """
        return torch.randn(size, generator=generator, device="cpu").to(self.device)


CPU: Final = Placement()
COMPUTES_ON: Final = "_computes_on"
"""The attribute of modules whose weights come to a device only while they compute, and are elsewhere otherwise."""


def placement_of(module: nn.Module) -> Placement:
    """The placement of a module that is on one device: where it computes, or its first parameter is."""
    noted = module.__dict__.get(COMPUTES_ON)
    if noted is not None:
        assert isinstance(noted, Placement)
        return noted
    first = next(module.parameters())
    return Placement(first.device, first.dtype)


def _find_device(name: str) -> torch.device:
    names = available_devices()
    if name == "auto":
        return torch.device(names[0])
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device {name!r} is unknown: use auto, {', '.join(names)}") from error
    # "cpu:0" is the same as "cpu"; other devices must be listed with their index.
    if device.type not in names or (device.index is not None and device.type != "cpu" and str(device) not in names):
        why = _why_no_cuda() if device.type == "cuda" and "cuda" not in names else ""
        raise ValueError(f"device {name!r} is not on this machine: use auto, {', '.join(names)}{why}")
    return device


def _why_no_cuda() -> str:
    """Why torch finds no CUDA device, in brackets: its build, the driver, or nothing to say."""
    if torch.version.cuda is None:
        return f" (torch {torch.__version__} is built without CUDA)"
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        # Of a driver that is too old: which version was found, and then where to get another.
        return f" ({str(error).strip().splitlines()[0].split('. ')[0].rstrip('.')})"
    return ""


def available_devices() -> tuple[str, ...]:
    """The names of this machine's devices, the fastest first."""
    names: list[str] = []
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return (*names, "cpu")

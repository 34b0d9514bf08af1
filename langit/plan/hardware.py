"""Devices as values: memory, peak arithmetic, the share of it that a diffusion transformer reaches.

Figures of GPUs are their maker's, dense (without sparsity). A CPU has no table: a short product measures it. Knows
nothing of models.
"""

from __future__ import annotations

import mmap
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional

from langit.device import Placement
from langit.offload.host import keep_freed_memory, return_freed_memory

ONEDNN: Final = "oneDNN"
UNFOLDING: Final = "unfolding"
"""The kernels that torch has for convolutions on a CPU."""
GB: Final = 1_000_000_000
GIB: Final = 1 << 30


@dataclass(frozen=True)
class Hardware:
    """One kind of device.

    memory: bytes that a program can allocate.
    flops: floating-point operations a second of a dense matrix product, by dtype ("bf16", "fp32", "fp8", "int8").
    bandwidth: bytes a second from its own memory.
    link: bytes a second between it and the host, over which offloaded weights travel.
    source: where the figures come from.
    convolutions: operations a second of convolutions with their norms, by kernel, where they are far from a product's.
    attention: operations a second of attention, by the dtype of computing, where they are far from a product's.
    measured: whether rates are those of kernels that ran here, norms and copies apart; otherwise they are peaks, of
        which whole models reach a share.
    settling: weights a second that are widened from fp8, in every step, or packed for int8, once.
    """

    name: str
    memory: int
    flops: Mapping[str, float] = field(hash=False)
    bandwidth: float
    link: float
    source: str
    convolutions: Mapping[str, float] = field(default_factory=dict, hash=False)
    attention: Mapping[str, float] = field(default_factory=dict, hash=False)
    measured: bool = False
    settling: Mapping[str, float] = field(default_factory=dict, hash=False)

    def peak(self, dtype: str) -> float:
        """The peak of a dtype; one that the device does not compute in runs in the next wider one."""
        for name in (dtype, "bf16", "fp32"):
            if name in self.flops:
                return self.flops[name]
        raise ValueError(f"{self.name} has no figure for {dtype}: use one of {', '.join(self.flops)}")


def _gpu(name: str, gib: float, tera: Mapping[str, float], bandwidth: float, link: float, source: str) -> Hardware:
    return Hardware(
        name,
        round(gib * GIB),
        {dtype: value * 1e12 for dtype, value in tera.items()},
        bandwidth * 1e9,
        link * 1e9,
        source,
    )


# Memory is what the driver reports as total, which is less than the name says. fp32 counts TF32 where diffusion models
# run on it only if asked, so it is the plain rate here.
HARDWARE: Final = {
    "h200": _gpu(
        "NVIDIA H200",
        139.8,
        {"bf16": 989, "fp16": 989, "fp8": 1979, "int8": 1979, "fp32": 67},
        4800,
        55,
        "NVIDIA H200 data sheet, SXM",
    ),
    "h100": _gpu(
        "NVIDIA H100",
        79.1,
        {"bf16": 989, "fp16": 989, "fp8": 1979, "int8": 1979, "fp32": 67},
        3350,
        55,
        "NVIDIA H100 data sheet, SXM",
    ),
    "a100": _gpu(
        "NVIDIA A100",
        79.2,
        {"bf16": 312, "fp16": 312, "int8": 624, "fp32": 19.5},
        2039,
        25,
        "NVIDIA A100 data sheet, 80 GB SXM",
    ),
    "rtx4090": _gpu(
        "NVIDIA GeForce RTX 4090",
        23.6,
        {"bf16": 165.2, "fp16": 165.2, "fp8": 330.3, "int8": 660.6, "fp32": 82.6},
        1008,
        25,
        "NVIDIA Ada architecture white paper, table 2, fp32 accumulation",
    ),
    "rtx3090": _gpu(
        "NVIDIA GeForce RTX 3090",
        23.6,
        {"bf16": 71, "fp16": 71, "int8": 284, "fp32": 35.6},
        936,
        25,
        "NVIDIA Ampere GA102 white paper, table 9, fp32 accumulation",
    ),
}
"""Devices by the names that a person may write."""

ALIASES: Final = {"4090": "rtx4090", "3090": "rtx3090", "geforcertx4090": "rtx4090", "geforcertx3090": "rtx3090"}

# Shares of the peak that a Wan transformer of full size reaches, attention included. On an H100 diffusers takes 9.77 s
# a step for Wan2.1-I2V-14B at 480p, 37% of 989 TFLOP/s (LightX2V's table).
GPU_SHARE: Final = 0.37
# NeMo's record for video models is 48% (arXiv 2503.12964); FSDP2 with torch.compile reaches 33-39% (torchtitan).
TRAINING_SHARE: Final = 0.35


def find_hardware(name: str) -> Hardware:
    """A device of the table by name: "H100", "rtx-4090", "NVIDIA H200".

    Raises:
        ValueError: it is not in the table.
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    words = words[1:] if words[:1] == ["nvidia"] else words
    for count in range(len(words), 0, -1):  # "H100 80GB HBM3" is an H100, "H1000" is none
        plain = "".join(words[:count])
        if (key := ALIASES.get(plain, plain)) in HARDWARE:
            return HARDWARE[key]
    raise ValueError(f"device {name!r} is not in the table: use {', '.join(key.upper() for key in HARDWARE)} or cpu")


def parse_devices(text: str) -> tuple[int, Hardware]:
    """Read a number of devices: "8xH100", "H100", "4", "2xcpu". A number alone counts this machine's device.

    Raises:
        ValueError: the text has another form, or the device is not in the table.
    """
    found = re.fullmatch(r"(?:(\d+)\s*x\s*)?([A-Za-z][\w -]*)|(\d+)", text.strip())
    if found is None:
        raise ValueError(f"devices {text!r} is not a number and a device, for example 8xH100")
    count = int(found[1] or found[3] or 1)
    if count < 1:
        raise ValueError(f"devices {text!r}: use at least 1")
    if found[2] is None:
        return count, hardware_of(Placement.choose())
    return count, hardware_of(Placement()) if found[2].lower() == "cpu" else find_hardware(found[2])


def hardware_of(placement: Placement) -> Hardware:
    """The device of a placement: a GPU by the table with its own memory, a CPU measured.

    Raises:
        ValueError: a GPU is not in the table.
    """
    if placement.device.type == "cuda":
        known = find_hardware(torch.cuda.get_device_name(placement.device))
        total = torch.cuda.get_device_properties(placement.device).total_memory
        return Hardware(known.name, total, known.flops, known.bandwidth, known.link, known.source)
    if placement.device.type == "mps":
        memory = int(torch.mps.recommended_max_memory())
        rate = measure_product(placement)
        return Hardware(placement.name, memory, {"fp32": rate, "bf16": rate}, 1e11, 1e11, "measured here")
    # As where models run: a sampler keeps freed memory, a decoder does not.
    return_freed_memory()
    convolutions, link = measure_convolutions(), measure_mapping(placement.dtype)
    with keep_freed_memory():
        rate = measure_product(placement)
        single = measure_product(Placement(placement.device)) if placement.dtype != torch.float32 else rate
        half = rate if placement.dtype == torch.bfloat16 else single
        return Hardware(
            placement.name,
            available_memory(),
            {"fp32": single, "bf16": half, "fp16": half} | measure_int8(),
            bandwidth=measure_bandwidth(),
            link=link,
            source="measured here",
            convolutions=convolutions,
            attention=measure_attention(placement),
            measured=True,
            settling=measure_settling(placement.dtype),
        )


def _fastest(run: Callable[[], object], seconds: float = 0.1) -> float:
    """Seconds of the fastest of those runs that fit into ``seconds``, at least one."""
    run()
    fastest, begin = float("inf"), time.perf_counter()
    while fastest == float("inf") or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


@torch.no_grad()
def measure_int8(side: int = 1024) -> dict[str, float]:
    """Operations a second of int8 products with the quantizing of tokens; nothing where a CPU has no kernel."""
    from langit.transformer.packed_int8 import SUPPORTED, pack_weight, packed_linear

    if not SUPPORTED:
        return {}
    tokens, ones = torch.ones(side, side, device="cpu"), torch.ones(side, device="cpu")
    weight = pack_weight(torch.ones(side, side, dtype=torch.int8, device="cpu"), ones, ones)
    return {"int8": 2 * side**3 / _fastest(lambda: packed_linear(tokens, weight))}


@torch.no_grad()
def measure_settling(dtype: torch.dtype, side: int = 1024) -> dict[str, float]:
    """Weights a second that a CPU widens from fp8, and packs for int8 products where it has a kernel for these."""
    from langit.transformer.packed_int8 import SUPPORTED, pack_weight

    stored = torch.ones(side, side, device="cpu").to(torch.float8_e4m3fn)
    found = {"fp8": side**2 / _fastest(lambda: stored.to(dtype) * torch.ones((), dtype=dtype, device="cpu"))}
    if SUPPORTED:
        whole, ones = torch.ones(side, side, dtype=torch.int8, device="cpu"), torch.ones(side, device="cpu")
        found["int8"] = side**2 / _fastest(lambda: pack_weight(whole.t(), ones, ones))
    return found


@torch.no_grad()
def measure_attention(placement: Placement, tokens: int = 1024, heads: int = 4, width: int = 64) -> dict[str, float]:
    """Operations a second of attention on a CPU, by the dtype of computing; "int8" is that of int8 blocks."""
    from langit.transformer.long_attention import long_attention, multiplies_half_faster, uses_long_attention

    inputs = torch.ones(1, tokens, heads, width, device="cpu")
    narrow, half = inputs.to(placement.dtype), multiplies_half_faster()

    def attend_narrow() -> torch.Tensor:
        if uses_long_attention(narrow, narrow):
            return long_attention(narrow, narrow, narrow)
        return functional.scaled_dot_product_attention(*(narrow.transpose(1, 2),) * 3)

    flops = 4 * tokens**2 * heads * width
    return {
        "fp32": flops / _fastest(lambda: long_attention(inputs, inputs, inputs)),
        "int8": flops / _fastest(lambda: long_attention(inputs, inputs, inputs, half=half)),
        "bf16": flops / _fastest(attend_narrow),
    }


@torch.no_grad()
def measure_bandwidth(tokens: int = 1024, width: int = 1024) -> float:
    """Bytes a second that a layer norm and a product by elements read and write on a CPU, new memory included."""
    video, scale = torch.ones(tokens, width, device="cpu"), torch.ones(tokens, width, device="cpu")
    return 5 * video.nbytes / _fastest(lambda: functional.layer_norm(video, (width,)) * scale)


def measure_mapping(dtype: torch.dtype, size: int = 1 << 24) -> float:
    """Bytes a second of weights in ``dtype`` that come from a mapped file of single precision in the page cache."""
    with tempfile.TemporaryFile() as file:
        file.write(bytes(size))
        file.flush()
        with mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as content:

            def visit() -> None:
                home = torch.frombuffer(content, dtype=torch.float32)
                home.sum() if dtype == torch.float32 else home.to(dtype)
                content.madvise(mmap.MADV_DONTNEED)

            seconds = _fastest(visit)
    return size // 4 * dtype.itemsize / seconds


def measure_product(placement: Placement, side: int = 1024, seconds: float = 0.2) -> float:
    """Operations a second of square matrix products, the fastest of those that fit into ``seconds``."""
    from langit.transformer.linear import linear

    left = placement.put(torch.ones(side, side, device="cpu"))
    right, bias = left.clone(), left[0].clone()

    @torch.no_grad()
    def multiply() -> None:
        linear(left, right, bias)
        placement.synchronize()

    return 2 * side**3 / _fastest(multiply, seconds)


@torch.no_grad()
def measure_convolutions(seconds: float = 0.1) -> dict[str, float]:
    """Operations a second on a CPU of a convolution with the padding, norm and activation of Wan's residual blocks."""
    found = {}
    # Channels and sides by which torch chooses its kernel, see `trace.uses_onednn_convolution`.
    for kernel, channels, side in ((ONEDNN, 64, 96), (UNFOLDING, 16, 64)):
        video = torch.ones(1, channels, 4, side, side, device="cpu")
        weight = torch.ones(channels, channels, 3, 3, 3, device="cpu")

        def convolve(video: torch.Tensor = video, weight: torch.Tensor = weight) -> None:
            padded = functional.pad(functional.silu(functional.normalize(video, dim=1)), (1, 1, 1, 1, 2, 0))
            functional.conv3d(padded, weight)

        found[kernel] = 2 * 27 * channels**2 * 4 * side**2 / _fastest(convolve, seconds)
    return found


def available_memory() -> int:
    """Bytes of RAM that a program can still use, within the limits of its control groups and its own (ulimit -v)."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        free = _field(meminfo, "MemAvailable")
    else:
        import os

        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(min([free, *_left_in_groups(), *_left_of_addresses()]), 0)


def _field(table: Path, name: str) -> int:
    """A number of a table of the kernel, in bytes."""
    fields = dict(line.split(":", 1) for line in table.read_text().splitlines() if ":" in line)
    return int(fields[name].split()[0]) * 1024


def _left_in_groups(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """What each control group that this process is in has left; groups without a limit are left out."""
    lines = own.read_text().splitlines() if own.exists() else []
    inner = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    left = []
    for folder in (root / inner, *(root / inner).parents):
        limit, used = folder / "memory.max", folder / "memory.current"
        if folder.is_relative_to(root) and limit.exists() and used.exists() and limit.read_text().strip().isdecimal():
            left.append(int(limit.read_text()) - int(used.read_text()))
    return left


def _left_of_addresses() -> list[int]:
    """What this process may still map, if it is limited (``ulimit -v``)."""
    import resource

    limit, status = resource.getrlimit(resource.RLIMIT_AS)[0], Path("/proc/self/status")
    if limit == resource.RLIM_INFINITY or not status.exists():
        return []
    return [limit - _field(status, "VmSize")]


def free_memory(placement: Placement) -> int:
    """Bytes that can be allocated now on a placement's device."""
    if placement.device.type == "cuda":
        return int(torch.cuda.mem_get_info(placement.device)[0])
    return available_memory()


def process_memory() -> int:
    """Bytes of RAM that this process holds now: the interpreter and the libraries, before a model is loaded."""
    status = Path("/proc/self/status")
    return _field(status, "VmRSS") if status.exists() else 0

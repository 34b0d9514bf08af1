"""The measuring protocol: CPU seconds of one thread, contenders interleaved with matrix products, ratios within rounds.

A round is G a G b G ... G, where G is a product of two 2048x2048 matrices in the tested type. A contender's share of
peak performance is relative to the two products beside it. If those differ by more than a tenth, the machine was
disturbed and the contender's figure of that round is discarded. Ratios of two contenders are taken within a round.
Results are medians and ranges of what remains.

There are two peaks, because they differ by a factor of two on some machines: torch's own product (MKL), and the fastest
product that this torch can do (oneDNN's linear layer). Knows nothing of what is measured.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from langit.transformer.linear import onednn_linear

SIDE = 2048
PRODUCT_FLOPS = 2 * SIDE**3
TIMES = 3  # G is the fastest of these, so that a short burst of other load does not look like a slow machine
TOLERATED = 0.10


@dataclass(frozen=True)
class Contender:
    """A function that does the work once; ``flops`` is the useful work, the same for all contenders."""

    name: str
    run: Callable[[], object]
    flops: float


@dataclass(frozen=True)
class Figure:
    """One contender in one round: its CPU seconds, and those of the adjacent products."""

    seconds: float
    usual: float  # torch's product
    best: float  # the fastest product


@dataclass(frozen=True)
class Result:
    """The figures of each round; None where one was discarded."""

    rounds: tuple[dict[str, Figure | None], ...]

    def figures(self, name: str) -> list[Figure]:
        """Return a contender's figures that were kept."""
        return [figure for row in self.rounds if (figure := row[name]) is not None]

    def ratio(self, slow: str, fast: str) -> list[float]:
        """Return how many times faster ``fast`` was in each round where both figures were kept."""
        both = [(row[slow], row[fast]) for row in self.rounds]
        return [a.seconds / b.seconds for a, b in both if a is not None and b is not None]


def prepare() -> None:
    """Use one thread, and print a line that describes the machine."""
    torch.set_num_threads(1)
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    print(f"{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; torch {torch.__version__},", end=" ")
    print(f"diffusers {version('diffusers')}; one thread, CPU seconds, float32")


def cpu_seconds(run: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    before = time.process_time()
    run()
    return time.process_time() - before


def first_call(name: str, run: Callable[[], object]) -> None:
    """Call once and print the time: compilation is reported separately."""
    before = time.time()
    run()
    print(f"  first call of {name}: {time.time() - before:.1f} s")


def measure(contenders: Sequence[Contender], rounds: int = 8, budget: float = 180.0) -> Result:
    """Run ``rounds`` rounds, or as many as start within ``budget`` wall-clock seconds; at least one."""
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)

    def products() -> tuple[float, float]:
        with torch.no_grad():
            usual = min(cpu_seconds(lambda: left @ right) for _ in range(TIMES))
            return usual, min(cpu_seconds(lambda: onednn_linear(left, right)) for _ in range(TIMES))

    products()
    for contender in contenders:
        contender.run()
    rows: list[dict[str, Figure | None]] = []
    start = time.time()
    while not rows or (len(rows) < rounds and time.time() - start < budget):
        row: dict[str, Figure | None] = {}
        before = products()
        for contender in contenders:
            seconds = cpu_seconds(contender.run)
            after = products()
            steady = all(max(pair) <= (1 + TOLERATED) * min(pair) for pair in zip(before, after, strict=True))
            usual, other = ((a + b) / 2 for a, b in zip(before, after, strict=True))
            row[contender.name] = Figure(seconds, usual, min(usual, other)) if steady else None
            before = after
        rows.append(row)
    return Result(tuple(rows))


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Format the median and the range: 1.5 [1.4-1.7]."""
    return f"{statistics.median(values):{form}} [{min(values):{form}}-{max(values):{form}}]" if values else "none kept"


def report(title: str, result: Result, contenders: Sequence[Contender], pairs: Sequence[tuple[str, str]]) -> None:
    """Print a table and the paired ratios."""
    everything = [figure for contender in contenders for figure in result.figures(contender.name)]
    total = len(result.rounds) * len(contenders)
    print(f"\n{title}: {contenders[0].flops / 1e9:.1f} GFLOP")
    print(f"  {len(result.rounds)} rounds; {len(everything)} of {total} figures kept (the products beside them agreed)")
    usual = [PRODUCT_FLOPS / 1e9 / figure.usual for figure in everything]
    best = [PRODUCT_FLOPS / 1e9 / figure.best for figure in everything]
    print(f"  peak, GFLOP/s: torch.matmul {spread(usual, '.0f')}, fastest product {spread(best, '.0f')}")
    print(f"  {'':30}{'CPU seconds':>24}{'of torch.matmul':>22}{'of fastest product':>22}")
    for contender in contenders:
        figures = result.figures(contender.name)
        work = contender.flops / PRODUCT_FLOPS
        columns = (
            spread([figure.seconds for figure in figures], ".3f"),
            spread([work * figure.usual / figure.seconds for figure in figures]),
            spread([work * figure.best / figure.seconds for figure in figures]),
        )
        print(f"  {contender.name:30}{columns[0]:>24}{columns[1]:>22}{columns[2]:>22}")
    for slow, fast in pairs:
        print(f"  {fast} / {slow}: {spread(result.ratio(slow, fast))} times as fast")

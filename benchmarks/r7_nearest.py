"""R7: find the nearest of a million training clips for altered copies: ours, FAISS, Lance, and a matrix product.

    python -m benchmarks.r7_nearest [--stored 1000000] [--films 150] [--lance]

The stored vectors are those of the shipped model's training films, and as many more as wanted. The others are points
between a film's vector and that of one of its twenty neighbours, with noise of a quarter of their distance, so that
they are distributed like real ones. Queries are real: training films rendered again from their seeds and altered
(encoded at a low rate, relit, cropped, with noise, smaller, several of these), four times each.

Time is CPU time of one thread for all queries in one batch. ``scan`` is the product of queries and all stored vectors
in float32, without finding the largest; ``scan, nearest`` finds it. Ours is `release.nearest.cells`, exact and with few
cells. FAISS (pip install faiss-cpu; only for this benchmark) runs Flat, an inverted file, and its fastest, 4-bit
product codes with exact refinement. Contenders alternate in rounds; ratios are within a round. recall@1 is agreement
with the scan. Needs the worlds extra.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch

from benchmarks.protocol import cpu_seconds, spread
from langit.bundle import load_bundle
from langit.release.nearest.alterations import ALTERATIONS
from langit.release.nearest.bundled import open_index
from langit.release.nearest.cells import Cells
from langit.release.nearest.embedding import features
from langit.release.nearest.fingerprints import fingerprints_of
from langit.release.nearest.index import ClipIndex, dequantize
from langit.release.nearest.windows import windows
from langit.shapes import PixelShape
from langit.worlds.world import find_world

TIMES = 4
ROUNDS = 3
REFINED = 32  # candidates of FAISS's codes that are compared exactly
BLOCK = 8192
Search = Callable[[], np.ndarray]


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def extend_vectors(real: np.ndarray, count: int) -> np.ndarray:
    """Return the real vectors, followed by synthetic ones between neighbours."""
    dice = np.random.default_rng(0)
    near = np.concatenate([np.argpartition(-(part @ real.T), 21, axis=1)[:, :21] for part in np.array_split(real, 10)])
    stored = np.empty((max(count, len(real)), real.shape[1]), np.float32)
    stored[: len(real)] = real
    for start in range(len(real), len(stored), 50_000):
        many = min(50_000, len(stored) - start)
        one = dice.integers(0, len(real), many)
        other = near[one, dice.integers(0, 21, many)]
        step = real[other] - real[one]
        noise = dice.normal(size=step.shape) * np.linalg.norm(step, axis=1, keepdims=True) / step.shape[1] ** 0.5 / 4
        stored[start : start + many] = unit(real[one] + dice.uniform(size=(many, 1)) * step + noise)
    return stored


def altered(index: ClipIndex, films: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Return vectors of altered copies of rendered films, their fingerprints, clips, and alterations."""
    autoencoder, dice = load_bundle("pocket").autoencoder, np.random.default_rng(1)
    clips = dice.choice([n for n, film in enumerate(index.films) if film.size == "64x64x17"], films, replace=False)
    found, prints, right, names = [], [], [], []
    for clip in clips:
        film = index.films[clip]
        world = find_world(film.world)
        frames = world.render(world.sample(film.seed), PixelShape.parse(film.size)).frames
        (window,) = windows(frames, 8.0)
        for name, change in ALTERATIONS.items():
            copies = np.stack([change(window.frames, dice) for _ in range(TIMES)])
            found.append(index.projection(features(autoencoder, copies)))
            prints += [fingerprints_of(copy) for copy in copies]
            right += [clip] * TIMES
            names += [name] * TIMES
    return np.concatenate(found), np.stack(prints), np.array(right), names


def scan(queries: np.ndarray, stored: np.ndarray, pick: bool) -> np.ndarray:
    """Multiply queries with blocks of stored vectors; with ``pick``, return the row of the largest product."""
    query = torch.from_numpy(queries)
    best, rows = torch.full((len(query),), -2.0), torch.zeros(len(query), dtype=torch.int64)
    place = torch.empty(len(query), BLOCK)
    for start in range(0, len(stored), BLOCK):
        block = torch.from_numpy(stored[start : start + BLOCK])
        found = torch.mm(query, block.T, out=place[:, : len(block)] if len(block) == BLOCK else None)
        if pick:
            near, at = found.max(dim=1)
            better = near > best
            best, rows = torch.where(better, near, best), torch.where(better, at + start, rows)
    return rows.numpy()


def build(name: str, make: Callable[[], object]) -> object:
    """Build an index and print the time."""
    start = time.process_time()
    made = make()
    print(f"  {name}: built in {time.process_time() - start:.1f} CPU s")
    return made


def faiss_contenders(stored: np.ndarray, queries: np.ndarray) -> dict[str, Search]:
    """Return searches with FAISS's indexes, if it is installed."""
    try:
        import faiss
    except ModuleNotFoundError:
        print("  faiss is not installed: left out")
        return {}
    faiss.omp_set_num_threads(1)
    width, cells = stored.shape[1], round(len(stored) ** 0.5)

    def make(text: str) -> object:
        index = faiss.index_factory(width, text, faiss.METRIC_INNER_PRODUCT)
        dice = np.random.default_rng(2)
        index.train(stored[np.sort(dice.choice(len(stored), min(len(stored), 64 * cells), replace=False))])
        index.add(stored)
        return index

    flat = build("FAISS Flat", lambda: make("Flat"))
    found: dict[str, Search] = {"FAISS Flat": lambda: flat.search(queries, 1)[1][:, 0]}
    plain = build("FAISS IVF Flat", lambda: make(f"IVF{cells},Flat"))
    coded = build("FAISS IVF PQ 4-bit + refine", lambda: make(f"IVF{cells},PQ{width // 2}x4fs,RFlat"))

    def probe(index: object, probes: int) -> np.ndarray:
        faiss.ParameterSpace().set_index_parameter(index, "nprobe", probes)
        if index is coded:
            faiss.ParameterSpace().set_index_parameter(index, "k_factor_rf", REFINED)
        return index.search(queries, 1)[1][:, 0]

    for probes in (4, 8, 16):
        found[f"FAISS IVF Flat, {probes} cells"] = lambda probes=probes: probe(plain, probes)
        found[f"FAISS IVF PQ, {probes} cells"] = lambda probes=probes: probe(coded, probes)
    return found


def lance_table(stored: np.ndarray, queries: np.ndarray, right: np.ndarray, scanned: float) -> None:
    """Lance's inverted file, one query at a time, as it is asked."""
    import lance
    import pyarrow as pa

    with tempfile.TemporaryDirectory() as folder:
        column = pa.FixedSizeListArray.from_arrays(pa.array(stored.ravel()), stored.shape[1])
        table = lance.write_dataset(pa.table({"row": np.arange(len(stored)), "v": column}), f"{folder}/n.lance")
        start = time.process_time()
        table.create_index("v", "IVF_FLAT", metric="dot", num_partitions=len(stored) // 1000)
        table = lance.dataset(f"{folder}/n.lance")
        print(f"  Lance IVF_FLAT: built in {time.process_time() - start:.1f} CPU s")
        for probes in (8, 24):
            times, hits, some = [], 0, range(0, len(queries), max(1, len(queries) // 200))
            for number in some:
                asked = {"column": "v", "q": queries[number], "k": 1, "nprobes": probes, "metric": "dot"}
                start = time.process_time()
                rows = table.to_table(nearest=asked, columns=["row", "_distance"])["row"]
                times.append(time.process_time() - start)
                hits += rows[0].as_py() == right[number]
            each = statistics.median(times)
            print(f"  Lance IVF_FLAT, {probes:2} parts, a query at a time: {each * 1e6:7.0f} us/query,", end=" ")
            print(f"{scanned / each:.2f} of the scan in a batch, recall@1 {hits / len(some):.4f}")


def precision(scores: np.ndarray, right: np.ndarray) -> float:
    """Micro average precision: all answers in one list by score; each query has one right clip."""
    order = np.argsort(-scores, kind="stable")
    hits = right[order]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1) * hits).sum() / len(hits))


def compare_prints(index: ClipIndex, queries: np.ndarray, prints: np.ndarray, clips: np.ndarray) -> None:
    """uAP of scores and of PDQ, among the films of the model."""
    stored = dequantize(index.vectors)
    plain = queries @ stored.T
    scored = np.concatenate([index.scale.scores(part, stored) for part in np.array_split(queries, 16)])
    for name, scores in (("vectors, cosine", plain), ("vectors, normalised score", scored)):
        best = scores.argmax(axis=1)
        print(f"  {name:28} uAP {precision(scores.max(axis=1), index.clips[best] == clips):.3f}")
    known = index.prints.reshape(-1, 32)
    words, owners = known.view(np.uint64), np.repeat(index.clips, index.prints.shape[1])
    least, found = [], []
    for frames in prints:
        apart = np.stack([np.bitwise_count(words ^ one).sum(axis=1) for one in frames[::2].view(np.uint64)]).min(axis=0)
        least.append(int(apart.min()))
        found.append(int(owners[apart.argmin()]))
    print(f"  {'PDQ of frames':28} uAP {precision(-np.array(least), np.array(found) == clips):.3f}")


def main() -> None:
    """Build, check recall, then rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--films", type=int, default=150)
    parser.add_argument("--lance", action="store_true", help="Lance's index, too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    index = open_index(load_bundle("pocket"))
    assert index is not None
    queries, prints, clips, names = altered(index, given.films)
    stored = extend_vectors(dequantize(index.vectors), given.stored)
    print(
        f"{len(queries)} altered copies of {given.films} films, {len(stored)} stored, {stored.shape[1]} numbers each;"
    )
    print(f"one thread, CPU time, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}")
    right = scan(queries, stored, True)
    own = np.append(index.clips, np.full(len(stored) - len(index.clips), -1))
    for name in ALTERATIONS:
        chosen = np.array([other == name for other in names])
        print(f"  {name:32} its clip is the nearest: {(own[right] == clips)[chosen].mean():.3f}")
    print(f"among the {len(index.clips)} windows of the model alone:")
    compare_prints(index, queries, prints, clips)
    cells = build("ours, cells", lambda: Cells(stored))
    assert isinstance(cells, Cells)
    contenders: dict[str, Search] = {
        "scan": lambda: scan(queries, stored, False),
        "scan, nearest": lambda: scan(queries, stored, True),
        "ours, exact": lambda: cells.nearest(queries)[0],
        **{f"ours, {probes} cells": (lambda probes=probes: cells.nearest(queries, probes)[0]) for probes in (4, 8, 16)},
        **faiss_contenders(stored, queries),
    }
    cosines = np.einsum("qd,qd->q", queries, stored[right])
    recall = {}
    for name, search in contenders.items():
        rows = search()
        same = np.einsum("qd,qd->q", queries, stored[rows]) >= cosines - 1e-6
        recall[name] = float(same.mean()) if name != "scan" else 1.0
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, search in contenders.items():
            times[name].append(cpu_seconds(search))
    print(f"{'':32}{'us/query':>26}{'times the scan':>24}  recall@1")
    for name, taken in times.items():
        each = [seconds / len(queries) * 1e6 for seconds in taken]
        ratios = [a / b for a, b in zip(times["scan"], taken, strict=True)]
        print(f"  {name:30}{spread(each, '.1f'):>26}{spread(ratios, '.2f'):>24}  {recall[name]:.4f}")
    if given.lance:
        lance_table(stored, queries, right, statistics.median(times["scan"]) / len(queries))


if __name__ == "__main__":
    main()

"""Seconds and memory until a run knows what it may learn, with simulated ledgers of 1k, 100k and 1M clips.

    python -m benchmarks.start [--clips 1000,100000,1000000] [--manifest 1000] [--keep FOLDER]

A ledger has a source for every ten clips, a reading of a signal for each source, a clip, and a caption for each clip:
2.2 records a clip. One manifest lists ``--manifest`` clips of it, another all. Each figure is of a process of its own:
opening the ledger (its log), reading what the manifest's clips need, and a take-down check after an entry that forbids
nothing, and after one that takes a clip down.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLIPS_PER_SOURCE, BATCH = 10, 20_000


def _hash(*what: object) -> str:
    return hashlib.sha256(" ".join(map(str, what)).encode()).hexdigest()


def make_ledger(place: Path, count: int, listed: int) -> float:
    """Enter simulated records; returns the seconds that it took."""
    from langit.ledger.derived import Caption, Manifest
    from langit.ledger.record import Clip, Record, Signal, Source
    from langit.ledger.store import Ledger

    begun, ledger, when = time.perf_counter(), Ledger(place), "2026-11-28T00:00:00+00:00"
    digests: list[str] = []
    for start in range(0, count, BATCH):
        records: list[Record] = []
        for first in range(start, min(start + BATCH, count), CLIPS_PER_SOURCE):
            source = Source(kind="file", title=f"{first}.mp4", content_sha256=_hash(first), licence="CC0-1.0")
            records += [source, Signal(source.digest, "cawg", "silent", source.title, when, "benchmark")]
            for number in range(first, min(first + CLIPS_PER_SOURCE, count)):
                at = number - first
                times = str(5 * at), str(5 * at + 5)
                clip = Clip(
                    source.digest, 120 * at, 120, False, (), _hash("clip", number), "640x360", None, "24", *times, False
                )
                records += [clip, Caption(clip.digest, f"simulated clip {number}", "en", "sidecar", "1")]
                digests.append(clip.digest)
        ledger.add(records)
    for name, chosen in (("few", digests[:: max(1, count // listed)][:listed]), ("all", digests)):
        listing = ledger.evidence.put("".join(f"{digest}\n" for digest in chosen).encode())
        ledger.add([Manifest(name, ledger.size, "0" * 64, "0" * 64, "0" * 64, len(chosen), listing, when)])
    return time.perf_counter() - begun


def measure(place: Path, manifest: str) -> dict[str, float]:
    """Begin as a run does, then ask what was taken down."""
    from langit.feed.allowed import TakenDown
    from langit.feed.catalogue import ClipRecords
    from langit.feed.footage import find_training_set
    from langit.ledger.derived import Drop
    from langit.ledger.policy import Policy
    from langit.ledger.store import Ledger

    marks = [time.perf_counter()]
    ledger = Ledger(place)
    marks.append(time.perf_counter())
    chosen = find_training_set(ledger, manifest)
    records = ClipRecords.read(ledger, Policy(), chosen.clips)
    marks.append(time.perf_counter())
    memory = _memory()
    taken_down = TakenDown(ledger, (clip.digest for clip in records.clips))
    assert len(taken_down.allowed_once) >= len(chosen.clips) - 9, "earlier measurements took a few down"
    Ledger(place).add([Drop("benchmark", "drop", f"at {time.time()}", title="benchmark")])
    marks.append(time.perf_counter())
    assert not taken_down()
    marks.append(time.perf_counter())
    before = time.perf_counter()
    ledger.revoke(records.clips[0].digest, "benchmark")
    revoking = time.perf_counter() - before
    assert len(taken_down()) == 1
    marks.append(time.perf_counter())
    return {
        "open": marks[1] - marks[0],
        "read": marks[2] - marks[1],
        "entry": marks[4] - marks[3],
        "take-down": marks[5] - marks[4] - revoking,
        "memory": memory,
    }


def _memory() -> float:
    """MiB that this process holds for itself."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def _child(*arguments: object) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.start", "--child", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    plain: dict[str, float] = json.loads(done.stdout)
    return plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", default="1000,100000,1000000")
    parser.add_argument("--manifest", type=int, default=1000, help="clips of the smaller manifest")
    parser.add_argument("--keep", type=Path, help="make the ledgers here, or use those that are there")
    parser.add_argument("--make", action="store_true", help="make the ledgers and measure nothing")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        kind, place, *rest = given.child
        if kind == "make":
            print(json.dumps({"seconds": make_ledger(Path(place), *map(int, rest))}))
        else:
            print(json.dumps(measure(Path(place), *rest)))
        return
    with tempfile.TemporaryDirectory() as spare:
        home = given.keep or Path(spare)
        counts = list(map(int, given.clips.split(",")))
        for count in counts:
            if not (home / str(count)).exists():
                unfinished = home / f"{count}.unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                made = _child("make", unfinished, count, given.manifest)["seconds"]
                unfinished.rename(home / str(count))
                print(f"a ledger of {count:,} clips in {made:.0f} s", file=sys.stderr, flush=True)
        if given.make:
            return
        head = ("clips in the ledger", "in the manifest", "open s", "read s", "an entry s", "a take-down s", "MiB")
        print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
        for count in counts:
            for name, listed in {"few": min(given.manifest, count), "all": count}.items():
                if name == "all" and listed == given.manifest:
                    continue
                found = _child("measure", home / str(count), name)
                cells = (f"{found[key]:.2f}" for key in ("open", "read", "entry", "take-down"))
                print(f"| {count:,} | {listed:,} | {' | '.join(cells)} | {found['memory']:.0f} |", flush=True)


if __name__ == "__main__":
    main()

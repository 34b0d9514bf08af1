"""The cost of signing and verifying: milliseconds and MB/s at several file sizes.

Files are an MP4 of noise whose picture data is repeated until it has the size. Signing reads the file, hashes parts of
it, writes the signed copy and checks it again; verifying hashes the whole file twice, for C2PA and for the ledger.
Beside them are the limits: hashing the file once with SHA-256, and copying it. One thread, CPU seconds, best of three.

    python -m benchmarks.credentials
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from langit import video
from langit.bundle.provenance import LedgerState
from langit.release.credentials.identity import FOLDER, identity
from langit.release.credentials.sign import sign
from langit.release.facts import Facts
from langit.release.verify import verify

MEGABYTES = (0.02, 1, 10, 100, 400)
FACTS = Facts(
    "pocket", "a red ball on snow", 7, 8.0, 12, 3.0, "sha256:" + "ab" * 32, LedgerState("ledger", 30600, "ef" * 32)
)


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(f"{platform.processor() or platform.machine()}; c2pa-python {version('c2pa-python')}")
    print(f"{'MB':>8} {'sign ms':>9} {'MB/s':>7} {'verify ms':>10} {'MB/s':>7} {'SHA-256 ms':>11} {'copy ms':>9}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        who = identity(home / FOLDER)
        plain, signed, copy = home / "plain.mp4", home / "signed.mp4", home / "copy.mp4"
        for size in MEGABYTES:
            grow(plain, size)
            took = [
                best(lambda: sign(plain, signed, FACTS, who)),
                best(lambda: verify(signed, home)),
                best(lambda: hash_file(signed)),
                best(lambda: shutil.copyfile(signed, copy)),
            ]
            assert verify(signed, home).finding == 0
            real = signed.stat().st_size / 1e6
            rates = [real / seconds for seconds in took]
            print(
                f"{real:8.2f} {1e3 * took[0]:9.1f} {rates[0]:7.0f} {1e3 * took[1]:10.1f} {rates[1]:7.0f}"
                f" {1e3 * took[2]:11.1f} {1e3 * took[3]:9.1f}"
            )


def grow(path: Path, megabytes: float) -> None:
    """Write an MP4 of that size by extending its last box, the picture data."""
    noise = np.random.default_rng(0).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8)
    video.write(path, noise, 8, overwrite=True)
    data = path.read_bytes()
    at = data.rfind(b"mdat") - 4
    body = data[at + 8 :]
    more = body * max(1, int(megabytes * 1e6 / len(body)))
    path.write_bytes(data[:at] + (len(more) + 8).to_bytes(4, "big") + b"mdat" + more)


def hash_file(path: Path) -> None:
    """Hash a file once."""
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def best(run: Callable[[], object]) -> float:
    """Return the least CPU seconds of three calls."""
    seconds = []
    for _ in range(3):
        before = time.process_time()
        run()
        seconds.append(time.process_time() - before)
    return min(seconds)


if __name__ == "__main__":
    main()

"""How much damage the reader notices, by codec: bytes of a film are changed at random places of its packets.

    python -m benchmarks.damage FILM [--tries 12]

Four kinds: a sector of 512 bytes of zeros, 64 zeros, 64 random bytes, one bit. What counts is damage that changes the
film: a picture by more than one level of 255 on average, or their number. Needs FFmpeg's command line, for encoders.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np

from langit import video

LENGTHS = {"sector": 512, "zeros": 64, "noise": 64, "bit": 1}
RATE = ["-b:v", "400k"]
FILMS = {
    "h264.mp4": ["libx264", "-preset", "veryfast"],
    "hevc.mp4": ["libx265", "-preset", "veryfast", "-x265-params", "log-level=error"],
    "hevc-with-hashes.mp4": ["libx265", "-preset", "veryfast", "-x265-params", "log-level=error:hash=1"],
    "vp8.webm": ["libvpx", *RATE, "-deadline", "realtime", "-cpu-used", "8"],
    "vp9.webm": ["libvpx-vp9", *RATE, "-deadline", "realtime", "-cpu-used", "8"],
    "av1.mp4": ["libaom-av1", *RATE, "-usage", "realtime", "-cpu-used", "8"],
    "wmv2.wmv": ["wmv2", *RATE],
    "msmpeg4.avi": ["msmpeg4", *RATE],
    "mpeg4.avi": ["mpeg4", *RATE],
    "mpeg2.mpg": ["mpeg2video", *RATE],
}


def damaged(data: bytes, kind: str, place: int, rng: random.Random) -> bytes:
    """A copy with damage of one kind at a place, or just before it."""
    bad, length = bytearray(data), LENGTHS[kind]
    place = place // length * length if kind == "sector" else place
    if kind == "bit":
        bad[place] ^= 1 << rng.randrange(8)
    else:
        bad[place : place + length] = rng.randbytes(length) if kind == "noise" else bytes(length)
    return bytes(bad[: len(data)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--tries", type=int, default=12)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, encoder in FILMS.items():
            path, bad = Path(folder) / name, Path(folder) / f"bad-{name}"
            cut = ["-ss", "20", "-t", "4", "-i", str(arguments.film), "-vf", "scale=400:-2", "-an", "-g", "48"]
            command = ["ffmpeg", "-v", "error", "-y", *cut, "-c:v", *encoder, "-pix_fmt", "yuv420p", str(path)]
            subprocess.run(command, check=True)
            whole, data, rng = video.read(path), path.read_bytes(), random.Random(1)
            with av.open(str(path)) as container:
                packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos]
            cells = []
            for kind in LENGTHS:
                noticed = matters = 0
                for _ in range(arguments.tries):
                    start, size = rng.choice(packets)
                    bad.write_bytes(damaged(data, kind, start + rng.randrange(size), rng))
                    try:
                        read = video.read(bad)
                    except ValueError:
                        noticed, matters = noticed + 1, matters + 1
                        continue
                    differs = len(read) != len(whole) or any(
                        np.abs(one.astype(int) - other).mean() > 1 for one, other in zip(read, whole, strict=True)
                    )
                    matters += differs
                cells.append(f"{kind} {noticed} of {matters}")
            print(f"{name}: noticed {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()

"""What each output format keeps: nearness to the frames, size, and the watermark.

    python -m benchmarks.formats FILM... [--frames 17]

``known`` counts films whose id is recognised among candidates, ``decoded`` those whose id is read without any.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from langit import video
from langit.release.release import VIDEO_SUFFIXES
from langit.release.watermark import Watermark, read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=17)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    for suffix in VIDEO_SUFFIXES:
        known = decoded = size = 0
        ratios = []
        with tempfile.TemporaryDirectory() as folder:
            for film in arguments.films:
                frames, ident = video.read(film, 0, arguments.frames), rng.bytes(8)
                frames = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
                mark = Watermark(*frames.shape[1:3], ident)
                marked = np.stack([mark.mark(frame, number / 8) for number, frame in enumerate(frames)])
                path = Path(folder) / f"{film.stem}{suffix}"
                video.write(path, marked, 8)
                again = video.read(path)
                ratios.append(10 * np.log10(255**2 / np.mean((again.astype(float) - marked) ** 2)))
                size += path.stat().st_size
                reading = read(again)
                known += bool(reading.matches([ident]))
                found = reading.decode()
                decoded += found is not None and found.ident == ident
        print(
            f"{suffix}: known {known}, decoded {decoded} of {len(arguments.films)};"
            f" PSNR {min(ratios):.1f} to {max(ratios):.1f} dB; {size // 1024} kB"
        )


if __name__ == "__main__":
    main()

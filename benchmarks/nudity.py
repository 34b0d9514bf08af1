"""How often the frame gate takes harmless films for nudity, and what a picture costs it.

    python -m benchmarks.nudity FILE... [--per-second 2]

Every file is taken to be harmless: what scores above the gate's threshold is a false flag. The gate's recall is not
measured: that would take pictures that this project does not keep. Needs the nudity extra.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from langit import video
from langit.release.gates.frames import FramesConfig
from langit.release.gates.nudity import NudityClassifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--per-second", type=float, default=FramesConfig.per_second)
    arguments = parser.parse_args()
    judge = NudityClassifier("flag", FramesConfig.nudity_threshold)
    scores: list[float] = []
    flagged = 0
    spent = 0.0
    for path in arguments.files:
        due = 0.0
        best = 0.0
        for frame in video.decode(path):
            if frame.seconds is not None and frame.seconds < due:
                continue
            due += 1 / arguments.per_second
            picture = frame.rgb()
            start = time.process_time()
            flagged += bool(judge.judge(picture, frame.seconds or 0.0))
            spent += time.process_time() - start
            score = judge.score(picture)
            scores.append(score)
            best = max(best, score)
        print(f"{path.name}: highest score {best:.3f}")
    print(
        f"{flagged} of {len(scores)} frames of {len(arguments.files)} films flagged at {FramesConfig.nudity_threshold};"
        f" highest {max(scores):.3f}, 99th percentile {np.percentile(scores, 99):.3f};"
        f" {1000 * spent / len(scores):.0f} CPU ms a frame"
    )


if __name__ == "__main__":
    main()

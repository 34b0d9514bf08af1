"""The cold start: CPU seconds from a prompt to a file in a fresh process, and where they go.

Fresh processes with one thread each, interleaved: an interpreter that does nothing, one that imports torch, the whole
command ``langit generate``, and the imports that a diffusers user needs for the same (its pipeline class and
transformers' encoder, without opening weights). A further process times its parts: imports, opening the bundle, the
first and second video, the release of each.

The first run on a machine reads files from disk, which does not count as CPU time; the page cache is not emptied.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.protocol import prepare, spread
from langit.bundle import resolve

PROMPT = "a red ball bounces on snow at sunset"
PARTS = """
import json, sys, time
marks, last = {}, time.process_time()
def mark(name):
    global last
    now = time.process_time()
    marks[name], last = now - last, now
marks["interpreter"] = last
import torch
mark("import torch")
import langit.bundle, langit.generate
mark("import the rooms of the model")
import langit.release
langit.release.Door, langit.release.release
mark("import the door: ledger, signature, gates")
from langit.bundle import load_bundle
from langit.generate import Model, generate
bundle = load_bundle(sys.argv[1])
mark("open the bundle, every file hashed")
model = Model.of(bundle)
first = generate(sys.argv[2], model, seed=7)
mark("first video")
generate(sys.argv[2], model, seed=8)
mark("second video")
from pathlib import Path
door = langit.release.Door.of(bundle)
def leave(name, seed):
    facts = langit.release.Facts(model="pocket", prompt=first.prompt, seed=seed, fps=model.fps, steps=1, guidance=1.0,
                                 provenance=bundle.provenance.digest, ledger=bundle.provenance.ledger)
    langit.release.release(first.frames, facts, Path(sys.argv[3]) / name, door)
leave("first.mp4", 7)
mark("first video through the door")
leave("second.mp4", 8)
mark("second video through the door")
print(json.dumps(marks))
"""


def process_seconds(command: Sequence[str], home: Path) -> tuple[float, str]:
    """Run a process; return its CPU seconds (user and system) and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LANGIT_HOME": str(home)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    model = str(resolve(args.model))  # resolved here, because the processes have a LANGIT_HOME of their own
    prepare()
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        made = str(home / "made.mp4")
        ours = [python, "-c", "from langit.cli import main; main()", "generate", PROMPT, "--model", model]
        contenders = {
            "an interpreter": [python, "-c", "pass"],
            "import torch": [python, "-c", "import torch"],
            "langit generate, the whole command": [*ours, "-o", made, "--overwrite", "--no-preview"],
            "importing diffusers' and transformers' classes": [
                python,
                "-c",
                "from diffusers import AutoencoderKLWan, WanPipeline, WanTransformer3DModel\n"
                "from transformers import AutoTokenizer, UMT5EncoderModel",
            ],
        }
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        parts: dict[str, list[float]] = {}
        for number in range(
            args.rounds + 1
        ):  # the first round creates keys and fills the page cache, so it does not count
            for name, command in contenders.items():
                seconds, _ = process_seconds(command, home)
                if number:
                    taken[name].append(seconds)
            (home / str(number)).mkdir()
            _, output = process_seconds([python, "-c", PARTS, model, PROMPT, str(home / str(number))], home)
            for name, value in json.loads(output.splitlines()[-1]).items():
                if number:
                    parts.setdefault(name, []).append(value)
        print(f"\nFresh processes, CPU seconds, {args.rounds} rounds")
        for name, values in taken.items():
            print(f"  {name:50}{spread(values):>22}")
        print("\nThe parts of one that makes two videos")
        for name, values in parts.items():
            print(f"  {name:50}{spread(values):>22}")


if __name__ == "__main__":
    main()

"""Memory of loading open weights: the peak of a fresh process over the size of the weights that it loads.

    python -m benchmarks.loading

A checkpoint of Wan's architecture with random weights is saved in shards; a process that has opened a tiny one, so that
all libraries are there, opens it in each dtype. The bound is 1.1 times the weights.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BOUND = 1.1
WIDTH, LAYERS, FFN = 1024, 8, 4096
PROBE = """
import json, os, resource, sys
import torch
from langit.device import Placement
from langit.families.load import open_checkpoint
torch.set_num_threads(1)
def here():
    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
tiny, large, dtype = sys.argv[1:]
placement = Placement(torch.device('cpu'), getattr(torch, dtype))
open_checkpoint(tiny, placement)
open('/proc/self/clear_refs', 'w').write('5')  # the peak counts from here
before = here()
bundle = open_checkpoint(large, placement)
status = open('/proc/self/status').read()
peak = int(status.partition('VmHWM:')[2].split()[0]) * 1024
parts = (bundle.transformer, bundle.text.model, bundle.autoencoder.vae)
held = sum(p.nbytes for part in parts for p in {id(p): p for p in part.parameters()}.values())
print(json.dumps({'grown': peak - before, 'weights': held}))
"""


def save_checkpoint(folder: Path, layers: int = LAYERS, width: int = WIDTH, shard: str = "100MB") -> None:
    """Save a checkpoint whose transformer has random weights in shards; its other parts are tiny."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from diffusers import WanTransformer3DModel
    from families import tiny

    pipeline = tiny.pipeline("wan2.1-t2v")
    pipeline.transformer = WanTransformer3DModel(
        num_attention_heads=width // 64,
        attention_head_dim=64,
        text_dim=32,
        freq_dim=256,
        ffn_dim=4 * width,
        num_layers=layers,
    )
    pipeline.save_pretrained(folder, max_shard_size=shard)


def measure(tiny: Path, large: Path, dtype: str) -> dict[str, int]:
    """Bytes that a fresh process grows by at most, and bytes of the weights that it holds then."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LANGIT_HOME": str(large.parent / "home")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tiny), str(large), dtype],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from families import tiny

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        tiny.save("wan2.1-t2v", base / "tiny")
        save_checkpoint(base / "large")
        print(f"{'from fp32 to':14} {'weights':>10} {'peak':>10} {'ratio':>6}")
        ratios = []
        for dtype in ("float32", "bfloat16"):
            found = measure(base / "tiny", base / "large", dtype)
            ratios.append(found["grown"] / found["weights"])
            print(f"{dtype:14} {found['weights'] / 1e6:8.0f}MB {found['grown'] / 1e6:8.0f}MB {ratios[-1]:6.3f}")
    if max(ratios) > BOUND:
        raise SystemExit(f"more than {BOUND} times the weights")


if __name__ == "__main__":
    main()

"""kill -9 while a bundle is saved, at moments that chance chooses."""

import subprocess
import sys
from pathlib import Path

KILLER = """
import os, random, signal, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
import torch
from bundle.miniature import make_parts, make_provenance
from langit.bundle import load_bundle, save_bundle
folder, choose = Path({folder!r}), random.Random(3)
known = {{str(seed): make_parts(seed) for seed in range(4)}}
save_bundle(folder, known["0"], make_provenance(version="0"))
began = time.monotonic()
save_bundle(folder, known["0"], make_provenance(version="0"))
took = time.monotonic() - began
seen = set()
for turn in range(6):
    ear, mouth = os.pipe()
    child = os.fork()
    while child == 0:  # the child saves, one version after another, until it is killed
        turn += 1
        save_bundle(folder, known[str(turn % 4)], make_provenance(version=str(turn % 4)))
        os.write(mouth, b"saved")
    if turn % 2:  # killed in its first save, or in one after it
        os.read(ear, 5)
    time.sleep(choose.uniform(0.1, 1.5) * took)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    opened = load_bundle(folder)
    for name, weight in known[opened.provenance.version].transformer.state_dict().items():
        assert torch.equal(weight, opened.transformer.state_dict()[name]), name
    seen.add(opened.provenance.version)
    os.close(ear), os.close(mouth)
print(len(seen))
"""


def test_kill_9_while_saving_leaves_a_whole_bundle(tmp_path):
    code = KILLER.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path / "tiny"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1, "no child was given the time to save anything"
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"tiny", ".tiny.partial", ".tiny.old"}

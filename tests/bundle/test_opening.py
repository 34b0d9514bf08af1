"""What opening a model loads: a cold start is mostly imports."""

import json
import subprocess
import sys

HEAVY = ("transformers", "diffusers", "sympy", "torch._dynamo", "torch._inductor", "scipy", "pandas")


def test_a_bundle_opens_without_what_it_does_not_need():
    script = (
        "import json, sys\nfrom langit.bundle import load_bundle\nfrom langit.generate import Model\n"
        "Model.of(load_bundle('pocket'))\nprint(json.dumps([*sys.modules]))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert not set(HEAVY) & set(json.loads(loaded))

"""What `langit plan` says of a recipe's training against what steps of it take here: memory, and time on one core.

    python -m benchmarks.training_plan [--recipe small-trial] [--steps 6] [--clips 60] [KEY=VALUE]...

Clips are made up, of the recipe's largest size. Time is CPU time of one thread, between two matrix products that are
timed the same way, so that a busy machine does not count; memory is the process's peak, interpreter and libraries
with it. The data, the autoencoder and the disk are not measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from langit import config, recipes
from langit.feed.latents import LatentClip, LatentView
from langit.feed.loader import LatentFeed
from langit.plan.hardware import GIB, Hardware, process_memory
from langit.recipes.costs import orthogonal_flops, plan_recipe, without_manifest
from langit.recipes.recipe import Recipe
from langit.shapes import PixelShape, latent_shape, token_grid
from langit.text.encoder import TextEncoder
from langit.text.tokenizer import train_tokenizer
from langit.train.microbatch import MicroBatches
from langit.train.optim import Optimisers, update_ema
from langit.train.tasks import FlowTask
from langit.transformer.linear import linear
from langit.transformer.model import VideoTransformer

WORDS = 22  # of a caption, and its end mark: what the plan takes where there is no manifest


def product_rate(side: int = 1024) -> float:
    """Operations a second of CPU time of square matrix products, the median of seven."""
    a, b, bias = torch.randn(side, side), torch.randn(side, side), torch.zeros(side)
    rates = []
    with torch.no_grad():
        for _ in range(7):
            before = time.process_time()
            linear(a, b, bias)
            rates.append(2 * side**3 / (time.process_time() - before))
    return statistics.median(rates)


def peak_bytes() -> int:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_recipe(name: str, changes: Sequence[str]) -> Recipe:
    """A recipe or a trial by name, of its last stage alone, with one micro-batch and whole windows."""
    plain = name.removesuffix("-trial")
    recipe = recipes.TRIALS[plain]() if name != plain else recipes.find(plain)
    recipe = config.override(recipe, list(changes))
    stage = recipe.stages[-1]
    assert stage.buckets is not None, "a recipe of footage"
    flow = replace(stage.flow, windows=replace(stage.flow.windows, later=0.0, starts=0))
    return replace(recipe, stages=(replace(stage, training=replace(stage.training, lanes=1), flow=flow),))


def made_up_feed(recipe: Recipe, clips: int) -> tuple[FlowTask, LatentFeed]:
    """The recipe's task with random weights, and batches of made-up clips of its largest size."""
    recipe = without_manifest(recipe)
    stage = recipe.stages[-1]
    size = PixelShape.parse(stage.sizes[0])
    latent = latent_shape(size, recipe.autoencoder.compression)
    grid = token_grid(latent)
    text = " ".join(f"word{number}" for number in range(WORDS - 1))
    made = [
        LatentClip(
            f"{number:064x}",
            (text,),
            (
                LatentView(
                    torch.randn(latent.channels, latent.frames, latent.height, latent.width).half(),
                    torch.zeros(grid.frames, grid.height, grid.width),
                ),
            ),
        )
        for number in range(clips)
    ]
    tokenizer = train_tokenizer([text])
    encoder = TextEncoder(replace(recipe.text, vocab_size=tokenizer.get_vocab_size()), tokenizer)
    task = FlowTask(VideoTransformer(recipe.transformer), encoder, stage.flow, lambda *_: None)
    return task, LatentFeed(made, stage.flow.token_budget, 0, stage.flow.windows)


def prepared_step(recipe: Recipe, clips: int) -> Callable[[int], int]:
    """A training step of the recipe's last stage on made-up clips, with one micro-batch; returns its tokens."""
    stage = recipe.stages[-1]
    task, feed = made_up_feed(recipe, clips)
    named = {
        f"{part}.{name}": parameter
        for part, module in task.modules().items()
        for name, parameter in module.named_parameters()
    }
    lanes = MicroBatches(task, 1)
    optimisers = Optimisers(named, task.parameter_kind, stage.training.optim)
    ema = {name: parameter.detach().clone() for name, parameter in named.items()}

    def step(number: int) -> int:
        batch = feed.batch(number)
        lanes.gradients([batch], number, [torch.Generator().manual_seed(number)])
        optimisers.clip_gradients()
        optimisers.step(number, stage.training.steps)
        update_ema(ema, named, stage.training.optim.ema, number)
        return batch.tokens

    return step


def measure(recipe: Recipe, steps: int, clips: int) -> dict[str, list[float]]:
    """Take steps; seconds and tokens of each, rates of products before and after, and bytes before and at the peak."""
    base = process_memory()
    rates, step = [product_rate()], prepared_step(recipe, clips)
    seconds, tokens = [], []
    for number in range(steps):
        start = time.process_time()
        tokens.append(float(step(number)))
        seconds.append(time.process_time() - start)
    return {"seconds": seconds, "tokens": tokens, "rates": [*rates, product_rate()], "bytes": [base, peak_bytes()]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="small-trial")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--measured", action="store_true", help=argparse.SUPPRESS)  # the process that takes the steps
    parser.add_argument("changes", nargs="*", help="to the recipe, such as stages.footage.flow.token_budget=2560")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = open_recipe(options.recipe, options.changes)
    if options.measured:
        print(json.dumps(measure(recipe, options.steps, options.clips)))
        return
    stage = recipe.stages[-1]
    # A process of its own: planning traces networks, which takes memory that training does not.
    command = [sys.executable, "-m", "benchmarks.training_plan", "--measured", *sys.argv[1:]]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    seconds, tokens, rate = found["seconds"], found["tokens"], statistics.mean(found["rates"])
    base, held = found["bytes"]
    product_rate()  # as `langit plan` does: a first product makes libraries allocate
    hardware = Hardware("one core", 1 << 62, {"fp32": rate}, 1e10, 1e9, "measured here")
    planned = plan_recipe(recipe, hardware)
    (flow,) = (cost for cost in planned.stages if cost.name == stage.name)
    sized = next(line for line in planned.lines() if stage.name in line)
    print(f"plan: {sized.strip()}")
    per_token = statistics.median(s / t for s, t in zip(seconds[1:], tokens[1:], strict=True))
    work = flow.flops / flow.tokens + orthogonal_flops(recipe) / statistics.mean(tokens)
    expected = work / (rate * planned.share)
    share = work / (per_token * rate)
    print(f"products on one core: {rate / 1e9:.0f} GFLOP/s")
    off = expected / per_token - 1
    print(f"time a token: planned {expected * 1e6:.1f} us, measured {per_token * 1e6:.1f} us: {off:+.0%}")
    print(f"share of the products' rate: planned {planned.share:.2f}, measured {share:.2f}")
    print(f"tokens a step: planned {flow.tokens_per_step:.0f}, measured {statistics.mean(tokens):.0f}")
    print(f"memory: planned {flow.memory / GIB:.3f} GiB, measured {held / GIB:.3f} GiB: {flow.memory / held - 1:+.1%}")
    print(f"of it before training: {base / GIB:.3f} GiB; beyond it {(flow.memory - base) / (held - base) - 1:+.0%}")


if __name__ == "__main__":
    main()

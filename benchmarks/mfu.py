"""Where the time of a training step goes, and which share of the machine's matrix products it reaches (MFU).

    python -m benchmarks.mfu [--recipe small-trial] [--device auto] [--dtype auto] [--tokens N] [--steps 8] [--compile]

Steps of the recipe's last stage on made-up clips, with one micro-batch, part by part: on a CPU in CPU time of one
thread, so that a busy machine counts little, on a GPU in time of the clock with the device waited for after each part.
MFU is of the FLOPs of the model alone (recomputing and the optimiser left out), against the fastest matrix product of
this run. The same matrices are also orthogonalised both ways: one after another in fp32, and batched by shape in bf16.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch._dynamo.utils import counters

from benchmarks.training_plan import made_up_feed, open_recipe, product_rate
from langit.device import Placement
from langit.train.metrics import count_flops, gemm_peak
from langit.train.microbatch import MicroBatches
from langit.train.muon import map_sequentially, orthogonalize_all, orthogonalize_batch
from langit.train.optim import Optimisers, update_ema

SETTINGS = (3.4445, -4.7750, 2.0315), 5, 1e-7  # of Muon's iteration, torch's defaults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="small-trial")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--tokens", type=int, help="of a micro-batch; default the recipe's")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--compile", action="store_true", help="compile each block")
    options = parser.parse_args()
    placement = Placement.choose(options.device, options.dtype)
    on_cpu = placement.device.type == "cpu"
    if on_cpu:
        torch.set_num_threads(1)
    recipe = open_recipe(options.recipe, [])
    stage = recipe.stages[-1]
    if options.tokens is not None:
        stage = replace(stage, flow=replace(stage.flow, token_budget=options.tokens))
        recipe = replace(recipe, stages=(stage,))
    task, feed = made_up_feed(recipe, 8 * max(1, stage.flow.token_budget // 140))
    for module in task.modules().values():
        Placement(placement.device).put(module)
    if options.compile:
        for block in task.transformer.blocks:
            block.compile()
    named = {f"{part}.{n}": p for part, module in task.modules().items() for n, p in module.named_parameters()}
    lanes = MicroBatches(task, 1, placement)
    optimisers = Optimisers(named, task.parameter_kind, stage.training.optim, dtype=placement.dtype)
    ema = {name: parameter.detach().clone() for name, parameter in named.items()}
    clock = time.process_time if on_cpu else time.perf_counter
    spent: dict[str, list[float]] = {}

    def timed(part: str, work: Callable[[], object]) -> None:
        before = clock()
        work()
        placement.synchronize()
        spent.setdefault(part, []).append(clock() - before)

    measure_peak = product_rate if on_cpu else partial(gemm_peak, placement)
    peak = measure_peak()
    batches = [feed.batch(number) for number in range(options.steps)]
    tokens = [batch.tokens for batch in batches]
    for number in range(options.steps):
        generator = [torch.Generator().manual_seed(number)]
        timed("batch", lambda: feed.batch(number))  # noqa: B023  (called at once)
        timed("forward and backward", lambda: lanes.gradients([batches[number]], number, generator))  # noqa: B023
        timed("clip", optimisers.clip_gradients)
        timed("optimiser", lambda: optimisers.step(number, stage.training.steps))  # noqa: B023
        timed("average", lambda: update_ema(ema, named, stage.training.optim.ema, number))  # noqa: B023
    peak = max(peak, measure_peak())

    def model_step() -> None:
        with lanes.autocast():
            loss = task.loss(batches[0].to(placement.device), 0, torch.Generator().manual_seed(0))
        loss.backward()

    flops = count_flops(model_step) / tokens[0] * statistics.mean(tokens[2:])
    step = sum(statistics.mean(times[2:]) for times in spent.values())
    print(f"{options.recipe} on {placement.name}, {sum(p.numel() for p in named.values()) / 1e6:.1f}M parameters,")
    print(f"{statistics.mean(tokens):.0f} tokens a step; products reach {peak / 1e12:.3f} TFLOP/s")
    for part, times in spent.items():
        print(f"  {part:22} {statistics.mean(times[2:]) * 1e3:9.1f} ms  {statistics.mean(times[2:]) / step:6.1%}")
    work = statistics.mean(spent["forward and backward"][2:])
    print(f"MFU {flops / step / peak:.1%}; of forward and backward alone {flops / work / peak:.1%}")
    matrices = [torch.randn(view.shape, device="cpu").to(placement.device) for view in optimisers.views.values()]
    groups: dict[torch.Size, list[torch.Tensor]] = {}
    for matrix in matrices:
        groups.setdefault(matrix.shape, []).append(matrix)
    with torch.no_grad():
        for _ in range(3):
            timed("one by one", lambda: orthogonalize_all_single(matrices))
            timed("batched", lambda: [orthogonalize_batch(torch.stack(group), *SETTINGS) for group in groups.values()])
    print(
        f"Newton-Schulz of {len(matrices)} matrices of {len(groups)} shapes: one by one in fp32"
        f" {min(spent['one by one']) * 1e3:.1f} ms, batched in bf16 {min(spent['batched']) * 1e3:.1f} ms"
    )
    if options.compile:
        graphs, breaks = counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())
        print(f"compiled graphs: {graphs}, breaks: {breaks}")


def orthogonalize_all_single(matrices: list[torch.Tensor]) -> list[torch.Tensor]:
    """One after another in single precision, on whatever device."""
    if matrices[0].device.type == "cpu":
        return orthogonalize_all(matrices, SETTINGS, map_sequentially)
    from langit.train.muon import orthogonalize

    return [orthogonalize(matrix, *SETTINGS) for matrix in matrices]


if __name__ == "__main__":
    main()

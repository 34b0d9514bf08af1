"""R5: cost and quality of solvers, numbers of steps, step reuse and guidance intervals.

Two tables, on held-out prompts that are used for no other score, each with its own seed:
the same video: PSNR of the decoded frames against a 50-step Euler output and a 200-step AB2 output of the same seed;
a right video: how many attributes the probe reads as in the prompt, compared with the 50-step output.
Seconds are CPU seconds of one thread from prompt to latents; arms are interleaved prompt by prompt. An evaluation is
one of the guided velocity; passes count its conditional and its unconditional half. Step reuse on Euler is EasyCache's
setting. The default to choose is the cheapest arm that is no worse than the 50-step output by more than a standard
error, and that gives the same video: a blurred one may still show every attribute.

``--six N`` asks instead how close settings of about six times fewer evaluations than 50 Euler steps come on N prompts
about one world's scenes and N stories, and prints every prompt. ``--tiny`` does so with a tiny open-weights checkpoint
with random weights, and UniPC as such checkpoints are sampled.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.protocol import prepare
from langit.bundle import load_bundle
from langit.evaluate.fidelity import story_cases
from langit.evaluate.fidelity.scores import LANGUAGES, FidelityCase, cases
from langit.evaluate.figures.chart import Line, Panel, chart
from langit.evaluate.judges.probe import Probe, judge, load_probe
from langit.evaluate.judges.truth import agreement
from langit.evaluate.reconstruction import psnr
from langit.generate import Model, SamplingConfig
from langit.generate.request import decode_frames
from langit.generate.video import sample_latents
from langit.shapes import PixelShape

SCORED = 200  # the first held-out prompts belong to `langit evaluate`, so no setting may be chosen on them
GOAL = 38.0  # dB to the 50-step output
STEPS = {
    "euler": (6, 8, 10, 12, 16, 25),
    "heun": (3, 4, 5, 6, 8, 12),
    "ab2": (6, 8, 10, 12, 16, 25),
    "unipc": (6, 8, 10, 12, 16, 25),
}
REUSE = (("euler", 50), ("ab2", 25))
THRESHOLDS = (0.05, 0.1, 0.2, 0.4)
SIX = (("ab2", 25, 0.4), ("unipc", 25, 0.4), ("ab2", 50, 0.4), ("ab2", 25, 0.3), ("ab2", 8, 0.0), ("unipc", 8, 0.0))
"""Solvers, steps and thresholds of reuse that take 8 to 10 evaluations."""
INTERVALS = ((1.0, 0.3), (1.0, 0.6), (1.0, 0.8), (0.98, 0.0))


@dataclass(frozen=True)
class Arm:
    """Sampling settings; arms of one ``line`` differ only in their number of evaluations."""

    line: str
    name: str
    sampling: SamplingConfig


@dataclass(frozen=True)
class TimedVideo:
    """A video and its cost."""

    frames: Tensor
    seconds: float
    evaluations: int
    passes: int


@dataclass(frozen=True)
class JudgedVideo:
    """A video's cost, and how many of the prompt's attributes it shows."""

    made: TimedVideo
    right: int
    of: int


class Maker:
    """Makes videos and counts the transformer's evaluations."""

    def __init__(self, model: Model, pixels: PixelShape) -> None:
        self.model, self.pixels = model, pixels
        self.passes: list[int] = []
        model.transformer.register_forward_hook(
            lambda _module, inputs, _out: self.passes.append(len(inputs[0].lengths))
        )

    @torch.no_grad()
    def make(self, prompt: str, seed: int, sampling: SamplingConfig) -> TimedVideo:
        self.passes.clear()
        before = time.process_time()
        (latents,) = sample_latents([prompt], self.model, pixels=self.pixels, seeds=[seed], sampling=sampling)
        seconds = time.process_time() - before
        frames = decode_frames(latents, self.model)
        return TimedVideo(frames, seconds, len(self.passes), sum(self.passes))


def baseline(base: SamplingConfig) -> SamplingConfig:
    """Return the model's settings with 50 Euler steps and without what is varied here."""
    return replace(base, steps=50, solver="euler", reuse=0.0, guidance_from=1.0, guidance_to=0.0)


def closeness_arms(base: SamplingConfig, brief: bool) -> list[Arm]:
    """Return the arms that are compared with the 50-step and the 200-step output frame by frame."""
    arms = [
        plain_arm(base, name, steps) for name, counts in STEPS.items() for steps in (counts[1::2] if brief else counts)
    ]
    for name, steps in REUSE:
        for threshold in THRESHOLDS[1:3] if brief else THRESHOLDS:
            title = f"{name} {steps} reuse"
            arms.append(Arm(title, f"{title} {threshold}", replace(base, solver=name, steps=steps, reuse=threshold)))
    return arms + interval_arms(base, brief)


def fidelity_arms(base: SamplingConfig, brief: bool) -> list[Arm]:
    """Return the arms that the probe judges; the first is the reference."""
    kinds = {"euler": (50, 25, 12, 8, 6), "ab2": (16, 12, 10, 8, 6, 4), "unipc": (12, 8, 6, 4)}
    if brief:
        kinds = {"euler": (50, 12), "ab2": (12, 8, 6), "unipc": (8,)}
    arms = [plain_arm(base, name, steps) for name, counts in kinds.items() for steps in counts]
    if not brief:
        for name, steps in REUSE:
            title = f"{name} {steps} reuse"
            arms.append(Arm(title, f"{title} 0.2", replace(base, solver=name, steps=steps, reuse=0.2)))
    return arms + interval_arms(base, brief)


def plain_arm(base: SamplingConfig, name: str, steps: int) -> Arm:
    """Return an arm that evaluates every step with guidance."""
    return Arm(name, f"{name} {steps}", replace(base, solver=name, steps=steps))


def interval_arms(base: SamplingConfig, brief: bool) -> list[Arm]:
    """Return arms with guidance in an interval of levels; their videos differ, so PSNR says less than the probe."""
    return [
        Arm(
            "ab2 12, interval",
            f"ab2 12, guided {high:g} to {low:g}",
            replace(base, solver="ab2", steps=12, guidance_from=high, guidance_to=low),
        )
        for high, low in (INTERVALS[:2] if brief else INTERVALS)
    ]


def text_of(case: FidelityCase, number: int) -> str:
    """Return the prompt, English and Indonesian alternately."""
    return case.texts[LANGUAGES[number % 2]]


def closeness(
    maker: Maker, chosen: Sequence[FidelityCase], arms: Sequence[Arm], budget: float
) -> tuple[dict[str, list[TimedVideo]], dict[str, list[tuple[float, float]]]]:
    """Make every arm's videos and compare them with the 50-step and 200-step output, until the budget ends."""
    base = baseline(maker.model.full_quality)
    made: dict[str, list[TimedVideo]] = {arm.name: [] for arm in arms}
    near: dict[str, list[tuple[float, float]]] = {arm.name: [] for arm in arms} | {"euler 50": []}
    made["euler 50"] = []
    begin = time.process_time()
    for number, case in enumerate(chosen):
        if number and (time.process_time() - begin) * (number + 1) / number > budget:
            break
        text = text_of(case, number)
        fifty = maker.make(text, number, base)
        exact = maker.make(text, number, replace(base, solver="ab2", steps=200)).frames
        made["euler 50"].append(fifty)
        near["euler 50"].append((float("inf"), psnr(exact, fifty.frames)))
        for arm in arms:
            one = maker.make(text, number, arm.sampling)
            made[arm.name].append(one)
            near[arm.name].append((psnr(fifty.frames, one.frames), psnr(exact, one.frames)))
    return made, near


def fidelity(
    maker: Maker, probe: Probe, chosen: Sequence[FidelityCase], arms: Sequence[Arm], budget: float
) -> dict[str, list[JudgedVideo]]:
    """Make and judge every arm's videos, for as long as the budget lasts."""
    judged: dict[str, list[JudgedVideo]] = {arm.name: [] for arm in arms}
    begin = time.process_time()
    for number, case in enumerate(chosen):
        if number and (time.process_time() - begin) * (number + 1) / number > budget:
            break
        made = [maker.make(text_of(case, number), number, arm.sampling) for arm in arms]
        for arm, one, verdict in zip(arms, made, judge(probe, [one.frames for one in made]), strict=True):
            answers = agreement(case.truth, verdict)
            judged[arm.name].append(JudgedVideo(one, sum(answers.values()), len(answers)))
    return judged


def show_six(maker: Maker, texts: Sequence[str], first: int) -> None:
    """Print for each setting its evaluations and the dB to 50 Euler steps, prompt by prompt and in the median."""
    base = baseline(maker.model.full_quality)
    found: dict[str, list[tuple[int, float]]] = {}
    for number, text in enumerate(texts, start=first):
        fifty = maker.make(text, number, base).frames
        print(f"  {number:3} {text[:60]!r}")
        for solver, steps, reuse in SIX:
            name = f"{solver} {steps}" + (f", reuse {reuse}" if reuse else "")
            one = maker.make(text, number, replace(base, solver=solver, steps=steps, reuse=reuse))
            found.setdefault(name, []).append((one.evaluations, psnr(fifty, one.frames)))
            print(f"      {name:22}{one.evaluations:4}  {found[name][-1][1]:.1f} dB", flush=True)
    for name, ones in found.items():
        evaluations, close = mean([one[0] for one in ones]), [one[1] for one in ones]
        print(f"  {name:22}{evaluations:6.1f}, {50 / evaluations:.1f}x: {statistics.median(close):.1f} dB", end=" ")
        print(f"[{min(close):.1f}-{max(close):.1f}], {sum(dB >= GOAL for dB in close)} of {len(close)} at {GOAL:g} dB")


def tiny_model(folder: Path) -> Model:
    """A tiny checkpoint of Wan 2.1 with random weights, built with diffusers' own classes."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from families import tiny

    from langit.families.load import open_checkpoint

    tiny.save("wan2.1-t2v", folder)
    return Model.of(open_checkpoint(folder))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def difference(one: Sequence[JudgedVideo], other: Sequence[JudgedVideo]) -> tuple[float, float]:
    """Return how many points more attributes ``one`` has right than ``other``, paired by prompt, and the error."""
    points = [100 * (a.right / a.of - b.right / b.of) for a, b in zip(one, other, strict=True)]
    return mean(points), statistics.stdev(points) / len(points) ** 0.5 if len(points) > 1 else float("inf")


def show_closeness(made: dict[str, list[TimedVideo]], near: dict[str, list[tuple[float, float]]]) -> None:
    """Print the first table."""
    count = len(near["euler 50"])
    print(f"\nThe same video: {count} prompts, dB of the frames, median (least)")
    print(f"  {'':26}{'evaluations':>12}{'passes':>8}{'CPU s':>8}{'to Euler, 50 steps':>22}{'to AB2, 200 steps':>22}")
    for name, pairs in near.items():
        evaluations, passes = (mean([getattr(one, key) for one in made[name]]) for key in ("evaluations", "passes"))
        seconds = statistics.median(one.seconds for one in made[name])
        fifty, exact = ([pair[side] for pair in pairs] for side in (0, 1))
        columns = [f"{statistics.median(part):.1f} ({min(part):.1f})" for part in (fifty, exact)]
        print(f"  {name:26}{evaluations:12.1f}{passes:8.1f}{seconds:8.3f}{columns[0]:>22}{columns[1]:>22}")


def show_goal(
    arms: Sequence[Arm], made: dict[str, list[TimedVideo]], near: dict[str, list[tuple[float, float]]]
) -> None:
    """Print for each line the fewest evaluations whose median reaches the goal."""
    print(f"Fewest evaluations at {GOAL:g} dB or more, and how many times fewer than 50 (CPU seconds likewise):")
    fifty = statistics.median(one.seconds for one in made["euler 50"])
    for side, reference in ((0, "to Euler's 50 steps"), (1, "to AB2's 200 steps")):
        found = []
        for line in dict.fromkeys(arm.line for arm in arms):
            enough = [
                (mean([one.evaluations for one in made[arm.name]]), arm.name)
                for arm in arms
                if arm.line == line and statistics.median(pair[side] for pair in near[arm.name]) >= GOAL
            ]
            if enough:
                least, name = min(enough)
                faster = fifty / statistics.median(one.seconds for one in made[name])
                found.append(f"{name}: {least:.0f}, {50 / least:.1f}x ({faster:.1f}x)")
            else:
                found.append(f"{line}: none")
        print(f"  {reference}: " + "; ".join(found))


def show_fidelity(judged: dict[str, list[JudgedVideo]], near: dict[str, list[tuple[float, float]]]) -> None:
    """Print the second table, and the arms to choose."""
    first, *_ = judged
    count = len(judged[first])
    print(f"\nA right video: {count} prompts, one seed each, judged by the probe; points against {first}, +- one error")
    print(f"  {'':26}{'evaluations':>12}{'passes':>8}{'CPU s':>8}{'attributes':>12}{'all right':>11}{'points':>16}")
    good = []
    for name, ones in judged.items():
        evaluations, passes = (mean([getattr(one.made, key) for one in ones]) for key in ("evaluations", "passes"))
        seconds = statistics.median(one.made.seconds for one in ones)
        share = 100 * mean([one.right / one.of for one in ones])
        whole = 100 * mean([one.right == one.of for one in ones])
        more, error = difference(ones, judged[first])
        print(f"  {name:26}{evaluations:12.1f}{passes:8.1f}{seconds:8.3f}{share:11.1f}%{whole:10.1f}%", end="")
        print(f"{more:+9.1f} +-{error:4.1f}" if name != first else "")
        if more >= -error:
            good.append((passes, name))
    same = [one for one in good if statistics.median(pair[1] for pair in near.get(one[1], [(0.0, 0.0)])) >= GOAL]
    print(f"cheapest by passes, not worse by more than one error: {min(good)[1]};", end=" ")
    print(f"of those with {GOAL:g} dB to AB2's 200 steps: {min(same)[1] if same else 'none'}")


def plot(
    path: Path,
    arms: Sequence[Arm],
    made: dict[str, list[TimedVideo]],
    near: dict[str, list[tuple[float, float]]],
    judging: Sequence[Arm],
    judged: dict[str, list[JudgedVideo]],
) -> None:
    """Draw both tables as charts."""
    close: dict[str, list[tuple[float, float]]] = {}
    for arm in arms:
        evaluations = mean([one.evaluations for one in made[arm.name]])
        close.setdefault(arm.line, []).append((evaluations, statistics.median(pair[1] for pair in near[arm.name])))
    evaluations = mean([one.evaluations for one in made["euler 50"]])
    close["euler"].append((evaluations, statistics.median(pair[1] for pair in near["euler 50"])))
    right: dict[str, list[tuple[float, float]]] = {}
    for arm in judging:
        ones = judged[arm.name]
        point = mean([one.made.passes for one in ones]), 100 * mean([one.right / one.of for one in ones])
        right.setdefault(arm.line, []).append(point)
    panels = (
        ("dB to AB2's 200 steps of the same seed, median", "evaluations", "dB", close),
        ("attributes that the probe reads as in the prompt", "passes of the transformer", "%", right),
    )
    chart([Panel(title, across, up, lines_of(points), log_across=True) for title, across, up, points in panels]).save(
        path
    )


def lines_of(points: dict[str, list[tuple[float, float]]]) -> tuple[Line, ...]:
    """Convert points by name to lines of a chart."""
    lines = []
    for name, line in points.items():
        across, up = zip(*sorted(line), strict=True)
        lines.append(Line(name, across, up, marked=True))
    return tuple(lines)


def main() -> None:
    """Print both tables and draw the chart."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", default="pocket")
    arguments.add_argument("--prompts", type=int, default=8, help="the most prompts of the first table")
    arguments.add_argument("--judged", type=int, default=64, help="the most prompts of the second table; 0 for none")
    arguments.add_argument(
        "--budget", type=float, default=540.0, help="CPU seconds, a third of them for the first table"
    )
    arguments.add_argument("--brief", action="store_true", help="fewer arms, 2 and 8 prompts")
    arguments.add_argument("--plot", type=Path, default=Path("r5_steps.png"), help="the file for the chart")
    arguments.add_argument("--six", type=int, default=0, help="so many prompts of each kind at six times fewer")
    arguments.add_argument("--first", type=int, default=0, help="with --six: the number of the first prompt")
    arguments.add_argument("--tiny", action="store_true", help="with --six: random open weights instead of the model")
    given = arguments.parse_args()
    if given.six:
        prepare()
        numbers = range(given.first, given.first + given.six)
        if given.tiny:
            with tempfile.TemporaryDirectory() as folder:
                small = Maker(tiny_model(Path(folder)), PixelShape(9, 32, 64))
                show_six(small, [f"a red ball {number}" for number in numbers], given.first)
                return
        scenes, stories = cases(SCORED + numbers.stop)[SCORED:], story_cases.cases(SCORED + numbers.stop)[SCORED:]
        model = Model.of(load_bundle(given.model))
        print(f"{model.sizes[0]}; one world's scenes, then stories")
        maker = Maker(model, model.sizes[0])
        texts = [text_of(scenes[number], number) for number in numbers]
        texts += [stories[number].text(LANGUAGES[number % 2]) for number in numbers]
        show_six(maker, texts, given.first)
        return
    prompts, judgings = (2, min(8, given.judged)) if given.brief else (given.prompts, given.judged)
    prepare()
    model, probe = Model.of(load_bundle(given.model)), load_probe()
    fitting = [size for size in model.sizes if size.frames == probe.config.frames or not judgings]
    pixels = fitting[0] if fitting else None
    if pixels is None:
        raise SystemExit(f"the probe judges {probe.config.frames} frames, which {given.model} does not make")
    base = baseline(model.full_quality)
    print(f"{pixels}, guidance {base.guidance:g}; held-out prompts from number {SCORED} on")
    chosen = cases(SCORED + max(prompts, judgings))[SCORED:]
    maker = Maker(model, pixels)
    maker.make(text_of(chosen[0], 0), 0, replace(base, steps=2))  # warm

    arms, judging = closeness_arms(base, given.brief), fidelity_arms(base, given.brief)
    made, near = closeness(maker, chosen[:prompts], arms, given.budget / 3)
    show_closeness(made, near)
    show_goal(arms, made, near)
    if not judgings:
        return
    judged = fidelity(maker, probe, chosen[:judgings], judging, given.budget * 2 / 3)
    show_fidelity(judged, near)
    plot(given.plot, arms, made, near, judging, judged)
    print(f"picture: {given.plot}")


if __name__ == "__main__":
    main()

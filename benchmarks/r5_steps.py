"""R5: what a solver, its steps, step reuse and guidance's interval cost, and what they leave of the video.

Two tables, on held-out prompts that no score is taken from elsewhere, each with a seed of its own:
the same video: PSNR of the decoded frames to the 50-step Euler output and to a 200-step AB2 output of the same seed;
a right video: how many attributes the probe reads as the prompt tells them, paired with the 50-step output's.
Seconds are CPU seconds of one thread from prompt to latents, arms interleaved prompt by prompt. Evaluations are of the
guided field; passes count the half with the text and the half without it. Step reuse on Euler is EasyCache's setting.
The default that follows is the cheapest arm that the probe finds no worse than the 50-step output by more than a
standard error and that gives the same video: a blurred one may still show every attribute.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks import curves
from benchmarks.protocol import prepare
from langit.autoencoder.model import to_frames
from langit.bundle import load_bundle
from langit.evaluate.fidelity.scores import LANGUAGES, FidelityCase, cases
from langit.evaluate.judges.probe import Probe, judge, load_probe
from langit.evaluate.judges.truth import agreement
from langit.evaluate.reconstruction import psnr
from langit.generate import Model, SamplingConfig
from langit.generate.video import sample_latents
from langit.shapes import PixelShape

SCORED = 200  # the first so many held-out prompts are those of `langit evaluate`: nothing is chosen on them
GOAL = 38.0  # dB to the 50-step output
STEPS = {
    "euler": (6, 8, 10, 12, 16, 25),
    "heun": (3, 4, 5, 6, 8, 12),
    "ab2": (6, 8, 10, 12, 16, 25),
    "unipc": (6, 8, 10, 12, 16, 25),
}
REUSE = (("euler", 50), ("ab2", 25))
THRESHOLDS = (0.05, 0.1, 0.2, 0.4)
INTERVALS = ((1.0, 0.3), (1.0, 0.6), (1.0, 0.8), (0.98, 0.0))


@dataclass(frozen=True)
class Arm:
    """A way of sampling; arms of one ``line`` differ in how much they evaluate."""

    line: str
    name: str
    sampling: SamplingConfig


@dataclass(frozen=True)
class Made:
    """A video, and what it took."""

    frames: Tensor
    seconds: float
    evaluations: int
    passes: int


@dataclass(frozen=True)
class Judged:
    """A video's cost, and how many of the prompt's attributes it shows."""

    made: Made
    right: int
    of: int


class Maker:
    """Makes videos and counts what the transformer is asked."""

    def __init__(self, model: Model, pixels: PixelShape) -> None:
        self.model, self.pixels = model, pixels
        self.asked: list[int] = []
        model.transformer.register_forward_hook(lambda _module, inputs, _out: self.asked.append(len(inputs[0].lengths)))

    @torch.no_grad()
    def make(self, prompt: str, seed: int, sampling: SamplingConfig) -> Made:
        self.asked.clear()
        before = time.process_time()
        (latents,) = sample_latents([prompt], self.model, pixels=self.pixels, seeds=[seed], sampling=sampling)
        seconds = time.process_time() - before
        frames = to_frames(self.model.autoencoder.decode(latents[None]))[0]
        return Made(frames, seconds, len(self.asked), sum(self.asked))


def plain(base: SamplingConfig) -> SamplingConfig:
    """The model's settings without what is varied here."""
    return replace(base, steps=50, solver="euler", reuse=0.0, guidance_from=1.0, guidance_to=0.0)


def closeness_arms(base: SamplingConfig, brief: bool) -> list[Arm]:
    """What is compared with the 50-step and the 200-step output, frame by frame."""
    arms = [
        plain_arm(base, name, steps) for name, counts in STEPS.items() for steps in (counts[1::2] if brief else counts)
    ]
    for name, steps in REUSE:
        for threshold in THRESHOLDS[1:3] if brief else THRESHOLDS:
            title = f"{name} {steps} reuse"
            arms.append(Arm(title, f"{title} {threshold}", replace(base, solver=name, steps=steps, reuse=threshold)))
    return arms + interval_arms(base, brief)


def fidelity_arms(base: SamplingConfig, brief: bool) -> list[Arm]:
    """What the probe judges; the first is what the others are compared with."""
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
    """A solver that asks for every step, guided throughout."""
    return Arm(name, f"{name} {steps}", replace(base, solver=name, steps=steps))


def interval_arms(base: SamplingConfig, brief: bool) -> list[Arm]:
    """Guidance in an interval of levels: its video is another one, so that the frames tell less than the probe."""
    return [
        Arm(
            "ab2 12, interval",
            f"ab2 12, guided {high:g} to {low:g}",
            replace(base, solver="ab2", steps=12, guidance_from=high, guidance_to=low),
        )
        for high, low in (INTERVALS[:2] if brief else INTERVALS)
    ]


def text_of(case: FidelityCase, number: int) -> str:
    """English and Indonesian by turns."""
    return case.texts[LANGUAGES[number % 2]]


def closeness(
    maker: Maker, chosen: Sequence[FidelityCase], arms: Sequence[Arm], budget: float
) -> tuple[dict[str, list[Made]], dict[str, list[tuple[float, float]]]]:
    """Every arm's videos, and their PSNR to the 50-step and the 200-step output; as many prompts as fit the budget."""
    base = plain(maker.model.full_quality)
    made: dict[str, list[Made]] = {arm.name: [] for arm in arms}
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
) -> dict[str, list[Judged]]:
    """Every arm's videos as the probe judges them; as many prompts as fit the budget."""
    judged: dict[str, list[Judged]] = {arm.name: [] for arm in arms}
    begin = time.process_time()
    for number, case in enumerate(chosen):
        if number and (time.process_time() - begin) * (number + 1) / number > budget:
            break
        made = [maker.make(text_of(case, number), number, arm.sampling) for arm in arms]
        for arm, one, verdict in zip(arms, made, judge(probe, [one.frames for one in made]), strict=True):
            answers = agreement(case.truth, verdict)
            judged[arm.name].append(Judged(one, sum(answers.values()), len(answers)))
    return judged


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def difference(one: Sequence[Judged], other: Sequence[Judged]) -> tuple[float, float]:
    """Points of attributes that ``one`` has more right than ``other``, prompt by prompt, and the standard error."""
    points = [100 * (a.right / a.of - b.right / b.of) for a, b in zip(one, other, strict=True)]
    return mean(points), statistics.stdev(points) / len(points) ** 0.5 if len(points) > 1 else float("inf")


def show_closeness(made: dict[str, list[Made]], near: dict[str, list[tuple[float, float]]]) -> None:
    """The table, and the fewest evaluations that reach the goal."""
    count = len(near["euler 50"])
    print(f"\nThe same video: {count} prompts, dB of the frames, median (least)")
    print(f"  {'':26}{'evaluations':>12}{'passes':>8}{'CPU s':>8}{'to Euler, 50 steps':>22}{'to AB2, 200 steps':>22}")
    for name, pairs in near.items():
        evaluations, passes = (mean([getattr(one, key) for one in made[name]]) for key in ("evaluations", "passes"))
        seconds = statistics.median(one.seconds for one in made[name])
        fifty, exact = ([pair[side] for pair in pairs] for side in (0, 1))
        columns = [f"{statistics.median(part):.1f} ({min(part):.1f})" for part in (fifty, exact)]
        print(f"  {name:26}{evaluations:12.1f}{passes:8.1f}{seconds:8.3f}{columns[0]:>22}{columns[1]:>22}")


def show_goal(arms: Sequence[Arm], made: dict[str, list[Made]], near: dict[str, list[tuple[float, float]]]) -> None:
    """For each line the fewest evaluations whose median reaches the goal."""
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


def show_fidelity(judged: dict[str, list[Judged]], near: dict[str, list[tuple[float, float]]]) -> None:
    """The table, and the arms that follow from it."""
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
    made: dict[str, list[Made]],
    near: dict[str, list[tuple[float, float]]],
    judging: Sequence[Arm],
    judged: dict[str, list[Judged]],
) -> None:
    """Both tables as pictures."""
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
    curves.save(
        path,
        [
            curves.Panel("dB to AB2's 200 steps of the same seed, median", "evaluations", "dB", close),
            curves.Panel("attributes that the probe reads as told, %", "passes of the transformer", "%", right),
        ],
    )


def main() -> None:
    """Both tables and the plot."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--model", default="pocket")
    arguments.add_argument("--prompts", type=int, default=8, help="of the first table, at most")
    arguments.add_argument("--judged", type=int, default=64, help="prompts of the second table, at most")
    arguments.add_argument("--budget", type=float, default=540.0, help="CPU seconds, a third for the first table")
    arguments.add_argument("--brief", action="store_true", help="fewer arms, 2 and 8 prompts")
    arguments.add_argument("--plot", type=Path, default=Path("r5_steps.png"), help="where the picture goes")
    given = arguments.parse_args()
    prompts, judgings = (2, 8) if given.brief else (given.prompts, given.judged)
    prepare()
    model, probe = Model.of(load_bundle(given.model)), load_probe()
    pixels = next((size for size in model.sizes if size.frames == probe.config.frames), None)
    if pixels is None:
        raise SystemExit(f"the probe judges {probe.config.frames} frames, and {given.model} is not made for that many")
    base = plain(model.full_quality)
    print(f"{pixels}, guidance {base.guidance:g}; held-out prompts from number {SCORED} on")
    chosen = cases(SCORED + max(prompts, judgings))[SCORED:]
    maker = Maker(model, pixels)
    maker.make(text_of(chosen[0], 0), 0, replace(base, steps=2))  # warm

    arms, judging = closeness_arms(base, given.brief), fidelity_arms(base, given.brief)
    made, near = closeness(maker, chosen[:prompts], arms, given.budget / 3)
    show_closeness(made, near)
    show_goal(arms, made, near)
    judged = fidelity(maker, probe, chosen[:judgings], judging, given.budget * 2 / 3)
    show_fidelity(judged, near)
    plot(given.plot, arms, made, near, judging, judged)
    print(f"picture: {given.plot}")


if __name__ == "__main__":
    main()

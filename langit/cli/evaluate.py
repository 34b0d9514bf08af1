"""The verbs `evaluate fidelity`, `story`, `abilities`, `physics`, `copying` and `distance`: measure a model.

`langit evaluate MODEL --story` and the like are the former spelling; they still work but are not listed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperGroup

from langit.cli.entry import app
from langit.cli.printing import JsonOption, answer, answer_report
from langit.cli.progress import progress

if TYPE_CHECKING:
    from langit.device import Placement
    from langit.evaluate.report import EvaluationReport, Progress

    Evaluate = Callable[[str, Path, Progress, list[str], Placement], EvaluationReport]

_FORMER = "model"  # the hidden command behind the former spelling


class _VerbOrModel(TyperGroup):
    """Reads a first argument that is not a verb as the name of a model."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own type
        if args and args[0] not in (*self.commands, "--help"):
            args = [_FORMER, *args]
        return super().parse_args(ctx, args)


evaluation = typer.Typer(
    help="Measure a model: fidelity, the story's scenes, abilities, physics, copying, distance from real videos.",
    cls=_VerbOrModel,
    no_args_is_help=True,
)
app.add_typer(evaluation, name="evaluate")

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A model's name, or a bundle's folder.")]
Changes = Annotated[
    list[str] | None,
    typer.Argument(metavar="[sampling.KEY=VALUE]...", help="Sampling settings to override."),
]
Prompts = Annotated[int, typer.Option(min=1, help="The number of prompts that were never trained on.")]
Seeds = Annotated[int, typer.Option(min=1, help="The number of videos for each prompt.")]
Quality = Annotated[
    Literal["fast", "full"],
    typer.Option(help="fast: the model's preset with few evaluations, if it has one; full: the model's own weights."),
]
Careful = Annotated[bool, typer.Option("--careful", hidden=True)]  # the former spelling of --quality full
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Dtype = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16. The judges always compute in fp32.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="The folder for the report, by default KIND-MODEL here.")
]


@evaluation.command("fidelity")
def measure_fidelity(
    model: ModelName,
    changes: Changes = None,
    prompts: Prompts = 200,
    seeds: Seeds = 3,
    films: Annotated[
        int, typer.Option(min=1, help="The number of films of each world that the autoencoder reconstructs.")
    ] = 50,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
    careful: Careful = False,
    as_json: JsonOption = False,
) -> None:
    """Measure whether videos show what their prompts say, and how well and fast the model reconstructs and samples."""

    def evaluate(
        name: str, folder: Path, report: Progress, settings: list[str], placement: Placement
    ) -> EvaluationReport:
        from langit.evaluate.fidelity.report import evaluate_fidelity

        return evaluate_fidelity(
            name,
            prompts=prompts,
            seeds=seeds,
            films=films,
            folder=folder,
            progress=report,
            changes=settings,
            placement=placement,
        )

    _run(evaluate, "evaluation", model, changes, careful or quality == "full", device, dtype, output, as_json)


@evaluation.command("story")
def measure_story(
    model: ModelName,
    changes: Changes = None,
    prompts: Prompts = 200,
    seeds: Seeds = 3,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
    careful: Careful = False,
    as_json: JsonOption = False,
) -> None:
    """Measure how well puppies, the traveller and the train's window are recognised."""

    def evaluate(
        name: str, folder: Path, report: Progress, settings: list[str], placement: Placement
    ) -> EvaluationReport:
        from langit.evaluate.fidelity.story import evaluate_story

        return evaluate_story(
            name,
            prompts=prompts,
            seeds=seeds,
            folder=folder,
            progress=report,
            changes=settings,
            placement=placement,
        )

    _run(evaluate, "story", model, changes, careful or quality == "full", device, dtype, output, as_json)


@evaluation.command("abilities")
def measure_abilities(
    model: ModelName,
    changes: Changes = None,
    films: Annotated[int, typer.Option(min=1, help="The number of held-out films to try each ability on.")] = 64,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
    careful: Careful = False,
    as_json: JsonOption = False,
) -> None:
    """Measure what each ability preserves and changes, untrained sizes and durations, and videos of a minute."""

    def evaluate(
        name: str, folder: Path, report: Progress, settings: list[str], placement: Placement
    ) -> EvaluationReport:
        from langit.evaluate.abilities.report import evaluate_abilities

        return evaluate_abilities(
            name, films=films, folder=folder, progress=report, changes=settings, placement=placement
        )

    _run(evaluate, "abilities", model, changes, careful or quality == "full", device, dtype, output, as_json)


@evaluation.command("physics")
def measure_physics(
    model: ModelName,
    changes: Changes = None,
    prompts: Prompts = 64,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
    careful: Careful = False,
    as_json: JsonOption = False,
) -> None:
    """Measure how objects fall, whether left and right are respected, and whether hidden objects reappear."""

    def evaluate(
        name: str, folder: Path, report: Progress, settings: list[str], placement: Placement
    ) -> EvaluationReport:
        from langit.evaluate.physics.report import evaluate_physics

        return evaluate_physics(
            name, prompts=prompts, folder=folder, progress=report, changes=settings, placement=placement
        )

    _run(evaluate, "physics", model, changes, careful or quality == "full", device, dtype, output, as_json)


@evaluation.command("copying")
def measure_copying(
    model: ModelName,
    changes: Changes = None,
    prompts: Prompts = 200,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
    careful: Careful = False,
    as_json: JsonOption = False,
) -> None:
    """Measure how similar videos are to the model's training clips, compared with films it was not trained on."""

    def evaluate(
        name: str, folder: Path, report: Progress, settings: list[str], placement: Placement
    ) -> EvaluationReport:
        from langit import config
        from langit.evaluate.copying import evaluate_copying

        return evaluate_copying(name, prompts, folder, config.home(), report, settings, placement)

    _run(evaluate, "copying", model, changes, careful or quality == "full", device, dtype, output, as_json)


@evaluation.command("distance")
def measure_distance(
    model: ModelName,
    changes: Changes = None,
    against: Annotated[
        str, typer.Option(help="films (held-out ones of the model's worlds), or a manifest's name or digest.")
    ] = "films",
    videos: Annotated[int, typer.Option(min=1, help="The number of videos to generate, and of real ones.")] = 128,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how far videos are from real ones, by Fréchet distances that known damage calibrates."""

    def evaluate(
        name: str, folder: Path, report: Progress, settings: list[str], placement: Placement
    ) -> EvaluationReport:
        from langit import config
        from langit.evaluate.distance.report import evaluate_distance

        return evaluate_distance(name, against, videos, folder, config.home(), report, settings, placement)

    _run(evaluate, "distance", model, changes, quality == "full", device, dtype, output, as_json)


@evaluation.command("samples")
def export_vbench_samples(
    model: ModelName,
    prompts: Annotated[Path, typer.Option(help="A file with a prompt on each line, such as VBench's.")],
    samples: Annotated[int, typer.Option(min=1, help="Videos of each prompt; VBench asks for 5.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="The first sample's seed; the next ones count on.")] = 0,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="By default samples-MODEL here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Export videos in VBench's layout, videos/{prompt}-{index}.mp4, through the release door."""
    from langit.cli.generate import read_prompts
    from langit.evaluate.vbench import export_samples

    folder = output or Path(f"samples-{Path(model).name}")
    with progress() as bars:
        done = export_samples(
            model,
            read_prompts(None, prompts),
            folder,
            samples=samples,
            seed=seed,
            quality=quality,
            device=device,
            dtype=dtype,
            progress=lambda stage, number, of: bars(stage, number, of, ""),
        )
    refused = [f"refused: {prompt}: {why}" for prompt, why in done.refused.items()]
    lines = [f"{len(done.videos)} videos of {len(done.prompts)} prompts", *refused, folder.absolute()]
    values = {"folder": str(folder.absolute()), "videos": len(done.videos), "refused": done.refused}
    answer(values, as_json, lines)


@evaluation.command(_FORMER, hidden=True)
def former_spelling(
    model: ModelName,
    changes: Changes = None,
    prompts: Annotated[int | None, typer.Option(min=1)] = None,
    seeds: Annotated[int | None, typer.Option(min=1)] = None,
    films: Annotated[int | None, typer.Option(min=1)] = None,
    story: Annotated[bool, typer.Option("--story")] = False,
    abilities: Annotated[bool, typer.Option("--abilities")] = False,
    physics: Annotated[bool, typer.Option("--physics")] = False,
    copying: Annotated[bool, typer.Option("--copying")] = False,
    quality: Quality = "fast",
    device: Device = "auto",
    dtype: Dtype = "auto",
    output: Output = None,
    careful: Careful = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a model by the former spelling of the verbs: fidelity unless a flag names another kind."""
    flags = {"story": story, "abilities": abilities, "physics": physics, "copying": copying}
    kinds = [kind for kind, is_set in flags.items() if is_set] or ["fidelity"]
    if len(kinds) > 1:
        raise ValueError(f"--{kinds[0]} and --{kinds[1]} are separate reports: run langit evaluate {kinds[0]} {model}")
    [kind] = kinds
    verbs: dict[str, Callable[..., None]] = {
        "fidelity": measure_fidelity,
        "story": measure_story,
        "abilities": measure_abilities,
        "physics": measure_physics,
        "copying": measure_copying,
    }
    counts = {"prompts": prompts, "seeds": seeds, "films": films}
    given = {name: count for name, count in counts.items() if count is not None}
    allowed = {"abilities": ["films"], "physics": ["prompts"], "copying": ["prompts"]}.get(kind, ["prompts", "seeds"])
    for name, count in given.items():
        if name not in allowed:
            options = " and ".join(f"--{option}" for option in allowed)
            raise ValueError(f"--{name} {count} has no meaning for {kind}: use {options}")
    verbs[kind](
        model,
        changes,
        quality=quality,
        device=device,
        dtype=dtype,
        output=output,
        careful=careful,
        as_json=as_json,
        **given,
    )


def _run(
    evaluate: Evaluate,
    kind: str,
    model: str,
    changes: list[str] | None,
    full: bool,
    device: str,
    dtype: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run an evaluation with a progress bar; print its main table, or all figures, and the folder of its report."""
    from langit.device import Placement

    # an empty adapter means full quality; changes by the user come last and win
    settings = [*(["sampling.adapter="] if full else []), *(changes or [])]
    folder = output or Path(f"{kind}-{Path(model).name}")
    placement = Placement.choose(device, dtype)
    with progress() as bars:
        report = evaluate(model, folder, lambda stage, done, of: bars(stage, done, of, ""), settings, placement)
    answer_report(report, folder, as_json)

"""The command line: one verb for each thing that a person wants done; each calls one room, which knows nothing of it.

A person's mistake is one line on stderr and exit code 2, an interrupt exit code 130; a mistake of ours keeps its
traceback (``LANGIT_TRACEBACK=1`` shows it for every error). Rooms are imported by the verbs, so that --help is quick.
"""

from __future__ import annotations

import os
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import langit

if TYPE_CHECKING:
    from langit.shapes import PixelShape

EXTRAS = {
    "mujoco": "worlds",
    "lance": "worlds",
    "pyarrow": "worlds",
    "cryptography": "worlds",
    "OpenGL": "worlds",
    "diffusers": "open-weights",
}
LINE_EVERY = 30.0  # seconds, of progress where there is no terminal
NEAR = 0.05  # seconds by which a duration may miss a whole number of frames
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Langit: a sentence becomes a video, and every video says what made it.",
)
worlds = typer.Typer(help="The films that we render ourselves, which models learn from.")
bundle = typer.Typer(help="Models on disk.")
app.add_typer(worlds, name="worlds")
app.add_typer(bundle, name="bundle")


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and leave with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(given or ["--help"], prog_name="langit", standalone_mode=False)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except (ValueError, OSError, ModuleNotFoundError, typer.TyperException) as error:
        if os.environ.get("LANGIT_TRACEBACK"):
            raise
        typer.echo(f"langit: {_one_line(error)}", err=True)
        code = 2
    if code == INTERRUPTED:
        typer.echo("langit: interrupted", err=True)
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        if error.name not in EXTRAS:
            raise error
        extra = EXTRAS[error.name]
        mend = f"pip install -c constraints.txt -e '.[{extra}]'"
        return f"this needs {error.name}, which is not installed: {mend} in Langit's folder"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used ({error.strerror}): choose another place, or mend it"
    said = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    return " ".join(said.split()) or type(error).__name__


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"langit {langit.__version__}")
        raise typer.Exit


@app.callback()
def _langit(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    del version  # answered by its callback


@app.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What the video shows, in English or Indonesian.")],
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Another seed, another video.")] = 0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="An .mp4; named for the prompt if left out.")
    ] = None,
    model: Annotated[str, typer.Option(help="A model's name, or a bundle's folder.")] = "pocket",
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES, one that the model can do.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="How many frames.")] = None,
    seconds: Annotated[float | None, typer.Option(help="How long, instead of --frames.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=1000, help="Sampling steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="How much the prompt counts.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Make a video of a sentence."""
    from langit.release import check_path
    from langit.text.prompt import check_prompt, unknown_words

    check_prompt(prompt)
    path = free_name(prompt, seed) if output is None else output
    check_path(path, overwrite)

    from langit.bundle import load_bundle
    from langit.generate import Model, calm_threads
    from langit.generate import generate as make
    from langit.release import Facts, release

    opened = load_bundle(model)
    parts = Model.of(opened)
    calm_threads(parts)
    pixels = wanted_size(size, frames, seconds, parts.sizes, parts.fps)
    for word, nearest in unknown_words(parts.text.tokenizer, prompt):
        typer.echo(f"never seen: {word} (the nearest known word is {nearest})", err=True)
    with _bar() as report:
        made = make(
            prompt,
            parts,
            pixels=pixels,
            seed=seed,
            steps=steps,
            guidance=guidance,
            on_step=lambda step: report("sampling", step.number, step.of, ""),
        )
    facts = Facts(
        model=opened.provenance.model,
        prompt=made.prompt,
        seed=made.seed,
        fps=made.fps,
        steps=made.sampling.steps,
        guidance=made.sampling.guidance,
        provenance=opened.provenance.digest,
    )
    typer.echo(release(made.frames.numpy(), facts, path, overwrite))


def free_name(prompt: str, seed: int) -> Path:
    """A name that says what the video shows and that no file of the current folder has."""
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].rstrip("-") or "video"
    path, number = Path(f"{slug}-{seed}.mp4"), 1
    while path.exists():
        number += 1
        path = Path(f"{slug}-{seed}-{number}.mp4")
    return path


def wanted_size(
    size: str | None, frames: int | None, seconds: float | None, sizes: tuple[PixelShape, ...], fps: float
) -> PixelShape:
    """The size that the options ask for; what they leave open is the model's first choice that agrees with them.

    Raises:
        ValueError: the options contradict each other, or the model has no such size.
    """
    from langit.shapes import PixelShape

    if frames is not None and seconds is not None:
        raise ValueError(f"--frames {frames} and --seconds {seconds:g} say the same thing: give one of them")
    known = ", ".join(f"{each} ({each.frames / fps:.3g} s)" for each in sizes)
    if seconds is not None:
        if not 0 < seconds < 1e6:
            raise ValueError(f"--seconds {seconds:g} is not a duration that this model can make: it makes {known}")
        frames = round(seconds * fps)
        if abs(frames / fps - seconds) > NEAR:
            raise ValueError(
                f"--seconds {seconds:g} is no whole number of frames at {fps:g} a second: it makes {known}"
            )
    asked = PixelShape.parse(size) if size is not None else None
    whole = size is not None and size.lower().count("x") == 2
    if asked is not None and whole and frames is not None and frames != asked.frames:
        raise ValueError(f"--size {size} has {asked.frames} frames, not {frames}: give the frames once")
    if asked is not None and whole:
        frames = asked.frames
    for each in sizes:
        if asked is not None and (each.width, each.height) != (asked.width, asked.height):
            continue
        if frames is None or each.frames == frames:
            return each
    wanted = [f"--size {size}"] if size is not None else []
    wanted += [f"--seconds {seconds:g} ({frames} frames)"] if seconds is not None else []
    wanted += [f"--frames {frames}"] if frames is not None and seconds is None and not whole else []
    raise ValueError(f"this model cannot make {' '.join(wanted)}: it makes {known}")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, for example pocket.")],
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to the recipe.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render films.")] = max(os.cpu_count() or 1, 1),
) -> None:
    """Walk a recipe from films to a model."""
    from langit.config import override
    from langit.recipes import find

    changed = override(find(recipe), changes or [])

    from langit.recipes.run import run

    with _bar() as report:
        folder = run(changed, resume=resume, workers=workers, report=report)
    typer.echo(folder)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A model's name, or a bundle's folder.")],
    prompts: Annotated[int, typer.Option(min=1, help="How many prompts that were never trained on.")] = 200,
    seeds: Annotated[int, typer.Option(min=1, help="How many videos of each.")] = 3,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A folder for the report.")] = None,
) -> None:
    """Measure a model: the figures of its card, again."""
    from rich.console import Console

    from langit.evaluate.report import evaluate as measure

    folder = output or Path(f"evaluation-{Path(model).name}")
    with _bar() as report:
        found = measure(
            model,
            prompts=prompts,
            seeds=seeds,
            folder=folder,
            progress=lambda stage, done, of: report(stage, done, of, ""),
        )
    Console().print(found.table())
    typer.echo(folder.absolute())


@worlds.command("render")
def render(
    count: Annotated[int, typer.Argument(min=1, help="How many films.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder, made if it is not there.")],
    contact_sheet: Annotated[bool, typer.Option("--contact-sheet", help="One picture of all of them, too.")] = False,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=10**9, help="The first film's seed; the others follow.")] = 0,
) -> None:
    """Render films to look at, each with its captions beside it."""
    from langit.worlds.film import PIXELS
    from langit.worlds.gallery import render_to_folder

    pixels = PIXELS if size is None else given_size(size, PIXELS.frames)
    with _bar() as report:
        render_to_folder(
            count,
            output,
            pixels,
            seed,
            contact_sheet,
            lambda done, of: report("films", done, of, ""),
        )
    typer.echo(output.absolute())


def given_size(size: str, frames: int) -> PixelShape:
    """``WIDTHxHEIGHTxFRAMES``, or ``WIDTHxHEIGHT`` with ``frames``."""
    from langit.shapes import PixelShape

    shape = PixelShape.parse(size)
    return shape if size.lower().count("x") == 2 else replace(shape, frames=frames)


@bundle.command("check")
def check(
    name: Annotated[str, typer.Argument(help="A model's name, or a bundle's folder.")],
    render: Annotated[str, typer.Option(help="How many of its training films to render again, or all.")] = "20",
) -> None:
    """Check a model's files against its provenance, and films that it was trained on against their hashes."""
    from langit.bundle.check import check_bundle

    if render != "all" and not render.isdecimal():
        raise ValueError(f"--render {render} is no number of films: give 0 or more, or all")
    with _bar() as report:
        found = check_bundle(
            name,
            "all" if render == "all" else int(render),
            lambda done, of: report("films rendered again", done, of, ""),
        )
    for finding in found.findings:
        typer.echo(f"{finding.state:8}{finding.what}: {finding.text}")
    if not found.holds:
        broken = ", ".join(finding.what for finding in found.findings if finding.state == "broken")
        raise ValueError(f"{found.path} does not keep its word ({broken}): get the bundle again")


Report = Callable[[str, int, int, str], None]


@contextmanager
def _bar() -> Iterator[Report]:
    """Tells of stages on stderr: a bar for each on a terminal, elsewhere (a log file) a line every half minute."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    facts_column = TextColumn("{task.fields[facts]}")
    console = Console(stderr=True)
    bars = Progress(*columns, facts_column, console=console, transient=True)
    stages: dict[str, TaskID] = {}
    said = time.monotonic()

    def draw(stage: str, done: int, of: int, facts: str) -> None:
        if stage not in stages:
            bars.start()  # only now: whoever makes a mistake sees one line and no bar
            stages[stage] = bars.add_task(stage, facts=facts)
        bars.update(stages[stage], completed=done, total=of, facts=facts)

    def say(stage: str, done: int, of: int, facts: str) -> None:
        nonlocal said
        if time.monotonic() - said >= LINE_EVERY:
            said = time.monotonic()
            typer.echo(f"{stage} {done}/{of} {facts}".rstrip(), err=True)

    try:
        yield draw if console.is_terminal else say
    finally:
        if stages:
            bars.stop()

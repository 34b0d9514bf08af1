"""A sentence becomes a video."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langit.cli.entry import app
from langit.cli.progress import progress

if TYPE_CHECKING:
    from langit.shapes import PixelShape

NEAR = 0.05  # seconds by which a duration may miss a whole number of frames


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
    with progress() as report:
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

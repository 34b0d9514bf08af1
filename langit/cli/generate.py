"""Verbs that begin with a text: a video, an image, a long video, a storyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from langit.cli.making import Fit, Making, Rate, Size, make, verb

Prompt = Annotated[
    str | None, typer.Argument(help="What the video shows, in a sentence.", metavar="PROMPT", show_default=False)
]
Prompts = Annotated[
    Path | None,
    typer.Option(
        "--prompts", help="A text file with a prompt on each line, instead of PROMPT; --output is a folder then."
    ),
]


@verb
def generate(
    prompt: Prompt = None,
    prompts: Prompts = None,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT or WIDTHxHEIGHTxFRAMES, a size that the model supports.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Number of frames.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length in seconds, instead of --frames.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture for the first frame.")] = None,
    last: Annotated[Path | None, typer.Option(help="A picture for the last frame.")] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(help="A picture of something that should appear (VACE models); may be repeated."),
    ] = None,
    fit: Fit = None,
    *,
    making: Making,
) -> None:
    """Generate a video from a prompt, and from pictures for its first and last frame."""
    texts = read_prompts(prompt, prompts)

    from langit.studio.text_requests import GenerateRequest

    make(
        making,
        *(
            GenerateRequest(
                prompt=text,
                size=size,
                frames=frames,
                seconds=seconds,
                image=image,
                last=last,
                references=tuple(reference or ()),
                fit=fit,
            )
            for text in texts
        ),
        in_folder=prompts is not None,
    )


@verb
def image(prompt: Prompt = None, prompts: Prompts = None, size: Size = None, *, making: Making) -> None:
    """Generate an image from a prompt."""
    texts = read_prompts(prompt, prompts)

    from langit.studio.text_requests import ImageRequest

    make(making, *(ImageRequest(prompt=text, size=size) for text in texts), in_folder=prompts is not None)


@verb
def minute(
    prompt: Prompt = None,
    prompts: Prompts = None,
    seconds: Annotated[float, typer.Option(help="Length in seconds.")] = 60.0,
    size: Size = None,
    *,
    making: Making,
) -> None:
    """Generate a long video, window after window, in constant memory."""
    texts = read_prompts(prompt, prompts)

    from langit.studio.text_requests import MinuteRequest

    make(
        making,
        *(MinuteRequest(prompt=text, seconds=seconds, size=size) for text in texts),
        in_folder=prompts is not None,
    )


@verb
def storyboard(
    board: Annotated[Path, typer.Argument(help="A .toml file of timed cards, see docs/generate.md.")],
    fit: Fit = None,
    rate: Rate = None,
    *,
    making: Making,
) -> None:
    """Generate a video from timed cards with texts, pictures and videos."""
    from langit.studio.text_requests import StoryboardRequest

    make(making, StoryboardRequest.read(board, fit, rate))


def read_prompts(prompt: str | None, file: Path | None) -> list[str]:
    """The prompts: the one that is given, or those of a file without empty lines and lines that begin with #.

    Raises:
        ValueError: none or both are given, or the file has no prompts or is not text.
        OSError: the file cannot be read.
    """
    if prompt is not None and file is not None:
        raise ValueError(f"a prompt and --prompts {file} exclude each other: give one of them")
    if prompt is not None:
        return [prompt]
    if file is None:
        raise ValueError("the prompt is missing: say what the video shows, for example 'a red ball on snow'")
    if file.is_dir():
        raise ValueError(f"--prompts {file} is a folder: name a text file with a prompt on each line")
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not text in UTF-8: give a prompt on each line") from error
    texts = [line for line in lines if line and not line.startswith("#")]
    if not texts:
        raise ValueError(f"{file} has no prompts: write one on each line")
    return texts

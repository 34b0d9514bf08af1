"""The options that all verbs share which generate something, and how such a verb runs.

A verb turns its arguments into a request; `langit.studio` does the rest. This module parses, shows progress and prints.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from langit.cli.entry import app
from langit.cli.printing import say
from langit.cli.progress import Bars, Lines, display
from langit.printable import to_json

if TYPE_CHECKING:
    from langit.studio import ReleasedVideo, StudioJob, StudioOptions, StudioProgress
    from langit.studio.request import StudioRequest

Prompt = Annotated[str, typer.Argument(help="What the video shows, in a sentence.")]
Clip = Annotated[Path, typer.Argument(help="A video file.")]
Size = Annotated[str | None, typer.Option(help="WIDTHxHEIGHT, a size that the model supports.")]
Fit = Annotated[
    Literal["crop", "pad", "stretch"] | None,
    typer.Option(help="How to change pictures of another size. Without it, such pictures are an error."),
]
Rate = Annotated[
    Literal["resample", "retime"] | None,
    typer.Option(help="For another frame rate: resample keeps the speed, retime keeps the frames."),
]
_PANEL = "Options of every verb that generates something"


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_PANEL, **settings)


@dataclass(frozen=True)
class Options:
    """What a person may set for everything that is generated; each field is an option of every verb."""

    seed: Annotated[int | None, _option(min=0, max=2**63 - 1, help="Another seed gives another video. Default: 0.")] = (
        None
    )
    variations: Annotated[int, _option(min=1, max=1000, help="How many videos, with consecutive seeds.")] = 1
    output: Annotated[
        Path | None, _option("-o", "--output", help="The file. By default it is named for the prompt and the seed.")
    ] = None
    overwrite: Annotated[bool, _option("--overwrite", help="Replace existing files.")] = False
    model: Annotated[
        str, _option(help="A model's name, a bundle's folder, or open weights: a folder or OWNER/NAME on the hub.")
    ] = "pocket"
    device: Annotated[str, _option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto"
    dtype: Annotated[str, _option(help="auto, fp32, bf16 or fp16.")] = "auto"
    offload: Annotated[
        str,
        _option(help="What leaves the device: none, parts (one part of the model is there at a time) or blocks."),
    ] = "none"
    weights: Annotated[str, _option(help="Keep linear weights in fp8 or int8.", show_default=False)] = ""
    lora: Annotated[
        list[str] | None,
        _option("--lora", metavar="FILE[:WEIGHT]", help="A LoRA file; high=FILE or low=FILE for one of two experts."),
    ] = None
    tiled: Annotated[bool, _option("--tiled", help="Decode large frames in overlapping tiles, in less memory.")] = False
    compiled: Annotated[
        bool, _option("--compile", help="Compile the transformer's blocks: a slow first step, faster ones after it.")
    ] = False
    quality: Annotated[
        Literal["fast", "full"] | None,
        _option(help="full: the model's own weights with guidance, slower. Default: fast where the model has it."),
    ] = None
    careful: Annotated[bool, _option("--careful", hidden=True)] = False
    steps: Annotated[int | None, _option(min=1, max=1000, help="Solver steps.")] = None
    guidance: Annotated[float | None, _option(help="Guidance scale: how closely the video follows the prompt.")] = None
    solver: Annotated[str | None, _option(help="euler, heun, midpoint, ab2 or unipc.")] = None
    negative: Annotated[str | None, _option(help="What the video should not show.")] = None
    reuse: Annotated[
        float | None,
        _option(help="Use the last velocity again while it changes by less than this share, such as 0.05."),
    ] = None
    shift: Annotated[
        float | None, _option(help="Open weights: move noise levels by this shift, not that of their scheduler.")
    ] = None
    preset: Annotated[
        str | None, _option(help="Open weights for a few steps: fastwan or lightx2v. Default: as their name says.")
    ] = None
    expand: Annotated[
        str | None,
        _option(
            help="Who rewrites the prompt: embedded, off, chat:MODEL@URL or transformers:FOLDER."
            " Default: embedded; off for open weights, and where a picture or video is given."
        ),
    ] = None
    strict: Annotated[bool, _option("--strict", help="Refuse prompts with words that are not understood.")] = False
    parent_names: Annotated[
        bool, _option("--parent-names", help="Sign the names of given files with the video, not only their hashes.")
    ] = False
    preview: Annotated[Path | None, _option(help="A .png preview, updated while the video is generated.")] = None
    no_preview: Annotated[bool, _option("--no-preview", help="Draw no preview on the terminal.")] = False
    as_json: Annotated[bool, _option("--json", help="Print a line of JSON for each file instead of its path.")] = False


@dataclass(frozen=True)
class Making(Options):
    """The options of one call of a verb."""

    def studio_options(self) -> StudioOptions:
        """The options that the studio knows.

        Raises:
            ValueError: they contradict each other.
        """
        from langit.studio import StudioOptions

        if self.careful and self.quality == "fast":
            raise ValueError("--quality fast and --careful contradict each other: give one of them")
        names = [each.name for each in fields(StudioOptions) if each.name != "quality"]
        return StudioOptions(
            quality="full" if self.careful else self.quality, **{name: getattr(self, name) for name in names}
        )

    def seeds(self, request: StudioRequest) -> range:
        """The seeds of all variations of a request.

        Raises:
            ValueError: there are not that many.
        """
        first = request.default_seed if self.seed is None else self.seed
        if first + self.variations > 2**63:
            raise ValueError(f"--seed {first} leaves no room for {self.variations} variations: use a smaller seed")
        return range(first, first + self.variations)

    def claim(self, requests: Sequence[StudioRequest], claims: ExitStack, in_folder: bool) -> list[Path]:
        """Choose, check and claim an output for each variation of each request, and the preview.

        Args:
            requests: all of one ability.
            claims: is given what releases the claims.
            in_folder: whether ``output`` is a folder, in which names are chosen.

        Raises:
            ValueError, OSError: one of them cannot be written to.
        """
        from langit.studio import claim_paths
        from langit.studio.naming import check_outputs, claim_free_path

        suffix, suffixes = requests[0].suffix, requests[0].suffixes
        paths: list[Path] = []
        if self.output is not None and not in_folder:
            paths = self._named_paths(self.output, self.seeds(requests[0]))
            check_outputs(paths, suffixes, self.overwrite)
            claims.enter_context(claim_paths(paths, self.overwrite))
        else:
            folder = Path() if self.output is None else self.output
            if not folder.is_dir():
                raise ValueError(f"{folder} is not a folder: with --prompts, --output is a folder that exists")
            for request in requests:
                for seed in self.seeds(request):
                    paths.append(claims.enter_context(claim_free_path(folder, request.title, seed, suffix)))
            check_outputs(paths, suffixes)
        if self.preview is not None:
            check_outputs(paths, suffixes, True, self.preview)
            if not self.overwrite and self.preview.exists():
                raise FileExistsError(f"{self.preview} exists: choose another name, or overwrite it (--overwrite)")
            claims.enter_context(claim_paths([self.preview], self.overwrite))
        return paths

    def _named_paths(self, output: Path, seeds: range) -> list[Path]:
        if self.variations == 1:
            return [output]
        if output.is_dir():
            raise ValueError(f"{output} is a folder: name a file in it; each variation's seed is added to the name")
        return [output.with_stem(f"{output.stem}-{seed}") for seed in seeds]


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """Register a verb whose last argument, ``making``, gathers the options that all of them share."""
    signature = inspect.signature(function, eval_str=True)
    shared = inspect.signature(Options, eval_str=True).parameters.values()
    own = [parameter for name, parameter in signature.parameters.items() if name != "making"]

    @functools.wraps(function)
    def run(**arguments: Any) -> None:
        making = Making(**{each.name: arguments.pop(each.name) for each in fields(Options)})
        function(**arguments, making=making)

    options = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared)]
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # what Typer reads
    run.__annotations__ = {}
    app.command()(run)
    return function


def make(making: Making, *requests: StudioRequest, in_folder: bool = False) -> None:
    """Generate every variation of every request, and print where each file is.

    Everything is checked, claimed and prepared before the first video is generated.

    Args:
        making: the options.
        requests: all of one ability.
        in_folder: whether --output is a folder.

    Raises:
        ValueError, OSError: something that was given cannot be used.
    """
    from langit.studio import Studio
    from langit.studio.models import check_options

    options = making.studio_options()
    for request in requests:
        request.check()
    check_options(making.model, options)
    with ExitStack() as claims:
        paths = making.claim(requests, claims, in_folder)
        studio = Studio(
            making.model,
            device=making.device,
            dtype=making.dtype,
            offload=making.offload,
            weights=making.weights,
            loras=making.lora or (),
            tiled=making.tiled,
            compiled=making.compiled,
            requests=requests,
        )
        jobs = [job for request in requests for job in studio.prepare(request, options, making.seeds(request))]
        for number, (job, path) in enumerate(zip(jobs, paths, strict=True), start=1):
            part = f"video {number} of {len(jobs)}" if len(jobs) > 1 else ""
            with display() as shown:
                video = _run(job, path, making, shown, part)
            for note in video.notes[len(job.notes) :]:
                say(f"noted: {note}", err=True)
            if making.as_json:
                typer.echo(to_json(video.as_dict(), None))
            else:
                say(video.path)


def _run(job: StudioJob, path: Path, making: Making, shown: Bars | Lines, part: str) -> ReleasedVideo:
    """Run a job while its progress is shown. Notes come with the first step: a mistake before is one line alone."""
    from langit.cli.picture import can_show

    notes = list(job.notes)

    def on_progress(progress: StudioProgress) -> None:
        while notes:
            say(notes.pop(0), err=True)
        details = ", ".join(filter(None, (part, progress.details)))
        shown.report("sampling", progress.done, progress.total, details)

    drawn = isinstance(shown, Bars) and can_show(shown.console) and not making.no_preview
    return job.run(
        path,
        overwrite=making.overwrite,
        on_progress=on_progress,
        on_preview=shown.show if drawn and isinstance(shown, Bars) else None,
        preview=making.preview,
    )

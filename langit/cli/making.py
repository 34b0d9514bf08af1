"""What the verbs that make videos share: their options, and the way from a prompt to files.

A verb says what is given and which ability makes the rest; here are seeds, names, the prompt's expansion, progress and
the door out. What can be seen to be wrong is said before anything is computed.
"""

from __future__ import annotations

import functools
import inspect
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from langit.cli.entry import app
from langit.cli.progress import Bars, Lines, Show, Watch, display

if TYPE_CHECKING:
    import numpy as np

    from langit.generate import Generated, GeneratedStream, Model, SamplingConfig
    from langit.generate.sampler import OnStep
    from langit.release import Door, Facts, Released
    from langit.text.expansion import Expander, Expansion

Prompt = Annotated[str, typer.Argument(help="What the video shows, in a sentence.")]
Clip = Annotated[Path, typer.Argument(help="A video file.")]
Size = Annotated[str | None, typer.Option(help="WIDTHxHEIGHT, one that the model can do.")]
Fit = Annotated[
    Literal["crop", "pad", "stretch"] | None,
    typer.Option(help="What to do with a picture of another size; without it that is an error."),
]
Rate = Annotated[
    Literal["resample", "retime"] | None,
    typer.Option(help="What to do with another frame rate: keep the speed, or keep the frames."),
]
WANTED = ("steps", "guidance", "solver", "negative")
_PANEL = "Options of every verb that makes something"


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_PANEL, **settings)


@dataclass(frozen=True)
class Options:
    """What a person may say of everything that is made; each field is an option of every verb."""

    seed: Annotated[int | None, _option(min=0, max=2**63 - 1, help="Another seed, another video; 0 if left out.")] = (
        None
    )
    variations: Annotated[int, _option(min=1, max=1000, help="How many, with the seeds that follow.")] = 1
    output: Annotated[Path | None, _option("-o", "--output", help="A file; a name is found if left out.")] = None
    overwrite: Annotated[bool, _option("--overwrite", help="Replace files that exist.")] = False
    model: Annotated[str, _option(help="A model's name, or a bundle's folder.")] = "pocket"
    steps: Annotated[int | None, _option(min=1, max=1000, help="Sampling steps.")] = None
    guidance: Annotated[float | None, _option(help="How much the prompt counts.")] = None
    solver: Annotated[str | None, _option(help="How steps are taken: euler, heun, midpoint, ab2 or unipc.")] = None
    negative: Annotated[str | None, _option(help="What the video is to lead away from.")] = None
    careful: Annotated[
        bool, _option("--careful", help="Take the full way where the model has a fast one: slower, every step guided.")
    ] = False
    expand: Annotated[
        str | None,
        _option(
            help="Who rewrites prompts: embedded, off, chat:MODEL@URL or transformers:FOLDER."
            " Left out: embedded, and off where a picture or a video is given."
        ),
    ] = None
    preview: Annotated[Path | None, _option(help="A .png that shows what is being made, kept up to date.")] = None
    no_preview: Annotated[bool, _option("--no-preview", help="Draw no preview on the terminal.")] = False


@dataclass(frozen=True)
class Making(Options):
    """The options, and the verb that they were given to."""

    verb: str = ""

    @property
    def seeds(self) -> range:
        first = self.seed or 0
        return range(first, first + self.variations)

    def expander(self, given: bool) -> str:
        """Who rewrites prompts: nobody where something is ``given`` that says what an expander would fill in."""
        return self.expand or ("off" if given else "embedded")

    def sampling(self, model: Model) -> SamplingConfig:
        """The model's own settings with what the person changed, which may ask for the full way."""
        wanted = {name: getattr(self, name) for name in WANTED}
        return model.settings(model.full_quality if self.careful else None, **wanted)

    def notes(self, model: Model, sampling: SamplingConfig) -> list[str]:
        """What the person is told of the way that is taken, where they did not choose it by name."""
        if self.careful or model.sampling.adapter == sampling.adapter:
            return []
        asked = ", ".join(f"--{name}" for name in WANTED if getattr(self, name) is not None)
        steps, guidance = sampling.steps, sampling.guidance
        return [f"made the full way, {steps} steps with guidance {guidance:g}: the fast one cannot do as {asked} asks"]

    def paths(self, name: str, suffix: str) -> list[Path]:
        """A place for each variation.

        Raises:
            ValueError, OSError: one of them cannot be written to.
        """
        from langit.release import IMAGE, check_path

        if self.seeds[-1] >= 2**63:
            raise ValueError(f"--seed {self.seed} has no {self.variations} seeds from it on: give a smaller one")
        if self.output is None:
            found = [free_name(name, seed, suffix) for seed in self.seeds]
        elif self.variations == 1:
            found = [self.output]
        else:
            check_path(self.output, True, suffix)
            found = [self.output.with_stem(f"{self.output.stem}-{seed}") for seed in self.seeds]
        for path in found:
            check_path(path, self.overwrite, suffix)
        if self.preview is not None:
            check_path(self.preview, self.overwrite, IMAGE)
            if self.preview.absolute() in [path.absolute() for path in found]:
                raise ValueError(f"{self.preview} cannot be the preview and the image itself: name one differently")
        return found


@dataclass(frozen=True)
class Turn:
    """One of the variations that a verb makes."""

    model: Model
    prompt: str
    seed: int
    sampling: SamplingConfig
    on_step: OnStep
    notes: list[str]  # what the person is told before the first step, and not where there is none
    expand: Expander
    said: list[Expansion]  # texts besides the prompt that were rewritten for the model

    def read(self, text: str) -> str:
        """A text of the person's, besides the prompt, as the model is to read it."""
        said = self.expand(text, self.seed)
        self.said.append(said)
        self.notes.extend(said.lines())
        return said.text

    @property
    def settings(self) -> dict[str, Any]:
        """What each ability takes."""
        return {"seed": self.seed, "sampling": self.sampling, "on_step": self.on_step}


Work = Callable[[Turn], "Generated | GeneratedStream"]
Prepare = Callable[["Model"], Work]


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """Registers a verb whose last argument, ``making``, gathers the options that all of them share."""
    signature = inspect.signature(function, eval_str=True)
    shared = inspect.signature(Options, eval_str=True).parameters.values()
    own = [parameter for name, parameter in signature.parameters.items() if name != "making"]

    @functools.wraps(function)
    def run(**given: Any) -> None:
        making = Making(**{each.name: given.pop(each.name) for each in fields(Options)}, verb=function.__name__)
        function(**given, making=making)

    options = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *shared)]
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # what Typer reads
    run.__annotations__ = {}
    app.command()(run)
    return function


def make(
    making: Making, prompt: str, prepare: Prepare, *, name: str = "", image: bool = False, given: bool = False
) -> None:
    """Make every variation and write it to its file.

    Args:
        making: the shared options.
        prompt: as the person wrote it; empty where the verb needs none.
        prepare: reads what is given, and returns what makes one variation.
        name: what files are named for; the prompt if left out.
        image: whether one frame is made, and a PNG of it.
        given: whether pictures or videos are given, which say already what an expander would fill in.

    Raises:
        ValueError, OSError: what the person gave cannot be done.
    """
    from langit.release import IMAGE, SUFFIX
    from langit.text.prompt import normalize_prompt

    if prompt:
        normalize_prompt(prompt)
    paths = making.paths(name or prompt, IMAGE if image else SUFFIX)

    from langit.bundle import load_bundle
    from langit.config import canonical, dump
    from langit.generate import Model, limited_threads
    from langit.release import Door, Facts

    opened = load_bundle(making.model)
    door = Door.of(opened)
    model = Model.of(opened)
    sampling = making.sampling(model)
    work = prepare(model)
    expand = rewriter(making.expander(given), model, functools.partial(door.ask, ability=making.verb))
    prompts = [expand(prompt, seed) if prompt else None for seed in making.seeds]
    for number, (path, seed, said) in enumerate(zip(paths, making.seeds, prompts, strict=True), start=1):
        facts = Facts(
            model=opened.provenance.model,
            prompt=said.text if said else "",
            seed=seed,
            fps=model.fps,
            steps=sampling.steps,
            guidance=sampling.guidance,
            provenance=opened.provenance.digest,
            ledger=opened.provenance.ledger,
            asked=said.original if said and said.changed else "",
            sampling=canonical(dump(sampling)).decode(),
        )
        with limited_threads(model), display() as shown, _watching(making, model, shown, facts) as watch:
            watch.of = f"{number} of {making.variations}" if making.variations > 1 else ""
            watch.notes.extend((*making.notes(model, sampling), *(said.lines() if said else ())))
            turn = Turn(model, facts.prompt, seed, sampling, watch.on_step, watch.notes, expand, [])
            made = work(turn)
            asked = facts.asked or "; ".join(each.original for each in turn.said if any(e.changed for e in turn.said))
            facts = replace(facts, prompt=made.prompt, ability=made.ability, parents=made.parents, asked=asked)
            left = _release(made, watch, facts, path, door, making.overwrite)
        for note in left.notes:
            typer.echo(f"noted: {note}", err=True)
        typer.echo(left.path)


def rewriter(name: str, model: Model, ask: Callable[[str], object]) -> Expander:
    """An expander of that name, which refuses what it understands nothing of in letters that the model cannot read.

    What goes in and what comes out has to pass the prompt gate, which ``ask`` asks.
    """
    from langit.text.prompt import check_prompt
    from langit.worlds.reading.expand import expander

    expand = expander(name, model.text.tokenizer)

    def rewritten(prompt: str, seed: int) -> Expansion:
        ask(prompt)
        said = expand(prompt, seed)
        ask(said.text)
        if said.by == "embedded" and not said.understood:
            check_prompt(prompt)
        return said

    return rewritten


@contextmanager
def _watching(making: Making, model: Model, shown: Bars | Lines, facts: Facts) -> Iterator[Watch]:
    """Whoever wants to see what is being made is shown it; a preview's file goes if nothing came of it."""
    from langit.cli.picture import can_show, side_by_side
    from langit.release import release_preview

    shows: list[Show] = []
    if isinstance(shown, Bars) and can_show(shown.console) and not making.no_preview:
        shows.append(shown.show)
    file = making.preview
    if file is not None:
        unfinished = replace(facts, ability="preview")
        shows.append(lambda frames: void(release_preview(side_by_side(frames), unfinished, file)))
    try:
        yield Watch(model, shown.report, tuple(shows))
    except BaseException:
        if file is not None:
            file.unlink(missing_ok=True)
        raise


def void(_: object) -> None:
    """Forget a value."""


def _release(made: Generated | GeneratedStream, watch: Watch, facts: Facts, path: Path, door: Door, overwrite: bool) -> Released:
    from langit.release import SUFFIX, release, release_image

    frames: Iterator[np.ndarray] = watch.counted(frame.numpy() for frame in made.frames)
    if path.suffix.lower() == SUFFIX:
        return release(frames, facts, path, door, overwrite)
    (frame,) = frames
    return release_image(frame, facts, path, door, overwrite)


def free_name(words: str, seed: int, suffix: str) -> Path:
    """A name that says what is shown and that no file of the current folder has."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].rstrip("-") or "video"
    path, number = Path(f"{slug}-{seed}{suffix}"), 1
    while path.exists():
        number += 1
        path = Path(f"{slug}-{seed}-{number}{suffix}")
    return path

"""The tools' server: one tool for each verb. Its descriptions are what the calling program reads."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

import langit
from langit.bundle.folder import read_provenance, resolve
from langit.generate.fitting import Fit
from langit.generate.footage import Rate
from langit.inquiry.about import describe_nearest, describe_training_data
from langit.inquiry.lookup import describe_file, lineage_over, with_its_own_record
from langit.ledger.answers import describe, describe_model
from langit.ledger.artifacts import TrainedModel
from langit.ledger.store import Ledger
from langit.release.credentials.identity import signing
from langit.release.verify import verify as judge
from langit.studio import StudioOptions, StudioProgress
from langit.studio.coverage import cover_prompt
from langit.studio.progress import OnProgress
from langit.studio.request import StudioRequest
from langit.studio.text_requests import GenerateRequest, ImageRequest, MinuteRequest, StoryboardRequest
from langit.studio.video_requests import (
    ConnectRequest,
    EditRequest,
    ExtendRequest,
    InpaintRequest,
    LoopRequest,
    RecutRequest,
)
from langit.tools.workbench import Workbench, describe_progress

INSTRUCTIONS = (
    "Langit makes videos and pictures from text and footage. Every file is watermarked, signed and entered in a ledger;"
    " requests that a gate refuses make nothing. Results are files in the folder of outputs; name these, or files in"
    " folders that the person allowed, to go on with them. The shipped model knows few words: `coverage` tells which."
)
Quality = Literal["fast", "full"]
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def explain_errors(tool: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Let what a caller can mend reach it as a message; a mistake of ours stays one, and tells nothing."""

    @functools.wraps(tool)
    def explained(*given: Arguments.args, **named: Arguments.kwargs) -> Answer:
        try:
            return tool(*given, **named)
        except OSError as error:
            raise ToolError(error.strerror or str(error)) from error
        except ValueError as error:
            raise ToolError(" ".join(str(error).split())) from error

    return explained


def create_server(bench: Workbench) -> MCPServer[Any]:
    """The server with all tools."""
    server: MCPServer[Any] = MCPServer(
        "langit",
        instructions=INSTRUCTIONS,
        version=langit.__version__,
        log_level="WARNING",  # what is below repeats prompts
    )
    add_texts(server, bench)
    add_clips(server, bench)
    add_questions(server, bench)
    return server


def make(
    bench: Workbench,
    context: Context[Any, Any],
    request: StudioRequest,
    seed: int | None,
    model: str | None,
    quality: Quality | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Make what a tool asks for, with its progress reported; a caller that cancels stops it within a step."""
    return bench.make(request, StudioOptions(quality=quality, **options), seed, model, reporter(context))


def reporter(context: Context[Any, Any]) -> OnProgress:
    """Reports steps to the caller from the thread that makes the video."""

    def report(progress: StudioProgress) -> None:
        anyio.from_thread.check_cancelled()
        anyio.from_thread.run(context.report_progress, progress.done, progress.total, describe_progress(progress))

    return report


def add_texts(server: MCPServer[Any], bench: Workbench) -> None:
    """Tools that begin with a text."""

    @server.tool()
    @explain_errors
    def generate(
        prompt: str,
        context: Context[Any, Any],
        seconds: float | None = None,
        size: str | None = None,
        image: str | None = None,
        last: str | None = None,
        fit: Fit | None = None,
        negative: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        strict: bool = False,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Make a video of a prompt; `image` and `last` are pictures for its first and last frame.

        `size` is WIDTHxHEIGHT; `fit` (crop, pad, stretch) changes pictures of another size; `strict` refuses words
        that the model cannot show.
        """
        request = GenerateRequest(
            prompt=prompt,
            seconds=seconds,
            size=size,
            image=bench.find_file(image),
            last=bench.find_file(last),
            fit=fit,
        )
        options = {"negative": negative, "steps": steps, "guidance": guidance, "strict": strict}
        return make(bench, context, request, seed, model, quality, **options)

    @server.tool()
    @explain_errors
    def image(
        prompt: str,
        context: Context[Any, Any],
        size: str | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Make a picture of a prompt."""
        return make(bench, context, ImageRequest(prompt=prompt, size=size), seed, model, quality)

    @server.tool()
    @explain_errors
    def minute(
        prompt: str,
        context: Context[Any, Any],
        seconds: float = 60.0,
        size: str | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Make a video longer than the model samples at once, window after window."""
        request = MinuteRequest(prompt=prompt, seconds=seconds, size=size)
        return make(bench, context, request, seed, model, quality)

    @server.tool()
    @explain_errors
    def storyboard(
        seconds: float,
        cards: list[dict[str, str | float]],
        context: Context[Any, Any],
        prompt: str | None = None,
        style: str | None = None,
        size: str | None = None,
        fit: Fit | None = None,
        rate: Rate | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Make a video of cards in the order of time.

        A card has `from` and `to` (or `at`) in seconds, and one of `text`, `image` and `video`; `prompt` is for what
        lies between the cards, `style` is added to every text.
        """
        words = {"prompt": prompt, "style": style, "size": size, "fit": fit, "rate": rate}
        board = bench.read_board(seconds, cards, words)
        return make(bench, context, StoryboardRequest(board=board), seed, model, quality)


def add_clips(server: MCPServer[Any], bench: Workbench) -> None:
    """Tools that begin with a video."""

    @server.tool()
    @explain_errors
    def extend(
        video: str,
        context: Context[Any, Any],
        prompt: str = "",
        seconds: float = 2.0,
        before: bool = False,
        fit: Fit | None = None,
        rate: Rate | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Continue a video after its end, or before its beginning."""
        path = bench.files.find_file(video)
        request = ExtendRequest(video=path, prompt=prompt, seconds=seconds, before=before, fit=fit, rate=rate)
        return make(bench, context, request, seed, model, quality)

    @server.tool()
    @explain_errors
    def loop(
        video: str,
        context: Context[Any, Any],
        prompt: str = "",
        seconds: float = 1.0,
        fit: Fit | None = None,
        rate: Rate | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Lead the end of a video back to its beginning, so that it can be played in a loop."""
        path = bench.files.find_file(video)
        request = LoopRequest(video=path, prompt=prompt, seconds=seconds, fit=fit, rate=rate)
        return make(bench, context, request, seed, model, quality)

    @server.tool()
    @explain_errors
    def connect(
        first: str,
        second: str,
        context: Context[Any, Any],
        prompt: str = "",
        seconds: float | None = None,
        blend: float | None = None,
        fit: Fit | None = None,
        rate: Rate | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Join two videos by a bridge of `seconds`, or blend one into the other over `blend` seconds."""
        one, other = bench.files.find_file(first), bench.files.find_file(second)
        request = ConnectRequest(
            video=one, second=other, prompt=prompt, seconds=seconds, blend=blend, fit=fit, rate=rate
        )
        return make(bench, context, request, seed, model, quality)

    @server.tool()
    @explain_errors
    def edit(
        video: str,
        prompt: str,
        context: Context[Any, Any],
        strength: float = 0.6,
        fit: Fit | None = None,
        rate: Rate | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Make a video again with another prompt; the lower `strength` (above 0 to 1), the more of it stays."""
        path = bench.files.find_file(video)
        request = EditRequest(video=path, prompt=prompt, strength=strength, fit=fit, rate=rate)
        return make(bench, context, request, seed, model, quality)

    @server.tool()
    @explain_errors
    def inpaint(
        video: str,
        mask: str,
        prompt: str,
        context: Context[Any, Any],
        strength: float = 1.0,
        fit: Fit | None = None,
        rate: Rate | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Make a region of a video anew: where the picture `mask`, of the video's size, is white."""
        path, region = bench.files.find_file(video), bench.files.find_file(mask)
        request = InpaintRequest(video=path, mask=region, prompt=prompt, strength=strength, fit=fit, rate=rate)
        return make(bench, context, request, seed, model, quality)

    @server.tool()
    @explain_errors
    def recut(
        video: str,
        seconds: float,
        context: Context[Any, Any],
        prompt: str = "",
        start: float = 0.0,
        end: float | None = None,
        before: float | None = None,
        fit: Fit | None = None,
        rate: Rate | None = None,
        seed: int | None = None,
        quality: Quality | None = None,
        model: str | None = None,
    ) -> dict[str, Any]:
        """Keep a part of a video, from `start` to `end`, and make what comes before and after it."""
        path = bench.files.find_file(video)
        request = RecutRequest(
            video=path, prompt=prompt, seconds=seconds, start=start, end=end, before=before, fit=fit, rate=rate
        )
        return make(bench, context, request, seed, model, quality)


def add_questions(server: MCPServer[Any], bench: Workbench) -> None:
    """Tools that make nothing."""

    @server.tool()
    @explain_errors
    def models() -> dict[str, Any]:
        """List the models that may be used, and what each was trained on."""
        found = [describe_training_data(read_provenance(resolve(name)), bench.home) for name in bench.models]
        return {"models": found, "folders": [str(folder) for folder in bench.files.folders]}

    @server.tool()
    @explain_errors
    def coverage(prompt: str, model: str | None = None) -> dict[str, Any]:
        """Tell which words of a prompt a model cannot show, and what it will read, before anything is made."""
        with bench.open_studio(model) as studio:
            return cover_prompt(studio.model.text.vocabulary, studio.door.ask, prompt)

    @server.tool()
    @explain_errors
    def verify(file: str) -> dict[str, Any]:
        """Tell what is known of a video or picture: made by which model, from what, changed since?"""
        return judge(bench.files.find_file(file), signing=signing(bench.home)).plain()

    @server.tool()
    @explain_errors
    def whose(thing: str) -> dict[str, Any]:
        """Tell whose footage a file, a hash, a URL or a model's name is, and which models saw it."""
        ledger = Ledger(bench.home / "ledger")
        lineage = lineage_over(ledger, bench.home)
        if bench.files.contains(thing):
            return describe_file(lineage, ledger, bench.files.find_file(thing), every=False)
        if "://" not in thing and ("/" in thing or "\\" in thing):
            bench.files.find_file(thing)  # says that it may not be read, or is not there
        found = lineage.find(thing)
        first = found[0]
        if isinstance(first, TrainedModel):
            return describe_model(*with_its_own_record(lineage, first), every=False)
        return describe(lineage, found, every=False)

    @server.tool()
    @explain_errors
    def nearest(video: str, count: int = 5, model: str | None = None) -> dict[str, Any]:
        """List the training clips of a model that a video is most similar to. Similarity does not show causes."""
        if not 1 <= count <= 100:
            raise ValueError(f"count {count} is not possible: use 1 to 100")
        path = bench.files.find_file(video)
        with bench.open_studio(model) as studio:
            return describe_nearest(path, studio.bundle, count, bench.home)

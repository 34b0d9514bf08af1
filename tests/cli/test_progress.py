"""What a person sees while they wait, and what is left when they do not: bars, previews, interrupts."""

from __future__ import annotations

import io
import itertools
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.running import Run, process, read_until
from PIL import Image
from rich.console import Console

from langit.bundle import load_bundle
from langit.cli.picture import can_show, half_blocks
from langit.cli.progress import Bars, Lines, describe_seconds
from langit.generate import Model, generate
from langit.generate.preview import decode_preview
from langit.studio import progress
from langit.studio.progress import ProgressReporter, StudioProgress, side_by_side


def terminal(width: int = 80, height: int = 24, colours: str = "truecolor") -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    return Console(file=file, force_terminal=True, color_system=colours, width=width, height=height)


def test_a_picture_is_drawn_two_pixels_to_a_character() -> None:
    picture = np.zeros((4, 3, 3), np.uint8)
    picture[0], picture[1], picture[2:, 1] = (255, 0, 0), (0, 0, 255), (10, 20, 30)
    console = terminal()
    with console.capture() as drawn:
        console.print(half_blocks(picture, console), end="")
    lines = drawn.get().splitlines()
    assert len(lines) == 2 and all(line.count("▀") == 3 for line in lines)
    assert lines[0].count("38;2;255;0;0;48;2;0;0;255m▀") == 3
    assert lines[1].count("38;2;10;20;30;48;2;10;20;30m▀") == 1


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 24), (200, 60), (20, 8)])
def test_a_picture_keeps_within_the_terminal(width: int, height: int) -> None:
    picture = side_by_side(np.full((3, 64, 96, 3), 90, np.uint8))
    assert picture.shape == (64, 3 * 96 + 2, 3)
    console = terminal(width, height)
    with console.capture() as drawn:
        console.print(half_blocks(picture, console), end="")
    lines = drawn.get().splitlines()
    assert 1 <= len(lines) <= max(height - 6, 2)
    assert len({line.count("▀") for line in lines}) == 1 and lines[0].count("▀") < width


def test_only_terminals_with_true_colour_are_drawn_on() -> None:
    assert can_show(terminal())
    assert not can_show(terminal(colours="256"))
    assert not can_show(Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def opened(model: Path) -> Model:
    return Model.of(load_bundle(model))


def test_a_preview_shows_the_video_that_is_generated(opened: Model) -> None:
    steps = []
    made = generate("ball", opened, seed=1, on_step=steps.append)
    last = decode_preview(steps[-1].latents[0], opened)
    assert last.shape == (3, 32, 32, 3) and last.dtype == torch.uint8
    assert torch.equal(last[0], made.frames[0])  # the first frame is decoded alone, in a video and in a preview
    assert decode_preview(steps[-1].latents[0][:, :1], opened).shape == (1, 32, 32, 3)


def test_previews_take_little_of_the_time(opened: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    now, shown, reports = [0.0], [], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def on_preview(frames: np.ndarray) -> None:
        shown.append(now[0])
        now[0] += 0.1  # what a preview costs

    reporter = ProgressReporter(opened, reports.append, (on_preview,))

    def on_step(step: object) -> None:
        now[0] += 0.2  # what a step costs
        reporter.on_step(step)

    generate("ball", opened, steps=40, on_step=on_step)
    assert len(reports) == 40 and reports[-1] == StudioProgress(40, 40) and reports[-1].details == ""
    assert shown[0] == pytest.approx(0.2) and len(shown) > 3
    pauses = [after - before for before, after in itertools.pairwise(shown)]
    assert min(pauses) >= 0.1 / progress.PREVIEW_SHARE
    assert reporter.preview_seconds <= 0.1 * now[0]


def test_no_preview_is_decoded_unless_somebody_wants_one(opened: Model) -> None:
    reporter = ProgressReporter(opened)
    generate("ball", opened, on_step=reporter.on_step)
    assert reporter.preview_seconds == 0


def test_without_a_terminal_lines_say_how_long_it_takes(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("langit.cli.progress.time.monotonic", lambda: now[0])
    lines = Lines()
    for done in range(1, 101):
        now[0] += 1.0
        lines.report("sampling", done, 100, "window 1 of 2")
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "sampling 6/100, window 1 of 2, about 2 min left" and len(said) == 4
    assert said[-1] == "sampling 96/100, window 1 of 2, about 4 s left"
    assert [describe_seconds(seconds) for seconds in (0.2, 89, 200, 9000)] == ["1 s", "89 s", "3 min", "2.5 h"]


def test_bars_and_picture_are_gone_in_the_end() -> None:
    console = terminal()
    bars = Bars(console)
    bars.report("sampling", 1, 2, "window 1 of 2")
    bars.show(np.full((3, 8, 8, 3), 200, np.uint8))
    bars.report("sampling", 2, 2, "")
    bars.stop()
    console.file.flush()
    drawn = console.file.buffer.getvalue().decode()
    assert "sampling" in drawn and "▀" in drawn
    assert drawn.rstrip("\n").endswith("\x1b[1A\x1b[2K")  # lines are erased, upwards


def test_a_preview_can_be_kept_in_a_file(capsys, place: Path, model: Path) -> None:
    run = Run(capsys, "generate", "ball", "--model", model, "-o", "a.mp4", "--preview", "p.png")
    assert run.code == 0, run.err
    with Image.open(place / "p.png") as picture:
        assert picture.size == (3 * 32 + 2, 32) and picture.text["ability"] == "preview"
    assert sorted(path.name for path in place.iterdir()) == ["a.mp4", "p.png"]
    same = Run(capsys, "image", "ball", "--model", model, "-o", "b.png", "--preview", "b.png")
    assert same.code == 2 and "give two names" in same.err and not (place / "b.png").exists()


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_an_interrupt_or_termination_leaves_nothing(
    place: Path, model: Path, number: signal.Signals, code: int, word: str
) -> None:
    """While frames are written and a preview is drawn, of a video that would take long."""
    running = process(
        *("minute", "ball", "--seconds", 300, "--steps", 20, "--model", model, "-o", "a.mp4", "--preview", "p.png")
    )
    said = read_until(running, " of 300, ", "s done", "▀")
    assert (place / "p.png").exists() and any(path.suffix == ".part" for path in place.iterdir())
    running.send_signal(number)
    _, err = running.communicate()
    assert running.returncode == code, said
    assert "Traceback" not in err and err.rstrip().endswith(f"langit: {word}")
    assert list(place.iterdir()) == []


def test_no_preview_is_drawn_where_none_is_wanted(place: Path, model: Path) -> None:
    running = process("generate", "ball", "--model", model, "-o", "a.mp4", "--no-preview")
    out, err = running.communicate()
    assert running.returncode == 0 and out.split() == [str(place / "a.mp4")]
    assert "sampling" in err and "▀" not in err

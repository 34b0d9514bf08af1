"""What a person sees while they wait, and what is left when they do not: bars, previews, interrupts."""

from __future__ import annotations

import io
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.running import Run, process, said_until
from PIL import Image
from rich.console import Console

from langit.bundle import load_bundle
from langit.cli import progress
from langit.cli.picture import can_show, half_blocks, side_by_side
from langit.cli.progress import Bars, Watch
from langit.generate import Model, generate
from langit.generate.glimpse import glimpse


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


def test_a_glimpse_is_of_the_video_that_is_made(opened: Model) -> None:
    steps = []
    made = generate("ball", opened, seed=1, on_step=steps.append)
    last = glimpse(steps[-1].latents[0], opened)
    assert last.shape == (3, 32, 32, 3) and last.dtype == torch.uint8
    assert torch.equal(last[0], made.frames[0])  # the first frame is decoded alone, in a video and in a glimpse
    assert glimpse(steps[-1].latents[0][:, :1], opened).shape == (1, 32, 32, 3)


def test_previews_take_little_of_the_time(opened: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    now, seen, told = [0.0], [], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def look(frames: np.ndarray) -> None:
        seen.append(now[0])
        now[0] += 0.1  # what a preview costs

    watch = Watch(opened, lambda *said: told.append(said), (look,))

    def on_step(step: object) -> None:
        now[0] += 0.2  # what a step costs
        watch.on_step(step)

    generate("ball", opened, steps=40, on_step=on_step)
    assert len(told) == 40 and told[-1] == ("sampling", 40, 40, "")
    assert seen[0] == pytest.approx(0.2) and len(seen) > 3
    assert all(after - before >= 0.1 / progress.LOOK_SHARE for before, after in zip(seen, seen[1:], strict=False))
    assert watch.looked <= 0.1 * now[0]


def test_nothing_is_decoded_where_nobody_looks(opened: Model) -> None:
    watch = Watch(opened, lambda *said: None, ())
    generate("ball", opened, on_step=watch.on_step)
    assert watch.looked == 0


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
    assert same.code == 2 and "name one differently" in same.err and not (place / "b.png").exists()


def test_an_interrupt_leaves_nothing_and_130(place: Path, model: Path) -> None:
    """While frames are written, and a preview is drawn: five minutes of video, which nobody waits for."""
    running = process(
        *("minute", "ball", "--seconds", 300, "--steps", 20, "--model", model, "-o", "a.mp4", "--preview", "p.png")
    )
    said = said_until(running, " of 300, ", "s done", "▀")
    assert (place / "p.png").exists() and any(path.suffix == ".part" for path in place.iterdir())
    running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    assert running.returncode == 130, said
    assert "Traceback" not in err and err.rstrip().endswith("langit: interrupted")
    assert list(place.iterdir()) == []


def test_no_preview_is_drawn_where_none_is_wanted(place: Path, model: Path) -> None:
    running = process("generate", "ball", "--model", model, "-o", "a.mp4", "--no-preview")
    out, err = running.communicate()
    assert running.returncode == 0 and out.split() == [str(place / "a.mp4")]
    assert "sampling" in err and "▀" not in err

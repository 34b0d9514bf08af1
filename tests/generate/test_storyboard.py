"""Boards are read, or refused with the card's number; cards appear at their times and gaps see both sides."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from langit import video
from langit.generate import Board, read_board, storyboard
from langit.generate.board import Card, parse_board
from langit.generate.storyboard import lay_out
from langit.generate.windows import Span
from langit.shapes import PixelShape

TEXT = '[[card]]\nfrom = {}\nto = {}\ntext = "a red ball bounces"\n'


@pytest.fixture
def folder(tmp_path):
    dice = np.random.default_rng(0)
    Image.fromarray(dice.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "still.png")
    video.write(tmp_path / "clip.mp4", dice.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8), 8)
    video.write(tmp_path / "fast.mp4", dice.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8), 24)
    return tmp_path


def board(folder: Path, text: str) -> Board:
    (folder / "board.toml").write_text(text, encoding="utf-8")
    return read_board(folder / "board.toml")


def test_a_board_is_read(folder) -> None:
    found = board(
        folder,
        """
        seconds = 6
        size = "48x32"
        seed = 7
        prompt = "a blue cube spins"
        style = "on snow"
        fit = "crop"
        rate = "resample"
        [[card]]
        from = 0.0
        to = 1.5
        text = "a red ball bounces"
        [[card]]
        at = 2
        image = "still.png"
        [[card]]
        from = 4.0
        to = 5.0
        video = "clip.mp4"
        """,
    )
    cards = (
        Card(1, 0.0, 1.5, text="a red ball bounces"),
        Card(2, 2.0, None, image=folder / "still.png"),
        Card(3, 4.0, 5.0, video=folder / "clip.mp4"),
    )
    assert found == Board(
        6.0, cards, PixelShape(1, 32, 48), 7, "a blue cube spins", "on snow", fit="crop", rate="resample"
    )


def test_texts_come_first_and_gaps_see_both_sides(model, folder) -> None:
    found = board(
        folder,
        'seconds = 5.0\nprompt = "a blue cube spins"\nstyle = "on snow"\n'
        + TEXT.format(0.5, 1.5)
        + TEXT.format(1.5, 2.0).replace("bounces", "spins")
        + '[[card]]\nat = 2.5\nimage = "still.png"\n[[card]]\nat = 3.25\nvideo = "clip.mp4"\n',
    )
    canvas, spans, footage = lay_out(found, model)
    assert spans == (
        Span(4, 12, "a red ball bounces, on snow"),
        Span(12, 16, "a red ball spins, on snow"),
        *(Span(a, z, "a blue cube spins, on snow") for a, z in ((0, 4), (16, 20), (24, 26), (38, 40))),
    )
    assert [canvas.given_frames.index(True), sum(canvas.given_frames), len(footage)] == [20, 4 + 12, 2]
    told = []
    made = storyboard(found, model, seed=3, on_step=lambda step: told.append((step.number, step.total)))
    assert told[-1] == (12, 12) and len(made.frames) == 40 and made.seed == 3 and made.ability == "storyboard"
    assert torch.equal(made.frames[20:24], footage[0].frames) and torch.equal(made.frames[26:38], footage[1].frames)
    assert made.prompt.split(" | ") == [spans[0].prompt, spans[1].prompt, spans[2].prompt]
    assert [parent.name for parent in made.parents] == ["still.png", "clip.mp4"]
    assert torch.equal(made.frames, storyboard(folder / "board.toml", model, seed=3).frames)


def test_an_image_may_be_the_last_card(model, folder) -> None:
    found = board(folder, 'seconds = 2.0\n[[card]]\nat = 1.75\nimage = "still.png"\n')
    made = storyboard(found, model)
    assert len(made.frames) == 16 and torch.equal(made.frames[14], made.frames[15])
    held = board(folder, 'seconds = 2.0\n[[card]]\nfrom = 0\nto = 1\nimage = "still.png"\n')
    canvas, spans, _ = lay_out(held, model)
    assert sum(canvas.given_frames) == 8 and spans == (Span(8, 16, ""),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seconds = 6.0", "no cards: add at least one under a line [[card]]"),
        ("seconds = 6.0\ncard = 3", "no cards"),
        (TEXT.format(0, 1), "the board has no length"),
        ("seconds = 0\n" + TEXT.format(0, 1), "seconds 0 is not a duration"),
        ("seconds = nan\n" + TEXT.format(0, 1), "seconds nan is not a duration"),
        ("seconds = 600\n" + TEXT.format(0, 1), "at most 300"),
        ('seconds = "6"\n' + TEXT.format(0, 1), "the board has seconds = '6': use a number"),
        ("seconds = 6\nseed = -1\n" + TEXT.format(0, 1), "seed -1 is out of range"),
        ('seconds = 6\nsize = "64x64x9"\n' + TEXT.format(0, 1), "'64x64x9' is not WIDTHxHEIGHT"),
        ('seconds = 6\nsize = "big"\n' + TEXT.format(0, 1), "'big' is not WIDTHxHEIGHT"),
        ('seconds = 6\nfit = "squeeze"\n' + TEXT.format(0, 1), "fit 'squeeze' is not known"),
        ('seconds = 6\nstile = "x"\n' + TEXT.format(0, 1), "'stile' is not a key of a board: did you mean style?"),
        ("seconds = 6\nx\ny = 2", "not TOML (.*line 2"),
        ("seconds = 6\n" + TEXT.format(0, 1) + "when = 3", "card 1: 'when' is not a key of a card: use at, from"),
        ("seconds = 6\n" + TEXT.format(0, 1) + "at = 3", "card 1: it has at and from: give its start once"),
        ("seconds = 6\n[[card]]\nat = 1", "card 1: it has no content: give one of text, image, video"),
        ("seconds = 6\n" + TEXT.format(0, 1) + 'image = "still.png"', "card 1: it has text and image: give one"),
        ('seconds = 6\n[[card]]\ntext = "a"\nto = 3', "card 1: it has no start"),
        ('seconds = 6\n[[card]]\ntext = "a"\nat = 3', "card 1: a text has no length of its own: give from and to"),
        ('seconds = 6\n[[card]]\ntext = ""\nfrom = 0\nto = 3', "card 1: the prompt '' has no words"),
        (
            "seconds = 6\n[[card]]\ntext = 5\nfrom = 0\nto = 3",
            "card 1: it has text = 5: use text in quotation marks",
        ),
        ('seconds = 6\n[[card]]\ntext = "a"\nfrom = true\nto = 3', "card 1: it has from = True: use a number"),
        ("seconds = 6\n" + TEXT.format(0, 1) + TEXT.format(0.5, 2), "card 2: it begins at 0.5 s, card 1 ends at 1 s"),
        ("seconds = 6\n" + TEXT.format(2, 3) + TEXT.format(0, 1), "card 2: .* card 1 at 2 s: sort the cards by time"),
        ("seconds = 6\n" + TEXT.format(2, 1), "card 1: it lasts from 2 s to 1 s"),
        ("seconds = 6\n" + TEXT.format(2, 7), "card 1: it lasts from 2 s to 7 s on a board of 6 s"),
        (
            "seconds = 6\n" + TEXT.format(6, 7),
            "card 1: it begins at 6 s, but the board lasts 6 s: use a start of at least 0 and below 6 s",
        ),
        ("seconds = 6\n" + TEXT.format("nan", 1), "card 1: it begins at nan s"),
    ],
)
def test_errors_in_a_board_are_named_with_a_remedy(folder, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("[[", r"\[\[").replace("(", r"\(")) as caught:
        board(folder, text)
    assert str(caught.value).startswith(f"{folder / 'board.toml'}: ")


def test_missing_files_are_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="board.toml does not exist"):
        read_board(tmp_path / "board.toml")
    with pytest.raises(FileNotFoundError, match="card 1: .*nowhere.png does not exist.*relative to the board"):
        board(tmp_path, 'seconds = 6\n[[card]]\nat = 1\nimage = "nowhere.png"')
    with pytest.raises(ValueError, match="is a folder"):
        read_board(tmp_path)
    (tmp_path / "board.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not text in UTF-8"):
        read_board(tmp_path / "board.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'seconds = 6\n[[card]]\nat = 1\nvideo = "clip.mp4"\n' + TEXT.format(2, 3),
            "card 2: .* before it ends at 2.5 s",
        ),
        ('seconds = 6\n[[card]]\nat = 1\nimage = "still.png"\n' + TEXT.format(1.25, 3), "card 2: .* ends at 1.5 s"),
        ('seconds = 2\n[[card]]\nat = 1\nvideo = "clip.mp4"', "card 1: clip.mp4 lasts 1.5 s and would end after"),
        ('seconds = 6\n[[card]]\nfrom = 1\nto = 3\nvideo = "clip.mp4"', "card 1: clip.mp4 lasts 1.5 s, not to 3 s"),
        ('seconds = 6\n[[card]]\nat = 1\nvideo = "fast.mp4"', "card 1: .*fast.mp4 has 24 frames a second.*resample"),
        (
            'seconds = 6\nsize = "48x32"\n[[card]]\nat = 1\nimage = "still.png"',
            "card 1: .*still.png is 32x32",
        ),
        (
            'seconds = 6\n[[card]]\nat = 1.3\nimage = "still.png"',
            "card 1: its start 1.3 lies between two frames",
        ),
        ("seconds = 6\n" + TEXT.format(0, 0.25), "card 1: it lasts 0.25 s: give it at least 0.5 s"),
        ('seconds = 6\nsize = "64x64"\n' + TEXT.format(0, 1), "size 64x64x33 .* is not supported"),
        ('seconds = 6\n[[card]]\ntext = "мяч"\nfrom = 0\nto = 3', "card 1: the prompt has Cyrillic letters"),
        ("seconds = 5.1\n" + TEXT.format(0, 1), "seconds 5.1 lies between"),
    ],
)
def test_impossible_boards_are_refused_before_sampling(model, folder, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        storyboard(board(folder, text), model, on_step=lambda step: pytest.fail("it began"))


@settings(deadline=None, max_examples=30)
@given(lengths=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=5))
def test_any_row_of_cards_is_read_as_written(lengths: list[tuple[int, int]]) -> None:
    at, cards, text = 0, [], ""
    for number, (gap, length) in enumerate(lengths, start=1):
        begin, end = (at + gap) / 8, (at + gap + length) / 8
        cards.append(Card(number, begin, end, text="a red ball bounces"))
        text += TEXT.format(begin, end)
        at += gap + length
    assert parse_board(f"seconds = {at / 8}\n{text}", Path()).cards == tuple(cards)


KEYS = st.sampled_from(["seconds", "size", "seed", "prompt", "fit", "at", "from", "to", "text", "image", "video", "x"])
VALUES = st.one_of(
    st.integers(-5, 700).map(str),
    st.floats(width=32).map(str),
    st.sampled_from(['"a ball"', '"64x64"', '"crop"', "true", "[1]", "{a = 1}", "1979-05-27", '""']),
)
LINES = st.one_of(st.just("[[card]]"), st.tuples(KEYS, VALUES).map(" = ".join), st.text(max_size=8))


@settings(deadline=None, max_examples=60)
@given(st.lists(LINES, max_size=8))
def test_any_text_is_a_board_or_refused(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = parse_board("\n".join(["seconds = 6", *lines]), Path(folder))
        except (ValueError, OSError) as error:
            assert str(error)
        else:
            assert found.cards

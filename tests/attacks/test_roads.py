"""Every text that a model may read passes the prompt gate, whichever ability, verb, route or tool it comes by.

Abilities are found, not listed: one that is new and has no sample here fails, and so does another room that generates.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import model
from PIL import Image

import langit
from langit import Studio, video
from langit.generate.board import Board, Card
from langit.release.gates.finding import Refused
from langit.serve.requests import KINDS
from langit.studio import StudioOptions
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

__all__ = ["model"]  # a fixture

FINE = "a red ball bounces"
BY_RULES = "a man stabs a woman to death"
BY_CLASSIFIER = "the boss wants the witness gone before breakfast"
BAD = (BY_RULES, BY_CLASSIFIER)
GENERATES = {"generate", "studio", "evaluate"}
"""Rooms that call abilities: `evaluate` measures a model with its own prompts and releases nothing."""
ABILITIES = {"generate", "image", "minute", "extend", "loop", "connect", "edit", "inpaint", "recut", "storyboard"}
Place = Callable[[Path, str], StudioRequest]


def card(text: str) -> Card:
    return Card(number=1, begin=0.0, end=1.0, text=text)


def board(text: str = FINE, **more: str) -> StoryboardRequest:
    return StoryboardRequest(board=Board(seconds=2.0, cards=(card(text),), **more))  # type: ignore[arg-type]


PLACES: dict[str, tuple[type[StudioRequest], Place]] = {
    "generate": (GenerateRequest, lambda _, text: GenerateRequest(prompt=text)),
    "generate, image": (GenerateRequest, lambda at, text: GenerateRequest(prompt=text, image=at / "still.png")),
    "image": (ImageRequest, lambda _, text: ImageRequest(prompt=text)),
    "minute": (MinuteRequest, lambda _, text: MinuteRequest(prompt=text, seconds=3.0)),
    "a card": (StoryboardRequest, lambda _, text: board(text)),
    "a board's prompt": (StoryboardRequest, lambda _, text: board(prompt=text)),
    "a board's style": (StoryboardRequest, lambda _, text: board(style=text)),
    "extend": (ExtendRequest, lambda at, text: ExtendRequest(video=at / "first.mp4", prompt=text, seconds=1.0)),
    "loop": (LoopRequest, lambda at, text: LoopRequest(video=at / "first.mp4", prompt=text, seconds=1.0)),
    "connect": (
        ConnectRequest,
        lambda at, text: ConnectRequest(video=at / "first.mp4", second=at / "first.mp4", prompt=text, seconds=1.0),
    ),
    "edit": (EditRequest, lambda at, text: EditRequest(video=at / "first.mp4", prompt=text)),
    "inpaint": (
        InpaintRequest,
        lambda at, text: InpaintRequest(video=at / "first.mp4", mask=at / "mask.png", prompt=text),
    ),
    "recut": (RecutRequest, lambda at, text: RecutRequest(video=at / "first.mp4", prompt=text, seconds=1.0)),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    pictures = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    video.write(folder / "first.mp4", pictures, 8)
    Image.new("RGB", (32, 32), (90, 140, 200)).save(folder / "still.png")
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (8, 8, 24, 24))
    mask.save(folder / "mask.png")
    return folder


@pytest.fixture(scope="module")
def studio(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANGIT_HOME", str(tmp_path_factory.mktemp("home")))
        yield Studio(model)


@pytest.mark.parametrize("name", PLACES)
def test_a_text_of_every_ability_passes_the_gate(name: str, studio: Studio, inputs: Path) -> None:
    _, build = PLACES[name]
    assert studio.prepare(build(inputs, FINE))
    for text in BAD:
        with pytest.raises(Refused):
            studio.prepare(build(inputs, text))


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("text", BAD)
def test_so_does_the_negative_prompt_of_every_ability(name: str, text: str, studio: Studio, inputs: Path) -> None:
    _, build = PLACES[name]
    with pytest.raises(Refused):
        studio.prepare(build(inputs, FINE), StudioOptions(negative=text))


def all_abilities(kind: type[StudioRequest] = StudioRequest) -> Iterator[type[StudioRequest]]:
    for found in kind.__subclasses__():
        if not found.__abstractmethods__:
            yield found
        yield from all_abilities(found)


def test_no_ability_and_no_text_of_one_is_missing_here() -> None:
    known = {kind for kind, _ in PLACES.values()}
    real = {kind for kind in all_abilities() if kind.__module__.startswith("langit.") and "ability" in vars(kind)}
    assert known == real
    assert {kind.ability for kind in known} == ABILITIES
    assert set(KINDS.values()) <= known, "what the server makes"
    texts = {
        (kind.__name__, field.name)
        for kind in (*known, Board, Card)
        for field in dataclasses.fields(kind)
        if field.type in ("str", "str | None") and field.name not in ("size", "name")
    }
    prompts = {(kind.__name__, "prompt") for kind in known if kind is not StoryboardRequest}
    assert texts == prompts | {("Board", "prompt"), ("Board", "style"), ("Card", "text")}, (
        "every text has a place above"
    )


def test_no_other_room_generates() -> None:
    """Verbs, the server and the tools make videos through the studio alone, whose gate the tests above try."""
    root = Path(langit.__file__).parent
    found = set()
    for path in sorted(root.rglob("*.py")):
        room = path.relative_to(root).parts[0]
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "generate" in text else ():
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("langit.generate"):
                if {name.name for name in node.names} & ABILITIES:
                    found.add(room)
            elif (
                isinstance(node, ast.Attribute)
                and node.attr in ABILITIES
                and isinstance(node.value, ast.Name)
                and node.value.id == "generate"
            ):
                found.add(room)
    assert found - GENERATES == set()

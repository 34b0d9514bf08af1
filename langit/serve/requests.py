"""From a job's request, as stored, to the studio's: the worker's half. The web process writes what is read here.

A request is a dict: ``ability`` with its arguments, where files are names in the job's folder, ``options`` and
``seed``. It was checked when it was written; what only the model can judge is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from langit.generate.board import Board, Card
from langit.shapes import PixelShape
from langit.studio import StudioOptions
from langit.studio.request import StudioRequest
from langit.studio.text_requests import GenerateRequest, ImageRequest, MinuteRequest, StoryboardRequest
from langit.studio.video_requests import (
    ConnectRequest,
    EditRequest,
    ExtendRequest,
    InpaintRequest,
    LoopRequest,
)

FILES: Final = ("image", "last", "video", "second", "mask")
"""Arguments that are files."""
KINDS: Final[Mapping[str, type[StudioRequest]]] = {
    kind.ability: kind
    for kind in (
        GenerateRequest,
        ImageRequest,
        MinuteRequest,
        ExtendRequest,
        LoopRequest,
        ConnectRequest,
        EditRequest,
        InpaintRequest,
    )
}


def build_request(stored: Mapping[str, Any], inputs: Path) -> StudioRequest:
    """The studio's request of a stored one.

    Args:
        stored: see the module.
        inputs: the folder of its files.
    """
    arguments = dict(stored["arguments"])
    if stored["ability"] == "storyboard":
        return StoryboardRequest(board=_board(arguments, inputs), name="storyboard")
    for name in FILES:
        if arguments.get(name) is not None:
            arguments[name] = _file(inputs, arguments[name])
    return KINDS[stored["ability"]](**arguments)


def build_options(stored: Mapping[str, Any]) -> StudioOptions:
    """The studio's options of a stored request.

    Raises:
        ValueError: an option has a wrong value.
    """
    return StudioOptions(**stored["options"])


def _board(arguments: Mapping[str, Any], inputs: Path) -> Board:
    cards = tuple(
        Card(
            number=number,
            begin=card["begin"],
            end=card.get("end"),
            text=card.get("text"),
            image=_file(inputs, card["image"]) if card.get("image") else None,
            video=_file(inputs, card["video"]) if card.get("video") else None,
        )
        for number, card in enumerate(arguments["cards"], start=1)
    )
    size = arguments.get("size")
    return Board(
        seconds=arguments["seconds"],
        cards=cards,
        size=None if size is None else PixelShape.parse(size),
        prompt=arguments.get("prompt", ""),
        style=arguments.get("style", ""),
        fit=arguments.get("fit"),
        rate=arguments.get("rate"),
    )


def _file(inputs: Path, name: str) -> Path:
    assert name == Path(name).name, name  # the web process chose it
    return inputs / name

"""What the server says, in the page's other languages: every sentence that it can say has one, and means the same."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import langit
from langit.release.gates.finding import Finding, Refused
from langit.release.gates.prompt import MEND
from langit.release.verdict import SENTENCES, VerifyFinding
from langit.serve.errors import describe_validation
from langit.serve.models import ModelCard
from langit.serve.protocol import CreateVideo
from langit.serve.sizes import choose_frames, choose_size
from langit.studio.progress import StudioProgress
from langit.text.expansion import Expansion

SERVE = Path(langit.__file__).parent / "serve"
PLACE = re.compile(r"\{(\d)\}")
CARD = ModelCard("tiny", "sha256:" + "0" * 64, ((32, 32), (48, 32)), 8.0, 9, 1, 9, fast=False)


def rows(language: str = "id") -> list[tuple[str, str]]:
    found = json.loads((SERVE / "page" / f"sentences.{language}.json").read_text(encoding="utf-8"))
    return [(english, translated) for english, translated in found]


def translate(text: str) -> str | None:
    """What ``told`` of words.js makes of a sentence; None if it is not known."""
    for english, translated in rows():
        pattern = "(.+?)".join(re.escape(part) for part in PLACE.split(english)[::2])
        if (found := re.fullmatch(pattern, text, re.DOTALL)) is not None:
            pieces = PLACE.split(translated)  # text and the numbers of places in turn
            parts = [translate(part) or part for part in found.groups()]
            pieces[1::2] = [parts[int(number)] for number in pieces[1::2]]
            return "".join(pieces)
    return None


def text_of(node: ast.expr) -> Iterator[str]:
    """The literal sentences of an expression, with X for what is filled in; none of a variable."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)  # type: ignore[misc]
    elif isinstance(node, ast.IfExp):
        yield from text_of(node.body)
        yield from text_of(node.orelse)


def errors() -> list[str]:
    """Every sentence that an ApiError is raised with, in the sources of the server."""
    found = []
    for path in sorted(SERVE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ApiError" and len(node.args) > 1:
                found += text_of(node.args[1])
    return found


def test_every_error_has_a_sentence_in_every_language() -> None:
    found = [text for text in errors() if text.strip("X: ")]
    assert len(found) > 70
    assert [text for text in found if translate(text) is None] == []


@pytest.mark.parametrize("values", [{"x_steps": 0}, {"x_steps": 1001}, {"x_seed": "a"}, {"x_strict": 3}, {"wrong": 1}])
def test_what_does_not_fit_the_model_is_said_in_every_language(values: dict[str, object]) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError) as caught:
        CreateVideo.model_validate({"prompt": "a ball", **values})
    message = describe_validation(caught.value).message
    assert translate(message) is not None, message


def test_notes_refusals_and_verdicts_are_said_in_every_language() -> None:
    opened = Expansion("a", "b", by="embedded", filled=(("camera", "still"),), corrected=(("bal", "ball"),), unknown=())
    said = [*opened.lines(), *choose_size(CARD, "720x1280", True)[2], *choose_frames(CARD, 8.0, True)[1]]
    said.append(str(Refused([Finding("violence", '"kill"', "refuse")], MEND)))
    said += [
        StudioProgress(1, 9, 1, 2).details,
        StudioProgress(1, 9, 1, 2, 1.5).details,
        StudioProgress(1, 9, 1, 1, 2.0).details,
    ]
    for finding in (VerifyFinding.CHANGED, VerifyFinding.APPENDED, VerifyFinding.CUT):
        said.append(SENTENCES[finding].format(changed="its name", appended=3, missing=4))
    assert [text for text in said if translate(text) is None] == []


def test_parts_of_a_sentence_are_translated_too_and_values_stay() -> None:
    said = translate("video 'video_1' is queued and has no content: wait until it is completed")
    assert said == "video 'video_1' menunggu giliran dan tidak memiliki isi: tunggu sampai selesai"
    assert translate("size 9x9 became 32x32, the nearest that tiny makes") is not None
    assert translate("nobody says this") is None


def test_translations_hold_what_the_sentences_hold() -> None:
    for english, translated in rows():
        assert sorted(PLACE.findall(english)) == sorted(PLACE.findall(translated)), english
        assert PLACE.findall(english) == [str(number) for number in range(len(PLACE.findall(english)))], english
        assert english != translated or english.startswith("url"), english
    assert len({english for english, _ in rows()}) == len(rows())
    for path in (SERVE / "page").glob("words.*.json"):
        language = path.name.split(".")[1]
        assert language == "en" or rows(language), language

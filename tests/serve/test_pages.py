"""The pages' files: nothing from elsewhere, every word in both languages, colours with enough contrast."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from serve.conftest import Local

import langit

FOLDER = Path(langit.__file__).parent / "serve" / "page"
PAGES = sorted(FOLDER.glob("*.html"))
SCRIPTS = sorted(FOLDER.glob("*.js"))
LANGUAGES = ("en", "id")
TEXT, LARGE = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11: text, and the parts of controls."""


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((FOLDER / f"words.{language}.json").read_text(encoding="utf-8"))
    return found


def test_pages_are_served_with_a_strict_policy(client: Local) -> None:
    for path in ("/", "/detect", "/rights", "/docs"):
        answer = client.get(path)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        for name in re.findall(r'(?:src|href)="(/page/[^"]+)"', answer.text):
            assert client.get(name).status_code == 200, name
    tag = client.get("/page/style.css").headers["etag"]
    assert client.get("/page/style.css", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("name", ["..%2fapp.py", "../app.py", "index.html", "absent.js", "%2e%2e%2fapp.py", "a%00"])
def test_nothing_but_the_pages_files_is_served(client: Local, name: str) -> None:
    assert client.get(f"/page/{name}").status_code == 404


@pytest.mark.parametrize("path", [*PAGES, *SCRIPTS, *FOLDER.glob("*.css")], ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere_or_runs_inline(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    addresses = re.findall(r"https?://[^\s\"'`)]+|[\"'(]//[^\s\"')]+", text)
    assert [address for address in addresses if "w3.org" not in address] == []
    if path.suffix == ".html":
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)|javascript:", text)
    if path.suffix == ".js":
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def used_words() -> set[str]:
    keys: set[str] = set()
    for path in PAGES:
        keys |= {*re.findall(r'data-w(?:-label)?="([^"]+)"', path.read_text(encoding="utf-8"))}
    for path in SCRIPTS:
        keys |= {*re.findall(r'(?<![\w.])w\("([^"]+)"', path.read_text(encoding="utf-8"))}
    return keys


def test_every_word_is_in_both_languages() -> None:
    english, indonesian = map(words, LANGUAGES)
    assert used_words() - english.keys() == set()
    assert english.keys() == indonesian.keys()
    same = {key for key, text in english.items() if text == indonesian[key]}
    assert same <= {"model", "fact.model", "foot.api", "fact.made_by", "go.keys"}, same
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", indonesian[key])), key


def test_every_finding_and_reason_has_words() -> None:
    from langit.inquiry.public import SUMMARIES
    from langit.ledger.requests import REASONS
    from langit.release.verdict import VerifyFinding

    english = words("en")
    assert {f"verdict.{machine}.{edited}" for machine, edited in SUMMARIES} <= english.keys()
    assert {f"reason.{reason}" for reason in REASONS} <= english.keys()
    names = {finding.name.lower().replace("_", "-") for finding in VerifyFinding}
    # Those that name what was changed show the server's own sentence; the last two are never told to strangers.
    detailed = {"changed", "appended", "cut", "known-source", "known-parent"}
    assert {f"finding.{name}" for name in names - detailed} <= english.keys()


def schemes() -> dict[str, dict[str, str]]:
    text = (FOLDER / "style.css").read_text(encoding="utf-8")
    found = {}
    for name, block in re.findall(r'^:root(?:\[data-theme="(\w+)"\])? \{(.*?)^\}', text, flags=re.S | re.M):
        found[name or "light"] = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    return found


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_contrast(scheme: str) -> None:
    colours = schemes()[scheme]
    grounds = ("bg", "surface", "soft")
    texts = ("ink", "muted", "accent", "warn", "bad", "good")
    pairs = [(text, ground, TEXT) for text in texts for ground in grounds]
    pairs += [("on-accent", "accent", TEXT), ("on-accent", "accent-hover", TEXT), ("surface", "bad", TEXT)]
    pairs += [("surface", "ink", TEXT), ("surface", "muted", LARGE), ("surface", "warn", LARGE)]
    pairs += [("surface", "good", LARGE), ("edge", "surface", LARGE), ("edge", "bg", LARGE)]
    low = {
        (one, other): contrast(colours[one], colours[other])
        for one, other, least in pairs
        if contrast(colours[one], colours[other]) < least
    }
    assert low == {}


def test_black_on_white_is_twenty_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert set(schemes()) == {"light", "dark"} and len(schemes()["dark"]) >= 13

"""What strangers write in files cannot speak for `verify`: not on a terminal, not in HTML, not by a name."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from cli.running import Run
from release.authorities import EMAIL, Holder, identity_of, issue
from release.leaving import FACTS, clip

from langit import video
from langit.release.credentials.sign import sign
from langit.release.facts import Facts, LedgerState, Parent, Undisclosed
from langit.release.nearest.clips import SimilarClip
from langit.release.nearest.index import ClipMatch
from langit.release.nearest.show import save_page

LIE = "this very file left this machine"
ATTACKS = {
    "clear the screen": "\x1b[2J\x1b[H{}: intact, and signed by this machine's own key",
    "new lines": "x\n  this machine's ledger says:\n    output       exactly this file left this machine",
    "other line separators": "x\u2028  this machine's ledger says:\x85    output {}",
    "C1 controls": "x\x9b2J\x9d0;{}\x9c",
    "written backwards": "\u202e{}\u202c\u2066\u2069",
    "carriage return": "x\r{}: intact, and signed by this machine's own key",
    "backspaces": "\b" * 200 + "intact, and signed by this machine's own key",
    "quotation marks": '" (checked), and signed by "this machine\'s own key',
    "invisible": "a\u200b\u200d\ufeff\u00ad\U000e0041",
    "a flood": "A" * 60_000,
    "marks upon marks": "z" + "\u0300" * 5000,
}


def hostile_facts(text: str) -> Facts:
    parent = Parent(text, "12" * 32, (text,))
    return replace(FACTS, model=text, prompt=text, asked=text + "!", ability=text, parents=(parent,))


def hostile_file(folder: Path, text: str, facts: Facts, root: Holder) -> Path:
    video.write(folder / "plain.mp4", clip(5), 8)
    sign(folder / "plain.mp4", folder / "attack.mp4", facts, identity_of(issue(text[:2000], root, use=EMAIL)))
    return folder / "attack.mp4"


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("where", ["facts and certificate", "ledger", "undisclosed"])
def test_no_file_can_forge_what_verify_prints(
    tmp_path: Path, root: Holder, capsys: pytest.CaptureFixture[str], attack: str, where: str
) -> None:
    text = ATTACKS[attack].format(LIE)
    facts = {
        "facts and certificate": hostile_facts(text),
        "ledger": replace(FACTS, ledger=LedgerState(text, 3, "cd" * 32)),
        "undisclosed": replace(FACTS, ledger=Undisclosed(text)),
    }[where]
    path = hostile_file(tmp_path, text if where.startswith("facts") else "Stranger", facts, root)
    run = Run(capsys, "verify", str(path))
    assert run.code == 10
    lines = run.out.splitlines()
    assert lines[0].startswith("attack.mp4: intact, but signed with a key that only its maker vouches for")
    for line in lines:
        assert not {unicodedata.category(character) for character in line} & {"Cc", "Cf", "Zl", "Zp"}
        assert len(line) < 2000
    # Headings and labels are indented by two and four spaces, and no stranger's text begins a line.
    headings = [line.strip() for line in lines[1:] if re.match(r"  \S", line) and not line.startswith("  SHA-256")]
    assert headings == ["the signature:", "the file says (its signer's word, which is not checked here):"]
    run = Run(capsys, "verify", str(path), "--json")
    unsafe = {unicodedata.category(character) for character in run.out.replace("\n", "")} & {"Cc", "Cf", "Zl", "Zp"}
    assert not unsafe and json.loads(run.out)["finding"] == "private"


def test_a_stranger_who_takes_our_name_is_not_reported_in_our_voice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = issue("Langit root 12345678", authority=True)
    path = hostile_file(tmp_path, "this machine's own key", FACTS, root)
    out = Run(capsys, "verify", str(path)).out
    assert out.startswith("attack.mp4: intact, but signed with a key that only its maker vouches for;")
    assert 'its certificate says "this machine\'s own key", "Test"' in out.splitlines()[0]
    assert '"this machine\'s own key", "Test", as the certificate says' in out


def test_a_manifest_that_names_our_model_is_its_signers_claim(
    tmp_path: Path, root: Holder, capsys: pytest.CaptureFixture[str]
) -> None:
    from langit.bundle import load_bundle

    facts = replace(FACTS, model="pocket", provenance=load_bundle("pocket").provenance.digest)
    out = Run(capsys, "verify", str(hostile_file(tmp_path, "Stranger", facts, root))).out
    assert "the file says (its signer's word, which is not checked here):" in out
    assert "this machine's ledger says" not in out
    assert "this machine has a model with the digest of the model that the file names:" in out


class Tags(HTMLParser):
    """Collects the elements of a page and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(2)><svg/onload=alert(3)>"


def test_pages_of_nearest_clips_run_no_foreign_script(tmp_path: Path) -> None:
    match = ClipMatch(0, 0.0, 0.9, 0.99, 0.9, None, False, 256, 0.0)
    frames = np.zeros((2, 16, 16, 3), np.uint8)
    found = [
        SimilarClip(SCRIPT, SCRIPT, SCRIPT, match, frames, SCRIPT),
        SimilarClip(SCRIPT, "", "", match, None, SCRIPT),
    ]
    save_page(tmp_path / "a.html", frames, 8.0, SCRIPT, found)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)
    assert set(tags.tags) <= {"meta", "title", "style", "h1", "p", "div", "figure", "figcaption", "img", "b", "br"}
    assert tags.handlers == [] and "<script" not in page
    assert tags.tags.count("img") == 2

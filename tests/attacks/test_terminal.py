"""What strangers wrote never reaches a terminal raw: not in answers, and not in error messages.

Slow (`make test-all`): each verb runs in full.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import Run
from ledger.tiny_video import tiny_video

pytestmark = pytest.mark.slow

FORGED = "\x1b[2J\x1b[1;1Hintact\u202e \u2066\u200b\x9b and signed by this machine's own key"
"""Clears the screen, and turns the direction of what follows."""


def is_clean(run: Run) -> bool:
    return not any(mark in run.out + run.err for mark in "\x1b\x9b\u202e\u2066\u200b\x07\r")


@pytest.fixture
def footage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file and a listing, both named and filled by a stranger."""
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal: nothing is stripped on the way
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / f"a{FORGED}.mp4").write_bytes(tiny_video("a"))
    (folder / "b.mp4").write_bytes(tiny_video("b"))
    (folder / f"c{FORGED}.mp4").write_text("no video")
    escaped = FORGED.encode("unicode_escape").decode().replace("\\x1b", "\\u001b").replace("\\x9b", "\\u009b")
    (folder / "SOURCES.toml").write_text(
        f'[[source]]\nfile = "b.mp4"\nlicence = "CC0-1.0"\ntitle = "{escaped}\\nsigned"\ncreator = "{escaped}"\n'
        f'found_in = "http://films.example/{escaped}"\n'
    )
    return folder


def test_answers_and_errors_about_foreign_footage(footage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    added = Run(capsys, "ledger", "add", "footage", "--sources", "footage/SOURCES.toml")
    assert is_clean(added) and added.code == 2
    assert "\\x1b[2J\\x1b[1;1Hintact\\u202e" in added.out and "\\x1b[2J\\x1b[1;1Hintact\\u202e" in added.err
    b, asked = footage / "b.mp4", f"asked {FORGED}\nagain"
    for arguments, code in (
        (("ledger", "whose", b), 0),
        (("ledger", "whose", b, "--json"), 0),
        (("ledger", "whose", FORGED), 2),
        (("ledger", "correct", b, "--licence", "CC-BY-4.0", "--reason", asked), 0),
        (("ledger", "prove", b, "-o", "b.tlog-proof"), 0),
        (("ledger", "check", "b.tlog-proof"), 0),
        (("ledger", "revoke", "--hash", "ab" * 32, "--reason", asked), 1),
        (("ledger", "revoke", "--like", b, "--reason", asked), 0),
        (("ledger", "add", FORGED), 2),
        (("ledger", "fetch", f"http://127.0.0.1/{FORGED}"), 2),
        (("verify", b), 34),
        (("verify", FORGED), 2),
        (("verify", footage / f"c{FORGED}.mp4"), 41),
        ((FORGED,), 2),
    ):
        run = Run(capsys, *arguments)
        assert is_clean(run), arguments
        assert run.code == code, arguments
        assert "\n signed" not in run.out and "\nsigned" not in run.out, arguments

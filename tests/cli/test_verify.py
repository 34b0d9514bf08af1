"""`langit verify` and `langit keys` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.running import Run

from langit import config, video
from langit.bundle.provenance import LedgerState
from langit.release.credentials.identity import FOLDER, identity
from langit.release.credentials.sign import sign
from langit.release.facts import Facts, Parent

FACTS = Facts(
    "pocket", "a red ball", 7, 8.0, 12, 3.0, "sha256:" + "ab" * 32, LedgerState("langit-ledger-test", 30600, "ef" * 32)
)


RunVerb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> RunVerb:
    """Exit code, stdout and stderr of a verb."""

    def report(*arguments: str) -> tuple[int, str, str]:
        left = Run(capsys, *arguments)
        assert isinstance(left.code, int)
        return left.code, left.out, left.err

    return report


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)
    video.write(tmp_path / "plain.mp4", frames, 8)
    parent = Parent("first.mp4", "12" * 32, ("cropped",))
    facts = Facts(**{**vars(FACTS), "ability": "extend", "parents": (parent,)})
    sign(tmp_path / "plain.mp4", tmp_path / "signed.mp4", facts, identity(config.home() / FOLDER))
    return tmp_path / "signed.mp4"


def test_verify_prints_what_is_known(signed: Path, run: RunVerb) -> None:
    code, out, _ = run("verify", str(signed))
    assert code == 0
    assert out.startswith("signed.mp4: intact, and signed by this machine's own key")
    for words in ("pocket", '"a red ball"', '30,600 entries of ledger "langit-ledger-test"', 'continues "first.mp4"'):
        assert words in out


def test_verify_returns_exit_codes_and_json(signed: Path, run: RunVerb, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    signed.write_bytes(contents + b"more")
    code, out, _ = run("verify", str(signed), "--json")
    report = json.loads(out)
    assert (code, report["exit_code"], report["finding"], report["appended"]) == (22, 22, "appended", 4)
    assert report["credentials"]["prompt"] == "a red ball" and report["intact"] is False
    code, out, _ = run("verify", str(signed))
    assert code == 22 and "about the file that was signed" in out
    code, out, _ = run("verify", str(Path(__file__)))
    assert code == 41 and "nothing can be said of it" in out
    code, out, err = run("verify", str(tmp_path / "nonesuch.mp4"))
    assert code == 2 and "is not a file" in err and not out


def test_keys_are_shown_without_their_secret_and_kept_when_replaced(run: RunVerb) -> None:
    code, first, _ = run("keys", "show")
    assert code == 0 and "the root is private" in first and "PRIVATE KEY" not in first
    assert run("keys", "show")[1] == first
    code, second, _ = run("keys", "new")
    assert code == 0 and second != first
    assert len(list((config.home() / FOLDER / "kept").iterdir())) == 1
    code, out, _ = run("keys", "show", "--json")
    assert json.loads(out)["fingerprint"] in second
    code, out, _ = run("keys", "show", "--pem")
    assert code == 0 and out.startswith("-----BEGIN CERTIFICATE") and "PRIVATE" not in out


def test_keys_of_ones_own_are_not_replaced(run: RunVerb) -> None:
    config.home().mkdir(parents=True)
    (config.home() / "release.toml").write_text('[signing]\nchain = "own.pem"\nkey = "own.key"\n')
    code, _, err = run("keys", "new")
    assert code == 2 and "own.pem signs" in err
    code, _, err = run("keys", "show")
    assert code == 2 and "own.pem" in err and len(err.splitlines()) == 1

"""The ledger's verbs as a person runs them: what they answer, and one plain line for each mistake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli.running import Run
from ledger.lived import CLIPS, FILE, FILMS, NOBODYS, Lived, live
from PIL import Image

from langit import config, video
from langit.curate.duplicates import ClipFingerprints
from langit.curate.fingerprints import FingerprintTable
from langit.curate.survey import SurveySettings, survey
from langit.ledger.keys import signer
from langit.ledger.store import Ledger


@pytest.fixture(scope="module")
def lived_once(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    lived = live(tmp_path_factory.mktemp("lived"))
    signer(lived.home / "ledger", "ledger.example")
    return lived


@pytest.fixture
def lived(lived_once: Lived, place: Path, monkeypatch: pytest.MonkeyPatch) -> Lived:
    """A person's home that can be written to, and the folder they stand in."""
    home = place / "home"
    shutil.copytree(lived_once.home, home)
    monkeypatch.setenv("LANGIT_HOME", str(home))
    (place / "here").mkdir()
    monkeypatch.chdir(place / "here")
    return Lived(home, Ledger(home / "ledger"), lived_once.manifest, lived_once.provenance)


def ledger(capsys, *arguments: object) -> Run:
    return Run(capsys, "ledger", *arguments)


def films(path: Path, metadata: dict[str, str] | None = None) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (4, 32, 48, 3), np.uint8)
    video.write(path, frames, 8, metadata or {})
    return path


def test_whose_both_ways(capsys, lived: Lived) -> None:
    model = ledger(capsys, "whose", "tiny")
    assert model.code == 0, model.err
    assert "clips seen: 5" in model.out and "4 rendered, by Langit, CC0-1.0" in model.out
    assert "began with those entries" in model.out and "revoked since: nothing" in model.out
    assert ledger(capsys, "whose", lived.model).out == model.out == ledger(capsys, "whose", lived.name[:20]).out
    source = ledger(capsys, "whose", FILE.digest[:12])
    assert "creator: B. Lender" in source.out and "allowed: licence CC-BY-3.0" in source.out
    assert "saw it in stage scenes: 1 times in steps 3 to 3 of 4" in source.out and "spring (" in source.out
    clip = json.loads(ledger(capsys, "whose", CLIPS[0].digest, "--json").out)
    assert clip["clip"] == CLIPS[0].digest and clip["of"]["title"] == FILMS[0].title
    assert "unknown: no licence is on record" in ledger(capsys, "whose", NOBODYS.content_sha256).out


def test_whose_video(capsys, lived: Lived) -> None:
    told = {"model": "tiny", "prompt": "a ball", "seed": "3", "provenance": lived.provenance.digest}
    ours = ledger(capsys, "whose", films(Path("ours.mp4"), told))
    assert "prompt: a ball" in ours.out and "made by:\n  model: tiny 0.1.0" in ours.out
    other = ledger(capsys, "whose", films(Path("other.mp4")))
    assert other.code == 0 and "its metadata name no model" in other.out
    folder = Path("footage")
    folder.mkdir()
    shutil.move("other.mp4", folder / "mine.mp4")
    added = ledger(capsys, "add", folder, "--licence", "CC-BY-4.0", "--creator", "Ayu")
    assert added.code == 0 and "1 new" in added.out
    assert "creator: Ayu" in ledger(capsys, "whose", folder / "mine.mp4").out


def test_a_receipt_for_a_stranger(capsys, lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ledger(capsys, "key").out.strip()
    proved = ledger(capsys, "prove", CLIPS[0].digest[:20], "-o", "a.tlog-proof")
    assert proved.code == 0 and key in proved.err and Path("a.tlog-proof").exists()
    assert ledger(capsys, "check", "a.tlog-proof", "--against", lived.home / "ledger").code == 0
    assert ledger(capsys, "prove", CLIPS[0].digest, "-o", "a.tlog-proof").code == 2
    monkeypatch.setenv("LANGIT_HOME", "elsewhere")
    checked = ledger(capsys, "check", "a.tlog-proof", "--key", key)
    assert checked.code == 0 and f"by the key that you gave ({key})" in checked.out
    assert FILMS[0].title in checked.out and not Path("elsewhere").exists()
    unkeyed = ledger(capsys, "check", "a.tlog-proof")
    assert (unkeyed.code, unkeyed.out) == (2, "") and "no key to trust" in unkeyed.err
    text = Path("a.tlog-proof").read_text(encoding="utf-8")
    for changed in (text[:400], text.replace("\nindex ", "\nindex 1"), text[:-5]):
        Path("b.tlog-proof").write_text(changed, encoding="utf-8")
        run = ledger(capsys, "check", "b.tlog-proof", "--key", key)
        assert (run.code, run.out, run.err.count("\n")) == (1, "", 1)
        assert run.err.startswith("does not verify: b.tlog-proof: ")


def test_a_rolled_back_ledger_is_seen(capsys, lived: Lived, place: Path) -> None:
    shutil.copytree(lived.home / "ledger", place / "old")
    lived.ledger.revoke(FILMS[0].digest, "asked for")
    assert ledger(capsys, "prove", FILE.digest, "-o", "a.tlog-proof").code == 0
    run = ledger(capsys, "check", "a.tlog-proof", "--against", place / "old")
    assert run.code == 1 and "rolled back" in run.err


def test_an_audit_file(capsys, lived: Lived) -> None:
    key = ledger(capsys, "key").out.strip()
    assert ledger(capsys, "audit", "tiny", "-o", "tiny.zip").code == 0
    checked = ledger(capsys, "check", "tiny.zip", "--key", key, "--model", lived.model)
    assert checked.code == 0, checked.err
    assert "fails" not in checked.out and "all 2 files" in checked.out
    (lived.model / "model_index.json").write_text('{"fps": 9}')
    changed = ledger(capsys, "check", "tiny.zip", "--key", key, "--model", lived.model)
    assert changed.code == 1 and "model_index.json" in changed.err
    Path("tiny.zip").write_bytes(Path("tiny.zip").read_bytes()[:-30])
    assert ledger(capsys, "check", "tiny.zip", "--key", key).code == 1


def test_a_take_down(capsys, lived: Lived) -> None:
    dry = ledger(capsys, "revoke", "--hash", FILE.digest, "--dry-run")
    assert dry.code == 0 and "nothing was entered" in dry.out and not lived.ledger.revocations()
    run = ledger(capsys, "revoke", "--hash", FILE.digest, "--reason", "asked for", "--purge")
    assert run.code == 0 and "1 files of latents" in run.out and "checkpoints step-00000004" in run.out
    assert "saw it in stage scenes" in run.out and "Train again" in run.out
    assert [item.target for item in lived.ledger.revocations()] == [FILE.content_sha256]
    assert sorted(path.name for path in (lived.home / "latents").rglob("*.safetensors")) == ["0.safetensors"]
    assert "refused: revoked at" in ledger(capsys, "whose", FILE.digest).out
    ahead = ledger(capsys, "revoke", "--hash", "d" * 64)
    assert ahead.code == 1 and "nothing on record matches" in ahead.out
    by_url = ledger(capsys, "revoke", "--url", "https://sea.example/a/sea.mp4")
    assert "sea.mp4" in by_url.out
    like = ledger(capsys, "revoke", "--like", films(Path("new.mp4")))
    assert like.code == 1 and "nothing on record matches" in like.out
    assert [item.by for item in lived.ledger.revocations()] == ["content", "content", "url", "content", "looks"]


def test_a_near_copy_is_known_by_its_fingerprints(capsys, lived: Lived) -> None:
    rough = np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8)
    frame = np.asarray(Image.fromarray(rough).resize((320, 192), Image.Resampling.BICUBIC))
    video.write(Path("a.mp4"), np.repeat(frame[None], 16, 0), 8, {})
    (stretch,) = survey(Path("a.mp4"), SurveySettings(picture=0), 8)
    bits = [tuple(getattr(look, kind).bits for look in stretch.samples) for kind in ("fingerprint", "inner")]
    FingerprintTable(lived.ledger.place).add([ClipFingerprints(CLIPS[0].digest, *bits)])
    smaller = np.asarray(Image.fromarray(frame).resize((160, 96)))
    video.write(Path("copy.mp4"), np.repeat(smaller[None], 12, 0), 8, {})
    run = ledger(capsys, "whose", "copy.mp4")
    assert run.code == 0 and "looks like" in run.out and CLIPS[0].digest in run.out, run.out
    taken = ledger(capsys, "revoke", "--like", "copy.mp4")
    assert taken.code == 0 and [item.by for item in lived.ledger.revocations()] == ["content", "content", "looks"]
    assert FILMS[0].content_sha256 in [item.target for item in lived.ledger.revocations()]
    assert "stays allowed: 5 of 7 sources" in taken.out
    assert "refused: revoked" in ledger(capsys, "whose", FILMS[0].digest).out
    folder = Path("footage")
    folder.mkdir()
    fast = np.repeat(smaller[None, :, ::-1], 10, 0)
    video.write(folder / "again.mp4", fast, 10, {})
    added = ledger(capsys, "add", folder, "--licence", "CC0-1.0")
    assert added.code == 2 and "looks like a video that was revoked" in added.err


def test_statements_are_written(capsys, lived: Lived) -> None:
    Path("p.toml").write_text('name = "Films & Co"\nurl = "https://films.example"\n', encoding="utf-8")
    for what, files in (
        ("eu", ["training-content.json", "training-content.md"]),
        ("credits", ["CREDITS.md", "credits.json"]),
        ("croissant", ["clips.jsonl", "croissant.json"]),
    ):
        run = ledger(capsys, "state", what, "-o", what, "--model", "tiny", "--provider", "p.toml")
        assert run.code == 0, run.err
        assert sorted(path.name for path in Path(what).iterdir()) == files
        again = ledger(capsys, "state", what, "-o", what, "--provider", "p.toml")
        assert again.code == 2 and "is there already" in again.err
    assert "Films & Co" in Path("eu", "training-content.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("whose nonesuch", "a model on this machine"),
        ("whose abc", "6 to 64"),
        ("whose 000000000000", "nothing in"),
        ("prove tiny", "langit ledger audit tiny"),
        ("check nonesuch.tlog-proof", "does not exist"),
        ("check words.txt", "neither a receipt nor an audit file"),
        ("check words.txt --key nonsense", "verifier key"),
        ("revoke", "by one of --hash, --url and --like"),
        ("revoke --hash 000000000000", "nothing in"),
        ("revoke --hash tiny --url a", "by one of"),
        ("state eu --model nonesuch", "a model on this machine"),
        ("state eu --manifest nonesuch", "there are spring"),
        ("state croissant", "give url"),
        ("state song", "song"),
        ("audit nonesuch", "a model on this machine"),
        ("add nonesuch", "is not a folder"),
        ("key --name another.example", "keeps its key"),
    ],
)
def test_mistakes(capsys, lived: Lived, arguments: str, words: str) -> None:
    Path("words.txt").write_text("some words", encoding="utf-8")
    run = ledger(capsys, *arguments.split())
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1), run.err
    assert run.err.startswith("langit: ") and words in run.err


def test_without_a_ledger(capsys, place: Path) -> None:
    run = ledger(capsys, "whose", "abcdef12")
    assert run.code == 2 and "there is no ledger at" in run.err
    assert not config.home().exists()

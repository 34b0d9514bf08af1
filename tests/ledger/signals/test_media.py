"""What files say of themselves outside of C2PA: photographers' XMP, and the words by which generators name theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ledger.tiny_video import tiny_video

from langit.ledger.add import add_folder
from langit.ledger.policy import Policy
from langit.ledger.signals import media
from langit.ledger.store import Ledger

PLUS = "http://ns.useplus.org/ldf/vocab/DMI-"
TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PACKET = '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>'
REFUSALS = [
    *[(f"<plus:DataMining>{PLUS}{name}</plus:DataMining>", "noai") for name in (
        "PROHIBITED", "PROHIBITED-AIMLTRAINING", "PROHIBITED-GENAIMLTRAINING", "PROHIBITED-EXCEPTSEARCHENGINEINDEXING",
        "PROHIBITED-SEECONSTRAINT", "SOMETHINGNEW",
    )],
    (f'plus:DataMining="{PLUS}PROHIBITED"', "noai"),
    ("<tdm:reservation>1</tdm:reservation>", "tdmrep"),
    ('tdm:reservation="1"', "tdmrep"),
    ('"tdm-reservation": 1', "tdmrep"),
    ('tdm:reservation="yes"', "tdmrep"),
    ('<rsl xmlns="https://rslstandard.org/rsl"/>', "rsl"),
]  # fmt: skip
SILENT = [
    f"{PLUS}ALLOWED",
    f"{PLUS}UNSPECIFIED",
    f"{PLUS}PROHIBITED-SEARCHENGINEINDEXING",
    'tdm:reservation="0"',
    "plus",
]


def film(folder: Path, words: str, encoding: str = "utf-8") -> Path:
    path = folder / "film.y4m"
    path.write_bytes(tiny_video("film") + PACKET.format(words).encode(encoding))
    return path


def add(tmp_path: Path) -> Ledger:
    """The ledger after the folder was added as if it were one's own; Y4M may end in anything."""
    ledger = Ledger(tmp_path / "ledger")
    found = add_folder(ledger, tmp_path / "in", licence="CC0-1.0", creator="me")
    assert (found.new, found.problems) == (1, ())
    return ledger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.mark.parametrize(("words", "scheme"), REFUSALS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_reservation_in_the_metadata_bars_the_file(tmp_path, folder, words, scheme, encoding, monkeypatch):
    film(folder, words, encoding)
    monkeypatch.setattr("langit.ledger.add.why_not_footage", lambda _: None)  # of a decoder that is strict
    ledger = add(tmp_path)
    assert scheme in {signal.scheme for signal in ledger.signals() if signal.says in ("reserved", "unreadable")}
    assert not any(decision.allowed for decision in ledger.decisions(Policy()).values())


@pytest.mark.parametrize("words", SILENT)
def test_other_words_are_silence(folder, words):
    assert media.read(film(folder, words)) == ()


@pytest.mark.parametrize("place", [media.PIECE - 40, media.PIECE - 1, 3 * media.PIECE - 9])
def test_words_between_two_pieces_are_found(tmp_path, place):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0" * place + f"{PLUS}PROHIBITED-AIMLTRAINING {TYPE}trainedAlgorithmicMedia".encode())
    assert [signal.says for signal in media.read(path)] == ["reserved"]
    assert media.made_by_model(path) == "trainedAlgorithmicMedia"


@pytest.mark.parametrize("kind", ["trainedAlgorithmicMedia", "compositeSynthetic", "trainedAlgorithmicData"])
def test_what_a_generator_says_in_xmp_makes_a_file_synthetic(tmp_path, folder, kind, monkeypatch):
    film(folder, f"<Iptc4xmpExt:DigitalSourceType>{TYPE}{kind}</Iptc4xmpExt:DigitalSourceType>")
    monkeypatch.setattr("langit.ledger.add.why_not_footage", lambda _: None)
    (source,) = add(tmp_path).sources()
    assert source.kind == "synthetic" and kind in (source.generator or "")


def test_what_a_camera_says_leaves_it_footage(tmp_path, folder, monkeypatch):
    film(folder, f"{TYPE}digitalCapture")
    monkeypatch.setattr("langit.ledger.add.why_not_footage", lambda _: None)
    assert [source.kind for source in add(tmp_path).sources()] == ["file"]


def test_a_pipe_among_the_footage_is_not_waited_for(tmp_path, folder):
    os.mkfifo(folder / "pipe.mp4")
    found = add_folder(Ledger(tmp_path / "ledger"), folder, licence="CC0-1.0", creator="me")
    assert found.new == 0 and "pipe.mp4" in found.problems[0] and "pipe" in found.problems[0].split(": ", 1)[1]

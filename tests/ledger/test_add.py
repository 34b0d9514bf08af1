"""Adding a folder: what is stated is entered as stated, what nobody states is unknown, and nothing climbs out."""

import os

import pytest
from ledger.tiny_video import tiny_video

from langit.ledger.add import BATCH, AddSummary, add_folder, read_sources
from langit.ledger.policy import Policy
from langit.ledger.record import Revocation
from langit.ledger.store import Ledger
from langit.ledger.verdict import RightsVerdict

SOURCES = """
[[source]]
file = "dog.mp4"
title = "A dog"
creator = "Sri"
licence = "CC-BY-4.0"
evidence = "terms.txt"
found_in = "https://films.example/dog"

[[source]]
file = "sub/bola merah – é.webm"
licence = "CC0-1.0"

[[source]]
file = "nobody.mp4"
found_in = "https://films.example/nobody"
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "footage"
    (made / "sub").mkdir(parents=True)
    for name in ("dog.mp4", "sub/bola merah – é.webm", "nobody.mp4", "unnamed.MOV", "other.mp4"):
        (made / name).write_bytes(tiny_video(name))
    for name in ("terms.txt", ".hidden.mp4"):
        (made / name).write_text(f"words of {name}")
    (made / "SOURCES.toml").write_text(SOURCES)
    return made


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def sources(ledger):
    return {source.title: source for source in ledger.sources()}


def test_what_is_known_of_each_file_goes_on_record(ledger, folder):
    lines = []
    added = add_folder(ledger, folder, folder / "SOURCES.toml", report=lines.append)
    assert added == AddSummary(new=5, unknown_rights=("nobody.mp4", "other.mp4", "unnamed.MOV"), skipped=("terms.txt",))
    found = sources(ledger)
    assert set(found) == {"A dog", "sub/bola merah – é.webm", "nobody.mp4", "other.mp4", "unnamed.MOV"}
    dog = found["A dog"]
    assert (dog.creator, dog.licence, dog.url) == ("Sri", "CC-BY-4.0", "https://films.example/dog")
    words, terms = (ledger.evidence.get(digest) for digest in dog.evidence)
    assert b'"evidence":"terms.txt"' in words and terms == b"words of terms.txt"
    decisions = ledger.decisions(Policy())
    assert decisions[dog.digest].allowed and decisions[found["sub/bola merah – é.webm"].digest].allowed
    assert {decisions[found[name].digest].verdict for name in ("nobody.mp4", "other.mp4", "unnamed.MOV")} == {
        RightsVerdict.UNKNOWN
    }
    assert {(signal.scheme, signal.says) for signal in ledger.signals()} == {("cawg", "silent")}
    assert len(lines) == 5 and "dog.mp4: CC-BY-4.0" in lines and "nobody.mp4: rights unknown" in lines


def test_adding_again_adds_nothing(ledger, folder):
    add_folder(ledger, folder, folder / "SOURCES.toml")
    root = ledger.root()
    added = add_folder(Ledger(ledger.path), folder, folder / "SOURCES.toml")
    assert (added.new, added.known, added.updated) == (0, 5, 0) and ledger.root() == root


def test_a_licence_that_is_stated_later_becomes_a_statement(ledger, folder):
    add_folder(ledger, folder)
    (folder / "dog.mp4").rename(folder / "renamed.mp4")
    proof = folder / "terms.txt"
    added = add_folder(ledger, folder, licence="CC-BY-4.0", creator="Sri", evidence=proof)
    assert (added.new, added.updated, added.unknown_rights) == (0, 5, ())
    assert all(decision.allowed for decision in ledger.decisions(Policy()).values())
    assert {ledger.evidence.get(statement.evidence[0]) for statement in ledger.rights()} == {b"words of terms.txt"}
    assert add_folder(ledger, folder, licence="CC-BY-4.0", creator="Sri").updated == 0
    assert add_folder(ledger, folder, licence="CC-BY-NC-4.0", creator="Sri").updated == 5
    assert {item.verdict for item in ledger.decisions(Policy()).values()} == {RightsVerdict.REFUSED}


def test_one_statement_for_files_that_nobody_named(ledger, folder):
    add_folder(ledger, folder, folder / "SOURCES.toml", licence="CC0-1.0")
    found = sources(ledger)
    assert found["unnamed.MOV"].licence == "CC0-1.0" and found["A dog"].licence == "CC-BY-4.0"
    assert found["nobody.mp4"].licence is None, "what is known to be unknown stays so"


def test_paths_that_climb_out_are_refused_and_on_record(ledger, folder, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    (folder / "away").symlink_to(tmp_path)
    listing = folder / "SOURCES.toml"
    climbing = ["../secret.mp4", str(tmp_path / "secret.mp4"), "sub/../../secret.mp4", "away/secret.mp4", "a\\u0000b"]
    listing.write_text("".join(f'[[source]]\nfile = "{name}"\nlicence = "CC0-1.0"\n' for name in climbing))
    added = add_folder(ledger, folder, listing)
    assert len(added.problems) == len(ledger.drops()) == 6, "two of the seven paths are one"
    assert {drop.reason for drop in ledger.drops()} == {"path"}
    assert all(b"secret" not in source.canonical for source in ledger.sources())
    assert "dog.mp4" in sources(ledger)


def test_evidence_outside_the_folder_is_words_only(ledger, folder, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    for number, words in enumerate(("../secret.txt", "said by phone", "x" * 5000)):
        (folder / "SOURCES.toml").write_text(f'[[source]]\nfile = "dog.mp4"\nevidence = "{words}"\n')
        made = Ledger(tmp_path / str(number))
        add_folder(made, folder, folder / "SOURCES.toml")
        assert all(made.evidence.get(digest) != b"secret" for digest in made.evidence.digests())
        assert len(sources(made)["dog.mp4"].evidence) == 1


def test_a_missing_file_is_a_problem_and_the_rest_goes_on(ledger, folder):
    (folder / "dog.mp4").unlink()
    lines = []
    added = add_folder(ledger, folder, folder / "SOURCES.toml", report=lines.append)
    assert added.new == 4 and added.problems == ("dog.mp4: cannot be read (No such file or directory)",)
    assert added.problems[0] in lines


def test_more_files_than_a_batch_and_copies_of_one(ledger, folder):
    for number in range(2 * BATCH):
        (folder / f"{number:03}.mp4").write_bytes(tiny_video(str(number // 2)))
    added = add_folder(ledger, folder)
    assert added.new == BATCH + 5 and added.known == BATCH
    ledger.check()


def test_revoked_content_stays_barred_however_it_is_added(ledger, folder):
    add_folder(ledger, folder, folder / "SOURCES.toml")
    dog = sources(ledger)["A dog"]
    ledger.add([Revocation(target=dog.content_sha256, reason="asked", revoked_at="2026-11-23", by="content")])
    (folder / "dog.mp4").rename(folder / "puppy.mp4")
    (folder / "SOURCES.toml").unlink()
    add_folder(ledger, folder, licence="CC0-1.0")
    assert ledger.decisions(Policy())[dog.digest].verdict is RightsVerdict.REFUSED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "is not TOML"),
        ("source = 3", "must hold a list of"),
        ('[[sources]]\nfile = "a"', "must hold a list of"),
        ('[[source]]\nfile = "a"\nlicense = "MIT"', "unknown field 'license': did you mean 'licence'"),
        ('[[source]]\nfile = "a"\nlicence = 4', "licence is 4"),
        ('[[source]]\nfile = "a"\nlicence = ""', "licence is ''"),
        ('[[source]]\nlicence = "MIT"', "names no file"),
        ('[[source]]\nfile = "a"\n[[source]]\nfile = "a"', "describes 'a' twice"),
    ],
)
def test_a_malformed_listing_is_one_line(tmp_path, ledger, text, message):
    file = tmp_path / "SOURCES.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_sources(file)
    with pytest.raises(ValueError, match="is not a folder"):
        add_folder(ledger, tmp_path / "none")


def test_a_name_that_is_not_utf8_is_entered_with_its_bytes_shown(ledger, tmp_path):
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / os.fsdecode(b"a\xff.mp4")).write_bytes(tiny_video("a"))
    assert add_folder(ledger, folder, licence="CC0-1.0").new == 1
    assert list(sources(ledger)) == ["a\\xff.mp4"]

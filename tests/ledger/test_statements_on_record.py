"""What people state of footage: checked when it is stated, shown when it is on record, corrected in the open."""

from __future__ import annotations

import json

import pytest
from ledger.tiny_video import tiny_video

from langit.ledger.add import add_folder
from langit.ledger.correct import correct_licence
from langit.ledger.derived import Output
from langit.ledger.licence import check_stated, judge
from langit.ledger.policy import Policy
from langit.ledger.record import Rights, Source
from langit.ledger.store import Ledger
from langit.ledger.synthetic import find_model_output, why_not_footage
from langit.ledger.verdict import RightsVerdict

HASH = "ab" * 32
WHEN = "2026-11-23T00:00:00+00:00"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "footage"
    made.mkdir()
    (made / "dog.mp4").write_bytes(tiny_video("dog"))
    return made


@pytest.mark.parametrize(
    ("stated", "near"),
    [
        ("cc-by", "CC-BY-4.0"),
        ("CC BY", "CC-BY-4.0"),
        ("CC-BY-4", "CC-BY-4.0"),
        ("CC0", "CC0-1.0"),
        ("FOO-1.0", "LicenseRef-NAME"),
        ("CC-BY-5.0", "CC-BY-"),
        ("CC0-1.0 or later", "'later'"),
        ("all rights reserved", "LicenseRef-NAME"),
        ("CC0-1.0 AND", "LicenseRef-NAME"),
        ("", "is empty"),
    ],
)
def test_a_mistyped_licence_is_refused_with_the_nearest(ledger, folder, stated, near):
    with pytest.raises(ValueError, match=near):
        check_stated(stated)
    if stated:
        with pytest.raises(ValueError, match=near):
            add_folder(ledger, folder, licence=stated)
        (folder / "SOURCES.toml").write_text(f'[[source]]\nfile = "dog.mp4"\nlicence = "{stated}"\n')
        with pytest.raises(ValueError, match=rf"SOURCES.toml, source 1 \(dog.mp4\): .*{near}"):
            add_folder(ledger, folder, folder / "SOURCES.toml")
    assert ledger.size == 0, "nothing of a mistyped statement is on record"


@pytest.mark.parametrize(
    "stated",
    [
        "CC-BY-4.0",
        "cc0-1.0",
        "MIT OR Apache-2.0",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "LicenseRef-Ours",
        "NONE",
    ],
)
def test_what_spdx_knows_may_be_stated(stated):
    check_stated(stated)


@pytest.mark.parametrize(
    "expression", ["CC0-1.0 or later", "CC0-1.0 OR permission", "CC-BY-4.0 or ask", "CC0-1.0 OR later AND CC0-1.0"]
)
def test_words_that_are_no_identifier_permit_nothing(expression):
    assert judge(expression, Policy(), True).verdict is RightsVerdict.UNKNOWN


def test_words_that_are_no_identifier_do_not_lift_a_refusal():
    assert judge("CC-BY-NC-4.0 AND whatever", Policy(), True).verdict is RightsVerdict.REFUSED


def test_adding_again_shows_what_is_on_record(ledger, folder):
    (folder / "SOURCES.toml").write_text('[[source]]\nfile = "dog.mp4"\nlicence = "CC-BY-4.0"\ncreator = "Sri"\n')
    add_folder(ledger, folder, folder / "SOURCES.toml")
    lines = []
    again = add_folder(ledger, folder, report=lines.append)
    assert again.unknown_rights == () and again.known == 1
    assert lines == ["dog.mp4: on record already, CC-BY-4.0, Sri"]


def test_adding_again_says_when_nothing_is_on_record(ledger, folder):
    add_folder(ledger, folder)
    lines = []
    assert add_folder(ledger, folder, report=lines.append).unknown_rights == ("dog.mp4",)
    assert lines == ["dog.mp4: on record already, rights unknown"]
    add_folder(ledger, folder, licence="CC0-1.0")
    assert add_folder(ledger, folder).unknown_rights == ()


def test_a_correction_supersedes_and_everything_stays_on_record(ledger, folder):
    add_folder(ledger, folder, licence="CC-BY-NC-4.0", creator="Sri")
    (source,) = ledger.sources()
    assert not ledger.decisions(Policy())[source.digest].allowed
    ledger.add([Rights(source.digest, WHEN, licence="CC-BY-4.0", holder="Sri")])
    assert not ledger.decisions(Policy())[source.digest].allowed, "two statements: each must be allowed"
    entered = correct_licence(ledger, source, "CC-BY-4.0", "a typing mistake")
    assert [item.supersedes for item in entered] == [source.digest, ledger.rights()[0].digest]
    again = Ledger(ledger.path)
    assert again.decisions(Policy())[source.digest].allowed
    assert again.sources() == (source,) and len(again.rights()) == 3
    assert again.sources()[0].licence == "CC-BY-NC-4.0"
    back = correct_licence(again, source, "CC-BY-NC-4.0", "it was right at first")
    assert len(back) == 2 and not again.decisions(Policy())[source.digest].allowed


def test_what_cannot_be_corrected(ledger, folder):
    add_folder(ledger, folder)
    (source,) = ledger.sources()
    with pytest.raises(ValueError, match="no licence is on record"):
        correct_licence(ledger, source, "CC0-1.0", "because")
    add_folder(ledger, folder, licence="CC-BY-NC-4.0")
    with pytest.raises(ValueError, match="needs a reason"):
        correct_licence(ledger, source, "CC0-1.0", " ")
    ledger.add([Rights(source.digest, WHEN, consent="refused")])
    correct_licence(ledger, source, "CC0-1.0", "the owner said so")
    assert "consent refused" in ledger.decisions(Policy())[source.digest].rule
    ledger.revoke(source.digest, "asked")
    correct_licence(ledger, source, "PDDL-1.0", "the owner said so")
    assert "revoked" in ledger.decisions(Policy())[source.digest].rule


def test_a_correction_reaches_its_own_source_alone(ledger):
    one, two = (Source("file", name, name * 64, licence="CC-BY-NC-4.0") for name in "ab")
    ledger.add([one, two])
    ledger.add([Rights(two.digest, WHEN, "CC0-1.0", supersedes=one.digest, reason="mistaken")])
    decisions = ledger.decisions(Policy())
    assert not decisions[one.digest].allowed and not decisions[two.digest].allowed


@pytest.mark.parametrize(
    "said",
    [
        {"supersedes": "x", "licence": "MIT", "reason": "r"},
        {"supersedes": HASH, "licence": "MIT"},
        {"supersedes": HASH, "consent": "granted", "reason": "r"},
    ],
)
def test_a_malformed_correction_is_refused(said):
    with pytest.raises(ValueError, match="supersede"):
        Rights(HASH, WHEN, **said)


def test_a_correction_of_what_is_not_on_record_is_refused(ledger):
    source = Source("file", "a", HASH, licence="MIT")
    ledger.add([source])
    with pytest.raises(ValueError, match="add the source or rights first"):
        ledger.add([Rights(source.digest, WHEN, "CC0-1.0", supersedes="cd" * 32, reason="r")])


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.mp4", b"", "it is empty"),
        ("a.mp4", b"some words\n" * 50, "it is not a video"),
        ("a.webm", b"\x1aE\xdf\xa3" + bytes(50), "it is not a video"),
        ("a.mp4", b"\x89PNG\r\n\x1a\n" + bytes(50), "it is not a video"),
    ],
)
def test_what_is_no_footage_is_refused_and_on_record(ledger, tmp_path, name, data, why):
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / name).write_bytes(data)
    added = add_folder(ledger, folder, licence="CC0-1.0")
    assert added.new == 0 and why in added.problems[0] and not ledger.sources()
    assert [drop.reason for drop in ledger.drops()] == ["not footage"]


def test_a_still_image_that_is_named_is_footage(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    assert why_not_footage(file) is None


def test_an_own_output_is_entered_as_synthetic_and_not_learnt_from(ledger, folder):
    content = add_content(ledger, folder)
    (source,) = ledger.sources()
    assert (source.kind, source.generator, source.parents) == ("synthetic", f"model {HASH}", ("cd" * 32,))
    assert source.content_sha256 == content and source.licence == "CC-BY-4.0"
    decision = ledger.decisions(Policy())[source.digest]
    assert decision.verdict is RightsVerdict.REFUSED and "refuses model outputs" in decision.rule
    permitting = Policy(name="with outputs", synthetic="judge")
    assert ledger.decisions(permitting)[source.digest].allowed


def add_content(ledger, folder):
    import hashlib

    content = hashlib.sha256((folder / "dog.mp4").read_bytes()).hexdigest()
    ledger.add([Output(content, HASH, WHEN, parents=("cd" * 32,))])
    added = add_folder(ledger, folder, licence="CC-BY-4.0", creator="me")
    assert added.synthetic == ("dog.mp4",)
    return content


def test_an_output_that_was_entered_as_a_file_before_is_refused_all_the_same(ledger, folder):
    add_folder(ledger, folder, licence="CC-BY-4.0", creator="me")
    (source,) = ledger.sources()
    assert source.kind == "file" and ledger.decisions(Policy())[source.digest].allowed
    ledger.add([Output(source.content_sha256, HASH, WHEN)])
    assert "refuses model outputs" in ledger.decisions(Policy())[source.digest].rule


def manifests(kind, name="Some Model"):
    action = {"action": "c2pa.created", "digitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"}
    assertion = {"label": "c2pa.actions.v2", "data": {"actions": [action]}}
    manifest = {"claim_generator_info": [{"name": name}], "assertions": [assertion]}
    return json.dumps({"active_manifest": "a", "manifests": {"a": manifest}}).encode()


@pytest.mark.parametrize("kind", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_credentials_that_say_so_are_believed(folder, kind):
    found = find_model_output(folder / "dog.mp4", HASH, (), manifests(kind))
    assert found is not None and found.made_by == "Some Model"
    nameless = find_model_output(folder / "dog.mp4", HASH, (), manifests(kind, ""))
    assert nameless is not None and "do not name" in nameless.made_by


@pytest.mark.parametrize("data", [manifests("digitalCapture"), b"[]", b"{", b'{"manifests": 3}', b"[" * 100_000, None])
def test_other_credentials_and_noise_say_nothing(folder, data):
    assert find_model_output(folder / "dog.mp4", HASH, (), data) is None


def test_a_policy_says_one_of_two_things_of_outputs():
    with pytest.raises(ValueError, match="synthetic = 'perhaps'"):
        Policy(synthetic="perhaps")
    assert Policy(synthetic="judge").digest != Policy().digest

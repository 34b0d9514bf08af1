"""Decisions that hang on one condition: each case is one that would come out otherwise if that condition were gone."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from ledger import lived as lives
from ledger.lived import ALL, CAPTION, CLIPS, FETCHED, FILE, FILMS, NOBODYS, SHOTS, WHEN, clip, live, sha
from ledger.test_audit import changed, findings, written

from langit import video
from langit.feed.exposure import ColumnLog, open_exposure_log
from langit.feed.traces import find_artifacts
from langit.ledger import audit
from langit.ledger.add import add_folder
from langit.ledger.correct import correct_licence
from langit.ledger.derived import Drop, Output, RunExposure
from langit.ledger.exposure_columns import CHUNK, ExposureColumns
from langit.ledger.licence import judge
from langit.ledger.likeness import LikenessConsent
from langit.ledger.lineage import Lineage, model_exposures, trace_descendants
from langit.ledger.log import EMPTY, node_hash, verify_consistency, verify_inclusion
from langit.ledger.policy import Policy
from langit.ledger.record import Consent, Revocation, Rights, Signal, Source
from langit.ledger.requests import RequestAnswer
from langit.ledger.rights import Revocations, decide, decide_clip
from langit.ledger.snapshot import revoked_clips, training_records
from langit.ledger.statements import corpus
from langit.ledger.store import Ledger
from langit.ledger.synthetic import find_model_output, why_not_footage
from langit.ledger.verdict import Decision, RightsVerdict

HASH, OTHER = "ab" * 32, "cd" * 32
YES = Decision(RightsVerdict.ALLOWED, "licence CC0-1.0 is allowed")
SHOWN = clip(FILE, likeness=True, measures=("faces=1",))
AGREED = Consent(SHOWN.digest, HASH, ("training",), "2026-01-01", WHEN)


@pytest.fixture
def lived(tmp_path):
    return live(tmp_path / "home")


def of_clip(consents, revocations=(), shown=SHOWN):
    return decide_clip(shown, YES, Revocations.of(revocations), Policy(), consents, on="2026-06-01")


# Rights and consent


def test_consent_to_other_footage_neither_allows_nor_refuses_this():
    elsewhere = dataclasses.replace(AGREED, covers=SHOTS[2].digest)
    withdrawn = Revocation(elsewhere.digest, "asked for", WHEN)
    assert of_clip([AGREED]).allowed and of_clip([dataclasses.replace(AGREED, covers=FILE.digest)]).allowed
    assert of_clip([elsewhere]).verdict is RightsVerdict.UNKNOWN
    assert of_clip([AGREED, elsewhere], [withdrawn]).allowed


def test_consent_is_in_force_from_its_first_day_to_its_last():
    dated = dataclasses.replace(AGREED, starts="2026-06-01", ends="2026-06-02")
    days = ("2026-05-31", "2026-06-01", "2026-06-02", "2026-06-03")
    assert [dated.in_force(day) for day in days] == [False, True, True, False]
    likeness = LikenessConsent(HASH, ("all",), "2026-06-01", WHEN, "2026-06-02")
    assert [likeness.in_force(day) for day in days] == [False, True, True, False]


def test_a_count_of_faces_in_other_digits_is_not_a_number():
    """Python reads them as digits; whoever wrote them did not count with our detector."""
    odd = clip(FILE, likeness=True, measures=("faces=\u0661",))
    assert "is not a number" in of_clip([dataclasses.replace(AGREED, covers=odd.digest)], shown=odd).rule


def test_without_a_licence_the_missing_licence_is_named():
    said = Signal(NOBODYS.digest, "robots", "unreadable", "https://a.example/", WHEN, "langit-signals-1")
    assert "no licence is on record" in decide(NOBODYS, Policy(), signals=[said]).rule


def test_a_correction_supersedes_no_other_sources_licence(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    mine, other = (Source("file", name, sha(name), creator="me") for name in ("mine", "other"))
    ledger.add([mine, other, Rights(mine.digest, WHEN, "CC-BY-NC-4.0"), Rights(other.digest, WHEN, "CC-BY-NC-4.0")])
    assert not decide(mine, Policy(), rights=ledger.rights()).allowed
    (new,) = correct_licence(ledger, mine, "CC0-1.0", "a slip of the pen")
    decided = {one: decide(one, Policy(), rights=ledger.rights()) for one in (mine, other)}
    assert new.supersedes == ledger.rights()[0].digest
    assert decided[mine].allowed and decided[other].verdict is RightsVerdict.REFUSED


def test_files_and_folders_that_are_hidden_are_not_entered(tmp_path):
    from ledger.tiny_video import tiny_video

    for place in ("a.mp4", ".b.mp4", ".trash/c.mp4", "d/e.mp4"):
        (tmp_path / "footage" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "footage" / place).write_bytes(tiny_video(place))
    found = add_folder(Ledger(tmp_path / "ledger"), tmp_path / "footage", creator="me")
    ledger = Ledger(tmp_path / "ledger")
    assert found.new == 2 and sorted(one.title for one in ledger.sources()) == ["a.mp4", "d/e.mp4"]
    assert {one.creator for one in ledger.sources()} == {"me"}  # stated without a licence, it is on record all the same


# What is on record


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RequestAnswer(HASH, "declined", " ", WHEN), "gives no reason"),
        (lambda: RequestAnswer(HASH, "granted", "asked for", WHEN), "granted with 0 revocations"),
        (lambda: RequestAnswer(HASH, "declined", "not theirs", WHEN, (OTHER,)), "declined with 1 revocations"),
        (lambda: RequestAnswer(HASH, "granted", "asked for", WHEN, ("all",)), "revocations 'all' is not a SHA-256"),
        (lambda: RunExposure("run", HASH, 0, -1, WHEN), "0 rows at step -1"),
        (lambda: Drop("motion", "", "x", title="a"), "has no stage or reason"),
        (lambda: Consent(HASH, HASH, ("training", ""), "2026-01-01", WHEN), "names no purpose"),
        (lambda: Source("fetched", "x", HASH, url="https://a.example/x"), "names no url and fetched_at"),
        (lambda: dataclasses.replace(FILMS[0], generator=None), "names no generator"),
        (lambda: dataclasses.replace(FILMS[0], generator_version=None), "names no generator"),
        (lambda: Revocation(HASH, "asked for", WHEN, evidence=("letter.pdf",)), "'letter.pdf' is not a SHA-256"),
        (lambda: LikenessConsent(HASH, (), "2026-01-01", WHEN), "has no scope"),
        (lambda: LikenessConsent(HASH, ("purpose",), "2026-01-01", WHEN), "is malformed"),
        (lambda: LikenessConsent(HASH, ("purpose:b", "purpose:a"), "2026-01-01", WHEN), "are not sorted"),
        (lambda: LikenessConsent(HASH, ("all", "purpose:a"), "2026-01-01", WHEN), "give it alone"),
        (lambda: LikenessConsent(HASH, ("all",), "2026-02-01", WHEN, "2026-01-01"), "before it starts"),
        (lambda: LikenessConsent(HASH, ("all",), "20260201", WHEN), "write it so"),
    ],
)
def test_wrong_values_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_proof_of_another_size_does_not_hold_though_its_hashes_do():
    """The size is signed with the root: a proof that fits the root of a longer log says nothing of this one."""
    one, two, more = (bytes([number]) * 32 for number in (1, 2, 3))
    both = node_hash(one, two)
    assert verify_inclusion(two, 1, 2, (one,), both) and not verify_inclusion(two, 0, 1, (one,), both)
    assert not verify_consistency(4, both, 2, both, ()) and not verify_consistency(-1, EMPTY, 2, both, ())
    assert verify_consistency(1, one, 2, both, (two,))
    longer = node_hash(more, one), node_hash(more, both)
    assert not verify_consistency(1, longer[0], 2, longer[1], (two, more))
    three = node_hash(both, more)  # of entries 1, 2, 3, continued by a fourth
    four = node_hash(both, node_hash(more, one))
    assert verify_consistency(3, three, 4, four, (more, one, both))
    outer = node_hash(one, three), node_hash(one, four)
    assert not verify_consistency(3, outer[0], 4, outer[1], (more, one, both, one))


def test_an_address_of_version_6_is_revoked_however_its_port_is_written():
    barred = Revocations.of([Revocation("https://[2001:db8::7]/film", "asked for", WHEN, by="url")])
    assert barred.of_address("http://[2001:DB8::7]:80/a/../film#t=3") is not None
    assert barred.of_address("http://[2001:db8::8]/film") is None


@pytest.mark.parametrize(
    ("policy", "verdict"),
    [
        ({}, "allowed"),  # an exception adds permissions to a licence that is allowed without it
        ({"refused": ("MIT WITH LLVM-exception",)}, "refused"),
        ({"allowed": ("CC0-1.0",)}, "unknown"),
        ({"allowed": ("CC0-1.0", "MIT WITH LLVM-exception")}, "allowed"),
    ],
)
def test_a_licence_with_its_exception_may_be_listed_as_one(policy, verdict):
    named = dataclasses.replace(Policy(allowed=("MIT",), attribution=()), **policy)
    assert judge("MIT WITH LLVM-exception", named, True).verdict.value == verdict


def test_people_whose_names_are_not_on_record_are_told_apart(tmp_path):
    personal = Ledger(tmp_path).personal
    people = [personal.put(data) for data in (b'{"name": " "}', b'{"name": ""}', b'{"name": 7}', b'{"name": 8}')]
    assert len({personal.identify(one) for one in people}) == 4


def test_a_drop_may_name_a_clip_alone():
    assert Drop("motion", "still", "nothing moves", clip=HASH).source is None


def test_what_is_entered_together_may_be_revoked_together(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add([FILE, Revocation(FILE.digest, "asked for", WHEN)])
    with pytest.raises(ValueError, match=f"record {HASH} is not in"):
        ledger.add([Revocation(HASH, "asked for", WHEN)])
    assert not decide(FILE, Policy(), ledger.revocations()).allowed and len(ledger.sources()) == 1


def test_nothing_else_shows_that_a_log_continues_an_empty_one():
    top = bytes.fromhex(HASH)
    assert verify_consistency(0, EMPTY, 3, top, ())
    assert not verify_consistency(0, EMPTY, 3, top, (top,)) and not verify_consistency(0, top, 3, top, ())
    assert not verify_consistency(3, top, 3, top, (top,))


# What came of footage


def test_what_concerns_footage_is_found_and_nothing_else(lived):
    other = dataclasses.replace(AGREED, covers=CLIPS[0].digest, person=OTHER)
    dropped = Drop("text", "text", "letters", clip=SHOTS[0].digest)
    lived.ledger.add([SHOWN, AGREED, other, dropped, Revocation(SHOTS[0].digest, "asked for", WHEN)])
    lived.ledger.add([Output("c" * 64, lived.name, WHEN), Output("d" * 64, OTHER, WHEN)])
    lineage = Lineage(lived.ledger, find_artifacts(lived.home))
    assert lineage.consents_of([SHOWN.digest]) == (AGREED,)
    assert lineage.captions_of([SHOTS[2].digest]) == (CAPTION,) and lineage.captions_of([SHOTS[0].digest]) == ()
    assert lineage.manifests_with([SHOWN.digest]) == () != lineage.manifests_with([SHOTS[0].digest])
    assert lineage.drops_of([SHOTS[0].digest]) == (dropped,) and lineage.drops_of([SHOTS[1].digest]) == ()
    assert lineage.revoked_among(SHOTS) == (SHOTS[0],) == revoked_clips(lived.ledger, SHOTS)
    assert [item.content_sha256 for item in trace_descendants(lineage, [FILE]).outputs] == ["c" * 64]


def test_a_record_for_a_model_holds_nobody_elses_consent(lived):
    other = dataclasses.replace(AGREED, covers=CLIPS[0].digest, person=OTHER)
    lived.ledger.add([SHOWN, AGREED, other])
    records, evidence = training_records(lived.ledger, [SHOWN.digest], [])
    assert AGREED.digest in records and other.digest not in records
    assert lived.manifest.digest not in records and not evidence  # it does not list the clip


def test_an_entry_that_names_no_model_is_of_the_one_whose_log_it_has():
    mine, others = (RunExposure(name, root, 1, 1, WHEN) for name, root in (("a", HASH), ("b", OTHER)))
    assert model_exposures([mine, others], "11" * 32, {HASH}) == (mine,)


def test_a_ledger_of_that_size_that_is_another_does_not_continue(lived, tmp_path):
    """As many entries, and other ones: the root decides."""
    other = Ledger(tmp_path / "other")
    other.add([Source("file", str(number), sha(number)) for number in range(lived.ledger.size)])
    lineage = Lineage(other, find_artifacts(lived.home))
    assert not lineage.continues(lineage.find("tiny")[0])
    assert Lineage(lived.ledger, find_artifacts(lived.home)).continues(lineage.find("tiny")[0])


# Statements and audits


def test_a_statement_names_no_licence_that_was_superseded(lived):
    correct_licence(lived.ledger, FETCHED, "CC-BY-4.0", "it was mistyped", "Sea Films")
    lineage = Lineage(lived.ledger, find_artifacts(lived.home))
    found = corpus(lineage, "2026-06-01", model="tiny")
    assert found.licences(FETCHED) == ("CC-BY-4.0",)
    correct_licence(lived.ledger, FETCHED, "CC-BY-3.0", "and mistyped again", "Sea Films")
    lineage = Lineage(lived.ledger, find_artifacts(lived.home))
    assert corpus(lineage, "2026-06-01", model="tiny").licences(FETCHED) == ("CC-BY-3.0",)


def test_a_statement_names_the_model_that_is_not_here(lived):
    based = dataclasses.replace(lived.provenance, base=f"sha256:{HASH}")
    (lived.model / "provenance.json").write_text(based.text())
    lineage = Lineage(lived.ledger, find_artifacts(lived.home))
    assert lineage.artifacts.with_bases(lineage.find("tiny")[0]) == lineage.find("tiny")
    (said,) = corpus(lineage, "2026-06-01", model="tiny").bases
    assert f"a model that is not here ({HASH[:16]})" in said


def test_the_stages_whose_logs_are_missing_are_the_ones_that_are_named(lived):
    (lived.home / "runs" / "tiny" / "scenes" / "exposure.log").unlink()
    model = next(item for item in find_artifacts(lived.home).models if item.name == "tiny")
    assert [*audit.stages_without_logs(model)] == ["scenes"]


def test_a_statement_is_about_a_manifests_clips_alone(lived):
    lived.ledger.add([clip(FETCHED, start=90, frames=30, fps="30", likeness=False)])
    lineage = Lineage(lived.ledger, find_artifacts(lived.home))
    assert {*corpus(lineage, "2026-06-01", manifest="spring").clips} == {*ALL}


def test_no_statement_is_made_of_nothing_or_of_what_is_not_known(lived, tmp_path):
    empty = Lineage(Ledger(tmp_path / "other"), find_artifacts(tmp_path))
    with pytest.raises(ValueError, match="nothing to state"):
        corpus(empty, "2026-06-01")
    for stage in ("autoencoder", "scenes"):
        (lived.home / "runs" / "tiny" / stage / "exposure.log").unlink()
    elsewhere = Lineage(Ledger(tmp_path / "other"), find_artifacts(lived.home))
    with pytest.raises(ValueError, match="which clips it saw is not known"):
        corpus(elsewhere, "2026-06-01", model="tiny")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"ledger_root": OTHER}, "it was made from another ledger of"),
        ({"ledger_size": 10**6}, "it was made from another ledger of 1000000 entries"),
        ({"clip_root": OTHER}, "its list of clips is not the one that was entered"),
    ],
)
def test_a_manifest_that_was_entered_with_what_is_not_so_fails(lived, tmp_path, change, text):
    false = dataclasses.replace(lived.manifest, name="false", **change)
    entry = RunExposure("tiny", lived.provenance.exposure["scenes"].root, 4, 4, WHEN, false.digest, lived.name)
    lived.ledger.add([false, entry])
    found = findings(written(lived, tmp_path / "tiny.zip"))["manifest false"]
    assert found.state == "fails" and text in found.text


def test_a_model_of_a_longer_ledger_and_films_that_are_none_fail(lived, tmp_path):
    file = written(lived, tmp_path / "tiny.zip")

    def longer(data):
        return json.dumps(json.loads(data) | {"ledger": {"size": 10**6, "root": HASH}}).encode()

    found = findings(changed(file, tmp_path / "a.zip", audit.PROVENANCE, longer))
    assert [item.state for item in found.values()] == ["fails"]
    clips = lived.ledger.digests().index(CLIPS[0].digest)
    for more in (f", {clips}]", ", 1000000]"):
        path = changed(file, tmp_path / "b.zip", audit.FILMS, lambda data, end=more: data.rstrip()[:-1] + end.encode())
        assert findings(path)["films"].state == "fails"


def test_footage_of_a_run_that_names_no_manifest_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(lives, "RunExposure", lambda *said: RunExposure(*said[:5], None, said[6]))
    found = findings(written(live(tmp_path / "home"), tmp_path / "a.zip"))
    assert (found["footage"].state, "manifest spring" in found) == ("fails", False)


# Exposure logs of format 2


@pytest.fixture
def columns(tmp_path):
    clips = tuple(hashlib.sha256(bytes([number])).hexdigest() for number in range(9))
    log = open_exposure_log(tmp_path / "exposure.log", clips)
    for step in range(2):
        log.append(step, clips * (CHUNK // len(clips) // 2 + 1))
    assert isinstance(log, ColumnLog)
    log.flush()
    return ExposureColumns(tmp_path / "exposure.log")


def test_rows_without_their_step_and_chunks_without_their_root_are_not_read(columns):
    whole, root = columns.steps.read_bytes(), columns.root()
    columns.steps.write_bytes(whole[:8])
    with pytest.raises(ValueError, match="rows of no step"):
        columns.chunk(0)
    columns.steps.unlink()
    assert columns.rows_before(1) == 0
    columns.steps.write_bytes(whole)
    stored = columns.chunks.read_bytes()
    columns.chunks.write_bytes(stored[:-1])
    with pytest.raises(ValueError, match="0 roots of 1 chunks"):
        columns.tops()
    columns.chunks.write_bytes(stored)
    assert columns.root() == root and columns.roster.digests(np.zeros(0, np.uint32)).size == 0


# Whose file it is


def test_only_whole_hashes_of_parents_are_taken_from_a_files_metadata(tmp_path):
    file = tmp_path / "a.mp4"
    said = {"provenance": f"sha256:{HASH}", "parents": f"sha256:{OTHER},edit; {'x' * 64}; {'ab' * 31}"}
    video.write(file, np.zeros((2, 16, 16, 3), np.uint8), 8, said)
    found = find_model_output(file, sha("a"), [], None)
    assert found is not None and found.parents == (OTHER,) and HASH in found.made_by


def test_a_riff_file_that_is_no_picture_is_none(tmp_path):
    for name, head, why in (("a.webp", b"WEBP", None), ("b.webp", b"WAVE", "not a video"), ("c.mp4", b"WEBP", "not a")):
        (tmp_path / name).write_bytes(b"RIFF\x10\x00\x00\x00" + head + bytes(16))
        found = why_not_footage(tmp_path / name)
        assert found is None if why is None else why in str(found)

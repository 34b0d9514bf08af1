"""Evidence by hash, personal data by salted commitment: whole or not at all, checked, and erasable."""

import os
import threading

import pytest

from langit.ledger import personal
from langit.ledger.place import Folder, open_place
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Consent, Revocation, Source
from langit.ledger.store import Ledger
from langit.ledger.verdict import RightsVerdict

HASH = "ab" * 32
SOURCE = Source(kind="file", title="dog", content_sha256=HASH, licence="CC0-1.0")
CLIP = Clip(SOURCE.digest, 0, 9, False, (), HASH, likeness=True, measures=("faces=1",))


def consent(ledger, **more):
    said = {
        "covers": CLIP.digest,
        "person": ledger.personal.put_facts(name="Sri Wahyuni", email="sri@films.example"),
        "form": ledger.personal.put(b"%PDF signed"),
        "purposes": ("training",),
        "starts": "2026-01-01",
        "recorded_at": "2026-01-02",
    }
    return Consent(**(said | more))


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path / "ledger")
    made.add([SOURCE, CLIP])
    return made


def verdict(ledger, on="2026-06-01"):
    found = ledger.allowed_clips(Policy(), on)
    return RightsVerdict.ALLOWED if found.clips else found.refused[0].decision.verdict


def test_evidence_is_kept_once_and_found_by_its_hash(ledger):
    digest = ledger.evidence.put(b"terms")
    assert ledger.evidence.put(b"terms") == digest and ledger.evidence.get(digest) == b"terms"
    assert Ledger(ledger.path).evidence.digests() == (digest,)
    assert ledger.evidence.get(ledger.evidence.put(b"")) == b""


def test_changed_or_missing_evidence_is_named_and_can_be_put_again(ledger):
    digest = ledger.evidence.put(b"terms")
    (ledger.path / "evidence" / digest[:2] / digest).write_bytes(b"other terms")
    with pytest.raises(ValueError, match="was changed"):
        ledger.evidence.get(digest)
    assert ledger.evidence.put(b"terms") == digest and ledger.evidence.get(digest) == b"terms"
    with pytest.raises(ValueError, match=f"evidence {HASH} is not in"):
        ledger.evidence.get(HASH)
    with pytest.raises(ValueError, match="is not a SHA-256"):
        ledger.evidence.get("../../log.lance")


def test_bytes_appear_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    folder.put("evidence/a", b"before")

    def die(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        folder.put("evidence/a", b"after")
    assert folder.get("evidence/a") == b"before" and folder.names("evidence") == ("evidence/a",)
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == ["a"]


def test_many_writers_of_one_file_leave_it_whole(tmp_path):
    folder, data = Folder(tmp_path), [bytes([number]) * 100_000 for number in range(8)]
    writers = [threading.Thread(target=folder.put, args=("evidence/a", piece)) for piece in data]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert folder.get("evidence/a") in data and folder.names("evidence") == ("evidence/a",)


def test_a_commitment_hides_what_it_commits_to(ledger):
    one, other = (ledger.personal.put_facts(name="Sri Wahyuni") for _ in range(2))
    assert one != other, "two commitments to the same person cannot be linked"
    assert ledger.personal.get(one) == ledger.personal.get(other) == b'{"name":"Sri Wahyuni"}'
    kept = (ledger.path / "personal" / one).read_bytes()
    assert personal.commit(kept[: personal.SALT], kept[personal.SALT :]) == one
    assert ledger.personal.get(HASH) is None
    (ledger.path / "personal" / one).write_bytes(kept[:-1] + b"?")
    with pytest.raises(ValueError, match="was changed"):
        ledger.personal.get(one)


def test_erasing_a_person_leaves_the_log_as_it_was(ledger):
    entered = consent(ledger)
    ledger.add([entered])
    root = ledger.root()
    assert verdict(ledger) is RightsVerdict.ALLOWED
    for commitment in (entered.person, entered.form):
        assert ledger.personal.erase(commitment) and not ledger.personal.erase(commitment)
        assert ledger.personal.get(commitment) is None
    again = Ledger(ledger.path)
    again.check()
    assert again.root() == root and again.consents() == (entered,) and again.personal.commitments() == ()
    everything = b"".join(path.read_bytes() for path in ledger.path.rglob("*") if path.is_file())
    assert b"Sri" not in everything and b"PDF signed" not in everything


def test_a_person_in_a_clip_needs_consent_that_covers_training_now(ledger):
    assert verdict(ledger) is RightsVerdict.UNKNOWN
    ledger.add([consent(ledger, purposes=("exhibition",))])
    assert verdict(ledger) is RightsVerdict.UNKNOWN, "for another purpose"
    ledger.add([consent(ledger, purposes=("exhibition", "training"), starts="2026-05-01", ends="2026-06-30")])
    assert [verdict(ledger, day) for day in ("2026-04-30", "2026-05-01", "2026-06-30", "2026-07-01")] == [
        RightsVerdict.UNKNOWN,
        RightsVerdict.ALLOWED,
        RightsVerdict.ALLOWED,
        RightsVerdict.UNKNOWN,
    ]


def test_a_withdrawn_consent_refuses(ledger):
    entered = consent(ledger)
    ledger.add([entered])
    assert verdict(ledger) is RightsVerdict.ALLOWED
    ledger.revoke(entered.digest, "she changed her mind")
    assert verdict(ledger) is RightsVerdict.REFUSED
    assert "she changed her mind" in ledger.allowed_clips(Policy()).refused[0].decision.rule


def test_consent_to_a_source_covers_its_clips_and_each_face_needs_one(ledger):
    two = Clip(SOURCE.digest, 9, 9, False, (), HASH, likeness=True, measures=("faces=2",))
    ledger.add([two, consent(ledger, covers=SOURCE.digest)])
    found = ledger.allowed_clips(Policy(), "2026-06-01")
    assert found.clips == (CLIP,) and "on record for 1 of them" in found.refused[0].decision.rule
    ledger.add([consent(ledger, covers=two.digest)])
    assert ledger.allowed_clips(Policy(), "2026-06-01").clips == (CLIP,), "the same person twice, as after a renewal"
    other = ledger.personal.put_facts(name="Adi Wahyuni", email="sri@films.example")
    ledger.add([consent(ledger, covers=two.digest, person=other)])
    assert ledger.allowed_clips(Policy(), "2026-06-01").clips == (CLIP, two)


def test_one_person_is_one_however_the_name_is_written(ledger):
    two = Clip(SOURCE.digest, 9, 9, False, (), HASH, likeness=True, measures=("faces=2",))
    names = [
        "Sri Wahyuni",
        "sri  wahyuni",
        "\uff33ri Wahyuni",
        " SRI WAHYUNI ",
        "Sri\u200b Wahyuni",
        "Sr\u0456 Wahyuni",
    ]
    names += [
        "Sr\u00ed Wahyun\u00ed",
        "Sri Wahyuni.",
        "Wahyuni, Sri",
        "Dr. Sri Wahyuni",
        "Ibu Sri-Wahyuni",
        "\u202dSri Wahyuni",
    ]
    people = [ledger.personal.put_facts(name=name, phone=str(number)) for number, name in enumerate(names)]
    ledger.add([two, *(consent(ledger, covers=two.digest, person=person) for person in people)])
    assert two not in ledger.allowed_clips(Policy(), "2026-06-01").clips


def test_a_person_whose_name_was_erased_may_be_any_of_the_others(ledger):
    two = Clip(SOURCE.digest, 9, 9, False, (), HASH, likeness=True, measures=("faces=2",))
    first, renewed = consent(ledger, covers=two.digest), consent(ledger, covers=two.digest)
    ledger.add([two, first, renewed])
    ledger.personal.erase(first.person)
    assert two not in ledger.allowed_clips(Policy(), "2026-06-01").clips
    ledger.personal.erase(renewed.person)
    assert two not in ledger.allowed_clips(Policy(), "2026-06-01").clips
    other = ledger.personal.put_facts(name="Adi Wahyuni")
    ledger.add([consent(ledger, covers=CLIP.digest)])
    ledger.personal.erase(ledger.consents()[-1].person)
    assert CLIP in ledger.allowed_clips(Policy(), "2026-06-01").clips, "one face, and the consent of somebody"
    ledger.add([consent(ledger, covers=two.digest, person=other), consent(ledger, covers=two.digest)])
    assert two in ledger.allowed_clips(Policy(), "2026-06-01").clips


@pytest.mark.parametrize("ends", ["20260201", "2026-W05-7", "2026-02-01"])
def test_consent_ends_on_its_day_however_that_is_written(ledger, ends):
    ledger.add([consent(ledger, ends=ends)])
    assert verdict(ledger, "2026-02-01") is RightsVerdict.ALLOWED
    assert verdict(ledger, "2026-02-02") is RightsVerdict.UNKNOWN
    assert verdict(ledger, "2030-01-01") is RightsVerdict.UNKNOWN


@pytest.mark.parametrize("starts", ["20260601", "2026-W23-1"])
def test_consent_starts_on_its_day_however_that_is_written(ledger, starts):
    ledger.add([consent(ledger, starts=starts)])
    assert verdict(ledger, "2026-05-31") is RightsVerdict.UNKNOWN
    assert verdict(ledger, "2026-06-01") is RightsVerdict.ALLOWED


def test_faces_that_were_counted_outweigh_that_nobody_can_be_recognised(ledger):
    three = Clip(SOURCE.digest, 9, 9, False, (), HASH, likeness=False, measures=("faces=3",))
    many = Clip(SOURCE.digest, 18, 9, False, (), HASH, likeness=False, measures=("faces=many",))
    none = Clip(SOURCE.digest, 27, 9, False, (), HASH, likeness=False, measures=("faces=0",))
    seen = Clip(SOURCE.digest, 36, 9, False, (), HASH, likeness=True, measures=("faces=0",))
    ledger.add([three, many, none, seen])
    found = ledger.allowed_clips(Policy(), "2026-06-01")
    assert found.clips == (none,)
    rules = {item.clip: item.decision.rule for item in found.refused}
    assert "shows 3 people" in rules[three] and "not a number" in rules[many] and "shows a person" in rules[seen]


def test_not_having_looked_is_not_a_no(ledger):
    unseen = Clip(SOURCE.digest, 18, 9, False, (), HASH)
    empty = Clip(SOURCE.digest, 27, 9, False, (), HASH, likeness=False)
    ledger.add([unseen, empty])
    found = ledger.allowed_clips(Policy())
    assert found.clips == (empty,)
    assert "nobody has looked" in found.refused[-1].decision.rule


def test_a_fingerprint_can_be_barred(ledger):
    clip = Clip(SOURCE.digest, 36, 9, False, (), HASH, likeness=False, fingerprint_sha256="cd" * 32)
    ledger.add([clip, Revocation("cd" * 32, "asked", "2026-11-23", by="fingerprint")])
    assert clip in {refusal.clip for refusal in ledger.allowed_clips(Policy()).refused}


def test_places_that_are_none():
    with pytest.raises(ValueError, match="cannot be at https://x.example"):
        open_place("https://x.example/ledger")
    with pytest.raises(ValueError, match="this needs a ledger in a folder, but s3://films/ledger is a bucket"):
        _ = Ledger.path.fget(
            type("Elsewhere", (), {"place": open_place("s3://films/ledger", {"region": "us-east-1"})})()
        )


def test_consent_has_to_cover_every_purpose_of_the_policy(ledger):
    policy = Policy(name="two purposes", consent=("training", "advertising"))
    ledger.add([consent(ledger, purposes=("training",)), consent(ledger, purposes=("advertising",))])
    assert ledger.allowed_clips(policy, "2026-06-01").clips == ()
    ledger.add([consent(ledger, purposes=("advertising", "training"))])
    assert ledger.allowed_clips(policy, "2026-06-01").clips == (CLIP,)

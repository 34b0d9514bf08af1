"""Records: what they say decides their digest, and nothing else does."""

import dataclasses
import hashlib

import pytest

from langit.ledger.derived import KINDS, Caption, Drop, Manifest, Output, RunExposure
from langit.ledger.likeness import LikenessConsent
from langit.ledger.record import Clip, Consent, Record, Revocation, Rights, Signal, Source
from langit.ledger.requests import RequestAnswer, TakedownRequest

HASH = "ab" * 32
SOURCE = Source(
    kind="rendered",
    title="film 7",
    content_sha256=HASH,
    licence="CC0-1.0",
    generator="langit.worlds",
    generator_version="worlds-1",
    seed=7,
    size="64x64x17",
)


def test_digest_is_the_hash_of_canonical_json_without_what_is_not_said():
    source = Source(kind="file", title="bola merah — ä", content_sha256=HASH)
    text = '{"content_sha256":"' + HASH + '","kind":"file","record":"source","title":"bola merah — ä"}'
    assert source.canonical == text.encode()
    assert source.digest == hashlib.sha256(text.encode()).hexdigest()


def test_zero_and_false_are_said():
    assert b'"seed":0' in dataclasses.replace(SOURCE, seed=0).canonical
    clip = Clip(source=HASH, start=0, frames=17, mirrored=False, captions=("a ball",), content_sha256=HASH)
    assert b'"mirrored":false' in clip.canonical and b'"start":0' in clip.canonical


def test_a_field_added_later_leaves_old_digests_as_they_are():
    @dataclasses.dataclass(frozen=True)
    class Later(Source):
        camera: str | None = None
        notes: tuple[str, ...] = ()

    said = {field.name: getattr(SOURCE, field.name) for field in dataclasses.fields(SOURCE)}
    assert Later(**said).digest == SOURCE.digest
    assert Later(**said, camera="still").digest != SOURCE.digest


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Source)])
def test_every_field_of_a_source_counts(field):
    other = {"kind": "file", "content_sha256": "cd" * 32, "seed": 8, "evidence": (HASH,), "parents": (HASH,)}
    other |= {"scene_sha256": HASH, "motion_sha256": HASH}
    assert dataclasses.replace(SOURCE, **{field: other.get(field, "other")}).digest != SOURCE.digest


CLIP = Clip(source=HASH, start=0, frames=1, mirrored=False, captions=(), content_sha256=HASH)
ONE_OF_EACH = (
    SOURCE,
    Rights(source=HASH, recorded_at="2026-01-01", licence="CC0-1.0"),
    Consent(covers=HASH, person=HASH, purposes=("training",), starts="2026-01-01", recorded_at="2026-01-01"),
    Signal(source=HASH, scheme="tdmrep", says="silent", where="tdmrep.json", read_at="2026-01-01", reader="1"),
    CLIP,
    Caption(clip=HASH, text="a ball", language="en", captioner="sidecar", version="1"),
    Drop(stage="probe", reason="unreadable", detail="no video in it", source=HASH),
    Manifest("films", 2, HASH, HASH, HASH, 1, HASH, "2026-01-01"),
    RunExposure(run="pocket", root=HASH, rows=4, step=2, recorded_at="2026-01-01"),
    Output(content_sha256=HASH, model=HASH, made_at="2026-01-01"),
    LikenessConsent(person=HASH, scopes=("ability:generate",), starts="2026-01-01", recorded_at="2026-01-01"),
    TakedownRequest(content_sha256=HASH, reason="copyright", asked_at="2026-01-01", person=HASH),
    RequestAnswer(request=HASH, settled="declined", why="not on record", answered_at="2026-01-01"),
    Revocation(target=HASH, reason="asked", revoked_at="2026-01-01"),
)


def test_records_of_different_kinds_never_share_a_digest():
    assert [type(record) for record in ONE_OF_EACH] == list(KINDS.values())
    assert len({record.digest for record in ONE_OF_EACH}) == len(KINDS)


def test_digests_that_are_in_logs_do_not_change():
    """As they were computed when these kinds of records had only the fields that are given here."""
    clip = Clip(source=HASH, start=0, frames=17, mirrored=False, captions=("a ball",), content_sha256=HASH)
    assert SOURCE.digest == "5ea1fdf5f2b6d98c7982c6d28c50a26fe870dbd8e89ce9122866a65ca94332c3"
    assert clip.digest == "a6ed678116143b01fb71355e3e9b89ec7eb529c40cf4e968bc7dfd3c4c7bd012"


def test_what_is_said_of_real_footage_counts():
    said = {"size": "640x360", "crop": "640x272+0+44", "fps": "24000/1001", "starts_at": "0", "ends_at": "1001/24000"}
    said |= {"likeness": False, "measures": ("motion=0.132", "sharpness=12"), "fingerprint_sha256": HASH}
    said |= {"curation": HASH}
    digests = {dataclasses.replace(CLIP, **{name: value}).digest for name, value in said.items()}
    assert len(digests | {CLIP.digest}) == len(said) + 1
    assert dataclasses.replace(CLIP, **said).measured == {"motion": "0.132", "sharpness": "12"}


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SOURCE.title = "other"  # type: ignore[misc]  # that is what is tested
    assert isinstance(SOURCE, Record)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: dataclasses.replace(SOURCE, kind="bought"), "'bought' is not one of rendered, file, fetched"),
        (lambda: dataclasses.replace(SOURCE, content_sha256="AB" * 32), "is not a SHA-256"),
        (lambda: dataclasses.replace(SOURCE, evidence=("terms.pdf",)), "'terms.pdf' is not a SHA-256"),
        (lambda: dataclasses.replace(SOURCE, seed=None), "names no generator"),
        (lambda: Source(kind="fetched", title="x", content_sha256=HASH), "names no url and fetched_at"),
        (lambda: Rights(source=HASH, recorded_at="2026-01-01"), "neither a licence nor a consent"),
        (lambda: Rights(source=HASH, recorded_at="2026-01-01", consent="perhaps"), "'perhaps' is not one of"),
        (lambda: Clip(HASH, 0, 0, False, (), HASH), "clip of 0 frames"),
        (lambda: Clip(HASH, -1, 5, False, (), HASH), "from frame -1"),
        (lambda: Clip("film 7", 0, 5, False, (), HASH), "'film 7' is not a SHA-256"),
        (lambda: dataclasses.replace(CLIP, size="640"), "size '640' of a clip is malformed"),
        (lambda: dataclasses.replace(CLIP, fps="30/0"), "fps '30/0' of a clip is malformed"),
        (lambda: dataclasses.replace(CLIP, measures=("motion",)), "is not written name=value"),
        (lambda: dataclasses.replace(CLIP, measures=("b=1", "a=1")), "are not sorted"),
        (lambda: dataclasses.replace(CLIP, curation="sha256:" + HASH), "is not a SHA-256"),
        (lambda: Consent(HASH, HASH, (), "2026-01-01", ""), "names no purpose"),
        (lambda: Consent(HASH, "Sri", ("training",), "2026-01-01", ""), "person 'Sri' is not a SHA-256"),
        (lambda: Consent(HASH, HASH, ("training",), "1 May", ""), "starts '1 May' is not a date"),
        (lambda: Consent(HASH, HASH, ("training",), "2026-02-01", "", ends="2026-01-01"), "before it starts"),
        (lambda: Signal(HASH, "ai.txt", "silent", "", "", ""), "'ai.txt' is not one of"),
        (lambda: Signal(HASH, "rsl", "maybe", "", "", ""), "'maybe' is not one of"),
        (lambda: Caption(HASH, " ", "en", "sidecar", "1"), "is empty"),
        (lambda: Drop(stage="probe", reason="short", detail=""), "names no source, clip or title"),
        (lambda: Drop(stage="", reason="short", detail="", title="a"), "has no stage or reason"),
        (lambda: Manifest(" ", 2, HASH, HASH, HASH, 1, HASH, ""), "has no name"),
        (lambda: RunExposure("run", HASH, -1, 0, ""), "count from 0"),
        (lambda: Revocation(target="film 7", reason="asked", revoked_at="2026-01-01"), "is not a SHA-256"),
        (lambda: Revocation(target=HASH, reason="", revoked_at="", by="whim"), "'whim' is not one of"),
    ],
)
def test_wrong_values_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()

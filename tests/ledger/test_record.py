"""Records: what they say decides their digest, and nothing else does."""

import dataclasses
import hashlib

import pytest

from langit.ledger.record import KINDS, Clip, Record, Revocation, Rights, Source

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
    other = {"kind": "file", "content_sha256": "cd" * 32, "seed": 8, "evidence": (HASH,)}
    other |= {"scene_sha256": HASH, "motion_sha256": HASH}
    assert dataclasses.replace(SOURCE, **{field: other.get(field, "other")}).digest != SOURCE.digest


def test_records_of_different_kinds_never_share_a_digest():
    digests = {
        SOURCE.digest,
        Rights(source=HASH, recorded_at="2026-01-01", licence="CC0-1.0").digest,
        Clip(source=HASH, start=0, frames=1, mirrored=False, captions=(), content_sha256=HASH).digest,
        Revocation(target=HASH, reason="asked", revoked_at="2026-01-01").digest,
    }
    assert len(digests) == len(KINDS) == 4


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
        (lambda: Revocation(target="film 7", reason="asked", revoked_at="2026-01-01"), "is not a SHA-256"),
        (lambda: Revocation(target=HASH, reason="", revoked_at="", by="whim"), "'whim' is not one of"),
    ],
)
def test_wrong_values_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()

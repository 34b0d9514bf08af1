"""A ledger in a bucket: the same records, evidence and personal data, and writers that cannot overwrite each other.

The server is our own and small. With LANGIT_TEST_S3 set to the URL of another (its bucket ``films`` has to be there),
these tests run against that.
"""

import json
import os
import threading
import uuid

import pytest
from ledger import bucket
from ledger.tiny_video import tiny_video

from langit.ledger import keys
from langit.ledger.add import add_folder
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Source
from langit.ledger.store import Ledger

HASH = "ab" * 32
SOURCE = Source(kind="file", title="dog", content_sha256=HASH, licence="CC0-1.0")
CLIP = Clip(SOURCE.digest, 0, 9, False, (), HASH, likeness=False)


def other(number):
    return Source(kind="file", title=f"film {number}", content_sha256=f"{number:064x}")


@pytest.fixture(scope="module")
def options():
    with bucket.serving() as found:
        elsewhere = os.environ.get("LANGIT_TEST_S3")
        yield found | ({"endpoint": elsewhere} if elsewhere else {})


@pytest.fixture
def url():
    return f"s3://films/{uuid.uuid4().hex}"


def test_a_bucket_holds_what_a_folder_holds(options, url, tmp_path):
    here, there = Ledger(tmp_path / "ledger"), Ledger(url, options)
    signer = keys.signer(tmp_path / "ledger", "films.example")
    assert there.size == 0 and there.sources() == ()
    for ledger in (here, there):
        assert ledger.add([SOURCE, CLIP]) == 2 and ledger.add([SOURCE]) == 0
        ledger.revoke(CLIP.digest, "asked", revoked_at="2026-11-23")
    again = Ledger(url, options)
    again.check()
    assert again.root() == here.root() and again.clips() == (CLIP,)
    assert again.allowed_clips(Policy()) == here.allowed_clips(Policy())
    note = again.checkpoint("films.example", signer)
    assert again.prove(CLIP.digest, note, signer) == here.prove(
        CLIP.digest, here.checkpoint("films.example", signer), signer
    )


def test_evidence_and_personal_data(options, url):
    ledger = Ledger(url, options)
    digest, person = ledger.evidence.put(b"terms"), ledger.personal.put_facts(name="Sri")
    again = Ledger(url, options)
    assert again.evidence.get(digest) == b"terms" and again.evidence.digests() == (digest,)
    assert again.personal.get(person) == b'{"name":"Sri"}' and again.personal.erase(person)
    assert ledger.personal.get(person) is None and not ledger.personal.erase(person)
    with pytest.raises(ValueError, match=f"evidence {HASH} is not in s3://films"):
        again.evidence.get(HASH)


def test_a_folder_is_added_to_a_bucket(options, url, tmp_path):
    (tmp_path / "dog.mp4").write_bytes(tiny_video("dog"))
    assert add_folder(Ledger(url, options), tmp_path, licence="CC0-1.0").new == 1
    assert add_folder(Ledger(url, options), tmp_path, licence="CC0-1.0").known == 1


def test_writers_at_once_lose_nothing(options, url):
    def write(first):
        for number in range(first, first + 3):
            Ledger(url, options).add([other(number)])

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 10)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = Ledger(url, options)
    found.check()
    assert {source.title for source in found.sources()} == {f"film {number}" for number in (0, 1, 2, 10, 11, 12)}


def test_a_writer_that_slept_through_its_lease_cannot_commit(options, url):
    slow, quick = Ledger(url, options), Ledger(url, options)
    quick.add([SOURCE])
    append = slow._append

    def sleep_before_the_log(name, table):
        if name == "log":
            slow.place.put("lock", json.dumps({"owner": "", "until": 0}).encode())
            quick.add([CLIP])
        append(name, table)

    slow._append = sleep_before_the_log
    with pytest.raises(OSError, match="another writer added|concurrent"):
        slow.add([other(1)])
    del slow._append
    found = Ledger(url, options)
    found.check()
    assert found.sources() == (SOURCE,) and found.clips() == (CLIP,), "the row that lost is hidden"
    assert slow.add([other(1)]) == 1 and Ledger(url, options).sources() == (SOURCE, other(1))
    Ledger(url, options).check()


def test_the_lease_of_the_dead_ends(options, url, monkeypatch):
    ledger = Ledger(url, options)
    ledger.place.put("lock", json.dumps({"owner": "dead", "until": 1.0}).encode())
    assert ledger.add([SOURCE]) == 1


def test_a_bucket_out_of_reach_is_one_line():
    with pytest.raises(OSError, match="s3://films/x cannot be used") as caught:
        Ledger(
            "s3://films/x",
            {"endpoint": "http://127.0.0.1:9", "region": "us-east-1", "allow_http": "true", "access_key_id": "a"}
            | {"secret_access_key": "b"},
        )
    assert "\n" not in str(caught.value)

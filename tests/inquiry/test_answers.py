"""What strangers are told of a file and of footage: each answer with a neighbour that has to come out otherwise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ledger.lived import ALL, FILE, FILMS, NOBODYS, Lived, live

from langit.feed.traces import find_artifacts
from langit.inquiry import usage
from langit.inquiry.limits import InquiryLimits, TooMuchError
from langit.inquiry.public import public_verdict
from langit.inquiry.receipts import HEAD, check_answer
from langit.inquiry.takedown import decline_request, enter_request, find_request, grant_request, list_requests
from langit.inquiry.usage import find_usage
from langit.ledger.archive import UnprovedError
from langit.ledger.checkpoint import Signer
from langit.ledger.lineage import Lineage
from langit.ledger.requests import TakedownRequest
from langit.ledger.store import Ledger
from langit.release.credentials.read import Credentials, Signature
from langit.release.verdict import FileVerdict, KnownOutput, VerifyFinding

HASH = "ab" * 32
SIGNATURE = Signature("Name", "Organisation", "", "", "es256", "", "", "nobody")
MADE = Credentials("valid", signature=SIGNATURE, source="trainedAlgorithmicMedia", generator="Some Model")
SHOT = dataclasses.replace(MADE, source="digitalCapture")
KNOWN = KnownOutput("looks", "cd" * 32, "ef" * 32, "2026-01-01", "01" * 32)


def told(finding: VerifyFinding, credentials: Credentials | None = None, **more: object) -> dict[str, object]:
    return public_verdict(FileVerdict("a.mp4", HASH, finding, credentials, **more))  # type: ignore[arg-type]  # named by the tests


@pytest.mark.parametrize(
    ("finding", "credentials", "machine", "edited"),
    [
        (VerifyFinding.TRUSTED, MADE, "yes", "no"),
        (VerifyFinding.CERTIFICATE, MADE, "yes", "no"),
        (VerifyFinding.UNCOVERED, MADE, "yes", "unknown"),
        (VerifyFinding.CHANGED, MADE, "yes", "yes"),
        (VerifyFinding.APPENDED, MADE, "yes", "yes"),
        (VerifyFinding.MANIFEST, MADE, "unknown", "yes"),  # its credentials do not hold: they say nothing
        (VerifyFinding.ELSEWHERE, MADE, "unknown", "yes"),
        (VerifyFinding.CUT, MADE, "unknown", "yes"),
        (VerifyFinding.TRUSTED, SHOT, "unknown", "no"),
        (VerifyFinding.CHANGED, SHOT, "unknown", "yes"),
        (VerifyFinding.KNOWN_FILE, None, "yes", "unknown"),
        (VerifyFinding.KNOWN_MARK, None, "yes", "unknown"),
        (VerifyFinding.STRANGE_MARK, None, "yes", "unknown"),
        (VerifyFinding.KNOWN_LOOKS, None, "likely", "unknown"),
        (VerifyFinding.KNOWN_SOURCE, None, "unknown", "unknown"),
        (VerifyFinding.NOTHING, None, "unknown", "unknown"),
    ],
)
def test_who_made_it_and_whether_it_was_changed(
    finding: VerifyFinding, credentials: Credentials | None, machine: str, edited: str
) -> None:
    found = told(finding, credentials)
    assert (found["made_by_machine"], found["edited"]) == (machine, edited)


def test_a_watermark_counts_where_credentials_do_not_hold() -> None:
    assert told(VerifyFinding.MANIFEST, MADE, mark=f"holds the id {HASH}")["made_by_machine"] == "yes"


def test_a_given_file_is_not_told_as_an_output() -> None:
    """Whoever asks about somebody's footage does not learn what it was given to."""
    for finding in (VerifyFinding.KNOWN_SOURCE, VerifyFinding.KNOWN_PARENT):
        found = told(finding, known=(KNOWN,))
        assert (found["known_here"], found["finding"]) == (None, "nothing")
    assert told(VerifyFinding.KNOWN_LOOKS, known=(KNOWN,))["known_here"]["how"] == "looks"  # type: ignore[index]  # a dict of the tests


def test_what_cannot_be_read_claims_nothing_and_nobody_signed_it() -> None:
    unreadable = dataclasses.replace(MADE, state="unreadable", signature=None)
    found = told(VerifyFinding.MANIFEST, unreadable)
    assert found["claims"] is None and found["signer"] is None
    assert told(VerifyFinding.TRUSTED, MADE)["claims"]["generator"] == "Some Model"  # type: ignore[index]  # a dict of the tests


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ((100, 100, None), None),
        ((100, 100, 10.0), None),
        ((101, 100, None), "frames of 101x100 are too large"),
        ((1, 1, 11.0), "11 seconds are too long"),
    ],
)
def test_limits_of_pictures(asked: tuple[int, int, float | None], refused: str | None) -> None:
    limits = InquiryLimits(bytes=10, seconds=10.0, pixels=10_000)
    if refused is None:
        limits.check_picture(*asked)
    else:
        with pytest.raises(TooMuchError, match=refused):
            limits.check_picture(*asked)


def test_the_limit_of_bytes() -> None:
    InquiryLimits(bytes=10).check_size(10)
    with pytest.raises(TooMuchError, match="more than 10 bytes"):
        InquiryLimits(bytes=10).check_size(11)


@pytest.mark.parametrize(("text", "words"), [(f"{HEAD}\n[1]\n", "not an object"), ("langit/answer/9\n{}\n", "upgrade")])
def test_an_answer_of_another_form_is_refused_though_it_is_signed(text: str, words: str) -> None:
    signer = Signer("ledger.example", bytes(range(32)))
    with pytest.raises(UnprovedError, match=words):
        check_answer(signer.sign(text), signer.verifier)


# Requests


def entered(ledger: Ledger, **more: str) -> TakedownRequest:
    said = {"content": HASH, "reason": "copyright", "name": "Ayu", "contact": "ayu@example.org", "statement": "mine"}
    return enter_request(ledger, **(said | more))


def test_a_request_is_named_by_its_own_digits(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    one, two = entered(ledger), entered(ledger, content="cd" * 32)
    for request in (one, two):
        assert find_request(ledger, request.digest[:12]).request == request
    with pytest.raises(ValueError, match="2 requests in the ledger begins with ''"):
        find_request(ledger, "")
    alone = Ledger(tmp_path / "alone")
    entered(alone)
    with pytest.raises(ValueError, match="1 requests in the ledger begins with ' '"):
        find_request(alone, " ")


def test_nothing_is_answered_without_a_reason(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    entered(ledger)
    (standing,) = list_requests(ledger)
    for answer in (grant_request, decline_request):
        with pytest.raises(ValueError, match="gives no reason"):
            answer(ledger, standing, " ")
    assert not ledger.revocations() and list_requests(ledger)[0].standing == "open"


def test_what_is_granted_is_revoked_by_its_looks_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    looks = ledger.evidence.put(b"[]")
    ledger.add([dataclasses.replace(entered(Ledger(tmp_path / "other")), person=HASH, statement=None, looks=looks)])
    grant_request(ledger, list_requests(ledger)[0], "it is hers")
    assert [(item.by, item.target) for item in ledger.revocations()] == [("content", HASH), ("looks", looks)]


# Was it used?


@pytest.fixture
def lived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lived:
    """A home whose own models are asked, without those that ship: reading their records takes seconds."""

    def own(ledger: Ledger, home: Path) -> Lineage:
        found = find_artifacts(home)
        models = tuple(model for model in found.models if model.place.is_relative_to(home))
        return Lineage(ledger, dataclasses.replace(found, models=models))

    monkeypatch.setattr(usage, "lineage_over", own)
    return live(tmp_path / "home")


def used(lived: Lived, content: str, **alike: object) -> tuple[str, str, str]:
    found = find_usage(lived.home, content, alike)  # type: ignore[arg-type]  # numbers only
    (tiny,) = [model for model in found["models"] if model["model"] == "tiny"]
    return found["used"], tiny["used"], tiny["why"]


def test_what_a_model_saw_is_said(lived: Lived) -> None:
    assert used(lived, FILE.content_sha256)[1:] == ("yes", "its exposure log shows 1 sightings of 2 clips")
    assert used(lived, FILMS[3].content_sha256)[1:] == ("yes", "its own table of films lists it")
    assert used(lived, NOBODYS.content_sha256)[1] == "no"


def test_footage_that_looks_like_it_counts_and_is_shown_as_that(lived: Lived) -> None:
    match = {"share": 0.9, "mirrored": False}
    assert used(lived, HASH, **{ALL[8].digest: match})[1] == "yes"
    assert used(lived, HASH, **{"cd" * 32: match})[1] == "no"  # of a clip that is not on record
    found = find_usage(lived.home, FILE.content_sha256, {ALL[8].digest: match, ALL[10].digest: match})
    assert [(item["title"], item["looks"]) for item in found["on_record"]] == [("Rabbit", match), ("sea.mp4", match)]


def test_what_is_not_known_is_not_denied(lived: Lived) -> None:
    """A model that began with another, and one whose logs are elsewhere: neither shows that it saw nothing else."""
    file, before = lived.model / "provenance.json", lived.provenance
    file.write_text(dataclasses.replace(before, base=f"sha256:{HASH}").text())
    assert used(lived, NOBODYS.content_sha256) == ("unknown", "unknown", "it began with a model that is not here")
    file.write_text(dataclasses.replace(before, films=None).text())
    assert used(lived, NOBODYS.content_sha256)[1] == "no"
    (lived.home / "runs" / "tiny" / "scenes" / "exposure.log").unlink()
    assert used(lived, NOBODYS.content_sha256)[1:] == ("unknown", "the log of what it saw is not on this machine")

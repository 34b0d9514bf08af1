"""What a rights-holder asks: used or not, with a signed receipt, and requests that the ledger records."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from release.leaving import FACTS, clip
from serve.conftest import Local, Start

from langit import video
from langit.inquiry.receipts import check_answer
from langit.ledger import keys, receipt
from langit.ledger.record import Source
from langit.ledger.requests import TakedownRequest
from langit.ledger.store import Ledger
from langit.release.outputs import Outputs
from langit.serve.settings import Limits

ASKS = {"reason": "copyright", "name": "Ayu", "contact": "ayu@example.org", "statement": "mine"}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Footage with enough detail for fingerprints."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    video.write(path, clip(height=96, width=128), 8)
    return path.read_bytes()


@pytest.fixture
def ledger(client: Local, film: bytes) -> Ledger:
    """The server's ledger, with the footage in it."""
    found = Ledger(client.services.settings.home / "ledger")
    content = hashlib.sha256(film).hexdigest()
    found.add([Source(kind="file", title="market", content_sha256=content, creator="Ayu", licence="CC-BY-4.0")])
    return found


def test_footage_is_asked_about_by_hash_and_by_file(client: Local, ledger: Ledger, film: bytes) -> None:
    content, verifier = hashlib.sha256(film).hexdigest(), keys.signer(ledger.path).verifier
    by_hash = client.post("/v1/rights/usage", json={"sha256": content}).json()
    assert by_hash["used"] == "no" and by_hash["key"] == str(verifier)
    assert [source["title"] for source in by_hash["on_record"]] == ["market"]
    assert {model["model"]: model["used"] for model in by_hash["models"]}["pocket"] == "no"
    said = check_answer(by_hash["receipt"], verifier)
    assert said["sha256"] == content and said["used"] == "no" and said["ledger"]["size"] == 1
    by_file = client.post("/v1/rights/usage", files={"file": film}).json()
    assert by_file["sha256"] == content and by_file["compared_looks"] and by_file["models"] == by_hash["models"]
    proof = client.get(f"/v1/rights/proofs/{by_hash['on_record'][0]['source']}")
    assert receipt.check(proof.text, verifier).record == ledger.sources()[0]
    assert client.get("/v1/rights/key").text.strip() == str(verifier)


def test_what_ships_answers_too(client: Local) -> None:
    from langit.feed.traces import find_artifacts

    pocket = next(model for model in find_artifacts(client.services.settings.home).models if model.name == "pocket")
    film = next(iter(pocket.films.values()))
    answer = client.post("/v1/rights/usage", json={"sha256": f"sha256:{film.upper()}"}).json()
    assert answer["used"] == "yes" and answer["models"][0]["used"] == "yes"
    assert client.post("/v1/rights/usage", json={"sha256": "ab" * 32}).json()["used"] == "no"


def test_a_request_becomes_a_record(client: Local, ledger: Ledger, film: bytes) -> None:
    answer = client.post("/v1/rights/requests", data=ASKS, files={"file": film})
    assert answer.status_code == 201, answer.text
    entered = answer.json()
    (request,) = ledger.requests()
    assert request.digest == entered["id"] and request.content_sha256 == hashlib.sha256(film).hexdigest()
    assert request.looks is not None and not ledger.revocations()
    shown = receipt.check(entered["receipt"], keys.signer(ledger.path).verifier)
    assert isinstance(shown.record, TakedownRequest) and "Ayu" not in entered["receipt"]
    standing = client.get(f"/v1/rights/requests/{request.digest}")
    assert standing.json()["standing"] == "open" and "Ayu" not in standing.text
    assert not [path for path in Path(ledger.path).rglob("*") if path.is_file() and film in path.read_bytes()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"sha256": "ab"}, "64 hexadecimal digits"),
        ({}, "64 hexadecimal digits"),
        ({"sha256": "ab" * 32, "reason": "because"}, "not one of copyright"),
        ({"sha256": "ab" * 32, "name": ""}, "say who asks"),
        ({"sha256": "ab" * 32, "contact": "nobody"}, "e-mail"),
        ({"sha256": "ab" * 32, "statement": "x" * 4001}, "4001 characters"),
        ({"sha256": "ab" * 32, "path": "/etc/passwd"}, "not a field here"),
    ],
)
def test_a_wrong_request_is_named_and_not_entered(client: Local, words: dict[str, str], message: str) -> None:
    answer = client.post("/v1/rights/requests", json=ASKS | words)
    assert answer.status_code == 400 and message in answer.json()["error"]["message"]
    assert Ledger(client.services.settings.home / "ledger").size == 0


def test_a_file_and_another_hash_contradict(client: Local, film: bytes) -> None:
    answer = client.post("/v1/rights/usage", data={"sha256": "ab" * 32}, files={"file": film})
    assert answer.status_code == 400 and hashlib.sha256(film).hexdigest() in answer.text


def test_only_footage_and_requests_are_proven_to_strangers(client: Local) -> None:
    output = Outputs.of(client.services.settings.home).enter("ab" * 32, FACTS)
    for name in (output.digest, "ab" * 32, "..%2f..%2fkeys", "x"):
        assert client.get(f"/v1/rights/proofs/{name}").status_code == 404
    assert client.get(f"/v1/rights/requests/{output.digest}").status_code == 404


def test_requests_of_one_address_are_limited(start: Start) -> None:
    client = start(limits=Limits(public_per_minute=100))
    codes = [client.post("/v1/rights/requests", json=ASKS | {"sha256": "ab" * 32}).status_code for _ in range(4)]
    assert codes == [201, 201, 201, 429]

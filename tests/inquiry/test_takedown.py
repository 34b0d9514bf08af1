"""Requests to take footage down: entered by anybody, answered by the owner, and on record for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from langit.cli import main
from langit.inquiry.receipts import check_answer, is_answer, prove_record, sign_answer
from langit.inquiry.takedown import decline_request, enter_request, find_request, grant_request, list_requests
from langit.inquiry.usage import find_usage
from langit.ledger import keys, receipt
from langit.ledger.archive import UnprovedError
from langit.ledger.checkpoint import LogCheckpoint
from langit.ledger.policy import Policy
from langit.ledger.record import Source
from langit.ledger.store import Ledger

CONTENT = "ab" * 32
ASKS = {"content": CONTENT, "reason": "copyright", "name": "Ayu", "contact": "ayu@example.org", "statement": "mine"}
FOOTAGE = Source(kind="file", title="market", content_sha256=CONTENT, creator="Ayu", licence="CC-BY-4.0")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path))
    found = Ledger(tmp_path / "ledger")
    found.add([FOOTAGE])
    return found


def is_allowed(ledger: Ledger) -> bool:
    return ledger.decisions(Policy())[FOOTAGE.digest].allowed


def test_a_request_takes_nothing_down_until_it_is_granted(ledger: Ledger) -> None:
    before = is_allowed(ledger)
    request = enter_request(ledger, **ASKS)
    assert is_allowed(ledger) is before is True
    (standing,) = list_requests(ledger)
    assert (standing.standing, standing.name, standing.statement) == ("open", "Ayu", "mine")
    answer = grant_request(ledger, standing, "shown to be hers")
    assert not is_allowed(ledger)
    assert find_request(ledger, request.digest[:8]).standing == "granted"
    assert [item.digest for item in ledger.revocations()] == list(answer.revocations)
    assert find_usage(ledger.path.parent, CONTENT)["barred"]
    with pytest.raises(ValueError, match="was granted at"):
        decline_request(ledger, find_request(ledger, request.digest), "again")


def test_a_declined_request_changes_no_rights(ledger: Ledger) -> None:
    decline_request(ledger, find_request(ledger, enter_request(ledger, **ASKS).digest), "another work")
    assert is_allowed(ledger) and not ledger.revocations()


def test_no_name_is_in_the_log(ledger: Ledger) -> None:
    request = enter_request(ledger, **ASKS)
    assert b"Ayu" not in request.canonical and b"mine" not in request.canonical
    logged = b"".join(path.read_bytes() for path in ledger.path.rglob("*.lance") if path.is_file())
    assert b"ayu@example.org" not in logged


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"content": "ab"}, "64 lower-case"),
        ({"name": " "}, "say who asks"),
        ({"contact": "ayu"}, "e-mail"),
        ({"reason": "because"}, "not one of copyright"),
        ({"statement": "x" * 4001}, "4001 characters"),
        ({"name": "x" * 301}, "301 characters"),
    ],
)
def test_a_wrong_request_enters_nothing(ledger: Ledger, wrong: dict[str, str], words: str) -> None:
    size = ledger.size
    with pytest.raises(ValueError, match=words):
        enter_request(ledger, **(ASKS | wrong))
    assert ledger.size == size and not ledger.personal.commitments()


def test_nobody_fills_the_ledger(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("langit.inquiry.takedown.MOST_OPEN", 2)
    for _ in range(2):
        enter_request(ledger, **ASKS)
    with pytest.raises(ValueError, match="2 requests wait"):
        enter_request(ledger, **ASKS)
    decline_request(ledger, list_requests(ledger)[0], "no")
    enter_request(ledger, **ASKS)


def test_a_request_has_a_receipt(ledger: Ledger) -> None:
    request = enter_request(ledger, **ASKS)
    verifier = keys.signer(ledger.path).verifier
    shown = receipt.check(prove_record(ledger.path.parent, request.digest), verifier)
    assert shown.record == request
    answer = decline_request(ledger, find_request(ledger, request.digest), "no")
    shown = receipt.check(prove_record(ledger.path.parent, answer.digest), verifier)
    assert shown.record == answer and shown.named == (request,)


def test_an_answer_is_signed_and_no_checkpoint(ledger: Ledger) -> None:
    home, verifier = ledger.path.parent, keys.signer(ledger.path).verifier
    text = sign_answer(home, find_usage(home, CONTENT))
    said = check_answer(text, verifier)
    assert is_answer(text) and said["sha256"] == CONTENT and said["ledger"]["size"] == 1
    with pytest.raises(UnprovedError):
        check_answer(text.replace(CONTENT, "cd" * 32), verifier)
    with pytest.raises(ValueError, match="checkpoint"):
        LogCheckpoint.parse(text, verifier)


def test_the_owner_answers_on_the_command_line(ledger: Ledger, tmp_path: Path, capsys) -> None:
    request = enter_request(ledger, **ASKS)

    def langit(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out + captured.err

    assert "Ayu, ayu@example.org" in langit("ledger", "requests")[1]
    code, out = langit("ledger", "grant", request.digest[:10], "--why", "hers", "--erase")
    assert code == 0 and "stays allowed: 0 of 1 sources" in out
    assert "none open" in langit("ledger", "requests")[1]
    assert "by: erased" in langit("ledger", "requests", "--all")[1]
    code, out = langit("ledger", "decline", request.digest[:10], "--why", "no")
    assert code == 2 and "was granted" in out
    path = tmp_path / "usage.answer"
    path.write_text(sign_answer(tmp_path, find_usage(tmp_path, CONTENT)), encoding="utf-8")
    code, out = langit("ledger", "check", str(path))
    assert code == 0 and CONTENT in out
    path.write_text(path.read_text(encoding="utf-8").replace("no", "yes", 1), encoding="utf-8")
    assert langit("ledger", "check", str(path))[0] == 1
    assert langit("ledger", "verify")[0] == 0

"""Every problem that credentials can have leads to its finding, and none of them can be dropped unnoticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from release.leaving import clip

from langit import video
from langit.release import verify as module
from langit.release.credentials.problems import CODES, problem
from langit.release.credentials.read import Credentials, Signature
from langit.release.verdict import VerifyFinding
from langit.release.verify import verify

FINDINGS = {
    "content": VerifyFinding.CHANGED,
    "manifest": VerifyFinding.MANIFEST,
    "signature": VerifyFinding.SIGNATURE,
    "expired": VerifyFinding.EXPIRED,
    "certificate": VerifyFinding.CERTIFICATE,
    "revoked": VerifyFinding.CERTIFICATE,
    "timestamp": VerifyFinding.CERTIFICATE,
    "untrusted": VerifyFinding.UNKNOWN_ISSUER,
}
ORDER = ["manifest", "signature", "content", "expired", "certificate"]
SIGNATURE = Signature("Name", "Organisation", "", "", "es256", "", "", "nobody")
SOUND = Credentials("valid", label="urn:label", signature=SIGNATURE)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "_find_mark", lambda path, ids: None)
    video.write(tmp_path / "a.mp4", clip(3), 8)
    return tmp_path / "a.mp4"


def judge(path: Path, credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> VerifyFinding:
    monkeypatch.setattr(module, "read", lambda *_: credentials)
    return verify(path, path.parent).finding


@pytest.mark.parametrize("code", [*CODES, "a code of a later version"])
def test_every_code_has_its_finding(path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    found = problem({"code": code, "explanation": "why"})
    for state in ("valid", "trusted", "invalid"):
        credentials = replace(SOUND, state=state, problems=(found,))
        expected = FINDINGS[found.about]
        if found.about == "untrusted":
            expected = {"valid": expected, "trusted": VerifyFinding.TRUSTED, "invalid": VerifyFinding.MANIFEST}[state]
        assert judge(path, credentials, monkeypatch) is expected


def test_the_worst_of_several_problems_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = {about: next(code for code, (of, _) in CODES.items() if of == about) for about in ORDER}
    for first, about in enumerate(ORDER):
        problems = tuple(problem({"code": codes[each]}) for each in reversed(ORDER[first:]))
        assert judge(path, replace(SOUND, problems=problems), monkeypatch) is FINDINGS[about]


def test_states_without_problems(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(path, SOUND, monkeypatch) is VerifyFinding.UNKNOWN_ISSUER
    assert judge(path, replace(SOUND, state="trusted"), monkeypatch) is VerifyFinding.TRUSTED
    assert judge(path, replace(SOUND, state="invalid"), monkeypatch) is VerifyFinding.MANIFEST
    assert judge(path, replace(SOUND, state="unreadable"), monkeypatch) is VerifyFinding.MANIFEST


def test_only_a_certificate_of_this_machine_is_called_its_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for vouched, signer in (
        ("here", "this machine's own key"),
        ("trusted", '"Name", "Organisation"'),
        ("nobody", '"Name", "Organisation"'),
    ):
        credentials = replace(SOUND, state="trusted", signature=replace(SIGNATURE, vouched=vouched))
        monkeypatch.setattr(module, "read", lambda *_, it=credentials: it)
        verdict = verify(path, path.parent)
        assert (verdict.signer, verdict.signed_here) == (signer, vouched == "here")

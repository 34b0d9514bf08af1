"""Rights: only a stated, listed licence is a yes."""

import pytest

from langit import config
from langit.ledger.record import Revocation, Rights, Source
from langit.ledger.rights import Policy, Verdict, decide

HASH = "ab" * 32
WHEN = "2026-11-23T00:00:00+00:00"


def source(licence=None, creator="Somebody", **more):
    return Source(kind="file", title="film", content_sha256=HASH, creator=creator, licence=licence, **more)


def rights(of, **said):
    return Rights(source=of.digest, recorded_at=WHEN, **said)


@pytest.mark.parametrize("licence", ["CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "CC-PDM-1.0"])
def test_a_listed_licence_is_allowed_and_named(licence):
    decision = decide(source(licence), Policy())
    assert decision.allowed and licence in decision.rule


@pytest.mark.parametrize(
    "licence", [None, "", "not-a-license", "CC0-1.0 AND MIT", "MIT OR ISC", "LicenseRef-mine", "NOASSERTION"]
)
def test_silence_and_unlisted_licences_are_unknown(licence):
    decision = decide(source(licence), Policy())
    assert decision.verdict is Verdict.UNKNOWN and not decision.allowed


def test_silence_is_not_consent():
    assert "silence is not consent" in decide(source(), Policy()).rule
    assert decide(source(), Policy(), rights=[rights(source(), consent="granted")]).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "CC-BY-ND-4.0", "NONE"])
def test_refused_licences(licence):
    assert decide(source(licence), Policy()).verdict is Verdict.REFUSED


def test_attribution_needs_a_name():
    nameless = source("CC-BY-4.0", creator=None)
    assert decide(nameless, Policy()).verdict is Verdict.UNKNOWN
    assert decide(nameless, Policy(), rights=[rights(nameless, licence="CC-BY-4.0", holder="Her")]).allowed
    assert decide(source("CC0-1.0", creator=None), Policy()).allowed


def test_later_statements_count_for_their_source_alone():
    silent = source()
    assert decide(silent, Policy(), rights=[rights(silent, licence="CC0-1.0")]).allowed
    assert not decide(silent, Policy(), rights=[rights(source("CC0-1.0"), licence="CC0-1.0")]).allowed


def test_every_stated_licence_must_be_allowed():
    free = source("CC0-1.0")
    assert decide(free, Policy(), rights=[rights(free, licence="CC-BY-NC-4.0")]).verdict is Verdict.REFUSED
    assert decide(free, Policy(), rights=[rights(free, licence="mine")]).verdict is Verdict.UNKNOWN


def test_refused_consent_outweighs_a_licence():
    free = source("CC0-1.0")
    decision = decide(free, Policy(), rights=[rights(free, consent="refused")])
    assert decision.verdict is Verdict.REFUSED and "consent refused" in decision.rule


@pytest.mark.parametrize(("by", "target"), [("record", None), ("content", HASH), ("url", "https://example.org/film")])
def test_a_revocation_outweighs_everything(by, target):
    free = Source(
        kind="fetched",
        title="film",
        content_sha256=HASH,
        licence="CC0-1.0",
        url="https://example.org/film",
        fetched_at=WHEN,
    )
    revocation = Revocation(target=target or free.digest, reason="the owner asked", revoked_at=WHEN, by=by)
    decision = decide(free, Policy(), [revocation], [rights(free, licence="CC0-1.0", consent="granted")])
    assert decision.verdict is Verdict.REFUSED and "the owner asked" in decision.rule


def test_a_policy_is_a_readable_hashed_value(tmp_path):
    assert Policy().digest == Policy().digest != Policy(allowed=("CC0-1.0",)).digest
    file = tmp_path / "policy.json"
    file.write_text('{"name": "strict", "allowed": ["CC0-1.0"], "attribution": [], "refused": ["CC-BY-4.0"]}')
    strict = config.load(Policy, file)
    assert decide(source("CC-BY-4.0"), strict).rule == "licence CC-BY-4.0 is refused by policy strict"
    with pytest.raises(ValueError, match=r"both allows and refuses CC0-1\.0"):
        Policy(allowed=("CC0-1.0",), refused=("CC0-1.0",))

"""An independent reader finds what was signed: facts, checkpoint, parents and theirs, timestamps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509 import ObjectIdentifier
from release.authorities import EMAIL, STAMPS, Holder, identity_of, issue, timestamp_authority

from langit import video
from langit.release.credentials.identity import Identity, SigningConfig
from langit.release.credentials.read import read
from langit.release.credentials.sign import GENERATION, LAYOUT, LEDGER, SETTINGS, media_type, sign
from langit.release.facts import Facts, Parent

NOW = datetime.now(UTC)


def outside(path: Path, anchors: str = "") -> dict[str, Any]:
    """What c2pa's own reader says, with nothing of ours."""
    settings = {"verify": {"remote_manifest_fetch": False}, "trust": {"user_anchors": anchors} if anchors else {}}
    with c2pa.Reader(str(path), context=c2pa.Context.from_dict(settings)) as reader:
        return json.loads(reader.json()) | {"full": json.loads(reader.detailed_json())}


def active(report: dict[str, Any]) -> dict[str, Any]:
    return report["manifests"][report["active_manifest"]]


def data(report: dict[str, Any], label: str) -> Any:
    return next(each["data"] for each in active(report)["assertions"] if each["label"] == label)


def actions(report: dict[str, Any]) -> list[str]:
    return [each["action"] for each in data(report, "c2pa.actions.v2")["actions"]]


def pem(identity: Identity) -> str:
    return identity.chain[-1].public_bytes(serialization.Encoding.PEM).decode()


def parent(path: Path, *done: str) -> Parent:
    return Parent(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), done, path)


def test_the_outside_reader_trusts_our_files_if_it_trusts_our_root(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    report = outside(tmp_path / "a.mp4", pem(own))
    assert report["validation_state"] == "Trusted"
    assert outside(tmp_path / "a.mp4")["validation_state"] == "Valid"
    assert actions(report) == ["c2pa.created", "c2pa.watermarked.bound"]
    first = data(report, "c2pa.actions.v2")["actions"][0]
    assert (
        first["digitalSourceType"].endswith("/trainedAlgorithmicMedia") and first["softwareAgent"]["name"] == "Langit"
    )
    assert len(first["parameters"]["ingredients"]) == 3
    ingredients = {each["data_types"][0]["type"]: each for each in active(report)["ingredients"]}
    assert set(ingredients) == {"c2pa.types.generator.prompt", "c2pa.types.model.pytorch", "c2pa.types.dataset"}
    assert {each["relationship"] for each in ingredients.values()} == {"inputTo"}
    assert ingredients["c2pa.types.model.pytorch"]["instance_id"] == f"sha256:{facts.weights}"
    assert data(report, LEDGER) == {
        "origin": "langit-ledger-test",
        "tree_size": 30600,
        "root_hash": "ef" * 32,
        "manifest_digest": facts.provenance,
    }
    made = data(report, GENERATION)
    assert (made["seed"], made["asked"], made["model"]) == (7, "bola merah", "pocket")
    assert made["sampling"] == {"solver": "ab2", "steps": 12}
    assert data(report, "c2pa.soft-binding")["blocks"][0]["value"] == facts.mark.hex()


def test_the_signer_vouches_for_all_assertions(plain: Path, facts: Facts, own: Identity, tmp_path: Path) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    report = outside(tmp_path / "a.mp4")
    claim = report["full"]["manifests"][report["active_manifest"]]["claim"]
    created = {each["url"].rsplit("/", 1)[-1].partition("__")[0] for each in claim["created_assertions"]}
    assert {"c2pa.actions.v2", "c2pa.ingredient.v3", "c2pa.soft-binding", GENERATION, LEDGER, LAYOUT} <= created
    assert not claim.get("gathered_assertions")


def test_signing_changes_neither_pictures_nor_metadata(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    assert (video.read(tmp_path / "a.mp4") == video.read(plain)).all()
    assert video.probe(tmp_path / "a.mp4").metadata == video.probe(plain).metadata


def test_png_files_are_signed(picture: Path, facts: Facts, own: Identity, tmp_path: Path) -> None:
    sign(picture, tmp_path / "a.png", replace(facts, ability="image"), own)
    report = read(tmp_path / "a.png", own.chain[-1:])
    assert report is not None and report.state == "trusted" and report.ability == "image"
    assert outside(tmp_path / "a.png", pem(own))["validation_state"] == "Trusted"


def test_reading_returns_what_was_signed(plain: Path, facts: Facts, own: Identity, tmp_path: Path) -> None:
    long = replace(facts, prompt='"Nyai Loro Kidul" 赤い\n\\u0000 <b>' + "x" * 5000, seed=2**63 - 1)
    sign(plain, tmp_path / "a.mp4", long, own)
    report = read(tmp_path / "a.mp4")
    assert report is not None and report.langit and report.source == "trainedAlgorithmicMedia"
    assert (report.prompt, report.asked, report.seed) == (long.prompt, long.asked, long.seed)
    assert (report.model, report.weights, report.provenance) == (long.model, long.weights, long.provenance)
    assert (report.mark, report.origins) == (long.mark, ())
    assert report.ledger is not None and vars(report.ledger) == vars(long.ledger)
    assert report.settings is not None and report.settings["sampling"] == {"solver": "ab2", "steps": 12}
    assert report.signature is not None and report.signature.name == own.name
    assert report.signature.vouched == "nobody" and report.signature.stamped is None
    assert [each.code for each in report.problems] == ["signingCredential.untrusted"]


def test_the_reader_says_who_vouches_for_the_signer(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path, root: Holder
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    roots, others = own.chain[-1:], (root.certificate,)
    for here, trusted, who in ((roots, others, "here"), (others, roots, "trusted"), (others, (), "nobody")):
        report = read(tmp_path / "a.mp4", here, trusted)
        assert report is not None and report.signature is not None and report.signature.vouched == who


def test_without_a_prompt_there_is_no_prompt_ingredient(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", replace(facts, prompt="", asked="", ability="loop"), own)
    report = read(tmp_path / "a.mp4", own.chain[-1:])
    assert report is not None and report.state == "trusted" and report.prompt is None


@pytest.mark.parametrize("ability", ["extend", "loop", "edit", "inpaint", "recut"])
def test_a_continued_video_is_the_parent(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path, ability: str
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    mask = Parent("mask.png", "11" * 32, ("used as a mask",), None)
    longer = replace(facts, ability=ability, parents=(parent(tmp_path / "a.mp4", "cropped to 64x64"), mask))
    sign(plain, tmp_path / "b.mp4", longer, own)
    report = outside(tmp_path / "b.mp4", pem(own))
    assert report["validation_state"] == "Trusted" and len(report["manifests"]) == 2
    assert actions(report) == ["c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound"]
    found = read(tmp_path / "b.mp4", own.chain[-1:])
    assert found is not None and found.source == "compositeWithTrainedAlgorithmicMedia"
    first, second = sorted(found.origins, key=lambda each: each.name)
    assert (first.name, first.relation, first.signed, first.prompt) == ("a.mp4", "parentOf", True, facts.prompt)
    assert first.sha256 == longer.parents[0].sha256 and first.done == "cropped to 64x64" and not first.problems
    assert (second.name, second.relation, second.signed) == ("mask.png", "inputTo", False)


def test_several_videos_are_components_and_pictures_are_inputs(
    plain: Path, picture: Path, facts: Facts, own: Identity, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    both = (parent(tmp_path / "a.mp4"), parent(plain), parent(tmp_path / "a.mp4"))
    sign(plain, tmp_path / "b.mp4", replace(facts, ability="connect", parents=both), own)
    report = outside(tmp_path / "b.mp4", pem(own))
    assert report["validation_state"] == "Trusted"
    assert actions(report) == ["c2pa.created", "c2pa.placed", "c2pa.placed", "c2pa.watermarked.bound"]
    found = read(tmp_path / "b.mp4")
    assert found is not None
    assert {(each.name, each.relation, each.signed) for each in found.origins} == {
        ("a.mp4", "componentOf", True),
        ("plain.mp4", "componentOf", False),
    }
    sign(picture, tmp_path / "a.png", facts, own)
    sign(plain, tmp_path / "c.mp4", replace(facts, parents=(parent(tmp_path / "a.png"),)), own)
    report = outside(tmp_path / "c.mp4", pem(own))
    assert report["validation_state"] == "Trusted" and actions(report)[0] == "c2pa.created"
    found = read(tmp_path / "c.mp4")
    assert found is not None and [(each.relation, each.signed) for each in found.origins] == [("inputTo", True)]
    assert found.source == "trainedAlgorithmicMedia"


def test_a_chain_of_parents_is_read_to_its_beginning(plain: Path, facts: Facts, own: Identity, tmp_path: Path) -> None:
    sign(plain, tmp_path / "0.mp4", facts, own)
    for number in range(1, 5):
        before = parent(tmp_path / f"{number - 1}.mp4")
        sign(plain, tmp_path / f"{number}.mp4", replace(facts, ability="extend", parents=(before,)), own)
    report = read(tmp_path / "4.mp4", own.chain[-1:])
    assert report is not None and report.state == "trusted"
    names, origins = [], report.origins
    while origins:
        names.append(origins[0].name)
        origins = origins[0].origins
    assert names == ["3.mp4", "2.mp4", "1.mp4", "0.mp4"]


def broken(signed: bytes) -> dict[str, bytes]:
    at = signed.find(b"jumb")
    return {
        "flipped": signed[:-20] + bytes([signed[-20] ^ 1]) + signed[-19:],
        "half": signed[: len(signed) // 2],
        "cut in the manifest": signed[:1000],
        "manifest overwritten": signed[: at + 30] + bytes(64) + signed[at + 94 :],
        "two manifests": signed + signed[32 : 32 + int.from_bytes(signed[32:36], "big")],
        "a head": signed[:40],
    }


@pytest.mark.parametrize("how", sorted(broken(bytes(100))))
def test_a_parent_with_damaged_credentials_is_still_named(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path, how: str
) -> None:
    sign(plain, tmp_path / "good.mp4", facts, own)
    (tmp_path / "bad.mp4").write_bytes(broken((tmp_path / "good.mp4").read_bytes())[how])
    sign(plain, tmp_path / "b.mp4", replace(facts, ability="edit", parents=(parent(tmp_path / "bad.mp4"),)), own)
    report = read(tmp_path / "b.mp4", own.chain[-1:])
    assert report is not None and report.state == "trusted"
    (origin,) = report.origins
    assert origin.name == "bad.mp4" and origin.sha256 == parent(tmp_path / "bad.mp4").sha256
    assert origin.problems or not origin.signed


def test_a_parent_that_has_changed_gives_no_manifest(plain: Path, facts: Facts, own: Identity, tmp_path: Path) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    for other in (replace(parent(tmp_path / "a.mp4"), sha256="12" * 32), Parent("a", "12" * 32, (), tmp_path / "gone")):
        sign(plain, tmp_path / "b.mp4", replace(facts, ability="edit", parents=(other,)), own)
        report = read(tmp_path / "b.mp4", own.chain[-1:])
        assert report is not None and report.state == "trusted"
        assert [(each.signed, each.sha256) for each in report.origins] == [(False, "12" * 32)]


def test_the_training_and_mining_assertion_is_written_only_if_configured(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    assert "cawg" not in json.dumps(outside(tmp_path / "a.mp4"))
    sign(plain, tmp_path / "b.mp4", facts, replace(own, settings=SigningConfig(mining="notAllowed")))
    entries = data(outside(tmp_path / "b.mp4"), "cawg.training-mining")["entries"]
    assert entries["cawg.ai_generative_training"] == {"use": "notAllowed"}


def test_timestamps_are_written_and_read(plain: Path, facts: Facts, root: Holder, leaf: Holder, tmp_path: Path) -> None:
    clock = issue("Root of clocks", authority=True)
    with timestamp_authority(issue("Clock", clock, use=STAMPS), NOW - timedelta(days=60)) as address:
        sign(plain, tmp_path / "a.mp4", facts, identity_of(leaf, address))
    for trusted, known in (((root.certificate, clock.certificate), True), ((root.certificate,), False)):
        report = read(tmp_path / "a.mp4", trusted=trusted)
        assert report is not None and report.signature is not None
        assert datetime.fromisoformat(report.signature.stamped or "") == NOW - timedelta(days=60)
        assert (report.signature.stamp_by, report.signature.stamp_trusted) == ("Clock", known)
    anchors = (root.pem + clock.pem).decode()
    assert outside(tmp_path / "a.mp4", anchors)["validation_state"] == "Trusted"


def test_without_an_answer_of_the_timestamp_authority_nothing_is_signed(
    plain: Path, facts: Facts, leaf: Holder, tmp_path: Path
) -> None:
    with timestamp_authority(leaf, NOW) as address:
        pass
    with pytest.raises(OSError, match="without_timestamp"):
        sign(plain, tmp_path / "a.mp4", facts, identity_of(leaf, address))
    assert list(tmp_path.iterdir()) == []
    willing = replace(identity_of(leaf), settings=SigningConfig(timestamps=address, without_timestamp=True))
    sign(plain, tmp_path / "a.mp4", facts, willing)
    report = read(tmp_path / "a.mp4")
    assert report is not None and report.signature is not None and report.signature.stamped is None


def raw(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    """Signatures as a key in hardware gives them: r and s."""

    def signed(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return signed


def test_a_callback_signs_without_revealing_its_key(
    plain: Path, facts: Facts, root: Holder, leaf: Holder, tmp_path: Path
) -> None:
    far = replace(identity_of(leaf), key=None, callback=raw(leaf.key))
    sign(plain, tmp_path / "a.mp4", facts, far)
    report = read(tmp_path / "a.mp4", trusted=(root.certificate,))
    assert report is not None and report.state == "trusted"

    def absent(message: bytes) -> bytes:
        raise RuntimeError(f"no device for {len(message)} bytes")

    for callback in (raw(root.key), absent):
        with pytest.raises(ValueError, match="cannot sign this"):
            sign(plain, tmp_path / "b.mp4", facts, replace(far, callback=callback))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("use", ["1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"])
def test_certificates_for_documents_and_content_can_sign(
    plain: Path, facts: Facts, root: Holder, tmp_path: Path, use: str
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, identity_of(issue("Other", root, use=ObjectIdentifier(use))))
    report = read(tmp_path / "a.mp4", trusted=(root.certificate,))
    assert report is not None and report.state == "trusted"


def test_certificates_that_may_not_sign_are_refused(plain: Path, facts: Facts, root: Holder, tmp_path: Path) -> None:
    server = ObjectIdentifier("1.3.6.1.5.5.7.3.1")
    old = issue("Old", root, use=EMAIL, end=NOW - timedelta(days=1))
    for who in (issue("Server", root, use=server), issue("Anything", root), old):
        with pytest.raises(ValueError, match="cannot sign this"):
            sign(plain, tmp_path / "a.mp4", facts, identity_of(who))
    with pytest.raises(ValueError, match="cannot sign this"):
        sign(plain, tmp_path / "a.mp4", facts, replace(identity_of(old), key=root.secret))


def test_only_whole_unsigned_files_are_signed(plain: Path, facts: Facts, own: Identity, tmp_path: Path) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    signed, whole = (tmp_path / "a.mp4").read_bytes(), plain.read_bytes()
    for contents in (signed, whole[:-1], whole + b"x", b"", b"no video"):
        (tmp_path / "b.mp4").write_bytes(contents)
        with pytest.raises(ValueError, match="sign a file that was just written"):
            sign(tmp_path / "b.mp4", tmp_path / "c.mp4", facts, own)
    assert not (tmp_path / "c.mp4").exists()


def test_files_without_credentials_have_none(plain: Path, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert [read(path) for path in (plain, picture, tmp_path / "empty", Path(__file__))] == [None] * 4
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nonesuch")


def test_nothing_is_fetched() -> None:
    assert SETTINGS["verify"] == {"remote_manifest_fetch": False, "ocsp_fetch": False}


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0AVI ", "video/avi"),
        (b"RIFF\0\0\0\0WAVE", None),
        (bytes.fromhex("1A45DFA3"), None),
        (b"", None),
    ],
)
def test_formats_are_recognised_by_their_first_bytes(head: bytes, mime: str | None) -> None:
    assert media_type(head) == mime

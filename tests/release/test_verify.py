"""Every way to spoil a file has its own verdict: made on the spot from a video that our own code signed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from release.authorities import EMAIL, STAMPS, Holder, identity_of, issue, timestamp_authority

from langit import video
from langit.release.credentials import boxes
from langit.release.credentials.identity import Identity, SigningConfig, identity, renew
from langit.release.credentials.sign import sign
from langit.release.facts import Facts
from langit.release.verdict import SENTENCES, FileVerdict, VerifyFinding
from langit.release.verify import verify

MAKER = boxes.C2PA_UUID


@pytest.fixture(autouse=True)
def _by_credentials_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No watermark is looked for: test_verify_pictures.py does that, and it takes most of the time."""
    monkeypatch.setattr("langit.release.verify._find_mark", lambda path, ids: None)


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


@pytest.fixture(scope="module")
def home(own: Identity) -> Path:
    return Path(own.where).parents[1]


@pytest.fixture(scope="module")
def signed(plain: Path, facts: Facts, own: Identity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signed") / "signed.mp4"
    sign(plain, path, facts, own)
    return path


@pytest.fixture(scope="module")
def another(facts: Facts, own: Identity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another video, signed as well."""
    folder = tmp_path_factory.mktemp("another")
    frames = np.random.default_rng(5).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8)
    video.write(folder / "plain.mp4", frames, 8)
    sign(folder / "plain.mp4", folder / "another.mp4", replace(facts, seed=8), own)
    return folder / "another.mp4"


def verify_bytes(path: Path, contents: bytes, home: Path) -> FileVerdict:
    path.write_bytes(contents)
    return verify(path, home)


def flip_bit(contents: bytes, at: int) -> bytes:
    return contents[:at] + bytes([contents[at] ^ 1]) + contents[at + 1 :]


def store(contents: bytes) -> tuple[int, int]:
    """Where the box of the manifests begins and ends."""
    at = contents.find(MAKER) - 8
    return at, at + int.from_bytes(contents[at : at + 4], "big")


def test_a_file_signed_here_is_intact(signed: Path, home: Path, facts: Facts) -> None:
    verdict = verify(signed, home)
    assert (verdict.finding, verdict.intact, verdict.signed_here) == (VerifyFinding.TRUSTED, True, True)
    assert verdict.sentence == "intact, and signed by this machine's own key"
    assert verdict.credentials is not None and verdict.credentials.prompt == facts.prompt and not verdict.mark


def test_a_file_signed_under_a_trusted_root_is_intact(
    plain: Path, facts: Facts, root: Holder, leaf: Holder, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, identity_of(leaf))
    (tmp_path / "root.pem").write_bytes(root.pem)
    verdict = verify(tmp_path / "a.mp4", tmp_path, SigningConfig(trusted=(str(tmp_path / "root.pem"),)))
    assert (verdict.finding, verdict.signed_here) == (VerifyFinding.TRUSTED, False)
    assert verdict.signer == '"Leaf of the test", "Test"'
    with pytest.raises(ValueError, match="no certificates"):
        verify(tmp_path / "a.mp4", tmp_path, SigningConfig(trusted=(str(plain),)))


def test_a_private_root_is_reported_as_private(signed: Path, tmp_path: Path, own: Identity) -> None:
    verdict = verify(signed, tmp_path)
    assert (verdict.finding, verdict.intact) == (VerifyFinding.PRIVATE, True)
    assert "a key that only its maker vouches for" in verdict.sentence and own.name in verdict.sentence
    assert verdict.chain == (own.fingerprint, own.root)
    identity(tmp_path / "keys")
    assert verify(signed, tmp_path).finding is VerifyFinding.PRIVATE


def test_an_unknown_issuer_is_not_reported_as_a_private_root(
    plain: Path, facts: Facts, leaf: Holder, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, identity_of(leaf, whole=False))
    assert verify(tmp_path / "a.mp4", tmp_path).finding is VerifyFinding.UNKNOWN_ISSUER


def test_files_signed_with_replaced_keys_stay_signed_here(plain: Path, facts: Facts, tmp_path: Path) -> None:
    sign(plain, tmp_path / "a.mp4", facts, identity(tmp_path / "keys"))
    renew(tmp_path / "keys")
    assert verify(tmp_path / "a.mp4", tmp_path).finding is VerifyFinding.TRUSTED


def test_a_changed_bit_in_the_picture_data_is_located(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    verdict = verify_bytes(tmp_path / "a.mp4", flip_bit(contents, len(contents) - 20), home)
    assert (verdict.finding, verdict.intact) == (VerifyFinding.CHANGED, False)
    assert "1 of 16 parts" in verdict.sentence and "part 16" in verdict.sentence
    verdict = verify_bytes(tmp_path / "a.mp4", contents[:-40] + b"more" + contents[-40:], home)
    assert verdict.finding in (VerifyFinding.CHANGED, VerifyFinding.APPENDED)


def test_a_changed_bit_around_the_picture_data_is_found(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    assert (
        verify_bytes(tmp_path / "a.mp4", flip_bit(contents, contents.find(b"mvhd") + 12), home).finding
        is VerifyFinding.STRUCTURE
    )
    free = contents.find(b"free", store(contents)[1])
    inserted = contents[: free - 4] + box(b"free", bytes(8)) + contents[free - 4 :]
    assert verify_bytes(tmp_path / "a.mp4", inserted, home).finding is VerifyFinding.STRUCTURE


@pytest.mark.parametrize("what", [b"bola merah di", b"trainedAlgorithmicMedia", b"langit-ledger-test", b"uuid"])
def test_a_changed_bit_in_the_manifest_is_found(signed: Path, home: Path, tmp_path: Path, what: bytes) -> None:
    contents = signed.read_bytes()
    start, end = store(contents)
    at = contents.find(what, start)
    assert start < at < end
    assert verify_bytes(tmp_path / "a.mp4", flip_bit(contents, at), home).finding is VerifyFinding.MANIFEST


@pytest.mark.parametrize(
    "added", [b"x", b"x" * 5000, box(b"free", b"hidden bytes"), box(b"skip", bytes(9)), box(b"abcd", b"12345678")]
)
def test_appended_bytes_are_counted(signed: Path, home: Path, tmp_path: Path, added: bytes) -> None:
    verdict = verify_bytes(tmp_path / "a.mp4", signed.read_bytes() + added, home)
    assert (verdict.finding, verdict.appended) == (VerifyFinding.APPENDED, len(added))
    assert f"{len(added)} bytes were added" in verdict.sentence


def test_a_manifest_moved_from_another_file_is_recognised(
    signed: Path, another: Path, home: Path, tmp_path: Path
) -> None:
    one, other = signed.read_bytes(), another.read_bytes()
    (a, b), (c, d) = store(one), store(other)
    verdict = verify_bytes(tmp_path / "a.mp4", other[:c] + one[a:b] + other[d:], home)
    assert (verdict.finding, verdict.intact) == (VerifyFinding.ELSEWHERE, False)


def test_a_replaced_certificate_does_not_fit_the_signature(
    plain: Path, facts: Facts, root: Holder, home: Path, tmp_path: Path
) -> None:
    """The certificate in the file is another one, of the same length, so that all else stays in place."""
    one = issue("Leaf", root, use=EMAIL)
    other = next(each for each in iter(lambda: issue("Leaf", root, use=EMAIL), None) if len(each.der) == len(one.der))
    sign(plain, tmp_path / "a.mp4", facts, identity_of(one))
    contents = (tmp_path / "a.mp4").read_bytes()
    assert contents.count(one.der) == 1
    verdict = verify_bytes(tmp_path / "a.mp4", contents.replace(one.der, other.der), home)
    assert verdict.finding is VerifyFinding.SIGNATURE and "another key" in verdict.sentence


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_reported_as_cut(
    signed: Path, plain: Path, home: Path, tmp_path: Path, share: float
) -> None:
    for whole in (signed.read_bytes(), plain.read_bytes()):
        kept = max(40, int(share * len(whole)))
        verdict = verify_bytes(tmp_path / "a.mp4", whole[:kept], home)
        assert (verdict.finding, verdict.intact) == (VerifyFinding.CUT, False)
        assert 0 < verdict.missing <= len(whole) - kept


HIDDEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "file type": ("the ftyp box", lambda whole: flip_bit(whole, 12)),
    "second box": (
        "a second box for manifests",
        lambda whole: whole + box(b"uuid", MAKER + bytes(4) + b"banana\0" + b"hidden"),
    ),
    "offset": ("the head of the manifests' box", lambda whole: flip_bit(whole, store(whole)[0] + 8 + 16 + 4 + 9 + 3)),
    "label": ("the frame of the credentials", lambda whole: flip_bit(whole, whole.find(b"c2pa.assertions") + 3)),
    "toggle": (
        "the frame of the credentials",
        lambda whole: whole.replace(b"\x03c2pa.claim.v2", b"\x23c2pa.claim.v2", 1),
    ),
    "payload": ("the frame of the credentials", lambda whole: flip_bit(whole, whole.find(b"\xf6X@"))),
    "version": ("the head of the manifests' box", lambda whole: flip_bit(whole, store(whole)[0] + 8 + 16)),
    "toggle of the store": (
        "the frame of the credentials",
        lambda whole: whole.replace(b"\x03c2pa\0", b"\x23c2pa\0", 1),
    ),
    "toggle of the manifest": (
        "the frame of the credentials",
        lambda whole: whole.replace(b"\x03urn:c2pa", b"\x23urn:c2pa", 1),
    ),
    "toggle of an assertion": (
        "the frame of the credentials",
        lambda whole: whole.replace(b"\x13c2pa.actions", b"\x33c2pa.actions", 1),
    ),
    "toggle of a file": ("the frame of the credentials", lambda whole: flip_bit(whole, whole.find(b"bfdb") + 4)),
    "name of the padding": ("the frame of the credentials", lambda whole: whole.replace(b"\x63padY", b"\x63qadY", 1)),
    "padding": ("the signature's padding", lambda whole: flip_bit(whole, whole.find(b"\x63padY") + 40)),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_bytes_that_no_signature_covers_are_reported(signed: Path, home: Path, tmp_path: Path, how: str) -> None:
    place, spoil = HIDDEN[how]
    verdict = verify_bytes(tmp_path / "a.mp4", spoil(signed.read_bytes()), home)
    assert (verdict.finding, verdict.intact) == (VerifyFinding.UNCOVERED, True)
    assert [name for name, _ in verdict.uncovered] == [place] and "the signature does not cover" in verdict.sentence


def test_no_bit_of_the_manifests_can_be_changed_unnoticed(signed: Path, home: Path, tmp_path: Path) -> None:
    """Two bits of every byte were tried once; every 127th byte is tried here."""
    contents = signed.read_bytes()
    start, end = store(contents)
    for at in range(start + 4, end, 127):
        verdict = verify_bytes(
            tmp_path / "a.mp4", contents[:at] + bytes([contents[at] ^ (1 << at % 8)]) + contents[at + 1 :], home
        )
        assert verdict.finding not in (VerifyFinding.TRUSTED, VerifyFinding.NOTHING), at


@pytest.mark.parametrize("kind", [b"free", b"skip"])
def test_data_hidden_in_free_boxes_of_other_signers_are_reported(
    plain: Path, facts: Facts, own: Identity, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    """Most programs leave ``free`` out of the hash: data hidden there validate, and verify reports them."""
    import c2pa

    from langit.release.credentials import sign as credentials

    settings = json.loads(json.dumps(credentials.SETTINGS))
    del settings["builder"]["bmff_hash_exclude_free_and_skip_boxes"]
    monkeypatch.setattr(credentials, "_context", lambda: c2pa.Context.from_dict(settings))
    (tmp_path / "free.mp4").write_bytes(plain.read_bytes() + box(kind, bytes(64)))
    sign(tmp_path / "free.mp4", tmp_path / "a.mp4", facts, own)
    assert verify(tmp_path / "a.mp4", home).finding is VerifyFinding.TRUSTED
    contents = (tmp_path / "a.mp4").read_bytes()
    verdict = verify_bytes(tmp_path / "b.mp4", contents[:-64] + b"hidden" + bytes(58), home)
    assert (verdict.finding, verdict.uncovered) == (VerifyFinding.UNCOVERED, ((f"the {kind.decode()} box", 6),))
    verdict = verify_bytes(tmp_path / "b.mp4", contents + box(kind, b"hidden" * 1000), home)
    assert (verdict.finding, verdict.uncovered) == (VerifyFinding.UNCOVERED, ((f"the {kind.decode()} box", 6000),))
    assert "does not cover 6000 bytes" in verdict.sentence


def test_an_expired_certificate_ends_a_signature_without_a_timestamp(
    plain: Path, facts: Facts, root: Holder, home: Path, tmp_path: Path
) -> None:
    clock = issue("Root of clocks", authority=True)
    (tmp_path / "roots.pem").write_bytes(root.pem + clock.pem)
    trust = SigningConfig(trusted=(str(tmp_path / "roots.pem"),))
    signed_at, seconds = datetime.now(UTC) - timedelta(days=1), 1
    with timestamp_authority(issue("Clock", clock, use=STAMPS), signed_at) as address:
        while True:  # until both were signed before the certificate expired, however slow the machine is
            end = datetime.now(UTC) + timedelta(seconds=seconds)
            brief = issue("Brief", root, use=EMAIL, end=end)
            try:
                sign(plain, tmp_path / "a.mp4", facts, identity_of(brief))
                sign(plain, tmp_path / "b.mp4", facts, identity_of(brief, address))
                break
            except (ValueError, OSError):
                seconds *= 2
                assert seconds < 600
    while datetime.now(UTC) < end + timedelta(seconds=1):
        time.sleep(0.05)
    unstamped, stamped = verify(tmp_path / "a.mp4", home, trust), verify(tmp_path / "b.mp4", home, trust)
    assert (unstamped.finding, stamped.finding) == (VerifyFinding.EXPIRED, VerifyFinding.TRUSTED)
    assert unstamped.credentials is not None and unstamped.credentials.state == "invalid"
    assert "has expired, and no timestamp" in unstamped.sentence and unstamped.intact
    nobody = verify(tmp_path / "b.mp4", home)  # a clock that nobody vouches for stops nothing from expiring
    assert nobody.finding in (VerifyFinding.EXPIRED, VerifyFinding.PRIVATE)


def test_files_without_pictures_are_reported(home: Path, tmp_path: Path) -> None:
    for name, contents in (
        ("a.txt", b"hello"),
        ("empty.mp4", b""),
        ("b.mp4", b"\0" * 5000),
        ("c.mp4", b"\x1aE\xdf\xa3ab"),
    ):
        assert verify_bytes(tmp_path / name, contents, home).finding is VerifyFinding.NO_PICTURES
    with pytest.raises(FileNotFoundError, match="is not a file"):
        verify(tmp_path / "nonesuch.mp4", home)
    with pytest.raises(FileNotFoundError, match="is not a file"):
        verify(tmp_path, home)


def test_png_files_are_verified(picture: Path, facts: Facts, own: Identity, home: Path, tmp_path: Path) -> None:
    sign(picture, tmp_path / "a.png", facts, own)
    assert verify(tmp_path / "a.png", home).finding is VerifyFinding.TRUSTED
    contents = (tmp_path / "a.png").read_bytes()
    verdict = verify_bytes(tmp_path / "b.png", contents + b"hidden", home)
    assert (verdict.finding, verdict.appended) == (VerifyFinding.APPENDED, 6)
    assert verify_bytes(tmp_path / "b.png", contents[: len(contents) // 2], home).finding is VerifyFinding.CUT
    assert (
        verify_bytes(tmp_path / "b.png", flip_bit(contents, len(contents) - 40), home).finding is VerifyFinding.CHANGED
    )
    assert (
        verify_bytes(tmp_path / "b.png", flip_bit(contents, contents.find(b"bola")), home).finding
        is VerifyFinding.MANIFEST
    )


def remux(source: Path, target: Path) -> None:
    with av.open(str(source)) as given, av.open(str(target), "w") as taken:
        stream = taken.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                taken.mux(packet)


def test_files_without_credentials_are_reported_as_unknown(signed: Path, home: Path, tmp_path: Path) -> None:
    remux(signed, tmp_path / "remuxed.mp4")
    video.write(tmp_path / "again.mp4", video.read(signed), 8)
    Image.fromarray(video.read(signed)[0]).save(tmp_path / "shot.png")
    for name in ("remuxed.mp4", "again.mp4", "shot.png"):
        verdict = verify(tmp_path / name, home)
        assert (verdict.finding, verdict.intact, verdict.credentials) == (VerifyFinding.NOTHING, None, None)
        assert "does not mean that it was not generated" in verdict.sentence


def test_every_finding_has_a_sentence_and_a_valid_exit_code() -> None:
    assert set(SENTENCES) == set(VerifyFinding) and len(set(SENTENCES.values())) == len(VerifyFinding)
    assert all(each == 0 or 2 < each < 126 for each in VerifyFinding)


def test_a_verdict_can_be_written_as_json(signed: Path, plain: Path, home: Path, tmp_path: Path) -> None:
    for path in (signed, plain):
        verdict = json.loads(json.dumps(verify(path, home).plain()))
        assert verdict["exit_code"] == VerifyFinding[verdict["finding"].upper().replace("-", "_")]
        assert verdict["verdict"] and len(verdict["sha256"]) == 64

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
from release.authorities import EMAIL, STAMPS, Holder, holder, signs, stamping

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


def spoilt(path: Path, contents: bytes, home: Path) -> FileVerdict:
    path.write_bytes(contents)
    return verify(path, home)


def flipped(contents: bytes, at: int) -> bytes:
    return contents[:at] + bytes([contents[at] ^ 1]) + contents[at + 1 :]


def store(contents: bytes) -> tuple[int, int]:
    """Where the box of the manifests begins and ends."""
    at = contents.find(MAKER) - 8
    return at, at + int.from_bytes(contents[at : at + 4], "big")


def test_intact_and_signed_here(signed: Path, home: Path, facts: Facts) -> None:
    said = verify(signed, home)
    assert (said.finding, said.intact, said.signed_here) == (VerifyFinding.TRUSTED, True, True)
    assert said.sentence == "intact, and signed by this machine's own key"
    assert said.credentials is not None and said.credentials.prompt == facts.prompt and not said.mark


def test_intact_and_signed_by_one_who_is_trusted(
    plain: Path, facts: Facts, root: Holder, leaf: Holder, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, signs(leaf))
    (tmp_path / "root.pem").write_bytes(root.pem)
    said = verify(tmp_path / "a.mp4", tmp_path, SigningConfig(trusted=(str(tmp_path / "root.pem"),)))
    assert (said.finding, said.signed_here) == (VerifyFinding.TRUSTED, False)
    assert said.signer == '"Leaf of the test", "Test"'
    with pytest.raises(ValueError, match="no certificates"):
        verify(tmp_path / "a.mp4", tmp_path, SigningConfig(trusted=(str(plain),)))


def test_a_private_root_is_said_to_be_one(signed: Path, tmp_path: Path, own: Identity) -> None:
    said = verify(signed, tmp_path)
    assert (said.finding, said.intact) == (VerifyFinding.PRIVATE, True)
    assert "a key that only its maker vouches for" in said.sentence and own.name in said.sentence
    assert said.chain == (own.fingerprint, own.root)
    identity(tmp_path / "keys")
    assert verify(signed, tmp_path).finding is VerifyFinding.PRIVATE


def test_an_issuer_that_is_not_known_is_no_private_root(
    plain: Path, facts: Facts, leaf: Holder, tmp_path: Path
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, signs(leaf, whole=False))
    assert verify(tmp_path / "a.mp4", tmp_path).finding is VerifyFinding.UNKNOWN_ISSUER


def test_what_old_keys_signed_stays_signed_here(plain: Path, facts: Facts, tmp_path: Path) -> None:
    sign(plain, tmp_path / "a.mp4", facts, identity(tmp_path / "keys"))
    renew(tmp_path / "keys")
    assert verify(tmp_path / "a.mp4", tmp_path).finding is VerifyFinding.TRUSTED


def test_a_bit_in_the_pictures(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    said = spoilt(tmp_path / "a.mp4", flipped(contents, len(contents) - 20), home)
    assert (said.finding, said.intact) == (VerifyFinding.CHANGED, False)
    assert "1 of 16 parts" in said.sentence and "part 16" in said.sentence
    said = spoilt(tmp_path / "a.mp4", contents[:-40] + b"more" + contents[-40:], home)
    assert said.finding in (VerifyFinding.CHANGED, VerifyFinding.APPENDED)


def test_a_bit_around_the_pictures(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    assert (
        spoilt(tmp_path / "a.mp4", flipped(contents, contents.find(b"mvhd") + 12), home).finding
        is VerifyFinding.STRUCTURE
    )
    free = contents.find(b"free", store(contents)[1])
    inserted = contents[: free - 4] + box(b"free", bytes(8)) + contents[free - 4 :]
    assert spoilt(tmp_path / "a.mp4", inserted, home).finding is VerifyFinding.STRUCTURE


@pytest.mark.parametrize("what", [b"bola merah di", b"trainedAlgorithmicMedia", b"langit-ledger-test", b"uuid"])
def test_a_bit_in_the_manifest(signed: Path, home: Path, tmp_path: Path, what: bytes) -> None:
    contents = signed.read_bytes()
    start, end = store(contents)
    at = contents.find(what, start)
    assert start < at < end
    assert spoilt(tmp_path / "a.mp4", flipped(contents, at), home).finding is VerifyFinding.MANIFEST


@pytest.mark.parametrize(
    "added", [b"x", b"x" * 5000, box(b"free", b"hidden bytes"), box(b"skip", bytes(9)), box(b"abcd", b"12345678")]
)
def test_bytes_at_the_end(signed: Path, home: Path, tmp_path: Path, added: bytes) -> None:
    said = spoilt(tmp_path / "a.mp4", signed.read_bytes() + added, home)
    assert (said.finding, said.appended) == (VerifyFinding.APPENDED, len(added))
    assert f"{len(added)} bytes were added" in said.sentence


def test_a_manifest_of_another_file(signed: Path, another: Path, home: Path, tmp_path: Path) -> None:
    one, other = signed.read_bytes(), another.read_bytes()
    (a, b), (c, d) = store(one), store(other)
    said = spoilt(tmp_path / "a.mp4", other[:c] + one[a:b] + other[d:], home)
    assert (said.finding, said.intact) == (VerifyFinding.ELSEWHERE, False)


def test_a_wrong_key(plain: Path, facts: Facts, root: Holder, home: Path, tmp_path: Path) -> None:
    """The certificate in the file is another one: of the same length, so that all else stays where it is."""
    one = holder("Leaf", root, use=EMAIL)
    other = next(each for each in iter(lambda: holder("Leaf", root, use=EMAIL), None) if len(each.der) == len(one.der))
    sign(plain, tmp_path / "a.mp4", facts, signs(one))
    contents = (tmp_path / "a.mp4").read_bytes()
    assert contents.count(one.der) == 1
    said = spoilt(tmp_path / "a.mp4", contents.replace(one.der, other.der), home)
    assert said.finding is VerifyFinding.SIGNATURE and "another key" in said.sentence


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.999])
def test_a_part_of_a_file(signed: Path, plain: Path, home: Path, tmp_path: Path, share: float) -> None:
    for whole in (signed.read_bytes(), plain.read_bytes()):
        kept = max(40, int(share * len(whole)))
        said = spoilt(tmp_path / "a.mp4", whole[:kept], home)
        assert (said.finding, said.intact) == (VerifyFinding.CUT, False)
        assert 0 < said.missing <= len(whole) - kept


HIDDEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "file type": ("the ftyp box", lambda whole: flipped(whole, 12)),
    "second box": (
        "a second box for manifests",
        lambda whole: whole + box(b"uuid", MAKER + bytes(4) + b"banana\0" + b"hidden"),
    ),
    "offset": ("the head of the manifests' box", lambda whole: flipped(whole, store(whole)[0] + 8 + 16 + 4 + 9 + 3)),
    "label": ("the frame of the credentials", lambda whole: flipped(whole, whole.find(b"c2pa.assertions") + 3)),
    "toggle": (
        "the frame of the credentials",
        lambda whole: whole.replace(b"\x03c2pa.claim.v2", b"\x23c2pa.claim.v2", 1),
    ),
    "payload": ("the frame of the credentials", lambda whole: flipped(whole, whole.find(b"\xf6X@"))),
    "padding": ("the signature's padding", lambda whole: flipped(whole, whole.find(b"\x63padY") + 40)),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_bytes_that_no_signature_covers(signed: Path, home: Path, tmp_path: Path, how: str) -> None:
    place, spoil = HIDDEN[how]
    said = spoilt(tmp_path / "a.mp4", spoil(signed.read_bytes()), home)
    assert (said.finding, said.intact) == (VerifyFinding.UNCOVERED, True)
    assert [name for name, _ in said.uncovered] == [place] and "the signature does not cover" in said.sentence


def test_no_bit_of_the_manifests_can_be_changed_without_notice(signed: Path, home: Path, tmp_path: Path) -> None:
    """Two bits of every byte were tried once; every 127th byte is tried here."""
    contents = signed.read_bytes()
    start, end = store(contents)
    for at in range(start + 4, end, 127):
        said = spoilt(
            tmp_path / "a.mp4", contents[:at] + bytes([contents[at] ^ (1 << at % 8)]) + contents[at + 1 :], home
        )
        assert said.finding not in (VerifyFinding.TRUSTED, VerifyFinding.NOTHING), at


@pytest.mark.parametrize("kind", [b"free", b"skip"])
def test_free_boxes_of_other_signers(
    plain: Path, facts: Facts, own: Identity, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    """Most programs leave ``free`` out of the hash: what is hidden there validates, and verify tells of it."""
    import c2pa

    from langit.release.credentials import sign as credentials

    settings = json.loads(json.dumps(credentials.SETTINGS))
    del settings["builder"]["bmff_hash_exclude_free_and_skip_boxes"]
    monkeypatch.setattr(credentials, "_context", lambda: c2pa.Context.from_dict(settings))
    (tmp_path / "free.mp4").write_bytes(plain.read_bytes() + box(kind, bytes(64)))
    sign(tmp_path / "free.mp4", tmp_path / "a.mp4", facts, own)
    assert verify(tmp_path / "a.mp4", home).finding is VerifyFinding.TRUSTED
    contents = (tmp_path / "a.mp4").read_bytes()
    said = spoilt(tmp_path / "b.mp4", contents[:-64] + b"hidden" + bytes(58), home)
    assert (said.finding, said.uncovered) == (VerifyFinding.UNCOVERED, ((f"the {kind.decode()} box", 6),))
    said = spoilt(tmp_path / "b.mp4", contents + box(kind, b"hidden" * 1000), home)
    assert (said.finding, said.uncovered) == (VerifyFinding.UNCOVERED, ((f"the {kind.decode()} box", 6000),))
    assert "does not cover 6000 bytes" in said.sentence


def test_a_certificate_that_expires_takes_an_unstamped_signature_with_it(
    plain: Path, facts: Facts, root: Holder, home: Path, tmp_path: Path
) -> None:
    clock = holder("Root of clocks", authority=True)
    (tmp_path / "roots.pem").write_bytes(root.pem + clock.pem)
    trust = SigningConfig(trusted=(str(tmp_path / "roots.pem"),))
    signed_at, seconds = datetime.now(UTC) - timedelta(days=1), 1
    with stamping(holder("Clock", clock, use=STAMPS), signed_at) as address:
        while True:  # until both were signed before the certificate expired, however slow the machine is
            end = datetime.now(UTC) + timedelta(seconds=seconds)
            brief = holder("Brief", root, use=EMAIL, end=end)
            try:
                sign(plain, tmp_path / "a.mp4", facts, signs(brief))
                sign(plain, tmp_path / "b.mp4", facts, signs(brief, address))
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


def test_files_that_are_no_pictures(home: Path, tmp_path: Path) -> None:
    for name, contents in (
        ("a.txt", b"hello"),
        ("empty.mp4", b""),
        ("b.mp4", b"\0" * 5000),
        ("c.mp4", b"\x1aE\xdf\xa3ab"),
    ):
        assert spoilt(tmp_path / name, contents, home).finding is VerifyFinding.NO_PICTURES
    with pytest.raises(FileNotFoundError, match="is not a file"):
        verify(tmp_path / "nonesuch.mp4", home)
    with pytest.raises(FileNotFoundError, match="is not a file"):
        verify(tmp_path, home)


def test_pictures_are_verified_too(picture: Path, facts: Facts, own: Identity, home: Path, tmp_path: Path) -> None:
    sign(picture, tmp_path / "a.png", facts, own)
    assert verify(tmp_path / "a.png", home).finding is VerifyFinding.TRUSTED
    contents = (tmp_path / "a.png").read_bytes()
    said = spoilt(tmp_path / "b.png", contents + b"hidden", home)
    assert (said.finding, said.appended) == (VerifyFinding.APPENDED, 6)
    assert spoilt(tmp_path / "b.png", contents[: len(contents) // 2], home).finding is VerifyFinding.CUT
    assert spoilt(tmp_path / "b.png", flipped(contents, len(contents) - 40), home).finding is VerifyFinding.CHANGED
    assert spoilt(tmp_path / "b.png", flipped(contents, contents.find(b"bola")), home).finding is VerifyFinding.MANIFEST


def remuxed(source: Path, target: Path) -> None:
    with av.open(str(source)) as given, av.open(str(target), "w") as taken:
        stream = taken.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                taken.mux(packet)


def test_credentials_that_are_gone(signed: Path, home: Path, tmp_path: Path) -> None:
    remuxed(signed, tmp_path / "remuxed.mp4")
    video.write(tmp_path / "again.mp4", video.read(signed), 8)
    Image.fromarray(video.read(signed)[0]).save(tmp_path / "shot.png")
    for name in ("remuxed.mp4", "again.mp4", "shot.png"):
        said = verify(tmp_path / name, home)
        assert (said.finding, said.intact, said.credentials) == (VerifyFinding.NOTHING, None, None)
        assert "does not mean that it was not generated" in said.sentence


def test_every_finding_has_a_sentence_and_a_number_that_a_shell_can_take() -> None:
    assert set(SENTENCES) == set(VerifyFinding) and len(set(SENTENCES.values())) == len(VerifyFinding)
    assert all(each == 0 or 2 < each < 126 for each in VerifyFinding)


def test_a_verdict_is_plain_json(signed: Path, plain: Path, home: Path, tmp_path: Path) -> None:
    for path in (signed, plain):
        said = json.loads(json.dumps(verify(path, home).plain()))
        assert said["exit_code"] == VerifyFinding[said["finding"].upper().replace("-", "_")]
        assert said["verdict"] and len(said["sha256"]) == 64

"""Attacks on signed files: every one of them must be noticed. docs/security.md has the counts.

A slow suite (`make test-all`). The credentials alone are attacked: watermark and looks are not looked at.
"""

from __future__ import annotations

import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from release.authorities import EMAIL, identity_of, issue
from release.leaving import FACTS, clip

from langit import video
from langit.files import sha256
from langit.release import verify as module
from langit.release.credentials import boxes
from langit.release.credentials.identity import Identity, identity
from langit.release.credentials.sign import sign
from langit.release.facts import Parent
from langit.release.verdict import FileVerdict, VerifyFinding
from langit.release.verify import verify

pytestmark = pytest.mark.slow

INTACT = (VerifyFinding.TRUSTED, VerifyFinding.PRIVATE, VerifyFinding.UNKNOWN_ISSUER)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def own(home: Path) -> Identity:
    return identity(home / "keys")


@pytest.fixture(autouse=True)
def _credentials_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_judge_pictures", lambda path, verdict, ledger: verdict)


@pytest.fixture(scope="module", params=["mp4", "png"])
def signed(request: pytest.FixtureRequest, own: Identity, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small signed file, whose parent has credentials of its own."""
    folder = tmp_path_factory.mktemp("signed")
    return make_signed(folder, str(request.param), own, seed=0)


def make_signed(folder: Path, kind: str, own: Identity, seed: int) -> Path:
    plain, signed = folder / f"plain{seed}.{kind}", folder / f"signed{seed}.{kind}"
    if kind == "mp4":
        video.write(plain, clip(5, seed=seed), 8)
    else:
        Image.fromarray(clip(1, seed=seed)[0]).save(plain)
    sign(plain, signed, replace(FACTS, seed=seed), own)
    return signed


def attack(path: Path, contents: bytes, home: Path) -> FileVerdict:
    path.write_bytes(contents)
    return verify(path, home)


def manifest_span(contents: bytes, folder: Path) -> tuple[int, int]:
    (folder / "layout").write_bytes(contents)
    layout = boxes.layout(folder / "layout")
    assert layout is not None and layout.manifest is not None
    return layout.manifest.start, layout.manifest.end


def test_two_bits_of_every_byte_of_the_manifests(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    assert verify(signed, home).finding is VerifyFinding.TRUSTED
    start, end = manifest_span(contents, tmp_path)
    found: Counter[str] = Counter()
    for at in range(start, end):
        for bit in (at % 8, (at + 3) % 8):
            changed = contents[:at] + bytes([contents[at] ^ 1 << bit]) + contents[at + 1 :]
            finding = attack(tmp_path / "a", changed, home).finding
            found[finding.name] += 1
            # A type that is no longer that of a manifest leaves a file without credentials, which is no claim.
            assert finding not in INTACT, (at - start, bit)
            if finding in (VerifyFinding.NOTHING, VerifyFinding.NO_PICTURES):
                assert at - start < 24, (at - start, bit)
    assert found.total() == 2 * (end - start) > 10_000


def test_seven_hundred_bits_anywhere(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    random = np.random.default_rng(1)
    for at, bit in zip(random.integers(0, len(contents), 700), random.integers(0, 8, 700), strict=True):
        changed = contents[:at] + bytes([contents[at] ^ 1 << int(bit)]) + contents[at + 1 :]
        assert attack(tmp_path / "a", changed, home).finding not in INTACT, (at, bit)


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def insertions(contents: bytes, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Boxes and chunks with data at every place between others."""
    (folder / "layout").write_bytes(contents)
    layout = boxes.layout(folder / "layout")
    assert layout is not None
    places = [found.start for found in layout.boxes] + [layout.boxes[-1].end]
    if layout.container == "mp4":
        kinds = (b"free", b"skip", b"uuid", b"mdat", b"moov", b"meta", b"udta", b"mfra", b"abcd", b"ftyp", b"sidx")
        hidden = {kind.decode(): box(kind, b"hidden data") for kind in kinds}
        hidden["second manifest"] = box(b"uuid", boxes.C2PA_UUID + bytes(4) + b"manifest\0" + bytes(8) + b"hidden")
    else:
        kinds = (b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME", b"prVt", b"caBX", b"IDAT", b"acTL", b"fdAT", b"iCCP")
        hidden = {kind.decode(): chunk(kind, b"hidden data") for kind in kinds}
        picture = Image.fromarray(clip(1, seed=9)[0])
        whole = zlib.compress(b"".join(b"\0" + row.tobytes() for row in np.asarray(picture)))
        hidden["second picture"] = chunk(b"IDAT", whole)
        frame = b"".join(int(value).to_bytes(4, "big") for value in (1, 64, 64, 0, 0)) + bytes(6)
        hidden["animation"] = (
            chunk(b"acTL", bytes(3) + b"\2" + bytes(4)) + chunk(b"fcTL", frame) + chunk(b"fdAT", bytes(4) + whole)
        )
    for place in places[1:] if layout.container == "mp4" else places:
        for name, data in hidden.items():
            yield f"{name} at {place}", contents[:place] + data + contents[place:]


def test_boxes_and_chunks_that_are_inserted(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    count = 0
    for name, changed in insertions(contents, tmp_path):
        count += 1
        assert attack(tmp_path / "a", changed, home).finding not in INTACT, name
    assert count >= 50


def test_second_files_and_manifests_that_are_hidden(signed: Path, home: Path, tmp_path: Path) -> None:
    """A whole picture or video before, in and after the signed one, and manifests beside those that count."""
    contents = signed.read_bytes()
    layout = boxes.layout(signed)
    assert layout is not None and layout.manifest is not None
    plain = signed.with_name("plain0" + signed.suffix).read_bytes()
    memory = io.BytesIO()
    Image.fromarray(clip(1, seed=4)[0]).save(memory, "JPEG")
    appended = VerifyFinding.APPENDED
    hidden = {"a second file": (contents + plain, appended), "a JPEG": (contents + memory.getvalue(), appended)}
    hidden["itself"] = (contents + contents, appended)
    start = contents.index(b"jumb", layout.manifest.start) - 4
    end = start + int.from_bytes(contents[start : start + 4], "big")
    first = start + 8 + int.from_bytes(contents[start + 8 : start + 12], "big")
    another = contents[first : first + int.from_bytes(contents[first : first + 4], "big")]
    another = another.replace(b"urn:c2pa:", b"urn:fake:")
    for name, at in (("a manifest before", first), ("a manifest after", end)):
        store = contents[start:at] + another + contents[at:end]
        store = len(store).to_bytes(4, "big") + store[4:]
        head = contents[layout.manifest.start + 8 : start]
        changed = chunk(b"caBX", store) if layout.container == "png" else box(b"uuid", head + store)
        rest = contents[layout.manifest.end :]
        finding = VerifyFinding.STRUCTURE if at == first else VerifyFinding.MANIFEST
        hidden[name] = (contents[: layout.manifest.start] + changed + rest, finding)
    if layout.container == "png":
        hidden["a picture before the header"] = (
            contents[:8] + chunk(b"tEXt", b"Comment\0" + plain) + contents[8:],
            VerifyFinding.STRUCTURE,
        )
        hidden["a second header"] = (contents[:33] + contents[8:33] + contents[33:], VerifyFinding.STRUCTURE)
        hidden["a second end"] = (contents + chunk(b"IEND", b""), appended)
        hidden["a picture first"] = (plain + contents, VerifyFinding.NOTHING)  # the first picture has no credentials
    else:
        hidden["itself"] = (contents + contents, VerifyFinding.MANIFEST)
        hidden["a second file"] = (contents + plain, VerifyFinding.CHANGED)
        hidden["a video first"] = (plain + contents, VerifyFinding.CHANGED)
        last = layout.boxes[-1]
        open_ended = contents[: last.start] + bytes(4) + contents[last.start + 4 :] + b"hidden data"
        hidden["data in a box without an end"] = (open_ended, VerifyFinding.CHANGED)
    for name, (changed, finding) in hidden.items():
        assert attack(tmp_path / "a", changed, home).finding is finding, name


def test_boxes_and_chunks_that_are_removed_swapped_or_doubled(signed: Path, home: Path, tmp_path: Path) -> None:
    contents = signed.read_bytes()
    layout = boxes.layout(signed)
    assert layout is not None
    spans = [(found.start, found.end, found.manifest) for found in layout.boxes]
    for number, (start, end, is_manifest) in enumerate(spans):
        removed = attack(tmp_path / "a", contents[:start] + contents[end:], home)
        assert removed.finding not in INTACT
        assert is_manifest or removed.credentials is not None or number == 0
        doubled = attack(tmp_path / "a", contents[:end] + contents[start:end] + contents[end:], home)
        assert doubled.finding not in INTACT
        for other_start, other_end, _ in spans[number + 1 :]:
            one, two = contents[start:end], contents[other_start:other_end]
            swapped = contents[:start] + two + contents[end:other_start] + one + contents[other_end:]
            assert attack(tmp_path / "a", swapped, home).finding not in INTACT


def test_manifests_that_are_moved_to_other_files(own: Identity, home: Path, tmp_path: Path) -> None:
    """Twelve files of each kind: every manifest in every other file."""
    for kind in ("mp4", "png"):
        files = [make_signed(tmp_path, kind, own, seed).read_bytes() for seed in range(12)]
        spans = [manifest_span(contents, tmp_path) for contents in files]
        for one, (start, end) in zip(files, spans, strict=True):
            for other, (first, last) in zip(files, spans, strict=True):
                moved = other[:first] + one[start:end] + other[last:]
                finding = attack(tmp_path / "a", moved, home).finding
                assert (finding is VerifyFinding.TRUSTED) == (one is other)
                assert one is other or finding not in INTACT


def test_keys_that_imitate_ours(own: Identity, home: Path, tmp_path: Path) -> None:
    """Roots and leaves with our names and serial numbers, and our certificates with another key."""
    video.write(tmp_path / "plain.mp4", clip(5), 8)
    root = issue(own.chain[-1].subject.rfc4514_string(), authority=True)
    forged = issue(own.name, root, use=EMAIL)
    for signer in (identity_of(forged), identity_of(forged, whole=False)):
        sign(tmp_path / "plain.mp4", tmp_path / "a.mp4", FACTS, signer)
        verdict = verify(tmp_path / "a.mp4", home)
        assert verdict.finding in (VerifyFinding.PRIVATE, VerifyFinding.UNKNOWN_ISSUER) and not verdict.signed_here
    mixed = Identity((forged.certificate, own.chain[-1]), "a test", forged.secret)
    try:
        sign(tmp_path / "plain.mp4", tmp_path / "a.mp4", FACTS, mixed)
    except ValueError:
        return  # c2pa refuses a chain that does not hold together
    assert not verify(tmp_path / "a.mp4", home).signed_here


@pytest.mark.parametrize("depth", [1, 10, 40])
def test_long_chains_of_parents_are_read(own: Identity, home: Path, tmp_path: Path, depth: int) -> None:
    video.write(tmp_path / "plain.mp4", clip(3), 8)
    sign(tmp_path / "plain.mp4", tmp_path / "0.mp4", FACTS, own)
    for number in range(1, depth + 1):
        before = tmp_path / f"{number - 1}.mp4"
        parent = Parent(before.name, sha256(before), (), before)
        facts = replace(FACTS, ability="extend", seed=number, parents=(parent,))
        sign(tmp_path / "plain.mp4", tmp_path / f"{number}.mp4", facts, own)
    verdict = verify(tmp_path / f"{depth}.mp4", home)
    assert verdict.finding is VerifyFinding.TRUSTED
    levels, origins = 0, verdict.credentials.origins if verdict.credentials else ()
    while origins:
        levels, origins = levels + 1, origins[0].origins
    assert levels == depth

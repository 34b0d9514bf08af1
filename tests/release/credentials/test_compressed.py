"""Manifests that somebody compressed (brotli, C2PA 2.1): read, never taken for what Langit wrote, and no bombs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import c2pa
import pytest

from langit.ledger.signals import cawg
from langit.ledger.synthetic import find_model_output
from langit.release import verify as module
from langit.release.credentials import sign as signing
from langit.release.credentials.identity import Identity
from langit.release.credentials.read import read
from langit.release.facts import Facts
from langit.release.verdict import VerifyFinding
from langit.release.verify import verify

BOMB = 64 << 20  # bytes of one assertion before it is compressed


class LongPrompt(str):
    """A prompt whose resource in the manifest is much longer than it."""

    def encode(self, *_: Any) -> bytes:
        return b"a" * BOMB


@pytest.fixture
def compressing(monkeypatch: pytest.MonkeyPatch) -> None:
    context = c2pa.Context.from_dict(signing.SETTINGS | {"core": {"prefer_compress_manifests": True}})
    monkeypatch.setattr(signing, "_context", lambda: context)


@pytest.mark.usefixtures("compressing")
def test_a_compressed_manifest_is_read_and_no_change_of_it_is_intact(
    picture: Path, facts: Facts, own: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, home = tmp_path / "packed.png", Path(own.where).parents[1]
    signing.sign(picture, packed, facts, own)
    contents = packed.read_bytes()
    at = contents.index(b"brob")  # fails if the library compresses no more
    found = read(packed, [own.chain[-1]])
    assert found is not None and found.state == "trusted" and found.prompt == facts.prompt
    output = find_model_output(packed, "0" * 64, (), cawg.read(packed)[1])
    assert output is not None and output.made_by == "Langit", "it is not entered as footage"
    monkeypatch.setattr(module, "_judge_pictures", lambda path, verdict, ledger: verdict)
    # Langit compresses nothing: bytes could hide in the packed stream, so even the key does not make it ours unsaid.
    assert verify(packed, home).finding is VerifyFinding.UNCOVERED
    end = contents.index(b"IDAT", at) - 8
    for place in [*range(at - 40, at + 40, 3), *range(at + 40, end, 101)]:
        changed = bytearray(contents)
        changed[place] ^= 1 << place % 8
        (tmp_path / "changed.png").write_bytes(changed)
        intact = (VerifyFinding.TRUSTED, VerifyFinding.PRIVATE, VerifyFinding.UNKNOWN_ISSUER)
        assert verify(tmp_path / "changed.png", home).finding not in intact, place


@pytest.mark.slow
@pytest.mark.usefixtures("compressing")
def test_a_manifest_that_unpacks_to_much_is_unreadable(
    picture: Path, facts: Facts, own: Identity, tmp_path: Path
) -> None:
    bomb = tmp_path / "bomb.png"
    signing.sign(picture, bomb, replace(facts, prompt=LongPrompt("bola merah")), own)
    assert bomb.stat().st_size < 1 << 20
    reading = (
        "import resource, sys; from pathlib import Path; from langit.release.credentials.read import read;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; found = read(Path(sys.argv[1]));"
        "print(found.state, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    told = subprocess.run([sys.executable, "-c", reading, str(bomb)], capture_output=True, text=True, check=True)
    state, kilobytes = told.stdout.split()
    assert state == "unreadable" and int(kilobytes) * 1024 < BOMB

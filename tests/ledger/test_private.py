"""Names, consent forms, prompts and letters are for their owner alone, whatever the umask."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from langit.ledger import history, keys
from langit.ledger.record import Source
from langit.ledger.store import Ledger

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


@pytest.fixture(params=[0o000, 0o002, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    ledger = Ledger(tmp_path / "home" / "ledger")
    person = ledger.personal.put_facts(name="Sri Wahyuni")
    form = ledger.personal.put(b"%PDF signed")
    letter = ledger.evidence.put(b"Dear Langit")
    ledger.add([Source("file", "a", "0" * 64)])
    ledger.revoke("1" * 64, "asked", by="content")
    files = [ledger.path / "personal" / name for name in (person, form)]
    files += [ledger.path / "evidence" / letter[:2] / letter, ledger.path / keys.FILE, ledger.path / history.NAME]
    assert {mode(file) for file in [*files, history.beside(ledger.path)]} == {0o600}
    folders = [ledger.path, ledger.path / "personal", ledger.path / "evidence", ledger.path / "evidence" / letter[:2]]
    assert {mode(folder) for folder in folders} == {0o700}


def test_folders_of_an_earlier_version_are_closed(tmp_path: Path, umask: int) -> None:
    old = tmp_path / "ledger" / "personal"
    old.mkdir(parents=True, mode=0o777)
    old.chmod(0o755)
    Ledger(tmp_path / "ledger").personal.put(b"words")
    assert mode(old) == 0o700


@pytest.mark.parametrize("first", ["put", "add", "key"])
def test_whoever_makes_the_folder_closes_it(tmp_path: Path, umask: int, first: str) -> None:
    path = tmp_path / "ledger"
    if first == "put":
        Ledger(path).personal.put(b"words")
    elif first == "add":
        Ledger(path).add([Source("file", "a", "0" * 64)])
    else:
        keys.signer(path)
    assert mode(path) == 0o700


def test_keys_that_sign_are_in_folders_of_their_own(tmp_path: Path, umask: int) -> None:
    """Whoever can write to the folder above the keys can put other keys in their place."""
    from langit.release.credentials.identity import identity

    identity(tmp_path / "keys")
    found = [tmp_path / "keys", *(tmp_path / "keys").rglob("*")]
    assert {mode(path) for path in found if path.is_dir()} == {0o700}
    assert {mode(path) for path in found if path.is_file()} == {0o600}

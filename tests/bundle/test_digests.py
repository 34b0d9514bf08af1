"""The cache of digests: unchanged files are hashed once, and a change is always noticed."""

import os
import time

import pytest

import langit.bundle.digests as digests
from langit import config
from langit.bundle import load_bundle
from langit.bundle.check import check_bundle
from langit.bundle.digests import DigestCache
from langit.files import sha256


@pytest.fixture
def hashed(monkeypatch):
    """The names of the files that were hashed."""
    names = []

    def count(path):
        names.append(path.name)
        return sha256(path)

    monkeypatch.setattr(digests, "sha256", count)
    monkeypatch.setattr(digests, "SETTLED_NS", -(10**18))  # files of this test are new, but nobody changes them
    return names


def test_unchanged_files_are_hashed_once(folder, hashed):
    first = load_bundle(folder)
    count = len(hashed)
    assert count == len(first.provenance.files)
    load_bundle(folder)
    assert len(hashed) == count


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def flip_and_restore_the_time(path):
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def exchange(path):
    """Put another file with the same size and time in its place."""
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    flip(other)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [flip, flip_and_restore_the_time, exchange])
def test_a_changed_file_is_refused_although_it_was_hashed_before(folder, hashed, change):
    load_bundle(folder)
    change(folder / "vae/diffusion_pytorch_model.safetensors")
    with pytest.raises(ValueError, match=r"vae/diffusion_pytorch_model\.safetensors is not the file that"):
        load_bundle(folder)


def test_check_hashes_every_byte_whatever_the_cache_says(folder, hashed, monkeypatch):
    monkeypatch.setattr(digests, "_identity", lambda path: (1, 2, 3, 4, 5))  # a file system that notices nothing
    load_bundle(folder)
    flip(folder / "vae/diffusion_pytorch_model.safetensors")
    load_bundle(folder)
    report = check_bundle(folder, render=0)
    assert not report.holds and "is not the file that" in report.findings[0].text


def test_a_file_that_was_changed_just_now_is_not_remembered(folder, monkeypatch):
    load_bundle(folder)
    assert not (config.home() / digests.FILE).exists()
    later = time.time_ns() + 3_000_000_000
    monkeypatch.setattr(digests.time, "time_ns", lambda: later)
    load_bundle(folder)
    assert (config.home() / digests.FILE).exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1}', '{"a": [1, 2]}', '{"a": ["x", 1, 1, 1, 1, "y"]}', "[" * 99999]
)
def test_a_damaged_cache_is_an_empty_one(folder, hashed, text):
    config.home().mkdir(parents=True, exist_ok=True)
    (config.home() / digests.FILE).write_text(text)
    load_bundle(folder)
    count = len(hashed)
    load_bundle(folder)
    assert len(hashed) == count


def test_a_cache_that_cannot_be_written_is_no_error(folder, tmp_path, hashed, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path / "file" / "home"))
    load_bundle(folder)
    load_bundle(folder)
    assert hashed.count("provenance.json") == 0 and len(hashed) > 20


def test_two_caches_keep_each_others_entries(tmp_path, hashed):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    one, two = DigestCache.open(tmp_path), DigestCache.open(tmp_path)
    one.sha256(tmp_path / "a"), two.sha256(tmp_path / "b")
    one.save(), two.save()
    both = DigestCache.open(tmp_path)
    hashed.clear()
    assert both.sha256(tmp_path / "a") == sha256(tmp_path / "a") and both.sha256(tmp_path / "b") and hashed == []

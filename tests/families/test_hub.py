"""Names on the hub: from the cache without network, and a clear line where that cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub import errors as hub_errors

from langit.families import hub
from langit.families.load import find_checkpoint, is_open_weights

NAME = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
SHA = "0" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub; the network is not reached unless a test says so."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


def put(cache: Path, folder: Path, name: str = NAME) -> Path:
    """A repository as the hub's library caches it."""
    place = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / SHA)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(SHA)
    return place / "snapshots" / SHA


def answer(monkeypatch: pytest.MonkeyPatch, what: Exception | Any) -> None:
    """Have the hub answer, or fail."""

    def info(*_: Any, **__: Any) -> Any:
        if isinstance(what, Exception):
            raise what
        return what

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", info)


def http_error(kind: type[hub_errors.HfHubHTTPError], status: int) -> hub_errors.HfHubHTTPError:
    request = httpx2.Request("GET", "https://hub.example")
    return kind("refused", response=httpx2.Response(status, request=request))


def test_what_is_a_hub_name_and_what_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert is_open_weights(NAME)
    for place in ("models/mine", "pocket", "./models/mine", "../x", "/abs/olute", "a/b/c", "-x/y"):
        assert not hub.is_hub_name(place)


@pytest.mark.parametrize(
    "failure",
    [httpx2.ConnectError("no route"), httpx2.ReadTimeout("slow"), OSError(101, "Network is unreachable")],
    ids=["connection", "timeout", "network"],
)
def test_without_network_the_cache_serves_or_a_line_says_what_to_do(
    cache: Path, saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    answer(monkeypatch, failure)
    with pytest.raises(ValueError, match=f"{NAME} is not in the hub's cache, and the hub cannot be reached"):
        find_checkpoint(NAME)
    place = put(cache, saved("wan2.1-t2v"))
    found = find_checkpoint(NAME)
    assert (found.folder, found.name) == (place, NAME)


def test_offline_mode_uses_the_cache_alone(
    cache: Path, saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, AssertionError("the hub was asked"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE is set"):
        find_checkpoint(NAME)
    put(cache, saved("wan2.1-t2v"))
    assert find_checkpoint(NAME).family.name == "wan2.1-t2v-1.3b"


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        (hub_errors.GatedRepoError, 403, "is gated: accept its terms"),
        (hub_errors.RepositoryNotFoundError, 404, "the hub has no model"),
        (hub_errors.HfHubHTTPError, 401, "refuses .* \\(HTTP 401\\)"),
        (hub_errors.HfHubHTTPError, 503, "the hub cannot be reached"),
    ],
)
def test_refusals_of_the_hub_are_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch, kind: type[hub_errors.HfHubHTTPError], status: int, said: str
) -> None:
    answer(monkeypatch, http_error(kind, status))
    with pytest.raises(ValueError, match=said):
        find_checkpoint(NAME)


def test_a_download_that_does_not_fit_is_refused_before_it_begins(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        SimpleNamespace(rfilename="transformer/a.safetensors", size=10**18),
        SimpleNamespace(rfilename="x.bin", size=1),
    ]
    answer(monkeypatch, SimpleNamespace(siblings=files, sha=SHA))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("downloaded"))
    with pytest.raises(OSError, match=r"needs 1000000000.0 GB and the disk of .* GB free"):
        find_checkpoint(NAME)


def test_configs_are_read_before_weights_are_downloaded(
    cache: Path, saved: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, SimpleNamespace(siblings=[], sha=SHA))
    asked: list[tuple[str, ...]] = []

    def download(name: str, *, revision: str, allow_patterns: list[str]) -> str:
        asked.append(tuple(allow_patterns))
        return str(saved("wan2.1-t2v") if name == NAME else other)

    other = Path(shutil.copytree(saved("wan2.1-t2v"), tmp_path / "other"))
    (other / "model_index.json").write_text('{"_class_name": "LTXPipeline"}')
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ValueError, match="'LTXPipeline', which is not of the Wan family"):
        find_checkpoint("Lightricks/LTX-Video")
    assert asked == [hub.CONFIGS]  # and no weights
    find_checkpoint(NAME)
    assert asked[1:] == [hub.CONFIGS, hub.WANTED]
    assert not any(name.endswith((".bin", ".pth", ".pt")) for name in hub.WANTED)

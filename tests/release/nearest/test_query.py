"""From a file to named clips with pictures, through the ledger's table."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from release.nearest.conftest import film
from safetensors.numpy import save_file

import langit
from langit import video
from langit.bundle.folder import add_file
from langit.ledger.place import Folder
from langit.release.nearest import show, table
from langit.release.nearest.bundled import FILE
from langit.release.nearest.query import find_nearest
from langit.release.nearest.table import NearestTable


@pytest.fixture
def model(index, tmp_path):
    """The shipped model with another index."""
    shutil.copytree(Path(langit.__file__).parent / "weights" / "pocket", tmp_path / "model")
    add_file(tmp_path / "model", FILE, index.save)
    return tmp_path / "model"


def test_a_copy_is_shown_beside_its_clip(model, tmp_path):
    kept = tmp_path / "films" / "boxes" / "64x64x17"
    kept.mkdir(parents=True)
    frames = np.stack([film(seed) for seed in range(5)])
    save_file({"frames": frames, "seeds": np.arange(5)}, kept / "00000000-00000004.safetensors")
    video.write(tmp_path / "copy.mp4", film(3)[:, :, ::-1], 8)

    answer = find_nearest(tmp_path / "copy.mp4", str(model), 3, tmp_path)
    first, *others = answer.found
    assert first.name == "film 3 of boxes (64x64x17)" and first.match.mirrored and len(others) == 2
    assert np.array_equal(first.frames, film(3)[:, :, ::-1]) and "mirror image is similar" in first.words
    assert any(finding.rule == "nearest clip" for finding in answer.findings)
    away = [one for one in others if one.frames is None]
    assert all("could not be rendered" in one.missing or "record" in one.missing for one in away)

    show.save_sheet(tmp_path / "a.png", answer.frames, "copy.mp4", answer.found)
    show.save_page(tmp_path / "a.html", answer.frames, answer.fps, "copy.mp4", answer.found)
    page = (tmp_path / "a.html").read_text()
    assert "film 3 of boxes" in page and "data:image/webp" in page and "does not show what caused it" in page
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_model_without_an_index_says_how_to_make_one(tmp_path):
    from bundle.miniature import make_parts, make_provenance

    from langit.bundle import save_bundle

    save_bundle(tmp_path / "tiny", make_parts(), make_provenance())
    video.write(tmp_path / "a.mp4", film(1), 8)
    with pytest.raises(ValueError, match="has no index .* `langit bundle index"):
        find_nearest(tmp_path / "a.mp4", str(tmp_path / "tiny"), 1, tmp_path)


@pytest.mark.parametrize("many", [table.MANY, 1])
def test_the_table_finds_what_a_scan_finds(index, tmp_path, monkeypatch, many):
    monkeypatch.setattr(table, "MANY", many)  # with 1, an inverted file is made
    monkeypatch.setattr(table, "ROWS_PER_PARTITION", 20)
    stored = NearestTable(Folder(tmp_path), "0" * 64)
    stored.enter(index)
    stored.enter(index)
    queries = index._vectors[::7]
    rows = stored.search(queries, 1)
    assert set(range(0, len(index.vectors), 7)) == set(rows.tolist())

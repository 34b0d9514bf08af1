"""A whole bundle in miniature, as fixtures."""

import pytest
from bundle.miniature import make_ledger, make_parts, make_provenance, make_source

from langit.bundle import FilmTable, save_bundle


@pytest.fixture
def parts():
    return make_parts()


@pytest.fixture
def folder(tmp_path, parts):
    sources = [make_source(seed) for seed in (1, 2, 3)] + [make_source(1001, "48x32x5")]
    ledger = make_ledger(tmp_path / "ledger", sources)
    table = FilmTable.of(sources, ledger.digests())
    save_bundle(tmp_path / "tiny", parts, make_provenance(ledger), table)
    return tmp_path / "tiny"

"""Provenance records: what goes in comes out, and training data that the makers do not disclose is a value."""

import json
from dataclasses import replace

import pytest
from bundle.miniature import make_parts, make_provenance

from langit.bundle import Provenance, Undisclosed, load_bundle, save_bundle
from langit.bundle.check import check_bundle


def test_undisclosed_training_data_round_trips():
    provenance = replace(make_provenance(), ledger=Undisclosed("Wan Team"))
    assert json.loads(provenance.text())["ledger"] == {"undisclosed": "Wan Team"}
    assert Provenance.parse(provenance.text()) == provenance


def test_a_known_ledger_is_written_as_before():
    assert json.loads(make_provenance().text())["ledger"].keys() == {"origin", "size", "root"}


def test_undisclosed_data_needs_its_makers():
    with pytest.raises(ValueError, match="name them"):
        Undisclosed(" ")


def test_check_reports_undisclosed_training_data_as_unknown(tmp_path):
    save_bundle(tmp_path / "open", make_parts(), replace(make_provenance(), ledger=Undisclosed("Wan Team")))
    assert load_bundle(tmp_path / "open").provenance.ledger == Undisclosed("Wan Team")
    report = check_bundle(tmp_path / "open")
    assert report.holds
    assert [finding.text for finding in report.findings if finding.what == "films"] == [
        "Wan Team do not disclose what the model was trained on"
    ]


@pytest.mark.parametrize("name", ["../films.safetensors", "/dev/zero", "a/films.safetensors", "", "..", "x.json"])
def test_a_table_of_films_outside_the_bundle_is_refused(folder, name):
    plain = json.loads((folder / "provenance.json").read_text())
    plain["films"]["file"] = name
    with pytest.raises(ValueError, match="as its table of films"):
        Provenance.parse(json.dumps(plain))

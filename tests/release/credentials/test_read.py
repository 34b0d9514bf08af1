"""Reading manifests that strangers wrote: what their signers did not vouch for, cycles, and floods."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import c2pa
import pytest
from release.authorities import Holder, identity_of

from langit.release.credentials import read as module
from langit.release.credentials.identity import Identity
from langit.release.credentials.read import MAX_PROMPT, _origins, read
from langit.release.credentials.sign import GENERATION, OFFLINE, _signer, sign
from langit.release.facts import Facts


def test_assertions_that_the_signer_merely_gathered_are_not_read(plain: Path, leaf: Holder, tmp_path: Path) -> None:
    """C2PA lists them apart from those that the signer created: others may have written them."""
    for settings, model in (({}, None), ({"builder": {"created_assertion_labels": [GENERATION]}}, "pocket")):
        assertions = [{"label": GENERATION, "data": {"model": "pocket", "model_digest": "ab" * 32}}]
        actions = {"actions": [{"action": "c2pa.created", "digitalSourceType": "x"}]}
        definition = {"claim_generator_info": [{"name": "Other", "version": "1"}], "title": "other"}
        definition["assertions"] = [{"label": "c2pa.actions.v2", "data": actions}, *assertions]  # type: ignore[assignment]
        context = c2pa.Context.from_dict({**settings, **OFFLINE})
        with (
            plain.open("rb") as file,
            (tmp_path / "a.mp4").open("w+b") as target,
            _signer(identity_of(leaf), "") as signer,
        ):
            c2pa.Builder(json.dumps(definition), context=context).sign(signer, "video/mp4", file, target)
        credentials = read(tmp_path / "a.mp4")
        assert credentials is not None and credentials.state == "valid"
        assert (credentials.model, credentials.langit) == (model, model is not None)


def test_a_manifest_that_is_its_own_parent_ends() -> None:
    parent = {"title": "itself", "relationship": "parentOf"}
    plain = {
        "manifests": {
            "a": {"ingredients": [parent | {"active_manifest": "b"}], "assertions": []},
            "b": {"ingredients": [parent | {"active_manifest": "a"}], "assertions": []},
        }
    }
    (origin,) = _origins(plain, "a", {}, {}, frozenset())
    assert [len(origin.origins), len(origin.origins[0].origins)] == [1, 0]


def test_a_prompt_is_read_up_to_a_length(plain: Path, facts: Facts, own: Identity, tmp_path: Path) -> None:
    sign(plain, tmp_path / "a.mp4", replace(facts, prompt="x" * (MAX_PROMPT + 5000)), own)
    credentials = read(tmp_path / "a.mp4")
    assert credentials is not None and credentials.prompt == "x" * MAX_PROMPT


@pytest.mark.parametrize("text", ["[" * 100_000, '{"manifests": ' * 50_000, "{}", "[]", '{"active_manifest": 3}', ""])
def test_reports_of_any_form_are_unreadable_and_no_error(
    plain: Path, facts: Facts, own: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    sign(plain, tmp_path / "a.mp4", facts, own)
    monkeypatch.setattr(c2pa.Reader, "json", lambda self: text)
    credentials = module.read(tmp_path / "a.mp4")
    assert credentials is not None and credentials.state == "unreadable" and len(credentials.why) <= 300

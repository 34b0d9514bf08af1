"""The model that ships answers for itself on a fresh machine: what it saw, and what the one before it saw."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from langit import config
from langit.bundle import resolve
from langit.bundle.folder import read_provenance
from langit.feed.traces import find_artifacts
from langit.inquiry.lookup import with_its_own_record
from langit.ledger.answers import describe_model
from langit.ledger.artifacts import TrainedModel
from langit.ledger.audit import write_shipped
from langit.ledger.audit_check import Audit
from langit.ledger.lineage import Lineage
from langit.ledger.shipped import BASE
from langit.ledger.statements import Provider, corpus
from langit.ledger.statements_eu import markdown, summary
from langit.ledger.store import Ledger
from langit.release.training import describe_training


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fresh")


@pytest.fixture(scope="module")
def asked(fresh: Path) -> tuple[Lineage, TrainedModel]:
    here = Lineage(Ledger(fresh / "ledger"), find_artifacts(fresh))
    (model,) = here.find("pocket")
    assert isinstance(model, TrainedModel) and not model.is_record_alone
    return with_its_own_record(here, model)


def test_the_name_means_the_model_with_weights_and_the_hash_its_base(asked: tuple[Lineage, TrainedModel]) -> None:
    lineage, model = asked
    assert model.base is not None
    (base,) = lineage.find(model.base[:16])
    assert isinstance(base, TrainedModel) and base.is_record_alone and base.digest == model.base
    assert base.place == resolve("pocket") / BASE
    assert read_provenance(base.place).digest == f"sha256:{base.digest}"


def test_what_the_model_and_its_base_saw_is_listed(asked: tuple[Lineage, TrainedModel], fresh: Path) -> None:
    lineage, model = asked
    answer = describe_model(lineage, model, every=True)
    assert len(answer["listed"]) == len(model.films) == 15_174
    assert f"`langit ledger whose {str(model.base)[:16]}` lists its sources" in answer["began with"]
    (base,) = lineage.find(str(model.base))
    assert isinstance(base, TrainedModel)
    older, same = with_its_own_record(Lineage(Ledger(fresh / "ledger"), find_artifacts(fresh)), base)
    assert len(describe_model(older, same, every=True)["listed"]) == len(base.films) == 14_850
    lines = describe_training(model.digest, fresh, None)
    assert any("it began from model" in line and "14,850 films" in line for line in lines)


def test_statements_and_audits_name_the_base(asked: tuple[Lineage, TrainedModel], tmp_path: Path) -> None:
    lineage, model = asked
    stated = summary(corpus(lineage, date(2026, 11, 28).isoformat(), model=model.digest), Provider())
    text = markdown(stated)
    (line,) = (line for line in text.splitlines() if line.startswith("- **Model dependencies"))
    assert str(model.base)[:16] in line and "not in this summary" in line and "*(ledger)*" in line

    record = model.record
    assert record is not None
    policy = config.canonical(config.dump(record.policy))
    path = tmp_path / "pocket.audit.zip"
    write_shipped(record.snapshot, model, policy, path)
    findings = Audit(path, None).findings()
    assert {item.state for item in findings} == {"holds", "word"}
    assert any(item.what == "base" and str(model.base)[:16] in item.text for item in findings)

"""What a run enters in the ledger when its model is assembled: which stages saw which clips, and the model."""

from __future__ import annotations

import datetime

from langit.bundle import Provenance
from langit.bundle.folder import read_provenance
from langit.ledger.derived import RunExposure
from langit.ledger.policy import Policy
from langit.ledger.store import Ledger
from langit.recipes.films import RunPaths
from langit.recipes.recipe import Recipe


def enter_training(recipe: Recipe, ledger: Ledger, paths: RunPaths, provenance: Provenance) -> None:
    """Enter in the ledger which run saw which clips, and which model came of it; nothing is entered twice."""
    model = read_provenance(paths.bundle).digest.removeprefix("sha256:")  # the index of clips is part of it by now
    known = {(entry.run, entry.root, entry.model) for entry in ledger.exposures()}
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    records = [
        RunExposure(
            run=f"{recipe.name}/{stage}",
            root=exposure.root,
            rows=exposure.rows,
            step=exposure.steps,
            recorded_at=now,
            manifest=recipe.manifest,
            policy=Policy().digest.removeprefix("sha256:"),
            model=model,
        )
        for stage, exposure in provenance.exposure.items()
    ]
    ledger.add([record for record in records if (record.run, record.root, record.model) not in known])

"""What was made from clips, as it lies under LANGIT_HOME: models, LoRAs, runs with exposure logs, cached latents.

Reads what other rooms have written, without loading torch, so that answers are quick. Knows nothing of whose the clips
are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

import langit
from langit.bundle.provenance import FILE as PROVENANCE
from langit.bundle.provenance import ExposureRecord, Provenance, Undisclosed
from langit.config import parse_json
from langit.files import sha256
from langit.ledger.artifacts import TUNED, Artifacts, ExposureFile, Latents, TrainedModel, TrainingStage
from langit.ledger.exposure_columns import count_rows
from langit.ledger.shipped import BASE

NO_STATE = {"origin": "a ledger whose state was not noted", "size": 0, "root": hashlib.sha256(b"").hexdigest()}
CHECKPOINT = re.compile(r"step-(\d{8})")  # the names of `train.checkpoint`


def find_artifacts(home: Path) -> Artifacts:
    """All models (those that ship as well), runs and latents under ``home``; what cannot be read is left out.

    The models include those whose records alone came with another that began from them.
    """
    runs = _runs(home / "runs")
    logs = [log for stages in runs.values() for log in stages]
    packaged = Path(str(resources.files(langit))) / "weights"
    models = []
    bundles = {*home.glob("models/*"), *packaged.glob("*")}
    records = sorted(folder / part for folder in bundles for part in (PROVENANCE, f"{BASE}/{PROVENANCE}"))
    for file in filter(Path.is_file, records):
        try:
            models.append(read_model(file.parent, logs))
        except ValueError:
            continue  # half a bundle, or another program's: `langit bundle check` says what is wrong with it
    models += _tuned(home, logs)
    return Artifacts(tuple(models), runs, tuple(_latents(home / "latents")), _undisclosed(home))


def _tuned(home: Path, logs: Iterable[ExposureFile]) -> Iterable[TrainedModel]:
    """What `langit tune` made: LoRA files, and models all of whose weights were tuned, with their own records."""
    for file in sorted({*home.glob("loras/*.safetensors"), *home.glob(f"tuned/*/{TUNED}")}):
        try:
            text = _tuning_record(file)
            record = parse_json(text, str(file))
            seen, base, ledger = record["exposure"], record["base"], record.get("ledger", NO_STATE)
            stage = ExposureRecord(str(seen["root"]), int(seen["rows"]), int(seen["steps"]))
            yield TrainedModel(
                name=file.stem if file.name != TUNED else file.parent.name,
                digest=sha256(file),  # as the ledger's entry on the run names it
                place=file if file.name != TUNED else file.parent,
                origin=str(ledger["origin"]),
                ledger_size=int(ledger["size"]),
                ledger_root=str(ledger["root"]),
                stages=(_stage("tuning", stage, logs),),
                films={},
                provenance=json.dumps({"files": {}, "tuning": record}),
                version=f"tuned from {base['model']}",
                base=str(base["digest"]).removeprefix("sha256:"),
                tuned=True,
            )
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
            continue  # another program's LoRA, or a damaged file


def _tuning_record(file: Path) -> bytes:
    if file.name == TUNED:
        return file.read_bytes()
    with safe_open(file, framework="numpy") as tensors:
        text: str = (tensors.metadata() or {})["langit"]
    return text.encode()


def _undisclosed(home: Path) -> dict[str, str]:
    """What is known of models whose makers do not disclose what they were trained on, by digest."""
    found: dict[str, str] = {}
    for file in sorted({*home.glob(f"models/*/{PROVENANCE}"), *home.glob(f"open-weights/*/{PROVENANCE}")}):
        try:
            provenance = Provenance.parse(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(provenance.ledger, Undisclosed):
            base = provenance.recipe.get("base")
            licence = f", {base.get('licence')}, {base.get('source')}" if isinstance(base, dict) else ""
            found[provenance.digest.removeprefix("sha256:")] = (
                f"model {provenance.model}{licence}: its makers, {provenance.ledger.makers}, do not disclose what it"
                " was trained on"
            )
    return found


def read_model(folder: Path, logs: Iterable[ExposureFile] = ()) -> TrainedModel:
    """What a bundle says about its training; stages are joined with those ``logs`` that have the roots it names.

    Raises:
        ValueError: the folder is not a whole bundle, or the model's makers do not disclose its training data.
    """
    if not (folder / PROVENANCE).is_file():
        raise ValueError(f"{folder} has no {PROVENANCE}: give the name of a model, or the folder of its bundle")
    try:
        text = (folder / PROVENANCE).read_text(encoding="utf-8")
        provenance = Provenance.parse(text)
        films = _films(folder / provenance.films.file) if provenance.films else {}
        fps = _fps(folder)
        stages = _in_order(provenance.exposure, provenance.recipe)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder} holds no whole model ({type(error).__name__}: {error}): get it again") from error
    if isinstance(provenance.ledger, Undisclosed):
        raise ValueError(f"{folder}: its makers, {provenance.ledger.makers}, do not disclose what it was trained on")
    return TrainedModel(
        name=provenance.model,
        digest=provenance.digest.removeprefix("sha256:"),
        place=folder,
        origin=provenance.ledger.origin,
        ledger_size=provenance.ledger.size,
        ledger_root=provenance.ledger.root,
        stages=tuple(_stage(name, provenance.exposure[name], logs) for name in stages),
        films=films,
        provenance=text,
        version=provenance.version,
        fps=fps,
        base=None if provenance.base is None else provenance.base.removeprefix("sha256:"),
    )


def _in_order(stages: Iterable[str], recipe: Mapping[str, Any]) -> list[str]:
    """Stages as they were trained: the autoencoder's, then as the recipe lists them, then any others."""
    # Recipes before there were several autoencoder stages did not list the one that there was.
    tables = ({"name": "autoencoder"}, *recipe.get("autoencoder_stages", ()), *recipe.get("stages", ()))
    listed = dict.fromkeys(table["name"] for table in tables if isinstance(table, dict))
    names = list(stages)
    first = [name for name in listed if name in names]
    return [*first, *(name for name in names if name not in first)]


def _stage(name: str, record: ExposureRecord, logs: Iterable[ExposureFile]) -> TrainingStage:
    # Sizes first: a root takes a pass over the whole log.
    fitting = (log for log in logs if count_rows(log.path) == record.rows and log.root == record.root)
    return TrainingStage(name, record.root, record.rows, record.steps, next(fitting, None))


def _films(path: Path) -> dict[int, str]:
    """Entries and content hashes of a bundle's table of films."""
    with safe_open(path, framework="numpy") as file:
        entries, pixels = file.get_tensor("entry"), file.get_tensor("pixels")
    return {int(entry): row.tobytes().hex() for entry, row in zip(entries, pixels, strict=True)}


def _fps(folder: Path) -> float | None:
    index = folder / "model_index.json"
    plain = parse_json(index.read_bytes(), str(index)) if index.is_file() else {}
    return float(plain["fps"]) if "fps" in plain else None


def _runs(folder: Path) -> dict[str, tuple[ExposureFile, ...]]:
    """Runs by name, their stages in order of training: each stage's log is older than the next one's."""
    runs: dict[str, list[ExposureFile]] = {}
    for path in folder.glob("**/exposure.log"):
        parts = path.parent.relative_to(folder).parts
        steps = {int(match[1]): item for item in path.parent.iterdir() if (match := CHECKPOINT.fullmatch(item.name))}
        log = ExposureFile(parts[0], "/".join(parts[1:]) or parts[0], path, dict(sorted(steps.items())))
        runs.setdefault(log.run, []).append(log)
    return {
        run: tuple(sorted(runs[run], key=lambda log: (log.stage != "autoencoder", log.path.stat().st_mtime_ns)))
        for run in sorted(runs)
    }


def _latents(folder: Path) -> Iterable[Latents]:
    for path in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                clips = json.loads((file.metadata() or {})["clips"])
        except (SafetensorError, KeyError, ValueError):
            continue  # damaged: it is encoded again before it is read
        yield Latents(path, tuple(clips))

"""What a home holds that came of clips, read off its disk: models, runs and their exposure logs, cached latents.

Reads what the rooms that write these have written, and needs none of their libraries: answers are quick. Knows nothing
of whose the clips are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

import langit
from langit import config
from langit.ledger.artifacts import Artifacts, ExposureFile, Latents, TrainedModel, TrainingStage
from langit.ledger.exposures import ROW

STEP = re.compile(r"step-(\d{8})")
PROVENANCE = "provenance.json"


def find_artifacts(home: Path) -> Artifacts:
    """All models (those that ship as well), runs and latents under ``home``; what cannot be read is passed over."""
    runs = _runs(home / "runs")
    logs = [log for stages in runs.values() for log in stages]
    packaged = Path(str(resources.files(langit))) / "weights"
    models = []
    for folder in sorted({*home.glob(f"models/*/{PROVENANCE}"), *packaged.glob(f"*/{PROVENANCE}")}):
        try:
            models.append(read_model(folder.parent, logs))
        except ValueError:
            continue  # half a bundle, or another program's: `langit bundle check` says what is wrong with it
    return Artifacts(tuple(models), runs, tuple(_latents(home / "latents")))


def read_model(folder: Path, logs: Iterable[ExposureFile] = ()) -> TrainedModel:
    """What a bundle says of its training; stages are joined with the ``logs`` that have the roots it names.

    Raises:
        ValueError: the folder holds no provenance, or not a whole one.
    """
    try:
        text = (folder / PROVENANCE).read_text(encoding="utf-8")
        said = json.loads(text)
        plain = {key: said[key] for key in said if key != "recipe_hash"}
        ledger, stages = said["ledger"], said["exposure"]
        films = _films(folder / said["films"]["file"]) if said["films"] else {}
        return TrainedModel(
            name=said["model"],
            digest=config.digest_of(plain).removeprefix("sha256:"),
            place=folder,
            origin=ledger["origin"],
            ledger_size=ledger["size"],
            ledger_root=ledger["root"],
            stages=tuple(_stage(name, stages[name], logs) for name in _in_order(stages, said["recipe"])),
            films=films,
            provenance=text,
            version=said["version"],
            fps=_fps(folder),
        )
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder} holds no whole model ({type(error).__name__}: {error}): get it again") from error


def _in_order(stages: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[str]:
    """Stages as they were trained: the autoencoder's, then as the recipe lists them, then any others."""
    tables = ({"name": "autoencoder"}, *recipe.get("autoencoder_stages", ()), *recipe.get("stages", ()))
    listed = dict.fromkeys(table["name"] for table in tables if isinstance(table, dict))
    first = [name for name in listed if name in stages]
    return [*first, *(name for name in stages if name not in first)]


def _stage(name: str, said: Mapping[str, Any], logs: Iterable[ExposureFile]) -> TrainingStage:
    fitting = (log for log in logs if log.path.stat().st_size == said["rows"] * ROW.size and log.root == said["root"])
    return TrainingStage(name, said["root"], said["rows"], said["steps"], next(fitting, None))


def _films(path: Path) -> dict[int, str]:
    """Entries and content hashes of a bundle's table of films."""
    with safe_open(path, framework="numpy") as file:
        entries, pixels = file.get_tensor("entry"), file.get_tensor("pixels")
    return {int(entry): row.tobytes().hex() for entry, row in zip(entries, pixels, strict=True)}


def _fps(folder: Path) -> float | None:
    index = folder / "model_index.json"
    said = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}
    return float(said["fps"]) if "fps" in said else None


def _runs(folder: Path) -> dict[str, tuple[ExposureFile, ...]]:
    """Runs by name, their stages in order of training: each stage's log is older than the next one's."""
    found: dict[str, list[ExposureFile]] = {}
    for path in folder.glob("**/exposure.log"):
        where = path.parent.relative_to(folder).parts
        steps = {int(match[1]): item for item in path.parent.iterdir() if (match := STEP.fullmatch(item.name))}
        log = ExposureFile(where[0], "/".join(where[1:]) or where[0], path, dict(sorted(steps.items())))
        found.setdefault(log.run, []).append(log)
    return {
        run: tuple(sorted(found[run], key=lambda log: (log.stage != "autoencoder", log.path.stat().st_mtime_ns)))
        for run in sorted(found)
    }


def _latents(folder: Path) -> Iterable[Latents]:
    for path in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                clips = json.loads((file.metadata() or {})["clips"])
        except (SafetensorError, KeyError, ValueError):
            continue  # damaged: it is encoded again before it is read
        yield Latents(path, tuple(clips))

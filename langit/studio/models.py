"""Which models are here, which are known, and what is missing to run one. Reads configs, and downloads nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from langit import config
from langit.bundle.places import packaged_models, read_provenance
from langit.bundle.provenance import FILE, Undisclosed
from langit.families import hub
from langit.families.conditioning import check_given
from langit.families.folder import INDEX, CheckpointFolder, is_checkpoint, read_checkpoint
from langit.families.load import is_open_weights
from langit.families.scheduler import read_scheduler
from langit.families.table import FAMILIES, Family, preset_for
from langit.generate.settings import OpenSampling
from langit.studio.options import StudioOptions
from langit.studio.request import StudioRequest

Where = Literal["shipped", "home", "hub cache", "folder", "known"]
NEEDED: Final = ("diffusers", "ftfy")
"""Packages of the extra ``open-weights`` without which nothing of it runs."""
TEXT_PARAMETERS: Final = 5.68e9
"""Of UMT5-XXL, which every family reads prompts with."""


@dataclass(frozen=True)
class ModelEntry:
    """A model that is here, or a family that is known.

    name: for ``--model``.
    title: what it is.
    place: its folder; empty for a family of which nothing is here.
    training: what is said of its training data.
    gigabytes: of its weights on disk, or of those that a download would bring, in bf16.
    memory: GPU memory that its makers name, in GB; empty if they name none.
    missing: what it takes to run it here; empty if nothing is missing.
    """

    name: str
    where: Where
    title: str
    place: str = ""
    licence: str = ""
    training: str = ""
    gigabytes: float = 0.0
    memory: str = ""
    missing: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The entry as plain values for JSON."""
        return {**asdict(self), "gigabytes": round(self.gigabytes, 3), "missing": list(self.missing)}


def list_models() -> tuple[ModelEntry, ...]:
    """All models that are here, then the families of which nothing is here."""
    here = (*_bundles(packaged_models(), "shipped"), *_bundles(config.home() / "models", "home"), *_cached())
    found = {entry.name for entry in here}
    return (*here, *(_known(family) for family in FAMILIES if not found & set(family.repositories)))


def describe_model(place: str) -> ModelEntry:
    """One model by its name, folder or hub name; families also by their own names.

    Raises:
        ValueError: there is none.
    """
    if is_checkpoint(Path(place)):
        return _checkpoint(read_checkpoint(Path(place)), "folder")
    listed = list_models()
    entry = next((each for each in listed if each.name == place), None)
    if entry is not None:
        return entry
    family = next((each for each in FAMILIES if place in (each.name, *each.repositories)), None)
    if family is None:
        names = ", ".join(each.name for each in listed)
        raise ValueError(f"no model {place!r} is here or known: there are {names}; or give a folder")
    return replace(_known(family), name=place if "/" in place else family.repositories[0])


def check_requests(place: str | Path, requests: Iterable[StudioRequest]) -> None:
    """Refuse requests that a family of open weights cannot take, before anything is downloaded or loaded.

    Raises:
        ValueError: names the family, and families that can.
    """
    family = _family_of(str(place)) if is_open_weights(place) else None
    if family is None:
        return
    for request in requests:
        for given in request.given_kinds(family.frames / family.fps):
            check_given(given, family)


def check_options(place: str | Path, options: StudioOptions) -> None:
    """Refuse options that open weights would not be sampled with, before they are downloaded or loaded.

    Raises:
        ValueError: an option has a wrong value, or does not count.
    """
    name, family = str(place), _family_of(str(place)) if is_open_weights(place) else None
    if family is None:
        return  # a bundle of this project opens at once; a repository that nobody knows says more when it is read
    folder = hub.cached_folder(name) if hub.is_hub_name(name) else Path(name)
    if folder is None:
        reading = read_scheduler(None, family, preset_for(name), None)
    else:
        checkpoint = read_checkpoint(folder, name if hub.is_hub_name(name) else None)
        reading = read_scheduler(
            checkpoint.scheduler, family, checkpoint.preset, checkpoint.index.get("boundary_ratio")
        )
    options.check_for_open_weights(config.load(OpenSampling, dict(reading.sampling)))


def _family_of(place: str) -> Family | None:
    """The family of a folder or of a repository in the cache, or of a name that is known; None where neither tells."""
    if not hub.is_hub_name(place):
        return read_checkpoint(Path(place)).family if is_checkpoint(Path(place)) else None
    cached = hub.cached_folder(place)
    if cached is not None:
        try:
            return read_checkpoint(cached, place).family
        except ValueError:
            return None  # not whole: the download that follows completes it, or says what is wrong
    return next((family for family in FAMILIES if place in family.repositories), None)


def missing_packages() -> tuple[str, ...]:
    """What has to be installed before open weights run."""
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    return (f"{' and '.join(absent)} (pip install 'langit[open-weights]')",) if absent else ()


def _bundles(folder: Path, where: Where) -> Iterator[ModelEntry]:
    for path in sorted(folder.glob(f"*/{FILE}")):
        place = path.parent
        if not (place / INDEX).is_file():
            continue  # a judge, not a model that generates
        try:
            provenance = read_provenance(place)
        except ValueError as error:
            yield ModelEntry(place.name, where, "damaged", str(place), missing=(str(error),))
            continue
        ledger = provenance.ledger
        said = (
            f"not disclosed by {ledger.makers}" if isinstance(ledger, Undisclosed) else f"on record in {ledger.origin}"
        )
        lost = tuple(f"{name} is missing" for name in provenance.files if not (place / name).is_file())
        size = sum((place / name).stat().st_size for name in provenance.files if (place / name).is_file())
        licence = "Apache-2.0" if where == "shipped" else ""
        yield ModelEntry(
            place.name, where, f"version {provenance.version}", str(place), licence, said, size / 1e9, missing=lost[:3]
        )


def _cached() -> Iterator[ModelEntry]:
    """Repositories in the hub's cache that are of a known family, whole or not."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return
    for repository in sorted(repositories, key=lambda each: each.repo_id):
        folder = hub.cached_folder(repository.repo_id) if repository.repo_type == "model" else None
        if folder is None:
            continue
        try:
            yield _checkpoint(read_checkpoint(folder, repository.repo_id), "hub cache")
        except ValueError as error:
            known = next((each for each in FAMILIES if repository.repo_id in each.repositories), None)
            if known is not None:
                yield replace(_known(known), name=repository.repo_id, where="hub cache", missing=(str(error),))


def _checkpoint(checkpoint: CheckpointFolder, where: Where) -> ModelEntry:
    family = checkpoint.family
    return ModelEntry(
        name=checkpoint.name if where == "hub cache" else str(checkpoint.folder),
        where=where,
        title=family.title + (f", for {len(checkpoint.preset.timesteps)} steps" if checkpoint.preset else ""),
        place=str(checkpoint.folder),
        licence=checkpoint.licence,
        training=f"not disclosed by {family.makers}",
        gigabytes=sum(checkpoint.bytes.values()) / 1e9,
        memory=family.memory,
        missing=missing_packages(),
    )


def _known(family: Family) -> ModelEntry:
    size = 2 * (family.parameters + TEXT_PARAMETERS) / 1e9
    return ModelEntry(
        name=family.repositories[0],
        where="known",
        title=family.title,
        licence=family.licence,
        training=f"not disclosed by {family.makers}",
        gigabytes=size,
        memory=family.memory,
        missing=(*missing_packages(), f"its weights: about {size:.0f} GB in bf16, downloaded when it is first used"),
    )

"""The plan: a Daft query from files to clips that runs on Daft's native runner and on Ray.

`PLAN` lists its steps. A step adds columns or a drop reason; later steps skip rows that have a reason but keep them.
The first steps work on files; `split_segments` makes one row per segment; the others work on clips. Every frame is
decoded once, by `measure`, for all later steps.

It knows nothing of the ledger except the rights of each file, which it is given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

# Before Daft is imported: it would report its use to its makers.
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("DAFT_ANALYTICS_ENABLED", "0")

import daft
import pyarrow as pa
from daft import DataFrame, DataType, Expression, Series, col

from langit.curate.examine import MEASUREMENTS, STILL, Row, examine, file_hash, probe
from langit.curate.faces import people
from langit.curate.limits import RULES, ClipMeasures, DropReason
from langit.curate.measures import BlackBars
from langit.curate.settings import Curation

REASON = DataType.struct({"stage": DataType.string(), "reason": DataType.string(), "detail": DataType.string()})
MEASUREMENT = DataType.from_arrow_type(pa.struct(list(MEASUREMENTS)))


@dataclass(frozen=True)
class SourceRights:
    """What the ledger says about a file: its source's digest, and whether and by which rule it may be used."""

    source: str
    allowed: bool
    verdict: str
    rule: str


@dataclass(frozen=True)
class PlanContext:
    """What the steps need: the settings, the rights of each file by its SHA-256, and a folder for measurements."""

    curation: Curation
    rights: Mapping[str, SourceRights]
    cache: Path


@dataclass(frozen=True)
class PlanStep:
    """A named step of the plan."""

    name: str
    apply: Callable[[DataFrame, PlanContext], DataFrame]


def _udf(function: Callable[..., Any], kind: DataType, *inputs: str) -> Expression:
    """Wrap a function of one row as an expression; batches of one row, so that rows run in parallel."""

    def apply(*columns: Series) -> list[Any]:
        return [function(*values) for values in zip(*(column.to_pylist() for column in columns), strict=True)]

    return daft.func.batch(return_dtype=kind, batch_size=1)(apply)(*(col(name) for name in inputs))


def _skip_dropped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function of a row: its first value is the drop reason, and with one the function is not called."""

    def wrapped(reason: Any, *values: Any) -> Any:
        return None if reason is not None else function(*values)

    return wrapped


def _add_reason(frame: DataFrame, reason: Expression) -> DataFrame:
    """Set the drop reason where there is none yet."""
    return frame.with_column("new", reason).with_column("drop", daft.coalesce(col("drop"), col("new"))).exclude("new")


def probe_files(frame: DataFrame, _: PlanContext) -> DataFrame:
    """Read each file's size and rate."""
    kind = DataType.struct(
        {"width": DataType.int64(), "height": DataType.int64(), "fps": DataType.string(), "reason": REASON}
    )
    frame = frame.with_column("info", _udf(lambda *row: asdict(probe(*row)), kind, "place", "refused"))
    frame = frame.with_columns({name: col("info")[name] for name in ("width", "height", "fps")})
    return frame.with_column("drop", col("info")["reason"]).exclude("info", "refused")


def hash_files(frame: DataFrame, _: PlanContext) -> DataFrame:
    """Hash each file's bytes."""
    return frame.with_column("sha256", _udf(_skip_dropped(file_hash), DataType.string(), "drop", "place"))


def check_rights(frame: DataFrame, context: PlanContext) -> DataFrame:
    """Drop files that the ledger does not know or does not allow."""
    rights = dict(context.rights)

    def judge(sha256: str) -> dict[str, str] | None:
        known = rights.get(sha256)
        if known is None:
            detail = "the ledger does not know this file: add it with langit ledger add"
            return asdict(DropReason("rights", "unknown", detail))
        return None if known.allowed else asdict(DropReason("rights", known.verdict, known.rule))

    def source(sha256: str | None) -> str | None:
        return rights[sha256].source if sha256 in rights else None

    frame = frame.with_column("source", _udf(source, DataType.string(), "sha256"))
    return _add_reason(frame, _udf(_skip_dropped(judge), REASON, "drop", "sha256"))


def measure(frame: DataFrame, context: PlanContext) -> DataFrame:
    """Decode each file once: shots, motion, sharpness, black bars, lettering, fingerprints, small pictures."""
    settings, cache = context.curation.survey, context.cache

    def measure_file(place: str, sha256: str, fps: str) -> dict[str, Any]:
        rows = examine(place, sha256, fps, settings, cache)
        if isinstance(rows, DropReason):
            return {"reason": asdict(rows), "rows": []}
        if not rows:
            return {"reason": asdict(DropReason("decode", "unreadable", "the file contains no frames")), "rows": []}
        return {"reason": None, "rows": rows}

    kind = DataType.struct({"reason": REASON, "rows": DataType.list(MEASUREMENT)})
    frame = frame.with_column("measured", _udf(_skip_dropped(measure_file), kind, "drop", "place", "sha256", "fps"))
    return _add_reason(frame, col("measured")["reason"])


def split_segments(frame: DataFrame, _: PlanContext) -> DataFrame:
    """Make one row per segment; a file that was dropped keeps its one row."""
    frame = frame.with_column("row", col("measured")["rows"]).exclude("measured").explode("row")
    return frame.with_columns({name: col("row")[name] for name in MEASUREMENTS.names}).exclude("row")


def _rule_step(number: int) -> Callable[[DataFrame, PlanContext], DataFrame]:
    """A rule of `limits` as a step. By number, because Ray has to pickle what a step refers to."""

    def apply(frame: DataFrame, context: PlanContext) -> DataFrame:
        check, limits = RULES[number][1], context.curation.limits

        def decide(*values: Any) -> dict[str, str] | None:
            reason = check(clip_measures(dict(zip(_MEASURED, values, strict=True))), limits)
            return None if reason is None else asdict(reason)

        return _add_reason(frame, _udf(_skip_dropped(decide), REASON, "drop", *_MEASURED))

    return apply


_MEASURED = ("fps", "starts_at", "ends_at", "width", "height", "whole", "inside", "sharpness", "text", "bars")


def clip_measures(row: Row) -> ClipMeasures:
    """A row's measurements as the rules take them."""
    seconds = float(Fraction(row["ends_at"]) - Fraction(row["starts_at"]))
    values = (row["whole"], row["inside"], row["sharpness"], row["text"])
    still = row["fps"] == STILL
    return ClipMeasures(seconds, row["width"], row["height"], *values, BlackBars(*row["bars"]), still)


def count_faces(frame: DataFrame, context: PlanContext) -> DataFrame:
    """Count the people in the small pictures of clips that have not been dropped."""
    settings = context.curation.faces

    def count(pictures: list[bytes]) -> int | None:
        return people(pictures, settings) if settings.look else None

    return frame.with_column("faces", _udf(_skip_dropped(count), DataType.int64(), "drop", "pictures"))


PLAN: tuple[PlanStep, ...] = (
    PlanStep("probe", probe_files),
    PlanStep("hash", hash_files),
    PlanStep("rights", check_rights),
    PlanStep("signals", measure),
    PlanStep("segments", split_segments),
    *(PlanStep(name, _rule_step(number)) for number, (name, _) in enumerate(RULES)),
    PlanStep("faces", count_faces),
)
"""The steps on single files and clips. `run` continues with those that need all clips: likeness, near-duplicates,
captions, records."""


def use_engine(engine: str) -> None:
    """Choose Daft's runner, ``native`` or ``ray``, for the whole process.

    Raises:
        ValueError: the engine is unknown, or this process already runs on the other one.
    """
    if engine not in ("native", "ray"):
        raise ValueError(f"engine {engine!r} is unknown: use native or ray")
    chosen = daft.get_or_infer_runner_type()
    if chosen == engine:
        return
    if engine == "native":
        raise ValueError(f"Daft runs on {chosen} in this process: start a new process for the native engine")
    import ray

    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # the default is too short on a busy machine
    if "RAY_ADDRESS" not in os.environ and not ray.is_initialized():
        # Without an address, a cluster on this machine only, which opens no dashboard.
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="warning")
    try:
        daft.set_runner_ray()
    except daft.exceptions.DaftCoreException as error:
        raise ValueError("Daft runs natively in this process: start a new process for ray") from error


def run_plan(files: Sequence[Mapping[str, Any]], context: PlanContext) -> list[Row]:
    """Run the plan over files (``title``, ``place``, ``refused``); return rows of clips and of drops, in order."""
    columns = {name: [file[name] for file in files] for name in ("title", "place", "refused")}
    frame = daft.from_pydict(
        {name: Series.from_pylist(values, name).cast(DataType.string()) for name, values in columns.items()}
    )
    for step in PLAN:
        frame = step.apply(frame, context)
    rows: list[Row] = frame.to_pylist()
    order = {file["title"]: number for number, file in enumerate(files)}  # Daft returns rows in any order
    return sorted(rows, key=lambda row: (order[row["title"]], row["start"] or 0))

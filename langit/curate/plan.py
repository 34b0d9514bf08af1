"""The plan: from files to clips, step by step, as a Daft query that the native runner and Ray both run.

`PLAN` can be read aloud. A step adds columns or a reason; what has a reason is passed over by the steps after it and is
never lost. Steps on files look at one file each; `stretches` makes a row of every stretch; then come steps on clips.
Each pixel is decoded once, by `signals`, which measures all that the later steps judge.

Knows nothing of the ledger but the verdicts that it is given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

os.environ.setdefault("DO_NOT_TRACK", "true")  # Daft would tell its makers that it is used
os.environ.setdefault("DAFT_ANALYTICS_ENABLED", "0")

import daft
import pyarrow as pa
from daft import DataFrame, DataType, Expression, Series, col

from langit.curate.examine import FIGURES, Figures, examine, hashed, probe
from langit.curate.faces import people
from langit.curate.limits import RULES, ClipMeasures, DropReason
from langit.curate.measures import BlackBars
from langit.curate.settings import Curation

REASON = DataType.struct({"stage": DataType.string(), "reason": DataType.string(), "detail": DataType.string()})
FIGURE = DataType.from_arrow_type(pa.struct(list(FIGURES)))


@dataclass(frozen=True)
class SourceRights:
    """What the ledger says of a file by its hash: the source's digest, and why it may not be used, if so."""

    source: str
    allowed: bool
    verdict: str
    rule: str


@dataclass(frozen=True)
class PlanContext:
    """What the steps need: the settings, the ledger's word on each file by its SHA-256, a folder to keep figures in."""

    curation: Curation
    standing: Mapping[str, SourceRights]
    cache: Path


@dataclass(frozen=True)
class PlanStep:
    """A named part of the plan."""

    name: str
    apply: Callable[[DataFrame, PlanContext], DataFrame]


def _udf(make: Callable[..., Any], kind: DataType, *inputs: str) -> Expression:
    """A function of one row as an expression; one row at a time, so that rows run beside each other."""

    def whole(*columns: Series) -> list[Any]:
        return [make(*values) for values in zip(*(column.to_pylist() for column in columns), strict=True)]

    return daft.func.batch(return_dtype=kind, batch_size=1)(whole)(*(col(name) for name in inputs))


def _unless(make: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a row that is passed over where its first value, the reason, is there."""

    def passed(reason: Any, *values: Any) -> Any:
        return None if reason is not None else make(*values)

    return passed


def _reasoned(frame: DataFrame, found: Expression) -> DataFrame:
    """Note a reason where there is none yet."""
    return frame.with_column("new", found).with_column("drop", daft.coalesce(col("drop"), col("new"))).exclude("new")


def probing(frame: DataFrame, _: PlanContext) -> DataFrame:
    """What is it, and can it be read?"""
    kind = DataType.struct(
        {"width": DataType.int64(), "height": DataType.int64(), "fps": DataType.string(), "reason": REASON}
    )
    frame = frame.with_column("info", _udf(lambda *row: asdict(probe(*row)), kind, "place", "refused"))
    frame = frame.with_columns({name: col("info")[name] for name in ("width", "height", "fps")})
    return frame.with_column("drop", col("info")["reason"]).exclude("info", "refused")


def hashing(frame: DataFrame, _: PlanContext) -> DataFrame:
    """Which bytes are they?"""
    return frame.with_column("sha256", _udf(_unless(hashed), DataType.string(), "drop", "place"))


def rights(frame: DataFrame, given: PlanContext) -> DataFrame:
    """Whose is it, and may it be learnt from?"""
    standing = dict(given.standing)

    def judge(sha256: str) -> dict[str, str] | None:
        known = standing.get(sha256)
        if known is None:
            said = "the ledger does not know whose it is: langit ledger add enters it"
            return asdict(DropReason("rights", "unknown", said))
        return None if known.allowed else asdict(DropReason("rights", known.verdict, known.rule))

    def source(sha256: str | None) -> str | None:
        return standing[sha256].source if sha256 in standing else None

    frame = frame.with_column("source", _udf(source, DataType.string(), "sha256"))
    return _reasoned(frame, _udf(_unless(judge), REASON, "drop", "sha256"))


def signals(frame: DataFrame, given: PlanContext) -> DataFrame:
    """Shots, motion, sharpness, black bars, lettering, fingerprints, small pictures: decoded once."""
    settings, cache = given.curation.survey, given.cache

    def look(place: str, sha256: str, fps: str) -> dict[str, Any]:
        found = examine(place, sha256, fps, settings, cache)
        if isinstance(found, DropReason):
            return {"reason": asdict(found), "figures": []}
        if not found:
            return {"reason": asdict(DropReason("decode", "unreadable", "it holds no frame")), "figures": []}
        return {"reason": None, "figures": found}

    kind = DataType.struct({"reason": REASON, "figures": DataType.list(FIGURE)})
    frame = frame.with_column("looked", _udf(_unless(look), kind, "drop", "place", "sha256", "fps"))
    return _reasoned(frame, col("looked")["reason"])


def stretches(frame: DataFrame, _: PlanContext) -> DataFrame:
    """A row for each stretch; a file that was dropped keeps its one row."""
    frame = frame.with_column("figure", col("looked")["figures"]).exclude("looked").explode("figure")
    return frame.with_columns({name: col("figure")[name] for name in FIGURES.names}).exclude("figure")


def _rule(number: int) -> Callable[[DataFrame, PlanContext], DataFrame]:
    """A rule of `limits` as a step."""

    def apply(frame: DataFrame, given: PlanContext) -> DataFrame:
        judge, limits = RULES[number][1], given.curation.limits

        def decide(*values: Any) -> dict[str, str] | None:
            found = judge(measured(dict(zip(_MEASURED, values, strict=True))), limits)
            return None if found is None else asdict(found)

        return _reasoned(frame, _udf(_unless(decide), REASON, "drop", *_MEASURED))

    return apply


_MEASURED = ("starts_at", "ends_at", "width", "height", "whole", "inside", "sharpness", "text", "bars")


def measured(row: Figures) -> ClipMeasures:
    """A row's figures as the rules take them."""
    seconds = float(Fraction(row["ends_at"]) - Fraction(row["starts_at"]))
    figures = (row["whole"], row["inside"], row["sharpness"], row["text"])
    return ClipMeasures(seconds, row["width"], row["height"], *figures, BlackBars(*row["bars"]))


def looking_for_faces(frame: DataFrame, given: PlanContext) -> DataFrame:
    """How many people can be seen? Looked for in the small pictures of clips that are still in."""
    settings = given.curation.faces

    def count(pictures: list[bytes]) -> int | None:
        return people(pictures, settings) if settings.look else None

    return frame.with_column("faces", _udf(_unless(count), DataType.int64(), "drop", "pictures"))


PLAN: tuple[PlanStep, ...] = (
    PlanStep("probe", probing),
    PlanStep("hash", hashing),
    PlanStep("rights", rights),
    PlanStep("signals", signals),
    PlanStep("stretches", stretches),
    *(PlanStep(name, _rule(number)) for number, (name, _) in enumerate(RULES)),
    PlanStep("faces", looking_for_faces),
)
"""Then, over all clips at once and in `run`: likeness, near-duplicates, captions, records."""


def use(engine: str) -> None:
    """Choose Daft's runner, ``native`` or ``ray``, for the whole process.

    Raises:
        ValueError: another engine, or one was chosen before.
    """
    if engine not in ("native", "ray"):
        raise ValueError(f"engine {engine!r} is not one of native, ray")
    chosen = daft.get_or_infer_runner_type()
    if chosen == engine:
        return
    if engine == "native":
        raise ValueError(f"Daft runs on {chosen} in this process: start another one for the native engine")
    import ray

    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine takes its time
    if "RAY_ADDRESS" not in os.environ and not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="warning")  # on this machine alone
    try:
        daft.set_runner_ray()
    except daft.exceptions.DaftCoreException as error:
        raise ValueError("Daft's native runner was used in this process: start another one for ray") from error


def walk(rows: Sequence[Mapping[str, Any]], given: PlanContext) -> list[Figures]:
    """The plan over files (``title``, ``place``, ``refused``), to rows of clips and of what was dropped, in order."""
    schema = {name: [row[name] for row in rows] for name in ("title", "place", "refused")}
    frame = daft.from_pydict(
        {name: Series.from_pylist(values, name).cast(DataType.string()) for name, values in schema.items()}
    )
    for step in PLAN:
        frame = step.apply(frame, given)
    found: list[Figures] = frame.to_pylist()
    order = {row["title"]: number for number, row in enumerate(rows)}
    return sorted(found, key=lambda row: (order[row["title"]], row["start"] or 0))

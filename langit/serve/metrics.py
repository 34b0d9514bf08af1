"""Figures for Prometheus: the queue from the database, and the workers' durations from their heartbeats.

Every server answers for all: what is shown does not depend on which one is asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from langit.serve import database as tables
from langit.serve.database import Database
from langit.serve.figures import BOUNDS

STAGES: Final = {
    "step": "Seconds of a denoising step.",
    "sampling": "Seconds from the beginning of a job to its last step.",
    "release": "Seconds at the door: decoding streams, gates, watermark, encoding, signature, ledger.",
    "job": "Seconds of a job from its beginning to its end.",
}


@dataclass(frozen=True)
class DatabaseCollector(Collector):
    """Reads all figures when they are asked for."""

    database: Database

    def collect(self) -> Iterator[Metric]:
        """The figures as they stand."""
        table = tables.jobs
        with self.database.engine.connect() as connection:
            counts = connection.execute(
                sa.select(table.c.status, sa.func.count()).where(table.c.deleted.is_(False)).group_by(table.c.status)
            ).all()
            oldest = connection.execute(
                sa.select(sa.func.min(table.c.created_at)).where(table.c.status == "queued", table.c.deleted.is_(False))
            ).scalar()
            undelivered = connection.execute(
                sa.select(sa.func.count())
                .select_from(tables.deliveries)
                .where(tables.deliveries.c.delivered_at.is_(None))
            ).scalar_one()
            workers = connection.execute(sa.select(tables.workers)).all()
        by_status = dict.fromkeys(("queued", "in_progress", "completed", "failed"), 0) | {
            str(status): int(count) for status, count in counts
        }
        depth = GaugeMetricFamily("langit_queue_depth", "Jobs that wait for a worker.")
        depth.add_metric([], by_status["queued"])
        yield depth
        waited = GaugeMetricFamily("langit_queue_oldest_seconds", "How long the oldest of them has waited.")
        waited.add_metric([], 0.0 if oldest is None else max(0.0, time.time() - oldest))
        yield waited
        running = GaugeMetricFamily("langit_jobs_running", "Jobs that a worker makes.")
        running.add_metric([], by_status["in_progress"])
        yield running
        ended = CounterMetricFamily("langit_jobs_ended", "Jobs that are over and not deleted.", labels=["status"])
        for status in ("completed", "failed"):
            ended.add_metric([status], by_status[status])
        yield ended
        open_deliveries = GaugeMetricFamily("langit_webhooks_undelivered", "Webhook deliveries without success so far.")
        open_deliveries.add_metric([], undelivered)
        yield open_deliveries
        alive = GaugeMetricFamily("langit_workers", "Worker processes that give signs of life.")
        alive.add_metric([], len(workers))
        yield alive
        for stage, words in STAGES.items():
            family = HistogramMetricFamily(f"langit_{stage}_seconds", words, labels=["worker"])
            for worker in workers:
                kept = json.loads(worker.figures).get(stage)
                if kept is not None:
                    family.add_metric([worker.id], _buckets(kept["counts"]), kept["sum"])
            yield family


def render_metrics(database: Database) -> bytes:
    """All figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(DatabaseCollector(database))
    return generate_latest(registry)


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """Counts of the buckets, each with all smaller ones."""
    names = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
    total, found = 0, []
    for name, count in zip(names, counts, strict=True):
        total += count
        found.append((name, float(total)))
    return found

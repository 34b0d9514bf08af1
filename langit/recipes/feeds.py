"""What a stage of the flow, or of an adapter, reads: packs of any windows, or batches of one shape, made ahead.

Batches of one shape may be of clips that become more while the stage trains (`feed.growing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langit.autoencoder.protocol import VideoAutoencoder
from langit.device import Placement
from langit.feed.allowed import TakenDown
from langit.feed.catalogue import FilmClip, FrameReader, StoredClip
from langit.feed.clip_table import ClipTable
from langit.feed.growing import GrowingFeed, StepFeed
from langit.feed.latents import LatentClip, table_of_latents
from langit.feed.loader import LatentFeed
from langit.feed.prefetch import Prefetch
from langit.feed.shaped import ShapedFeed, world_repeats
from langit.feed.stream import StreamFeed
from langit.ledger.exposure_columns import ROSTER, Roster
from langit.ledger.store import Ledger
from langit.recipes.films import Report, RunPaths, stage_latents
from langit.recipes.recipe import Stage, WorldShare
from langit.text.encoder import TextEncoder
from langit.train.shaped import DrawnFeed
from langit.train.tasks import FlowConfig
from langit.train.trainer import Feed

AHEAD = {"cuda": 4}  # batches made ahead, each on a thread; one where the CPU computes


def flow_feed(
    flow: FlowConfig,
    seed: int,
    latents: list[LatentClip] | ClipTable,
    clips: list[StoredClip],
    paths: RunPaths,
    placement: Placement,
    text: TextEncoder | None = None,
    shares: Sequence[WorldShare] = (),
    more: Callable[[], list[LatentClip] | None] | None = None,
) -> Feed[Any]:
    """The batches of a stage.

    Args:
        flow: what is drawn; ``one_shape`` says which batches.
        seed: of the stage.
        latents: of the clips that are there; a table of them where they are streamed.
        clips: the same clips in the same order; one that ``more`` finds is added to it by then.
        paths: of the run.
        placement: where the stage trains.
        text: encodes captions where batches come drawn, for `train.shaped.ShapedFlowTask`; else they come as windows.
        shares: of the draws, by world.
        more: see `feed.growing`; left out where all clips are there.
    """
    if isinstance(latents, ClipTable):
        if more is not None:
            raise ValueError("films that arrive while a run trains cannot be streamed: set flow.stream to false")
        folder = latents.folder.parent
        roster = Roster.write(folder / ROSTER, latents.digests())  # the exposure log is of format 2 where it is
        barred = TakenDown(Ledger(paths.ledger), roster)
        stream = StreamFeed(latents, flow.token_budget, seed, flow.windows, barred, folder / "positions.bin")
        return Prefetch(stream, AHEAD.get(placement.device.type, 1), version=barred)
    if not flow.one_shape:
        taken_down = TakenDown(Ledger(paths.ledger), (clip.digest for clip in clips))
        return LatentFeed(latents, flow.token_budget, seed, flow.windows, taken_down)

    def make(there: list[LatentClip], first: int) -> StepFeed[Any]:
        taken_down = TakenDown(Ledger(paths.ledger), (clip.digest for clip in there))
        repeats = _repeats(there, clips, shares) if shares else None
        shaped = ShapedFeed(there, flow.token_budget, seed + first, flow.windows, taken_down, repeats)
        cuda = placement.device.type == "cuda"
        feed = shaped if text is None else DrawnFeed(shaped, text, flow, seed, first, pin=cuda)
        return Prefetch(feed, AHEAD.get(placement.device.type, 1), version=taken_down)

    return GrowingFeed(latents, make, more or (lambda: None))


def stage_source(
    stage: Stage, clips: Sequence[StoredClip], autoencoder: VideoAutoencoder, paths: RunPaths, report: Report
) -> list[LatentClip] | ClipTable:
    """The latents of a stage's clips, or a table of them on disk where the stage streams them.

    The table of a stage that goes on is opened, while the ledger has not grown, without a look at any latents.
    """
    starts = stage.flow.windows.starts
    if not stage.flow.stream:
        return stage_latents(clips, autoencoder, paths, starts, report)

    def progress(done: int, of: int) -> None:
        report("latents", done, of, "")

    ledger = Ledger(paths.ledger)
    key = f"{ledger.size} {ledger.root().hex()} {len(clips)}"
    folder = paths.stage(stage.name) / "clips"
    return table_of_latents(clips, FrameReader(), autoencoder, paths.latents, folder, key, progress, starts)


def _repeats(there: list[LatentClip], clips: list[StoredClip], shares: Sequence[WorldShare]) -> list[float] | None:
    """How often each clip is drawn. A world of which nothing has arrived yet has no share until then."""
    known = {clip.digest: clip.world if isinstance(clip, FilmClip) else "footage" for clip in clips}
    worlds = [known[clip.digest] for clip in there]
    wanted = {each.world: each.share for each in shares if each.world in worlds}
    if set(worlds) <= set(wanted):  # nothing else is there to have what is left
        total = sum(wanted.values())
        wanted = {world: share / total for world, share in wanted.items()} if total else {}
    return world_repeats(worlds, wanted) if wanted else None

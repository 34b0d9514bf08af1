"""A home in which something happened: a ledger of films, files and downloads, a run that saw some, and its model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
from bundle.miniature import CAPTIONS, RECIPE, make_source
from safetensors.numpy import save_file

from langit.bundle.films import FilmTable
from langit.bundle.provenance import ExposureRecord as Exposed
from langit.bundle.provenance import LedgerState, Provenance, TrainingRecord
from langit.feed.exposure import ExposureLog
from langit.files import write_bytes
from langit.ledger import keys
from langit.ledger.checkpoint import Signer
from langit.ledger.derived import Caption, Drop, Manifest, RunExposure
from langit.ledger.log import leaf_hash, root
from langit.ledger.policy import Policy
from langit.ledger.record import Clip, Rights, Signal, Source
from langit.ledger.store import Ledger

FILMS = [make_source(seed) for seed in range(4)]
SIGNER = Signer("ledger.example", bytes(range(32)))
WHEN = "2026-03-04T05:06:07+00:00"


def sha(value: object) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest()


def clip(source: Source, mirrored: bool = False, **said: object) -> Clip:
    told = {"source": source.digest, "start": 0, "frames": 5, "mirrored": mirrored, "captions": tuple(CAPTIONS[:2])}
    content = sha(("clip", source.digest, mirrored, str(said)))
    return Clip(**(told | {"content_sha256": content} | said))  # type: ignore[arg-type]


FILE = Source(
    "file", "Rabbit", sha("rabbit"), creator="B. Lender", licence="CC-BY-3.0", url="films.example/rabbit", evidence=()
)
NOBODYS = Source("file", "stream.webm", sha("stream"))
FETCHED = Source(
    "fetched", "sea.mp4", sha("sea"), licence="CC0-1.0", url="https://sea.example/a/sea.mp4", fetched_at=WHEN
)
RIGHTS = Rights(FILE.digest, WHEN, licence="CC-BY-3.0", holder="The Heirs")
SIGNALS = [
    Signal(FETCHED.digest, scheme, "silent", "https://sea.example/", WHEN, "langit-signals-1")
    for scheme in Policy().must_read
]
CLIPS = [clip(source, mirrored) for source in FILMS for mirrored in (False, True)]
SHOTS = [
    clip(FILE, frames=48, fps="24", starts_at="0", ends_at="2", likeness=False, size="320x176", crop="320x176+0+2"),
    clip(FILE, start=48, frames=24, fps="24", starts_at="2", ends_at="3", likeness=False),
    clip(FETCHED, frames=30, fps="30000/1001", likeness=False, captions=()),
]
CAPTION = Caption(SHOTS[2].digest, "waves on a beach", "en", "tiny-vlm", "0" * 40, prompt="What is seen?")
DROP = Drop("motion", "still", "nothing moves", source=FILE.digest, start=72, frames=10)
SEEN = {"autoencoder": [(1, 0), (1, 2), (2, 0)], "scenes": [(1, 1), (2, 1), (3, 8), (4, 10)]}
"""Step and number of the clip, of CLIPS and then SHOTS."""
ALL = [*CLIPS, *SHOTS]


@dataclasses.dataclass(frozen=True)
class Lived:
    """The folder, its ledger, the manifest, and the model's provenance."""

    home: Path
    ledger: Ledger
    manifest: Manifest
    provenance: Provenance

    @property
    def model(self) -> Path:
        return self.home / "models" / "tiny"

    @property
    def name(self) -> str:
        """The model's hash."""
        return self.provenance.digest.removeprefix("sha256:")


def live(home: Path) -> Lived:
    """Everything, with the rooms' own writers, in a ledger whose key is SIGNER."""
    (home / "ledger").mkdir(parents=True)
    write_bytes(home / "ledger" / keys.FILE, (SIGNER.export() + "\n").encode(), private=True)
    ledger = Ledger(home / "ledger")
    ledger.add([*FILMS, FILE, NOBODYS, FETCHED, RIGHTS, *SIGNALS, *CLIPS, *SHOTS, CAPTION, DROP])
    digests = [item.digest for item in ALL]
    listing = ledger.evidence.put("".join(digest + "\n" for digest in digests).encode())
    top = root(leaf_hash(bytes.fromhex(digest)) for digest in digests).hex()
    policy = Policy().digest.removeprefix("sha256:")
    manifest = Manifest("spring", ledger.size, ledger.root().hex(), policy, top, len(digests), listing, WHEN)
    ledger.add([manifest])
    state = LedgerState("langit/tiny", ledger.size, ledger.root().hex())
    logs = {}
    for stage, rows in SEEN.items():
        folder = home / "runs" / "tiny" / stage
        logs[stage] = ExposureLog(folder / "exposure.log")
        for step, number in rows:
            logs[stage].append(step, (ALL[number].digest,))
        for step in (2, 4):
            (folder / f"step-{step:08d}").mkdir()
    provenance = Provenance(
        model="tiny",
        version="0.1.0",
        code_version="0",
        recipe=RECIPE | {"stages": [{"name": "scenes"}]},
        ledger=state,
        exposure={stage: Exposed(log.root(), log.rows, 4) for stage, log in logs.items()},
        training={stage: TrainingRecord(1, 1, "CPU") for stage in logs},
    )
    films = FilmTable.of(FILMS, ledger.digests())
    folder = home / "models" / "tiny"
    folder.mkdir(parents=True)
    films.save(folder / "films.safetensors")
    (folder / "model_index.json").write_text(json.dumps({"fps": 8.0}))
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(map(_name, folder.iterdir()))
    }
    provenance = dataclasses.replace(provenance, films=films.facts(), files=files)
    (folder / "provenance.json").write_text(provenance.text())
    place = home / "latents" / "0123456789abcdef" / "32x32x5"
    place.mkdir(parents=True)
    for number, part in enumerate((ALL[:4], ALL[4:])):
        told = {"clips": json.dumps([item.digest for item in part])}
        save_file({"latents": np.zeros((len(part), 2), np.float16)}, place / f"{number}.safetensors", metadata=told)
    model = provenance.digest.removeprefix("sha256:")
    scenes = logs["scenes"]
    ledger.add([RunExposure("tiny", scenes.root(), scenes.rows, 4, WHEN, manifest.digest, model)])
    return Lived(home, ledger, manifest, provenance)


def _name(path: Path) -> str:
    return path.name

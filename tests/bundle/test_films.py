"""The table of films and `check`: rows lead to the ledger's root, and films rendered again match their rows."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from bundle.miniature import make_ledger, make_parts, make_provenance, make_source
from safetensors import safe_open

from langit.bundle import FilmTable, LedgerState, load_bundle, resolve, save_bundle
from langit.bundle.check import check_bundle
from langit.bundle.files import hash_files
from langit.bundle.tensors import save_arrays
from langit.ledger.record import Source
from langit.shapes import PixelShape
from langit.worlds.scene import sample_scene, split

SOURCES = [make_source(seed) for seed in (1, 2, 3, 40)] + [make_source(1001, "48x32x5")]
SCENES = [sample_scene(seed).sha256 for seed in (1, 2, 3, 40, 1001)]


@pytest.fixture
def ledger(tmp_path):
    return make_ledger(tmp_path / "ledger", SOURCES)


def test_a_table_is_read_back(tmp_path, ledger):
    table = FilmTable.of(SOURCES[::-1], ledger.digests())
    table.save(tmp_path / "films.safetensors")
    assert FilmTable.load(tmp_path / "films.safetensors") == table
    assert [row.seed for row in table.rows] == [1, 2, 3, 40, 1001] and [row.entry for row in table.rows] == [
        0,
        2,
        4,
        6,
        8,
    ]
    facts = table.facts()
    assert [(group.pixels, group.first, group.last, group.count) for group in facts.groups] == [
        ("32x32x5", 1, 40, 4),
        ("48x32x5", 1001, 1001, 1),
    ]
    assert facts.count == 5 and facts.root == table.root()


def test_the_rows_lead_to_the_ledgers_root_and_changed_ones_do_not(ledger):
    table = FilmTable.of(SOURCES, ledger.digests())
    assert table.ledger_root(SCENES, ledger.size) == ledger.root().hex()
    assert table.ledger_root(SCENES, ledger.size + 1) != ledger.root().hex()
    assert table.ledger_root([SCENES[1], *SCENES[1:]], ledger.size) != ledger.root().hex()
    for change in ({"seed": 4}, {"size": "32x32x9"}, {"motion": "ab" * 32}, {"pixels": "ab" * 32}, {"entry": 1}):
        row = dataclasses.replace(table.rows[0], **change)
        changed = dataclasses.replace(table, rows=(row, *table.rows[1:]))
        assert changed.ledger_root(SCENES, ledger.size) != ledger.root().hex()
        assert change.keys() == {"entry"} or changed.root() != table.root()
    shared = {world: said | {"licence": "CC-BY-4.0"} for world, said in table.shared.items()}
    sold = dataclasses.replace(table, shared=shared)
    assert sold.ledger_root(SCENES, ledger.size) != ledger.root().hex()


def test_ten_thousand_films_take_less_than_a_megabyte(tmp_path):
    def sha(text):
        return hashlib.sha256(text.encode()).hexdigest()

    plain = make_source(0)
    films = [
        dataclasses.replace(
            plain,
            title=f"film {seed} at 32x32x5",
            seed=seed,
            motion_sha256=sha(f"motion {seed}"),
            content_sha256=sha(f"pixels {seed}"),
        )
        for seed in range(11_000)
    ]
    digests = [text for film in films for text in (film.digest, sha(film.digest), sha(film.title))]
    batches = [digests[start : start + 300] for start in range(0, len(digests), 300)]  # 100 sources, then 200 clips
    table = FilmTable.of(films, [digest for batch in batches for first in range(3) for digest in batch[first::3]])
    table.save(tmp_path / "films.safetensors")
    assert (tmp_path / "films.safetensors").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (make_source(77), "is not in the ledger"),
        (Source(kind="file", title="a file", content_sha256="ab" * 32), "it is not a rendered film"),
        (dataclasses.replace(SOURCES[0], licence="CC-BY-4.0"), "differs from other films"),
    ],
)
def test_sources_that_are_not_films_of_the_world_are_refused(ledger, source, message):
    if message != "is not in the ledger":
        ledger.add([source])
    with pytest.raises(ValueError, match=message):
        FilmTable.of([*SOURCES, source], ledger.digests())
    with pytest.raises(ValueError, match="there are no films"):
        FilmTable.of([], ledger.digests())


def states(report):
    return {finding.what: finding.state for finding in report.findings}


def test_check_without_rendering(folder):
    report = check_bundle(folder, render=0)
    assert report.holds
    assert states(report) == {
        "files": "holds",
        "signer": "unknown",
        "recipe": "holds",
        "films": "holds",
        "ledger": "holds",
    }


def reseal(folder, **changes):
    """Make the digests agree again, as a forger would."""
    file = folder / "provenance.json"
    plain = json.loads(file.read_text()) | changes
    file.unlink()
    plain["files"] = hash_files(folder)
    file.write_text(json.dumps(plain))


def test_check_finds_broken_files_and_false_ledgers(folder):
    state = LedgerState("langit", 8, "ab" * 32)
    reseal(folder, ledger=dataclasses.asdict(state))
    assert states(check_bundle(folder, render=0))["ledger"] == "broken"
    (folder / "vae/config.json").unlink()
    report = check_bundle(folder, render=0)
    assert (
        not report.holds
        and states(report) == {"files": "broken"}
        and "config.json is missing" in report.findings[0].text
    )


def test_check_finds_exchanged_films(folder):
    opened = load_bundle(folder)
    table = opened.films()
    shorter = dataclasses.replace(table, rows=table.rows[1:])
    shorter.save(folder / "films.safetensors")
    reseal(folder)
    report = check_bundle(folder, render=0)
    assert states(report)["films"] == "broken" and states(report)["ledger"] == "broken" and not report.holds


def test_check_reports_a_model_without_films(tmp_path):
    save_bundle(tmp_path / "mute", make_parts(), make_provenance())
    assert states(check_bundle(tmp_path / "mute"))["films"] == "broken"
    with pytest.raises(ValueError, match="render -1 is not a number of films"):
        check_bundle(tmp_path / "mute", render=-1)


@pytest.fixture(scope="module")
def film():
    from langit.worlds.film import render

    return render(sample_scene(3), PixelShape(5, 32, 32))


def rendered(tmp_path, film, **changes):
    hashes = {"motion": film.motion_sha256, "pixels": film.pixel_sha256} | changes
    sources = [make_source(3, **hashes)]
    ledger = make_ledger(tmp_path / "ledger", sources)
    save_bundle(tmp_path / "m", make_parts(), make_provenance(ledger), FilmTable.of(sources, ledger.digests()))
    calls = []
    report = check_bundle(tmp_path / "m", render="all", progress=lambda done, of: calls.append((done, of)))
    assert calls == [(1, 1)]
    return report


@pytest.mark.draws
def test_check_renders_films_again(tmp_path, film):
    report = rendered(tmp_path, film)
    assert report.holds and states(report)["motion"] == states(report)["pixels"] == "holds"


@pytest.mark.draws
def test_other_pixels_are_another_renderer_other_motion_is_another_film(tmp_path, film):
    report = rendered(tmp_path / "a", film, pixels="ab" * 32)
    assert report.holds and states(report)["pixels"] == "differs"
    report = rendered(tmp_path / "b", film, motion="ab" * 32)
    assert not report.holds and states(report)["motion"] == "broken"


def test_bytes_on_disk_are_bytes(tmp_path, ledger):
    from safetensors.numpy import load_file

    FilmTable.of(SOURCES, ledger.digests()).save(tmp_path / "films.safetensors")
    arrays = load_file(tmp_path / "films.safetensors")
    assert arrays["motion"].dtype == np.uint8 and arrays["motion"].shape == (5, 32) and len(arrays["seed"]) == 5


@pytest.mark.draws
def test_from_the_farm_to_a_bundle_that_anyone_can_check(tmp_path):
    from langit.ledger.store import Ledger
    from langit.worlds import farm

    ledger, sizes = Ledger(tmp_path / "ledger"), (PixelShape(5, 32, 32), PixelShape(5, 32, 48))
    for pixels in sizes:
        path = tmp_path / f"{pixels}.safetensors"
        farm.render_shard(range(8, 12), pixels, path)  # seed 9 is held out
        farm.enter(ledger, farm.Shard(path), captions_each=2)
    trained = [source for source in ledger.sources() if split(source.seed) == "train"]
    table = FilmTable.of(trained, ledger.digests())
    sealed = save_bundle(tmp_path / "m", make_parts(), make_provenance(ledger), table)
    assert sealed.films is not None and sealed.films.count == 6
    report = check_bundle(tmp_path / "m", render=4)
    assert {what: state for what, state in states(report).items() if state != "holds"} == {"signer": "unknown"}
    assert "4 films rendered again" in report.findings[-2].text


@pytest.mark.draws
def test_films_of_two_worlds_are_one_table_that_anyone_can_check(tmp_path):
    from langit.ledger.store import Ledger
    from langit.worlds import farm

    ledger, pixels = Ledger(tmp_path / "ledger"), PixelShape(5, 32, 32)
    for world in ("worlds-1", "story-1"):
        path = tmp_path / f"{world}.safetensors"
        farm.render_shard((10, 11), pixels, path, world)
        farm.enter(ledger, farm.Shard(path), captions_each=2)
    table = FilmTable.of(ledger.sources(), ledger.digests())
    table.save(tmp_path / "films.safetensors")
    assert FilmTable.load(tmp_path / "films.safetensors") == table
    assert table.worlds == ("worlds-1", "story-1")
    sealed = save_bundle(tmp_path / "m", make_parts(), make_provenance(ledger), table)
    assert sealed.films is not None and sealed.films.world == "worlds-1"
    assert [(group.world, group.count) for group in sealed.films.groups] == [("", 2), ("story-1", 2)]
    assert load_bundle(tmp_path / "m").provenance == sealed
    report = check_bundle(tmp_path / "m", render="all")
    assert {what: state for what, state in states(report).items() if state != "holds"} == {"signer": "unknown"}


def test_a_table_of_the_first_world_alone_keeps_its_old_form(tmp_path):
    opened = load_bundle("pocket")
    whole = opened.films()
    assert whole is not None and whole.worlds[0] == "worlds-1" and len(whole.worlds) > 1
    assert whole.facts() == opened.provenance.films
    first, *others = json.loads(opened.provenance.text())["films"]["groups"]
    assert "world" not in first and {other.get("world", "worlds-1") for other in others} == set(whole.worlds)
    alone = dataclasses.replace(
        whole,
        rows=tuple(row for row in whole.rows if row.world == "worlds-1"),
        shared={"worlds-1": whole.shared["worlds-1"]},
    )
    alone.save(tmp_path / "films.safetensors")
    with safe_open(tmp_path / "films.safetensors", "numpy") as file:
        assert "world" not in file.keys()  # noqa: SIM118  # not a dict
    again = FilmTable.load(tmp_path / "films.safetensors")
    assert again.rows == alone.rows and again.worlds == ("worlds-1",)
    assert {group.world for group in again.facts().groups} == {""}


def arrays_of(path):
    from safetensors.numpy import load_file

    with safe_open(path, "numpy") as file:
        return load_file(path), file.metadata()


def change_about(metadata, key, value):
    metadata["about"] = json.dumps(json.loads(metadata["about"]) | {key: value})


BAD_TABLES = {
    "no seeds": lambda arrays, _: arrays.pop("seed"),
    "no proof": lambda arrays, _: arrays.pop("proof"),
    "sizes out of range": lambda arrays, _: arrays.update(size=arrays["size"] + 9),
    "negative sizes": lambda arrays, _: arrays.update(size=arrays["size"].astype(np.int8) - 1),
    "worlds out of range": lambda arrays, _: arrays.update(world=arrays["size"] * 0 + 7),
    "fewer rows in a column": lambda arrays, _: arrays.update(entry=arrays["entry"][:-1]),
    "short hashes": lambda arrays, _: arrays.update(motion=np.ascontiguousarray(arrays["motion"][:, :16])),
    "a flat proof": lambda arrays, _: arrays.update(proof=arrays["proof"].reshape(-1)),
    "wide hashes": lambda arrays, _: arrays.update(pixels=arrays["pixels"].astype(np.uint16)),
    "seeds with a fraction": lambda arrays, _: arrays.update(seed=arrays["seed"].astype(np.float32)),
    "no rows": lambda arrays, _: arrays.update({name: array[:0] for name, array in arrays.items()}),
    "no metadata": lambda _, metadata: metadata.clear(),
    "no shared fields": lambda _, metadata: change_about(metadata, "shared", None),
    "shared fields in a list": lambda _, metadata: change_about(metadata, "shared", [1]),
    "sizes that are no list": lambda _, metadata: change_about(metadata, "sizes", 3),
    "sizes that are no texts": lambda _, metadata: change_about(metadata, "sizes", [1, 2]),
    "deep nesting": lambda _, metadata: metadata.update(about="[" * 100_000),
    "a list": lambda _, metadata: metadata.update(about="[]"),
    "no world": lambda _, metadata: change_about(metadata, "shared", {}),
}


@pytest.mark.parametrize("what", BAD_TABLES)
def test_a_bad_table_of_films_is_one_clear_error(folder, what):
    path = folder / "films.safetensors"
    arrays, metadata = arrays_of(path)
    BAD_TABLES[what](arrays, metadata)
    path.unlink()
    save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata)
    with pytest.raises(ValueError, match=r"films\.safetensors is not a table of films .*: get the bundle again"):
        FilmTable.load(path)
    reseal(folder)
    report = check_bundle(folder, render=0)
    assert states(report)["films"] == "broken" and "is not a table of films" in report.findings[-1].text


SAVE = """
import sys
from pathlib import Path
from langit.bundle import FilmTable
FilmTable.load(Path(sys.argv[1])).save(Path(sys.argv[2]))
"""


def test_the_same_table_gives_the_same_bytes_in_every_process(folder, tmp_path):
    saved = set()
    for seed in ("1", "2", "3", "4"):
        out = tmp_path / f"{seed}.safetensors"
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", SAVE, folder / "films.safetensors", out], env=environment, check=True)
        saved.add(out.read_bytes())
    assert saved == {(folder / "films.safetensors").read_bytes()}


def test_the_shipped_table_is_saved_with_its_own_columns_and_fields(tmp_path):
    shipped, again = resolve("pocket") / "films.safetensors", tmp_path / "films.safetensors"
    FilmTable.load(shipped).save(again)
    (arrays, metadata), (arrays_again, metadata_again) = arrays_of(shipped), arrays_of(again)
    assert arrays.keys() == arrays_again.keys()
    assert all(np.array_equal(array, arrays_again[name]) for name, array in arrays.items())
    about = json.loads(metadata_again["about"])
    if "about" in metadata:
        assert again.read_bytes() == shipped.read_bytes()
    else:  # a table of before the two keys became one
        assert {key: json.loads(text) for key, text in metadata.items()} == about


RESAVE = """
import sys
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
with safe_open(sys.argv[1], "numpy") as file:
    save_file(load_file(sys.argv[1]), sys.argv[2], metadata=file.metadata())
"""


def test_the_safetensors_library_gives_a_table_the_same_bytes_in_every_process(folder, tmp_path):
    """It writes metadata of several keys in a random order, so a table has one."""
    saved = set()
    for number in range(5):
        out = tmp_path / f"{number}.safetensors"
        subprocess.run([sys.executable, "-c", RESAVE, folder / "films.safetensors", out], check=True)
        saved.add(out.read_bytes())
    assert len(saved) == 1

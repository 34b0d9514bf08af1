"""Both ways: from footage to what came of it, and from a model to its footage."""

from __future__ import annotations

from collections import Counter

import pytest
from ledger.lived import ALL, CAPTION, CLIPS, DROP, FETCHED, FILE, FILMS, NOBODYS, RIGHTS, SHOTS, WHEN, live

from langit.feed.traces import find_artifacts
from langit.ledger.derived import Output, RunExposure
from langit.ledger.exposures import ClipExposure
from langit.ledger.lineage import Lineage, model_exposures, trace_descendants
from langit.ledger.record import Source


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    return live(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def lineage(lived):
    return Lineage(lived.ledger, find_artifacts(lived.home))


def test_a_home_is_read_off_its_disk(lived, lineage):
    model = next(model for model in lineage.artifacts.models if model.name == "tiny")
    assert (model.digest, model.place, model.fps) == (lived.name, lived.model, 8.0)
    assert [stage.name for stage in model.stages] == ["autoencoder", "scenes"]
    assert all(stage.log and stage.log.root == stage.root for stage in model.stages)
    assert [log.stage for log in lineage.artifacts.runs["tiny"]] == ["autoencoder", "scenes"]
    assert [*lineage.artifacts.runs["tiny"][0].checkpoints] == [2, 4]
    assert {*model.films.values()} == {film.content_sha256 for film in FILMS}
    assert [item.clips for item in lineage.artifacts.latents] == [
        tuple(clip.digest for clip in ALL[:4]),
        tuple(clip.digest for clip in ALL[4:]),
    ]


def test_from_footage_to_models(lived, lineage):
    sightings = {(item.stage.name, item.clip): item.seen for item in lineage.sightings([CLIPS[0].digest])}
    assert sightings == {("autoencoder", CLIPS[0].digest): ClipExposure(2, 1, 2)}
    assert lineage.sightings([CLIPS[3].digest]) == ()
    assert lineage.manifests_with([SHOTS[0].digest]) == (lived.manifest,)
    assert lineage.models_listing(FILMS[2]) == lineage.models_listing(FILMS[3]) != ()
    assert lineage.models_listing(FILMS[0]) == () == lineage.models_listing(FILE)


def test_from_a_model_to_footage(lineage):
    model = lineage.find("tiny")[0]
    assert lineage.continues(model)
    assert {*lineage.clips_seen_by(model)} == {ALL[number].digest for number in (0, 1, 2, 8, 10)}
    assert [*lineage.sources_of(model).values()] == [*FILMS, FILE, FETCHED]
    assert [item.run for item in lineage.exposures_of(model)] == ["tiny"]


def test_what_hangs_on_a_source(lineage):
    assert lineage.clips_of(FILE.digest) == tuple(SHOTS[:2])
    assert lineage.rights_in(FILE.digest) == (RIGHTS,)
    assert len(lineage.signals_on(FETCHED.digest)) == 6 and lineage.signals_on(FILE.digest) == ()
    assert lineage.captions_of([SHOTS[2].digest]) == (CAPTION,)
    assert lineage.drops_of([FILE.digest]) == (DROP,)
    assert lineage.decisions[NOBODYS.digest].verdict.value == "unknown"


def test_things_are_found_by_each_of_their_names(lived, lineage):
    assert lineage.find(FILE.digest) == (FILE,) == lineage.find(FILE.content_sha256)
    assert lineage.find(FILE.digest[:10].upper()) == (FILE,) == lineage.find("sha256:" + FILE.digest)
    assert lineage.find(FETCHED.url) == (FETCHED,) and lineage.find(FILE.url) == (FILE,)
    assert lineage.find(lived.name[:12])[0].name == "tiny"
    assert lineage.find(lived.manifest.digest) == (lived.manifest,)
    assert lineage.find(CLIPS[0].content_sha256) == (CLIPS[0],)


def test_what_cannot_be_found_is_one_plain_line(lineage):
    for text, words in (
        ("ab", "6 to 64"),
        ("0" * 65, "6 to 64"),
        ("f" * 64, "nothing in"),
        ("nonesuch", "model on this machine \\(models: .*tiny"),
        ("https://else.example/a.mp4", "no source in .* came from"),
        ("nonesuch.mp4", "is not a file, a hash"),
    ):
        with pytest.raises(ValueError, match=words):
            lineage.find(text)


def test_an_ambiguous_beginning_lists_what_it_may_be(lived, monkeypatch):
    lineage = Lineage(lived.ledger, find_artifacts(lived.home))
    monkeypatch.setattr("langit.ledger.lineage.SHORTEST", 1)
    starts = Counter(clip.digest[0] for clip in ALL)
    first = starts.most_common(1)[0][0]
    assert starts[first] > 1
    with pytest.raises(
        ValueError, match=rf"hashes begin with {first}: .*(source|clip|signal) {first}[0-9a-f]{{8}}….*give more"
    ):
        lineage.find(first)


def test_the_reach_of_a_take_down(lived, lineage):
    came = trace_descendants(lineage, [FILE])
    assert came.sources == (FILE,) and came.clips == tuple(SHOTS[:2])
    assert came.manifests == (lived.manifest,)
    assert [item.path.name for item in came.latents] == ["1.safetensors"]
    assert [(log.stage, seen, steps) for log, seen, steps in came.runs] == [("scenes", ClipExposure(1, 3, 3), (4,))]
    assert [model.name for model in came.models] == ["tiny"] and came.listed == ()


def test_weights_that_began_with_others_are_reached(lineage):
    came = trace_descendants(lineage, [CLIPS[0]])
    found = [(log.stage, seen.times, steps) for log, seen, steps in came.runs]
    assert found == [("autoencoder", 2, (2, 4)), ("scenes", 0, (2, 4))]


def test_a_film_that_no_log_shows_still_names_the_model_that_lists_it(lineage):
    came = trace_descendants(lineage, [FILMS[3]])
    assert came.sightings == () and [model.name for model in came.listed] == ["tiny"] == [m.name for m in came.models]


def test_videos_and_revocations(tmp_path):
    lived = live(tmp_path)
    video = Output("c" * 64, lived.name, "2026-04-01T00:00:00+00:00", parents=(FILE.content_sha256,))
    lived.ledger.add([video])
    lived.ledger.revoke(FILE.content_sha256, "asked for", by="content")
    lineage = Lineage(lived.ledger, find_artifacts(tmp_path))
    assert lineage.find("c" * 64) == (video,)
    assert trace_descendants(lineage, [FILE]).outputs == (video,)
    assert lineage.revoked_among(lineage.clips.values()) == tuple(SHOTS[:2])
    assert lineage.decisions[FILE.digest].verdict.value == "refused"
    assert not {clip.digest for clip in SHOTS[:2]} & {
        c.digest for c in lived.ledger.allowed_clips(lineage.policy).clips
    }


def test_damaged_models_and_latents_are_passed_over(tmp_path):
    lived = live(tmp_path)
    (tmp_path / "models" / "half").mkdir()
    (tmp_path / "models" / "half" / "provenance.json").write_text('{"model": "half"}')
    (tmp_path / "latents" / "cut.safetensors").write_bytes(b"\x08")
    found = find_artifacts(tmp_path)
    assert "half" not in [model.name for model in found.models] and len(found.latents) == 2
    (lived.model / "films.safetensors").unlink()
    assert "tiny" not in [model.name for model in find_artifacts(tmp_path).models]


def test_a_model_of_another_ledger_is_told_apart(lived, tmp_path):
    from langit.ledger.store import Ledger

    other = Ledger(tmp_path)
    other.add([Source("file", "a", "0" * 64)])
    lineage = Lineage(other, find_artifacts(lived.home))
    assert not lineage.continues(lineage.find("tiny")[0])


def test_an_entry_on_another_model_is_never_this_models():
    """Two runs that train one autoencoder alike have logs with one root."""
    mine = RunExposure("a", "ab" * 32, 1, 1, WHEN, model="11" * 32)
    other = RunExposure("b", "ab" * 32, 1, 1, WHEN, model="22" * 32, manifest="33" * 32)
    unnamed = RunExposure("c", "ab" * 32, 1, 1, WHEN)
    found = model_exposures([mine, other, unnamed], "11" * 32, {"ab" * 32})
    assert found == (mine, unnamed)

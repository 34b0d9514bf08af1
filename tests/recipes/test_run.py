"""A whole run in miniature: films, ledger, latents, training, a bundle, a video; and the same again to the bit."""

import shutil
from pathlib import Path

import pytest
import torch
from recipes.corpora import allowed_films

from langit import config, recipes
from langit.bundle import load_bundle
from langit.bundle.check import check_bundle
from langit.bundle.signature import read_signature
from langit.feed.catalogue import FrameReader
from langit.feed.exposure import ExposureLog
from langit.generate import Model, generate
from langit.ledger import keys
from langit.ledger.store import Ledger
from langit.recipes.films import RunPaths, read_corpus
from langit.recipes.run import run
from langit.text.vocabulary import unknown_words
from langit.train import checkpoint


def weights(home: Path, stage: str) -> dict[str, torch.Tensor]:
    newest = checkpoint.latest(home / "runs" / "tiny" / stage)
    assert newest is not None
    return checkpoint.load(newest).tensors["model"]


def test_the_bundle_turns_a_prompt_into_frames(home: Path) -> None:
    model = Model.of(load_bundle(home / "models" / "tiny"))
    video = generate("a red ball bounces on snow", model, seed=3)
    assert video.frames.shape == (5, 32, 32, 3) and video.frames.dtype == torch.uint8
    assert torch.equal(video.frames, generate("a red ball bounces on snow", model, seed=3).frames)
    assert not torch.equal(video.frames, generate("a red ball bounces on snow", model, seed=4).frames)
    wide = generate("bola merah di atas salju", model, pixels=model.sizes[1])
    assert wide.frames.shape == (5, 32, 48, 3)
    with pytest.raises(ValueError, match="64x64x9.*use 32x32, 48x32 with 1 to 9 frames"):
        generate("a ball", model, pixels=type(model.sizes[0]).parse("64x64x9"))


def test_words_of_a_later_stage_are_added_to_the_vocabulary(home: Path) -> None:
    tokenizer = load_bundle(home / "models" / "tiny").text.tokenizer
    assert unknown_words(tokenizer, "a puppy, a ball") == () and unknown_words(tokenizer, "a giraffe")


def test_the_bundle_passes_its_own_check(home: Path) -> None:
    report = check_bundle(home / "models" / "tiny", render=3)
    assert report.holds, [finding for finding in report.findings if finding.state == "broken"]
    provenance = load_bundle(home / "models" / "tiny").provenance
    signature = read_signature(home / "models" / "tiny", provenance)
    assert signature is not None and signature.verifier == keys.signer(home / "ledger").verifier
    assert provenance.recipe == config.dump(recipes.find("tiny"))
    assert provenance.films is not None and provenance.films.count == 30  # 32 seeds, two of them held out
    assert provenance.exposure["scenes"].steps == 6


def test_the_ledger_records_which_model_came_from_which_run(home: Path) -> None:
    bundle = load_bundle(home / "models" / "tiny")
    recorded = {entry.run: entry for entry in Ledger(home / "ledger").exposures()}
    assert set(recorded) == {f"tiny/{stage}" for stage in recipes.find("tiny").stage_names}
    for name, seen in bundle.provenance.exposure.items():
        entry = recorded[f"tiny/{name}"]
        assert (entry.root, entry.rows, entry.step) == (seen.root, seen.rows, seen.steps)
        assert f"sha256:{entry.model}" == bundle.provenance.digest


def test_only_allowed_training_clips_were_seen(home: Path) -> None:
    places = RunPaths(home, "tiny")
    allowed = {entry.digest for entry in allowed_films(recipes.find("tiny"), recipes.find("tiny").films, places)}
    rows = list(ExposureLog(places.stage("scenes") / "exposure.log").read())
    assert {clip for _, clip in rows} <= allowed
    assert {step for step, _ in rows} == set(range(6))
    corpus = read_corpus(recipes.find("tiny"), places)
    held_out = [film for film in corpus.films if film.seed % 10 == 9]
    assert held_out and not {film.digest for film in held_out} & {clip for _, clip in rows}


def test_mirrored_clips_show_mirrored_films(home: Path) -> None:
    entries = allowed_films(recipes.find("tiny"), recipes.find("tiny").films, RunPaths(home, "tiny"))
    straight, mirrored = entries[0], entries[1]
    assert (straight.seed, straight.mirrored, mirrored.mirrored) == (mirrored.seed, False, True)
    reader = FrameReader()
    assert torch.equal(reader.frames(straight).flip(2), reader.frames(mirrored))
    assert torch.equal(reader.masks(straight).flip(2), reader.masks(mirrored))


def test_a_resumed_run_ends_at_the_same_weights(home: Path, tmp_path: Path) -> None:
    """Every stage is stopped between two checkpoints and resumed: the same bits as a run that was never stopped."""

    class HaltedError(Exception):
        pass

    def stopping(stage: str, at: int):  # type: ignore[no-untyped-def]
        def report(name: str, done: int, _of: int, _facts: str) -> None:
            if (name, done) == (stage, at):
                raise HaltedError

        return report

    for name in ("films", "ledger"):
        (tmp_path / name).symlink_to(home / name)
    tiny = recipes.find("tiny")
    for stage in tiny.stage_names:
        with pytest.raises(HaltedError):
            run(tiny, resume=True, home=tmp_path, workers=1, report=stopping(stage, 3))
    run(tiny, resume=True, home=tmp_path, workers=1, report=lambda *_: None)
    for stage in tiny.stage_names:
        first, second = weights(home, stage), weights(tmp_path, stage)
        assert all(torch.equal(first[name], second[name]) for name in first)
    logs = [
        ExposureLog(RunPaths(place, "tiny").stage("abilities") / "exposure.log").root() for place in (home, tmp_path)
    ]
    assert logs[0] == logs[1]


def test_an_earlier_run_is_not_overwritten(home: Path) -> None:
    before = (home / "runs" / "tiny" / "scenes" / "exposure.log").read_bytes()
    with pytest.raises(ValueError, match="is there already: --resume"):
        run(recipes.find("tiny"), home=home, workers=1, report=lambda *_: None)
    assert (home / "runs" / "tiny" / "scenes" / "exposure.log").read_bytes() == before


def test_a_run_of_another_recipe_is_refused_before_any_work(home: Path) -> None:
    other = config.override(recipes.find("tiny"), ["distil.fast.training.seed=9"])
    reports: list[object] = []
    with pytest.raises(ValueError, match="tiny/fast/step-.*another recipe"):
        run(other, resume=True, home=home, workers=1, report=lambda *tick: reports.append(tick))
    assert not reports


def test_a_recipe_may_leave_mirrored_films_out(home: Path) -> None:
    tiny = recipes.find("tiny")
    plain = allowed_films(config.override(tiny, ["mirror=false"]), tiny.films, RunPaths(home, "tiny"))
    both = allowed_films(tiny, tiny.films, RunPaths(home, "tiny"))
    assert 2 * len(plain) == len(both) and not any(entry.mirrored for entry in plain)
    with pytest.raises(ValueError, match="no train clip"):
        allowed_films(config.override(tiny, ["captions=5"]), tiny.films, RunPaths(home, "tiny"))


def test_a_revoked_film_is_not_trained_on(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "ledger", tmp_path / "ledger")
    (tmp_path / "films").symlink_to(home / "films")
    tiny = recipes.find("tiny")
    places, groups = RunPaths(tmp_path, "tiny"), tiny.films
    before = allowed_films(tiny, groups, places)
    ledger = Ledger(places.ledger)
    source = next(clip.source for clip in ledger.clips() if clip.digest == before[0].digest)
    ledger.revoke(source, "asked for by its owner")
    after = allowed_films(tiny, groups, places)
    assert {entry.seed for entry in before} - {entry.seed for entry in after} == {before[0].seed}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("stages.scenes.training.stepz=3", "'stepz'.*did you mean 'steps'"),
        ("stages.scenes.training.steps=many", "training.steps: 'many'"),
        ("stages.scenes.training.steps=0", "steps=0"),
        ("steps", "not of the form key=value"),
        ("stages.scenes.films=[]", "no films and no sizes of footage"),
        ('stages.scenes.sizes=["64x65x17"]', "height 65"),
        ("fps=12", "films are rendered at 8"),
        ("autoencoder_stages=[]", "without a base, one of the autoencoder"),
        ("stages.scenes.flow.drop_caption=2", "drop_caption 2"),
        ("text.d_model=20", "text_dim 32 is not text.d_model 20"),
        ('stages.scenes.films=[{"size":"32x32x5","first":0,"last":20,"world":"worlds-9"}]', "worlds-9"),
        ("name=../../films", "cannot name a folder"),
        ('stages.scenes.films=[{"size":"32x32x5"}]', "lacks first, last"),
        ('stages.scenes.films=[{"size":"60x32x5","first":0,"last":20}]', "width 60"),
        ('autoencoder_stages.sharper.films=[{"size":"32x32x5","first":0,"last":5}]', "at least 10 seeds"),
        ("stages.scenes.flow.token_budget=4", "has 8 tokens"),
        ("autoencoder_stages.sharper.reconstruction.batch=0", "batch 0"),
        ("stages.scenes.training.optim.matrix_rate=NaN", "matrix_rate nan"),
        ("stages.scenes.training.optim.clip=-1", "clip -1"),
        ("stages.scenes.training.sample_every=-5", "sample_every=-5"),
        ("stages.scenes.training.seed=-1", "seed=-1"),
        ("stages.scenes.flow.levels.shift=0.5", "shift 0.5"),
        ("stages.scenes.flow.levels.base_tokens=0", "base_tokens 0"),
        ("autoencoder.time_kernel=0", "at least 1"),
        ("transformer.out_channels=8", "out_channels 8"),
        (
            "stages.scenes.autoencoder=sharpest",
            "'sharpest' is not a stage of the autoencoder: there are autoencoder, sharper",
        ),
        ("stages.scenes.name=sharper", "a name of its own"),
        ("distil.fast.name=scenes", "a name of its own"),
        ("distil.fast.name=../fast", "cannot name a folder"),
        ("distil.fast.distil.rank=40", "rank 40 is out of range: use 1 to 32"),
        ("distil.fast.distil.stepz=3", "'stepz'.*did you mean 'steps'"),
        ("distil.fast.flow.token_budget=4", "distil.fast.flow.token_budget 4: a clip of 32x32x5 has 8 tokens"),
        ("distil.fast.training.compile=true", "distil.fast.training.compile"),
        ("distil.slow.training.steps=3", "unknown key 'slow' in 'distil'"),
    ],
)
def test_wrong_settings_are_named(change: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        config.override(recipes.find("tiny"), [change])


def test_an_unknown_recipe_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="'pockt'.*'pocket'"):
        recipes.find("pockt")


def test_every_recipe_can_be_read_back_from_json() -> None:
    for name in recipes.RECIPES:
        recipe = recipes.find(name)
        assert config.load(type(recipe), config.dump(recipe)) == recipe


def test_a_take_down_during_a_run_counts_from_the_next_stage_on(home: Path, tmp_path: Path) -> None:
    """The ledger is read once, and again only when it has grown."""
    shutil.copytree(home / "ledger", tmp_path / "ledger")
    (tmp_path / "films").symlink_to(home / "films")
    tiny, paths = recipes.find("tiny"), RunPaths(tmp_path, "tiny")
    corpus = read_corpus(tiny, paths)
    assert read_corpus(tiny, paths, corpus) is corpus
    ledger = Ledger(paths.ledger)
    source = next(clip.source for clip in ledger.clips() if clip.digest == corpus.films[0].digest)
    ledger.revoke(source, "asked for by its owner")
    later = read_corpus(tiny, paths, corpus)
    assert corpus.films[0].digest not in {film.digest for film in later.films}

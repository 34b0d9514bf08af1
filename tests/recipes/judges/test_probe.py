"""Training a probe: films on disk with their truth, batches, and a tiny run."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from langit import config as configs
from langit.autoencoder.model import Autoencoder, AutoencoderConfig, to_float, to_frames
from langit.evaluate.judges.probe import ProbeConfig, load_probe
from langit.evaluate.judges.questions import FIRST, OTHER, STORY
from langit.evaluate.judges.truth import mask_order, right_is_first, truth_from_labels, truth_of
from langit.recipes.judges.films import (
    FilmLocation,
    NoisyReconstruction,
    ProbeFeed,
    ProbeSeeds,
    film_locations,
    spoil,
    write_reconstructions,
)
from langit.recipes.judges.probe import (
    ProbeRecipe,
    fit_probe,
    long_recipe,
    measure_accuracy,
    probe_name,
    split_films,
    train_probe,
)
from langit.train.optim import OptimConfig
from langit.train.trainer import TrainConfig
from langit.worlds.scene import mirror_scene, sample_scene
from langit.worlds.story.scene import mirror_scene as mirror_story
from langit.worlds.story.scene import sample_scene as sample_story

TINY = ProbeRecipe(
    films=(ProbeSeeds("32x32x5", 0, 8, 12),),
    network=ProbeConfig(frames=5, fine_width=8, width=16, blocks=2, looks=2, memory=16),
    batch=4,
    training=TrainConfig(steps=4, optim=OptimConfig(warmup=2, decay=2), checkpoint_every=2),
)


def quiet(stage: str, done: int, of: int, facts: str) -> None:
    assert 0 <= done <= of


def shard(folder: Path, seeds: list[int], height: int = 32, width: int = 32, world: str = FIRST.world) -> Path:
    """Films that show where their things are and nothing else: the first on the left third, the second on the right."""
    frames = torch.zeros(len(seeds), 5, height, width, 3, dtype=torch.uint8)
    masks = torch.zeros(len(seeds), 5, height, width, dtype=torch.uint8)
    for row, seed in enumerate(seeds):
        frames[row] = seed % 256
        masks[row, :, :, : width // 3] = 1
        masks[row, :, :, -width // 3 :] = 2
    file = folder / f"{world}-{seeds[0]}-{width}x{height}.safetensors"
    save_file({"frames": frames, "masks": masks, "seeds": torch.tensor(seeds)}, file, metadata={"world": world})
    return file


def test_locations_have_seed_and_size(tmp_path: Path) -> None:
    found = film_locations([shard(tmp_path, [3, 4]), shard(tmp_path, [7], height=48, width=80)])
    assert [(film.seed, film.size) for film in found] == [(3, "32x32x5"), (4, "32x32x5"), (7, "80x48x5")]
    assert int(found[1].read("frames")[0, 0, 0, 0]) == 4


def test_training_and_testing_films_do_not_overlap(tmp_path: Path) -> None:
    found = film_locations([shard(tmp_path, list(range(14)))])
    learnt, judged = split_films(TINY, found)
    assert [film.seed for film in learnt] == list(range(8))
    assert [film.seed for film in judged] == [8, 9, 10, 11]


def test_batches_carry_the_truth_of_what_they_show(tmp_path: Path) -> None:
    films = film_locations([shard(tmp_path, list(range(40)))])
    feed = ProbeFeed(films, 8, seed=1)
    seen = flips = turns = 0
    for step in range(10):
        batch = feed.batch(step)
        items = batch.items
        for clip, frames, where, labels in zip(batch.clips, items.frames, items.where, items.labels, strict=True):
            scene = sample_scene(int(frames[0, 0, 0, 0]))
            flipped = clip == mirror_scene(scene).sha256
            assert flipped or clip == scene.sha256
            scene = mirror_scene(scene) if flipped else scene
            assert truth_from_labels(labels.tolist()) == truth_of(scene)
            left = 2 if flipped else 1  # as drawn, the first thing is on the left
            left = 3 - left if right_is_first(scene) else left
            assert float(where[0, left, 0, 0]) == 1.0
            seen, flips, turns = seen + 1, flips + flipped, turns + right_is_first(scene)
    assert seen == 80
    assert 20 < flips < 60
    assert turns > 0
    assert feed.batch(3).clips == ProbeFeed(films, 8, seed=1).batch(3).clips


def test_batches_of_longer_films_hold_every_second_frame(tmp_path: Path) -> None:
    films = film_locations([shard(tmp_path, [3, 4])])
    whole, every_second = (ProbeFeed(films, 2, 0, every=every).batch(0).items for every in (1, 2))
    assert torch.equal(every_second.frames, whole.frames[:, ::2])
    assert whole.where.shape[1] == 2
    assert every_second.where.shape[1] == 1
    assert torch.equal(every_second.labels, whole.labels)


def test_training_starts_from_a_shipped_probe(tmp_path: Path) -> None:
    blank = torch.zeros(2, 33, 32, 32, dtype=torch.uint8)
    tensors = {"frames": blank[..., None].expand(-1, -1, -1, -1, 3).contiguous(), "masks": blank}
    save_file(tensors | {"seeds": torch.tensor([3, 4])}, tmp_path / "long.safetensors", metadata={"world": "worlds-1"})
    still = OptimConfig(matrix_rate=1e-9, other_rate=1e-9, warmup=1, decay=1, weight_decay=0.0)
    recipe = replace(long_recipe(), batch=2, training=TrainConfig(steps=1, optim=still))
    assert probe_name(recipe) == "probe-long"
    probe = fit_probe(recipe, film_locations([tmp_path / "long.safetensors"]), tmp_path / "run", quiet, None)
    for name, value in load_probe().state_dict().items():
        assert torch.allclose(probe.state_dict()[name], value, atol=1e-5), name


def test_films_of_the_story_get_the_storys_questions(tmp_path: Path) -> None:
    films = film_locations(
        [shard(tmp_path, list(range(40)), world=STORY.world), shard(tmp_path, list(range(100, 110)))]
    )
    feed = ProbeFeed(films, 10, seed=3, questions=STORY)
    found = {}
    for step in range(5):
        items = feed.batch(step).items
        for frames, where, labels in zip(items.frames, items.where, items.labels, strict=True):
            number = int(frames[0, 0, 0, 0])
            truth = truth_from_labels(labels.tolist(), STORY)
            if number >= 100:
                assert truth.named == {"scene": OTHER}
                assert float(where[:, 0].min()) == 1.0  # nothing that the story asks of is anywhere
                continue
            scene = sample_story(number)
            assert truth in (truth_of(scene, STORY), truth_of(mirror_story(scene), STORY))
            thing = mask_order(scene, STORY)[1]
            assert float(where[0, thing, 0, 0]) + float(where[0, thing, 0, -1]) >= 1.0
            found[number] = truth.named["scene"]
    assert set(found.values()) == set(STORY.classes["scene"]) - {OTHER}


def test_spoiled_films_show_no_scene(tmp_path: Path) -> None:
    films = film_locations([shard(tmp_path, list(range(40)), world=STORY.world)])
    items = ProbeFeed(films, 8, seed=1, questions=STORY, spoiled=1.0).batch(0).items
    assert [truth_from_labels(row.tolist(), STORY).named for row in items.labels] == [{"scene": OTHER}] * 8
    assert float(items.where[:, :, 0].min()) == 1.0


def test_films_are_spoiled_in_three_ways() -> None:
    frames = torch.randint(0, 256, (3, 32, 48, 3), dtype=torch.uint8)
    other = torch.zeros_like(frames)
    seen = set()
    for seed in range(12):
        spoiled = spoil(frames, other, random.Random(seed))
        assert (spoiled.shape, spoiled.dtype) == (frames.shape, torch.uint8)
        assert not torch.equal(spoiled, frames)
        if torch.equal(spoiled.flatten().sort().values, frames.flatten().sort().values):
            seen.add("pieces")
        else:
            seen.add("mixed" if float((spoiled.float() - frames / 2).abs().max()) <= 0.5 else "blurred")
    assert seen == {"pieces", "mixed", "blurred"}


def test_reconstructions_keep_their_truth(tmp_path: Path) -> None:
    films = film_locations([shard(tmp_path, list(range(5)), world=STORY.world)])
    again = write_reconstructions(films, lambda frames: 255 - frames, tmp_path / "again")
    assert [(film.seed, film.world, film.size) for film in again] == [(f.seed, f.world, f.size) for f in films]
    assert torch.equal(again[3].read("frames"), 255 - films[3].read("frames"))
    assert torch.equal(again[3].read("masks"), films[3].read("masks"))


def test_every_second_reconstruction_has_noise() -> None:
    sizes = AutoencoderConfig(fine_width=8, coarse_width=16, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
    coder = Autoencoder(sizes).eval()
    frames = torch.randint(0, 256, (1, 5, 32, 32, 3), dtype=torch.uint8)
    plain = to_frames(coder.decode(coder.encode(to_float(frames))))
    given = NoisyReconstruction(coder, noise=50.0)
    back = [given(frames) for _ in range(4)]
    assert [torch.equal(one, plain) for one in back] == [True, False, True, False]
    assert not torch.equal(back[1], back[3])
    again = NoisyReconstruction(coder, noise=50.0)
    assert torch.equal([again(frames) for _ in range(2)][1], back[1])


def test_an_epoch_shows_every_film_once(tmp_path: Path) -> None:
    feed = ProbeFeed(film_locations([shard(tmp_path, list(range(24)))]), 8, seed=2)
    first = [int(frames[0, 0, 0, 0]) for step in range(3) for frames in feed.batch(step).items.frames]
    assert sorted(first) == list(range(24))


def test_resumed_training_reaches_the_same_weights(tmp_path: Path) -> None:
    films = film_locations([shard(tmp_path, list(range(12)))])
    whole = fit_probe(TINY, films, tmp_path / "whole", quiet, None)

    def stop(stage: str, done: int, of: int, facts: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_probe(TINY, films, tmp_path / "parts", stop, None)
    again = fit_probe(TINY, films, tmp_path / "parts", quiet, None)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_accuracy_counts_films_and_their_mirror_images(tmp_path: Path) -> None:
    films: list[FilmLocation] = film_locations([shard(tmp_path, [0, 1, 2])])
    probe = fit_probe(replace(TINY, training=replace(TINY.training, steps=1)), films, tmp_path / "run", quiet, None)
    found = measure_accuracy(probe, films)
    assert found.rates["sky"].of == 6
    assert found.rates["second shape"].of == 2 * sum(len(sample_scene(seed).things) == 2 for seed in range(3))
    wrong = sum(times for attribute, _, _, times in found.mistakes if attribute == "camera")
    assert wrong == found.rates["camera"].of - found.rates["camera"].right == len(found.wrong_seeds["camera"])


@pytest.mark.draws
def test_a_tiny_probe_is_trained_end_to_end(tmp_path: Path) -> None:
    stages: list[str] = []
    found = train_probe(
        tmp_path,
        lambda stage, done, of, facts: stages.append(stage),
        TINY,
        folder=tmp_path / "weights",
        reconstruct=lambda frames: frames // 2,
        workers=1,
    )
    assert found.rates["ground"].of == 8
    assert {"films 32x32x5", "probe"} <= set(stages)
    load_probe(tmp_path / "weights")
    written = json.loads((tmp_path / "weights" / "record.json").read_text(encoding="utf-8"))
    assert written["accuracy"]["all"]["ground"] == str(found.rates["ground"])
    assert set(written["accuracy"]) == {"all", "32x32x5", "unseen pairings", "reconstructions"}
    assert written["judgements"]["ground"] == 8
    assert written["recipe"]["films"] == [configs.dump(TINY.films[0])]
    assert written["trained_on_reconstructions"] is True


def test_seeds_out_of_order_are_named() -> None:
    with pytest.raises(ValueError, match="9, 8, 9"):
        ProbeSeeds("32x32x5", 9, 8, 9)

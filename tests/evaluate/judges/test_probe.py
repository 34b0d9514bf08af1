"""The probe: its sizes, its files, its training, and the shipped probes on real films."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from langit.evaluate.judges.probe import (
    SHIPPED,
    SHIPPED_LONG,
    SHIPPED_STORY,
    Probe,
    ProbeConfig,
    input_size,
    judge,
    load_probe,
    moment_features,
    save_probe,
    to_video,
)
from langit.evaluate.judges.questions import OTHER, STORY
from langit.evaluate.judges.truth import CLASSES, ProbeVerdict, agreement, truth_of
from langit.feed.batch import Batch
from langit.recipes.judges.films import ProbeItems, augment, cell_shares
from langit.recipes.judges.probe import ProbeRecipe, ProbeTask
from langit.train.optim import OptimConfig
from langit.train.trainer import TrainConfig, Trainer
from langit.worlds.caption import prompts
from langit.worlds.scene import VERSION, sample_scene
from langit.worlds.story.caption import prompts as story_prompts

SMALL = ProbeConfig(frames=5, fine_width=8, width=16, blocks=2, looks=2, memory=16)


def test_fits_in_a_megabyte() -> None:
    assert sum(parameter.numel() for parameter in Probe(ProbeConfig()).parameters()) * 2 <= 1_000_000


@pytest.mark.parametrize(("height", "width"), [(64, 64), (48, 80), (80, 48), (128, 96), (50, 70)])
def test_every_size_gets_an_answer(height: int, width: int) -> None:
    video = torch.randint(0, 256, (2, 5, height, width, 3), dtype=torch.uint8)
    answer = Probe(SMALL)(to_video(video))
    assert {name: logits.shape for name, logits in answer.logits.items()} == {
        name: (2, len(classes)) for name, classes in CLASSES.items()
    }
    rows, columns = input_size(height, width)
    assert answer.where.shape == (2, 2, 3, rows // 8, columns // 8)


def test_native_sizes_are_not_resized() -> None:
    assert [input_size(*size) for size in [(64, 64), (48, 80), (80, 48)]] == [(64, 64), (48, 80), (80, 48)]
    assert input_size(256, 256) == (64, 64)


def test_moments_hold_odd_frames_and_the_changes_around_them() -> None:
    video = torch.randn(1, 3, 5, 2, 2)
    seen = moment_features(video)
    assert seen.shape == (1, 2, 9, 2, 2)
    assert torch.equal(seen[0, 1, :3], video[0, :, 3])
    assert torch.allclose(seen[0, 1, 6:], 2 * (video[0, :, 4] - video[0, :, 3]))


def test_answers_the_questions_of_its_world() -> None:
    video = torch.randint(0, 256, (2, 5, 32, 32, 3), dtype=torch.uint8)
    probe = Probe(replace(SMALL, world=STORY.world)).eval()
    assert {name: logits.shape for name, logits in probe(to_video(video)).logits.items()} == {
        name: (2, len(classes)) for name, classes in STORY.classes.items()
    }
    assert judge(probe, list(video))[0].questions is STORY
    with pytest.raises(ValueError, match="behind-1"):
        replace(SMALL, world="behind-1")


def test_batches_are_judged_like_single_videos() -> None:
    probe = Probe(SMALL).eval()
    videos = [torch.randint(0, 256, (5, 32, width, 3), dtype=torch.uint8) for width in (32, 48, 32)]
    together = judge(probe, videos)
    for video, verdict in zip(videos, together, strict=True):
        alone = judge(probe, [video])[0]
        for name in CLASSES:
            assert alone.shares[name] == pytest.approx(verdict.shares[name], abs=1e-5)
            assert sum(verdict.shares[name]) == pytest.approx(1.0, abs=1e-5)


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="9 frames"):
        judge(Probe(SMALL), [torch.zeros(9, 32, 32, 3, dtype=torch.uint8)])
    with pytest.raises(ValueError, match="frames 4"):
        ProbeConfig(frames=4)
    with pytest.raises(ValueError, match="frames 7 with every 2"):
        ProbeConfig(frames=7, every=2)
    with pytest.raises(ValueError, match="every 0"):
        ProbeConfig(every=0)


def test_a_probe_of_longer_videos_reads_every_second_frame() -> None:
    torch.manual_seed(0)
    short, long = Probe(SMALL).eval(), Probe(replace(SMALL, frames=9, every=2)).eval()
    long.load_state_dict(short.state_dict())
    video = torch.randint(0, 256, (9, 32, 32, 3), dtype=torch.uint8)
    assert judge(long, [video])[0] == judge(short, [video[::2]])[0]
    with pytest.raises(ValueError, match="5 frames"):
        judge(long, [video[::2]])


def test_a_probe_survives_saving_and_loading(tmp_path: Path) -> None:
    probe = Probe(SMALL).eval()
    save_probe(probe, tmp_path)
    again = load_probe(tmp_path)
    video = [torch.randint(0, 256, (5, 32, 32, 3), dtype=torch.uint8)]
    for name, share in judge(probe, video)[0].shares.items():
        assert judge(again, video)[0].shares[name] == pytest.approx(share, abs=5e-3)


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config.json is missing"):
        load_probe(tmp_path)
    save_probe(Probe(SMALL), tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"model.safetensors is damaged"):
        load_probe(tmp_path)


def test_cell_shares_count_pixels() -> None:
    masks = torch.zeros(1, 5, 16, 16, dtype=torch.uint8)
    masks[:, 1, :8, :4] = 1
    masks[:, 3, 8:, 8:] = 2
    found = cell_shares(masks)
    assert found.shape == (1, 2, 3, 2, 2)
    assert torch.allclose(found.sum(dim=2), torch.ones(1, 2, 2, 2))
    assert float(found[0, 0, 1, 0, 0]) == 0.5
    assert float(found[0, 1, 2, 1, 1]) == 1.0


def test_cell_shares_have_the_grid_of_a_picture_that_is_averaged_down() -> None:
    masks = torch.zeros(1, 3, 128, 128, dtype=torch.uint8)
    masks[:, 1, :16, :8] = 1
    found = cell_shares(masks)
    assert found.shape == (1, 1, 3, *(side // 8 for side in input_size(128, 128)))
    assert float(found[0, 0, 1, 0, 0]) == 0.5
    assert float(found[0, 0, 1].sum()) == 0.5


def test_augmentation_leaves_the_rest_alone_and_is_repeatable() -> None:
    video = torch.randn(8, 3, 3, 8, 8)
    assert torch.equal(augment(video, 0.0, torch.Generator().manual_seed(1)), video)
    once, twice = (augment(video, 0.5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(once, twice)
    same = [torch.equal(a, b) for a, b in zip(once, video, strict=True)]
    assert any(same)
    assert not all(same)


class _ToyFilms:
    """Two films, drawn by hand: a red square that goes left over green, a blue one that goes right over white."""

    def __init__(self) -> None:
        scenes = {
            truth_of(sample_scene(s)).named["action"]: sample_scene(s)
            for s in range(300)
            if len(sample_scene(s).things) == 1
        }
        self.truths = [truth_of(scenes["left"]), truth_of(scenes["right"])]
        self.frames = torch.zeros(2, 5, 32, 32, 3, dtype=torch.uint8)
        self.masks = torch.zeros(2, 5, 32, 32, dtype=torch.uint8)
        self.frames[0, ..., 1], self.frames[1] = 160, 240
        for time in range(5):
            for film, (start, step, colour) in enumerate([(20, -4, (220, 20, 20)), (4, 4, (20, 20, 220))]):
                left = start + time * step
                self.frames[film, time, 12:20, left : left + 8] = torch.tensor(colour, dtype=torch.uint8)
                self.masks[film, time, 12:20, left : left + 8] = 1

    def batch(self, step: int) -> Batch:
        order = random.Random(step).sample([0, 1], 2)
        labels = torch.stack([self.truths[i].labels() for i in order])
        items = ProbeItems(self.frames[order], cell_shares(self.masks[order]), labels)
        return Batch(("00" * 32, "11" * 32), 2, items)


def test_training_learns_two_films(tmp_path: Path) -> None:
    films, probe = _ToyFilms(), Probe(SMALL)
    training = TrainConfig(
        steps=60, optim=OptimConfig(warmup=5, decay=20, matrix_rate=5e-3, other_rate=5e-3), checkpoint_every=60
    )
    losses: list[float] = []
    task = ProbeTask(probe, ProbeRecipe())
    Trainer(task, films, training, tmp_path, "toy").fit(lambda tick: losses.append(tick.loss))
    assert losses[-1] < 0.3 * losses[0]
    for truth, verdict in zip(films.truths, judge(probe.eval(), list(films.frames)), strict=True):
        assert {name: verdict.best(name) for name in truth.named} == dict(truth.named)


def test_the_shipped_probe_is_small_and_has_its_record() -> None:
    sizes = {file.name: file.stat().st_size for file in SHIPPED.iterdir() if not file.name.startswith("tracker")}
    assert set(sizes) == {"config.json", "model.safetensors", "record.json"}
    assert sizes["model.safetensors"] <= 1_000_000
    assert load_probe().config == ProbeConfig()
    assert json.loads((SHIPPED / "record.json").read_text(encoding="utf-8"))["world"] == VERSION


@pytest.mark.draws
def test_the_shipped_probe_is_right_on_films_outside_its_training() -> None:
    from langit.worlds.film import render

    scenes = [prompt.scene for prompt in prompts("held-out", 8)]
    verdicts = judge(load_probe(), [torch.from_numpy(render(scene).frames) for scene in scenes])
    answers = [agreement(truth_of(scene), verdict) for scene, verdict in zip(scenes, verdicts, strict=True)]
    right = [answer for film in answers for answer in film.values()]
    assert sum(right) >= 0.97 * len(right)


@pytest.mark.draws
def test_the_long_probe_judges_four_seconds_where_the_short_one_does_not() -> None:
    from langit.shapes import PixelShape
    from langit.worlds.film import render

    scenes = [prompt.scene for prompt in prompts("held-out", 6)]
    films = [torch.from_numpy(render(scene, PixelShape.parse("64x64x33")).frames) for scene in scenes]

    def count_right(verdicts: list[ProbeVerdict]) -> int:
        answers = [agreement(truth_of(scene), verdict) for scene, verdict in zip(scenes, verdicts, strict=True)]
        return sum(all(answer.values()) for answer in answers)

    assert count_right(judge(load_probe(SHIPPED_LONG), films)) >= 5
    assert count_right(judge(load_probe(), [film[:17] for film in films])) <= 4


def test_the_storys_probe_ships_with_its_record() -> None:
    sizes = {file.name: file.stat().st_size for file in SHIPPED_STORY.iterdir()}
    assert set(sizes) == {"config.json", "model.safetensors", "record.json"}
    assert sum(sizes.values()) <= 1_500_000
    assert load_probe(SHIPPED_STORY).config == ProbeConfig(world=STORY.world)
    record = json.loads((SHIPPED_STORY / "record.json").read_text(encoding="utf-8"))
    assert record["world"] == STORY.world
    shares = {name: float(said.split("%")[0]) for name, said in record["accuracy"]["all"].items()}
    assert {name for name, share in shares.items() if share < 90} == set(STORY.faint)


@pytest.mark.draws
def test_the_storys_probe_tells_its_scenes_from_other_worlds() -> None:
    from langit.worlds.film import render as render_first
    from langit.worlds.story.film import render

    scenes = [story_prompts("held-out", 2, kind=kind)[1].scene for kind in STORY.classes["scene"] if kind != OTHER]
    films = [render(scene).frames for scene in scenes] + [render_first(prompts("held-out", 1)[0].scene).frames]
    verdicts = judge(load_probe(SHIPPED_STORY), [torch.from_numpy(frames) for frames in films])
    assert [verdict.best("scene") for verdict in verdicts] == list(STORY.classes["scene"])
    answers = [agreement(truth_of(s, STORY), verdict) for s, verdict in zip(scenes, verdicts, strict=False)]
    right = [answer for film in answers for name, answer in film.items() if name in STORY.scored]
    assert sum(right) >= 0.9 * len(right)

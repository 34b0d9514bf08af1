"""Fidelity scores of models of known quality: a perfect one, and some that ignore their prompts."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from langit.evaluate.fidelity import scores as fidelity
from langit.evaluate.fidelity.scores import cases, score
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.judges.truth import CLASSES, ProbeVerdict, Truth, has_direction, opposite, truth_of
from langit.worlds.caption import canonical
from langit.worlds.scene import Scene, mirror_scene, split

COUNT = 24


def film(scene: Scene) -> Tensor:
    """A film that holds nothing but its truth: one value for each attribute, and which way round it is."""
    frames = torch.zeros(3, 1, 2 + len(CLASSES), 3, dtype=torch.uint8)
    frames[:, 0, 1:-1, 0] = (truth_of(scene).labels() + 1).to(torch.uint8)
    frames[:, 0, 0, 0] = 1  # stands on the left, unless a mirror changed it
    return frames


def judge(videos: Sequence[Tensor]) -> list[ProbeVerdict]:
    """Reads such films without an error; of a mirrored one it sees left and right exchanged."""
    verdicts = []
    for frames in videos:
        flipped = int(frames[0, 0, 0, 0]) != 1
        row = frames[0, 0].flip(0) if flipped else frames[0, 0]
        shares = {}
        for number, (attribute, names) in enumerate(CLASSES.items()):
            name = names[max(0, int(row[number + 1, 0]) - 1)]
            seen = opposite(name) if flipped else name
            shares[attribute] = tuple(float(each == seen) for each in names)
        verdicts.append(ProbeVerdict(shares))
    return verdicts


class Perfect:
    """Makes the film that a prompt asks for, and remembers what it was asked."""

    def __init__(self) -> None:
        chosen = [case.scene for case in cases(COUNT)]
        scenes = chosen + [mirror_scene(scene) for scene in chosen]
        self.scenes = {canonical(scene, language): scene for scene in scenes for language in fidelity.LANGUAGES}
        self.asked: list[tuple[str, int]] = []

    def __call__(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Tensor]:
        self.asked += zip(texts, seeds, strict=True)
        return [film(self.scenes[text]) for text in texts]


def quiet(stage: str, done: int, of: int) -> None:
    assert stage
    assert 0 < done <= of


def test_cases_were_never_trained_on_and_have_both_languages() -> None:
    for one in cases(COUNT):
        assert split(one.scene.seed) == "held-out"
        assert one.texts == {"en": canonical(one.scene, "en"), "id": canonical(one.scene, "id")}


def test_a_perfect_model_reaches_the_ceiling() -> None:
    maker = Perfect()
    scores, shown = score(maker, film, judge, prompts=COUNT, seeds=2, batch=5, show=7, progress=quiet)
    for name, row in scores.rows.items():
        assert row.made.share == row.real.share == 1.0, name
        assert row.made.of == 2 * row.real.of == sum(rate.of for rate in row.by_language.values())
        assert row.shuffled.share < 1.0
    assert scores.rows["everything"].shuffled == Rate(0, 2 * COUNT)
    for direction in scores.directions.values():
        assert direction.right.share == direction.pairs.share == direction.real.share == 1.0
        assert direction.right.of == 2 * direction.pairs.of == direction.real.of > 0
    assert [one.text for one in shown] == [text for text, _ in maker.asked[:7]]


def test_every_prompt_has_every_seed_in_alternating_languages() -> None:
    maker = Perfect()
    score(maker, film, judge, prompts=COUNT, seeds=2, batch=5, progress=quiet)
    wanted = {
        (case.texts[fidelity.LANGUAGES[(index + seed) % 2]], seed)
        for seed in range(2)
        for index, case in enumerate(cases(COUNT))
    }
    assert set(maker.asked[: 2 * COUNT]) == wanted


def test_mirror_pairs_share_the_seed_and_differ_only_in_direction() -> None:
    maker = Perfect()
    score(maker, film, judge, prompts=COUNT, seeds=1, batch=5, progress=quiet)
    first, twins = maker.asked[:COUNT], maker.asked[COUNT:]
    aimed = [one for one in first if any(map(has_direction, truth_of(maker.scenes[one[0]]).named.values()))]
    assert len(aimed) == len(twins)
    swap = {"left": "right", "right": "left", "kiri": "kanan", "kanan": "kiri"}
    for (text, seed), (twin, other_seed) in zip(aimed, twins, strict=True):
        assert seed == other_seed
        assert twin != text
        assert twin == " ".join(swap.get(word, word) for word in text.split())


def test_a_model_that_always_goes_left_is_half_right_and_has_no_pair() -> None:
    maker = Perfect()

    def always_left(texts: Sequence[str], seeds: Sequence[int]) -> list[Tensor]:
        left = []
        for text in texts:
            scene = maker.scenes[text]
            goes_right = scene.action == "right" or (not has_direction(scene.action) and scene.camera.endswith("right"))
            left.append(film(mirror_scene(scene) if goes_right else scene))
        return left

    scores, _ = score(always_left, film, judge, prompts=COUNT, seeds=1, progress=quiet)
    moves = scores.directions["moves"]
    assert moves.right == Rate(moves.pairs.of, 2 * moves.pairs.of)
    assert moves.pairs.right == 0
    assert moves.real.share == 1.0


def test_a_model_that_ignores_its_prompt_is_at_the_floor() -> None:
    same = film(cases(COUNT)[0].scene)
    scores, _ = score(lambda texts, _: [same] * len(texts), film, judge, prompts=COUNT, seeds=1, show=0, progress=quiet)
    for name in ("shape", "colour", "ground", "sky", "action", "camera"):
        assert scores.rows[name].made == scores.rows[name].shuffled
        assert scores.rows[name].made.share < 0.7


def test_confusions_count_every_video_once() -> None:
    scores, _ = score(Perfect(), film, judge, prompts=COUNT, seeds=1, progress=quiet)
    for name, counts in scores.confusions.items():
        assert sum(map(sum, counts)) == scores.rows[name].made.of
        assert sum(counts[i][i] for i in range(len(counts))) == scores.rows[name].made.right
    truth = Truth({**truth_of(cases(2)[0].scene).named})
    wrong = ProbeVerdict({name: tuple(float(i == 0) for i in range(len(names))) for name, names in CLASSES.items()})
    row = CLASSES["sky"].index(truth.named["sky"])
    assert fidelity.confusion_matrix("sky", [(truth, wrong)] * 3)[row][0] == 3


@pytest.mark.parametrize(("prompts", "seeds", "named"), [(1, 1, "1 prompts"), (4, 0, "0 seeds")])
def test_too_few_prompts_are_refused(prompts: int, seeds: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        score(Perfect(), film, judge, prompts=prompts, seeds=seeds, progress=quiet)

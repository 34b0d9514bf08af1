"""The story report on an untrained model, and on a perfect one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from evaluate.tried import SMALL, quiet, tiny_model
from PIL import Image

from langit.evaluate import report as runner
from langit.evaluate.fidelity import story
from langit.evaluate.fidelity.story import evaluate_story, measure
from langit.evaluate.fidelity.story_cases import SENTENCES, cases, story_requests
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.judges.probe import Probe
from langit.evaluate.judges.questions import OTHER, STORY
from langit.evaluate.judges.truth import ProbeVerdict, Truth
from langit.worlds.reading.expand import EmbeddedExpander
from langit.worlds.scene import split
from langit.worlds.story.scene import KINDS, is_held_out

PROBE = replace(SMALL, world=STORY.world)


def test_cases_alternate_between_kinds_and_were_never_trained_on() -> None:
    chosen = cases(7)
    assert [case.scene.kind for case in chosen] == [*KINDS, *KINDS, KINDS[0]]
    assert all(is_held_out(case.scene) and split(case.scene.seed) == "held-out" for case in chosen)
    assert min(case.scene.seed for case in chosen) >= 1_000_000_000


def test_every_kind_is_requested_in_both_languages() -> None:
    asked = story_requests(cases(6), 2)
    assert [(one.number, one.seed) for one in asked] == [(number, seed) for seed in (0, 1) for number in range(6)]
    for kind in KINDS:
        assert {one.language for one in asked if one.seed == 0 and one.case.scene.kind == kind} == {"en", "id"}
    assert {one.language for one in asked if one.number == 0} == {"en", "id"}
    assert {one.text for one in asked if one.number == 0} == {asked[0].case.text("en"), asked[0].case.text("id")}


def test_the_five_sentences_have_a_truth_and_an_expansion() -> None:
    for sentence in SENTENCES:
        assert set(sentence.truth.named) >= {"scene", "ground"}
        said = EmbeddedExpander(tiny_model().text.vocabulary)(sentence.text, 0)
        assert said.text


@dataclass
class _Perfect:
    """A model and its judge in one: every video holds its prompt's number, and is seen for what the prompt says."""

    told: dict[str, Truth]
    number: dict[str, int]

    @classmethod
    def of(cls, count: int) -> _Perfect:
        told = {case.text(language): case.truth for case in cases(count) for language in ("en", "id")}
        for sentence in SENTENCES:
            told[sentence.text] = sentence.truth
        return cls(told, {text: number for number, text in enumerate(told, start=1)})

    def make(self, texts: Sequence[str], model: object, *, seeds: Sequence[int], pixels: object) -> list:
        videos = []
        for text in texts:
            frames = torch.full((5, 32, 32, 3), self.number.get(text, 0), dtype=torch.uint8)
            unknown = (("giraffe", "cube"),) if text == SENTENCES[0].text else ()
            videos.append(SimpleNamespace(frames=frames, unknown=unknown, sampling=tiny_model().sampling))
        return videos

    def judge(self, probe: object, videos: Sequence[torch.Tensor]) -> list[ProbeVerdict]:
        verdicts, truths = [], list(self.told.values())
        for frames in videos:
            number, even = int(frames[0, 0, 0, 0]), int(frames.min()) == int(frames.max())
            named = truths[number - 1].named if even and number else {}
            shares = {}
            for name, classes in STORY.classes.items():
                seen = named.get(name, OTHER if name == "scene" else classes[0])
                shares[name] = tuple(float(each == seen) for each in classes)
            verdicts.append(ProbeVerdict(shares, STORY))
        return verdicts


def test_a_perfect_model_scores_everything_and_the_shuffled_floor_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    perfect = _Perfect.of(6)
    monkeypatch.setattr(story, "generate_many", perfect.make)
    monkeypatch.setattr(story, "judge", perfect.judge)
    noise = torch.randint(0, 256, (5, 32, 32, 3), dtype=torch.uint8)
    monkeypatch.setattr(story, "render_frames", lambda scene, size: noise)
    report, pictures = measure(tiny_model(), "tiny", Probe(PROBE).eval(), 6, 2, quiet)
    whole, by_kind, taken, sentences = report.sections
    assert whole.rows["everything"][0] == Rate(12, 12)
    assert whole.rows["scene recognised"][1] == Rate(0, 6)  # the judge knows nothing of real films
    assert whole.rows["scene recognised"][2].share < 0.6
    assert whole.rows["sky"][3].of == whole.rows["sky"][4].of == 6
    assert [by_kind.rows["action"][column] for column in (0, 2, 4)] == [Rate(4, 4)] * 3
    assert by_kind.rows["count"][2].of == 0  # travellers are not counted
    assert taken.rows["window"] == ("0", "0", "4", "0")
    assert taken.rows["window, real films"] == ("0", "0", "0", "2")
    for row in sentences.rows.values():
        assert row[:2] == (Rate(8, 8), Rate(8, 8))
        assert row[2].of == 8
    assert report.facts["words never learnt"] == ["giraffe"]
    assert "**The model never learned 1 words of these prompts (giraffe)" in report.markdown()
    assert set(pictures.stills) == {*(f"story-{kind}" for kind in KINDS), "confusions", "sentences"}


@pytest.mark.draws
def test_a_report_warns_that_a_model_does_not_know_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    opened = SimpleNamespace(provenance=SimpleNamespace(model="tiny"), fps=8.0)
    monkeypatch.setattr(runner, "load_bundle", lambda name, placement: opened)
    monkeypatch.setattr(runner.Model, "of", lambda bundle: model)
    monkeypatch.setattr(story, "load_probe", lambda folder, placement: Probe(PROBE).eval())
    monkeypatch.setattr(story, "SENTENCE_SEEDS", 1)
    report = evaluate_story("tiny", folder=tmp_path / "out", progress=quiet, prompts=3, seeds=1)
    assert "puppy" in report.facts["words never learnt"]
    assert report.sections[0].rows["scene recognised"][0].of == 3
    plain = json.loads((tmp_path / "out" / "story.json").read_text(encoding="utf-8"))
    assert plain["words never learnt"] == report.facts["words never learnt"]
    assert plain["sections"][0]["rows"]["ground"]["model"]["of"] == 3
    told = (tmp_path / "out" / "story.md").read_text(encoding="utf-8")
    assert report.warning in told
    assert "## Five sentences" in told
    pictures = {"confusions.png", "sentences.png", "sentences.webp", "story.webp"} | {f"story-{k}.png" for k in KINDS}
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"story.json", "story.md"} | pictures
    with Image.open(tmp_path / "out" / "sentences.webp") as moving:
        assert (moving.n_frames, moving.size) == (5, (64, 5 * 64))

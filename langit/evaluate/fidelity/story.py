"""The report on the story's scenes: are puppies, a traveller and a train's window recognised in a model's videos?

Held-out prompts in English and Indonesian, judged by the story's probe beside real films and shuffled prompts, and five
sentences as people wrote them. Cases, model, films and probe meet here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

import langit
from langit import config, sheet
from langit.device import CPU, Placement
from langit.evaluate.fidelity import story_cases
from langit.evaluate.fidelity.scores import LANGUAGES, confusion_matrix, derangement, rate_of
from langit.evaluate.fidelity.story_cases import SENTENCES, StoryRequest
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.figures.pictures import confusion_picture
from langit.evaluate.figures.strips import Strip, strip_sheet
from langit.evaluate.figures.table import ReportTable
from langit.evaluate.films import check_renderer, render_frames
from langit.evaluate.judges.probe import SHIPPED_STORY, Probe, judge, load_probe
from langit.evaluate.judges.questions import STORY
from langit.evaluate.judges.truth import ProbeVerdict, Truth
from langit.evaluate.report import Animation, Progress, ReportPictures, Subject, TableReport, run_evaluation
from langit.generate import Model, generate_many
from langit.shapes import PixelShape
from langit.worlds.reading.expand import EmbeddedExpander
from langit.worlds.story.scene import KINDS

Judged = tuple[Truth, ProbeVerdict]
_BATCH = 8
_SHOWN = 6  # first cases of a kind in a picture
_SHOWN_EACH = 4  # first videos of each of the five sentences in a picture
SENTENCE_SEEDS = 8  # the fewest videos of each of the five sentences
_NAMES = (*STORY.scored, "everything")


def evaluate_story(
    model_name: str,
    *,
    folder: Path,
    progress: Progress,
    prompts: int = 200,
    seeds: int = 3,
    changes: Sequence[str] = (),
    placement: Placement = CPU,
) -> TableReport:
    """Measure a model on the story's scenes; write story.md, story.json and pictures to a folder.

    Args:
        model_name: a model's name, or a bundle's folder.
        folder: see :func:`langit.evaluate.report.run_evaluation`, also for ``changes`` and ``placement``.
        progress: called as stages advance.
        prompts: number of prompts that were never trained on, a third of each kind.
        seeds: number of videos of each; of the five sentences at least eight.
        changes: sampling settings to override.
        placement: device and precision.

    Raises:
        ValueError: the model does not exist or is damaged, a change is wrong, there are too few prompts or seeds, or
            the worlds cannot be rendered here.
        OSError: the folder cannot be written.
    """
    story_cases.check_counts(prompts, seeds)

    def measure_subject(subject: Subject) -> tuple[TableReport, ReportPictures]:
        check_renderer()
        probe = load_probe(SHIPPED_STORY, subject.judges)
        return measure(subject.model, subject.name, probe, prompts, seeds, progress)

    return run_evaluation(
        model_name, measure_subject, stem="story", folder=folder, changes=changes, placement=placement
    )


def measure(
    model: Model, name: str, probe: Probe, prompts: int, seeds: int, progress: Progress
) -> tuple[TableReport, ReportPictures]:
    """Measure a model without touching the disk."""
    size = replace(model.sizes[0], frames=probe.config.frames)
    chosen = story_cases.cases(prompts)
    requests = story_cases.story_requests(chosen, seeds)
    maker = _Maker(model, size)
    verdicts: list[ProbeVerdict] = []
    first: dict[int, Tensor] = {}  # by case, the videos to show
    for start in range(0, len(requests), _BATCH):
        part = requests[start : start + _BATCH]
        videos = maker.make([one.text for one in part], [one.seed for one in part])
        verdicts += judge(probe, videos)
        for one, frames in zip(part, videos, strict=True):
            if one.seed == 0 and one.number < _SHOWN * len(KINDS):
                first[one.number] = frames
        progress("story prompts", len(verdicts), len(requests))
    shown: dict[str, list[tuple[str, Tensor, Tensor]]] = {kind: [] for kind in KINDS}
    film_verdicts: list[ProbeVerdict] = []
    for number, case in enumerate(chosen):
        frames = render_frames(case.scene, size)
        film_verdicts += judge(probe, [frames])
        if number in first:
            shown[case.scene.kind].append((requests[number].text, first[number], frames))
        progress("real films", len(film_verdicts), len(chosen))
    others = derangement(len(chosen))
    generated = [(one.case.truth, verdict) for one, verdict in zip(requests, verdicts, strict=True)]
    real = [(case.truth, verdict) for case, verdict in zip(chosen, film_verdicts, strict=True)]
    floor = [(chosen[others[one.number]].truth, verdict) for one, verdict in zip(requests, verdicts, strict=True)]
    sentences, sentence_videos = _judge_sentences(maker, probe, max(seeds, SENTENCE_SEEDS), progress)
    sections = (
        _attribute_table(generated, real, floor, requests),
        _kind_table(generated, real),
        _confusion_table(generated, real),
        sentences,
    )
    report = _report(name, maker, prompts, seeds, sections)
    return report, _pictures(shown, generated, sentence_videos)


class _Maker:
    """Makes videos with the model's own settings; records those settings, and words that the model does not know."""

    def __init__(self, model: Model, size: PixelShape) -> None:
        self.model, self.size = model, size
        self.sampling: dict[str, Any] = {}
        self.unknown: set[str] = set()

    def make(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Tensor]:
        videos = generate_many(texts, self.model, seeds=seeds, pixels=self.size)
        self.sampling = config.dump(videos[0].sampling)
        self.unknown.update(word for video in videos for word, _ in video.unknown)
        return [video.frames for video in videos]


def _report(name: str, maker: _Maker, prompts: int, seeds: int, sections: tuple[ReportTable, ...]) -> TableReport:
    unknown = tuple(sorted(maker.unknown))
    warning = vocabulary_warning(unknown)
    facts = {
        "model": name,
        "version": langit.__version__,
        "world": STORY.world,
        "size": str(maker.size),
        "sampling": maker.sampling,
        "prompts": prompts,
        "seeds": seeds,
        "words never learnt": list(unknown),
    }
    introduction = (
        f"Langit {langit.__version__}, {STORY.world}, {maker.size}. {prompts} prompts of combinations that were never"
        f" trained on, {seeds} seed{'s' if seeds > 1 else ''} each, half English and half Indonesian, judged by the"
        " story's probe. In brackets: 95% Wilson intervals."
    )
    title = f"{name}: the story's scenes"
    return TableReport(title, facts, (introduction, warning), sections, warning=warning.strip("*"))


def vocabulary_warning(unknown: Sequence[str]) -> str:
    """Say whether the model can read the prompts, in Markdown."""
    if not unknown:
        return "The model knows every word of these prompts."
    some = ", ".join(unknown[:12]) + (", …" if len(unknown) > 12 else "")
    return (
        f"**The model never learned {len(unknown)} words of these prompts ({some}): it cannot know what they ask for.**"
    )


def _title(name: str) -> str:
    return "scene recognised" if name == "scene" else name


def _attribute_table(
    generated: Sequence[Judged], real: Sequence[Judged], floor: Sequence[Judged], requests: Sequence[StoryRequest]
) -> ReportTable:
    rows: dict[str, tuple[Rate, ...]] = {}
    for name in _NAMES:
        by_language = [
            rate_of(name, [pair for pair, one in zip(generated, requests, strict=True) if one.language == language])
            for language in LANGUAGES
        ]
        rows[_title(name)] = (*(rate_of(name, some) for some in (generated, real, floor)), *by_language)
    return ReportTable(
        "Held-out prompts",
        "*Recognised*: the probe finds the true scene most likely, out of the three scenes and something else. An"
        " attribute is counted where the prompt's scene has it, whether or not the scene is recognised. *Real films* of"
        " the same scenes are the ceiling; *shuffled*, the same videos against the truths of other prompts, is the"
        " floor. Colours of two puppies may be on either of them.",
        ("model", "real films", "shuffled", "English", "Indonesian"),
        rows,
    )


def _kind_table(generated: Sequence[Judged], real: Sequence[Judged]) -> ReportTable:
    rows = {
        _title(name): tuple(
            rate_of(name, [pair for pair in some if pair[0].named["scene"] == kind])
            for kind in KINDS
            for some in (generated, real)
        )
        for name in _NAMES
    }
    columns = tuple(title for kind in KINDS for title in (kind, f"{kind}, real films"))
    return ReportTable("By scene", "The same videos, by kind of scene.", columns, rows)


def _confusion_table(generated: Sequence[Judged], real: Sequence[Judged]) -> ReportTable:
    names = STORY.classes["scene"]
    rows: dict[str, tuple[str, ...]] = {}
    for title, some in (("", generated), (", real films", real)):
        counts = confusion_matrix("scene", some, STORY)
        rows |= {f"{kind}{title}": tuple(map(str, counts[names.index(kind)])) for kind in KINDS}
    return ReportTable("Taken for", "How many videos of each scene the probe takes for which.", names, rows)


def _judge_sentences(
    maker: _Maker, probe: Probe, seeds: int, progress: Progress
) -> tuple[ReportTable, list[tuple[str, Tensor]]]:
    """Judge the five sentences, unchanged and as the embedded expander rewrites them; also return videos to show."""
    expand = EmbeddedExpander(maker.model.text.vocabulary)
    numbers = range(seeds)
    rows: dict[str, tuple[Rate, ...]] = {}
    shown: list[tuple[str, Tensor]] = []
    done, of = 0, 2 * seeds * len(SENTENCES)
    for sentence in SENTENCES:
        rates: list[Rate] = []
        for expanded in (False, True):
            texts = [expand(sentence.text, seed).text if expanded else sentence.text for seed in numbers]
            videos: list[Tensor] = []
            for seed in numbers:
                videos += maker.make([texts[seed]], [seed])
                done += 1
                progress("five sentences", done, of)
            judged = [(sentence.truth, verdict) for verdict in judge(probe, videos)]
            rates += [rate_of("scene", judged), rate_of("everything", judged)]
            if not expanded:
                shown += [(sentence.text, frames) for frames in videos[:_SHOWN_EACH]]
        rows[sentence.text] = tuple(rates)
    section = ReportTable(
        "Five sentences",
        f"Unchanged, {seeds} seeds each, and as `langit generate` rewrites them in the words of the captions, which"
        " fills in what the sentence leaves open. *All that is said*: every attribute that the sentence names.",
        ("recognised", "all that is said", "expanded: recognised", "expanded: all that is said"),
        rows,
    )
    return section, shown


def _pictures(
    shown: dict[str, list[tuple[str, Tensor, Tensor]]],
    generated: Sequence[Judged],
    sentences: Sequence[tuple[str, Tensor]],
) -> ReportPictures:
    stills = {
        f"story-{kind}": strip_sheet(
            [[Strip("model", video), Strip("real film", film)] for _, video, film in rows],
            [text for text, _, _ in rows],
        )
        for kind, rows in shown.items()
    }
    matrices = {name: confusion_matrix(name, generated, STORY) for name in STORY.scored}
    stills["confusions"] = confusion_picture(matrices, STORY.classes)
    sentence_frames = [frames for _, frames in sentences]
    stills["sentences"] = sheet.contact_sheet(sentence_frames, [text for text, _ in sentences])
    kinds_in_turn = [video for rows in zip(*shown.values(), strict=False) for _, video, _ in rows]
    animations = {
        "story": Animation(kinds_in_turn, len(KINDS)),
        "sentences": Animation(sentence_frames, len(sentences) // len(SENTENCES)),
    }
    return ReportPictures(stills, animations)

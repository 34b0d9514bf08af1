"""Are the story's scenes to be recognised? Videos of held-out story prompts, judged by the story's probe: one report.

Puppies, a traveller, the window of a train; in English and Indonesian; beside real films and shuffled prompts; and five
sentences as people wrote them. Here cases, model, films and probe meet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.table import Table
from torch import Tensor

import langit
from langit import config, sheet
from langit.bundle import load_bundle
from langit.evaluate.fidelity import story_cases
from langit.evaluate.fidelity.scores import LANGUAGES, confusion, rate_of, shuffled
from langit.evaluate.fidelity.story_cases import SENTENCES, Order
from langit.evaluate.figures.intervals import Rate
from langit.evaluate.figures.pictures import confusion_picture, moving_picture
from langit.evaluate.figures.strips import Strip
from langit.evaluate.figures.strips import sheet as strips
from langit.evaluate.figures.table import Section
from langit.evaluate.judges.probe import SHIPPED_STORY, Probe, judge, load_probe
from langit.evaluate.judges.questions import STORY
from langit.evaluate.judges.truth import Truth, Verdict
from langit.evaluate.report import check_writable, filmer
from langit.files import atomic_write, created_folder
from langit.generate import Model, generate_many
from langit.shapes import PixelShape
from langit.worlds.reading.expand import expander
from langit.worlds.story.scene import KINDS
from langit.worlds.world import find_world

Progress = Callable[[str, int, int], None]
Judged = tuple[Truth, Verdict]
_BATCH = 8
_SHOWN = 6  # first cases of a kind, unchosen, in a picture
_SHOWN_EACH = 4  # first videos of each of the five sentences
SENTENCE_SEEDS = 8  # at least, of each of the five sentences
_NAMES = (*STORY.scored, "everything")


@dataclass(frozen=True)
class StoryReport:
    """What is known of a model's story scenes. ``strange`` holds words of the prompts that it never learnt."""

    model: str
    version: str
    size: str
    sampling: dict[str, Any]
    prompts: int
    seeds: int
    strange: tuple[str, ...]
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        seeds = f"{self.seeds} seed{'s' if self.seeds > 1 else ''}"
        head = (
            f"# {self.model}: the story's scenes\n\nLangit {self.version}, {STORY.world}, {self.size}. {self.prompts}"
            f" prompts whose pairings were never trained on, {seeds} each, half English and half Indonesian, judged by"
            " the story's probe. In brackets: 95% Wilson intervals."
        )
        return "\n\n".join((head, self.warning, *(section.markdown() for section in self.sections))) + "\n"

    @property
    def warning(self) -> str:
        """Whether the model can read the prompts."""
        if not self.strange:
            return "The model knows every word of these prompts."
        some = ", ".join(self.strange[:12]) + (", …" if len(self.strange) > 12 else "")
        return (
            f"**The model never learnt {len(self.strange)} words of these prompts ({some}): it cannot know what they"
            " ask for.**"
        )

    def json(self) -> str:
        said: dict[str, Any] = {"model": self.model, "version": self.version, "world": STORY.world, "size": self.size}
        said |= {"sampling": self.sampling, "prompts": self.prompts, "seeds": self.seeds}
        said |= {"words never learnt": list(self.strange), "sections": [section.plain() for section in self.sections]}
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"

    def table(self) -> Table:
        """Everything for a terminal."""
        table = Table.grid()
        for section in self.sections:
            table.add_row(section.table())
        table.add_row(self.warning.strip("*"))
        return table


@dataclass(frozen=True, eq=False)
class Pictures:
    """What is to be seen: sheets by name, and videos that move, with how many stand in a row."""

    sheets: dict[str, Image.Image]
    moving: dict[str, tuple[list[Tensor], int]]


def evaluate_story(
    model_name: str,
    *,
    folder: Path,
    progress: Progress,
    prompts: int = 200,
    seeds: int = 3,
    changes: Sequence[str] = (),
) -> StoryReport:
    """Measure a model's story scenes and leave story.md, story.json and pictures in a folder.

    Args:
        model_name: a model's name or its bundle's folder.
        folder: made if it is not there; what an earlier report left is replaced.
        progress: told of each stage: its name, done, of how many.
        prompts: how many prompts that were never trained on, a third of each kind.
        seeds: how many videos of each; of the five sentences eight at least.
        changes: to its sampling, as :meth:`langit.generate.Model.changed` has them.

    Raises:
        ValueError: no such model or a damaged one, a wrong change, too few prompts or seeds, or the worlds
            cannot be rendered here.
        OSError: the folder cannot be written.
    """
    story_cases.check_counts(prompts, seeds)
    bundle = load_bundle(model_name)
    model = Model.of(bundle).changed(changes)
    filmer()  # says at once if nothing can be rendered here
    probe = load_probe(SHIPPED_STORY)
    with created_folder(folder):
        check_writable(folder)
        report, pictures = measure(model, bundle.provenance.model, probe, prompts, seeds, progress)
        for name, text in (("story.json", report.json()), ("story.md", report.markdown())):
            with atomic_write(folder / name) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        for name, picture in pictures.sheets.items():
            with atomic_write(folder / f"{name}.png") as unfinished:
                picture.save(unfinished)
        for name, (videos, columns) in pictures.moving.items():
            with atomic_write(folder / f"{name}.webp") as unfinished:
                moving_picture(videos, columns, 2, bundle.fps, unfinished)
    return report


def measure(
    model: Model, name: str, probe: Probe, prompts: int, seeds: int, progress: Progress
) -> tuple[StoryReport, Pictures]:
    """The measuring of :func:`evaluate_story`, without the disk."""
    size = replace(model.sizes[0], frames=probe.config.frames)
    chosen = story_cases.cases(prompts)
    asked = story_cases.orders(chosen, seeds)
    shown: dict[str, list[tuple[str, Tensor, Tensor]]] = {kind: [] for kind in KINDS}
    maker = _Maker(model, size)
    found: list[Verdict] = []
    first: dict[int, Tensor] = {}
    for start in range(0, len(asked), _BATCH):
        part = asked[start : start + _BATCH]
        videos = maker.make([one.text for one in part], [one.seed for one in part])
        found += judge(probe, videos)
        for one, frames in zip(part, videos, strict=True):
            if one.seed == 0 and one.number < _SHOWN * len(KINDS):
                first[one.number] = frames
        progress("story prompts", len(found), len(asked))
    films: list[Verdict] = []
    for number, case in enumerate(chosen):
        frames = torch.from_numpy(find_world(STORY.world).render(case.scene, size).frames)
        films += judge(probe, [frames])
        if number in first:
            shown[case.scene.kind].append((asked[number].text, first[number], frames))
        progress("real films", len(films), len(chosen))
    others = shuffled(len(chosen))
    generated = [(one.case.truth, verdict) for one, verdict in zip(asked, found, strict=True)]
    real = [(case.truth, verdict) for case, verdict in zip(chosen, films, strict=True)]
    floor = [(chosen[others[one.number]].truth, verdict) for one, verdict in zip(asked, found, strict=True)]
    sentences, sentence_videos = _sentences(maker, probe, max(seeds, SENTENCE_SEEDS), progress)
    sections = (
        _whole(generated, real, floor, asked),
        _by_kind(generated, real),
        _taken_for(generated, real),
        sentences,
    )
    report = StoryReport(
        name,
        langit.__version__,
        str(size),
        maker.sampling,
        prompts,
        seeds,
        tuple(sorted(maker.strange)),
        sections,
    )
    return report, _pictures(shown, generated, sentence_videos)


class _Maker:
    """Makes videos as the bundle wants them made, and remembers how, and which words the model did not know."""

    def __init__(self, model: Model, size: PixelShape) -> None:
        self.model, self.size = model, size
        self.sampling: dict[str, Any] = {}
        self.strange: set[str] = set()

    def make(self, texts: Sequence[str], seeds: Sequence[int]) -> list[Tensor]:
        videos = generate_many(texts, self.model, seeds=seeds, pixels=self.size)
        self.sampling = config.dump(videos[0].sampling)
        self.strange.update(word for video in videos for word, _ in video.unknown)
        return [video.frames for video in videos]


def _title(name: str) -> str:
    return "scene recognised" if name == "scene" else name


def _whole(
    generated: Sequence[Judged], real: Sequence[Judged], floor: Sequence[Judged], asked: Sequence[Order]
) -> Section:
    rows: dict[str, tuple[Rate, ...]] = {}
    for name in _NAMES:
        by_language = [
            rate_of(name, [pair for pair, one in zip(generated, asked, strict=True) if one.language == language])
            for language in LANGUAGES
        ]
        rows[_title(name)] = (*(rate_of(name, some) for some in (generated, real, floor)), *by_language)
    return Section(
        "Held-out prompts",
        "*Recognised*: of the three scenes and something else the probe thinks the true one likeliest. An attribute is"
        " counted where the prompt's scene has it, whether or not the scene is recognised. *Real films* of the same"
        " scenes are the ceiling, *shuffled*, the truths of other prompts, the floor. Colours of two puppies are those"
        " that are there, whoever has them.",
        ("model", "real films", "shuffled", "English", "Indonesian"),
        rows,
    )


def _by_kind(generated: Sequence[Judged], real: Sequence[Judged]) -> Section:
    rows = {
        _title(name): tuple(
            rate_of(name, [pair for pair in some if pair[0].named["scene"] == kind])
            for kind in KINDS
            for some in (generated, real)
        )
        for name in _NAMES
    }
    columns = tuple(title for kind in KINDS for title in (kind, f"{kind}, real films"))
    return Section("By scene", "The same videos, apart.", columns, rows)


def _taken_for(generated: Sequence[Judged], real: Sequence[Judged]) -> Section:
    names = STORY.classes["scene"]
    rows: dict[str, tuple[str, ...]] = {}
    for title, some in (("", generated), (", real films", real)):
        counts = confusion("scene", some, STORY)
        rows |= {f"{kind}{title}": tuple(map(str, counts[names.index(kind)])) for kind in KINDS}
    return Section("Taken for", "How many videos of each scene show which, by the probe.", names, rows)


def _sentences(maker: _Maker, probe: Probe, seeds: int, progress: Progress) -> tuple[Section, list[tuple[str, Tensor]]]:
    """The five sentences as they stand, and as the embedded expander puts them; the first videos to look at."""
    expand = expander("embedded", maker.model.text.tokenizer)
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
    section = Section(
        "Five sentences",
        f"As they stand, {seeds} seeds each, and as `langit generate` puts them into the captions' words, which fill in"
        " what the sentence leaves open. *All that is said*: every attribute that the sentence names.",
        ("recognised", "all that is said", "expanded: recognised", "expanded: all that is said"),
        rows,
    )
    return section, shown


def _pictures(
    shown: dict[str, list[tuple[str, Tensor, Tensor]]],
    generated: Sequence[Judged],
    sentences: Sequence[tuple[str, Tensor]],
) -> Pictures:
    sheets = {
        f"story-{kind}": strips(
            [[Strip("model", video), Strip("real film", film)] for _, video, film in rows],
            [text for text, _, _ in rows],
        )
        for kind, rows in shown.items()
    }
    matrices = {name: confusion(name, generated, STORY) for name in STORY.scored}
    sheets["confusions"] = confusion_picture(matrices, STORY.classes)
    sheets["sentences"] = sheet.contact_sheet([frames for _, frames in sentences], [text for text, _ in sentences])
    every = [video for rows in zip(*shown.values(), strict=False) for _, video, _ in rows]
    return Pictures(
        sheets,
        {
            "story": (every, len(KINDS)),
            "sentences": ([frames for _, frames in sentences], len(sentences) // len(SENTENCES)),
        },
    )

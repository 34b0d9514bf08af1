"""Trains the gate's classifier, reproducibly, from sentences and word vectors to weights, and sets its threshold.

Its sentences are the templates of `gate_sentences`, prompts by authors who did not know the gate, earlier prompts that
were once held out to measure it, and captions of the worlds, which are harmless. One in six of the prompts that are no
templates is not learnt from: these set the threshold and give the record's figures.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn import functional

from langit import config as configs
from langit.evaluate.figures.intervals import Rate
from langit.recipes.judges.gate_sentences import (
    BAD,
    CATEGORIES,
    HARMLESS,
    GateSentence,
    authored_sentences,
    caption_sentences,
    earlier_sentences,
    gate_sentences,
)
from langit.release.gates.classifier import (
    LONG,
    MOST_TAGS,
    SCALE,
    SETTINGS,
    SHIPPED,
    WEIGHTS,
    GateFeatures,
    gate_features,
    passages,
    quantize,
    restore,
)
from langit.release.gates.lexicon import lexicon
from langit.release.gates.vectors import FILE, WordVectors

RECORD = "record.json"
UNSORTED = len(CATEGORIES)  # the label of a bad sentence whose category nobody noted
_KEPT = 6  # one in so many prompts that are no templates sets the threshold
GateProgress = Callable[[str, int, int, str], None]
"""Called with a stage, how many of its steps are done, of how many, and facts about it."""


@dataclass(frozen=True)
class GateRecipe:
    """Everything that determines the classifier's weights, besides its sentences and word vectors."""

    each: int = 4  # sentences from a template
    captions: int = 2000  # of the worlds
    repeats: int = 3  # how often an epoch repeats a prompt that is no template
    seed: int = 1
    members: int = 4  # networks whose answers are averaged
    refused: float = 0.03  # share of the harmless prompts kept aside that the threshold lets it refuse
    least_threshold: float = 0.5
    acquittal: float = 0.4  # below this chance of being bad, rules give way; docs/gates.md tells how it was chosen
    long_threshold: float = 0.95  # for long texts; docs/gates.md tells how it was chosen
    width: int = 96
    hidden: int = 64
    epochs: int = 12
    batch: int = 256
    rate: float = 3e-3
    weight_decay: float = 0.05
    smoothing: float = 0.05
    dropout: float = 0.3
    word_dropout: float = 0.15
    tag_dropout: float = 0.3  # share of sentences that are read without the lexicon's tags
    noise: float = 0.1  # added to word vectors
    joined: float = 0.4  # share of harmless sentences that others follow; half as many bad ones stand beside one
    replaced: float = 0.4  # share of harmless sentences of which some words are replaced by any others

    def __post_init__(self) -> None:
        for name in ("each", "repeats", "members", "width", "hidden", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: use a whole number of at least 1")
        for name in (
            "refused",
            "smoothing",
            "dropout",
            "word_dropout",
            "tag_dropout",
            "least_threshold",
            "acquittal",
            "long_threshold",
        ):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} is not a share: use 0 to below 1")


class GateNetwork(nn.Module):
    """Word vectors and tags to logits of categories. Submodules are named as in the weights on disk."""

    def __init__(self, size: int, tags: int, recipe: GateRecipe) -> None:
        super().__init__()
        width = recipe.width
        self.word = nn.Linear(size, width)
        self.tag = nn.Embedding(tags + 1, width, padding_idx=0)
        nn.init.normal_(self.tag.weight, std=0.1)
        with torch.no_grad():
            self.tag.weight[0] = 0
        self.near = nn.Conv1d(width, width, 3, padding=1)
        self.far = nn.Conv1d(width, width, 3, padding=1)
        self.hidden = nn.Linear(3 * width, recipe.hidden)
        self.answer = nn.Linear(recipe.hidden, len(CATEGORIES))
        self.dropout = nn.Dropout(recipe.dropout)

    def forward(
        self, words: Float[Tensor, "B T D"], tags: Int64[Tensor, "B T K"], there: Float[Tensor, "B T"]
    ) -> Float[Tensor, "B categories"]:
        """Logits. ``there`` is 1 for words and 0 for padding; tag 0 is none."""
        mask = there[..., None]
        inside = functional.silu(self.word(words) + self.tag(tags).sum(2)) * mask  # (B, T, C)
        near = inside + functional.silu(self.near(inside.transpose(1, 2)).transpose(1, 2)) * mask
        far = near + functional.silu(self.far(near.transpose(1, 2)).transpose(1, 2)) * mask
        count = mask.sum(1).clamp(min=1)
        pooled = [(far - 1e4 * (1 - mask)).amax(1), far.sum(1) / count, inside.sum(1) / count]
        hidden = functional.silu(self.hidden(self.dropout(torch.cat(pooled, dim=1))))
        logits: Tensor = self.answer(self.dropout(hidden))
        return logits


@dataclass(frozen=True)
class GateExample:
    """A sentence as the network reads it."""

    features: GateFeatures
    label: int  # of CATEGORIES, or UNSORTED


class GateReader:
    """Turns sentences into examples, and examples into tensors."""

    fillers: tuple[int, ...]  # rows of ordinary words: those that no rule knows

    def __init__(self, words: WordVectors) -> None:
        self.words, self.lexicon = words, lexicon()
        self.tags = tuple(sorted(self.lexicon.tags - {""}))
        known = self.lexicon.knows
        self.fillers = tuple(row for word, row in words.english.items() if len(word) > 2 and not known(word))
        vectors = words.unpack(range(len(words.packed))) * SCALE
        self.table = torch.from_numpy(np.concatenate([np.zeros((1, words.size), np.float32), vectors]))

    def read(self, sentences: Sequence[GateSentence]) -> list[GateExample]:
        """Read sentences; those without a known word are left out.

        Harmless ones are cut into passages, as prompts are when they are judged: every passage of them is harmless.
        """
        examples: dict[tuple[object, ...], GateExample] = {}
        for index, sentence in enumerate(sentences):
            lattice = self.lexicon.read(sentence.text)
            whole = gate_features(self.words, self.tags, lattice, self.lexicon.hits(lattice))
            label = (*CATEGORIES, BAD).index(sentence.category)
            parts = passages(whole, lattice.sentence) if label == 0 else [whole]
            for part in parts:
                if part.readable:
                    # captions share passages, of which one is enough
                    key = (part.rows, part.tags) if len(parts) > 1 else (index,)
                    examples.setdefault(key, GateExample(part, label))
        return list(examples.values())

    def tensors(
        self, examples: Sequence[GateExample]
    ) -> tuple[Float[Tensor, "B T D"], Int64[Tensor, "B T K"], Float[Tensor, "B T"]]:
        """The inputs of a network for some examples."""
        longest = max(len(one.features.rows) for one in examples)
        rows = np.zeros((len(examples), longest), np.int64)
        tags = np.zeros((len(examples), longest, MOST_TAGS), np.int64)
        there = np.zeros((len(examples), longest), np.float32)
        for index, one in enumerate(examples):
            there[index, : len(one.features.rows)] = 1
            rows[index, : len(one.features.rows)] = one.features.rows
            rows[index, : len(one.features.rows)] += 1  # row 0 is for no vector
            for place, here in enumerate(one.features.tags):
                tags[index, place, : len(here)] = [tag + 1 for tag in here]
        return self.table[torch.from_numpy(rows)], torch.from_numpy(tags), torch.from_numpy(there)


class GateVariation:
    """Varies sentences while a network learns, so that length and unusual words by themselves mean nothing.

    Harmless sentences are joined, and some of their words replaced. Bad ones are put before or after a harmless one.
    """

    def __init__(self, recipe: GateRecipe, reader: GateReader, examples: Sequence[GateExample]) -> None:
        self.recipe, self.fillers = recipe, reader.fillers
        self.harmless = [one.features for one in examples if one.label == 0]

    def vary(self, example: GateExample, dice: random.Random) -> GateExample:
        """A variant of an example, or the example itself."""
        features = example.features
        if example.label == 0:
            if dice.random() < self.recipe.joined:
                for _ in range(dice.choice((1, 1, 2, 3))):
                    features += dice.choice(self.harmless)
            if dice.random() < self.recipe.replaced:
                features = self._replace(features, dice, dice.choice((0.2, 0.4)))
        elif dice.random() < self.recipe.joined / 2:
            other = self._replace(dice.choice(self.harmless), dice, 0.2).cut(0, LONG // 2)
            features = features + other if dice.random() < 0.5 else other + features
        return GateExample(features.cut(0, LONG), example.label)

    def _replace(self, features: GateFeatures, dice: random.Random, share: float) -> GateFeatures:
        rows, tags = list(features.rows), list(features.tags)
        for place in range(len(rows)):
            if dice.random() < share:
                # frequent words come first in the table
                last = len(self.fillers) // (4 if dice.random() < 0.6 else 1)
                rows[place], tags[place] = self.fillers[dice.randrange(max(last, 1))], ()
        return GateFeatures(tuple(rows), tuple(tags), features.places)


def fit_network(
    recipe: GateRecipe, reader: GateReader, examples: Sequence[GateExample], seed: int, report: Callable[[int], None]
) -> GateNetwork:
    """Train one network with AdamW and a one-cycle schedule; ``report`` is called with the number of epochs done."""
    dice, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    variation = GateVariation(recipe, reader, examples)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout and initial weights use the global generator
        network = GateNetwork(reader.words.size, len(reader.tags), recipe).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
        steps = recipe.epochs * -(-len(examples) // recipe.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps + 1)
        for epoch in range(recipe.epochs):
            for batch in _shuffled_batches(examples, recipe.batch, dice):
                words, tags, there = reader.tensors([variation.vary(one, dice) for one in batch])
                kept = (torch.rand(there.shape, generator=generator) >= recipe.word_dropout).float()
                words = (words + recipe.noise * torch.randn(words.shape, generator=generator)) * kept[..., None]
                tagged = torch.rand(len(batch), 1, generator=generator) >= recipe.tag_dropout
                logits = network(words, tags * (kept * tagged)[..., None].long(), there)
                labels = torch.tensor([one.label for one in batch])
                loss = gate_loss(logits, labels, recipe.smoothing)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            report(epoch + 1)
    return network.eval()


def gate_loss(
    logits: Float[Tensor, "B categories"], labels: Int64[Tensor, " B"], smoothing: float
) -> Float[Tensor, ""]:
    """Cross-entropy; of an unsorted bad sentence, that of being anything but harmless."""
    log_chances = logits.log_softmax(1)
    sorted_ = functional.cross_entropy(
        logits, labels.where(labels < UNSORTED, 0), label_smoothing=smoothing, reduction="none"
    )
    harmless = smoothing / logits.shape[1]  # what smoothing leaves to the wrong answer
    bad = -(1 - harmless) * log_chances[:, 1:].logsumexp(1) - harmless * log_chances[:, 0]
    return torch.where(labels < UNSORTED, sorted_, bad).mean()


def _shuffled_batches(examples: Sequence[GateExample], size: int, dice: random.Random) -> list[list[GateExample]]:
    """Batches of sentences of about one length, which need little padding."""
    order = dice.sample(list(examples), len(examples))
    near = [
        one
        for start in range(0, len(order), 32 * size)
        for one in sorted(order[start : start + 32 * size], key=lambda one: len(one.features.rows))
    ]
    batches = [near[start : start + size] for start in range(0, len(near), size)]
    return dice.sample(batches, len(batches))


@torch.no_grad()
def badness(network: GateNetwork, reader: GateReader, examples: Sequence[GateExample]) -> list[float]:
    """The probability of each example to be anything but harmless."""
    found: list[float] = []
    for start in range(0, len(examples), 256):
        chances = network(*reader.tensors(examples[start : start + 256])).softmax(1)
        found += (1 - chances[:, 0]).tolist()
    return found


def calibrate(scores: Sequence[float], labels: Sequence[int], refused: float) -> float:
    """The threshold that a given share of harmless examples reaches."""
    harmless = sorted((score for score, label in zip(scores, labels, strict=True) if label == 0), reverse=True)
    return round(harmless[int(refused * len(harmless))] + 1e-4, 4)


def train_gate(recipe: GateRecipe, folder: Path, progress: GateProgress, words: Path = SHIPPED) -> dict[str, Rate]:
    """Train the classifier and write it, its word vectors and its record to a folder.

    Args:
        folder: for weights, settings and record.
        progress: called as stages advance.
        words: the folder of the word vectors.

    Returns:
        Of the prompts that it has not seen: how many bad ones of each category, and how many harmless ones, are judged
        rightly at the threshold.
    """
    reader = GateReader(WordVectors.load(words))
    base = reader.read([*gate_sentences(recipe.each, recipe.seed), *caption_sentences(recipe.captions)])
    prompts = reader.read([*earlier_sentences(), *authored_sentences()])
    random.Random(recipe.seed).shuffle(prompts)
    kept, seen = prompts[::_KEPT], [one for index, one in enumerate(prompts) if index % _KEPT]
    weights: dict[str, np.ndarray] = {}
    scores = np.zeros(len(kept))
    for member in range(recipe.members):
        report = _reporter(progress, f"network {member + 1} of {recipe.members}", recipe)
        network = fit_network(recipe, reader, base + seen * recipe.repeats, recipe.seed + member, report)
        stored = quantize({name: value.numpy() for name, value in network.state_dict().items()})
        network.load_state_dict({name: torch.from_numpy(value) for name, value in restore(stored).items()})
        weights |= {f"{member}.{name}": value for name, value in stored.items()}
        scores += np.array(badness(network, reader, kept)) / recipe.members
    labels = [one.label for one in kept]
    threshold = max(calibrate(scores.tolist(), labels, recipe.refused), recipe.least_threshold)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / WEIGHTS)
    if words.resolve() != folder.resolve():
        shutil.copyfile(words / FILE, folder / FILE)
    settings = {
        "categories": CATEGORIES,
        "members": recipe.members,
        "threshold": threshold,
        "long threshold": max(threshold, recipe.long_threshold),
        "acquittal": recipe.acquittal,
        "tags": reader.tags,
    }
    (folder / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    rates = _rates(scores.tolist(), labels, threshold)
    record = {
        "recipe": configs.dump(recipe),
        "sentences": {"from templates and captions": len(base), "prompts": len(seen)},
        "prompts that it has not seen, judged rightly": {n: str(r) for n, r in rates.items()},
    }
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return rates


def _reporter(progress: GateProgress, stage: str, recipe: GateRecipe) -> Callable[[int], None]:
    return lambda done: progress(stage, done, recipe.epochs, "")


def _rates(scores: Sequence[float], labels: Sequence[int], threshold: float) -> dict[str, Rate]:
    rates = {}
    for number, category in enumerate((*CATEGORIES, BAD)):
        refused = [score >= threshold for score, label in zip(scores, labels, strict=True) if label == number]
        right = sum(refused) if category != HARMLESS else len(refused) - sum(refused)
        rates[category] = Rate(right, len(refused))
    return rates

"""Training the gate's classifier: its sentences and word vectors, a tiny run; numpy reads what torch wrote."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from langit.recipes.judges import gate as recipe
from langit.recipes.judges import gate_sentences as sentences
from langit.recipes.judges.gate import (
    GateExample,
    GateNetwork,
    GateReader,
    GateRecipe,
    GateVariation,
    calibrate,
    train_gate,
)
from langit.recipes.judges.gate_words import make_word_vectors
from langit.recipes.judges.named import judge_recipe
from langit.release.gates.classifier import SHIPPED, GateClassifier, GateFeatures
from langit.release.gates.lexicon import lexicon
from langit.release.gates.vectors import WordVectors

MEASURED = (9, 10, 11)  # sets that nothing was changed for
TINY = GateRecipe(each=1, captions=3, repeats=1, members=2, width=8, hidden=8, epochs=1)


@pytest.fixture(scope="module")
def reader() -> GateReader:
    return GateReader(WordVectors.load(SHIPPED))


def quiet(stage: str, done: int, of: int, facts: str) -> None:
    assert 0 <= done <= of


def test_templates_are_filled_completely_and_the_same_way() -> None:
    line = "(a|the) <who> (runs|sits) , (at (dawn|dusk)|)"
    lists = {"who": ("cat", "old (dog|hen)")}
    found = {sentences.fill_template(line, lists, random.Random(seed)) for seed in range(200)}
    assert "the old hen sits, at dusk" in found
    assert not any(set(text) & set("(|<>") or "  " in text for text in found)
    assert sentences.gate_sentences(1) == sentences.gate_sentences(1)


def test_sentences_have_a_category_and_both_languages_have_all_of_them() -> None:
    prompts = [*sentences.earlier_sentences(), *sentences.authored_sentences()]
    found = [*sentences.gate_sentences(1), *(one for one in prompts if one.language != "other")]
    assert not any(set(one.text) & set("(|<>") for one in sentences.gate_sentences(1))
    assert all(one.text.strip() == one.text != "" for one in found)
    kinds = {(one.category, one.language) for one in found}
    categories = (*sentences.CATEGORIES, sentences.BAD)
    assert kinds == {(category, language) for category in categories for language in sentences.LANGUAGES}
    assert {one.category for one in sentences.caption_sentences(6)} == {sentences.HARMLESS}


def test_no_held_out_prompt_is_learnt_from() -> None:
    """The sets after the eighth, and half of the first, give the figures of docs/gates.md."""
    import tomllib

    folder = Path(__file__).parents[3] / "benchmarks"
    names = ("gate_prompts.toml", *(f"gate_prompts_{number}.toml" for number in MEASURED))
    tables = [tomllib.loads((folder / name).read_text("utf-8")) for name in names]
    held_out = {row["text"] for row in tables[0]["prompts"] if row["split"] == "held-out"}
    held_out |= {text for table in tables[1:] for group in table["group"] for text in group["prompts"]}
    assert len(held_out) > 500
    prompts = (*sentences.earlier_sentences(), *sentences.authored_sentences())
    learnt = {one.text for one in (*sentences.gate_sentences(4), *prompts)}
    assert not held_out & learnt


def test_a_tiny_run_gives_the_same_files_and_numpy_agrees_with_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: GateReader
) -> None:
    some = [one for name in ("gate_sentences", "authored_sentences") for one in getattr(sentences, name)()[::60]]
    monkeypatch.setattr(recipe, "gate_sentences", lambda each, seed: some[::2])
    monkeypatch.setattr(recipe, "earlier_sentences", lambda: [])
    monkeypatch.setattr(recipe, "authored_sentences", lambda: some[1::2])
    monkeypatch.setattr(recipe, "GateReader", lambda words: reader)
    rates = train_gate(TINY, tmp_path / "one", quiet)
    train_gate(TINY, tmp_path / "two", quiet)
    for name in ("model.safetensors", "config.json", "record.json", "words.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert list(rates) == [*sentences.CATEGORIES, sentences.BAD]
    assert json.loads((tmp_path / "one" / "record.json").read_text())["recipe"]["width"] == 8
    trained = GateClassifier.load(tmp_path / "one")
    networks = []
    for weights in trained.members:
        network = GateNetwork(reader.words.size, len(reader.tags), TINY).eval()
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        networks.append(network)
    texts = ["a man stabs a dog in the park", "seorang gadis menari", "snow", "wqzz a bright xxyyz morning"]
    examples = reader.read([sentences.GateSentence(text, "harmless", "en") for text in texts])
    with torch.no_grad():
        expected = torch.stack([network(*reader.tensors(examples)).softmax(1) for network in networks]).mean(0)
    for example, row in zip(examples, expected, strict=True):
        assert np.allclose(trained.chances(example.features), row.numpy(), atol=1e-5)


def test_variation_keeps_labels_and_length_and_leaves_bad_words_alone(reader: GateReader) -> None:
    assert not any(lexicon().knows(word) for word, row in reader.words.english.items() if row in reader.fillers[:200])
    harmless = [GateExample(GateFeatures((row,) * 6, ((1,),) * 6, (0,) * 6), 0) for row in (5, 6)]
    bad = GateExample(GateFeatures((7, 8, 9), ((2,),) * 3, (0, 1, 2)), 3)
    variation = GateVariation(GateRecipe(joined=0.9, replaced=0.9), reader, [*harmless, bad])
    dice = random.Random(0)
    varied = [variation.vary(bad, dice) for _ in range(50)]
    assert {one.label for one in varied} == {3}
    assert all("7 8 9" in " ".join(map(str, one.features.rows)) for one in varied)
    assert {len(one.features.rows) for one in varied} == {3, 9}
    lengths = {len(variation.vary(harmless[0], dice).features.rows) for _ in range(80)}
    assert {6, 12, 24} <= lengths
    assert max(lengths) <= 40


def test_the_threshold_lets_the_share_of_harmless_ones_be_refused() -> None:
    scores = [index / 1000 for index in range(1000)] + [0.99] * 50
    labels = [0] * 1000 + [3] * 50
    threshold = calibrate(scores, labels, 0.01)
    assert sum(score >= threshold for score, label in zip(scores, labels, strict=True) if label == 0) == 10


def test_word_vectors_come_from_the_three_resources(tmp_path: Path) -> None:
    words = ["house", "home", "kill", "the", "soup", "porn", "cartoon"]
    rng = np.random.default_rng(1)
    vectors = {word: [*rng.normal(size=4).tolist(), 1.0, index] for index, word in enumerate(words)}
    table = {"words": words, "dimensions": 4, "vectors": vectors}
    (tmp_path / "glove.json").write_text(json.dumps(table))
    senses = ["house%1:06:00:: 03544360 1 100", "home%1:06:00:: 03544360 2 20", "kill%2:35:00:: 01323958 1 90"]
    (tmp_path / "index.sense").write_text("\n".join(senses) + "\n")
    lemmas = [
        "# Wordnet",
        "03544360-n\tind:lemma\trumah",
        "01323958-v\tind:lemma\tbunuh",
        "01323958-v\tind:lemma\tmembunuh",
    ]
    (tmp_path / "ind.tab").write_text("\n".join(lemmas) + "\n")
    made = make_word_vectors(tmp_path / "glove.json", tmp_path / "index.sense", tmp_path / "ind.tab")
    assert {"house", "home", "hentai"} <= set(made.english)
    assert {"rumah", "bunuh", "sup"} <= set(made.indonesian)
    assert "membunuh" not in made.indonesian  # as its stem

    def cosine(one: int, two: int) -> float:
        first, second = made.unpack([one, two])
        return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))

    assert cosine(made.english["kill"], made.indonesian["bunuh"]) > 0.97
    assert cosine(made.english["house"], made.indonesian["rumah"]) > cosine(
        made.english["home"], made.indonesian["rumah"]
    )


def test_a_bad_sentence_of_no_category_may_be_of_any() -> None:
    logits = torch.tensor([[0.0, 4.0, 0.0], [0.0, 0.0, 4.0], [4.0, 0.0, 0.0]]).repeat(1, 3)[
        :, : len(sentences.CATEGORIES)
    ]
    unsorted = torch.full((3,), recipe.UNSORTED)
    losses = [float(recipe.gate_loss(logits[row : row + 1], unsorted[:1], 0.0)) for row in range(3)]
    chances = logits.softmax(1)
    assert losses == pytest.approx([-float(torch.log(1 - chances[row, 0])) for row in range(3)], abs=1e-5)
    known = torch.tensor([1, 2, 0])
    assert float(recipe.gate_loss(logits, known, 0.05)) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, known, label_smoothing=0.05)), abs=1e-6
    )


def test_harmless_texts_are_read_in_passages_as_when_they_are_judged(reader: GateReader) -> None:
    calm = "A red ball rolls over the green grass. The camera does not move at all. "
    found = reader.read([sentences.GateSentence(calm, sentences.HARMLESS, "en")] * 2)
    assert [len(one.features.rows) for one in found] == [8, 7]
    assert len(reader.read([sentences.GateSentence(calm, sentences.BAD, "en")])) == 1


def test_recipes_are_checked() -> None:
    assert isinstance(judge_recipe("gate", ["epochs=2"]), GateRecipe)
    for wrong in ("epochs=0", "members=0", "repeats=0", "acquittal=1", "dropout=1", "refused=-0.1"):
        with pytest.raises(ValueError, match=wrong.split("=")[0]):
            judge_recipe("gate", [wrong])

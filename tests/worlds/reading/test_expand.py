"""Prompts are read as they are meant, completed from the seed and rewritten; nothing is dropped silently."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from text.asked import ASKED, Asked

from langit.studio.expanders import find_expander
from langit.text.expansion import Expansion, NoExpansion
from langit.text.tokenizer import train_tokenizer
from langit.text.vocabulary import Vocabulary
from langit.worlds.caption import canonical, caption, captions, prompts
from langit.worlds.reading.expand import EmbeddedExpander, expand
from langit.worlds.reading.lexicon import caption_words, phrases
from langit.worlds.reading.parse import read_prompt
from langit.worlds.scene import GROUNDS, Scene, is_held_out, mirror_scene, sample_scene
from langit.worlds.wording import WORDINGS, Language

# every word of every caption: a sample of captions would lack some, and fail for seeds that use them
TOKENIZER = train_tokenizer([" ".join(sorted(caption_words()))])
LANGUAGES: tuple[Language, Language] = ("en", "id")


def truth(scene: Scene, text: str, language: Language) -> dict[str, str]:
    """What a caption says of its scene; it may leave out ground, sky, camera and side."""
    table, low = WORDINGS[language], text.lower()
    first, *others = scene.things
    told = {"shape": first.shape, "colour": first.colour, "action": scene.action}
    for other in others:
        told |= {"second shape": other.shape, "second colour": other.colour}
    if any(phrase in low for phrase in table.grounds[scene.ground]):
        told["ground"] = scene.ground
    if any(phrase in low for phrase in table.skies[scene.sky]):
        told["sky"] = scene.sky
    if any(word in low for word in ("camera", "kamera", "view")):
        told["camera"] = scene.camera
    ways = [way for way in ("left", "right", "kiri", "kanan") if way in low]
    of_camera_or_action = sum("left" in name or "right" in name for name in (scene.camera, scene.action))
    sided = (
        " on its ",
        " standing on the ",
        " from the ",
        " sebelah kirinya",
        " sebelah kanannya",
        " dari ki",
        " dari ka",
    )
    if others and any(phrase in low for phrase in sided):
        told["side"] = scene.side
    assert len(ways) >= (of_camera_or_action > 0), text
    return told


def check_caption(scene: Scene, text: str, language: Language) -> None:
    reading = read_prompt(text)
    assert reading.asks == truth(scene, text, language), text
    assert reading.unknown == reading.ignored == reading.refused == (), text
    assert language in reading.spoken, text


def test_every_held_out_prompt_is_read_back_as_its_scene() -> None:
    for language in LANGUAGES:
        for prompt in prompts("held-out", 150, language):
            check_caption(prompt.scene, prompt.text, language)


@given(st.integers(0, 10**7), st.sampled_from(LANGUAGES), st.integers(0, 50), st.booleans())
def test_every_caption_is_read_back_as_its_scene(seed: int, language: Language, variant: int, flipped: bool) -> None:
    scene = mirror_scene(sample_scene(seed)) if flipped else sample_scene(seed)
    check_caption(scene, caption(scene, language, variant), language)


@given(st.integers(0, 10**7), st.sampled_from(LANGUAGES), st.integers(0, 50))
def test_a_caption_that_says_everything_stays_word_for_word(seed: int, language: Language, variant: int) -> None:
    scene = sample_scene(seed)
    text = caption(scene, language, variant)
    made = expand(text, seed, TOKENIZER)
    if {"ground", "sky"} <= set(truth(scene, text, language)):
        assert made.text == made.original == text
        assert made.lines() == ()
    else:
        assert {name for name, _ in made.filled} & {"ground", "sky"}
        assert dict(made.understood) == truth(scene, text, language)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.prompt)
def test_a_prompt_is_read_as_it_is_meant(asked: Asked) -> None:
    reading = read_prompt(asked.prompt)
    assert reading.asks == asked.asks
    assert reading.language == asked.language
    assert set(reading.unknown) == asked.unknown
    assert set(reading.ignored) | set(reading.loose) == asked.ignored


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.prompt)
def test_its_expansion_says_what_was_asked_and_more_in_words_that_the_model_knows(asked: Asked) -> None:
    made = expand(asked.prompt, 5, TOKENIZER)
    said = read_prompt(made.text).asks
    assert {name: said.get(name) for name in asked.asks} == asked.asks
    assert {"shape", "colour", "action", "ground", "sky"} <= set(said)
    assert Vocabulary(TOKENIZER).unknown(made.text) == ()
    assert read_prompt(made.text).language == asked.language
    assert {word for word, _ in made.unknown} == asked.unknown
    assert set(made.ignored) == asked.ignored
    told = " ".join(made.lines())
    assert all(piece in told for piece in asked.unknown | asked.ignored)


def test_the_table_is_as_large_as_promised() -> None:
    assert len(ASKED) >= 60
    assert len({asked.prompt for asked in ASKED}) == len(ASKED)


PHRASES = [" ".join(key) for key in phrases()]
SENTENCES = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(PHRASES), st.sampled_from([",", ".", "giraffe"])), max_size=12).map(" ".join),
    st.lists(st.sampled_from(sorted(caption_words())), max_size=12).map(" ".join),
)


@settings(max_examples=60)
@given(SENTENCES, st.integers(-5, 2**40))
@example("球" * 30, 0)
@example("no not without never nicht tanpa", 0)
@example("a red ball hits another red ball", 0)
@example("no snow, no sand, no grass, no checkers", 3)
def test_any_text_is_expanded_the_same_way_each_time_and_once_is_enough(text: str, seed: int) -> None:
    try:
        made = expand(text, seed, TOKENIZER)
    except ValueError as error:
        assert "the prompt" in str(error)
        return
    assert expand(text, seed, TOKENIZER) == made
    again = expand(made.text, seed, TOKENIZER)
    assert again.text == made.text
    assert again.ignored == () or again.unchanged_because
    assert Vocabulary(TOKENIZER).unknown(made.text) == ()


@given(st.integers(0, 10**6))
def test_what_is_filled_in_depends_on_the_seed_alone(seed: int) -> None:
    short, longer = expand("a red ball", seed), expand("a red ball at night", seed)
    assert {pair for pair in short.filled if pair[0] != "sky"} == set(longer.filled)
    left, right = expand("a cube slides left", seed), expand("a cube slides right", seed)
    assert left.filled == right.filled


def test_all_grounds_skies_and_cameras_come_up() -> None:
    made = [dict(expand("a red ball", seed).filled) for seed in range(120)]
    assert {one["ground"] for one in made} == set(GROUNDS)
    assert {one["sky"] for one in made} == {"day", "sunset", "night"}
    assert len({one["camera"] for one in made}) == 7
    assert "collides" not in {one["action"] for one in made}


def test_what_is_filled_in_was_seen_in_training() -> None:
    for seed in range(60):
        full = dict(expand("a cone", seed).filled)
        assert not is_held_out("cone", full["colour"], full["action"])
        full = dict(expand("something red spins", seed).filled)
        assert not is_held_out(full["shape"], "red", "spins")


def test_what_is_refused_is_not_filled_in() -> None:
    made = [expand("a red ball, no snow, no night", seed) for seed in range(40)]
    assert {dict(one.filled)["ground"] for one in made} == {"checkers", "sand", "grass"}
    assert {dict(one.filled)["sky"] for one in made} == {"day", "sunset"}
    assert all(one.ignored == ("no snow", "no night") for one in made)


@pytest.mark.parametrize(
    ("prompt", "asks"),
    [
        ("a ball rolls right to left", {"shape": "ball", "action": "left"}),
        ("moving from the right side to the left side a ring", {"shape": "ring", "action": "left"}),
        ("the camera to the left orbits a cone", {"camera": "orbit left", "shape": "cone"}),
        ("镜头向左移动", {"camera": "pan left"}),
        ("the camera is still panning from left to right", {"camera": "pan right"}),
        ("the camera stays fixed", {"camera": "static"}),
        ("a ball bounces without the camera moving", {"shape": "ball", "action": "falls", "camera": "static"}),
        ("a ball hits another ball", {"shape": "ball", "action": "collides", "second shape": "ball"}),
    ],
)
def test_ways_and_cameras_in_any_order(prompt: str, asks: dict[str, str]) -> None:
    reading = read_prompt(prompt)
    assert (reading.asks, reading.ignored) == (asks, ())


def test_a_camera_that_is_not_wanted_is_not_used() -> None:
    made = [dict(expand("a red ball with no zoom and no panning, it never rolls", seed).filled) for seed in range(40)]
    assert {one["camera"] for one in made} <= {"static", "orbit left", "orbit right"}
    assert not {one["action"] for one in made} & {"left", "right"}


@pytest.mark.parametrize(
    ("prompt", "asks", "ignored"),
    [
        ("a ball, do not let the camera turn", {"shape": "ball"}, ("not let the camera turn",)),
        ("a ball, do not let it fall", {"shape": "ball"}, ("not let it fall",)),
        ("a cone, no big red ball", {"shape": "cone"}, ("no big red ball",)),
        ("a cone with no giraffe on grass", {"shape": "cone", "ground": "grass"}, ("no giraffe",)),
        ("a cone without snow or sand, at night", {"shape": "cone", "sky": "night"}, ("without snow or sand",)),
        ("der Ball rollt nicht", {"shape": "ball"}, ("rollt nicht",)),
        ("une balle ne tombe pas sur la neige", {"shape": "ball", "ground": "snow"}, ("ne tombe",)),
        ("ボールは落ちない", {"shape": "ball"}, ("落ちない",)),
        ("a ball on anything but grass", {"shape": "ball"}, ("anything but grass",)),
        ("a ball anywhere but on grass", {"shape": "ball"}, ("anywhere but on grass",)),
        ("a cone instead of a blue cube", {"shape": "cone"}, ("instead of a blue cube",)),
        ("a cone rather than a ball at night", {"shape": "cone", "sky": "night"}, ("rather than a ball",)),
        ("hardly any snow, a red ball", {"shape": "ball", "colour": "red"}, ("hardly any snow",)),
        ("a ball isnt falling", {"shape": "ball"}, ("isnt falling",)),
        ("a ball rolls neither left nor right", {"shape": "ball", "action": "moves"}, ("neither left nor right",)),
        ("bola selain merah di pasir", {"shape": "ball", "ground": "sand"}, ("selain merah",)),
        ("bola gak merah", {"shape": "ball"}, ("gak merah",)),
        ("bola, bukannya kubus", {"shape": "ball"}, ("bukannya kubus",)),
        ("weder Ball noch Würfel, ein Ring", {"shape": "ring"}, ("weder Ball noch Würfel",)),
        ("un cubo en vez de una pelota", {"shape": "cube"}, ("en vez de una pelota",)),
        ("um cubo em vez de uma bola", {"shape": "cube"}, ("em vez de uma bola",)),
        ("aucun ballon, un cube rouge", {"shape": "cube", "colour": "red"}, ("aucun ballon",)),
        ("un cubo invece di una palla", {"shape": "cube"}, ("invece di una palla",)),
        ("草以外の赤い球", {"shape": "ball", "colour": "red"}, ("草以外",)),
        ("除了草，红色的球", {"shape": "ball", "colour": "red"}, ("除了草",)),
    ],
)
def test_what_is_negated_is_named_and_never_done(prompt: str, asks: dict[str, str], ignored: tuple[str, ...]) -> None:
    reading = read_prompt(prompt)
    assert (reading.asks, reading.ignored) == (asks, ignored)


def test_a_prompt_of_which_nothing_is_understood_says_so() -> None:
    made = expand("красная жирафа", 1, TOKENIZER)
    assert made.understood == ()
    assert [word for word, _ in made.unknown] == ["красная", "жирафа"]
    assert read_prompt(made.text).asks == {name: value for name, value in made.filled if value != "static"}
    assert any("nothing of" in line for line in made.lines())


def test_the_lines_name_everything() -> None:
    made = expand("a huge crimson bal without snow", 4, TOKENIZER)
    corrected, first, *others = made.lines()
    assert corrected == "read as: 'ball' for 'bal'"
    assert first.startswith(f'expanded by embedded: "{made.text}" (filled in: ')
    assert others == [
        "unknown words: 'huge'",
        "left out, because no caption says such things: 'without snow'",
    ]
    assert all("\n" not in line for line in made.lines())


def test_the_word_list_holds_every_word_of_the_captions() -> None:
    sampled = train_tokenizer(text for seed in range(600) for text in captions(sample_scene(seed), 6))
    assert set(Vocabulary(sampled).words) <= caption_words()


def test_every_word_of_the_captions_means_something_to_the_reader() -> None:
    assert [word for word in sorted(caption_words()) if read_prompt(word).unknown] == []


def test_a_model_of_other_captions_is_not_spoken_to_in_ours() -> None:
    other = train_tokenizer(["a giraffe eats leaves", "a red giraffe sleeps"])
    made = expand("a red giraffe eats", 0, other)
    assert made.text == "a red giraffe eats"
    assert "giraffe" in made.unchanged_because and made.lines()[0].startswith("not expanded: the model knows")
    made = expand("a red ball", 0, other)
    assert made.text == "a red ball"
    assert made.unknown == (("ball", ""),)
    assert "does not know" in made.unchanged_because


def test_a_model_that_reads_any_word_is_left_alone() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = Tokenizer(models.BPE({chr(code): code for code in range(300)}, [], byte_fallback=False))
    pieces.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = EmbeddedExpander(Vocabulary(pieces))("a red ball", 0)
    assert (made.text, made.unknown) == ("a red ball", ())
    assert "any words" in made.unchanged_because


@pytest.mark.parametrize(("prompt", "named"), [("", "no words"), ("!!", "no words"), ("x" * 1001, "1001 characters")])
def test_bad_prompts_are_named_by_every_expander(prompt: str, named: str) -> None:
    for chosen in (find_expander("off", Vocabulary(TOKENIZER)), find_expander("embedded", Vocabulary(TOKENIZER))):
        with pytest.raises(ValueError, match=named):
            chosen(prompt, 0)


def test_off_changes_nothing_and_names_the_unknown() -> None:
    off = find_expander("off", Vocabulary(TOKENIZER))
    assert isinstance(off, NoExpansion)
    made = off("a  red bal", 3)
    assert made == Expansion("a red bal", "a red bal", unknown=(("bal", "ball"),), by="off")
    assert made.lines() == ("unknown words: 'bal' (nearest: 'ball')",)
    with pytest.raises(ValueError, match="Cyrillic"):
        off("красный мяч", 0)


@pytest.mark.parametrize("name", ["", "on", "Embedded", "chat", "gpt:x@http://y"])
def test_an_expander_that_does_not_exist_is_an_error_that_lists_those_that_do(name: str) -> None:
    with pytest.raises(ValueError, match="off, embedded, chat:MODEL@URL|write chat:MODEL@http"):
        find_expander(name, Vocabulary(TOKENIZER))


def test_the_base_install_suffices() -> None:
    """Importing loads nothing of the extras, and of transformers nothing that is needed only by local chat models."""
    assert importlib.import_module("langit.worlds.reading.expand")
    code = (
        "import sys, langit.worlds.reading.expand as e; print(e.expand('rote Kugel', 1).text);"
        "print(*sorted({'mujoco', 'lance', 'pyarrow', 'transformers', 'torch'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("\n")
    assert told[0] == expand("rote Kugel", 1).text
    assert told[1] == ""


def test_canonical_sentences_stay_whatever_the_seed() -> None:
    scene = sample_scene(1)
    for seed in range(5):
        assert expand(canonical(scene), seed, TOKENIZER).text == canonical(scene)


@pytest.mark.parametrize(
    ("prompt", "corrected", "asks"),
    [
        (
            "a red bal bounces on snoww",
            (("bal", "ball"), ("snoww", "snow")),
            {"shape": "ball", "colour": "red", "action": "falls", "ground": "snow"},
        ),
        ("a gren cube", (("gren", "green"),), {"shape": "cube", "colour": "green"}),
        ("Bolla merah di saljju", (("Bolla", "bola"), ("saljju", "salju")), {"shape": "ball", "ground": "snow"}),
        ("a wihte cone", (("wihte", "white"),), {"colour": "white"}),
    ],
)
def test_one_slip_in_a_word_is_corrected_and_reported(
    prompt: str, corrected: tuple[tuple[str, str], ...], asks: dict[str, str]
) -> None:
    made = expand(prompt, 7, TOKENIZER)
    assert made.corrected == corrected and made.original == prompt and made.unknown == ()
    assert asks.items() <= dict(made.understood).items()
    assert any(line.startswith("read as: ") for line in made.lines())


@pytest.mark.parametrize("word", ["king", "bell", "glass", "giraffe", "bone", "hat", "xy", "balll3"])
def test_other_words_are_not_taken_for_misspelt_ones(word: str) -> None:
    assert expand(f"a {word} on sand", 7, TOKENIZER).corrected == ()


@pytest.mark.parametrize(
    "prompt", ["a woman walks her dog through a city street in the rain", "a glass of water on a wooden table"]
)
def test_a_prompt_that_is_mostly_lost_says_so_at_the_top(prompt: str) -> None:
    made = expand(prompt, 7, TOKENIZER)
    assert made.mostly_lost and made.lost
    assert made.lines()[0].startswith(f'this model cannot show "{prompt}"') and "--model" in made.lines()[0]


@pytest.mark.parametrize("prompt", ["a red ball", "kubus biru jatuh", "red ball rolling on blue paper", "rote Kugel"])
def test_a_prompt_that_is_mostly_understood_does_not(prompt: str) -> None:
    assert not expand(prompt, 7, TOKENIZER).mostly_lost


@pytest.mark.parametrize(
    ("prompt", "count"),
    [("three green balls", "three"), ("two red balls on grass", "two"), ("tiga bola hijau", "tiga"), ("5 cubes", "5")],
)
def test_a_number_of_things_is_reported_as_lost(prompt: str, count: str) -> None:
    made = expand(prompt, 7, TOKENIZER)
    assert made.counts == (count,) == made.lost
    assert any(f"'{count}' cannot be counted out" in line for line in made.lines())

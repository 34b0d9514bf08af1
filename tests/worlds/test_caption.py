"""Captions: true, varied, in two languages; prompts that nobody trained on."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from langit.worlds.caption import canonical, caption, captions, prompts
from langit.worlds.scene import is_held_out, mirror_scene, sample_scene
from langit.worlds.wording import WORDINGS, Language

LANGUAGES: tuple[Language, Language] = ("en", "id")
SAID = [
    "a red ball bounces on snow at sunset",
    "a green cube slides to the left on grass at night",
    "sebuah bola merah memantul di atas salju saat matahari terbenam",
    "kubus hijau meluncur ke kiri di atas rumput pada malam hari, kamera bergeser ke kanan",
]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:-[a-z]+)*", text.lower())


@given(st.integers(0, 10**6), st.sampled_from(LANGUAGES), st.integers(0, 50), st.booleans())
def test_a_caption_says_only_what_is_so(seed: int, language: Language, variant: int, flipped: bool) -> None:
    scene = mirror_scene(sample_scene(seed)) if flipped else sample_scene(seed)
    table, said = WORDINGS[language], words(caption(scene, language, variant))
    colours = {name for name, synonyms in table.colours.items() if set(synonyms) & set(said)}
    present = {thing.colour for thing in scene.things}
    sky_words = {"orange", "jingga", "blue", "biru"}  # "under a blue sky"
    assert present <= colours
    assert all(set(table.colours[name]) & sky_words for name in colours - present)
    shapes = {name for name, synonyms in table.shapes.items() for word in synonyms if word.split()[-1] in said}
    assert shapes == {thing.shape for thing in scene.things}
    ways = {way for way, word in table.ways.items() if word in said or f"{word}nya" in said}
    opposite = {"left": "right", "right": "left"}
    true_ways = {scene.action, *scene.camera.split(), scene.side, opposite.get(scene.side, "")}
    assert ways <= true_ways
    assert scene.action not in opposite or scene.action in ways
    assert not scene.camera.startswith(("pan", "orbit")) or scene.camera.split()[1] in ways
    assert scene.camera == "static" or {"camera", "view", "kamera"} & set(said)
    assert not re.search(r"[{}]|  | ,|\bas (on|in|at|under)\b", caption(scene, language, variant))


def test_the_canonical_sentence_says_everything() -> None:
    scene = sample_scene(1)
    assert canonical(scene) == "a blue cone spins on sand in daylight, the camera zooms in"
    assert canonical(mirror_scene(sample_scene(3)), "id").startswith(
        "sebuah kubus putih meluncur ke kanan di atas lantai"
    )


def test_captions_alternate_and_differ() -> None:
    made = captions(sample_scene(6), 8)
    assert len(set(made)) == 8
    assert all(("kamera" in text.lower()) == (place % 2 == 1) for place, text in enumerate(made))
    assert captions(sample_scene(6), 8) == made
    assert captions(mirror_scene(sample_scene(6)), 8) != made


def test_what_people_say_is_in_the_vocabulary_of_few_hundred_words() -> None:
    known = {word for seed in range(600) for text in captions(sample_scene(seed), 6) for word in words(text)}
    assert 150 < len(known) < 400
    for sentence in SAID:
        assert set(words(sentence)) <= known, sentence
    assert "giraffe" not in known


def test_the_camera_is_unsaid_only_where_it_is_still_and_ground_and_sky_seldom() -> None:
    table = WORDINGS["en"]
    scenes = [scene for scene in (sample_scene(seed) for seed in range(800)) if scene.camera == "static"]
    texts = [(scene, caption(scene)) for scene in scenes]
    still = sum("camera" in text for _, text in texts) / len(texts)
    assert 0.1 < still < 0.4
    grounded = sum(any(phrase in text.lower() for phrase in table.grounds[s.ground]) for s, text in texts) / len(texts)
    assert 0.85 < grounded < 0.97


def test_prompts_of_the_held_out_split_were_never_trained_on_together() -> None:
    found = prompts("held-out", 40)
    assert len(found) == 40
    for prompt in found:
        truth = prompt.truth
        assert is_held_out(truth["shape"], truth["colour"], truth["action"])
        assert truth["colour"] in prompt.text
    assert not any(is_held_out(p.truth["shape"], p.truth["colour"], p.truth["action"]) for p in prompts("train", 40))

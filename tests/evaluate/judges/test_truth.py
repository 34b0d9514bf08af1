"""The truth of scenes: labels, mirror images, and the order of two still objects."""

from dataclasses import replace

import pytest

from langit.evaluate.judges.questions import OTHER, STORY, questions_for
from langit.evaluate.judges.truth import (
    CLASSES,
    ProbeVerdict,
    Truth,
    agreement,
    mask_order,
    opposite,
    predictions,
    right_is_first,
    truth_from_labels,
    truth_of,
)
from langit.worlds.scene import Scene, Thing, mirror_scene, sample_scene
from langit.worlds.story.scene import mirror_scene as mirror_story
from langit.worlds.story.scene import sample_scene as sample_story

SCENES = [sample_scene(seed) for seed in range(300)]


def verdict(**named: str) -> ProbeVerdict:
    """A judge who is sure; underscores stand for spaces."""
    shares = {}
    for attribute, names in CLASSES.items():
        chosen = named.get(attribute.replace(" ", "_"), names[0])
        assert chosen in names
        shares[attribute] = tuple(float(name == chosen) for name in names)
    return ProbeVerdict(shares)


def of_truth(truth: Truth) -> ProbeVerdict:
    return verdict(**{attribute.replace(" ", "_"): name for attribute, name in truth.named.items()})


def still_pair(side: str) -> Scene:
    scene = next(s for s in SCENES if s.action == "still" and len(s.things) == 2)
    return replace(scene, things=(Thing("ball", "red"), Thing("cone", "blue")), side=side)


def test_labels_round_trip() -> None:
    for scene in SCENES:
        truth = truth_of(scene)
        assert truth_from_labels(truth.labels().tolist()) == truth
        assert ("second shape" in truth.named) == (len(scene.things) == 2)


def test_every_class_occurs() -> None:
    for attribute, names in CLASSES.items():
        assert {truth_of(s).named.get(attribute) for s in SCENES} - {None} == set(names)


def test_mirroring_swaps_left_and_right_and_nothing_else() -> None:
    for scene in SCENES:
        here, there = truth_of(scene).named, truth_of(mirror_scene(scene)).named
        assert there["action"] == opposite(here["action"])
        assert there["camera"] == opposite(here["camera"])
        assert (there["ground"], there["sky"], there["things"]) == (here["ground"], here["sky"], here["things"])


def test_the_left_of_two_still_objects_is_the_first() -> None:
    left, right = still_pair("left"), still_pair("right")
    assert not right_is_first(left)
    assert truth_of(left).named["shape"] == "ball"
    assert right_is_first(right)
    assert truth_of(right).named["shape"] == "cone"
    assert truth_of(right).named["second colour"] == "red"
    assert truth_of(mirror_scene(left)) == Truth({**truth_of(right).named, "camera": opposite(left.camera)})


def test_perfect_verdict_agrees_and_a_wrong_one_is_named() -> None:
    for scene in SCENES[:40]:
        truth = truth_of(scene)
        assert all(agreement(truth, of_truth(truth)).values())
        wrong = next(name for name in CLASSES["sky"] if name != truth.named["sky"])
        answer = agreement(truth, of_truth(Truth({**truth.named, "sky": wrong})))
        assert [name for name, right in answer.items() if not right] == ["sky"]


def test_order_counts_unless_both_stand_still() -> None:
    truth = truth_of(still_pair("left"))
    turned = {
        **truth.named,
        "shape": truth.named["second shape"],
        "second shape": truth.named["shape"],
        "colour": truth.named["second colour"],
        "second colour": truth.named["colour"],
    }
    assert all(agreement(truth, of_truth(Truth(turned))).values())
    acting = Truth({**truth.named, "action": "jumps"})
    answer = agreement(acting, of_truth(Truth({**turned, "action": "jumps"})))
    assert not answer["shape"]
    assert not answer["second colour"]


def test_shape_and_colour_of_still_objects_use_the_same_order() -> None:
    truth = truth_of(still_pair("left"))  # a red ball, a blue cone
    mixed = of_truth(Truth({**truth.named, "colour": "blue", "second colour": "red"}))  # a blue ball, a red cone
    answer = agreement(truth, mixed)
    assert sum(answer[name] for name in ("shape", "colour", "second shape", "second colour")) == 2


def test_preference_compares_only_with_the_mirror_image() -> None:
    shares = dict(verdict().shares)
    shares["camera"] = (0.9, 0.02, 0.05, 0.03, 0.0, 0.0, 0.0)
    judged = ProbeVerdict(shares)
    assert judged.prefers("camera", "pan right")
    assert not judged.prefers("camera", "pan left")
    assert predictions(truth_of(SCENES[0]), judged)["camera"] == "static"


def test_opposites() -> None:
    assert opposite("pan left") == "pan right"
    assert opposite("right") == "left"
    assert opposite("zoom in") == "zoom in"


def test_an_unknown_class_is_an_assertion_error() -> None:
    with pytest.raises(AssertionError):
        Truth({"shape": "giraffe"})


STORIES = [sample_story(seed) for seed in range(300)]


def test_every_class_of_the_story_round_trips() -> None:
    truths = [truth_of(scene, STORY) for scene in (*STORIES, SCENES[0])]
    for truth in truths:
        assert truth_from_labels(truth.labels().tolist(), STORY) == truth
    furs = set(STORY.classes["second colour"]) - {"red", "blue", "green", "yellow", "orange"} - {"brown"}
    for attribute, names in STORY.classes.items():
        told = {truth.named.get(attribute) for truth in truths} - {None}
        assert told == (furs if attribute == "second colour" else set(names))


def test_colours_of_two_puppies_have_no_order() -> None:
    pairs = [scene for scene in STORIES if len(scene.colours) == 2 and scene.has_colours]
    assert {mask_order(scene, STORY) for scene in pairs} == {(0, 1, 2), (0, 2, 1)}
    for scene in pairs:
        here, there = truth_of(scene, STORY).named, truth_of(mirror_story(scene), STORY).named
        assert {here["colour"], here["second colour"]} == set(scene.colours)
        assert (here["colour"], here["second colour"]) == (there["colour"], there["second colour"])
        assert scene.colours[mask_order(scene, STORY)[1] - 1] == here["colour"]


def test_the_truth_of_a_story_has_only_visible_attributes() -> None:
    for scene in STORIES:
        named = truth_of(scene, STORY).named
        assert ("colour" in named) == scene.has_colours * bool(scene.colours)
        assert ("weather" in named) == (scene.ground == "snow")
        assert ("count" in named) == (scene.kind == "puppies")


def test_other_worlds_show_none_of_the_storys_scenes() -> None:
    assert truth_of(SCENES[0], STORY).named == {"scene": OTHER}
    assert mask_order(SCENES[0], STORY) == (0, 0, 0)


def test_worlds_without_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="behind-1"):
        questions_for("behind-1")
    with pytest.raises(ValueError, match="the questions of worlds-1 do not apply to a scene of type StoryScene"):
        truth_of(STORIES[0])

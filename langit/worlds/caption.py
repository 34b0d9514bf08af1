"""Captions of worlds-1 in English and Indonesian, generated from the scene and therefore true.

A caption mentions the camera's movement whenever there is one. It may leave out the ground or the sky. Knows no pixels.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from langit.worlds.scene import Scene, Split, Thing, sample_scene
from langit.worlds.telling import Choices, distinct_captions, prompt_scenes
from langit.worlds.wording import WORDINGS, Language, Wording

_CANONICAL = 0.45  # share of the first phrase where there are several
_OMITTED = 0.08  # share of captions without the ground, and of those without the sky
_STATIC_MENTIONED = 0.25  # share of films with a static camera whose caption mentions it
_ROLLING = ("ball", "ring")
_TWO_THING_VERBS = {"collides": "into", "behind": "behind"}  # actions whose verb names both things, and its key


def caption(scene: Scene, language: Language = "en", variant: int = 0) -> str:
    """One of many captions of a scene; the same variant always gives the same sentence."""
    return _compose(scene, language, Choices(f"{scene.seed}:{scene.mirrored}:{language}:{variant}", _CANONICAL))


def canonical(scene: Scene, language: Language = "en") -> str:
    """The plainest caption of a scene, which leaves nothing out."""
    return _compose(scene, language, Choices(None, _CANONICAL))


def captions(scene: Scene, count: int) -> tuple[str, ...]:
    """Distinct captions of a scene, alternating English and Indonesian."""
    return distinct_captions(lambda language, variant: caption(scene, language, variant), count)


@dataclass(frozen=True)
class ScenePrompt:
    """A prompt for a model, and the scene that a correct video shows."""

    text: str
    language: Language
    scene: Scene

    @property
    def truth(self) -> dict[str, str]:
        """Label by question: shape and colour (of the first thing), ground, sky, action, camera."""
        first = self.scene.things[0]
        return {
            "shape": first.shape,
            "colour": first.colour,
            "ground": self.scene.ground,
            "sky": self.scene.sky,
            "action": self.scene.action,
            "camera": self.scene.camera,
        }


def prompts(
    which: Split, count: int, language: Language = "en", sample: Callable[[int], Scene] = sample_scene
) -> list[ScenePrompt]:
    """Canonical prompts of a split, for scenes that no training set holds; held-out ones show unseen combinations.

    `sample` gives the scene of a seed: this world's function, or that of a world whose scenes are a subclass.
    """
    scenes = itertools.islice(prompt_scenes(which, sample), count)
    return [ScenePrompt(canonical(scene, language), language, scene) for scene in scenes]


def _compose(scene: Scene, language: Language, choices: Choices) -> str:
    # Choices draws from one sequence: the order of these calls fixes every caption
    words = WORDINGS[language]
    subject = _noun_phrase(scene.things[0], words, language, choices)
    verbs = choices.phrase(words.verbs[_verb_key(scene)])
    ground = "" if choices.chance(_OMITTED) else choices.phrase(words.grounds[scene.ground])
    sky = "" if choices.chance(_OMITTED) else choices.phrase(words.skies[scene.sky])
    camera = _camera(scene, words, choices)
    as_title = choices.chance(0.15) and not verbs[0].startswith("is ")  # "a video of a ball rolling"
    verb = _fill(verbs[1 if as_title else 0], scene, words, language, choices)
    if len(scene.things) > 1 and scene.action not in _TWO_THING_VERBS:
        verb = f"{verb} {_fill(choices.phrase(words.beside), scene, words, language, choices)}"
    if as_title:
        subject = choices.order(("", *words.film)) + subject
    plain_order = " ".join(piece for piece in (subject, verb, ground, sky) if piece)
    orders = [(subject, verb, ground, sky), (subject, verb, ground, sky)]
    if not as_title:
        orders += [(subject, verb, sky, ground)]
        orders += [(f"{sky},", subject, verb, ground)] if sky else []
        orders += [(f"{ground},", subject, verb, sky)] if ground else []
    event = " ".join(piece for piece in choices.order(orders) if piece)
    if not camera:
        return _capitalize(event) + "." if choices.chance(0.2) else event
    forms = [f"{event}, {camera}", f"{event}, {camera}", f"{_capitalize(event)}. {_capitalize(camera)}."]
    if not as_title:
        forms += [f"{event}, {choices.phrase(words.while_)}{camera}", f"{camera}{words.as_}{plain_order}"]
    return choices.order(forms)


def _verb_key(scene: Scene) -> str:
    motion = "rolls" if scene.things[0].shape in _ROLLING else "slides"
    if scene.action in _TWO_THING_VERBS:
        return f"{motion} {_TWO_THING_VERBS[scene.action]}"
    return motion if scene.action in ("left", "right") else scene.action


def _noun_phrase(thing: Thing, words: Wording, language: Language, choices: Choices) -> str:
    shape, colour = choices.phrase(words.shapes[thing.shape]), choices.phrase(words.colours[thing.colour])
    if language == "id":
        return f"{'' if choices.chance(0.4) else 'sebuah '}{shape} {colour}"
    tall, _, noun = shape.rpartition(" ")  # English puts the colour between: "tall red cylinder"
    described = f"{tall} {colour} {noun}" if tall else f"{colour} {noun}"
    if choices.chance(0.08):
        return described
    return f"{'an' if described[0] in 'aeiou' else 'a'} {described}"


def _fill(phrase: str, scene: Scene, words: Wording, language: Language, choices: Choices) -> str:
    """Fill a phrase's slots with the scene's sides and its second thing."""
    opposite = {"left": "right", "right": "left", "": ""}
    other = _noun_phrase(scene.things[1], words, language, choices) if "{other}" in phrase else ""
    return phrase.format(
        way=words.ways.get(scene.action, ""),
        side=words.ways.get(scene.side, ""),
        other_side=words.ways.get(opposite[scene.side], ""),
        other=other,
    )


def _camera(scene: Scene, words: Wording, choices: Choices) -> str:
    kind, _, way = scene.camera.partition(" ")
    if kind == "static":
        return choices.phrase(words.cameras["static"]) if choices.chance(_STATIC_MENTIONED) else ""
    key = scene.camera if kind == "zoom" else kind
    return choices.phrase(words.cameras[key]).format(way=words.ways.get(way, ""))


def _capitalize(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]

"""Sentences about a scene, in English and Indonesian: true because they are made from the scene itself.

A caption names the camera's movement whenever there is one. It may leave out the ground or the sky. Knows no pixels.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from langit.worlds.scene import Scene, Split, Thing, sample_scene
from langit.worlds.telling import Choices, different, prompted
from langit.worlds.wording import WORDINGS, Language, Wording

_CANONICAL = 0.45  # share of the first phrase where there are several
_UNSAID = 0.08  # share of captions without the ground, and of those without the sky
_STATIC_SAID = 0.25  # share of films with a still camera whose caption says so
_ROLLING = ("ball", "ring")
_TOGETHER = {"collides": "into", "behind": "behind"}  # what the verb says of both things, and how it is keyed


def caption(scene: Scene, language: Language = "en", variant: int = 0) -> str:
    """One of many true sentences about a scene; the same variant always gives the same sentence."""
    return _say(scene, language, Choices(f"{scene.seed}:{scene.mirrored}:{language}:{variant}", _CANONICAL))


def canonical(scene: Scene, language: Language = "en") -> str:
    """The plainest sentence about a scene, with everything said."""
    return _say(scene, language, Choices(None, _CANONICAL))


def captions(scene: Scene, count: int) -> tuple[str, ...]:
    """Different sentences about a scene, English and Indonesian by turns."""
    return different(lambda language, variant: caption(scene, language, variant), count)


@dataclass(frozen=True)
class Prompt:
    """What to ask a model for, and the scene that a true answer shows."""

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
) -> list[Prompt]:
    """Canonical prompts of a split, of scenes that no training set holds; held-out ones are of unseen combinations.

    sample makes a scene of a seed: that of this world, or another whose scenes are scenes of this one too.
    """
    scenes = itertools.islice(prompted(which, sample), count)
    return [Prompt(canonical(scene, language), language, scene) for scene in scenes]


def _say(scene: Scene, language: Language, choices: Choices) -> str:
    words = WORDINGS[language]
    subject = _name(scene.things[0], words, language, choices)
    verbs = choices.phrase(words.verbs[_verb_key(scene)])
    ground = "" if choices.chance(_UNSAID) else choices.phrase(words.grounds[scene.ground])
    sky = "" if choices.chance(_UNSAID) else choices.phrase(words.skies[scene.sky])
    camera = _camera(scene, words, choices)
    titled = choices.chance(0.15) and not verbs[0].startswith("is ")
    verb = _fill(verbs[1 if titled else 0], scene, words, language, choices)
    if len(scene.things) > 1 and scene.action not in _TOGETHER:
        verb = f"{verb} {_fill(choices.phrase(words.beside), scene, words, language, choices)}"
    if titled:
        subject = choices.order(("", *words.film)) + subject
    straight = " ".join(piece for piece in (subject, verb, ground, sky) if piece)
    orders = [(subject, verb, ground, sky), (subject, verb, ground, sky)]
    if not titled:
        orders += [(subject, verb, sky, ground)]
        orders += [(f"{sky},", subject, verb, ground)] if sky else []
        orders += [(f"{ground},", subject, verb, sky)] if ground else []
    event = " ".join(piece for piece in choices.order(orders) if piece)
    if not camera:
        return _capital(event) + "." if choices.chance(0.2) else event
    forms = [f"{event}, {camera}", f"{event}, {camera}", f"{_capital(event)}. {_capital(camera)}."]
    if not titled:
        forms += [f"{event}, {choices.phrase(words.while_)}{camera}", f"{camera}{words.as_}{straight}"]
    return choices.order(forms)


def _verb_key(scene: Scene) -> str:
    motion = "rolls" if scene.things[0].shape in _ROLLING else "slides"
    if scene.action in _TOGETHER:
        return f"{motion} {_TOGETHER[scene.action]}"
    return motion if scene.action in ("left", "right") else scene.action


def _name(thing: Thing, words: Wording, language: Language, choices: Choices) -> str:
    shape, colour = choices.phrase(words.shapes[thing.shape]), choices.phrase(words.colours[thing.colour])
    if language == "id":
        return f"{'' if choices.chance(0.4) else 'sebuah '}{shape} {colour}"
    tall, _, noun = shape.rpartition(" ")
    described = f"{tall} {colour} {noun}" if tall else f"{colour} {noun}"
    if choices.chance(0.08):
        return described
    return f"{'an' if described[0] in 'aeiou' else 'a'} {described}"


def _fill(phrase: str, scene: Scene, words: Wording, language: Language, choices: Choices) -> str:
    """Put the scene's sides and its second thing into a phrase."""
    opposite = {"left": "right", "right": "left", "": ""}
    other = _name(scene.things[1], words, language, choices) if "{other}" in phrase else ""
    return phrase.format(
        way=words.ways.get(scene.action, ""),
        side=words.ways.get(scene.side, ""),
        other_side=words.ways.get(opposite[scene.side], ""),
        other=other,
    )


def _camera(scene: Scene, words: Wording, choices: Choices) -> str:
    kind, _, way = scene.camera.partition(" ")
    if kind == "static":
        return choices.phrase(words.cameras["static"]) if choices.chance(_STATIC_SAID) else ""
    key = scene.camera if kind == "zoom" else kind
    return choices.phrase(words.cameras[key]).format(way=words.ways.get(way, ""))


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]

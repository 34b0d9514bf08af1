"""Sentences about a scene of the second world, in English and Indonesian: true because they are made from the scene.

A caption names the camera's movement and the style whenever there is one. It may leave out the ground, the sky, a way
or a colour; it never names a colour of a film in black and white. Knows no pixels.
"""

import itertools
from dataclasses import dataclass

from langit.worlds import wording as first_world
from langit.worlds.scene import Split
from langit.worlds.story.scene import StoryScene, sample_scene
from langit.worlds.story.wording import WORDINGS, StoryWording, Verb
from langit.worlds.telling import Choices, different, prompted
from langit.worlds.wording import Language

_CANONICAL = 0.40  # share of the first phrase where there are several
_UNSAID = 0.15  # share of captions without the ground, and of those without the sky
_WAYLESS = 0.18  # share of captions of what moves that do not say which way
_COLOURLESS = 0.12
_TITLED = 0.40  # share of "puppies playing", beside "puppies play"
_STATIC_SAID = 0.15  # share of films with a still camera whose caption says so


def caption(scene: StoryScene, language: Language = "en", variant: int = 0) -> str:
    """One of many true sentences about a scene; the same variant always gives the same sentence."""
    return _say(scene, language, Choices(f"{scene.seed}:{scene.mirrored}:{language}:{variant}", _CANONICAL))


def canonical(scene: StoryScene, language: Language = "en") -> str:
    """The plainest sentence about a scene, with everything said."""
    return _say(scene, language, Choices(None, _CANONICAL))


def captions(scene: StoryScene, count: int) -> tuple[str, ...]:
    """Different sentences about a scene, English and Indonesian by turns."""
    return different(lambda language, variant: caption(scene, language, variant), count)


@dataclass(frozen=True)
class StoryPrompt:
    """What to ask a model for, and the scene that a true answer shows."""

    text: str
    language: Language
    scene: StoryScene

    @property
    def truth(self) -> dict[str, str]:
        """Label by question, as the scene says."""
        return self.scene.truth


def prompts(which: Split, count: int, language: Language = "en", kind: str | None = None) -> list[StoryPrompt]:
    """Canonical prompts of a split, of scenes that no training set holds; held-out ones are of unseen pairs.

    Args:
        which: "held-out": colour and action, or place and sky, were never shown together; "train": they were.
        count: how many.
        language: of the prompts.
        kind: only scenes of this kind of KINDS, or of all.
    """
    scenes = (scene for scene in prompted(which, sample_scene) if kind in (None, scene.kind))
    return [StoryPrompt(canonical(scene, language), language, scene) for scene in itertools.islice(scenes, count)]


def _say(scene: StoryScene, language: Language, choices: Choices) -> str:
    words = WORDINGS[language]
    if scene.kind == "window":
        event = _view(scene, words, language, choices)
    else:
        event = _event(scene, words, language, choices)
    pieces = [event]
    camera = _camera(scene, language, choices)
    style = choices.phrase(words.styles[scene.style]) if scene.style != "plain" else ""
    pieces += [piece for piece in (camera, style) if piece]
    if choices.chance(0.15):
        return ". ".join(piece[:1].upper() + piece[1:] for piece in pieces) + "."
    if style and choices.chance(0.12):
        return ", ".join([style, *pieces[:-1]])
    return ", ".join(pieces)


def _event(scene: StoryScene, words: StoryWording, language: Language, choices: Choices) -> str:
    moves = scene.action in ("left", "right")
    key = "moves" if moves else scene.action
    wayless = moves and choices.chance(_WAYLESS)
    verbs: tuple[Verb, ...]
    if scene.kind == "puppies":
        subject, verbs = _puppies(scene, words, choices), words.runs if wayless else words.puppy_verbs[key]
        ground = choices.phrase(words.grounds[scene.ground])
    else:
        subject, verbs = _traveller(scene, words, choices), words.wanders if wayless else words.walks[key]
        ground = choices.phrase(words.grounds[scene.ground])
    forms = choices.phrase(verbs)
    two = scene.kind == "puppies" and len(scene.colours) == 2
    titled = choices.chance(_TITLED)
    verb = forms[2] if titled else forms[1 if two else 0]
    over = choices.phrase(words.over[scene.ground])
    crossing = "{over}" in verb
    verb = verb.format(way=first_world.WORDINGS[language].ways.get(scene.action, ""), over=over)
    if crossing or choices.chance(_UNSAID):
        ground = ""
    sky = "" if choices.chance(_UNSAID) else choices.phrase(words.skies[scene.sky])
    snow = "" if scene.weather == "dry" or choices.chance(_UNSAID) else choices.phrase(words.snowfall)
    if sky and not titled and choices.chance(0.12):
        return " ".join(piece for piece in (f"{sky},", subject, verb, ground, snow) if piece)
    return " ".join(piece for piece in (subject, verb, ground, sky, snow) if piece)


def _puppies(scene: StoryScene, words: StoryWording, choices: Choices) -> str:
    furs = [choices.phrase(words.furs[fur]) for fur in scene.colours]
    unsaid = not scene.coloured or choices.chance(_COLOURLESS)
    if len(furs) == 1:
        return _named(choices.phrase(words.puppy), "fur", "" if unsaid else furs[0])
    if unsaid or choices.chance(0.25):
        return choices.phrase(words.puppies)
    return choices.phrase(words.both).format(first=furs[0], second=furs[1])


def _traveller(scene: StoryScene, words: StoryWording, choices: Choices) -> str:
    wool = choices.phrase(words.helmets[scene.colours[0]])
    unsaid = not scene.coloured or choices.chance(_COLOURLESS)
    return _named(choices.phrase(words.traveller), "wool", "" if unsaid else wool)


def _named(phrase: str, slot: str, colour: str) -> str:
    """A phrase with its colour, or without: where English needs "an", it is there."""
    filled = phrase.replace(f"{{{slot}}}", f"{colour} " if colour else "")
    return " ".join(filled.replace("a orange", "an orange").split())


def _view(scene: StoryScene, words: StoryWording, language: Language, choices: Choices) -> str:
    view = choices.phrase(words.views).format(place=choices.phrase(words.places[scene.ground]))
    way = first_world.WORDINGS[language].ways[scene.action]
    passes = choices.phrase(words.passes).format(passing=choices.phrase(words.passing[scene.ground]), way=way)
    sky = "" if choices.chance(_UNSAID) else choices.phrase(words.skies[scene.sky])
    said = f"{view} {sky}".strip()
    return said if choices.chance(_WAYLESS) else f"{said}, {passes}"


def _camera(scene: StoryScene, language: Language, choices: Choices) -> str:
    words = first_world.WORDINGS[language]
    kind, _, way = scene.camera.partition(" ")
    if kind == "static":
        said = scene.style != "handheld" and choices.chance(_STATIC_SAID)
        return choices.phrase(words.cameras["static"]) if said else ""
    key = scene.camera if kind == "zoom" else kind
    return choices.phrase(words.cameras[key]).format(way=words.ways.get(way, ""))

"""Captions of story-1 in English and Indonesian, generated from the scene and therefore true.

A caption mentions the camera's movement and the style whenever there is one. It may leave out the ground, the sky, a
direction or a colour; it never mentions a colour of a film in black and white. Knows no pixels.
"""

import itertools
from dataclasses import dataclass

from langit.worlds import wording as first_world
from langit.worlds.scene import Split
from langit.worlds.story.scene import StoryScene, sample_scene
from langit.worlds.story.wording import WORDINGS, StoryWording, Verb
from langit.worlds.telling import Choices, distinct_captions, prompt_scenes
from langit.worlds.wording import Language

_CANONICAL = 0.40  # share of the first phrase where there are several
_OMITTED = 0.15  # share of captions without the ground, and of those without the sky
_UNDIRECTED = 0.18  # share of captions of a movement without its direction
_COLOURLESS = 0.12
_TITLES = 0.40  # share of titles ("puppies playing"), beside sentences ("puppies play")
_STATIC_MENTIONED = 0.15  # share of films with a static camera whose caption mentions it


def caption(scene: StoryScene, language: Language = "en", variant: int = 0) -> str:
    """One of many captions of a scene; the same variant always gives the same sentence."""
    return _compose(scene, language, Choices(f"{scene.seed}:{scene.mirrored}:{language}:{variant}", _CANONICAL))


def canonical(scene: StoryScene, language: Language = "en") -> str:
    """The plainest caption of a scene, which leaves nothing out."""
    return _compose(scene, language, Choices(None, _CANONICAL))


def captions(scene: StoryScene, count: int) -> tuple[str, ...]:
    """Distinct captions of a scene, alternating English and Indonesian."""
    return distinct_captions(lambda language, variant: caption(scene, language, variant), count)


@dataclass(frozen=True)
class StoryPrompt:
    """A prompt for a model, and the scene that a correct video shows."""

    text: str
    language: Language
    scene: StoryScene

    @property
    def truth(self) -> dict[str, str]:
        """Label by question, from the scene."""
        return self.scene.truth


def prompts(which: Split, count: int, language: Language = "en", kind: str | None = None) -> list[StoryPrompt]:
    """Canonical prompts of a split, for scenes that no training set holds; held-out ones show unseen pairs.

    Args:
        which: "held-out" for colour and action, or place and sky, that no training film combines; or "train".
        count: the number of prompts.
        language: of the prompts.
        kind: one of KINDS, or None for scenes of every kind.
    """
    scenes = (scene for scene in prompt_scenes(which, sample_scene) if kind in (None, scene.kind))
    return [StoryPrompt(canonical(scene, language), language, scene) for scene in itertools.islice(scenes, count)]


def _compose(scene: StoryScene, language: Language, choices: Choices) -> str:
    # Choices draws from one sequence: the order of these calls fixes every caption
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
    undirected = moves and choices.chance(_UNDIRECTED)
    verbs: tuple[Verb, ...]
    if scene.kind == "puppies":
        subject, verbs = _puppies(scene, words, choices), words.runs if undirected else words.puppy_verbs[key]
        ground = choices.phrase(words.grounds[scene.ground])
    else:
        subject, verbs = _traveller(scene, words, choices), words.wanders if undirected else words.walks[key]
        ground = choices.phrase(words.grounds[scene.ground])
    forms = choices.phrase(verbs)
    two = scene.kind == "puppies" and len(scene.colours) == 2
    as_title = choices.chance(_TITLES)
    verb = forms[2] if as_title else forms[1 if two else 0]
    over = choices.phrase(words.over[scene.ground])
    crossing = "{over}" in verb
    verb = verb.format(way=first_world.WORDINGS[language].ways.get(scene.action, ""), over=over)
    if crossing or choices.chance(_OMITTED):
        ground = ""
    sky = "" if choices.chance(_OMITTED) else choices.phrase(words.skies[scene.sky])
    snow = "" if scene.weather == "dry" or choices.chance(_OMITTED) else choices.phrase(words.snowfall)
    if sky and not as_title and choices.chance(0.12):
        return " ".join(piece for piece in (f"{sky},", subject, verb, ground, snow) if piece)
    return " ".join(piece for piece in (subject, verb, ground, sky, snow) if piece)


def _puppies(scene: StoryScene, words: StoryWording, choices: Choices) -> str:
    furs = [choices.phrase(words.furs[fur]) for fur in scene.colours]
    omitted = not scene.has_colours or choices.chance(_COLOURLESS)
    if len(furs) == 1:
        return _fill_colour(choices.phrase(words.puppy), "fur", "" if omitted else furs[0])
    if omitted or choices.chance(0.25):
        return choices.phrase(words.puppies)
    return choices.phrase(words.both).format(first=furs[0], second=furs[1])


def _traveller(scene: StoryScene, words: StoryWording, choices: Choices) -> str:
    wool = choices.phrase(words.helmets[scene.colours[0]])
    omitted = not scene.has_colours or choices.chance(_COLOURLESS)
    return _fill_colour(choices.phrase(words.traveller), "wool", "" if omitted else wool)


def _fill_colour(phrase: str, slot: str, colour: str) -> str:
    """Put a colour, or none, into a phrase's slot, with "an" before "orange"."""
    filled = phrase.replace(f"{{{slot}}}", f"{colour} " if colour else "")
    return " ".join(filled.replace("a orange", "an orange").split())


def _view(scene: StoryScene, words: StoryWording, language: Language, choices: Choices) -> str:
    view = choices.phrase(words.views).format(place=choices.phrase(words.places[scene.ground]))
    way = first_world.WORDINGS[language].ways[scene.action]
    passes = choices.phrase(words.passes).format(passing=choices.phrase(words.passing[scene.ground]), way=way)
    sky = "" if choices.chance(_OMITTED) else choices.phrase(words.skies[scene.sky])
    scenery = f"{view} {sky}".strip()
    return scenery if choices.chance(_UNDIRECTED) else f"{scenery}, {passes}"


def _camera(scene: StoryScene, language: Language, choices: Choices) -> str:
    words = first_world.WORDINGS[language]
    kind, _, way = scene.camera.partition(" ")
    if kind == "static":
        mentioned = scene.style != "handheld" and choices.chance(_STATIC_MENTIONED)
        return choices.phrase(words.cameras["static"]) if mentioned else ""
    key = scene.camera if kind == "zoom" else kind
    return choices.phrase(words.cameras[key]).format(way=words.ways.get(way, ""))

"""Scenes of story-1 as values: puppies, a traveller, or the view from a train.

A scene is a pure function of (world version, seed). All draws come from `random.Random.random()`, whose sequence Python
keeps stable across versions and machines. Knows nothing of figures, pixels or language.

Left and right are those of the viewer.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cache

from langit.worlds.scene import Dice, Split, split

VERSION = "story-1"

KINDS = ("puppies", "traveller", "window")
FURS = ("brown", "white", "black", "golden")
HELMETS = ("red", "blue", "green", "yellow", "orange", "white")
GROUNDS = ("snow", "grass", "sand", "salt")
PLACES = ("suburbs", "city", "fields")  # the ground of a window: what the train passes through
SKIES = ("day", "sunset", "night", "rain")
PUPPY_ACTIONS = ("left", "right", "jumps", "tumbles", "sits", "plays")
TRAVELLER_ACTIONS = ("left", "right", "towards", "away")
CAMERAS = ("static", "pan left", "pan right", "zoom in", "zoom out")
STYLES = ("plain", "35 mm film", "black and white", "handheld")

_OPPOSITE = {"left": "right", "right": "left"}
_HELD_OUT = 2  # pairs of values of each kind that no training film shows
_PLAIN_SHARE = 0.52  # of films without a style
_STATIC_SHARE = 0.45  # of films with a static camera
_PAIR_SHARE = 0.4  # of films of running, jumping, tumbling or sitting puppies; playing puppies are always two
_SNOWFALL_SHARE = 0.4  # of films on snow
_SALT_SHARE = 0.4  # of the travellers' films


@dataclass(frozen=True)
class StoryScene:
    """Everything that determines a film, apart from its size in pixels. Angles in degrees, lengths in metres.

    kind: one of KINDS.
    colours: the furs of one or two puppies, from left to right; the helmet's; none for a window.
    action: one of PUPPY_ACTIONS or TRAVELLER_ACTIONS; for a window, the direction in which the scenery passes.
    ground: of GROUNDS, or of PLACES for a window.
    weather: "snowfall" or "dry"; rain is a sky.
    width: metres across a square picture at the figures' distance, before any zoom.
    sweep: extent of the camera's motion: degrees of a pan, the factor of a zoom, 0 for static.
    start, end: for left and right, the first and last position of the figures, in picture widths from the centre.
    pace: steps, leaps or turns a second; for a window, metres a second.
    facing: rotation of the figures towards the viewer, -1 to 1.
    mirrored: whether this is the mirror image of the seed's film.
    """

    seed: int
    kind: str
    colours: tuple[str, ...]
    action: str
    ground: str
    sky: str
    weather: str
    camera: str
    style: str
    heading: float
    offset: tuple[float, float]
    width: float
    sweep: float
    start: float
    end: float
    pace: float
    phase: tuple[float, float]
    facing: tuple[float, float]
    mirrored: bool = False

    @property
    def canonical(self) -> str:
        """The scene as canonical JSON: compact, with sorted keys and the world's version."""
        return json.dumps({"world": VERSION} | asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    @property
    def truth(self) -> dict[str, str]:
        """Label by question; colours only of figures that have one and of films that show colours."""
        labels = {
            "scene": self.kind,
            "action": self.action,
            "ground": self.ground,
            "sky": self.sky,
            "weather": self.weather,
            "camera": self.camera,
            "style": self.style,
        }
        if self.kind == "puppies":
            labels["count"] = ("one", "two")[len(self.colours) - 1]
        if not self.has_colours:
            return labels
        return labels | dict(zip(("colour", "second colour"), self.colours, strict=False))

    @property
    def has_colours(self) -> bool:
        """Whether the film shows colours."""
        return self.style != "black and white"


def pairs(scene: StoryScene) -> tuple[tuple[str, str], ...]:
    """The scene's pairs that may be held out: colour and action, or place and sky. Left and right count as one."""
    if scene.kind == "window":
        return ((scene.ground, scene.sky),)
    return tuple((colour, "moves" if scene.action in _OPPOSITE else scene.action) for colour in scene.colours)


@cache
def held_out(kind: str) -> tuple[tuple[str, str], ...]:
    """The pairs that the train split never shows."""
    firsts, seconds = {
        "puppies": (FURS, ("moves", "jumps", "tumbles", "sits", "plays")),
        "traveller": (HELMETS, ("moves", "towards", "away")),
        "window": (PLACES, SKIES),
    }[kind]
    every = [(first, second) for first in firsts for second in seconds]
    return tuple(sorted(sorted(every, key=lambda p: _digest(f"{kind}:{p[0]}:{p[1]}"))[:_HELD_OUT]))


def _digest(text: str) -> bytes:
    return hashlib.sha256(f"{VERSION}:{text}".encode()).digest()


def is_held_out(scene: StoryScene) -> bool:
    """Whether the scene shows a pair that the train split never shows."""
    return any(pair in held_out(scene.kind) for pair in pairs(scene))


def sample_scene(seed: int) -> StoryScene:
    """The scene of a seed, the same on every machine. Held-out pairs occur in every tenth seed and in no other.

    Raises:
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed {seed} is negative: use a whole number from 0 on")
    which, attempt = split(seed), 0
    while True:
        dice = Dice(f"{VERSION}:{seed}" if attempt == 0 else f"{VERSION}:{seed}:{attempt}")
        scene = _sample(seed, dice, which)
        if is_held_out(scene) == (which == "held-out"):
            return scene
        attempt += 1


def _sample(seed: int, dice: Dice, which: Split) -> StoryScene:
    kind = dice.pick(KINDS)
    if which == "held-out":
        first, second = dice.pick(held_out(kind))
    else:
        first = second = ""
    way = dice.pick(("left", "right"))
    style = "plain" if dice.chance(_PLAIN_SHARE) else dice.pick(STYLES[1:])
    camera = "static" if dice.chance(_STATIC_SHARE) else dice.pick(CAMERAS[1:] if kind != "window" else CAMERAS[3:])
    weather, colours = "dry", tuple[str, ...]()
    if kind == "window":
        ground, sky = first or dice.pick(PLACES), second or dice.pick(SKIES)
        action = way
    else:
        action = second or dice.pick(PUPPY_ACTIONS if kind == "puppies" else TRAVELLER_ACTIONS)
        action = way if action == "moves" else action
        salty = kind == "traveller" and dice.chance(_SALT_SHARE)
        ground = "salt" if salty else dice.pick(GROUNDS[:3])
        sky = "rain" if ground == "grass" and dice.chance(0.2) else dice.pick(SKIES[:3])
        weather = "snowfall" if ground == "snow" and dice.chance(_SNOWFALL_SHARE) else "dry"
        colours = (first or dice.pick(FURS if kind == "puppies" else HELMETS),)
        if kind == "puppies" and (action == "plays" or dice.chance(_PAIR_SHARE)):
            colours += (dice.pick([fur for fur in FURS if fur != colours[0]]),)
    if camera.startswith("pan") and action in _OPPOSITE:
        camera = f"pan {action}"  # the camera follows the figure
    if camera.startswith("zoom") and action in ("towards", "away"):
        camera = "static"  # a walk and a zoom would look alike
    grey = sky == "sunset" or (kind == "window" and sky == "night") or (ground == "grass" and "brown" in colours)
    if style == "black and white" and grey:
        style = "plain"  # in grey these look like daylight, or like their background
    start, end = _course(dice, action, camera)
    return StoryScene(
        seed=seed,
        kind=kind,
        colours=colours,
        action=action,
        ground=ground,
        sky=sky,
        weather=weather,
        camera=camera,
        style=style,
        heading=dice.between(-30.0, 30.0),
        offset=(dice.between(-4.0, 4.0), dice.between(-4.0, 4.0)),
        width=_width(dice, kind, len(colours)),
        sweep=_sweep(dice, camera),
        start=start,
        end=end,
        pace=_pace(dice, kind, action),
        phase=(dice.between(0.0, 1.0), dice.between(0.0, 1.0)),
        facing=(dice.between(-1.0, 1.0), dice.between(-1.0, 1.0)),
    )


def _course(dice: Dice, action: str, camera: str) -> tuple[float, float]:
    """First and last position of figures that cross the picture; nearer the middle if the camera follows."""
    if camera.startswith("pan"):
        first, last = dice.between(0.10, 0.16), dice.between(0.10, 0.16)
    else:
        first, last = dice.between(0.24, 0.31), dice.between(0.24, 0.31)
    return (first, -last) if action == "left" else (-first, last)


def _width(dice: Dice, kind: str, count: int) -> float:
    if kind == "window":
        return dice.between(1.62, 1.74)
    if kind == "traveller":
        return dice.between(2.5, 2.9)
    return dice.between(1.9, 2.2) if count == 1 else dice.between(2.5, 2.8)


def _sweep(dice: Dice, camera: str) -> float:
    kind = camera.split()[0]
    if kind == "pan":
        return dice.between(13.0, 17.0)
    return dice.between(1.4, 1.6) if kind == "zoom" else 0.0


def _pace(dice: Dice, kind: str, action: str) -> float:
    if kind == "window":
        return dice.between(4.0, 6.0)
    if kind == "traveller":
        return dice.between(1.0, 1.25)
    ranges = {"jumps": (1.1, 1.35), "tumbles": (0.5, 0.65), "sits": (1.5, 2.0), "plays": (0.9, 1.2)}
    return dice.between(*ranges.get(action, (1.5, 1.9)))


def mirror_scene(scene: StoryScene) -> StoryScene:
    """The mirror image of a scene: left and right change places."""

    def swap(name: str) -> str:
        return " ".join(_OPPOSITE.get(word, word) for word in name.split())

    return replace(
        scene,
        action=swap(scene.action),
        camera=swap(scene.camera),
        start=-scene.start,
        end=-scene.end,
        facing=(-scene.facing[0], -scene.facing[1]),
        mirrored=not scene.mirrored,
    )

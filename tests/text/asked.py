"""Short and foreign prompts with what each asks for, written down before any expander had read them.

``ignored`` are pieces that no film shows and ``unknown`` words without a meaning; an expander has to report both.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    prompt: str
    asks: dict[str, str]
    language: str = "en"
    unknown: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)


def _asks(text: str) -> dict[str, str]:
    """'shape=ball colour=red camera=zoom_in second_shape=cube' as a dictionary."""
    pairs = (piece.split("=") for piece in text.split())
    return {name.replace("_", " "): value.replace("_", " ") for name, value in pairs}


def _en(prompt: str, asks: str, **named: set[str]) -> Asked:
    return Asked(prompt, _asks(asks), "en", **named)


def _id(prompt: str, asks: str, **named: set[str]) -> Asked:
    return Asked(prompt, _asks(asks), "id", **named)


ASKED = (
    # English, short
    _en("a red ball", "shape=ball colour=red"),
    _en("ball", "shape=ball"),
    _en("red", "colour=red"),
    _en("something green at night", "colour=green sky=night", unknown={"something"}),
    _en("a ball that is blue", "shape=ball colour=blue"),
    _en("The cone is purple.", "shape=cone colour=purple"),
    _en("snow", "ground=snow"),
    _en("a crimson sphere tumbles to the right at night", "shape=ball colour=red action=right sky=night"),
    _en("yellow box spinning", "shape=cube colour=yellow action=spins"),
    _en("a hoop rolls from left to right", "shape=ring action=right"),
    _en("a hoop rolls from right to left", "shape=ring action=left"),
    _en("a white cube slides leftwards", "shape=cube colour=white action=left"),
    _en("a white cylinder rolling in from the left", "shape=cylinder colour=white action=right"),
    _en("orange cone jumping on the beach", "shape=cone colour=orange action=jumps ground=sand"),
    _en("ball bouncing on green grass", "shape=ball action=falls ground=grass"),
    _en("a ball in white snow under a blue sky", "shape=ball ground=snow sky=day"),
    _en("a still blue pillar at midnight", "shape=cylinder colour=blue action=still sky=night"),
    _en("the ball is still bouncing", "shape=ball action=falls"),
    _en("a violet donut on a chessboard at dusk", "shape=ring colour=purple ground=checkers sky=sunset"),
    _en("zoom in on a red cube", "shape=cube colour=red camera=zoom_in"),
    _en("static camera, green ball drops", "shape=ball colour=green action=falls camera=static"),
    _en("the camera pans left over a red ring", "shape=ring colour=red camera=pan_left"),
    _en("a cube, the camera moves around to the right", "shape=cube camera=orbit_right"),
    _en(
        "as the camera turns left a red ball rolls right",
        "shape=ball colour=red action=right camera=pan_left",
    ),
    _en("camera pulls back from a cone in the desert", "shape=cone ground=sand camera=zoom_out"),
    # two things
    _en("a red ball and a blue cube", "shape=ball colour=red second_shape=cube second_colour=blue"),
    _en("a ball and a red cube", "shape=ball second_shape=cube second_colour=red"),
    _en(
        "a red ball hits a blue cube",
        "shape=ball colour=red action=collides second_shape=cube second_colour=blue",
    ),
    _en(
        "a red ball is hit by a blue cube",
        "shape=cube colour=blue action=collides second_shape=ball second_colour=red",
    ),
    _en(
        "a green box rolls to the right and crashes into a white cone",
        "shape=cube colour=green action=collides side=left second_shape=cone second_colour=white",
    ),
    _en(
        "a red ball on the left of a blue cube",
        "shape=ball colour=red second_shape=cube second_colour=blue side=left",
    ),
    _en(
        "a red ball jumps with a blue cube on its left",
        "shape=ball colour=red action=jumps second_shape=cube second_colour=blue side=right",
    ),
    # what cannot be said
    _en("a giraffe on grass", "ground=grass", unknown={"giraffe"}),
    _en("xyzzy plugh", "", unknown={"xyzzy", "plugh"}),
    _en("a red ball without snow", "shape=ball colour=red", ignored={"without snow"}),
    _en("a red ball, no snow, at night", "shape=ball colour=red sky=night", ignored={"no snow"}),
    _en("a cube that is not red", "shape=cube", ignored={"not red"}),
    _en("a red ball that doesn't fall, on sand", "shape=ball colour=red ground=sand", ignored={"doesn't fall"}),
    _en("a red ball does not move", "shape=ball colour=red action=still"),
    _en("a pink ball", "shape=ball", unknown={"pink"}),
    _en("a big red ball", "shape=ball colour=red", unknown={"big"}),
    _en("a red ball spins to the left", "shape=ball colour=red action=spins", ignored={"left"}),
    _en(
        "a red ball, a blue cube and a green cone",
        "shape=ball colour=red second_shape=cube second_colour=blue",
        ignored={"green cone"},
    ),
    # Indonesian and Malay
    _id("bola merah", "shape=ball colour=red"),
    _id("kubus biru jatuh", "shape=cube colour=blue action=falls"),
    _id("bola hijau di salju", "shape=ball colour=green ground=snow"),
    _id("kerucut kuning berputar malam hari", "shape=cone colour=yellow action=spins sky=night"),
    _id("cincin ungu bergulir dari kiri ke kanan", "shape=ring colour=purple action=right"),
    _id("tabung putih di pantai waktu senja", "shape=cylinder colour=white ground=sand sky=sunset"),
    _id("bola merah menabrak kubus biru", "shape=ball colour=red action=collides second_shape=cube second_colour=blue"),
    _id("kotak merah di lantai kotak-kotak", "shape=cube colour=red ground=checkers"),
    _id("bola merah tanpa salju", "shape=ball colour=red", ignored={"tanpa salju"}),
    _id("jerapah merah melompat", "colour=red action=jumps", unknown={"jerapah"}),
    _id("kiub biru berpusing di atas pasir", "shape=cube colour=blue action=spins ground=sand"),
    _id("kamera mendekat, bola kuning diam", "shape=ball colour=yellow action=still camera=zoom_in"),
    # other languages, answered in English
    _en("rote Kugel", "shape=ball colour=red"),
    _en("ein blauer Würfel fällt in den Schnee", "shape=cube colour=blue action=falls ground=snow"),
    _en("grüner Kegel rollt nachts nach links", "shape=cone colour=green action=left sky=night"),
    _en("boule rouge sur la neige", "shape=ball colour=red ground=snow"),
    _en("un cube vert tourne dans l'herbe la nuit", "shape=cube colour=green action=spins ground=grass sky=night"),
    _en("un anneau violet roule de gauche à droite", "shape=ring colour=purple action=right"),
    _en("pelota amarilla rebotando en la arena", "shape=ball colour=yellow action=falls ground=sand"),
    _en("un cubo azul salta de noche", "shape=cube colour=blue action=jumps sky=night"),
    _en("una esfera roja sin nieve", "shape=ball colour=red", ignored={"sin nieve"}),
    _en("cilindro branco gira ao pôr do sol", "shape=cylinder colour=white action=spins sky=sunset"),
    _en("bola vermelha no gramado durante o dia", "shape=ball colour=red ground=grass sky=day"),
    _en("cono arancione sulla sabbia", "shape=cone colour=orange ground=sand"),
    _en("赤いボールが雪の上で跳ねる", "shape=ball colour=red action=jumps ground=snow"),
    _en("夜に青い立方体が回る", "shape=cube colour=blue action=spins sky=night"),
    _en("红球从左到右滚动", "shape=ball colour=red action=right"),
    _en("绿色的圆锥在沙漠里，黄昏", "shape=cone colour=green ground=sand sky=sunset"),
)

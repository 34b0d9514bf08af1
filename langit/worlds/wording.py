"""The words of captions in English and Indonesian: rows of phrases that mean the same. No grammar, no choices.

The first phrase of a row is the canonical one. Slots: {way} is left or right, {side} and {other_side} are where a thing
is, {other} is the second thing.
"""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "id"]
Verb = tuple[str, str]  # in a sentence ("spins") and in a title ("spinning")


@dataclass(frozen=True)
class Wording:
    """Phrases of one language. Rolling verbs have the key "rolls", sliding ones "slides".

    Keys with "behind" belong to the world behind-1.
    """

    shapes: dict[str, tuple[str, ...]]
    colours: dict[str, tuple[str, ...]]
    verbs: dict[str, tuple[Verb, ...]]
    beside: tuple[str, ...]
    grounds: dict[str, tuple[str, ...]]
    skies: dict[str, tuple[str, ...]]
    cameras: dict[str, tuple[str, ...]]
    ways: dict[str, str]
    while_: tuple[str, ...]  # joins what happens to what the camera does
    as_: str  # joins what the camera does to what happens
    film: tuple[str, ...]  # "a video of"


ENGLISH = Wording(
    shapes={
        "ball": ("ball", "sphere"),
        "cube": ("cube", "box", "block"),
        "cone": ("cone",),
        "cylinder": ("cylinder", "tall cylinder"),
        "ring": ("ring", "hoop"),
    },
    colours={
        "red": ("red",),
        "orange": ("orange",),
        "yellow": ("yellow",),
        "green": ("green",),
        "blue": ("blue",),
        "purple": ("purple", "violet"),
        "white": ("white",),
    },
    verbs={
        "falls": (
            ("falls and bounces", "falling and bouncing"),
            ("bounces", "bouncing"),
            ("drops and bounces", "dropping and bouncing"),
            ("falls down and bounces back", "falling down and bouncing back"),
            ("falls from above and bounces", "falling from above and bouncing"),
        ),
        "rolls": (
            ("rolls to the {way}", "rolling to the {way}"),
            ("rolls {way}", "rolling {way}"),
            ("moves to the {way}", "moving to the {way}"),
            ("is rolling to the {way}", "rolling {way}"),
            ("rolls past to the {way}", "rolling past to the {way}"),
        ),
        "slides": (
            ("slides to the {way}", "sliding to the {way}"),
            ("slides {way}", "sliding {way}"),
            ("moves to the {way}", "moving to the {way}"),
            ("glides to the {way}", "gliding to the {way}"),
            ("is sliding to the {way}", "sliding {way}"),
        ),
        "spins": (
            ("spins", "spinning"),
            ("spins around", "spinning around"),
            ("rotates in place", "rotating in place"),
            ("turns around on the spot", "turning around on the spot"),
            ("is spinning", "spinning in place"),
        ),
        "jumps": (
            ("jumps up and down", "jumping up and down"),
            ("jumps", "jumping"),
            ("hops up and down", "hopping up and down"),
            ("keeps jumping", "jumping again and again"),
            ("leaps up and down", "leaping up and down"),
        ),
        "still": (
            ("stands still", "standing still"),
            ("does not move", "not moving"),
            ("stays still", "staying still"),
            ("rests", "resting"),
            ("is standing still", "at rest"),
        ),
        "rolls into": (
            ("rolls into {other} and knocks it away", "rolling into {other} and knocking it away"),
            ("collides with {other}", "colliding with {other}"),
            ("hits {other}", "hitting {other}"),
            ("rolls from the {side} and hits {other}", "rolling from the {side} and hitting {other}"),
            ("bumps into {other} and pushes it away", "bumping into {other} and pushing it away"),
            ("comes from the {side} and crashes into {other}", "coming from the {side} and crashing into {other}"),
        ),
        "slides into": (
            ("slides into {other} and knocks it away", "sliding into {other} and knocking it away"),
            ("collides with {other}", "colliding with {other}"),
            ("hits {other}", "hitting {other}"),
            ("slides from the {side} and hits {other}", "sliding from the {side} and hitting {other}"),
            ("bumps into {other} and pushes it away", "bumping into {other} and pushing it away"),
            ("comes from the {side} and crashes into {other}", "coming from the {side} and crashing into {other}"),
        ),
        "rolls behind": (
            (
                "rolls behind {other} and comes out again on the {other_side}",
                "rolling behind {other} and coming out again on the {other_side}",
            ),
            (
                "passes behind {other} and comes out on the {other_side}",
                "passing behind {other} and coming out on the {other_side}",
            ),
            (
                "rolls from the {side} behind {other} and comes out on the other side",
                "rolling from the {side} behind {other} and coming out on the other side",
            ),
            (
                "disappears behind {other} and appears again on the {other_side}",
                "disappearing behind {other} and appearing again on the {other_side}",
            ),
            (
                "rolls to the {other_side}, is hidden by {other} and comes out again",
                "rolling to the {other_side}, hidden by {other} and coming out again",
            ),
        ),
        "slides behind": (
            (
                "slides behind {other} and comes out again on the {other_side}",
                "sliding behind {other} and coming out again on the {other_side}",
            ),
            (
                "passes behind {other} and comes out on the {other_side}",
                "passing behind {other} and coming out on the {other_side}",
            ),
            (
                "slides from the {side} behind {other} and comes out on the other side",
                "sliding from the {side} behind {other} and coming out on the other side",
            ),
            (
                "disappears behind {other} and appears again on the {other_side}",
                "disappearing behind {other} and appearing again on the {other_side}",
            ),
            (
                "slides to the {other_side}, is hidden by {other} and comes out again",
                "sliding to the {other_side}, hidden by {other} and coming out again",
            ),
        ),
    },
    beside=(
        "next to {other}",
        "beside {other}",
        "with {other} on its {other_side}",
        "near {other}",
        "with {other} standing on the {other_side}",
    ),
    grounds={
        "checkers": ("on a checkered floor", "on the checkered floor", "on a checkerboard", "on checkered tiles"),
        "snow": ("on snow", "in the snow", "on the snow", "on snowy ground"),
        "sand": ("on sand", "in the desert", "on the sand", "on sandy ground"),
        "grass": ("on grass", "on the grass", "in a meadow", "on a lawn"),
    },
    skies={
        "day": ("in daylight", "during the day", "under a blue sky", "on a sunny day", "by day"),
        "sunset": ("at sunset", "in the evening light", "under an orange sky", "at dusk", "as the sun sets"),
        "night": ("at night", "in the moonlight", "under a night sky", "under the moon", "in the dark of night"),
    },
    cameras={
        "static": ("the camera is still", "the camera does not move", "the camera stays fixed"),
        "pan": ("the camera pans {way}", "the camera pans to the {way}", "the camera turns to the {way}"),
        "orbit": (
            "the camera orbits to the {way}",
            "the camera circles around to the {way}",
            "the camera moves around to the {way}",
        ),
        "zoom in": ("the camera zooms in", "the camera slowly zooms in", "the view zooms in closer"),
        "zoom out": ("the camera zooms out", "the camera slowly zooms out", "the view zooms out further"),
    },
    ways={"left": "left", "right": "right"},
    while_=("while ", "and ", "as "),
    as_=" as ",
    film=("a video of ", "a film of "),
)

INDONESIAN = Wording(
    shapes={
        "ball": ("bola",),
        "cube": ("kubus", "kotak"),
        "cone": ("kerucut",),
        "cylinder": ("silinder", "tabung"),
        "ring": ("cincin", "gelang"),
    },
    colours={
        "red": ("merah",),
        "orange": ("oranye", "jingga"),
        "yellow": ("kuning",),
        "green": ("hijau",),
        "blue": ("biru",),
        "purple": ("ungu",),
        "white": ("putih",),
    },
    verbs={
        "falls": (
            ("jatuh dan memantul", "yang jatuh dan memantul"),
            ("memantul", "yang memantul"),
            ("jatuh lalu memantul", "yang jatuh lalu memantul"),
            ("jatuh dari atas dan memantul", "yang jatuh dari atas dan memantul"),
        ),
        "rolls": (
            ("menggelinding ke {way}", "yang menggelinding ke {way}"),
            ("bergulir ke {way}", "yang bergulir ke {way}"),
            ("bergerak ke {way}", "yang bergerak ke {way}"),
            ("menggelinding ke arah {way}", "yang menggelinding ke arah {way}"),
        ),
        "slides": (
            ("meluncur ke {way}", "yang meluncur ke {way}"),
            ("bergeser ke {way}", "yang bergeser ke {way}"),
            ("bergerak ke {way}", "yang bergerak ke {way}"),
            ("meluncur ke arah {way}", "yang meluncur ke arah {way}"),
        ),
        "spins": (
            ("berputar", "yang berputar"),
            ("berputar di tempat", "yang berputar di tempat"),
            ("berputar-putar", "yang berputar-putar"),
            ("sedang berputar", "yang sedang berputar"),
        ),
        "jumps": (
            ("melompat-lompat", "yang melompat-lompat"),
            ("melompat naik turun", "yang melompat naik turun"),
            ("melompat", "yang melompat"),
            ("meloncat-loncat", "yang meloncat-loncat"),
        ),
        "still": (
            ("diam", "yang diam"),
            ("berdiri diam", "yang berdiri diam"),
            ("tidak bergerak", "yang tidak bergerak"),
            ("diam di tempat", "yang diam di tempat"),
        ),
        "rolls into": (
            ("menabrak {other} hingga terdorong", "yang menabrak {other} hingga terdorong"),
            ("menggelinding dan menabrak {other}", "yang menggelinding dan menabrak {other}"),
            ("menabrak {other}", "yang menabrak {other}"),
            ("menggelinding dari {side} dan menabrak {other}", "yang menggelinding dari {side} dan menabrak {other}"),
            ("datang dari {side} dan membentur {other}", "yang datang dari {side} dan membentur {other}"),
        ),
        "slides into": (
            ("menabrak {other} hingga terdorong", "yang menabrak {other} hingga terdorong"),
            ("meluncur dan menabrak {other}", "yang meluncur dan menabrak {other}"),
            ("menabrak {other}", "yang menabrak {other}"),
            ("meluncur dari {side} dan menabrak {other}", "yang meluncur dari {side} dan menabrak {other}"),
            ("datang dari {side} dan membentur {other}", "yang datang dari {side} dan membentur {other}"),
        ),
        "rolls behind": (
            (
                "menggelinding ke belakang {other} dan muncul lagi di sebelah {other_side}",
                "yang menggelinding ke belakang {other} dan muncul lagi di sebelah {other_side}",
            ),
            (
                "lewat di belakang {other} dan muncul di sebelah {other_side}",
                "yang lewat di belakang {other} dan muncul di sebelah {other_side}",
            ),
            (
                "menggelinding dari {side} ke balik {other} lalu muncul di sisi lain",
                "yang menggelinding dari {side} ke balik {other} lalu muncul di sisi lain",
            ),
            (
                "menghilang di balik {other} lalu muncul lagi di sebelah {other_side}",
                "yang menghilang di balik {other} lalu muncul lagi di sebelah {other_side}",
            ),
        ),
        "slides behind": (
            (
                "meluncur ke belakang {other} dan muncul lagi di sebelah {other_side}",
                "yang meluncur ke belakang {other} dan muncul lagi di sebelah {other_side}",
            ),
            (
                "lewat di belakang {other} dan muncul di sebelah {other_side}",
                "yang lewat di belakang {other} dan muncul di sebelah {other_side}",
            ),
            (
                "meluncur dari {side} ke balik {other} lalu muncul di sisi lain",
                "yang meluncur dari {side} ke balik {other} lalu muncul di sisi lain",
            ),
            (
                "menghilang di balik {other} lalu muncul lagi di sebelah {other_side}",
                "yang menghilang di balik {other} lalu muncul lagi di sebelah {other_side}",
            ),
        ),
    },
    beside=(
        "di samping {other}",
        "di sebelah {other}",
        "dengan {other} di sebelah {other_side}nya",
        "di dekat {other}",
    ),
    grounds={
        "checkers": ("di atas lantai kotak-kotak", "di lantai kotak-kotak", "di atas papan catur"),
        "snow": ("di atas salju", "di salju", "di tanah bersalju"),
        "sand": ("di atas pasir", "di padang pasir", "di gurun pasir", "di pasir"),
        "grass": ("di atas rumput", "di padang rumput", "di lapangan rumput", "di rumput"),
    },
    skies={
        "day": ("pada siang hari", "di siang hari", "di bawah langit biru", "saat hari cerah"),
        "sunset": ("saat matahari terbenam", "ketika matahari terbenam", "pada waktu senja", "di bawah langit jingga"),
        "night": ("pada malam hari", "di malam hari", "di bawah sinar bulan", "saat malam"),
    },
    cameras={
        "static": ("kamera diam", "kamera tidak bergerak"),
        "pan": ("kamera bergeser ke {way}", "kamera menoleh ke {way}", "kamera menyapu ke {way}"),
        "orbit": ("kamera mengitari ke {way}", "kamera mengorbit ke {way}", "kamera berkeliling ke {way}"),
        "zoom in": ("kamera memperbesar gambar", "kamera mendekat", "kamera mendekat perlahan"),
        "zoom out": ("kamera memperkecil gambar", "kamera menjauh", "kamera menjauh perlahan"),
    },
    ways={"left": "kiri", "right": "kanan"},
    while_=("sementara ", "dan "),
    as_=" saat ",
    film=("video ", "film "),
)

WORDINGS: dict[Language, Wording] = {"en": ENGLISH, "id": INDONESIAN}

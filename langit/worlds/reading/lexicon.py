"""The lexicon of worlds-1: what people's words mean in terms of scenes, and how to read a row of it.

English and Indonesian are here, beside the captions' own phrases; other languages have their own files. A row holds
phrases between commas; ``roll[/s/ed]`` stands for roll, rolls and rolled. Knows phrases, not sentences.

Kinds of meaning:
    shape, colour, ground, sky, action
    camera      a motion that only a camera makes
    lens        makes the words that follow describe the camera
    near        a motion of the camera if it follows a lens, else the action after the slash
    way, from, at   "to the left", "from the left", "on the left"
    and         ends the effect of a lens
    not, after-not  negates what follows, or what came before
    or
    more        the thing beside it is another one of its kind
    joint       stands between a thing and its colour
    word        means nothing by itself
    loose       means something that no film shows
    count       says how many, which no film of worlds-1 shows
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from langit.worlds.reading.lexicon_foreign import FOREIGN
from langit.worlds.reading.lexicon_romance import ROMANCE
from langit.worlds.wording import WORDINGS

Table = dict[str, dict[str, str]]  # kind -> value -> row

PRIMARY: dict[str, Table] = {
    "en": {
        "shape": {
            "ball": "ball[/s], sphere[/s], orb[/s], globe[/s]",
            "cube": "cube[/s], box[/es], block[/s], dice, crate[/s]",
            "cone": "cone[/s]",
            "cylinder": "cylinder[/s], pillar[/s], column[/s], tube[/s], pipe[/s], tall cylinder[/s]",
            "ring": "ring[/s], hoop[/s], donut[/s], doughnut[/s], torus",
        },
        "colour": {
            "red": "red, crimson, scarlet, ruby, cherry red, dark red, bright red, light red",
            "orange": "orange, tangerine, bright orange, dark orange",
            "yellow": "yellow, lemon yellow, bright yellow",
            "green": "green, emerald, lime, dark green, light green, bright green",
            "blue": "blue, navy, azure, cobalt, navy blue, dark blue, light blue, bright blue, sky blue",
            "purple": "purple, violet, lilac, lavender, mauve",
            "white": "white, snow white",
        },
        "ground": {
            "checkers": "check[/er/ers/ered], chequer[ed/s], checkerboard, chessboard, chess board, tile[/s/d],"
            " check[/ered] floor, chequered floor, tiled floor",
            "snow": "snow, snowy, snowfield, snowy ground, snow covered ground",
            "sand": "sand[/s], sandy, beach, desert, dune[/s], sandy ground",
            "grass": "grass, grassy, lawn, meadow, field, pasture",
        },
        "sky": {
            "day": "day, daylight, daytime, noon, midday, morning, afternoon, sunny, sunlight, sunshine, sunny day,"
            " blue sky, clear sky, broad daylight, sunny sky",
            "sunset": "sunset, dusk, evening, twilight, evening light, evening sky, orange sky, red sky, sun sets,"
            " sun is setting, setting sun, sundown, golden hour",
            "night": "night, nighttime, night sky, midnight, moon, moonlight, moonlit, dark, darkness, stars, starry,"
            " starry sky, starry night, dark of night, dark sky",
        },
        "action": {
            "falls": "fall[/s/ing/en], fell, drop[/s/ped/ping], bounc[e/es/ed/ing], rebound[/s/ing],"
            " fall[/s/ing] down,"
            " plummet[/s/ing], fall[/s/ing] and bounc[e/es/ing]",
            "moves": "roll[/s/ed/ing], mov[e/es/ed/ing], slid[/e/es/ing], glid[e/es/ed/ing], go, goes, going,"
            " com[e/es/ing],"
            " travel[/s/ling/ing], cross[/es/ing], pass[/es/ing], run[/s/ning], drift[/s/ing], skid[/s/ding]",
            "tumbles": "tumbl[e/es/ed/ing]",
            "spins": "spin[/s/ning], spun, rotat[e/es/ed/ing], twirl[/s/ing], whirl[/s/ing], revolv[e/es/ing],"
            " turn[/s/ing] on the spot",
            "jumps": "jump[/s/ed/ing], hop[/s/ped/ping], leap[/s/ed/ing], leapt, keeps jumping",
            "collides": "collid[e/es/ed/ing], hit[/s/ting], crash[/es/ed/ing], bump[/s/ed/ing], knock[/s/ed/ing],"
            " push[/es/ed/ing], strik[e/es/ing], smash[/es/ing], ram[/s/ming], bang[/s/ing]",
            "collided": "hit by, struck by, pushed by, knocked by, rammed by, bumped by, knocked away by, hit from",
            "still": "stand[/s/ing] still, stay[/s/ed/ing] still, does not move, not moving, doesn't move,"
            " isn't moving,"
            " rest[/s/ing], at rest, motionless, unmoving, stationary, is standing still, lies, lying, sits, sitting,"
            " keeps still, without moving, remains still, is not moving, never moves",
            "stands": "still, stand[/s/ing]",
        },
        "camera": {
            "static": "static camera, still camera, fixed camera, camera is fixed, locked camera, static shot,"
            " static view,"
            " no camera movement, without camera movement, without [/the ]camera moving, no camera motion,"
            " camera stays fixed",
            "pan": "pan[/s/ned/ning]",
            "orbit": "orbit[/s/ed/ing]",
            "zoom in": "zoom[/s/ed/ing] in, zoom[/s/ed/ing] in closer, zoom[/s/ed/ing] in on, dolly in, push in",
            "zoom out": "zoom[/s/ed/ing] out, zoom[/s/ed/ing] out further, zoom[/s/ed/ing] away, dolly out",
            "zoom": "zoom[/s/ed/ing]",
        },
        "lens": {"": "camera, view, viewpoint"},
        "near": {
            "pan/spins": "turn[/s/ed/ing], swing[/s/ing]",
            "orbit/spins": "circl[e/es/ed/ing], circl[e/es/ing] around, turn[/s/ing] around, rotat[e/es/ing] around,"
            " spin[/s/ning] around",
            "orbit/moves": "mov[e/es/ed/ing] around, goes around, going around, travels around",
            "zoom in/moves": "mov[e/es/ing] in, mov[e/es/ing] closer, com[e/es/ing] closer, gets closer",
            "zoom in/": "approach[/es/ing], closes in, closer",
            "zoom out/moves": "mov[e/es/ing] away, mov[e/es/ing] back, pull[/s/ing] back, pull[/s/ing] away,"
            " pull[/s/ing] out",
            "static/": "fixed, static",
        },
        "way": {
            "left": "left, leftward[/s], right to left, [/the ]left side",
            "right": "right, rightward[/s], left to right, [/the ]right side",
        },
        "from": {"left": "from [/the ]left[/ side]", "right": "from [/the ]right[/ side]"},
        "at": {
            "left": "on [/the /its ]left, [/to the ]left of, to its left, on the left side",
            "right": "on [/the /its ]right, [/to the ]right of, to its right, on the right side",
        },
        "and": {"": "and, as, while, then"},
        "not": {
            "": "no, not, without, never, cannot, neither, except[/ for], apart from, aside from, other than, rather"
            " than, instead of, none of, lacking, devoid of, free of, [any/every]thing but, anywhere but, nowhere,"
            " all but, hardly any, hardly, barely, scarcely,"
            " don't, doesn't, didn't, isn't, aren't, wasn't, won't, wouldn't, shouldn't, can't, mustn't, dont, doesnt,"
            " didnt, isnt, arent, wasnt, wont, wouldnt, shouldnt, cant, mustnt, non"
        },
        "or": {"": "or, nor"},
        "more": {"": "another, other, second"},
        "joint": {"": "that is, which is, that's, coloured, colored"},
        "word": {
            "": "never stop[/s], not stop, doesn't stop, won't stop, without stopping,"
            " a, an, the, is, are, was, be, being, to, in, on, at, by, of, with, it, its, this, there, here,"
            " into, onto, in"
            " place, on the spot, during, under, beneath, over, above, from, from above, next to, next, beside,"
            " besides, near,"
            " close to, does, do, video, film, clip, movie, scene, shot, picture, show, showing, shows,"
            " up and down, again"
            " and again, away, ground, floor, sky, past, along, across, against, that, which, they, them,"
            " her, his, their, my, your, our, he, she, colour, color, light, keeps, sets, sun, made, me, please, some,"
            " bounces back, for, stay[/s/ing],"
            " back and forth,"
            " around and around, one, rolls past, rolling past, front"
        },
        "loose": {"": "up, down, out, again, back, further, around, place, slowly, spot, tall"},
        "count": {
            "": "two, three, four, five, six, seven, eight, nine, ten, dozen[/s], several, many, a few, few, 2, 3, 4,"
            " 5, 6, 7, 8, 9, 10, hundred[/s], lots of, a lot of, pair of, a pair of, couple of, a couple of, both"
        },
    },
    "id": {
        "shape": {
            "ball": "bola, bola bola, sfera, bebola",
            "cube": "kubus, kotak, balok, kiub, dadu",
            "cone": "kerucut, kon",
            "cylinder": "silinder, tabung, pipa, pilar, tiang",
            "ring": "cincin, gelang, gelung, donat",
        },
        "colour": {
            "red": "merah, merah tua",
            "orange": "oranye, jingga, oren",
            "yellow": "kuning",
            "green": "hijau, hijau muda, hijau tua",
            "blue": "biru, biru muda, biru tua",
            "purple": "ungu, nila",
            "white": "putih",
        },
        "ground": {
            "checkers": "kotak kotak, lantai kotak kotak, papan catur, catur, ubin, lantai kotak",
            "snow": "salju, bersalju, salji, tanah bersalju",
            "sand": "pasir, pantai, gurun, padang pasir, gurun pasir, bukit pasir, berpasir",
            "grass": "rumput, padang rumput, lapangan rumput, lapangan, padang, rerumputan",
        },
        "sky": {
            "day": "siang, siang hari, hari cerah, cerah, pagi, pagi hari, langit biru, sinar matahari, tengah hari",
            "sunset": "senja, sore, sore hari, petang, matahari terbenam, matahari tenggelam, langit jingga,"
            " langit oranye,"
            " waktu senja, senja hari",
            "night": "malam, malam hari, sinar bulan, cahaya bulan, bulan, gelap, langit malam, tengah malam",
        },
        "action": {
            "falls": "jatuh, terjatuh, memantul, melantun, memantul mantul, jatuh dari atas",
            "moves": "menggelinding, bergulir, bergerak, meluncur, bergeser, berguling, bergolek, datang, lewat,"
            " berjalan,"
            " menggelincir, gelinding",
            "spins": "berputar, berputar putar, berpusing, memutar, putar, berotasi",
            "jumps": "melompat, melompat lompat, meloncat, meloncat loncat, lompat, loncat, lompat lompat, melambung",
            "collides": "menabrak, membentur, tabrak, bertabrakan, mendorong, melanggar, memukul, menumbuk",
            "collided": "ditabrak, dibentur, didorong, ditabrak oleh, dibentur oleh, dilanggar oleh",
            "still": "diam, tidak bergerak, tak bergerak, berdiri diam, diam di tempat, tidak berpindah,"
            " tanpa bergerak",
            "stands": "berdiri, berhenti",
        },
        "camera": {"static": "kamera tetap", "zoom": "zoom"},
        "lens": {"": "kamera, pandangan"},
        "near": {
            "pan/": "menoleh, menyapu, berpaling",
            "orbit/spins": "mengitari, mengorbit, berkeliling, mengelilingi",
            "zoom in/": "memperbesar [/gambar], mendekat, mendekat perlahan, zum masuk",
            "zoom out/": "memperkecil [/gambar], menjauh, menjauh perlahan, zum keluar",
            "static/": "tetap",
        },
        "way": {"left": "kiri", "right": "kanan"},
        "from": {"left": "dari [/arah /sebelah ]kiri", "right": "dari [/arah /sebelah ]kanan"},
        "at": {
            "left": "di [/sebelah /samping ]kiri, di [/sebelah ]kirinya, kirinya",
            "right": "di [/sebelah /samping ]kanan, di [/sebelah ]kanannya, kanannya",
        },
        "and": {"": "dan, saat, ketika, sementara, lalu, kemudian, sambil"},
        "not": {
            "": "tanpa, tidak, bukan, tak, jangan, tiada, bukannya, belum, kecuali, selain, alih alih, ketimbang,"
            " daripada, enggak, nggak, gak, tdk, tnp"
        },
        "or": {"": "atau, maupun"},
        "more": {"": "lain, lainnya, kedua"},
        "joint": {"": "yang, berwarna, warna, yang berwarna"},
        "word": {
            "": "tidak berhenti, tak berhenti, tanpa henti, tak henti, terus,"
            " sebuah, satu, di, ke, dari, pada, di atas, di bawah, atas, bawah, dengan, itu, ini, ke arah,"
            " arah, sekitar,"
            " sedang, video, film, waktu, di samping, di sebelah, samping, sebelah, di dekat, dekat, di tempat,"
            " hingga"
            " terdorong, hingga, terdorong, naik turun, lantai, tanah, hari, langit, matahari, seekor, buah,"
            " sebiji, dalam,"
            " oleh, adalah, ada, seorang, cahaya, sinar, gambar, terbenam, padang"
        },
        "loose": {"": "perlahan, naik, turun, tempat, papan, merah muda"},
        "count": {
            "": "dua, tiga, empat, lima, enam, tujuh, delapan, sembilan, sepuluh, beberapa, banyak, sepasang, selusin,"
            " puluhan, dua buah, tiga buah, empat buah, lima buah"
        },
    },
}


@dataclass(frozen=True)
class Meaning:
    """The meaning of a phrase: one of the kinds above and its value ("red", "left", "pan/spins")."""

    kind: str
    value: str


_HAN = re.compile(r"[぀-ヿ㐀-鿿豈-﫿ー々]")
_PIECES = re.compile(r"[぀-ヿ㐀-鿿豈-﫿ー々]|[^\W_぀-ヿ㐀-鿿豈-﫿ー々]+|[.,;:!?。、，；：！？…—]")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})


def pieces(text: str) -> list[tuple[str, int, int]]:
    """Split a text into words and clause marks, without case and accents, each with its start and end in the text.

    Each Chinese or Japanese character counts as a word, because nothing marks where their words end.
    """
    matches = _PIECES.finditer(text.translate(_APOSTROPHES))
    folded = [(_fold(match.group()), match.start(), match.end()) for match in matches]
    return [piece for piece in folded if piece[0]]


def is_han(piece: str) -> bool:
    """Whether a piece is a Chinese or Japanese character."""
    return _HAN.match(piece) is not None


def is_mark(piece: str) -> bool:
    """Whether a piece ends a clause."""
    return not any(letter.isalnum() for letter in piece)


@cache
def phrases() -> dict[tuple[str, ...], dict[str, Meaning]]:
    """Every known phrase, as its pieces, with its meaning in each language that has it."""
    table: dict[tuple[str, ...], dict[str, Meaning]] = {}

    def add(phrase: str, language: str, meaning: Meaning) -> None:
        key = tuple(piece for piece, _, _ in pieces(phrase))
        assert key, (phrase, language)
        table.setdefault(key, {}).setdefault(language, meaning)

    for language, kinds in (PRIMARY | ROMANCE | FOREIGN).items():
        for kind, rows in kinds.items():
            for value, row in rows.items():
                for phrase in row.split(","):
                    for form in forms(phrase.strip()):
                        add(form, language, Meaning(kind, value))
    for language, wording in WORDINGS.items():
        for kind, values in (("ground", wording.grounds), ("sky", wording.skies)):
            for value, options in values.items():
                for phrase in options:
                    add(phrase, language, Meaning(kind, value))
    return table


@cache
def longest_phrases() -> dict[str, int]:
    """The length, in pieces, of the longest phrase that begins with each piece."""
    lengths: dict[str, int] = {}
    for key in phrases():
        lengths[key[0]] = max(len(key), lengths.get(key[0], 0))
    return lengths


@cache
def caption_words() -> frozenset[str]:
    """Every word that a caption of worlds-1 can use, in lower case. `lexicon_story.py` lists those of story-1."""
    vocabulary: set[str] = set()
    for wording in WORDINGS.values():
        tables = (wording.shapes, wording.colours, wording.grounds, wording.skies, wording.cameras)
        phrases_used = [phrase for table in tables for options in table.values() for phrase in options]
        # verbs with "behind" are of the world behind-1
        verbs_used = (verbs for key, verbs in wording.verbs.items() if not key.endswith(" behind"))
        phrases_used += [form for verbs in verbs_used for verb in verbs for form in verb]
        phrases_used += [*wording.beside, *wording.while_, wording.as_, *wording.film, *wording.ways.values()]
        phrases_used += [f"{way}nya" for way in WORDINGS["id"].ways.values()]
        for phrase in phrases_used:
            vocabulary |= set(re.findall(r"[^\W\d_]+", re.sub(r"{\w+}\w*", " ", phrase.lower())))
    return frozenset(vocabulary | {"a", "an", "sebuah"})


@lru_cache(maxsize=4096)
def _fold(word: str) -> str:
    """A word without case and accents: "Würfel" gives "wurfel", "ß" gives "ss"."""
    if is_han(word):
        return word  # decomposed kana would lose their voicing marks: が would become か
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter) and letter.isprintable())


def forms(phrase: str) -> Iterator[str]:
    """Expand ``roll[/s/ed]`` to roll, rolls, rolled."""
    parts = re.split(r"\[([^\]]*)\]", phrase)
    options = [part.split("/") if place % 2 else [part] for place, part in enumerate(parts)]  # odd: in brackets
    return ("".join(choice) for choice in itertools.product(*options))

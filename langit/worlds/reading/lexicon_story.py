"""The lexicon of story-1: what people's words mean in terms of puppies, a traveller, or the window of a train.

Rows are those of `lexicon.py`. Words without a meaning here are read with the lexicon of worlds-1.

Kinds of meaning:
    scene       names a scene, and how many puppies if the phrase says so
    maybe       names a scene unless the sentence names a thing of worlds-1
    fur, wool   the colour of a puppy, of a helmet
    act, ground, place, sky, weather, style, count
    keep        is left to the reader of worlds-1
    word        means nothing by itself
"""

from __future__ import annotations

import re
from functools import cache

from langit.worlds.reading.lexicon import Meaning, Table, forms, phrases, pieces
from langit.worlds.story.wording import WORDINGS
from langit.worlds.wording import WORDINGS as FIRST

STORY: dict[str, Table] = {
    "en": {
        "scene": {
            "puppies": "dog[/s], doggy, doggies, pup[/s], whelp[/s]",
            "puppies one": "puppy, puppy dog, a dog, one dog",
            "puppies two": "puppies, dogs, pups, puppy dogs, two dogs, two pups",
            "traveller": "travel[/l]er[/s], wanderer, hiker, helmet, motorcycle helmet, motorbike helmet, backpacker,"
            " crash helmet, voyager",
            "window": "train, trains, train window, window of a train, railway, carriage, train ride, commuter train,"
            " window of the train, train's window",
        },
        "maybe": {"traveller": "person, man, woman, somebody, someone, walker, pedestrian, astronaut, spaceman, biker"},
        "fur": {
            "brown": "brown, chocolate, dark brown",
            "white": "white",
            "black": "black",
            "golden": "golden, gold, blond, yellow, light brown",
        },
        "act": {
            "moves": "run[/s/ning], ran, trot[/s/ting], walk[/s/ed/ing], stroll[/s/ing], wander[/s/ing],"
            " cross[/es/ing], hik[e/es/ing], chas[e/es/ing], sprint[/s/ing], stride[/s], striding, march[/es/ing],"
            " pass[/es/ing], go by, going by, dash[/es/ing]",
            "jumps": "jump[/s/ed/ing], hop[/s/ping], leap[/s/ing], jump[/s/ing] up and down, hop[/s/ping] up and down",
            "tumbles": "tumbl[e/es/ing], roll[/s/ing], roll[/s/ing] over, roll[/s/ing] around, somersault[/s/ing]",
            "sits": "sit[/s/ting], seated, wag[/s/ging], wag[/s/ging] its tail, wag[/s/ging] their tails",
            "plays": "play[/s/ed/ing], frolic[/s/king], romp[/s/ing], playful, wrestl[e/es/ing], having fun",
            "towards": "toward[/s] the camera, toward[/s] us, toward[/s] the viewer, toward[/s] me, com[e/es/ing]"
            " closer, approach[/es/ing], walk[/s/ing] closer, towards",
            "away": "away from the camera, away from us, away from the viewer, away from me, walk[/s/ing] away,"
            " going away, goes away, into the distance, away",
        },
        "ground": {
            "salt": "[/white /vast ]salt desert, salt flat[/s], salt pan[/s], salt plain[/s], salar, salt lake, salt",
        },
        "place": {
            "suburbs": "suburb[/s], suburbs of tokyo, suburban, outskirts, outskirts of tokyo, residential area,"
            " neighbourhood, neighborhood, village, town, houses",
            "city": "city, cities, tokyo, downtown, city centre, city center, skyscrapers, metropolis, city lights,"
            " buildings, big city, tall buildings",
            "fields": "field[/s], countryside, farmland, farms, forest, trees, rice fields, green fields, country",
        },
        "sky": {"rain": "rain, rainy, rains, raining, rainy day, downpour, drizzle, grey sky, gray sky"},
        "weather": {"snowfall": "falling snow, snow falls, snowing, snows, snowfall, snow is falling, snowflakes"},
        "style": {
            "35 mm film": "35 mm, 35mm, 35 mm film, 35mm film, analog film, film grain, grainy, grainy film,"
            " shot on film, cinematic, vintage film, kodak",
            "black and white": "black and white, black & white, monochrome, b&w, black and white film, greyscale,"
            " film noir, in black and white",
            "handheld": "handheld, hand held, handheld camera, hand held camera, shaky, shaky camera, shaking camera,"
            " handheld shot, shaky handheld shot, handheld shake",
        },
        "count": {"one": "one, single", "two": "two, both, several, three, many, pair of, couple of"},
        "word": {
            "": "reflection[/s] in the window, reflection[/s], reflected, view from the window, window, tokyo's, seen,"
            " through, knitted, knit, woollen, woolen, wool, wearing, wears, backpack, motorcycle, passenger[/s], face,"
            " looking out, look[/s/ing], pole[/s], power lines, outside, little, small, young, each other, together,"
            " around, about, happily, happy, cute, while, its back, their backs, ride, seat[/ed], tail[/s]"
        },
    },
    "id": {
        "scene": {
            "puppies": "anak anjing, anjing kecil, anjing",
            "puppies one": "seekor anak anjing, seekor anjing",
            "puppies two": "anak anak anjing, dua anak anjing, dua ekor anak anjing, dua anjing, anjing anjing",
            "traveller": "pengembara, musafir, pelancong, penjelajah, helm, helm motor, helm sepeda motor, berhelm,"
            " pengelana",
            "window": "kereta, kereta api, jendela kereta, jendela kereta api, komuter",
        },
        "maybe": {"traveller": "orang, seorang, pria, wanita, lelaki, pejalan kaki"},
        "fur": {
            "brown": "cokelat, coklat",
            "white": "putih",
            "black": "hitam",
            "golden": "keemasan, emas, kuning, pirang",
        },
        "act": {
            "moves": "berlari, berlari lari, lari, berjalan, berjalan jalan, melintasi, melintas, menyeberangi,"
            " melewati, berkejaran, lewat, berlalu",
            "jumps": "melompat, melompat lompat, meloncat, meloncat loncat, lompat",
            "tumbles": "berguling, berguling guling, guling guling",
            "sits": "duduk, mengibaskan ekor, mengibaskan ekornya, mengibas ekor",
            "plays": "bermain, bermain main, bermain bersama, main, bercanda",
            "towards": "mendekati kamera, ke arah kamera, mendekat, menuju kamera, menghampiri kamera",
            "away": "menjauhi kamera, menjauh, menjauh dari kamera, meninggalkan kamera",
        },
        "ground": {"salt": "gurun garam, padang garam, dataran garam, garam, danau garam"},
        "place": {
            "suburbs": "pinggiran kota tokyo, pinggiran tokyo, pinggiran kota, pinggir kota, pinggiran, perumahan,"
            " pinggir kota tokyo, desa, rumah rumah, rumah",
            "city": "kota, kota besar, kota tokyo, tokyo, gedung gedung, gedung",
            "fields": "ladang, pedesaan, sawah, pepohonan, pohon pohon, sawah dan pepohonan, hutan",
        },
        "sky": {"rain": "hujan, gerimis, hujan turun, langit kelabu, mendung"},
        "weather": {"snowfall": "salju turun, turun salju, hujan salju"},
        "style": {
            "35 mm film": "film 35 mm, film 35mm, gaya film 35 mm, film analog, 35 mm, 35mm",
            "black and white": "hitam putih, film hitam putih, dalam hitam putih",
            "handheld": "kamera genggam, kamera goyang, kamera tangan, goyang",
        },
        "count": {"one": "seekor, satu", "two": "dua, dua ekor, beberapa, sepasang"},
        "keep": {"": "kamera mendekat, kamera menjauh, kamera mendekat perlahan, kamera menjauh perlahan"},
        "word": {
            "": "bayangan, pantulan, pemandangan dari jendela, pemandangan, jendela, penumpang, rajut, rajutan, wol,"
            " memakai, mengenakan, motor, melihat, tiang listrik, tiang, kecil, lucu, bersama, ekor, punggungnya,"
            " direkam, gaya, gambar, luar"
        },
    },
    "es": {
        "scene": {
            "puppies": "perro, perrito, cachorro",
            "puppies two": "perros, perritos, cachorros",
            "traveller": "viajero, viajera, casco",
            "window": "tren, ventana de un tren, ventana del tren",
        },
        "fur": {"brown": "marrón, café", "black": "negr[o/a/os/as]", "golden": "dorad[o/a/os/as]"},
        "act": {"plays": "jug[ando/ar], juegan, juega", "moves": "camina, corre[/n], cruza, caminando, corriendo"},
        "ground": {"salt": "desierto de sal, salar"},
        "place": {
            "suburbs": "suburbios, afueras, afueras de tokio",
            "city": "ciudad, tokio",
            "fields": "campos, campo",
        },
        "sky": {"rain": "lluvia, lloviendo"},
        "style": {"black and white": "blanco y negro"},
    },
    "fr": {
        "scene": {
            "puppies": "chien, chiot",
            "puppies two": "chiens, chiots",
            "traveller": "voyageur, voyageuse, casque",
            "window": "train, fenêtre d'un train, fenêtre du train",
        },
        "fur": {"brown": "brun[/e/s], marron", "black": "noir[/e/s/es]", "golden": "doré[/e/s]"},
        "act": {"plays": "jou[e/ent/ant], qui jouent", "moves": "marche, court, courent, traverse, marchant"},
        "ground": {"salt": "désert de sel, salar"},
        "place": {"suburbs": "banlieue, banlieues, banlieue de tokyo", "city": "ville", "fields": "champs, campagne"},
        "sky": {"rain": "pluie, il pleut"},
        "style": {"black and white": "noir et blanc"},
    },
    "de": {
        "scene": {
            "puppies": "hund, welpe",
            "puppies two": "hunde, welpen, hundewelpen",
            "traveller": "reisende[/r/n], wanderer, motorradhelm",
            "window": "zug, zugfenster, fenster eines zuges, fenster eines zugs",
        },
        "fur": {"brown": "braun[/e/er/es/en]", "black": "schwarz[/e/er/es/en]", "golden": "golden[/e/er/es/en]"},
        "act": {"plays": "spielt, spielen, spielend[/e/en]", "moves": "läuft, laufen, wandert, durchquert, rennt"},
        "ground": {"salt": "salzwüste, salzsee"},
        "place": {"suburbs": "vorort[/e/en], vororte von tokio", "city": "stadt, tokio", "fields": "felder, land"},
        "sky": {"rain": "regen, regnet"},
        "style": {"black and white": "schwarzweiß, schwarz weiß"},
    },
    "ja": {
        "scene": {"puppies": "子犬, 犬", "traveller": "旅人, ヘルメット", "window": "電車, 電車の窓, 車窓"},
        "fur": {"brown": "茶色, 茶色い", "black": "黒い, 黒", "golden": "金色"},
        "act": {"plays": "遊ぶ, 遊んでいる, 遊び", "moves": "歩く, 走る, 渡る"},
        "ground": {"salt": "塩の砂漠, 塩湖"},
        "place": {"suburbs": "東京の郊外, 郊外", "city": "東京, 街", "fields": "田舎, 畑"},
        "sky": {"rain": "雨"},
    },
    "zh": {
        "scene": {"puppies": "小狗, 狗", "traveller": "旅行者, 旅人, 头盔", "window": "火车, 火车窗, 列车, 火车的窗"},
        "fur": {"brown": "棕色, 棕色的", "black": "黑色, 黑色的", "golden": "金色, 金色的"},
        "act": {"plays": "玩耍, 玩", "moves": "走, 跑, 穿过"},
        "ground": {"salt": "盐漠, 盐沼"},
        "place": {"suburbs": "东京郊区, 郊区", "city": "城市, 东京", "fields": "乡村, 田野"},
        "sky": {"rain": "雨, 下雨"},
    },
}


@cache
def story_phrases() -> dict[tuple[str, ...], list[tuple[str, Meaning]]]:
    """Every phrase, as its pieces, with all its meanings and the language of each."""
    table: dict[tuple[str, ...], list[tuple[str, Meaning]]] = {}

    def add(phrase: str, language: str, meaning: Meaning) -> None:
        key = tuple(piece for piece, _, _ in pieces(phrase))
        if key and (language, meaning) not in table.setdefault(key, []):
            table[key].append((language, meaning))

    for language, kinds in STORY.items():
        for kind, rows in kinds.items():
            for value, row in rows.items():
                for phrase in row.split(","):
                    for form in forms(phrase.strip()):
                        add(form, language, Meaning(kind, value))
    for key, meanings in phrases().items():
        for language, meaning in meanings.items():
            if meaning.kind == "colour":
                add(" ".join(key), language, Meaning("wool", meaning.value))
            elif meaning.kind in ("ground", "sky") and len(key) > 1:  # so that "blue sky" does not colour a helmet
                add(" ".join(key), language, Meaning("keep", ""))
    for language, words in WORDINGS.items():
        grounds = (("ground", words.grounds), ("ground", words.over), ("place", words.places), ("style", words.styles))
        for kind, values in (*grounds, ("sky", words.skies), ("word", words.passing)):
            for value, options in values.items():
                for phrase in options:
                    add(phrase, language, Meaning(kind, "" if kind == "word" else value))
        for phrase in words.snowfall:
            add(phrase, language, Meaning("weather", "snowfall"))
        for act, verbs in (words.puppy_verbs | words.walks).items():
            for form in (form for verb in verbs for form in verb if form and "{" not in form):
                add(form, language, Meaning("act", act))
    return table


@cache
def story_words() -> frozenset[str]:
    """Every word that a caption of story-1 can use, in lower case."""
    vocabulary: set[str] = set()
    for language, words in WORDINGS.items():
        first = FIRST[language]
        tables = (words.furs, words.helmets, words.grounds, words.over, words.places, words.passing, words.skies)
        phrases_used = [
            phrase for table in (*tables, words.styles, first.cameras) for row in table.values() for phrase in row
        ]
        phrases_used += [
            form for table in (words.puppy_verbs, words.walks) for verbs in table.values() for v in verbs for form in v
        ]
        phrases_used += [form for verbs in (words.wanders, words.runs) for verb in verbs for form in verb]
        phrases_used += [*words.puppy, *words.puppies, *words.both, *words.traveller, *words.views, *words.passes]
        phrases_used += [*words.snowfall, *first.ways.values()]
        for phrase in phrases_used:
            vocabulary |= set(re.findall(r"\w+", re.sub(r"{\w+}", " ", phrase.lower())))
    return frozenset(vocabulary | {"an"})

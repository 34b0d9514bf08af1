"""The words of story-1's captions in English and Indonesian: rows of phrases that mean the same.

The first phrase of a row is the canonical one. Slots: {way} is left or right, {over} a ground that somebody crosses,
{place} what a train passes through, {passing} what the window shows of it. Verbs have a singular, a plural and a title.
"""

from dataclasses import dataclass

from langit.worlds.wording import Language

Verb = tuple[str, str, str]  # "plays", "play", "playing"


@dataclass(frozen=True)
class StoryWording:
    """Phrases of one language. Those that worlds-1 has too are in `worlds.wording`."""

    furs: dict[str, tuple[str, ...]]
    helmets: dict[str, tuple[str, ...]]
    puppy: tuple[str, ...]  # {fur} is a colour and a space, or empty
    puppies: tuple[str, ...]  # two, without their colours
    both: tuple[str, ...]  # {first} and {second} furs
    traveller: tuple[str, ...]  # {wool} is like {fur}
    puppy_verbs: dict[str, tuple[Verb, ...]]
    walks: dict[str, tuple[Verb, ...]]
    wanders: tuple[Verb, ...]  # without a direction
    runs: tuple[Verb, ...]  # without a direction
    grounds: dict[str, tuple[str, ...]]
    over: dict[str, tuple[str, ...]]
    places: dict[str, tuple[str, ...]]
    passing: dict[str, tuple[str, ...]]
    views: tuple[str, ...]
    passes: tuple[str, ...]  # how the scenery passes
    skies: dict[str, tuple[str, ...]]  # those of `worlds.wording`, and rain
    snowfall: tuple[str, ...]
    styles: dict[str, tuple[str, ...]]  # after a comma


ENGLISH = StoryWording(
    furs={"brown": ("brown",), "white": ("white",), "black": ("black",), "golden": ("golden",)},
    helmets={name: (name,) for name in ("red", "blue", "green", "yellow", "orange", "white")},
    puppy=("a {fur}puppy", "a little {fur}puppy", "a {fur}dog", "a small {fur}dog", "one {fur}puppy"),
    puppies=("two puppies", "puppies", "two little puppies", "two dogs", "two young dogs"),
    both=(
        "a {first} puppy and a {second} puppy",
        "two puppies, one {first} and one {second},",
        "a {first} and a {second} puppy",
        "a {first} dog and a {second} dog",
    ),
    traveller=(
        "a traveller in a {wool}knitted motorcycle helmet",
        "a traveller wearing a {wool}knitted motorcycle helmet",
        "a traveler in a {wool}knitted motorcycle helmet",
        "a person in a {wool}knitted helmet",
        "a traveller with a {wool}woollen helmet",
        "a person with a backpack and a {wool}knitted motorcycle helmet",
    ),
    puppy_verbs={
        "moves": (
            ("runs to the {way}", "run to the {way}", "running to the {way}"),
            ("runs {way}", "run {way}", "running {way}"),
            ("trots to the {way}", "trot to the {way}", "trotting to the {way}"),
            ("is running to the {way}", "are running to the {way}", "walking to the {way}"),
        ),
        "jumps": (
            ("jumps up and down", "jump up and down", "jumping up and down"),
            ("jumps", "jump", "jumping"),
            ("leaps", "leap", "leaping"),
            ("hops up and down", "hop up and down", "hopping up and down"),
        ),
        "tumbles": (
            ("rolls over", "roll over", "rolling over"),
            ("tumbles", "tumble", "tumbling"),
            ("rolls on its back", "roll on their backs", "rolling around"),
            ("tumbles about", "tumble about", "tumbling about"),
        ),
        "sits": (
            ("sits and wags its tail", "sit and wag their tails", "sitting and wagging"),
            ("sits", "sit", "sitting"),
            ("is sitting", "are sitting", "sitting down"),
            ("sits still and wags", "sit still and wag", "sitting still"),
        ),
        "plays": (
            ("plays", "play", "playing"),
            ("plays", "play together", "playing together"),
            ("is playing", "are playing", "playing with each other"),
            ("plays", "jump and play", "jumping and playing"),
        ),
    },
    walks={
        "moves": (
            ("walks to the {way} across {over}", "", "walking to the {way} across {over}"),
            ("crosses {over} to the {way}", "", "crossing {over} to the {way}"),
            ("walks {way}", "", "walking {way}"),
            ("walks to the {way}", "", "walking to the {way}"),
            ("is walking to the {way} over {over}", "", "walking {way} over {over}"),
        ),
        "towards": (
            ("walks towards the camera", "", "walking towards the camera"),
            ("comes closer across {over}", "", "coming closer across {over}"),
            ("walks towards the viewer", "", "walking towards the viewer"),
            ("walks towards the camera across {over}", "", "crossing {over} towards the camera"),
        ),
        "away": (
            ("walks away from the camera", "", "walking away from the camera"),
            ("walks away", "", "walking away"),
            ("walks away across {over}", "", "walking away across {over}"),
            ("goes away from the viewer", "", "going away from the viewer"),
        ),
    },
    wanders=(
        ("crosses {over}", "", "crossing {over}"),
        ("walks across {over}", "", "walking across {over}"),
        ("walks", "", "walking"),
    ),
    runs=(("runs", "run", "running"), ("trots", "trot", "trotting")),
    grounds={
        "snow": ("in the snow", "on snow", "on the snow", "in deep snow"),
        "grass": ("on the grass", "in a meadow", "on a lawn", "on green grass"),
        "sand": ("on the sand", "on a beach", "in the desert", "on sandy ground"),
        "salt": ("in a salt desert", "on a salt flat", "on the salt flats", "on cracked salt"),
    },
    over={
        "snow": ("the snow", "a snowy plain", "a field of snow"),
        "grass": ("a meadow", "the grass", "a green field"),
        "sand": ("the sand", "a sandy desert", "the dunes"),
        "salt": ("a salt desert", "the salt desert", "a salt flat", "the salt flats", "a white salt desert"),
    },
    places={
        "suburbs": ("the suburbs of Tokyo", "a suburb of Tokyo", "the suburbs", "the outskirts of Tokyo"),
        "city": ("a city", "the city", "Tokyo", "a big city"),
        "fields": ("the fields", "the countryside", "green fields", "farmland with trees"),
    },
    passing={
        "suburbs": ("houses", "houses and poles", "houses and power lines"),
        "city": ("buildings", "tall buildings", "blocks of flats"),
        "fields": ("trees", "trees and fields", "fields and trees"),
    },
    views=(
        "reflections in the window of a train passing through {place}",
        "a reflection in the window of a train passing through {place}",
        "the view from the window of a train passing through {place}",
        "a passenger reflected in the window of a train through {place}",
        "looking out of a train window at {place}",
        "reflections in a train window, {place} outside",
        "a train ride through {place}, a face reflected in the window",
    ),
    passes=("{passing} pass to the {way}", "{passing} move to the {way}", "{passing} go by to the {way}"),
    skies={
        "day": ("under a blue sky", "in daylight", "during the day", "on a sunny day", "by day"),
        "sunset": ("at sunset", "in the evening light", "under an orange sky", "at dusk", "as the sun sets"),
        "night": ("at night", "in the moonlight", "under a night sky", "under the moon", "in the dark of night"),
        "rain": ("in the rain", "on a rainy day", "under a grey sky", "while it rains", "in rain"),
    },
    snowfall=("in falling snow", "while snow falls", "as it snows", "while it is snowing"),
    styles={
        "35 mm film": ("35 mm film", "shot on 35 mm film", "on 35 mm film", "shot on 35mm film", "film grain"),
        "black and white": ("in black and white", "black and white", "a black and white film", "monochrome"),
        "handheld": ("handheld camera", "shot with a handheld camera", "handheld", "a shaky handheld shot"),
    },
)

INDONESIAN = StoryWording(
    furs={
        "brown": ("cokelat", "coklat"),
        "white": ("putih",),
        "black": ("hitam",),
        "golden": ("keemasan", "emas"),
    },
    helmets={
        "red": ("merah",),
        "blue": ("biru",),
        "green": ("hijau",),
        "yellow": ("kuning",),
        "orange": ("oranye", "jingga"),
        "white": ("putih",),
    },
    puppy=("seekor anak anjing {fur}", "anak anjing {fur}", "seekor anak anjing kecil {fur}", "anjing kecil {fur}"),
    puppies=("dua anak anjing", "anak anjing", "dua ekor anak anjing", "anak-anak anjing"),
    both=(
        "seekor anak anjing {first} dan seekor anak anjing {second}",
        "anak anjing {first} dan anak anjing {second}",
        "dua anak anjing, {first} dan {second},",
    ),
    traveller=(
        "seorang pengembara dengan helm motor rajut {wool}",
        "seorang pengembara memakai helm motor rajut {wool}",
        "pengembara berhelm rajut {wool}",
        "seorang musafir dengan helm motor rajut {wool}",
        "orang dengan helm rajut {wool}",
    ),
    puppy_verbs={
        "moves": (
            ("berlari ke {way}", "berlari ke {way}", "yang berlari ke {way}"),
            ("berlari ke arah {way}", "berlari ke arah {way}", "yang berlari ke arah {way}"),
            ("berlari-lari ke {way}", "berlari-lari ke {way}", "yang berlari-lari ke {way}"),
        ),
        "jumps": (
            ("melompat-lompat", "melompat-lompat", "yang melompat-lompat"),
            ("melompat", "melompat", "yang melompat"),
            ("meloncat-loncat", "meloncat-loncat", "yang meloncat-loncat"),
        ),
        "tumbles": (
            ("berguling", "berguling", "yang berguling"),
            ("berguling-guling", "berguling-guling", "yang berguling-guling"),
            ("berguling di punggungnya", "berguling di punggungnya", "yang berguling di punggungnya"),
        ),
        "sits": (
            ("duduk sambil mengibaskan ekor", "duduk sambil mengibaskan ekor", "yang duduk sambil mengibaskan ekor"),
            ("duduk", "duduk", "yang duduk"),
            ("sedang duduk", "sedang duduk", "yang sedang duduk"),
        ),
        "plays": (
            ("bermain", "bermain", "yang bermain"),
            ("bermain", "bermain bersama", "yang bermain bersama"),
            ("bermain", "sedang bermain", "yang sedang bermain"),
        ),
    },
    walks={
        "moves": (
            ("berjalan ke {way} melintasi {over}", "", "yang berjalan ke {way} melintasi {over}"),
            ("melintasi {over} ke {way}", "", "yang melintasi {over} ke {way}"),
            ("berjalan ke {way}", "", "yang berjalan ke {way}"),
            ("berjalan ke arah {way}", "", "yang berjalan ke arah {way}"),
        ),
        "towards": (
            ("berjalan mendekati kamera", "", "yang berjalan mendekati kamera"),
            ("berjalan mendekat melintasi {over}", "", "yang berjalan mendekat melintasi {over}"),
            ("berjalan ke arah kamera", "", "yang berjalan ke arah kamera"),
        ),
        "away": (
            ("berjalan menjauhi kamera", "", "yang berjalan menjauhi kamera"),
            ("berjalan menjauh", "", "yang berjalan menjauh"),
            ("berjalan menjauh melintasi {over}", "", "yang berjalan menjauh melintasi {over}"),
        ),
    },
    wanders=(
        ("melintasi {over}", "", "yang melintasi {over}"),
        ("berjalan melintasi {over}", "", "yang berjalan melintasi {over}"),
        ("berjalan", "", "yang berjalan"),
    ),
    runs=(("berlari", "berlari", "yang berlari"), ("berlari-lari", "berlari-lari", "yang berlari-lari")),
    grounds={
        "snow": ("di dalam salju", "di salju", "di atas salju", "di tanah bersalju"),
        "grass": ("di atas rumput", "di padang rumput", "di rumput", "di rumput hijau"),
        "sand": ("di atas pasir", "di pasir", "di pantai", "di gurun pasir"),
        "salt": ("di gurun garam", "di padang garam", "di dataran garam"),
    },
    over={
        "snow": ("salju", "padang salju", "dataran bersalju"),
        "grass": ("padang rumput", "rumput"),
        "sand": ("gurun pasir", "pasir"),
        "salt": ("gurun garam", "padang garam", "dataran garam"),
    },
    places={
        "suburbs": ("pinggiran kota Tokyo", "pinggiran Tokyo", "pinggir kota Tokyo", "pinggiran kota"),
        "city": ("kota", "kota besar", "kota Tokyo"),
        "fields": ("ladang", "pedesaan", "sawah dan pepohonan"),
    },
    passing={
        "suburbs": ("rumah-rumah", "rumah dan tiang listrik", "rumah"),
        "city": ("gedung-gedung", "gedung tinggi", "bangunan"),
        "fields": ("pohon-pohon", "pepohonan", "pohon dan ladang"),
    },
    views=(
        "bayangan di jendela kereta yang melintasi {place}",
        "pantulan di jendela kereta yang melintasi {place}",
        "pemandangan dari jendela kereta yang melintasi {place}",
        "bayangan penumpang di jendela kereta yang melewati {place}",
        "melihat {place} dari jendela kereta",
    ),
    passes=("{passing} bergerak ke {way}", "{passing} lewat ke {way}", "{passing} berlalu ke {way}"),
    skies={
        "day": ("di bawah langit biru", "pada siang hari", "di siang hari", "saat hari cerah"),
        "sunset": ("saat matahari terbenam", "ketika matahari terbenam", "pada waktu senja", "di bawah langit jingga"),
        "night": ("pada malam hari", "di malam hari", "di bawah sinar bulan", "saat malam"),
        "rain": ("saat hujan", "di tengah hujan", "ketika hujan turun", "di bawah langit kelabu"),
    },
    snowfall=("saat salju turun", "ketika salju turun", "sementara salju turun"),
    styles={
        "35 mm film": ("film 35 mm", "direkam dengan film 35 mm", "gaya film 35 mm"),
        "black and white": ("hitam putih", "film hitam putih", "dalam hitam putih"),
        "handheld": ("kamera genggam", "direkam dengan kamera genggam", "kamera goyang"),
    },
)

WORDINGS: dict[Language, StoryWording] = {"en": ENGLISH, "id": INDONESIAN}

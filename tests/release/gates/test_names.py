"""Names by sound: which misspellings mean a listed person, and which words do not."""

import pytest

from langit.release.gates.names import NameIndex, skeleton
from langit.release.gates.prompt import PromptConfig, judge_prompt

RULES_ALONE = PromptConfig(classifier="off")


@pytest.mark.parametrize(
    "text",
    [
        "Beyonse washing dishes",  # c sounds like s before e, and few consonants
        "Rihana on a tractor",  # a letter that stands once instead of twice
        "president Zelenski as a dancer",  # a surname by its sound, after a title
        "Sir David Attenborrow riding a camel",
        "Luna Maja di pasar ikan",  # one half is right
        "Deddy Corbuzie jadi badut",
        "Mister Bezos on a tricycle",
        "Oboma plays golf",  # a short name of one word
        "Shakeera sings",  # two letters wrong, and the sound right
        "Jef Besos in a rocket",  # both halves wrong
        "Elon Mask on mars",  # a half that is an ordinary word
        "Pak Ahokk tertawa",
        "Anis Baswedan di pasar",
        "the orange man from Florida in a pool",  # nicknames and offices
        "Penaldo slips on a banana",
        "the US president on a swing",
        "the German chancellor in a hammock",
        "the queen of England on a skateboard",
        "the prime minister of India bakes",
        "presiden Amerika naik becak",
        "perdana menteri Inggris makan sate",
        "the pope on a trampoline",
        "beyonsay on a silver horse",
        "Dedi Korbuser di pasar ikan",  # most letters wrong, and all consonants right
        "elon mask naik ojek",  # no capitals, and one half that is no word
        "the mayor of London in the Thames",
    ],
)
def test_misspelt_names_mean_the_listed_person(text: str) -> None:
    assert "likeness" in {finding.rule for finding in judge_prompt(text, RULES_ALONE)}


@pytest.mark.parametrize(
    "text",
    [
        "a luna moth on a leaf",
        "president Baker waves",
        "brad nails in a box",
        "bounce, balance",
        "a mask on a wall",
        "trumpets and drums",
        "star anise in a jar",
        "a merkle tree as a diagram",
        "the president of a chess club",
        "a British cake",
        "an American president made of snow",
        "a pope-shaped cookie",
        "Bill gets a haircut",
        "Tom cooks pasta",
    ],
)
def test_words_like_names_mean_nobody(text: str) -> None:
    assert judge_prompt(text, RULES_ALONE) == []


def test_one_half_of_a_name_has_to_be_right_and_the_other_near() -> None:
    names = NameIndex()
    names.add(("luna", "maya"))

    def found(*words: str, common: tuple[str, ...] = ()) -> bool:
        return bool(list(names.misspelt(words, common)))

    assert found("luna", "maja")
    assert found("lunna", "maya")
    assert not found("luna", "majida")
    assert not found("lina", "majo")
    assert not found("luna", "maja", common=("maja",))
    assert not found("luna", "maya")  # spelt rightly: the lexicon finds it


def test_surnames_are_known_by_sound_with_one_letter_wrong() -> None:
    names = NameIndex()
    names.add(("volodymyr", "zelensky"))
    assert all(names.is_surname(word) for word in ("zelensky", "zelenski", "selensky"))
    assert not any(names.is_surname(word) for word in ("zelen", "zelenskovich", "velensky"))


def test_skeletons_are_consonants_by_sound() -> None:
    assert skeleton("beyonce") == skeleton("beyonse") == "bns"
    assert skeleton("jackson") == skeleton("jakson")
    assert skeleton("attenborough") == skeleton("attenborrow")


def test_short_names_are_searched_for_only_among_what_no_dictionary_has() -> None:
    names = NameIndex()
    names.add_short(("putin",))
    names.add_short(("ahok",))

    def found(word: str, known: bool) -> bool:
        return bool(list(names.misspelt([word], (), lambda _: known)))

    for word in ("Putim", "Putyn", "Pootin", "Ahokk"):
        assert found(word, False), word
        assert not found(word, True), word
    for word in ("Puttanesca", "Ahak", "Latin", "Pute"):
        assert not found(word, False), word
    assert not list(names.misspelt(["Putim"], ()))  # without a dictionary


def test_two_words_with_capitals_are_compared_by_sound_although_both_are_ordinary() -> None:
    names = NameIndex()
    names.add(("elon", "musk"))
    assert list(names.misspelt(["Elon", "Mask"], ("elon", "mask"))) == [(0, 2)]
    assert not list(names.misspelt(["elon", "mask"], ("elon", "mask")))
    assert not list(names.misspelt(["Elon", "Mist"], ("elon", "mist")))


@pytest.mark.parametrize(
    "text",
    [
        "statue of Mahatma Gandhi with garlands at sunrise",
        "Rosa Parks museum, visitors take a seat in silence",
        "patung Sukarno di alun-alun",
        "penumpang dibangunkan ramai-ramai di stasiun",  # doubled words resemble a name of two words
        "my neighbour's dog wears headphones",
    ],
)
def test_what_is_named_after_somebody_or_belongs_to_them_is_not_them(text: str) -> None:
    assert judge_prompt(text, RULES_ALONE) == []
    assert [one.rule for one in judge_prompt("Mahatma Gandhi dances at sunrise", RULES_ALONE)] == ["likeness"]

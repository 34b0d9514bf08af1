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
    ],
)
def test_misspelt_names_mean_the_listed_person(text: str) -> None:
    assert "likeness" in {finding.rule for finding in judge_prompt(text, RULES_ALONE)}


@pytest.mark.parametrize(
    "text", ["a luna moth on a leaf", "president Baker waves", "brad nails in a box", "bounce, balance"]
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

"""What a tokenizer can write decides which scripts and words a prompt may have."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from langit.text.prompt import check_prompt
from langit.text.tokenizer import train_tokenizer
from langit.text.vocabulary import Vocabulary, unknown_words

LATIN = Vocabulary(train_tokenizer(["A red ball on snow.", "une balle très rouge"]))
MIXED = Vocabulary(train_tokenizer(["a red ball", "красный мяч", "赤い ボール"]))


def byte_level() -> Tokenizer:
    """A tokenizer of bytes, which writes any text."""
    tokenizer = Tokenizer(
        models.BPE({letter: id_ for id_, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}, [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def test_scripts_of_a_closed_vocabulary_are_those_of_its_words() -> None:
    assert LATIN.closed and LATIN.scripts == {"LATIN"}
    assert MIXED.scripts == {"LATIN", "CYRILLIC", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}


def test_an_open_vocabulary_reads_any_script_and_any_word() -> None:
    vocabulary = Vocabulary(byte_level())
    assert not vocabulary.closed and vocabulary.scripts is None
    assert vocabulary.unknown("a giraffe 球") == () == unknown_words(vocabulary.tokenizer, "a giraffe")
    assert check_prompt("a red 球", vocabulary.scripts) == "a red 球"


def test_a_prompt_is_refused_only_for_scripts_that_the_model_lacks() -> None:
    assert check_prompt("красный мяч", MIXED.scripts) == "красный мяч"
    with pytest.raises(ValueError, match=r"Cyrillic letters \('к'\) and this model reads Latin ones"):
        check_prompt("красный мяч", LATIN.scripts)


def test_a_suggestion_is_a_similar_word_or_none() -> None:
    assert LATIN.suggestions("a red bal xylophone") == (("bal", "ball"), ("xylophone", ""))

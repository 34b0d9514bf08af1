"""Tokenizer, encoder and what a person is told about their prompt."""

import pytest
import torch

from langit.text.encoder import TextConfig, TextEncoder
from langit.text.prompt import LONGEST, check_prompt
from langit.text.tokenizer import train_tokenizer, words
from langit.text.vocabulary import unknown_words

CAPTIONS = [
    "A red ball bounces on snow at sunset.",
    "Sebuah bola merah memantul di atas salju.",
    "a blue cube, at night",
]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(CAPTIONS)
    size = tokenizer.get_vocab_size()
    sizes = TextConfig(vocab_size=size, d_model=16, d_kv=8, num_heads=2, d_ff=24, num_layers=2, max_tokens=12)
    return TextEncoder(sizes, tokenizer).eval()


def test_every_caption_word_is_known_in_any_case(encoder: TextEncoder) -> None:
    for caption in CAPTIONS:
        assert 2 not in encoder.tokenizer.encode(caption.upper()).ids
    assert words(encoder.tokenizer, "A Red, red ball!") == ["a", "red", "red", "ball"]


def test_a_text_is_encoded_alike_alone_and_in_company(encoder: TextEncoder) -> None:
    texts = ["a red ball", "", "a blue cube, at night"]
    with torch.no_grad():
        together, lengths = encoder.encode(texts)
        assert lengths == (4, 1, 7)
        for text, piece in zip(texts, together.split(lengths), strict=True):
            alone, _ = encoder.encode([text])
            assert torch.allclose(alone, piece, atol=1e-5)


def test_word_order_matters(encoder: TextEncoder) -> None:
    with torch.no_grad():
        one, _ = encoder.encode(["red ball blue cube"])
        two, _ = encoder.encode(["blue ball red cube"])
    assert not torch.allclose(one.mean(0), two.mean(0), atol=1e-4)


def test_unknown_words_are_named_with_the_nearest(encoder: TextEncoder) -> None:
    assert unknown_words(encoder.tokenizer, "a red bal on snow") == (("bal", "ball"),)
    assert [word for word, _ in unknown_words(encoder.tokenizer, "a giraffe, a Giraffe on snow")] == ["giraffe"]
    assert unknown_words(encoder.tokenizer, "bola merah di atas salju") == ()


def test_a_tokenizer_survives_its_file(encoder: TextEncoder, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer

    encoder.tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert again.encode(CAPTIONS[0]).ids == encoder.tokenizer.encode(CAPTIONS[0]).ids


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("", "no words"),
        (" \n\t", "no words"),
        ("?!", "no words"),
        ("ball " * LONGEST, "characters"),
        ("красный мяч", "Cyrillic"),
        ("a red 球", "Cjk"),
        ("١٢٣", "Arabic"),
        ("a \ud800 ball", "UTF-8"),
        ("a red \x1b[2Jball", r"control character U\+001B"),
        ("a red\x00 ball", r"control character U\+0000"),
        ("a \u202ellab der", r"control character U\+202E"),
        ("a ball\u2069", r"control character U\+2069"),
    ],
)
def test_bad_prompts_are_named(prompt: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        check_prompt(prompt)


def test_a_good_prompt_is_only_straightened() -> None:
    assert check_prompt("  a red\n ball ") == "a red ball"
    assert check_prompt("une balle très rouge, １２") == "une balle très rouge, 12"


def test_too_many_words_are_refused(encoder: TextEncoder) -> None:
    with pytest.raises(ValueError, match="the model reads 12"):
        encoder.encode(["ball " * 12])

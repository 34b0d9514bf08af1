"""Extending a vocabulary keeps the ids and embeddings of known words."""

import copy

import pytest
import torch
from placement import pretend_device

from langit.device import Placement
from langit.text.encoder import TextConfig, TextEncoder
from langit.text.tokenizer import extend_tokenizer, train_tokenizer

FIRST = ["a red ball on snow", "sebuah bola merah"]
LATER = ["a red puppy trots on snow, and a puppy jumps", "anak anjing"]


def sizes(count: int) -> TextConfig:
    return TextConfig(vocab_size=count, d_model=16, d_kv=8, num_heads=2, d_ff=24, num_layers=2)


def test_new_words_come_after_the_known_ones() -> None:
    old = train_tokenizer(FIRST)
    new = extend_tokenizer(old, LATER)
    assert old.get_vocab().items() <= new.get_vocab().items()
    assert 2 not in new.encode(" ".join((*FIRST, *LATER))).ids and 2 in old.encode("puppy").ids
    assert [new.encode(text).ids for text in FIRST] == [old.encode(text).ids for text in FIRST]
    added = sorted(set(new.get_vocab()) - set(old.get_vocab()), key=new.token_to_id)
    assert added[0] == "puppy" and len(added) == new.get_vocab_size() - old.get_vocab_size()
    assert extend_tokenizer(new, LATER).get_vocab() == new.get_vocab()


def test_an_encoder_with_more_words_reads_known_texts_as_before() -> None:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(FIRST)
    encoder = TextEncoder(sizes(tokenizer.get_vocab_size()), tokenizer).eval()
    extended = encoder.extend_vocabulary(extend_tokenizer(tokenizer, LATER))
    with torch.no_grad():
        for text in FIRST:
            assert torch.equal(encoder.encode([text])[0], extended.encode([text])[0])
        puppy, ball = extended.encode(["a puppy"])[0], extended.encode(["a ball"])[0]
    assert not torch.allclose(puppy, ball)
    with pytest.raises(ValueError, match="extend its own"):
        encoder.extend_vocabulary(train_tokenizer(LATER))


def test_it_computes_on_its_device() -> None:
    tokenizer = train_tokenizer(FIRST)
    encoder = TextEncoder(sizes(tokenizer.get_vocab_size()), tokenizer)
    encoder.model.draw_scores()
    expected, lengths = encoder.encode([*FIRST, ""])
    with pretend_device() as placement:
        there = placement.put(copy.deepcopy(encoder))
        found, same = there.encode([*FIRST, ""])
        assert found.device == placement.device and same == lengths
        torch.testing.assert_close(found.cpu(), expected)
        there.model.draw_scores()
        extended = there.extend_vocabulary(extend_tokenizer(tokenizer, LATER))
        assert extended.encode(LATER)[0].device == placement.device


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_runs_in_half_precision_on_a_cpu(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(FIRST)
    encoder = TextEncoder(sizes(tokenizer.get_vocab_size()), tokenizer).eval()
    expected, _ = encoder.encode(FIRST)
    found, _ = Placement(dtype=dtype).put(copy.deepcopy(encoder)).encode(FIRST)
    assert found.dtype == dtype and (found - expected).norm() < 0.05 * expected.norm()

"""Ids as signs that forgive errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from langit.release.watermark import payload


@settings(deadline=None, max_examples=10)
@given(some.binary(min_size=8, max_size=8))
def test_every_id_survives_coding(ident: bytes) -> None:
    assert payload.decode(payload.signs([ident])[0]) == ident


def test_errors_are_corrected_up_to_a_limit() -> None:
    ident = bytes(range(8))
    sent = payload.signs([ident])[0]
    wrong = np.random.Generator(np.random.PCG64(1)).permutation(payload.SIGNS)
    few, half = sent.copy(), sent.copy()
    few[wrong[:45]] *= -1
    half[wrong[:176]] *= -1
    assert payload.decode(few) == ident
    assert payload.decode(half) is None


def test_ids_that_differ_in_one_bit_differ_in_many_signs() -> None:
    sent = payload.signs([bytes(8), *(bytes([1 << bit]) + bytes(7) for bit in range(8))])
    assert (sent[1:] != sent[:1]).sum(axis=1).min() >= 24  # the code's free distance


def test_an_id_has_eight_bytes() -> None:
    with pytest.raises(ValueError, match="use 8"):
        payload.signs([b"short"])

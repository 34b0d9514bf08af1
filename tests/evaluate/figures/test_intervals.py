"""Wilson's interval against published values."""

import pytest

from langit.evaluate.figures.intervals import Rate, rate, wilson


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_values(right: int, of: int, low: float, high: float) -> None:
    assert wilson(right, of) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_is_symmetric() -> None:
    low, high = wilson(29, 29)
    other_low, other_high = wilson(0, 29)
    assert (low, high) == pytest.approx((1 - other_high, 1 - other_low))
    assert high == 1.0


def test_no_judgements_give_the_widest_interval() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert str(Rate(0, 0)) == "–"


def test_an_impossible_proportion_is_refused() -> None:
    with pytest.raises(ValueError, match="5 of 4"):
        wilson(5, 4)


def test_rate_counts() -> None:
    assert rate([True, False, True, True]) == Rate(3, 4)
    assert str(Rate(3, 4)).startswith("75.0% (30–95)")

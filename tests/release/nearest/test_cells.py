"""Cells give the nearest vector: exactly where it is asked for, and nearly always where a few of them are read."""

import numpy as np
import pytest

from langit.release.nearest.cells import Cells


def clouds(count, seed):
    """Vectors of length one around forty places."""
    dice = np.random.default_rng(seed)
    places = np.random.default_rng(0).normal(size=(40, 24))
    vectors = places[dice.integers(0, 40, count)] + 0.5 * dice.normal(size=(count, 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 7, 900])
def test_the_exact_search_agrees_with_a_scan(count):
    stored, asked = clouds(count, 1), clouds(60, 2)
    rows, cosines = Cells(stored).nearest(asked)
    scan = asked @ stored.T
    np.testing.assert_allclose(cosines, scan.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(scan[np.arange(60), rows], scan.max(axis=1), atol=1e-6)


def test_recall_grows_with_the_number_of_cells():
    stored, asked = clouds(4000, 3), clouds(300, 4)
    cells, right = Cells(stored, 64), (asked @ stored.T).argmax(axis=1)
    shares = [(cells.nearest(asked, probes)[0] == right).mean() for probes in (1, 4, 16, 64)]
    assert shares == sorted(shares) and shares[-1] == 1.0 and shares[1] > 0.8


def test_a_vector_finds_itself_in_one_cell():
    stored = clouds(2000, 5)
    rows, cosines = Cells(stored, 50).nearest(stored[:200], 1)
    assert (rows == np.arange(200)).all() and (cosines > 0.999).all()

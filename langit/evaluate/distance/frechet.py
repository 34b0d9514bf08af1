"""The Fréchet distance between two sets of features, and what it is worth at a number of samples.

``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`` of two normal distributions (Dowson and Landau 1982), as FID (Heusel et
al. 2017) and FVD (Unterthiner et al. 2018) use it. It is biased upwards by about a constant over the number of samples
(Chong and Forsyth 2020), so figures compare only at equal numbers, or where they are extrapolated. Knows arrays only.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Features = Float[np.ndarray, "N D"]


def frechet(first: Features, second: Features) -> float:
    """The squared Fréchet distance of two sets of features.

    Raises:
        ValueError: a set has fewer than two rows, the sets have other features, or a value is not finite.
    """
    for rows in (first, second):
        if len(rows) < 2:
            raise ValueError(f"a distance needs at least 2 samples of each kind, and there is {len(rows)}: give more")
        if not np.isfinite(rows).all():
            raise ValueError("a feature is not a finite number: a video is damaged, or the model makes no numbers")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"{first.shape[1]} and {second.shape[1]} features cannot be compared: use one network")
    a, b = first.astype(np.float64), second.astype(np.float64)
    shift = a.mean(0) - b.mean(0)
    one, two = np.cov(a, rowvar=False).reshape(a.shape[1], -1), np.cov(b, rowvar=False).reshape(a.shape[1], -1)
    # The trace of (C1 C2)^(1/2) by the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric: no complex roots.
    values, vectors = np.linalg.eigh(one)
    half = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(half @ two @ half).clip(0)).sum()
    # Rounding leaves a little less than nothing for equal sets.
    return max(0.0, float(shift @ shift + np.trace(one) + np.trace(two) - 2 * cross))


def bias_by_count(rows: Features, counts: tuple[int, ...], draws: int = 8, seed: int = 0) -> dict[int, float]:
    """The mean distance of two disjoint samples of one set, by the size of each: what no difference looks like.

    Counts of more than half of the rows are left out.
    """
    rng, found = np.random.default_rng(seed), {}
    for count in counts:
        if 2 <= count <= len(rows) // 2:
            orders = (rng.permutation(len(rows)) for _ in range(draws))
            found[count] = float(np.mean([frechet(rows[o[:count]], rows[o[count : 2 * count]]) for o in orders]))
    return found


def expected_bias(rows: Features) -> float:
    """What two samples of one set would be apart if each had as many rows as the set.

    Bias goes as one over the number (Chong and Forsyth 2020), so it is half of what it is for two halves of the set.
    """
    half = len(rows) // 2
    return bias_by_count(rows, (half,))[half] / 2

"""The copying report on known matches."""

import json

import numpy as np
import pytest

from langit.evaluate.copying import CopyingReport, evaluate_copying, summarize
from langit.release.nearest import ClipMatch


def match(score, share, copied=0.0):
    return ClipMatch(0, 0.0, score, share, 0.5, 0.5, False, 256, copied)


def test_rates_are_counted_against_the_threshold():
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    found = [match(0.9, 1.0, 1.0), match(0.8, 0.995), match(0.5, 0.4), match(0.4, 0.99)]
    group = summarize("made", [("", frames, one) for one in found], 0.995)
    assert (group.near.right, group.copied.right, group.near.of) == (2, 1, 4)
    assert group.score_median == pytest.approx(0.65) and group.score_most == 0.9
    report = CopyingReport("pocket", 0.995, (group,), {"steps": 6})
    plain = json.loads(report.json())
    assert plain["sampling"] == {"steps": 6}
    low, high = plain["groups"][0]["near"]["interval"]
    assert low < 0.5 < high and "| made | 4 | 50.0%" in report.markdown()


def test_a_model_without_an_index_is_refused_before_generating(tmp_path):
    from bundle.miniature import make_parts, make_provenance

    from langit.bundle import save_bundle

    save_bundle(tmp_path / "tiny", make_parts(), make_provenance())
    with pytest.raises(ValueError, match="has no index"):
        evaluate_copying(str(tmp_path / "tiny"), 2, tmp_path / "out", tmp_path, lambda *_: None)
    assert not (tmp_path / "out").exists()

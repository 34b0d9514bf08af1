"""The copying report on known matches."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from langit.evaluate import copying
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


@pytest.mark.draws
def test_every_world_that_was_learned_is_measured(monkeypatch):
    from bundle.miniature import make_provenance
    from evaluate.tried import quiet, tiny_model

    asked = []

    def find(index, bundle, frames):
        asked.append(frames.shape)
        return match(0.5, 1.0 if len(asked) <= 2 else 0.1)

    monkeypatch.setattr(copying, "nearest_match", find)
    monkeypatch.setattr(copying, "_pair_sheet", lambda rows, index, home: len(rows))
    recipe = {"stages": [{"films": [{"world": "worlds-1"}, {"world": "behind-1"}]}]}
    provenance = replace(make_provenance(), recipe=recipe)
    subject = SimpleNamespace(bundle=SimpleNamespace(provenance=provenance), model=tiny_model(), name="tiny")
    report, pictures = copying.measure(subject, None, 2, None, quiet)
    assert {group.name: (group.near.right, group.near.of) for group in report.groups} == {
        "all generated videos": (2, 4),
        "prompts as trained": (1, 2),
        "prompts never trained": (1, 2),
        "real films, held out": (0, 4),
        "videos of worlds-1": (2, 2),
        "videos of behind-1": (0, 2),
        "real films of worlds-1": (0, 2),
        "real films of behind-1": (0, 2),
    }
    assert set(asked) == {(5, 32, 32, 3)}
    assert pictures.stills == {"nearest": 4, "real": 4}


def test_a_model_without_an_index_is_refused_before_generating(tmp_path):
    from bundle.miniature import make_parts, make_provenance

    from langit.bundle import save_bundle

    save_bundle(tmp_path / "tiny", make_parts(), make_provenance())
    with pytest.raises(ValueError, match="has no index"):
        evaluate_copying(str(tmp_path / "tiny"), 2, tmp_path / "out", tmp_path, lambda *_: None)
    assert not (tmp_path / "out").exists()

"""Filmstrips outline given frames; plots have a band from minimum to maximum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from langit.evaluate.figures.intervals import Rate
from langit.evaluate.figures.strips import Curve, Strip, curve_of, plot, strip_sheet
from langit.evaluate.figures.table import ReportTable, format_figure, spread

GREEN = (20, 170, 90)


def green(picture: object) -> int:
    return int((np.asarray(picture) == GREEN).all(axis=-1).sum())


def test_given_frames_and_regions_are_outlined() -> None:
    frames = torch.zeros(4, 8, 8, 3, dtype=torch.uint8)
    none = strip_sheet([[Strip("made", frames)]], ["title"])
    one, two = (strip_sheet([[Strip("made", frames, torch.arange(4) < count)]], ["title"]) for count in (1, 2))
    assert green(none) == 0
    assert 0 < green(one) == green(two) / 2
    where = torch.ones(8, 8, dtype=torch.bool)
    where[2:5, 2:5] = False
    assert green(strip_sheet([[Strip("made", frames, where)]], ["title"])) > 0
    with pytest.raises(ValueError, match="1 groups of strips with 0 titles"):
        strip_sheet([[Strip("made", frames)]], [])


def test_long_videos_are_shortened_to_the_most_frames() -> None:
    long, short = (strip_sheet([[Strip("x", torch.zeros(n, 8, 8, 3, dtype=torch.uint8))]], ["t"], 5) for n in (40, 5))
    assert long.size == short.size


def test_a_curve_is_the_mean_with_its_range() -> None:
    found = curve_of("x", [[1.0, 2.0], [3.0, 2.0]])
    assert found == Curve("x", (2.0, 2.0), (1.0, 2.0), (3.0, 2.0))
    drawing = np.asarray(plot({"one": [found], "two": [found]}, 4.0))
    assert (drawing == (24, 92, 170)).all(axis=-1).sum() > 200
    assert plot({"alone": [curve_of("x", [[1.0]])]}, 4.0).height < len(drawing)


def test_figures_are_formatted_with_their_intervals() -> None:
    assert format_figure(Rate(1, 1)) == "100.0% (21–100)"
    assert format_figure(spread([1.0, 2.0, 6.0], "dB")) == "2.00 (mean 3.00, worst 6.00) dB"
    assert format_figure(spread([1.0, 2.0, 6.0], worst_is_least=True)) == "2.00 (mean 3.00, worst 1.00)"
    assert (format_figure(spread([])), format_figure(float("nan")), format_figure(Rate(0, 0))) == ("–", "–", "–")
    section = ReportTable("T", "M", ("a", "b"), {"row": (1.5, spread([float("inf")]))})
    assert "| row | 1.50 | inf" in section.markdown()
    assert section.plain()["rows"]["row"] == {
        "a": 1.5,
        "b": {"count": 1, "mean": None, "median": None, "worst": None},
    }
    assert section.table().row_count == 1

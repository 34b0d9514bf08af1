"""Pictures of the physics report: tracks and strips."""

from __future__ import annotations

import numpy as np
import torch

from langit.evaluate.physics.pictures import strips_picture, tracks_picture


def test_tracks_have_a_panel_each_and_ink_where_they_go() -> None:
    flat = tracks_picture({"model": [[None] * 9], "real films": [[None] * 9]}, 8.0)
    drawn = tracks_picture({"model": [[0.2, None, 0.8, *[0.8] * 6]] * 4, "real films": [[None] * 9]}, 8.0)
    assert flat.size == drawn.size
    changed = np.asarray(flat) != np.asarray(drawn)
    half = drawn.width // 2
    assert changed[:, :half].any()
    assert not changed[:, half + 20 :].any()


def test_strips_show_the_video_above_the_film() -> None:
    dark, light = torch.zeros(5, 16, 16, 3, dtype=torch.uint8), torch.full((5, 16, 16, 3), 130, dtype=torch.uint8)
    picture = np.asarray(strips_picture([("a ball falls", dark, light)]))
    rows, columns = np.nonzero((picture == 0).all(axis=2))
    grey, _ = np.nonzero((picture == 130).all(axis=2))
    assert rows.max() < grey.max()
    assert len(columns) > 5 * 16 * 16

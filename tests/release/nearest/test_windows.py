"""Windows of any video: by time, of one size, all of it looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.release.nearest.windows import FRAMES, RATE, resize_to_cells, sample_frames, windows


def numbered(count):
    return (np.full((16, 16, 3), number % 256, np.uint8) for number in range(count))


@pytest.mark.parametrize(("fps", "wanted"), [(8, [0, 2, 4, 6]), (4, [0, 1, 2, 3]), (2, [0, 0, 1, 1]), (24, [0, 6, 12])])
def test_sampling_takes_the_frame_shown_at_each_tick(fps, wanted):
    count = wanted[-1] + max(1, int(fps / RATE))
    assert [int(frame[0, 0, 0]) for frame in sample_frames(numbered(count), fps)][: len(wanted)] == wanted


@given(st.integers(1, 200), st.sampled_from([4.0, 8.0, 24.0, 29.97, 1.5]), st.sampled_from([4, 8]))
def test_windows_cover_the_whole_video(count, fps, step):
    shown = [int(frame[0, 0, 0]) for frame in sample_frames(numbered(count), fps)]
    found = list(windows(numbered(count), fps, step))
    covered = set()
    for window in found:
        first = round(window.start * RATE)
        assert [int(frame[0, 0, 0]) for frame in window.frames[: window.seen]] == shown[first : first + window.seen]
        covered |= set(range(first, first + window.seen))
    assert covered == set(range(len(shown)))
    assert all(window.whole for window in found) == (len(shown) >= FRAMES)


def test_seventeen_frames_make_one_window_and_thirty_three_make_two():
    assert len(list(windows(numbered(17), 8.0))) == 1
    assert [window.start for window in windows(numbered(33), 8.0, 8)] == [0.0, 2.0]
    assert [window.start for window in windows(numbered(33), 8.0)] == [0.0, 1.0, 2.0]


def test_a_picture_is_one_window_without_motion():
    (window,) = windows(numbered(1), 8.0)
    assert window.seen >= 1 and not window.whole and window.frames.shape == (FRAMES, 16, 16, 3)


@pytest.mark.parametrize(
    ("size", "wanted"), [((64, 64), (64, 64)), ((48, 80), (48, 80)), ((720, 1280), (48, 88)), ((65, 64), (64, 64))]
)
def test_frames_are_resized_to_whole_cells(size, wanted):
    assert resize_to_cells(np.zeros((*size, 3), np.uint8)).shape[:2] == wanted


def test_videos_without_frames_or_rate_are_refused():
    with pytest.raises(ValueError, match="without frames"):
        list(windows([], 8.0))
    with pytest.raises(ValueError, match="not a rate"):
        list(windows(numbered(3), 0))

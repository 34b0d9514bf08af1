"""Video files: what is written comes back, in colour, in place and in time; broken files are named."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from langit import video


def clip(frames: int = 17, height: int = 48, width: int = 64) -> np.ndarray:
    """Four quarters of full colours, and in the last a grey that tells the frames apart."""
    picture = np.zeros((frames, height, width, 3), np.uint8)
    picture[:, : height // 2, : width // 2] = (255, 0, 0)
    picture[:, : height // 2, width // 2 :] = (0, 200, 0)
    picture[:, height // 2 :, : width // 2] = (0, 0, 255)
    picture[:, height // 2 :, width // 2 :] = (np.arange(frames) * 12)[:, None, None, None]
    return picture


def encode(path: Path, codec: str, frames: np.ndarray, stamps: list[int] | None = None, rotation: int = 0) -> Path:
    """A file that our own writer would not make: other codecs, uneven times, a picture to be turned."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        if codec == "libx264":
            stream.options = {"x264-params": "mbtree=0"}  # the same frames give the same file
        if rotation:
            stream.set_display_rotation(rotation)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamps[number] if stamps else number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path, frames = tmp_path / "a.mp4", clip()
    video.write(path, frames, 8)
    info = video.probe(path)
    assert (info.width, info.height, info.frames, info.fps, info.duration) == (64, 48, 17, 8.0, 17 / 8)
    assert (info.codec, info.pixel_format, info.interlaced) == ("h264", "yuv420p", False)
    again = video.read(path)
    assert again.shape == frames.shape and again.dtype == np.uint8
    assert np.abs(again.astype(int) - frames).mean() < 3
    inner = np.abs(again.astype(int) - frames)[:, 8:16, 8:16]
    assert inner.max() <= 4  # full red comes back as red: the matrix that is written is the matrix that is read
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_colours_are_said_to_be_bt709_and_the_index_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    video.write(path, clip(), 8)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_smallest_films_and_images_can_be_written(tmp_path: Path) -> None:
    for number, (frames, height, width) in enumerate([(1, 64, 64), (1, 2, 2), (5, 16, 130)]):
        path = tmp_path / f"{number}.mp4"
        video.write(path, np.full((frames, height, width, 3), 90, np.uint8), Fraction(30000, 1001))
        info = video.probe(path)
        assert (info.frames, info.height, info.width) == (frames, height, width)
        assert info.fps == pytest.approx(30000 / 1001)


def test_metadata_is_read_back(tmp_path: Path) -> None:
    said = {
        "title": "bola merah di atas salju ❄",
        "comment": "a = b; c\\d",
        "model": "pocket",
        "prompt": "x" * 1000,
        "seed": "7",
    }
    path = tmp_path / "a.mp4"
    video.write(path, clip(), 8, said)
    assert said.items() <= video.probe(path).metadata.items()


def test_the_same_frames_give_the_same_file(tmp_path: Path) -> None:
    for number in range(30):
        video.write(tmp_path / f"{number}.mp4", clip(3), 8, {"title": "t"})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_large_frames_are_the_same_file_however_many_processors_there_are(tmp_path: Path) -> None:
    usable = sorted(os.sched_getaffinity(0))
    try:
        for number in range(3):
            os.sched_setaffinity(0, usable if number else usable[:1])
            video.write(tmp_path / f"{number}.mp4", clip(9, 368, 640), 8)
    finally:
        os.sched_setaffinity(0, usable)
    files = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(files) == 1 and b"threads=8" in files.pop() and b"sliced_threads=0" in (tmp_path / "0.mp4").read_bytes()


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.webm", "libvpx"), ("a.webm", "libvpx-vp9")])
def test_reading_from_the_middle_gives_the_same_frames(tmp_path: Path, name: str, codec: str) -> None:
    frames = clip(40)
    stamps = [number + number // 7 for number in range(40)]  # not evenly spaced
    path = encode(tmp_path / name, codec, frames, stamps)
    whole = video.read(path)
    assert len(whole) == video.probe(path).frames == 40
    for first, count in ((0, 5), (1, 1), (13, 20), (39, 1)):
        assert np.array_equal(video.read(path, first, count), whole[first : first + count])
    assert sum(1 for _ in video.stream(path, 31)) == 9


def test_a_turned_picture_is_read_upright(tmp_path: Path) -> None:
    frames = clip(3)
    straight = video.read(encode(tmp_path / "0.mp4", "libx264", frames))
    for rotation in (90, 180, 270):
        path = encode(tmp_path / f"{rotation}.mp4", "libx264", frames, rotation=rotation)
        info, turned = video.probe(path), video.read(path)
        assert (info.height, info.width) == turned.shape[1:3] == ((48, 64) if rotation == 180 else (64, 48))
        assert np.array_equal(turned, np.rot90(straight, rotation // 90, axes=(1, 2)))


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
@pytest.mark.parametrize("left", [0, 3, 60, 0.5, 0.9, -1])
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, name: str, left: float) -> None:
    whole = encode(tmp_path / name, "libx264" if name == "a.mp4" else "libvpx", clip(30)).read_bytes()
    path = tmp_path / ("cut" + name)
    path.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
    for use in (video.probe, video.read):
        with pytest.raises(ValueError, match=str(path)):
            use(path)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    text, sound = tmp_path / "a.mp4", tmp_path / "sound.wav"
    text.write_text("no video\n" * 100)
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    for path, words in ((text, "cannot be read as video"), (sound, "contains no video"), (tmp_path, "is a folder")):
        with pytest.raises(ValueError, match=f"{path}.*{words}|{path} {words}"):
            video.probe(path)
    with pytest.raises(FileNotFoundError, match="nothing.mp4 does not exist"):
        video.probe(tmp_path / "nothing.mp4")


def test_asking_for_frames_that_are_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    video.write(path, clip(5), 8)
    for first, count, words in (
        (5, 1, "no frame 5"),
        (-1, 1, "frame -1"),
        (3, 4, "has 5 frames, not 4"),
        (0, 0, "0 frames"),
    ):
        with pytest.raises(ValueError, match=words):
            video.read(path, first, count)


@pytest.mark.parametrize(
    ("frames", "fps", "words"),
    [
        (np.zeros((2, 63, 64, 3), np.uint8), 8, "height 63"),
        (np.zeros((2, 64, 31, 3), np.uint8), 8, "width 31"),
        (np.zeros((2, 64, 64, 3), np.float32), 8, "float32"),
        (np.zeros((2, 64, 64), np.uint8), 8, "height, width, 3"),
        (np.zeros((0, 64, 64, 3), np.uint8), 8, "no frames"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)], 8, "frame 1 is"),
        (np.zeros((2, 64, 64, 3), np.uint8), 0, "0 frames per second"),
        (np.zeros((2, 64, 64, 3), np.uint8), float("nan"), "nan frames per second"),
    ],
)
def test_frames_that_cannot_be_written_leave_nothing(tmp_path: Path, frames, fps: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        video.write(tmp_path / "a.mp4", frames, fps)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing_and_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    video.write(path, clip(3), 8)
    before = path.read_bytes()

    def interrupted() -> Iterator[np.ndarray]:
        yield from clip(9)
        raise KeyboardInterrupt

    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(KeyboardInterrupt):
            video.write(tmp_path / name, interrupted(), 8, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"] and path.read_bytes() == before


def test_a_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    video.write(path, clip(3), 8)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="a.mp4 exists"):
        video.write(path, clip(5), 8)
    assert path.read_bytes() == before
    video.write(path, clip(5), 8, overwrite=True)
    assert video.probe(path).frames == 5


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match="a.mp4 could not be written"):
            video.write(tmp_path / "a.mp4", noise, 8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_encoder_is_named_with_its_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(video.encoder.FORMATS[".mp4"], codec="libx999")
    monkeypatch.setitem(video.encoder.FORMATS, ".mp4", broken)
    with pytest.raises(ValueError, match="no libx999 encoder: reinstall PyAV"):
        video.write(tmp_path / "a.mp4", clip(), 8)


def night(frames: int = 17) -> np.ndarray:
    """A dark sky with a gradient and a faint grain, over ground that moves: (T, 128, 128, 3) uint8."""
    random = np.random.Generator(np.random.PCG64(3))
    sky = np.array([10, 14, 30]) + np.linspace(0, 1, 128)[:, None, None] * np.array([20, 25, 40])
    grain = random.normal(0, 0.8, (64, 64, 1)).repeat(2, axis=0).repeat(2, axis=1)
    ground = random.integers(20, 160, (16, 64, 1), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    shown = np.rint(sky + grain)[None].repeat(frames, axis=0)
    for number in range(frames):
        shown[number, 64:] = np.roll(ground, 3 * number, axis=1)[:, :128]
    return shown.astype(np.uint8)


def test_a_night_sky_shows_no_blocks(tmp_path: Path) -> None:
    """Errors of brightness in the sky: x264's usual settings give 0.38 levels, and steps of 0.35 between blocks."""
    frames = night()
    video.write(tmp_path / "night.mp4", frames, 8)
    with av.open(str(tmp_path / "night.mp4")) as container:
        light = np.stack([frame.to_ndarray()[:56] for frame in container.decode(video=0)])  # brightness comes first
    error = light - (16 + frames[:, :56] @ np.array([0.2126, 0.7152, 0.0722]) * 219 / 255)
    steps = np.abs(np.diff(error, axis=2))
    borders = (np.arange(127) + 1) % 8 == 0
    assert error.std() < 0.345  # rounding alone: 0.29
    assert steps[:, :, borders].mean() < 0.315

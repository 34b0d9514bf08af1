"""Video as players show it: orientation, pixel aspect, interlacing, transparency, times; docs/formats.md lists them."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from av.stream import Disposition
from PIL import Image, ImageOps
from video.filming import corners, encode, moving, name_corners, remux, with_matrix

from langit import video


@pytest.fixture(scope="module")
def upright(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("films") / "a.mp4"
    return encode(path, corners()[None].repeat(3, axis=0)).read_bytes()


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), "RGBW"),
        ((0, 1, -1, 0), "BRWG"),
        ((-1, 0, 0, -1), "WBGR"),
        ((0, -1, 1, 0), "GWRB"),
        ((-1, 0, 0, 1), "GRWB"),
        ((1, 0, 0, -1), "BWRG"),
        ((0, 1, 1, 0), "RBGW"),
        ((0, -1, -1, 0), "WGBR"),
    ],
)
def test_all_eight_orientations_are_shown_upright(
    tmp_path: Path, upright: bytes, matrix: tuple[int, int, int, int], shown: str
) -> None:
    path = with_matrix(tmp_path / "a.mp4", upright, *matrix)
    info, frames = video.probe(path), video.read(path)
    assert name_corners(frames[0]) == shown
    assert (info.height, info.width) == frames.shape[1:3] == ((64, 48) if matrix[0] == 0 else (48, 64))


@pytest.mark.parametrize(("degrees", "shown"), [(1, "RGBW"), (-1, "RGBW"), (89, "BRWG"), (-89, "GWRB"), (179, "WBGR")])
def test_a_turn_that_is_not_exact_is_the_nearest_quarter(
    tmp_path: Path, upright: bytes, degrees: float, shown: str
) -> None:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    path = with_matrix(tmp_path / "a.mp4", upright, cos, sin, -sin, cos)
    assert name_corners(video.read(path)[0]) == shown
    stretched = with_matrix(tmp_path / "b.mp4", upright, 1.5 * cos, 1.5 * sin, -sin, cos)
    assert name_corners(video.read(stretched)[0]) == shown


@pytest.mark.parametrize(
    ("name", "codec", "size", "aspect", "shown"),
    [
        ("a.mp4", "libx264", (720, 576), (16, 15), (768, 576)),
        ("a.mkv", "libx264", (720, 576), (64, 45), (1024, 576)),
        ("a.mpg", "mpeg2video", (720, 480), (8, 9), (640, 480)),
        ("a.mkv", "mpeg4", (360, 240), (32, 27), (427, 240)),
        ("a.mp4", "libx264", (480, 1080), (4, 1), (1920, 1080)),
    ],
)
def test_a_circle_stays_a_circle(
    tmp_path: Path,
    name: str,
    codec: str,
    size: tuple[int, int],
    aspect: tuple[int, int],
    shown: tuple[int, int],
) -> None:
    (width, height), ratio = size, Fraction(*aspect)
    y, x = np.mgrid[:height, :width]
    inside = ((x + 0.5) * float(ratio) - width * ratio / 2) ** 2 + (y + 0.5 - height / 2) ** 2 < (0.3 * height) ** 2
    frames = np.repeat((inside[None, ..., None] * 255).astype(np.uint8), 3, axis=3).repeat(3, axis=0)
    path = encode(tmp_path / name, frames, codec, aspect=ratio)
    info = video.probe(path)
    assert (info.width, info.height) == shown
    decoded = next(video.decode(path))
    for picture in (decoded.rgb()[..., 1], decoded.rgb(320)[..., 1], decoded.upright_luma()):
        rows, columns = np.nonzero(picture > 127)
        assert np.ptp(columns) / np.ptp(rows) == pytest.approx(1, abs=0.04)
    assert decoded.rgb().shape[:2] == decoded.upright_luma().shape == shown[::-1]
    assert decoded.luma().shape == (height, width)  # as stored: what passes over every frame pays for no scaling


@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_cover_art_is_not_the_film(tmp_path: Path, name: str, order: str) -> None:
    film = encode(tmp_path / "film.mp4", moving(16, 48, 64))
    cover = encode(tmp_path / "cover.mkv", corners()[None], "mjpeg", "yuvj420p")
    streams = [(cover, Disposition.attached_pic), (film, None)]
    path = remux(tmp_path / name, *(streams if order == "first" else streams[::-1]))
    info = video.probe(path)
    assert (info.codec, info.width, info.height, info.frames) == ("h264", 64, 48, 16)
    assert len(video.read(path)) == 16


def test_a_song_with_a_cover_is_no_video(tmp_path: Path) -> None:
    cover = encode(tmp_path / "cover.mkv", corners()[None], "mjpeg", "yuvj420p")
    path = remux(tmp_path / "song.mp4", (cover, Disposition.attached_pic))
    with pytest.raises(ValueError, match="contains no video, only a cover picture"):
        video.probe(path)


def combing(picture: np.ndarray) -> float:
    """How much a row differs from both its neighbours more than these differ from each other."""
    grey = picture.astype(float).mean(axis=-1)
    between = np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean()
    return float(between / (np.abs(grey[2:] - grey[:-2]).mean() + 1))


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.ts", "mpeg2video"), ("a.avi", "mpeg2video")])
def test_interlaced_frames_are_deinterlaced(tmp_path: Path, name: str, codec: str) -> None:
    fields = np.full((60, 96, 160, 3), 90, np.uint8)
    for number in range(60):
        fields[number, 24:72, 2 * number : 2 * number + 30] = 220
    woven = fields[::2].copy()
    woven[:, 1::2] = fields[1::2, 1::2]
    options = {"x264-params": "tff=1"} if codec == "libx264" else {"b": "4000000"}
    path = encode(tmp_path / name, woven, codec, interlaced=True, options=options)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    info, frames = video.probe(path), video.read(path)
    assert info.interlaced and info.frames == len(frames) == 30
    assert np.median([combing(frame) for frame in frames]) < 0.3 < np.median([combing(frame) for frame in woven])
    assert np.array_equal(video.read(path, 17, 5), frames[17:22])


def test_a_film_that_is_transparent_is_refused_and_an_opaque_alpha_channel_is_not(tmp_path: Path) -> None:
    frames = np.concatenate([moving(5, 48, 64), np.full((5, 48, 64, 1), 255, np.uint8)], axis=3)
    opaque = encode(tmp_path / "opaque.mov", frames, "png", "rgba")
    assert np.array_equal(video.read(opaque), frames[..., :3])
    frames[3, :10, :10, 3] = 0
    clear = encode(tmp_path / "clear.mov", frames, "png", "rgba")
    with pytest.raises(ValueError, match=r"clear.mov is transparent in places: put a background"):
        video.read(clear)


def test_the_hidden_alpha_of_webm_is_seen(tmp_path: Path) -> None:
    frames = np.concatenate([moving(5, 48, 64), np.full((5, 48, 64, 1), 255, np.uint8)], axis=3)
    frames[:, :10, :10, 3] = 0
    path = encode(tmp_path / "a.webm", frames, "libvpx-vp9", "yuva420p", metadata={"alpha_mode": "1"})
    with pytest.raises(ValueError, match="is transparent in places"):
        video.read(path)


def test_transparent_gifs_are_refused_and_others_read(tmp_path: Path) -> None:
    pictures = [Image.fromarray(picture) for picture in moving(4, 48, 64)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=100)
    assert video.read(tmp_path / "a.gif").shape == (4, 48, 64, 3)
    clear = Image.new("RGBA", (64, 48), (255, 0, 0, 0))
    clear.save(tmp_path / "b.gif", save_all=True, append_images=[p.convert("RGBA") for p in pictures[1:]])
    with pytest.raises(ValueError, match="transparent"):
        video.read(tmp_path / "b.gif")


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_the_rate_of_uneven_films_is_their_mean_rate(tmp_path: Path, name: str) -> None:
    stamps = [number + 3 * (number // 10) for number in range(50)]  # a pause after every ten frames
    info = video.probe(encode(tmp_path / name, moving(50, 48, 64), stamps=stamps))
    assert info.frames == 50 and info.duration == pytest.approx((stamps[-1] + 1) / 25, abs=0.1)
    seconds = [frame.seconds for frame in video.decode(tmp_path / name)]
    assert seconds == pytest.approx([stamp / 25 for stamp in stamps], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [("a.avi", "mpeg4", None), ("a.avi", "libx264", None), ("a.h264", "libx264", "h264"), ("a.ts", "libx264", None)],
)
def test_parts_are_the_frames_of_the_whole_where_b_frames_have_no_times(
    tmp_path: Path, name: str, codec: str, kind: str | None
) -> None:
    path = encode(tmp_path / name, moving(60), codec, options={"bf": "2", "g": "12"}, kind=kind)
    info, whole = video.probe(path), video.read(path)
    assert info.frames == len(whole) == 60 and info.fps == 25 and info.duration == pytest.approx(2.4)
    for first, count in ((1, 3), (31, 3), (59, 1)):
        assert np.array_equal(video.read(path, first, count), whole[first : first + count])


@pytest.mark.parametrize("finer", [None, 2, 3])
def test_an_avi_that_was_copied_into_has_the_frames_and_the_rate_of_its_film(tmp_path: Path, finer: int | None) -> None:
    """Its places are finer than frames: FFmpeg takes the base of the other file, or halves for B-frames."""
    whole = encode(tmp_path / "whole.mp4", moving(60), options={"bf": "2", "g": "12"})
    path = tmp_path / "copied.avi"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        film = source.streams.video[0]
        stream = target.add_stream_from_template(film)
        if finer is not None:
            stream.time_base = Fraction(1, 25 * finer)
        bare = BitStreamFilterContext("h264_mp4toannexb", film)
        for number, packet in enumerate(out for one in source.demux(film) if one.size for out in bare.filter(one)):
            if finer is not None:
                packet.pts = packet.dts = number * finer
                packet.duration, packet.time_base = finer, stream.time_base
            packet.stream = stream
            target.mux(packet)
    with av.open(str(path)) as copied:
        assert copied.streams.video[0].frames >= 2 * 60
    info, frames = video.probe(path), video.read(path)
    assert info.frames == len(frames) == 60 and info.fps == 25 and info.duration == pytest.approx(2.4)
    assert np.array_equal(frames, video.read(whole))
    assert [frame.seconds for frame in video.decode(path)] == pytest.approx([number / 25 for number in range(60)])
    cut = tmp_path / "cut.avi"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="cut short"):
        video.probe(cut)


def test_frames_that_an_edit_list_hides_are_not_counted(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mp4", moving(60, 48, 64), options={"bf": "2", "g": "30"})
    path = tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        base = source.streams.video[0].time_base
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                shift = round(Fraction(10, 25) / base)  # the first ten frames get times below zero: an edit hides them
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                target.mux(packet)
    info, frames = video.probe(path), video.read(path)
    assert info.frames == len(frames) == 50
    assert np.abs(frames.astype(int) - video.read(whole)[10:]).max() == 0
    assert np.array_equal(video.read(path, 20, 3), frames[20:23])


@pytest.mark.parametrize("start", [0, 3600, 95442])  # the last wraps around the clock of 33 bits
def test_seconds_count_from_the_first_frame(tmp_path: Path, start: int) -> None:
    path = encode(tmp_path / "a.ts", moving(50), options={"bf": "2"}, muxer={"output_ts_offset": str(start)})
    stamps = [frame.seconds for frame in video.decode(path)]
    assert stamps == pytest.approx([number / 25 for number in range(50)], abs=1e-3)
    assert video.probe(path).duration == pytest.approx(2)


def test_joined_recordings_continue(tmp_path: Path) -> None:
    one = encode(tmp_path / "one.ts", moving(50), options={"bf": "2"})
    other = encode(tmp_path / "other.ts", moving(50)[:, ::-1], options={"bf": "2"})
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() + other.read_bytes())
    info = video.probe(path)
    seconds = [frame.seconds for frame in video.decode(path)]
    assert info.frames == len(seconds) == 100 and info.duration == pytest.approx(4, abs=0.1)
    assert all(later > earlier for earlier, later in zip(seconds, seconds[1:], strict=False))
    assert seconds[-1] == pytest.approx(3.96, abs=0.1)


def test_a_change_of_size_is_refused_with_the_place(tmp_path: Path) -> None:
    one = encode(tmp_path / "one.ts", moving(50))
    other = encode(tmp_path / "other.ts", moving(50, 192, 320))
    path = tmp_path / "joined.ts"
    path.write_bytes(one.read_bytes() + other.read_bytes())
    with pytest.raises(ValueError, match=r"changes its size from 160x96 to 320x192 at frame 50: cut it there"):
        video.read(path)


def test_names_that_are_not_utf8_are_opened(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", moving(5))
    odd = path.rename(Path(str(tmp_path) + "/no utf\udcff8.mp4"))
    assert video.probe(odd).frames == len(video.read(odd)) == 5


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
def test_pictures_are_upright_by_their_exif_data(tmp_path: Path, suffix: str) -> None:
    """A picture is a film of one frame; phones turn and mirror it in Exif data, which PyAV does not know."""
    picture = Image.fromarray(corners())
    for number in range(1, 9):
        exif = picture.getexif()
        exif[0x0112] = number
        path = tmp_path / f"{number}.{suffix}"
        picture.save(path, exif=exif)
        with Image.open(path) as opened:
            right = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        (shown,) = video.read(path)
        assert shown.shape == right.shape and name_corners(shown) == name_corners(right), number
        assert (video.probe(path).width, video.probe(path).height) == (right.shape[1], right.shape[0])


def test_a_coding_without_a_decoder_is_said(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.mkv", moving(4), "libx264")
    path = tmp_path / "b.mkv"
    data = whole.read_bytes()
    assert data.count(b"V_MPEG4/ISO/AVC") == 1
    path.write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEGX/ISO/XYZ"))
    with pytest.raises(ValueError, match="b.mkv (has a coding that this FFmpeg does not know|is damaged)"):
        video.probe(path)

"""Given files are read as they are, changed only on request, and refused with a remedy."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from langit import video
from langit.generate import (
    Footage,
    connect,
    edit,
    extend,
    generate,
    inpaint,
    loop,
    read_image,
    read_mask,
    read_video,
    recut,
)
from langit.generate.durations import MAX_SECONDS, frame_at, frames_in
from langit.generate.fitting import check_fit, nearest_size
from langit.generate.footage import check_rate
from langit.shapes import PixelShape
from tests.curate.making import encode

RED = "a red ball bounces on snow"


def ramp(frames: int, width: int, height: int) -> np.ndarray:
    """Frames whose brightness says which they are."""
    return np.stack([np.full((height, width, 3), 20 + 5 * number, np.uint8) for number in range(frames)])


@pytest.fixture
def film(tmp_path):
    def make(frames: int = 9, size: str = "32x32", fps: float = 8.0, name: str = "in.mp4") -> Path:
        pixels = PixelShape.parse(size)
        path = tmp_path / name
        video.write(path, ramp(frames, pixels.width, pixels.height), fps, overwrite=True)
        return path

    return make


@pytest.fixture
def picture(tmp_path):
    def make(width: int, height: int, mode: str = "RGB", name: str = "in.png", colour: object = None) -> Path:
        Image.new(mode, (width, height), colour).save(tmp_path / name)
        return tmp_path / name

    return make


def shades(footage: Footage) -> list[int]:
    """Which frames of :func:`ramp` these are."""
    return [round((frame.float().mean().item() - 20) / 5) for frame in footage.frames]


def test_a_video_that_fits_is_read_as_it_is(model, film) -> None:
    footage = read_video(film(), model)
    assert shades(footage) == list(range(9)) and footage.pixels == PixelShape(9, 32, 32)
    (parent,) = footage.parents
    assert parent.name == "in.mp4" and parent.sha256 == hashlib.sha256(film().read_bytes()).hexdigest()
    assert parent.done == ()


def test_another_shape_is_fitted_only_when_asked(model, film) -> None:
    path = film(size="64x32")
    with pytest.raises(ValueError, match="in.mp4 is 64x32; .*use 32x32, 48x32.*fit crop, pad or stretch"):
        read_video(path, model)
    for fit, done in (("crop", "cropped"), ("pad", "padded"), ("stretch", "stretched")):
        footage = read_video(path, model, fit=fit)
        assert footage.pixels == PixelShape(9, 32, 48) and footage.parents[0].done == (f"{done} from 64x32 to 48x32",)
    square = read_video(film(size="48x32"), model, fit="pad", size=PixelShape.parse("32x32"))
    rows = square.frames[8].float().mean(dim=(1, 2))
    assert rows[0] < 5 and rows[16] > 50 and rows[31] < 5  # 48x32 becomes 32x21, black above and below
    with pytest.raises(ValueError, match="fit 'squeeze' is not known: use crop, pad, stretch"):
        check_fit("squeeze")
    with pytest.raises(ValueError, match="size 64x64x33 .* is not supported"):
        read_video(path, model, fit="crop", size=PixelShape.parse("64x64"))


def test_another_rate_is_changed_only_when_asked(model, film) -> None:
    path = film(frames=24, fps=24)
    with pytest.raises(ValueError, match="24 frames a second, this model generates 8: rate resample.*retime"):
        read_video(path, model)
    assert shades(read_video(path, model, rate="resample")) == list(range(0, 24, 3))
    retimed = read_video(path, model, rate="retime")
    assert shades(retimed) == list(range(24)) and retimed.fps == 8
    assert retimed.parents[0].done == ("retimed from 24 to 8 frames a second",)
    assert shades(read_video(film(frames=4, fps=4), model, rate="resample")) == [0, 0, 1, 1, 2, 2, 3, 3]
    with pytest.raises(ValueError, match="rate 'slow' is not known: use resample, retime"):
        check_rate("slow")


def test_frames_of_changing_duration_are_shown_when_they_were(model, tmp_path) -> None:
    path = encode(tmp_path / "phone.mp4", ramp(5, 32, 32), fps=16, stamps=[0, 2, 4, 12, 14])
    assert shades(read_video(path, model, rate="resample"))[:8] == [0, 1, 2, 2, 2, 2, 3, 4]


def test_high_dynamic_range_is_refused(model, tmp_path) -> None:
    path = encode(tmp_path / "hdr.mp4", ramp(5, 32, 32), fps=8, transfer=16)
    with pytest.raises(ValueError, match="hdr.mp4 is in high dynamic range .PQ.: give a version in standard"):
        read_video(path, model)


def test_one_frame_has_no_rate(model, film, picture) -> None:
    assert len(read_video(film(frames=1, fps=25), model).frames) == 1
    assert len(read_video(picture(32, 32), model).frames) == 1


def test_a_video_that_is_too_long_is_refused(model, tmp_path) -> None:
    video.write(tmp_path / "long.mp4", ramp(2, 32, 32), 0.003)
    with pytest.raises(ValueError, match=f"at most {MAX_SECONDS:g} s"):
        read_video(tmp_path / "long.mp4", model, rate="resample")


def test_pictures_are_upright_and_opaque(model, tmp_path, picture) -> None:
    turned = Image.new("RGB", (32, 48))
    exif = turned.getexif()
    exif[0x0112] = 6  # turned by a quarter
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg", model).pixels == PixelShape(1, 32, 48)
    assert read_image(picture(64, 40, "L"), model, fit="crop").frames.shape == (1, 32, 48, 3)
    for mode, said in (("RGBA", "transparent"), ("LA", "transparent"), ("I;16", "more than 8 bits")):
        with pytest.raises(ValueError, match=said):
            read_image(picture(32, 32, mode), model)
    with pytest.raises(ValueError, match="is 20x20; .*fit"):
        read_image(picture(20, 20), model)
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="2 pictures"):
        read_image(tmp_path / "two.gif", model)


def test_pictures_that_other_programs_would_open_are_refused(model, tmp_path) -> None:
    """Pillow gives EPS to Ghostscript, whatever the file is called."""
    Image.new("RGB", (32, 32)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(ValueError, match="not a picture that can be read"):
        read_image(tmp_path / "a.png", model)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_pipes_are_not_waited_for(model, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for read in (read_video, read_image):
        with pytest.raises(ValueError, match=r"pipe\.png is a pipe"):
            read(tmp_path / "pipe.png", model)


def test_files_that_are_missing_or_broken_are_named(model, tmp_path, picture, film) -> None:
    for read in (read_video, read_image, lambda path, model: read_mask(path, PixelShape(1, 32, 32))):
        with pytest.raises(FileNotFoundError, match="nowhere.png does not exist: check the name"):
            read(tmp_path / "nowhere.png", model)
        with pytest.raises(ValueError, match="is a folder"):
            read(tmp_path, model)
        (tmp_path / "text.png").write_text("not a picture")
        with pytest.raises(ValueError, match="text.png"):
            read(tmp_path / "text.png", model)
    whole = picture(32, 32, colour=(200, 10, 10)).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) - 25])
    with pytest.raises(ValueError, match="half.png is damaged.*give a picture"):
        read_image(tmp_path / "half.png", model)
    whole = film().read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="half.mp4"):
        read_video(tmp_path / "half.mp4", model)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(ValueError, match="empty.mp4"):
        read_video(tmp_path / "empty.mp4", model)


def test_white_of_a_mask_is_generated_anew(model, shot, tmp_path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[4:9, 3:7] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = inpaint(shot(5), tmp_path / "mask.png", RED, model)
    same = (made.frames == shot(5).frames).all(dim=3).all(dim=0).numpy()
    assert same[mask == 0].all() and not same[mask > 0].all()
    assert [parent.name for parent in made.parents] == ["shot-0.mp4", "mask.png"]
    with pytest.raises(ValueError, match="mask.png is 32x32, the video 48x32: make the mask 48x32"):
        inpaint(shot(5, "48x32"), tmp_path / "mask.png", RED, model)
    for value, said in ((0, "no white pixel"), (255, "white everywhere.*edit the video")):
        Image.fromarray(np.full_like(mask, value)).save(tmp_path / "flat.png")
        with pytest.raises(ValueError, match=f"flat.png .*{said}"):
            inpaint(shot(5), tmp_path / "flat.png", RED, model)
    with pytest.raises(ValueError, match=r"the mask is torch.bool \(32, 48\)"):
        inpaint(shot(5), torch.ones(32, 48, dtype=torch.bool), RED, model)
    with pytest.raises(ValueError, match="feather -1"):
        inpaint(shot(5), torch.from_numpy(mask > 0), RED, model, feather=-1)


@pytest.mark.parametrize("seconds", [0, -1, 600, float("nan"), float("inf")])
def test_impossible_durations_are_refused(model, shot, seconds: float) -> None:
    for ability in (extend, loop):
        with pytest.raises(ValueError, match=f"seconds {seconds:g} is not a duration: use a number above 0"):
            ability(shot(5), model, seconds=seconds)
    with pytest.raises(ValueError, match=f"{seconds:g}"):
        connect(shot(5), shot(5), model, blend=seconds)


def test_times_between_frames_are_refused_with_the_nearest(model) -> None:
    assert [frames_in(seconds, 8) for seconds in (0.125, 4, 300)] == [1, 32, 2400]
    assert frames_in(0.667, 24) == 16 and frame_at(0, 24, "start") == 0
    with pytest.raises(ValueError, match="seconds 3.3 lies between two frames at 8 a second: use 3.25 or 3.375"):
        frames_in(3.3, 8)
    with pytest.raises(ValueError, match="seconds 0.01 lies between two frames at 8 a second: use 0.125"):
        frames_in(0.01, 8)
    with pytest.raises(ValueError, match="start -1 is not a time"):
        frame_at(-1, 8, "start")


def test_impossible_joins_and_cuts_are_refused(model, shot) -> None:
    with pytest.raises(ValueError, match="shot-0.mp4 is 32x32, shot-1.mp4 is 48x32.*fit"):
        connect(shot(5), shot(5, "48x32", 1), model)
    with pytest.raises(ValueError, match="shot-1.mp4 has 24 frames a second, this model generates 8"):
        connect(shot(5), shot(5, seed=1, fps=24), model)
    with pytest.raises(ValueError, match="blend 0.75 s takes all of a video of 0.625 s"):
        connect(shot(5), shot(9), model, blend=0.75)
    with pytest.raises(ValueError, match="exclude each other"):
        connect(shot(5), shot(9), model, blend=0.25, seconds=1)
    with pytest.raises(ValueError, match="start 0.5 s to end 0.25 s is not within a video of 0.625 s"):
        recut(shot(5), model, start=0.5, end=0.25, seconds=4)
    with pytest.raises(ValueError, match="start 0 s to end 1 s is not within"):
        recut(shot(5), model, end=1, seconds=4)
    with pytest.raises(ValueError, match="seconds 0.25 is not more than the 0.625 s that are kept"):
        recut(shot(5), model, seconds=0.25)
    with pytest.raises(ValueError, match="before 2 s is more than the 1.375 s that are new"):
        recut(shot(5), model, seconds=2, before=2)
    with pytest.raises(ValueError, match="give one"):
        extend(shot(5), model, seconds=1, frames=8)
    with pytest.raises(ValueError, match="frames 0 cannot be added"):
        extend(shot(5), model, frames=0)


def test_impossible_settings_are_refused(model, shot) -> None:
    for strength in (0, -0.5, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"strength {strength:g} is out of range"):
            edit(shot(5), RED, model, strength=strength)
    for prompt, said in (("", "no words"), ("ball " * 2000, "9999 characters"), ("красный мяч", "Cyrillic")):
        with pytest.raises(ValueError, match=said):
            edit(shot(5), prompt, model)
    with pytest.raises(ValueError, match="Cyrillic"):
        extend(shot(5), model, "красный мяч", frames=4)
    with pytest.raises(ValueError, match="seed -1 is out of range"):
        extend(shot(5), model, frames=4, seed=-1)
    with pytest.raises(ValueError, match="shot-0.mp4 is 64x64"):
        extend(shot(5, "64x64"), model, frames=4)
    with pytest.raises(ValueError, match="shot-0.mp4 has 5 frames: give a picture"):
        generate(RED, model, image=shot(5))
    with pytest.raises(ValueError, match="the video, 48x32x17, is 48x32, shot-0.mp4 is 32x32"):
        generate(RED, model, image=shot(1), pixels=PixelShape.parse("48x32x17"))
    with pytest.raises(ValueError, match="leave none to generate"):
        generate(RED, model, image=shot(1), pixels=PixelShape(1, 32, 32))


def test_footage_is_frames(shot) -> None:
    with pytest.raises(ValueError, match="give uint8 .*at least one"):
        Footage(torch.zeros(0, 8, 8, 3, dtype=torch.uint8), 8.0)
    with pytest.raises(ValueError, match="fps 0 is not a frame rate"):
        replace(shot(2), fps=0)
    assert Footage(shot(2).frames, 8.0).name == "the footage"


def test_the_nearest_size_is_nearest_in_proportion(model) -> None:
    assert [nearest_size(*size, model) for size in ((640, 360), (100, 99), (10, 30))] == [
        (48, 32),
        (32, 32),
        (32, 48),
    ]

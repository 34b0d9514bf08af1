"""What a notebook shows needs no file, and holds the frames that were made."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from langit.generate import extend, image
from langit.generate.show import animated_webp, encode_png, sheet


def shown(html: str) -> tuple[str, Image.Image]:
    kind, data = re.search(r'src="data:image/(\w+);base64,([^"]+)"', html).groups()
    return kind, Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_video_moves_in_the_page(model, shot) -> None:
    made = extend(shot(5), model, "a red ball", frames=4)
    html = made._repr_html_()
    kind, picture = shown(html)
    assert (kind, picture.n_frames, picture.size, picture.info["loop"]) == ("webp", 9, (32, 32), 0)
    assert 'alt="a red ball, seed 0"' in html and 'width="256" height="256"' in html


def test_an_image_is_a_picture(model) -> None:
    made = replace(image("a red ball", model), prompt='a "red" <ball>')
    kind, picture = shown(made._repr_html_())
    assert kind == "png" and np.array_equal(np.array(picture), made.frames[0].numpy())
    assert 'alt="a &quot;red&quot; &lt;ball&gt;, seed 0"' in made._repr_html_()


def test_a_film_plays_at_its_rate() -> None:
    frames = (torch.arange(6, dtype=torch.uint8)[:, None, None, None] * 40).expand(6, 16, 16, 3).contiguous()
    picture, times = Image.open(io.BytesIO(animated_webp(frames, 24.0))), []
    for number in range(6):
        picture.seek(number)
        picture.load()
        times.append(picture.info["duration"])
        assert abs(int(np.array(picture.convert("RGB")).mean()) - 40 * number) <= 2
    assert sum(times) == 250


def test_a_sheet_shows_first_and_last(shot) -> None:
    frames = shot(11).frames
    together = sheet(frames, 3)
    assert torch.equal(together, torch.cat([frames[0], frames[5], frames[10]], dim=1))
    assert torch.equal(sheet(frames[:1]), frames[0])
    assert np.array_equal(np.array(Image.open(io.BytesIO(encode_png(together)))), together.numpy())

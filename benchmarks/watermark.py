"""Our watermark beside the three methods of invisible-watermark: same clips, attacks and false-positive rate.

    python -m benchmarks.watermark FILM... [--frames 16] [--clips 2] [--sizes 640x360]
        [--made 6] [--made-frames 17] [--made-sizes 128x128,64x64] [--still] [--methods ours] [--picture FILE]

Clips of the films are scaled and cut to each size. The shipped model makes others in the size of its own that is most
like each of ``--made-sizes``, to which they are scaled and cut. ``--still`` repeats the first frame of every clip.
Install the peer with
``pip install --no-deps invisible-watermark==0.2.0 onnxruntime PyWavelets flatbuffers protobuf``; without it, ours runs
alone. The peer's methods mark and read single frames, so their bits are averaged over the clip. Its encoder refuses
pictures below 256x256; there its methods are called directly. A reader that cannot handle scaling gets scaled frames at
their original size. `found`: clips whose id is recognised, at a rate where a wrong id is found in at most 1e-6 of clips
(the peer: by the binomial distribution of right bits; ours: by its own bound). `blind`: clips whose whole id is read
without a list of ids; ours checks it, the peer has no check. Ours carries 64 bits, the peer's 32. `wrong`:
readings, of marked clips and of the same clips unmarked, in which ours found one of 1,000 other ids or decoded another.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import numpy as np
from PIL import Image

from benchmarks.attacks import ATTACKS, PICTURE_ATTACKS, SCALED_BACK, encode
from langit import video
from langit.release.watermark import IDENT, MAX_CHANCE, Watermark, read
from langit.release.watermark.alternation import RATE
from langit.release.watermark.payload import likeliest
from langit.shapes import PixelShape

Size = tuple[int, int]
"""Width and height."""
OTHERS = tuple(np.random.Generator(np.random.PCG64(2**40)).bytes(IDENT) for _ in range(1000))
"""Ids that no clip carries."""
UNMARKED = ("none", "cropped to 0.8", "h264, crf 28", "JPEG, quality 75")
"""What is done to clips without a mark before they are read."""
PROMPTS = (
    "a red ball rolls to the right on snow in daylight",
    "a blue cube slides to the left on grass at sunset",
    "a green cylinder falls on sand in daylight",
    "a white ball bounces on asphalt at night",
    "a yellow cone spins on a wooden floor in daylight",
    "a purple cube topples on tiles in daylight",
)


@dataclass(frozen=True)
class Decoded:
    """What a reader found in a clip: the share of right bits, their p-value, whether all were read blindly, and whether
    it found an id that is not there (None: it cannot tell)."""

    right: float
    p_value: float
    blind: bool
    wrong: bool | None = None


class Method(Protocol):
    """A watermark that marks and reads clips."""

    name: str
    knows_scale: bool

    def mark(self, frames: np.ndarray, ident: bytes) -> np.ndarray: ...

    def decode(self, frames: np.ndarray, ident: bytes) -> Decoded: ...


class Ours:
    """Langit's own watermark, 64 bits."""

    name, knows_scale = "ours", True

    def mark(self, frames: np.ndarray, ident: bytes) -> np.ndarray:
        mark = Watermark(frames.shape[1], frames.shape[2], ident)
        return np.stack([mark.mark(frame, number / RATE) for number, frame in enumerate(frames)])

    def decode(self, frames: np.ndarray, ident: bytes) -> Decoded:
        reading = read(frames)
        surest = min(range(len(reading.locations)), key=lambda at: reading.locations[at].surprise)
        right = bits(likeliest(reading.soft[surest])[0]) == bits(ident)
        found = reading.matches([ident], chance=math.inf)
        alone = reading.decode()
        blind = alone is not None and alone.ident == ident
        wrong = bool(reading.matches(OTHERS)) or (alone is not None and not blind)
        return Decoded(float(right.mean()), found[0].p_value if found else 1.0, blind, wrong)


MODULES = {"dwtDct": ("maxDct", "EmbedMaxDct"), "dwtDctSvd": ("dwtDctSvd", "EmbedDwtDctSvd")}


class Peer:
    """A method of invisible-watermark, 32 bits."""

    knows_scale = False

    def __init__(self, name: str) -> None:
        self.name = name
        if name == "rivaGan":
            importlib.import_module("imwatermark").WatermarkEncoder.loadModel()

    def _embedder(self, sent: list[int]) -> Any:
        if self.name == "rivaGan":
            return importlib.import_module("imwatermark.rivaGan").RivaWatermark(sent, 32)
        module, kind = MODULES[self.name]
        return getattr(importlib.import_module(f"imwatermark.{module}"), kind)(sent, wmLen=32)

    def mark(self, frames: np.ndarray, ident: bytes) -> np.ndarray:
        sent = [int(bit) for bit in bits(ident)[:32]]
        return np.stack(
            [self._embedder(sent).encode(np.ascontiguousarray(frame[:, :, ::-1]))[:, :, ::-1] for frame in frames]
        )

    def decode(self, frames: np.ndarray, ident: bytes) -> Decoded:
        sent = bits(ident)[:32]
        got = [np.array(self._embedder([0] * 32).decode(np.ascontiguousarray(frame[:, :, ::-1]))) for frame in frames]
        votes = np.mean(np.array(got, np.float64).reshape(len(frames), 32), axis=0)
        right = int(((votes > 0.5) == sent).sum())
        chance = sum(math.comb(32, count) for count in range(right, 33)) / 2**32
        return Decoded(right / 32, chance, right == 32)


def bits(ident: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(ident, np.uint8))


def clips(path: Path, count: int, frames: int, size: Size) -> Iterator[np.ndarray]:
    """Yield clips from all over a film, cut to a size."""
    length = video.probe(path).frames
    for number in range(count):
        shown = video.read(path, (length - frames) * number // count, frames)
        yield np.stack([_cut(np.asarray(frame), size) for frame in shown])


def _cut(frame: np.ndarray, size: Size) -> np.ndarray:
    """The middle of a frame, scaled as a whole until it covers the size."""
    wide, high = size
    share = max(wide / frame.shape[1], high / frame.shape[0])
    whole = (round(frame.shape[1] * share), round(frame.shape[0] * share))
    if whole != (frame.shape[1], frame.shape[0]):
        frame = cv2.resize(frame, whole, interpolation=cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC)
    top, left = (frame.shape[0] - high) // 2, (frame.shape[1] - wide) // 2
    return np.ascontiguousarray(frame[top : top + high, left : left + wide])


def generated(count: int, frames: int, sizes: list[Size]) -> dict[Size, list[np.ndarray]]:
    """Videos of the shipped model, for each size."""
    from langit.bundle import load_bundle
    from langit.generate import Model, generate

    model = Model.of(load_bundle("pocket"))
    found: dict[Size, list[np.ndarray]] = {}
    for wide, high in sizes:
        own = min(((128, 128), (160, 96), (96, 160)), key=lambda each: abs(math.log(each[0] * high / each[1] / wide)))
        pixels = PixelShape(frames, own[1], own[0])
        made = (generate(PROMPTS[at % len(PROMPTS)], model, pixels=pixels, seed=at) for at in range(count))
        found[wide, high] = [np.stack([_cut(frame, (wide, high)) for frame in each.frames.numpy()]) for each in made]
    return found


def noise(first: np.ndarray, second: np.ndarray) -> float:
    """Return the lowest PSNR of all frames, in dB."""
    errors = ((first.astype(np.float32) - second) ** 2).reshape(len(first), -1).mean(axis=1)
    return float(10 * np.log10(255**2 / errors.max()))


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean SSIM of red, green and blue (Wang et al. 2004: Gaussian of 11 pixels, sigma 1.5)."""
    out = []
    for one, other in zip(first, second, strict=True):
        x, y = one.astype(np.float64), other.astype(np.float64)
        mx, my, xx, yy, xy = (cv2.GaussianBlur(each, (11, 11), 1.5) for each in (x, y, x * x, y * y, x * y))
        a, b = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        top = (2 * mx * my + a) * (2 * (xy - mx * my) + b)
        out.append(float((top / ((mx**2 + my**2 + a) * (xx - mx**2 + yy - my**2 + b))).mean()))
    return statistics.mean(out)


@dataclass
class Tally:
    """The results of one method on all clips."""

    decoded: dict[str, list[Decoded]] = field(default_factory=dict)
    unmarked: list[Decoded] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)
    larger: list[float] = field(default_factory=list)
    marking: list[float] = field(default_factory=list)
    reading: list[float] = field(default_factory=list)


def measure(method: Method, shown: list[np.ndarray]) -> Tally:
    """Mark, attack and read every clip."""
    tally = Tally()
    for number, frames in enumerate(shown):
        ident = np.random.Generator(np.random.PCG64(number)).bytes(IDENT)
        start = time.process_time()
        marked = method.mark(frames, ident)
        tally.marking.append((time.process_time() - start) / len(frames))
        tally.noise.append(noise(frames, marked))
        tally.likeness.append(likeness(frames, marked))
        tally.larger.append(_size(marked) / _size(frames) - 1)
        attacks = ATTACKS if len(frames) > 1 else PICTURE_ATTACKS
        for name, attack in attacks.items():
            attacked = attack(marked)
            if name in SCALED_BACK and not method.knows_scale:
                size = (frames.shape[2], frames.shape[1])
                attacked = np.stack([cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in attacked])
            start = time.process_time()
            tally.decoded.setdefault(name, []).append(method.decode(attacked, ident))
            tally.reading.append(time.process_time() - start)
        if method.knows_scale:
            tally.unmarked += [method.decode(attacks[name](frames), ident) for name in UNMARKED if name in attacks]
    return tally


def _size(frames: np.ndarray) -> int:
    """Bytes of a clip as it leaves: h264 at a constant rate factor of 18, a picture as PNG."""
    if len(frames) > 1:
        return encode(frames, "libx264", 18)[1]
    file = io.BytesIO()
    Image.fromarray(frames[0]).save(file, format="PNG")
    return file.tell()


def report(tallies: dict[str, Tally], count: int) -> None:
    print("| | " + " | ".join(tallies) + " |\n| --- |" + " --- |" * len(tallies))
    for name in next(iter(tallies.values())).decoded:
        cells = []
        for tally in tallies.values():
            decoded = tally.decoded[name]
            found, blind = sum(each.p_value <= MAX_CHANCE for each in decoded), sum(each.blind for each in decoded)
            right, middle = (statistics.mean(h.right for h in decoded), statistics.median(h.p_value for h in decoded))
            cells.append(f"{right:.2f}, {middle:.0e}, {found}/{blind}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    costs: dict[str, Callable[[Tally], str]] = {
        "wrong ids, of readings of marked clips": lambda tally: _wrong(
            [each for row in tally.decoded.values() for each in row]
        ),
        "wrong ids, of readings of unmarked clips": lambda tally: _wrong(tally.unmarked),
        "PSNR, dB, worst frame of each clip": lambda tally: f"{min(tally.noise):.1f} to {max(tally.noise):.1f}",
        "SSIM": lambda tally: f"{statistics.mean(tally.likeness):.4f}",
        "file larger by": lambda tally: f"{statistics.mean(tally.larger):.0%}",
        "marking, CPU ms a frame": lambda tally: f"{1000 * statistics.median(tally.marking):.2f}",
        "reading, CPU s a clip, median (longest)": lambda tally: (
            f"{statistics.median(tally.reading):.2f} ({max(tally.reading):.2f})"
        ),
    }
    for name, show in costs.items():
        print(f"| {name} | " + " | ".join(show(tally) for tally in tallies.values()) + " |", flush=True)
    print(f"({count} clips; in each cell: right bits, median chance of it, clips found / read blind)\n", flush=True)


def _wrong(decoded: list[Decoded]) -> str:
    known = [each.wrong for each in decoded if each.wrong is not None]
    return f"{sum(known)} of {len(known)}" if known else "-"


def picture(shown: list[np.ndarray], path: Path) -> None:
    """Draw for each clip a frame unmarked, marked, and twenty times the difference."""
    rows = []
    for frames in shown:
        frame, marked = frames[0], Ours().mark(frames[:1], bytes(range(IDENT)))[0]
        difference = np.clip(128 + 20 * (marked.astype(int) - frame), 0, 255).astype(np.uint8)
        row = np.concatenate([frame, marked, difference], axis=1)
        wide = 1080
        high = round(row.shape[0] * wide / row.shape[1])
        rows.append(cv2.resize(row, (wide, high), interpolation=cv2.INTER_AREA if high < len(row) else cv2.INTER_CUBIC))
    Image.fromarray(np.concatenate(rows)).save(path)


def _sizes(text: str) -> list[Size]:
    """Sizes as in 640x360,128x128."""
    return [(int(wide), int(high)) for wide, high in (each.split("x") for each in text.split(","))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path, nargs="*")
    parser.add_argument("--frames", type=int, default=16, help="the number of frames of each clip")
    parser.add_argument("--clips", type=int, default=2, help="the number of clips of each film")
    parser.add_argument("--sizes", type=_sizes, default=[(640, 360)], help="sizes of the films' clips, with commas")
    parser.add_argument("--made", type=int, default=6, help="the number of videos of the shipped model")
    parser.add_argument("--made-frames", type=int, default=17, help="the number of frames of each of these")
    parser.add_argument("--made-sizes", type=_sizes, default=[(128, 128)], help="their sizes, with commas")
    parser.add_argument("--still", action="store_true", help="repeat the first frame of every clip")
    parser.add_argument("--methods", default="ours,dwtDct,dwtDctSvd,rivaGan")
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    sets = {
        f"films, {size[0]}x{size[1]}": [
            each for film in given.film for each in clips(film, given.clips, given.frames, size)
        ]
        for size in (given.sizes if given.film else [])
    }
    if given.made:
        for size, made in generated(given.made, given.made_frames, given.made_sizes).items():
            sets[f"the model's, {size[0]}x{size[1]}"] = made
    if given.still:
        sets = {f"{name}, still": [np.repeat(each[:1], len(each), axis=0) for each in sets[name]] for name in sets}
    if given.picture:
        picture([shown[0] for shown in sets.values() if shown], given.picture)
    peer = importlib.util.find_spec("imwatermark") is not None
    if not peer:
        print("invisible-watermark is not installed: its three methods are left out (see --help)")
    for name, shown in sets.items():
        if not shown:
            continue
        print(f"{name}, {len(shown[0])} frames", flush=True)
        chosen = given.methods.split(",")
        methods: list[Method] = [Ours()] if "ours" in chosen else []
        methods += [Peer(each) for each in chosen if each != "ours" and peer]
        tallies = {}
        for method in methods:
            try:
                tallies[method.name] = measure(method, shown)
            except (RuntimeError, IndexError, ValueError) as error:  # some cannot do small pictures
                print(f"{method.name} cannot: {error}", flush=True)
        report(tallies, len(shown))


if __name__ == "__main__":
    main()

"""The latent cache: made once for each autoencoder, remade when damaged; shares of things by token."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from langit.autoencoder.model import Autoencoder, AutoencoderConfig, to_float
from langit.feed.catalogue import FilmClip, FrameReader
from langit.feed.latents import cache_latents, encoder_hash, latent_statistics, token_share
from langit.shapes import PixelShape

SMALL = AutoencoderConfig(latent_channels=4, fine_width=8, coarse_width=8, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
PIXELS = PixelShape(5, 32, 48)


@pytest.fixture
def entries(tmp_path: Path) -> list[FilmClip]:
    torch.manual_seed(0)
    shard = tmp_path / "films" / "32" / "shard.safetensors"
    shard.parent.mkdir(parents=True)
    frames = torch.randint(0, 256, (3, 5, 32, 48, 3), dtype=torch.uint8)
    masks = torch.zeros(3, 5, 32, 48, dtype=torch.uint8)
    masks[:, :, :16, :16] = 2
    save_file({"frames": frames, "masks": masks}, shard)
    return [
        FilmClip(f"{row}{mirrored:d}".zfill(64), ("a ball",), PIXELS, mirrored, shard, row, "worlds-1", row)
        for row in range(3)
        for mirrored in (False, True)
    ]


def test_shares_count_the_pixels_that_show_a_thing() -> None:
    masks = torch.zeros(5, 32, 48, dtype=torch.uint8)
    masks[0, :16, :16] = 1  # in the first frame, which is a latent frame of its own
    masks[1:3, 16:, 32:40] = 2  # in half of the other frames, half of the last token
    assert torch.equal(token_share(masks, 4, 16), torch.tensor([[[1.0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0.25]]]))


def test_latents_are_encoded_once_and_mirrored_clips_are_encoded_mirrored(
    entries: list[FilmClip], tmp_path: Path
) -> None:
    model = Autoencoder(SMALL).eval()
    made = cache_latents(entries, FrameReader(), model, tmp_path / "latents", lambda _done, _of: None, batch=4)
    films = FrameReader()
    for entry, clip in zip(entries, made, strict=True):
        with torch.no_grad():
            expected = model.encode(to_float(films.frames(entry)[None]))[0].half()
        assert torch.allclose(clip.views[0].latents, expected, atol=2e-3)
        assert clip.digest == entry.digest and clip.views[0].share.shape == (2, 2, 3)
    assert made[0].views[0].share[0, 0].tolist() == [1, 0, 0]
    assert made[1].views[0].share[0, 0].tolist() == [0, 0, 1]

    file = next((tmp_path / "latents").rglob("*.safetensors"))
    before = file.stat().st_mtime_ns
    again = cache_latents(entries, FrameReader(), model, tmp_path / "latents", lambda _done, _of: None)
    assert file.stat().st_mtime_ns == before
    assert all(torch.equal(one.views[0].latents, two.views[0].latents) for one, two in zip(made, again, strict=True))


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 9])
def test_a_damaged_cache_is_encoded_again(entries: list[FilmClip], tmp_path: Path, damage: bytes) -> None:
    model = Autoencoder(SMALL).eval()
    made = cache_latents(entries, FrameReader(), model, tmp_path / "latents", lambda _done, _of: None)
    expected = [clip.views[0].latents.clone() for clip in made]
    file = next((tmp_path / "latents").rglob("*.safetensors"))
    file.unlink()  # the tensors above are its pages
    file.write_bytes(damage)
    again = cache_latents(entries, FrameReader(), model, tmp_path / "latents", lambda _done, _of: None)
    assert all(torch.equal(one, two.views[0].latents) for one, two in zip(expected, again, strict=True))


def test_the_cache_is_named_by_the_encoder_and_not_by_the_decoder() -> None:
    torch.manual_seed(0)
    model = Autoencoder(SMALL)
    assert encoder_hash(model) == encoder_hash(model)
    scaled = model.with_statistics(torch.zeros(4), torch.full((4,), 2.0))
    assert encoder_hash(scaled) != encoder_hash(model)
    assert replace(scaled.config, latents_mean=(), latents_std=()) == SMALL
    other = model.with_statistics(torch.zeros(4), torch.ones(4))
    plain = other.config
    torch.nn.init.ones_(other.decoder.linear.bias)
    assert encoder_hash(other) == encoder_hash(model.with_statistics(torch.zeros(4), torch.ones(4)))
    deep = Autoencoder(replace(plain, decoder_blocks=(2, 1)))
    deep.encoder.load_state_dict(model.encoder.state_dict())
    assert encoder_hash(deep) == encoder_hash(other)
    torch.nn.init.ones_(other.encoder.linear.bias)
    assert encoder_hash(other) != encoder_hash(deep)


def test_worlds_do_not_overwrite_each_other(entries: list[FilmClip], tmp_path: Path) -> None:
    model = Autoencoder(SMALL).eval()
    other = tmp_path / "other" / entries[0].shard.parent.name / entries[0].shard.name  # same size, same seeds
    other.parent.mkdir(parents=True)
    other.write_bytes(entries[0].shard.read_bytes())
    both = [*entries, *(replace(entry, digest="f" + entry.digest[1:], shard=other) for entry in entries)]
    cache_latents(both, FrameReader(), model, tmp_path / "latents", lambda _done, _of: None)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "latents").rglob("*.safetensors")}
    again = cache_latents(both, FrameReader(), model, tmp_path / "latents", lambda _done, _of: None)
    assert len(before) == 2 and {file: file.stat().st_mtime_ns for file in before} == before
    assert [clip.digest for clip in again] == [entry.digest for entry in both]


def test_statistics_are_taken_per_channel() -> None:
    model = Autoencoder(SMALL).eval()
    videos = [torch.randn(2, 3, 5, 16, 16) for _ in range(2)]
    mean, std = latent_statistics(model, videos)
    with torch.no_grad():
        every = torch.cat([model.encode(video) for video in videos])
    assert torch.allclose(mean, every.mean((0, 2, 3, 4)), atol=1e-5)
    assert torch.allclose(std, every.transpose(0, 1).flatten(1).std(1), atol=1e-5)

"""Given pixels are known to the model and come back unchanged; the rest depends on the seed alone."""

import torch

from langit.autoencoder.model import to_float
from langit.generate import canvas as room
from langit.generate.canvas import (
    Canvas,
    complete,
    complete_window,
    fade_error,
    hold_given_frames,
    known_patches,
    rollout,
    window_seed,
)
from langit.generate.request import TORCH_SEEDS, encode_prompts, sample_request
from langit.generate.windows import Span
from langit.patches.known import first_frames_mask, last_frames_mask, outside_mask
from langit.shapes import TokenGrid


def test_a_patch_is_known_where_all_of_its_pixels_are(model) -> None:
    given = torch.zeros(13, 32, 48, dtype=torch.bool)
    grid = TokenGrid(4, 2, 3)
    given[:5] = True
    assert torch.equal(known_patches(given, model), first_frames_mask(grid, 2))
    given[4, 31, 47] = False
    mask = known_patches(given, model)
    assert not mask[1, 1, 2] and mask[1].sum() == 5 and mask[0].all()
    given[:] = False
    given[5:] = True
    assert torch.equal(known_patches(given, model), last_frames_mask(grid, 2))
    region = torch.zeros(32, 48, dtype=torch.bool)
    region[15:17, 0] = True  # one pixel in each of two patches
    patches = torch.tensor([[True, False, False], [True, False, False]])
    assert torch.equal(known_patches(~region.expand(13, -1, -1), model), outside_mask(grid, patches))


def test_known_patches_hold_the_latents_of_given_frames(model, shot, monkeypatch) -> None:
    calls = []

    def spy(request, *rest):
        calls.append((request, sample_request(request, *rest)))
        return calls[-1][1]

    monkeypatch.setattr(room, "sample_request", spy)
    frames = shot(9).frames
    conditioning = encode_prompts(["a ball"], model, model.sampling)["a ball"]
    result = complete_window(Canvas.join(frames, 8), conditioning, model, seed=1, sampling=model.sampling)
    request, latents = calls[0]
    encoded = model.autoencoder.encode(to_float(frames[None]))[0]
    assert torch.allclose(request.known.latents[:, :3], encoded, atol=1e-6)
    assert torch.equal(request.known.mask, first_frames_mask(TokenGrid(5, 2, 2), 3))
    assert torch.equal(latents[:, :3], request.known.latents[:, :3])
    assert not torch.equal(latents[:, 3:], request.known.latents[:, 3:])
    assert torch.equal(result[:9], frames) and len(result) == 17


def test_pixels_that_are_not_given_have_no_influence(model, shot) -> None:
    frames_given, mess = shot(12).frames, shot(12, seed=5).frames
    for given in (slice(0, 5), slice(8, 12)):
        mask = torch.zeros(12, 32, 32, dtype=torch.bool)
        mask[given] = True
        results = []
        for rest in (torch.zeros_like(mess), mess):
            frames = torch.where(mask[..., None], frames_given, rest)
            canvas = Canvas(frames, mask)
            results.append(complete(canvas, canvas.missing_spans("a ball"), model, seed=1, sampling=model.sampling))
        assert torch.equal(*results)
        assert torch.equal(results[0][given], frames_given[given])


def test_missing_frames_repeat_the_next_given_one() -> None:
    frames = torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(6, 2, 2, 3)
    given = torch.zeros(6, 2, 2, dtype=torch.bool)
    assert torch.equal(hold_given_frames(Canvas(frames, given)), frames)
    given[1], given[3, 0, 0] = True, True  # a part counts
    assert hold_given_frames(Canvas(frames, given))[:, 0, 0, 0].tolist() == [1, 1, 3, 3, 3, 3]


def test_joined_pieces_know_what_is_missing(shot) -> None:
    canvas = Canvas.join(2, shot(3).frames, 4, shot(1).frames, 1)
    assert canvas.missing_spans("x") == (Span(0, 2, "x"), Span(5, 9, "x"), Span(10, 11, "x"))
    assert canvas.given_frames == [False] * 2 + [True] * 3 + [False] * 4 + [True] + [False]
    assert torch.equal(canvas.frames[2:5], shot(3).frames)


def test_a_rollout_gives_the_frames_of_the_whole(model, shot) -> None:
    start = shot(6).frames
    canvas = Canvas.join(start, 36)
    settings = {"seed": 3, "sampling": model.sampling}
    whole = complete(canvas, canvas.missing_spans("a ball"), model, **settings)
    stream = list(rollout(start, 36, "a ball", model, **settings))
    assert torch.equal(torch.stack(stream), whole[6:])
    others = list(rollout(start, 36, "a ball", model, seed=4, sampling=model.sampling))
    assert not any(torch.equal(one, other) for one, other in zip(stream, others, strict=True))


def test_windows_have_seeds_of_their_own() -> None:
    seeds = [window_seed(seed, window) for seed in (0, 1, 2**63 - 1) for window in range(5)]
    assert len(set(seeds)) == 15 and seeds[::5] == [0, 1, 2**63 - 1] and all(0 <= seed < 2**63 for seed in seeds)


def test_steps_are_counted_over_all_windows(model, shot) -> None:
    numbers = []
    canvas = Canvas.join(shot(5).frames, 60)
    complete(
        canvas,
        canvas.missing_spans(""),
        model,
        seed=0,
        sampling=model.sampling,
        on_step=lambda step: numbers.append((step.number, step.total)),
    )
    assert numbers == [(number, 6) for number in range(1, 7)]  # three windows of two steps


def test_the_autoencoders_error_fades_out_beside_given_frames() -> None:
    given = torch.zeros(16, 2, 2, dtype=torch.bool)
    given[0], given[13] = True, True
    frames = torch.full((16, 2, 2, 3), 100, dtype=torch.uint8)
    frames[13] = 40
    decoded = torch.full_like(frames, 82)
    shades = fade_error(Canvas(frames, given), decoded)[:, 0, 0, 0].tolist()
    assert shades[1:9] == [98, 96, 94, 92, 85, 79, 72, 65] and shades[12] == 45  # +18 less and less, and -42 growing
    assert shades[14:] == [54, 68] and shades[9] < 65
    none, all_ = Canvas(frames, torch.zeros_like(given)), Canvas(frames, torch.ones_like(given))
    assert torch.equal(fade_error(none, decoded), decoded) and torch.equal(fade_error(all_, decoded), decoded)


def test_prompts_are_encoded_once_for_all_windows(model, shot, monkeypatch) -> None:
    texts = []
    encode = model.text.encode
    monkeypatch.setattr(model.text, "encode", lambda batch: texts.extend(batch) or encode(batch))
    canvas = Canvas.join(shot(5).frames, 60)
    complete(canvas, canvas.missing_spans("a ball"), model, seed=0, sampling=model.sampling)
    assert sorted(texts) == ["", "a ball"]
    texts.clear()
    list(rollout(shot(5).frames, 60, "a ball", model, seed=0, sampling=model.sampling))
    assert sorted(texts) == ["", "a ball"]


def test_windows_of_small_seeds_keep_their_noise() -> None:
    assert all(window_seed(seed, 3) < TORCH_SEEDS for seed in range(20))
    assert window_seed(TORCH_SEEDS, 3) > TORCH_SEEDS

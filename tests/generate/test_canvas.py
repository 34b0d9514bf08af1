"""What is given of a canvas is known to the model and comes back; the rest is made, the same for the same seed."""

import torch

from langit.autoencoder.model import to_float
from langit.generate import canvas as room
from langit.generate.canvas import Canvas, faded, fill, held, known_patches, laid, make, onwards, seed_of
from langit.generate.request import walk_request
from langit.generate.windows import Stretch
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


def test_known_patches_hold_what_the_autoencoder_says_and_keep_it(model, shot, monkeypatch) -> None:
    asked = []

    def spy(request, *rest):
        asked.append((request, walk_request(request, *rest)))
        return asked[-1][1]

    monkeypatch.setattr(room, "walk_request", spy)
    there = shot(9).frames
    made = make(laid(there, 8), "a ball", model, seed=1, sampling=model.sampling)
    request, walked = asked[0]
    encoded = model.autoencoder.encode(to_float(there[None]))[0]
    assert torch.allclose(request.known.latents[:, :3], encoded, atol=1e-6)
    assert torch.equal(request.known.mask, first_frames_mask(TokenGrid(5, 2, 2), 3))
    assert torch.equal(walked[:, :3], request.known.latents[:, :3])
    assert not torch.equal(walked[:, 3:], request.known.latents[:, 3:])
    assert torch.equal(made[:9], there) and len(made) == 17


def test_what_is_not_given_is_not_looked_at(model, shot) -> None:
    there, mess = shot(12).frames, shot(12, seed=5).frames
    for given in (slice(0, 5), slice(8, 12)):
        mask = torch.zeros(12, 32, 32, dtype=torch.bool)
        mask[given] = True
        results = []
        for rest in (torch.zeros_like(mess), mess):
            frames = torch.where(mask[..., None], there, rest)
            canvas = Canvas(frames, mask)
            results.append(fill(canvas, canvas.stretches("a ball"), model, seed=1, sampling=model.sampling))
        assert torch.equal(*results)
        assert torch.equal(results[0][given], there[given])


def test_frames_that_are_not_given_hold_the_next_that_is() -> None:
    frames = torch.arange(6, dtype=torch.uint8)[:, None, None, None].expand(6, 2, 2, 3)
    given = torch.zeros(6, 2, 2, dtype=torch.bool)
    assert torch.equal(held(Canvas(frames, given)), frames)
    given[1], given[3, 0, 0] = True, True  # a part counts
    assert held(Canvas(frames, given))[:, 0, 0, 0].tolist() == [1, 1, 3, 3, 3, 3]


def test_laid_canvases_say_what_is_to_be_made(shot) -> None:
    canvas = laid(2, shot(3).frames, 4, shot(1).frames, 1)
    assert canvas.stretches("x") == (Stretch(0, 2, "x"), Stretch(5, 9, "x"), Stretch(10, 11, "x"))
    assert canvas.there == [False] * 2 + [True] * 3 + [False] * 4 + [True] + [False]
    assert torch.equal(canvas.frames[2:5], shot(3).frames)


def test_a_stream_gives_the_frames_of_the_whole(model, shot) -> None:
    start = shot(6).frames
    canvas = laid(start, 36)
    settings = {"seed": 3, "sampling": model.sampling}
    whole = fill(canvas, canvas.stretches("a ball"), model, **settings)
    stream = list(onwards(start, 36, "a ball", model, **settings))
    assert torch.equal(torch.stack(stream), whole[6:])
    others = list(onwards(start, 36, "a ball", model, seed=4, sampling=model.sampling))
    assert not any(torch.equal(one, other) for one, other in zip(stream, others, strict=True))


def test_windows_have_seeds_of_their_own() -> None:
    seeds = [seed_of(seed, window) for seed in (0, 1, 2**63 - 1) for window in range(5)]
    assert len(set(seeds)) == 15 and seeds[::5] == [0, 1, 2**63 - 1] and all(0 <= seed < 2**63 for seed in seeds)


def test_steps_are_told_over_all_windows(model, shot) -> None:
    told = []
    canvas = laid(shot(5).frames, 60)
    fill(
        canvas,
        canvas.stretches(""),
        model,
        seed=0,
        sampling=model.sampling,
        on_step=lambda step: told.append((step.number, step.of)),
    )
    assert told == [(number, len(told)) for number in range(1, len(told) + 1)] and len(told) == 3 * 2


def test_what_the_autoencoder_loses_fades_out_beside_what_is_given() -> None:
    given = torch.zeros(16, 2, 2, dtype=torch.bool)
    given[0], given[13] = True, True
    frames = torch.full((16, 2, 2, 3), 100, dtype=torch.uint8)
    frames[13] = 40
    made = torch.full_like(frames, 82)
    shades = faded(Canvas(frames, given), made)[:, 0, 0, 0].tolist()
    assert shades[1:9] == [98, 96, 94, 92, 85, 79, 72, 65] and shades[12] == 45  # +18 less and less, and -42 growing
    assert shades[14:] == [54, 68] and shades[9] < 65
    none, all_ = Canvas(frames, torch.zeros_like(given)), Canvas(frames, torch.ones_like(given))
    assert torch.equal(faded(none, made), made) and torch.equal(faded(all_, made), made)

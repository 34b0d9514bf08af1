"""Each ability is a mask over patches: which one, what comes back unchanged, and what is refused."""

import gc
from dataclasses import replace

import pytest
import torch
from bundle.miniature import make_parts, make_provenance

from langit.bundle import load_bundle, save_bundle
from langit.generate import (
    canvas,
    connect,
    edit,
    extend,
    generate,
    image,
    inpaint,
    loop,
    minute,
    recut,
)
from langit.generate.request import sample_request
from langit.release import Door, Facts, release
from langit.shapes import PixelShape

RED = "a red ball bounces on snow"


@pytest.fixture
def masks(monkeypatch):
    """For every sampling request its known latent frames: x whole, o in part, . not at all."""
    seen = []

    def spy(request, *rest):
        known = request.known
        frames = [] if known is None else known.mask.flatten(1).float().mean(1).tolist()
        marks = "".join("x" if share == 1 else "." if share == 0 else "o" for share in frames)
        seen.append(marks or "none")
        return sample_request(request, *rest)

    monkeypatch.setattr(canvas, "sample_request", spy)
    return seen


def test_every_ability_is_a_mask(model, shot, masks) -> None:
    video, still = shot(17), shot(1, seed=2)
    region = torch.zeros(32, 32, dtype=torch.bool)
    region[3:9, 3:9] = True
    table = {
        "nothing": (lambda: edit(video, RED, model, strength=0.5), ["none"]),
        "first": (lambda: generate(RED, model, image=still), ["x...."]),
        "last": (lambda: generate(RED, model, last=still), ["....x"]),
        "both": (lambda: generate(RED, model, image=still, last=still), ["x...x"]),
        "extend": (lambda: extend(video, model, frames=12), ["xxxx..."]),
        "before": (lambda: extend(video, model, frames=9, before=True), ["...xxx"]),
        "loop": (lambda: loop(video, model, seconds=1), ["xxxx..xxx"]),
        "connect": (lambda: connect(video, shot(6, seed=3), model, seconds=1), ["xxxx..x"]),
        "blend": (lambda: connect(video, shot(6, seed=3), model, blend=0.25), ["xxx.x"]),
        "recut": (lambda: recut(video, model, start=0.5, end=1.5, seconds=2.5), ["...xx", "xxxx.."]),
        "inpaint": (lambda: inpaint(video, region, RED, model), ["ooooo"]),
    }
    for name, (ability, expected) in table.items():
        masks.clear()
        ability()
        assert masks == expected, name


def test_a_plain_picture_knows_nothing(model) -> None:
    made = image(RED, model, size=PixelShape.parse("48x32"), seed=5)
    assert made.frames.shape == (1, 32, 48, 3) and (made.ability, made.seed, made.parents) == ("image", 5, ())
    assert torch.equal(made.frames, image(RED, model, size=PixelShape.parse("48x32"), seed=5).frames)


def test_given_frames_come_back_unchanged(model, shot) -> None:
    video, other = shot(11), shot(7, seed=1)
    a, b = video.frames, other.frames
    assert torch.equal(extend(video, model, RED, seconds=0.625).frames[:11], a)
    assert torch.equal(extend(video, model, RED, seconds=0.625, before=True).frames[5:], a)
    bridged = connect(video, other, model, seconds=0.75).frames
    assert len(bridged) == 11 + 6 + 7 and torch.equal(bridged[:11], a) and torch.equal(bridged[17:], b)
    blended = connect(video, other, model, blend=0.5).frames
    assert len(blended) == 11 + 7 - 4 and torch.equal(blended[:7], a[:7]) and torch.equal(blended[11:], b[4:])
    looped = loop(video, model, seconds=0.5).frames
    assert len(looped) == 15 and torch.equal(looped[:11], a)
    kept = recut(video, model, start=0.25, end=1.0, seconds=2.0, before=0.5)
    assert len(kept.frames) == 16 and torch.equal(kept.frames[4:10], a[2:8])
    assert kept.parents[0].done == ("kept from 0.25 s to 1 s",)
    still = shot(1, seed=2)
    both = generate(RED, model, image=still, last=still, pixels=PixelShape(18, 32, 32)).frames
    assert torch.equal(both[0], still.frames[0]) and torch.equal(both[17], still.frames[0])
    assert not torch.equal(both[16], both[17])  # the last latent frame begins with frame 17


def test_results_say_which_frames_were_given(model, shot) -> None:
    video, other = shot(11), shot(7, seed=1)
    region = torch.zeros(32, 32, dtype=torch.bool)
    region[4:12, 4:12] = True
    table = [
        (generate(RED, model), set()),
        (generate(RED, model, image=shot(1)), {0}),
        (extend(video, model, frames=4), set(range(11))),
        (extend(video, model, frames=4, before=True), set(range(4, 15))),
        (loop(video, model, seconds=0.5), set(range(11))),
        (connect(video, other, model, seconds=0.75), set(range(11)) | set(range(17, 24))),
        (connect(video, other, model, blend=0.5), set(range(7)) | set(range(11, 14))),
        (edit(video, RED, model), set()),
        (inpaint(video, region, RED, model), set()),
        (minute(RED, model, seconds=1, start=video), set(range(11))),
    ]
    assert [set(result.given) for result, _ in table] == [given for _, given in table]


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_videos_are_enough(model, shot, frames: int) -> None:
    video = shot(frames)
    made = [
        extend(video, model, frames=2),
        extend(video, model, frames=2, before=True),
        loop(video, model, seconds=0.25),
        connect(video, video, model, seconds=0.25),
        edit(video, RED, model),
    ]
    assert [len(each.frames) - frames for each in made] == [2, 2, 2, 2 + frames, 0]


def test_a_mask_keeps_what_is_outside_of_it(model, shot) -> None:
    video = shot(6)
    region = torch.zeros(32, 32, dtype=torch.bool)
    region[4:12, 4:12] = True
    plain = inpaint(video, region, RED, model, seed=1).frames
    soft = inpaint(video, region, RED, model, seed=1, feather=2).frames
    for made in (plain, soft):
        assert torch.equal(made[:, ~region], video.frames[:, ~region])
        assert not torch.equal(made[:, region], video.frames[:, region])
    assert torch.equal(soft[:, 6:10, 6:10], plain[:, 6:10, 6:10])
    third = (2 * video.frames[:, 4, 4:12].float() + plain[:, 4, 4:12]) / 3
    assert torch.allclose(soft[:, 4, 4:12].float(), third, atol=0.51)


def test_less_strength_keeps_more(model, shot) -> None:
    video, smooth = shot(5), replace(model.sampling, steps=10)
    flat = replace(video, frames=video.frames // 8 + 100)
    apart = [
        (edit(flat, RED, model, strength=strength, sampling=smooth).frames.float() - flat.frames).abs().mean()
        for strength in (0.1, 0.9)
    ]
    assert apart[0] < apart[1]


def test_results_can_be_continued(model, shot) -> None:
    first = extend(shot(5), model, RED, frames=4, seed=9)
    second = extend(first, model, RED, frames=4)
    assert [parent.name for parent in second.parents] == ["shot-0.mp4", "extend of seed 9"]
    assert torch.equal(second.frames[:9], first.frames) and second.ability == "extend"
    assert second.unknown == () and extend(first, model, "a zebra", frames=4).unknown[0][0] == "zebra"


def live_bytes() -> int:
    """Of every tensor that there is."""
    return sum(each.nbytes for each in gc.get_objects() if type(each) is torch.Tensor)


def test_a_long_video_takes_no_more_memory_than_a_short_one(model) -> None:
    stream = minute(RED, model, seconds=30)
    held = [live_bytes() for number, _ in enumerate(stream.frames) if number in (60, 239)]
    assert held[1] <= held[0] + 32 * 32 * 3


def test_a_stream_can_be_collected_and_begins_with_given_frames(model, shot) -> None:
    stream = minute(RED, model, seconds=1, start=shot(5), seed=4)
    made = stream.collect()
    assert stream.count == len(made.frames) == 13 and torch.equal(made.frames[:5], shot(5).frames)
    assert (made.ability, made.seed, made.prompt, made.parents) == ("minute", 4, RED, shot(5).parents)
    assert torch.equal(minute(RED, model, seconds=1, start=shot(5), seed=4).collect().frames, made.frames)


def test_an_interrupt_in_a_stream_leaves_nothing(model, tmp_path, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    said = save_bundle(folder, make_parts(), make_provenance())
    door = Door.of(load_bundle(folder))
    facts = Facts("tiny", RED, 0, 8, 2, 1, said.digest, said.ledger)

    def interrupted(step) -> None:
        if step.number > 3:  # in the second window
            raise KeyboardInterrupt

    stream = minute(RED, model, seconds=8, on_step=interrupted)
    with pytest.raises(KeyboardInterrupt):
        release((frame.numpy() for frame in stream.frames), facts, tmp_path / "minute.mp4", door)
    assert list(tmp_path.iterdir()) == []

"""The sampling loop: exact on a field whose solution is known, and known patches stay unchanged."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from langit import config
from langit.device import CPU
from langit.flow.levels import LevelsConfig, sampling_levels
from langit.flow.path import on_path
from langit.flow.solvers import SOLVERS, solver
from langit.generate import Model, SamplingConfig, generate_many, request
from langit.generate.request import draw_noise
from langit.generate.sampler import sample
from langit.generate.video import sample_latents
from langit.patches import Pack, TextPack, channels_first, channels_last, pack, unpack
from tests.bundle.miniature import CAPTIONS, make_parts

WORDS = TextPack(torch.randn(5, 8), (2, 3))
NOTHING = TextPack(torch.zeros(2, 8), (1, 1))
LEVELS = sampling_levels(6, 8, LevelsConfig()).tolist()


def start() -> Pack:
    torch.manual_seed(1)
    return pack([torch.randn(4, 2, 4, 4), torch.randn(4, 1, 2, 4)], [1.0, 1.0])


class Towards:
    """A denoiser that knows the data: the velocity from it to what it is shown, where there is noise at all."""

    def __init__(self, data: Tensor) -> None:
        self.data = data
        self.calls: list[tuple[int, float]] = []

    def __call__(self, pack: Pack, text: TextPack) -> Tensor:
        assert len(text.lengths) == len(pack.lengths)
        self.calls.append((len(pack.lengths), float(pack.noise.max())))
        data = self.data.repeat(len(pack.lengths) // 2, 1)
        level = pack.noise.clamp(min=1e-6)[:, None]
        return channels_last((pack.tokens - data) / level * (pack.noise > 0)[:, None])


def run(denoiser: Towards, begin: Pack, **changes: object) -> Tensor:
    settings = {"solver": solver("euler"), "guidance": 1.0, "levels": LEVELS, "to_state": channels_first} | changes
    return sample(denoiser, begin, WORDS, NOTHING, **settings)  # type: ignore[arg-type]  # a dict of mixed kinds


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("reuse", [0.0, 0.1])
@pytest.mark.parametrize("name", SOLVERS)
def test_sampling_ends_at_the_data(name: str, reuse: float, guidance: float) -> None:
    begin = start()
    data = torch.randn_like(begin.tokens)
    found = run(Towards(data), begin, solver=solver(name), guidance=guidance, reuse=reuse)
    assert torch.allclose(found, data, atol=1e-4)


@pytest.mark.parametrize("name", SOLVERS)
def test_sampling_may_begin_below_noise(name: str) -> None:
    begin = start()
    data = torch.randn_like(begin.tokens)
    levels = [level for level in LEVELS if level < 0.7]
    part = replace(begin, tokens=on_path(data, begin.tokens, torch.full_like(begin.noise, levels[0])))
    denoiser = Towards(data)
    assert torch.allclose(run(denoiser, part, solver=solver(name), levels=levels), data, atol=1e-4)
    assert max(level for _, level in denoiser.calls) == pytest.approx(levels[0])


def test_rising_levels_fail_an_assertion() -> None:
    with pytest.raises(AssertionError, match="do not fall"):
        run(Towards(torch.zeros_like(start().tokens)), start(), levels=[0.5, 0.7, 0.0])


def test_guidance_evaluates_both_texts_in_one_pack() -> None:
    begin = start()
    data = torch.randn_like(begin.tokens)
    plain, guided = Towards(data), Towards(data)
    run(plain, begin)
    run(guided, begin, guidance=3.0)
    assert [count for count, _ in plain.calls] == [2] * 6
    assert [count for count, _ in guided.calls] == [4] * 6
    assert [level for _, level in plain.calls] == pytest.approx(LEVELS[:-1])


def test_outside_its_interval_there_is_no_guidance() -> None:
    begin = start()
    guided = Towards(torch.randn_like(begin.tokens))
    run(guided, begin, guidance=3.0, guidance_from=LEVELS[1], guidance_to=LEVELS[4])
    assert [count for count, _ in guided.calls] == [2, 4, 4, 4, 2, 2]


class Texts:
    """A denoiser whose answer is the mean of a video's prompt at every token."""

    def __call__(self, pack: Pack, text: TextPack) -> Tensor:
        means = torch.stack([part.mean() for part in text.tokens.split(text.lengths)])
        return means.repeat_interleave(torch.tensor(pack.lengths))[:, None].expand_as(pack.tokens)


def test_a_multistep_solver_restarts_where_guidance_does() -> None:
    """Within and outside the interval the field is constant, so that every step is exact unless it looks across."""
    begin = start()
    guided, plain = (part.mean() for part in WORDS.tokens.split(WORDS.lengths))
    found = run(Texts(), begin, solver=solver("ab2"), guidance=3.0, guidance_from=LEVELS[2])
    fell = (LEVELS[2] - 1) + 3.0 * (0 - LEVELS[2])  # NOTHING is zero: guidance is the text three times
    expected = (
        begin.tokens + fell * torch.tensor([guided, plain]).repeat_interleave(torch.tensor(begin.lengths))[:, None]
    )
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("reuse", [0.0, 0.2])
@pytest.mark.parametrize("name", SOLVERS)
def test_known_tokens_keep_their_value_at_level_zero(name: str, reuse: float) -> None:
    begin = start()
    data = torch.randn_like(begin.tokens)
    known = torch.zeros(len(begin.tokens), dtype=torch.bool)
    known[:4] = True
    begin = replace(begin, tokens=torch.where(known[:, None], data, begin.tokens))
    seen: list[Tensor] = []

    class Watching(Towards):
        def __call__(self, pack: Pack, text: TextPack) -> Tensor:
            seen.append(pack.noise)
            return super().__call__(pack, text) + 1.0  # wrong everywhere, known tokens too

    found = run(Watching(data), begin, known=known, solver=solver(name), reuse=reuse, guidance=2.0)
    assert torch.equal(found[:4], data[:4])
    assert all((part[:4] == 0).all() and (part[4:] > 0).all() for noise in seen for part in noise.chunk(2))


def test_reuse_looks_at_unknown_tokens_only() -> None:
    """Huge known tokens do not make the change of the others look small."""
    begin = start()
    known = torch.zeros(len(begin.tokens), dtype=torch.bool)
    known[:4] = True

    class Bending(Towards):
        def __call__(self, pack: Pack, text: TextPack) -> Tensor:
            super().__call__(pack, text)
            return torch.sin(pack.tokens + 5 * pack.noise[:, None]) + (pack.noise == 0)[:, None] * 1e6

    def asked(held: float) -> int:
        tokens = torch.where(known[:, None], held, begin.tokens)
        denoiser = Bending(tokens)
        levels = sampling_levels(20, 8, LevelsConfig()).tolist()
        run(denoiser, replace(begin, tokens=tokens), known=known, reuse=0.3, levels=levels)
        return len(denoiser.calls)

    assert asked(0.0) == asked(1e6) < 20


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_end_sampling_at_their_step(value: float) -> None:
    begin = start()
    field, steps = Towards(torch.randn_like(begin.tokens)), []

    def damaged(pack: Pack, text: TextPack) -> Tensor:
        velocity = field(pack, text)
        if len(field.calls) == 3:
            velocity.view(-1)[0] = value
        return velocity

    with pytest.raises(ValueError, match=f"step 3 of {len(LEVELS) - 1} gave values that are not finite"):
        run(damaged, begin, on_step=steps.append)  # type: ignore[arg-type]  # a function in place of the class
    assert len(steps) == 2


def test_every_step_is_reported() -> None:
    begin = start()
    guided: list[tuple[int, int, float]] = []
    run(
        Towards(torch.zeros_like(begin.tokens)),
        begin,
        on_step=lambda step: guided.append((step.number, step.total, float(step.pack.noise.max()))),
    )
    assert [(step, of) for step, of, _ in guided] == [(step, 6) for step in range(1, 7)]
    assert [level for *_, level in guided] == pytest.approx(LEVELS[1:])


def test_tokens_fold_back_to_latents() -> None:
    video = torch.randn(4, 2, 4, 4)
    packed = pack([video], [1.0])
    assert torch.equal(unpack(packed, channels_last(packed.tokens))[0], video)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.of(make_parts())


PLAIN = SamplingConfig(steps=3, guidance=2.0, solver="ab2", reuse=0.05)


def test_a_video_has_the_same_bits_in_any_company(model: Model) -> None:
    """Other videos, prompts of other lengths, and another place in the row change neither latents nor frames."""
    model = replace(model, sampling=PLAIN)

    def latents(prompts: list[str], seeds: list[int]) -> list[Tensor]:
        return sample_latents(prompts, model, pixels=model.sizes[0], seeds=seeds, sampling=PLAIN)

    alone, film = latents(CAPTIONS[:1], [7])[0], generate_many(CAPTIONS[:1], model, seeds=[7])[0].frames
    sample_latents(CAPTIONS[:1], model, pixels=model.sizes[1], seeds=[7], sampling=PLAIN)  # another size in between
    assert torch.equal(latents([CAPTIONS[1], CAPTIONS[0], CAPTIONS[2]], [1, 7, 2])[1], alone)
    assert torch.equal(generate_many([*CAPTIONS[1:], CAPTIONS[0]], model, seeds=[1, 2, 7])[2].frames, film)
    assert not torch.equal(latents(CAPTIONS[:1], [8])[0], alone)


def test_seeds_of_63_bits_do_not_repeat() -> None:
    seeds = [0, 7, 2**32 - 1, 2**32, 2**32 + 7, 2**33, 2**62, 2**63 - 1]
    noises = [draw_noise((64,), seed, CPU) for seed in seeds]
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(noises, 2))
    assert all(noise.dtype == torch.float32 for noise in noises)
    assert torch.equal(noises[1], torch.randn(64, generator=torch.Generator().manual_seed(7)))  # as it always was
    many = draw_noise((100_000,), 2**40, CPU)
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02


def test_long_videos_are_decoded_piece_by_piece(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    latents = torch.randn(model.transformer.config.in_channels, 9, 4, 4)
    whole = request.decode_frames(latents, model)
    monkeypatch.setattr(request, "DECODED_AT_ONCE", 4)
    pieces = request.decode_frames(latents, model, 30)
    assert whole.shape[0] == 33 and (whole[:30].int() - pieces.int()).abs().max() <= 1


def test_a_negative_prompt_changes_the_video(model: Model) -> None:
    def frames(**changes: object) -> Tensor:
        changed = replace(model, sampling=replace(PLAIN, **changes))  # type: ignore[arg-type]  # a dict of mixed kinds
        return generate_many(CAPTIONS[:1], changed, seeds=[0])[0].frames

    assert not torch.equal(frames(negative="a  blue cube"), frames())
    assert torch.equal(frames(negative="a  blue cube"), frames(negative="a blue cube"))
    assert torch.equal(frames(negative="a blue cube", guidance=1.0), frames(guidance=1.0))


def test_steps_are_counted_over_all_videos(model: Model) -> None:
    guided: list[tuple[int, int]] = []
    generate_many(
        CAPTIONS[:2], model, seeds=[0, 1], steps=3, on_step=lambda step: guided.append((step.number, step.total))
    )
    assert guided == [(step, 6) for step in range(1, 7)]


def test_settings_without_the_newer_keys_are_read() -> None:
    old = config.load(SamplingConfig, {"guidance": 3.0, "levels": {"shift": 3.0}, "solver": "euler", "steps": 25})
    assert (old.guidance_from, old.guidance_to, old.negative, old.reuse) == (1.0, 0.0, "", 0.0)
    assert old.negative_text == ""


@pytest.mark.parametrize(
    ("changes", "guided"),
    [
        ({"steps": 0}, "steps 0.*at least 1"),
        ({"steps": 1001}, "steps 1001.*at most 1000"),
        ({"guidance": -1.0}, "guidance -1.0.*0 to 50"),
        ({"solver": "rk4"}, "'rk4'.*unipc"),
        ({"guidance_from": 1.5}, "guidance_from 1.5.*0 .data. to 1"),
        ({"guidance_to": float("nan")}, "guidance_to nan"),
        ({"guidance_from": 0.3, "guidance_to": 0.3}, "from level 0.3 down to 0.3 covers no step.*guidance=1"),
        ({"reuse": -0.1}, "reuse -0.1.*0 .none. to 1"),
        ({"negative": "…"}, "negative prompt.*no words"),
        ({"negative": "снег"}, "negative prompt.*Cyrillic"),
    ],
)
def test_bad_settings_are_named(changes: dict[str, float | str], guided: str) -> None:
    with pytest.raises(ValueError, match=guided):
        config.load(SamplingConfig, changes)

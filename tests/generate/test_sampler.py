"""The one sampling loop: right on a field whose answer is known, and known patches stay what they are."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from langit.flow.levels import LevelsConfig, walk
from langit.flow.solvers import solver
from langit.generate.sampler import sample
from langit.patches import Pack, TextPack, channels_first, channels_last, pack, unpack

WORDS = TextPack(torch.randn(5, 8), (2, 3))
NOTHING = TextPack(torch.zeros(2, 8), (1, 1))
LEVELS = walk(6, 8, LevelsConfig()).tolist()


def start() -> Pack:
    torch.manual_seed(1)
    return pack([torch.randn(4, 2, 4, 4), torch.randn(4, 1, 2, 4)], [1.0, 1.0])


class Towards:
    """A denoiser that knows the data: the velocity from it to what it is shown, where there is noise at all."""

    def __init__(self, data: Tensor) -> None:
        self.data = data
        self.asked: list[tuple[int, float]] = []

    def __call__(self, pack: Pack, text: TextPack) -> Tensor:
        assert len(text.lengths) == len(pack.lengths)
        self.asked.append((len(pack.lengths), float(pack.noise.max())))
        data = self.data.repeat(len(pack.lengths) // 2, 1)
        level = pack.noise.clamp(min=1e-6)[:, None]
        return channels_last((pack.tokens - data) / level * (pack.noise > 0)[:, None])


def walked(denoiser: Towards, begin: Pack, **changes: object) -> Tensor:
    settings = {"solver": solver("euler"), "guidance": 1.0, "levels": LEVELS, "to_state": channels_first} | changes
    return sample(denoiser, begin, WORDS, NOTHING, **settings)  # type: ignore[arg-type]  # a dict of mixed kinds


@pytest.mark.parametrize(("name", "guidance"), [("euler", 1.0), ("heun", 1.0), ("euler", 4.0)])
def test_the_walk_ends_at_the_data(name: str, guidance: float) -> None:
    begin = start()
    data = torch.randn_like(begin.tokens)
    found = walked(Towards(data), begin, solver=solver(name), guidance=guidance)
    assert torch.allclose(found, data, atol=1e-4)


def test_guidance_asks_once_more_in_the_same_pack() -> None:
    begin = start()
    data = torch.randn_like(begin.tokens)
    plain, told = Towards(data), Towards(data)
    walked(plain, begin)
    walked(told, begin, guidance=3.0)
    assert [count for count, _ in plain.asked] == [2] * 6
    assert [count for count, _ in told.asked] == [4] * 6
    assert [level for _, level in plain.asked] == pytest.approx(LEVELS[:-1])


def test_known_tokens_keep_their_value_at_level_zero() -> None:
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

    found = walked(Watching(data), begin, known=known)
    assert torch.equal(found[:4], data[:4])
    assert all((noise[:4] == 0).all() and (noise[4:] > 0).all() for noise in seen)


def test_every_step_is_told() -> None:
    begin = start()
    told: list[tuple[int, int, float]] = []
    walked(
        Towards(torch.zeros_like(begin.tokens)),
        begin,
        on_step=lambda step, of, pack: told.append((step, of, float(pack.noise.max()))),
    )
    assert [(step, of) for step, of, _ in told] == [(step, 6) for step in range(1, 7)]
    assert [level for *_, level in told] == pytest.approx(LEVELS[1:])


def test_tokens_fold_back_to_latents() -> None:
    video = torch.randn(4, 2, 4, 4)
    packed = pack([video], [1.0])
    assert torch.equal(unpack(packed, channels_last(packed.tokens))[0], video)

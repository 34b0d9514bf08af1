"""AdamW with moments in 8 bits: near to the exact one, smaller, and resumed to the bit."""

from pathlib import Path

import pytest
import torch
from torch import nn

from langit.train.narrow_adam import NarrowAdamW, in_blocks, to_signed, to_unsigned
from langit.train.optim import OptimConfig, Optimisers


def _problem() -> tuple[nn.Parameter, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    inputs, wanted = torch.randn(256, 64), torch.randn(256, 96)
    return nn.Parameter(torch.zeros(64, 96)), inputs, wanted


def _train(optimiser, weight, inputs, wanted, steps):
    losses = []
    for _ in range(steps):
        loss = (inputs @ weight - wanted).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses


def test_moments_are_near_what_they_were():
    torch.manual_seed(0)
    values = torch.randn(5, 256) * torch.logspace(-6, 2, 5)[:, None]
    narrow, scale = to_signed(values)
    assert ((narrow.float() * scale - values).abs() <= values.abs().amax(1, keepdim=True) / 127 * 0.501).all()
    narrow, scale = to_unsigned(values.abs())
    widened = narrow.float() * scale
    assert (widened >= values.abs() * 0.999).all()  # rounded up: no moment becomes zero
    assert in_blocks(torch.ones(300)).shape == (2, 256)


def test_it_trains_as_adamw_does():
    weight, inputs, wanted = _problem()
    other = nn.Parameter(weight.detach().clone())
    exact = _train(torch.optim.AdamW([weight], lr=0.02, betas=(0.9, 0.98), weight_decay=0), weight, inputs, wanted, 150)
    narrow = _train(NarrowAdamW([other], lr=0.02), other, inputs, wanted, 150)
    assert narrow[0] == exact[0] and abs(narrow[-1] - exact[-1]) < 0.01 * exact[0]
    assert (weight - other).norm() / weight.norm() < 0.1


def test_its_state_takes_a_quarter_of_the_bytes_and_resumes_to_the_bit():
    weight, inputs, wanted = _problem()
    small = nn.Parameter(torch.zeros(10))
    named = {"w": weight, "b": small}
    config = OptimConfig(other_rate=0.01, warmup=1, decay=1, bits=8)
    made = Optimisers(named, lambda *_: "other", config)

    def step(optimisers: Optimisers, weight: nn.Parameter, small: nn.Parameter, number: int) -> None:
        ((inputs @ weight - wanted).square().mean() + (small - 1).square().sum()).backward()
        optimisers.step(number, 10)

    for number in range(3):
        step(made, weight, small, number)
    state = made.state()
    assert sum(t.nbytes for name, t in state.items() if name.startswith("w:")) < 0.27 * 8 * weight.numel()
    again = {name: nn.Parameter(p.detach().clone()) for name, p in named.items()}
    other = Optimisers(again, lambda *_: "other", config)
    other.restore({name: t.clone() for name, t in state.items()})
    for number in range(3, 6):
        step(made, weight, small, number)
        step(other, again["w"], again["b"], number)
    assert torch.equal(weight, again["w"]) and torch.equal(small, again["b"])


def test_other_numbers_of_bits_are_refused():
    with pytest.raises(ValueError, match="bits 4 of the optimiser's moments: use 8 or 32"):
        OptimConfig(bits=4)


def test_checkpoints_keep_its_state(tmp_path: Path):
    from safetensors.torch import load_file, save_file

    weight, inputs, wanted = _problem()
    made = Optimisers({"w": weight}, lambda *_: "other", OptimConfig(bits=8))
    (inputs @ weight - wanted).square().mean().backward()
    made.step(0, 10)
    save_file(made.state(), tmp_path / "state.safetensors")
    assert all(
        torch.equal(value, made.state()[name]) for name, value in load_file(tmp_path / "state.safetensors").items()
    )

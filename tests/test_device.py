"""The placement: which devices and dtypes can be chosen, and what moves."""

import pytest
import torch
from torch import nn

from langit.device import CPU, Placement, available_devices, placement_of


def test_the_cpu_in_single_precision_is_the_default() -> None:
    assert Placement() == CPU == Placement(torch.device("cpu"), torch.float32)
    assert Placement.choose("cpu", "auto") == CPU and Placement.choose("cpu", "bf16").dtype == torch.bfloat16
    assert available_devices()[-1] == "cpu" and CPU.name.endswith("CPU")


@pytest.mark.parametrize(
    ("device", "dtype", "message"),
    [
        ("gpu", "auto", "device 'gpu' is unknown: use auto, .*cpu"),
        ("cuda:99", "auto", "device 'cuda:99' is not on this machine: use auto, .*cpu"),
        ("meta", "auto", "device 'meta' is not on this machine"),
        ("cpu", "fp8", "dtype 'fp8' is unknown: use auto, fp32, bf16 or fp16"),
    ],
)
def test_errors_list_the_choices(device: str, dtype: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Placement.choose(device, dtype)


def test_floating_point_values_change_their_dtype_and_others_do_not() -> None:
    half = Placement(dtype=torch.bfloat16)
    assert half.put(torch.zeros(2)).dtype == torch.bfloat16
    assert half.put(torch.zeros(2, dtype=torch.uint8)).dtype == torch.uint8
    assert placement_of(half.put(nn.Linear(2, 2))) == half


def test_a_seed_draws_the_same_noise_in_every_precision() -> None:
    draws = [place.normal((3,), torch.Generator().manual_seed(4)) for place in (CPU, Placement(dtype=torch.float16))]
    assert torch.equal(*draws) and draws[1].dtype == torch.float32


def test_a_driver_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")

    def init() -> None:
        raise RuntimeError(
            "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver by"
            " downloading and installing a new version.\nMore lines"
        )

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", init)
    with pytest.raises(ValueError, match=r"not on this machine: use auto, cpu \(The NVIDIA driver .* 11040\)\)"):
        Placement.choose("cuda")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(ValueError, match=r"\(torch 2\..* is built without CUDA\)"):
        Placement.choose("cuda")

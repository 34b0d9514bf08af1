"""Plans of training: sharding, checkpointing, hours, cost, disk; and memory against a measured step."""

from dataclasses import replace

import pytest

from langit.plan.flops import forward_work
from langit.plan.hardware import HARDWARE, find_hardware, parse_devices
from langit.plan.training import TrainingWork, plan_training
from langit.transformer import SIZES

WORK = TrainingWork(replace(SIZES["pocket"], num_layers=6), sequence=80, videos=8, steps=1000, words=16)


def test_weights_are_sharded_and_time_is_shared_out():
    one, four = (plan_training(WORK, HARDWARE["h100"], count) for count in (1, 4))
    assert four.weights == -(-one.weights // 4)
    assert four.hours == pytest.approx(one.hours / 4)
    assert four.device_hours == pytest.approx(one.device_hours)
    assert four.activations < one.activations


def test_hours_and_cost_follow_from_operations():
    plan = plan_training(WORK, HARDWARE["h100"], share=0.5, price_per_hour=2.0)
    flops = 3 * 8 * forward_work(WORK.sizes, 80, 16).total
    assert plan.flops == 1000 * flops
    assert plan.hours == pytest.approx(1000 * flops / (0.5 * 989e12) / 3600)
    assert plan.cost == pytest.approx(2 * plan.hours)


def test_checkpointing_saves_memory_and_takes_a_third_more_time():
    kept, again = (
        plan_training(WORK, HARDWARE["a100"]),
        plan_training(replace(WORK, checkpointing=True), HARDWARE["a100"]),
    )
    assert again.activations < 0.5 * kept.activations
    assert again.hours == pytest.approx(kept.hours * 4 / 3)
    assert again.flops == kept.flops  # utilisation counts the model's own work


def test_latents_on_disk():
    assert plan_training(WORK, HARDWARE["h100"], latent_values=1000, clips=50).latent_bytes == 100_000


@pytest.mark.parametrize(
    ("name", "key"), [("H100", "h100"), ("NVIDIA H200", "h200"), ("RTX-4090", "rtx4090"), ("3090", "rtx3090"),
                      ("NVIDIA A100-SXM4-80GB", "a100"), ("NVIDIA H100 80GB HBM3", "h100")]
)  # fmt: skip
def test_devices_by_name(name, key):
    assert find_hardware(name) is HARDWARE[key]


@pytest.mark.parametrize("name", ["H1000", "H100x", "RTX", "40900", "nvidia", ""])
def test_a_device_is_not_guessed_from_the_beginning_of_its_name(name):
    with pytest.raises(ValueError, match="is not in the table"):
        find_hardware(name)


def test_numbers_of_devices():
    assert parse_devices("8xH100") == (8, HARDWARE["h100"])
    assert parse_devices("h200") == (1, HARDWARE["h200"])
    count, cpu = parse_devices("2xcpu")
    assert count == 2 and cpu.peak("fp32") > 1e9


@pytest.mark.parametrize("text", ["", "x", "8x", "0xH100", "8xTPU", "-1"])
def test_unknown_devices_are_refused(text):
    with pytest.raises(ValueError, match="device"):
        parse_devices(text)


def test_videos_must_be_shared_out_evenly():
    with pytest.raises(ValueError, match="8 videos in a step cannot be shared out over 3 devices"):
        plan_training(WORK, HARDWARE["h100"], 3)


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_shares_of_the_peak(share):
    with pytest.raises(ValueError, match="share"):
        plan_training(WORK, HARDWARE["h100"], share=share)

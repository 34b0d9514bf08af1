"""The judges follow a placement: everything that they compute is on the device of their weights."""

from __future__ import annotations

import torch
from placement import pretend_device

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.evaluate.abilities.cases import object_centres
from langit.evaluate.judges.probe import Probe, ProbeConfig, judge
from langit.evaluate.judges.tracker import Tracker, TrackerConfig, segment
from langit.evaluate.reconstruction import reconstruct
from langit.recipes.judges.films import augment

VIDEO = torch.randint(0, 256, (5, 32, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_a_probe_judges_on_its_device_as_on_the_cpu() -> None:
    torch.manual_seed(0)
    probe = Probe(ProbeConfig(frames=5, fine_width=8, width=16, blocks=2, looks=2, memory=16)).eval()
    expected, centres = judge(probe, [VIDEO])[0].shares, object_centres(probe, VIDEO)
    with pretend_device() as placement:
        probe = placement.put(probe)
        assert judge(probe, [VIDEO])[0].shares == expected
        assert object_centres(probe, VIDEO) == centres


def test_a_tracker_segments_on_its_device_as_on_the_cpu() -> None:
    torch.manual_seed(0)
    tracker = Tracker(TrackerConfig(fine_width=4, width=8, blocks=1)).eval()
    expected = segment(tracker, VIDEO)
    with pretend_device() as placement:
        found = segment(placement.put(tracker), VIDEO)
    assert found.colours.device.type == "cpu"
    assert torch.equal(found.colours, expected.colours) and torch.equal(found.shapes, expected.shapes)


def test_an_autoencoder_reconstructs_on_its_device_as_on_the_cpu() -> None:
    torch.manual_seed(0)
    sizes = AutoencoderConfig(fine_width=8, coarse_width=16, encoder_blocks=(1, 1), decoder_blocks=(1, 1))
    autoencoder = Autoencoder(sizes).eval()
    expected = reconstruct(autoencoder, VIDEO[None])
    with pretend_device() as placement:
        assert torch.equal(reconstruct(placement.put(autoencoder), VIDEO[None]), expected)


def test_films_are_augmented_on_their_device_as_on_the_cpu() -> None:
    video = torch.rand(4, 3, 5, 8, 8, generator=torch.Generator().manual_seed(1))
    expected = augment(video, 0.5, torch.Generator().manual_seed(2))
    with pretend_device() as placement:
        moved = augment(placement.put(video), 0.5, torch.Generator().manual_seed(2))
        assert torch.equal(moved.cpu(), expected)

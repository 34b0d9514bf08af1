"""The autoencoder's loss, and which weights it trains."""

from __future__ import annotations

import pytest
import torch

from langit.autoencoder.model import Autoencoder, AutoencoderConfig
from langit.feed.batch import Batch
from langit.train.tasks import ReconstructionConfig, ReconstructionTask, pyramid_error

SMALL = AutoencoderConfig(latent_channels=4, fine_width=8, coarse_width=8, encoder_blocks=(1, 1), decoder_blocks=(1, 1))


def batch() -> Batch[torch.Tensor]:
    frames = torch.randint(0, 256, (2, 5, 16, 24, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Batch(clips=("a", "b"), tokens=24, items=frames)


def test_a_pyramid_sees_fine_errors_more_than_smooth_ones() -> None:
    flat = torch.full((1, 3, 5, 16, 24), 0.5)
    checks = flat * (1 - 2 * ((torch.arange(16)[:, None] + torch.arange(24)) % 2))
    assert pyramid_error(flat) == pytest.approx(0.5)  # in the coarsest band alone
    assert pyramid_error(checks) == pytest.approx(0.5)  # in the finest band alone
    edge = torch.zeros(1, 3, 5, 16, 24)
    edge[..., 12:] = 0.5  # both, and in all bands
    assert pyramid_error(edge) > 1.1 * edge.mean()
    assert pyramid_error(torch.zeros_like(flat)) == 0


@pytest.mark.parametrize("decoder_only", [False, True])
def test_exactly_the_trained_weights_get_gradients(decoder_only: bool) -> None:
    torch.manual_seed(0)
    model = Autoencoder(SMALL)
    task = ReconstructionTask(model, ReconstructionConfig(decoder_only=decoder_only), lambda *_: None)
    for one in (task, task.replica()):
        one.loss(batch(), 0, torch.Generator().manual_seed(1)).backward()
        named = {
            f"{part}.{name}": p.grad is not None
            for part, m in one.modules().items()
            for name, p in m.named_parameters()
        }
        assert all(named.values())
        assert any(".encoder." in n for n in named) == (not decoder_only)
        assert all((p.grad is None) == decoder_only for p in one.autoencoder.encoder.parameters())


def test_the_pyramid_counts_by_its_weight() -> None:
    torch.manual_seed(0)
    model = Autoencoder(SMALL)

    def loss(weight: float) -> float:
        task = ReconstructionTask(model, ReconstructionConfig(pyramid_weight=weight, latent_noise=0), lambda *_: None)
        return float(task.loss(batch(), 0, torch.Generator()).detach())

    assert loss(0.5) - loss(0.0) == pytest.approx((loss(1.0) - loss(0.0)) / 2, rel=1e-3) and loss(0.5) > loss(0.0)
    with pytest.raises(ValueError, match="pyramid_weight -1"):
        ReconstructionConfig(pyramid_weight=-1)

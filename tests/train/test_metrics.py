"""Counting operations leaves what is compiled as it was."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from langit.train.metrics import count_flops


class Doubled(nn.Linear):  # dynamo does not compile torch's own layers where they stand alone
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def test_a_module_is_compiled_after_its_operations_were_counted() -> None:
    layer, x, graphs = Doubled(8, 4), torch.randn(5, 8), 0

    def backend(graph: fx.GraphModule, _inputs: list[Tensor]) -> fx.GraphModule:
        nonlocal graphs
        graphs += 1
        return graph

    torch._dynamo.reset()
    plain = count_flops(lambda: layer(x).sum().backward())
    layer.compile(backend=backend)
    assert count_flops(lambda: layer(x).sum().backward()) == plain == 2 * 2 * 5 * 8 * 4
    assert graphs == 0
    layer(x)
    assert graphs == 1

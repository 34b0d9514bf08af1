"""Step reuse: answer from the last evaluation while the answer can hardly have changed.

After EasyCache (arXiv 2507.02860): the ratio of how much the last two real answers differ to how much their inputs do
predicts the relative change of the next answer; predictions are summed, and while the sum stays below a threshold the
last answer serves again. (EasyCache keeps the difference of answer and input; on this straight path the answer itself
changes less, and gave 1 to 3 dB more.) What is remembered is a value that the caller carries. It does not know solvers
or models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]
"""A point and its level -> the velocity there."""


@dataclass(frozen=True)
class Memory:
    """What reuse knows of a walk so far."""

    point: Float[Tensor, "n p"]  # the last point asked about
    asked: Float[Tensor, "n p"]  # the last point that was really evaluated, and the answer
    answer: Float[Tensor, "n p"]
    rate: float | None = None  # how far answers move for each unit that points move; None before two evaluations
    change: float = 0.0  # predicted relative change since the last evaluation
    evaluations: int = 1


Field = Callable[[Tensor, float, Memory | None], tuple[Tensor, Memory]]
"""A velocity that remembers: what it gives back beside the answer is to be handed in with the next question."""


def reusing(velocity: Velocity, threshold: float, counts: Bool[Tensor, " n"] | None = None) -> Field:
    """``velocity`` with answers used again.

    Args:
        velocity: what is evaluated.
        threshold: the predicted relative change at which it is evaluated anew; 0 evaluates every time.
        counts: rows that the prediction looks at; all when left out.
    """

    def size(x: Tensor) -> float:
        return float((x if counts is None else x[counts]).abs().mean())

    def field(x: Tensor, level: float, memory: Memory | None) -> tuple[Tensor, Memory]:
        if memory is None:
            answer = velocity(x, level)
            return answer, Memory(point=x, asked=x, answer=answer)
        if threshold > 0 and memory.rate is not None:
            change = memory.change + memory.rate * size(x - memory.point) / max(size(memory.answer), 1e-12)
            if change < threshold:
                return memory.answer, replace(memory, point=x, change=change)
        answer = velocity(x, level)
        moved = size(x - memory.asked) if threshold > 0 else 0.0
        rate = size(answer - memory.answer) / moved if moved > 0 else memory.rate
        return answer, Memory(x, x, answer, rate, evaluations=memory.evaluations + 1)

    return field

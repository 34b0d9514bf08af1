"""Complete a canvas with one prompt and describe the result: the last step of most abilities."""

from __future__ import annotations

from collections.abc import Sequence

from langit.generate.canvas import Canvas, complete
from langit.generate.footage import Footage
from langit.generate.inputs import check_seed
from langit.generate.model import Model
from langit.generate.sampler import OnStep
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated
from langit.text.vocabulary import unknown_words


def complete_video(
    ability: str,
    prompt: str,
    model: Model,
    canvas: Canvas,
    footage: Sequence[Footage],
    seed: int,
    sampling: SamplingConfig | None,
    on_step: OnStep | None,
) -> Generated:
    """Generate everything that is not given of a canvas.

    Args:
        ability: the name of the ability, for the record.
        prompt: of all missing frames, as :meth:`Model.check_prompt` returns it; may be empty.
        model: see :class:`Model`.
        canvas: what is given.
        footage: the footage on the canvas, whose files become parents.
        seed: see :func:`langit.generate.generate`, as for the others.
        sampling: see there.
        on_step: see there.

    Raises:
        ValueError: a seed, setting or size that the model does not support.
    """
    settings = model.settings(sampling)
    frames = complete(
        canvas, canvas.missing_spans(prompt), model, seed=check_seed(seed), sampling=settings, on_step=on_step
    )
    return Generated(
        frames=frames,
        fps=model.fps,
        prompt=prompt,
        seed=seed,
        sampling=settings,
        unknown=unknown_words(model.text.tokenizer, prompt),
        ability=ability,
        parents=tuple(parent for each in footage for parent in each.parents),
        given=frozenset(number for number, whole in enumerate(canvas.given_frames) if whole),
    )

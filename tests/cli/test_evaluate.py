"""The verbs of evaluate: options that do not fit are refused before a model is opened; the former spelling works."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.running import Run

from langit.device import Placement

KINDS = ("fidelity", "story", "abilities", "physics", "copying")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("abilities nonesuch --films 1", "1 films cannot be connected with each other: use at least 2"),
        ("abilities nonesuch --films 0", "--films"),
        ("abilities nonesuch --prompts 3", "--prompts"),
        ("physics nonesuch --seeds 2", "--seeds"),
        ("physics nonesuch --prompts 3", "3 prompts cannot be divided"),
        ("story nonesuch --prompts 2", "2 prompts cannot cover puppies, traveller, window: use at least 3"),
        ("fidelity nonesuch --quality best", "best"),
        ("fidelity nonesuch --device gpu", "device 'gpu'"),
        ("fidelity nonesuch --dtype fp8", "dtype 'fp8'"),
        *((f"{kind} nonesuch", "no model 'nonesuch'") for kind in KINDS),
        ("nonesuch --abilities --prompts 3", "--prompts 3 has no meaning for abilities: use --films"),
        ("nonesuch --physics --seeds 2", "--seeds 2 has no meaning for physics: use --prompts"),
        ("nonesuch --films 8", "--films 8 has no meaning for fidelity: use --prompts and --seeds"),
        ("nonesuch --story --physics", "--story and --physics are separate reports"),
        ("nonesuch --story", "no model 'nonesuch'"),
        ("--story nonesuch", "no model 'nonesuch'"),
        ("nonesuch sampling.steps=4 --careful", "no model 'nonesuch'"),
    ],
)
def test_arguments_that_do_not_fit(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(capsys, "evaluate", *arguments.split())
    assert run.code == 2
    assert message in run.err
    assert run.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS[:4])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sampling.stepz=3", "unknown key 'stepz' in 'sampling': did you mean 'steps'?"),
        ("steps=3", "unknown key 'steps'"),
        ("sampling.steps=0", "steps 0"),
        ("sampling.adapter=fast", "this model has no adapter 'fast'"),
    ],
)
def test_a_wrong_change_of_sampling_is_one_line_and_leaves_nothing(
    change: str, message: str, kind: str, capsys: pytest.CaptureFixture[str], place: Path, model: Path
) -> None:
    run = Run(capsys, "evaluate", kind, model, change)
    assert run.code == 2
    assert message in run.err and run.err.count("\n") == 1
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("fidelity m --prompts 5 --seeds 2 --films 4", {"prompts": 5, "seeds": 2, "films": 4, "changes": []}),
        ("m", {"prompts": 200, "seeds": 3, "changes": []}),
        ("m --careful sampling.steps=4", {"changes": ["sampling.adapter=", "sampling.steps=4"]}),
        ("fidelity m --quality full --device cpu --dtype fp32", {"changes": ["sampling.adapter="]}),
        ("m --prompts 7", {"prompts": 7}),
    ],
)
def test_both_spellings_measure_the_same(
    arguments: str,
    expected: dict[str, object],
    capsys: pytest.CaptureFixture[str],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from langit.evaluate.fidelity import report

    received: dict[str, object] = {}

    class Empty:
        def table(self) -> str:
            return "the table"

    def evaluate(model: str, **settings: object) -> Empty:
        received.update(settings, model=model)
        return Empty()

    monkeypatch.setattr(report, "evaluate_fidelity", evaluate)
    run = Run(capsys, "evaluate", *arguments.split())
    assert run.code == 0 and "the table" in run.out and run.out.rstrip().endswith("evaluation-m")
    assert received["model"] == "m" and received["folder"] == Path("evaluation-m")
    assert isinstance(received["placement"], Placement)
    assert {name: received[name] for name in expected} == expected

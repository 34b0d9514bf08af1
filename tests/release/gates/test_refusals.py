"""Refusals of the gates that no other test needs: each fails here if its check is taken out."""

from __future__ import annotations

import pytest

from langit.release.gates.guard import LocalGuard, load_guard
from langit.release.gates.pictures import FrameClassifier
from langit.release.gates.prompt import PromptConfig, label_settings
from langit.text.endpoint import JsonEndpoint


@pytest.mark.parametrize("value", [-0.1, 0.0, 1.1])
def test_a_threshold_that_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=f"guard_threshold {value} is not a probability"):
        PromptConfig(guard_threshold=value)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_guard_without_time_is_refused(seconds: float) -> None:
    """It would never answer, or always be cut off."""
    with pytest.raises(ValueError, match="leaves no time to answer"):
        PromptConfig(guard_timeout=seconds)


@pytest.mark.parametrize("entry", ["=refuse", "violence", "violence=", "violence=maybe", "violence=Refuse", ""])
def test_labels_without_a_name_or_an_action_are_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="does not read label=refuse"):
        label_settings("guard label", [entry])
    with pytest.raises(ValueError, match="does not read label=refuse"):
        PromptConfig(guard_labels=(entry,))
    assert label_settings("guard label", ["a=b=flag"]) == {"a=b": "flag"}


@pytest.mark.parametrize("name", ["", "no such folder"])
def test_a_model_without_a_folder_is_not_looked_for_elsewhere(name: str) -> None:
    """An empty name is the folder in which one stands."""
    with pytest.raises(OSError, match=f"there is no folder '{name}' that holds a guard model"):
        LocalGuard.load(name, {}, 0.5)
    with pytest.raises(OSError, match=f"there is no folder '{name}' that holds an image classifier"):
        FrameClassifier(name, {}, 0.5)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"results": []},
        {"results": {"flagged": False}},
        {"results": "fine"},
        {"results": ["fine"]},
        {"results": [{"flagged": False}, "fine"]},
        {"results": [{}]},
        {"results": [{"flagged": "no"}]},
        {"results": [{"flagged": 0}]},
        {"results": [{"flagged": False, "categories": ["violence"]}]},
        {"results": [{"flagged": False, "category_scores": [0.9]}]},
        {"results": [{"flagged": False, "category_scores": "0.9"}]},
    ],
)
def test_an_answer_of_another_form_is_no_permission(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = load_guard(PromptConfig(guard="model@http://127.0.0.1:9"))
    assert guard is not None
    monkeypatch.setattr(JsonEndpoint, "post", lambda *_: answer)
    (finding,) = guard("a red ball")
    assert finding.action == "refuse" and "answered without results" in finding.why

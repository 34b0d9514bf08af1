"""`--devices`: the arguments of each process, and what becomes of one that ends early."""

from __future__ import annotations

import pytest

from langit.cli import launching
from langit.train.restarts import is_launched, was_restarted


def test_processes_get_the_arguments_without_their_number() -> None:
    given = ["train", "tiny", "--devices", "2", "--resume", "--devices=4", "steps=3"]
    assert launching.without_devices(given) == ["train", "tiny", "--resume", "steps=3"]


@pytest.mark.parametrize(
    ("statuses", "starts", "status"),
    [
        ([0], 1, 0),
        ([2], 1, 2),  # a person's mistake: the same again would not help
        ([-1, 0], 2, 0),  # killed once
        ([-1, -1, -1, -1], 4, 1),
    ],
)
def test_only_killed_processes_start_again(
    monkeypatch: pytest.MonkeyPatch, statuses: list[int], starts: int, status: int
) -> None:
    attempts: list[int] = []

    def run_together(devices: int, arguments: list[str], attempt: int) -> int:
        attempts.append(attempt)
        return statuses[len(attempts) - 1]

    monkeypatch.setattr(launching, "_run_together", run_together)
    assert launching.launch(1, "cpu") == status
    assert attempts == list(range(starts))


def test_a_start_after_the_first_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not was_restarted() and not is_launched()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert is_launched() and not was_restarted()
    monkeypatch.setenv("LANGIT_RESTARTS", "1")
    assert was_restarted()
    monkeypatch.setenv("LANGIT_RESTARTS", "0")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "2")
    assert was_restarted()

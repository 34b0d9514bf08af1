"""`langit mcp` over stdin and stdout, driven by the protocol's own client: the same gates, the same records."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client, StdioServerParameters
from PIL import Image

from langit.ledger.store import Ledger
from langit.tools.workbench import Workbench

PROMPT = "a red ball bounces on snow"
VERBS = {
    *("generate", "image", "minute", "storyboard", "extend", "loop", "connect", "edit", "inpaint", "recut"),
    *("models", "coverage", "verify", "whose", "nearest"),
}


def drive(home: Path, allowed: Path, act: Callable[[Client], Awaitable[None]]) -> None:
    """Start the server as a program would, and talk to it."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "langit", "mcp", "--allow", str(allowed)],
        env={**keep, "LANGIT_HOME": str(home), "OMP_NUM_THREADS": "1"},
    )

    async def session() -> None:
        async with Client(server, read_timeout_seconds=300) as client:
            await act(client)

    asyncio.run(session())


async def call(client: Client, verb: str, **arguments: Any) -> Any:
    answer = await client.call_tool(verb, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


async def refusal(client: Client, verb: str, **arguments: Any) -> str:
    answer = await client.call_tool(verb, arguments)
    assert answer.is_error
    return answer.content[0].text


def test_a_program_makes_and_asks(tmp_path: Path) -> None:
    home, allowed = tmp_path / "home", tmp_path / "allowed"
    allowed.mkdir()
    Image.fromarray(np.full((64, 64, 3), 128, np.uint8)).save(allowed / "grey.png")
    (tmp_path / "secret.png").write_bytes((allowed / "grey.png").read_bytes())
    told: list[str | None] = []

    async def act(client: Client) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == VERBS

        async def progress(done: float, total: float | None, message: str | None) -> None:
            told.append(message)

        answer = await client.call_tool("generate", {"prompt": PROMPT, "seed": 3}, progress_callback=progress)
        assert not answer.is_error, answer.content
        made = answer.structured_content
        assert made is not None and Path(made["path"]).parent == home / "outputs"
        name = Path(made["path"]).name

        again = await call(client, "image", prompt=PROMPT, seed=3)
        assert Path(again["path"]).suffix == ".png"
        longer = await call(client, "extend", video=name, seconds=1.0)
        assert longer["frames"] > made["frames"]
        verdict = await call(client, "verify", file=name)
        assert verdict["finding"] == "trusted" and verdict["credentials"]["prompt"] == made["prompt"]
        assert (await call(client, "whose", thing=made["sha256"]))["video"] == made["sha256"]
        assert (await call(client, "models"))["models"][0]["model"] == "pocket"
        covered = await call(client, "coverage", prompt="a red zeppelin bounces on snow")
        assert "zeppelin" in covered["lost"], covered

        assert "refused by rule" in await refusal(client, "generate", prompt="a naked child")
        assert "refused by rule" in (await call(client, "coverage", prompt="a naked child"))["refused"]
        for outside in (str(tmp_path / "secret.png"), "../../secret.png", "/etc/passwd"):
            assert "may be read" in await refusal(client, "generate", prompt=PROMPT, image=outside)
            assert "may be read" in await refusal(client, "verify", file=outside)
            assert "may be read" in await refusal(client, "whose", thing=outside)
            cards = [{"from": 0.0, "to": 2.0, "text": PROMPT}, {"at": 3.0, "image": outside}]
            assert "may be read" in await refusal(client, "storyboard", seconds=4.0, cards=cards)
        assert "strict" in await refusal(client, "generate", prompt="a red zeppelin on snow", strict=True)
        assert "is not offered here" in await refusal(client, "generate", prompt=PROMPT, model="/tmp")

    drive(home, allowed, act)
    assert told and told[-1] == "step 6 of 6"
    outputs = Ledger(home / "ledger").outputs()
    files = {path.name for path in (home / "outputs").iterdir() if not path.name.startswith(".")}
    assert [output.ability for output in outputs] == ["generate", "image", "extend"]
    assert len(files) == 3, "what was refused left nothing"


def test_cards_cannot_smuggle_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGIT_HOME", str(tmp_path))
    bench = Workbench()
    text = 'a ball"\nimage = "/etc/passwd'
    with pytest.raises(ValueError, match="card 1"):
        bench.read_board(2.0, [{"from": 0.0, "to": 2.0, 'text"\nimage = "x': "y"}], {})
    board = bench.read_board(2.0, [{"from": 0.0, "to": 2.0, "text": text}], {})
    assert board.cards[0].text == text and board.cards[0].image is None

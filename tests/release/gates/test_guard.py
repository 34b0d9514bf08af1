"""Guards besides the rules, for real: a tiny model made on the spot, and an endpoint on the loopback."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from cli.running import Run
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from langit.release.gates.guard import load_guard, usual_actions
from langit.release.gates.prompt import PromptConfig, judge_prompt

WORDS = {"[PAD]": 0, "[UNK]": 1, "a": 2, "ball": 3, "dragon": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of two labels that says "bad" of a text whose first window has many dragons, by its weights."""
    return save_guard(tmp_path_factory.mktemp("guard"), "fine", "bad")


def save_guard(place: Path, good: str, bad: str) -> Path:
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=8
    ).save_pretrained(place)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=8,
        id2label={0: good, 1: bad},
        label2id={good: 0, bad: 1},
    )
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        for name, weight in model.named_parameters():
            if "LayerNorm.weight" in name:
                weight.fill_(1.0)
        model.bert.embeddings.word_embeddings.weight[WORDS["dragon"], 0] = 4.0
        model.bert.pooler.dense.weight[0, 0] = 1.0
        model.classifier.weight[1, 0] = 8.0
        model.classifier.bias[0] = 2.0
    model.save_pretrained(place)
    return place


def config(name: str, *labels: str, **more: Any) -> PromptConfig:
    return PromptConfig(guard=name, guard_labels=labels, **more)


def test_a_local_model_judges_besides_the_rules(folder: Path) -> None:
    settings = config(f"transformers:{folder}", "bad=refuse")
    asked = load_guard(settings)
    assert judge_prompt("a ball", settings, guard=asked) == []
    (finding,) = judge_prompt("dragon a ball", settings, guard=asked)
    assert (finding.rule, finding.action) == ("guard", "refuse") and "says bad, " in finding.why
    flagged = config(f"transformers:{folder}", "bad=flag")
    assert [one.action for one in judge_prompt("dragon", flagged, guard=load_guard(flagged))] == ["flag"]


def test_a_text_longer_than_the_model_reads_is_read_to_its_end(folder: Path) -> None:
    asked = load_guard(config(f"transformers:{folder}", "bad=refuse"))
    assert asked is not None
    assert asked("a ball " * 20) == []
    assert [one.rule for one in asked("a ball " * 20 + "dragon dragon dragon dragon dragon")] == ["guard"]


def test_labels_must_be_the_models_own(folder: Path) -> None:
    with pytest.raises(ValueError, match="has no label evil: set guard_labels for some of fine, bad"):
        load_guard(config(f"transformers:{folder}", "evil=refuse"))
    with pytest.raises(ValueError, match="has no settings for its labels"):
        load_guard(config(f"transformers:{folder}"))
    with pytest.raises(ValueError, match="does not read label=refuse"):
        config("x@http://localhost:1", "bad")


def test_one_line_of_settings_adds_a_local_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the settings' file to the answer of the command line, with a checkpoint that transformers wrote."""
    home = Path(os.environ["LANGIT_HOME"])
    home.mkdir()
    place = save_guard(tmp_path, "Safe", "unsafe")
    (home / "release.toml").write_text(f'[prompt]\nguard = "transformers:{place}"\n')
    assert Run(capsys, "gate", "a ball").out == "passes\n"
    run = Run(capsys, "gate", "dragon a ball")
    assert run.code == 2
    assert "refused by rule guard" in run.err and "says unsafe" in run.err
    (place / "model.safetensors").write_bytes(b"cut short")
    run = Run(capsys, "gate", "a ball")
    assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
    assert "no guard model can be read from" in run.err


def test_labels_that_say_safe_need_no_settings() -> None:
    assert usual_actions(["SAFE", "hate", "S2"]) == {"hate": "refuse", "S2": "refuse"}
    assert usual_actions(["LABEL_0", "LABEL_1"]) == {}


def test_a_model_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="there is no folder"):
        load_guard(config(f"transformers:{tmp_path / 'none'}", "bad=refuse"))
    with pytest.raises(OSError, match="no guard model can be read"):
        load_guard(config(f"transformers:{tmp_path}", "bad=refuse"))


class Server(ThreadingHTTPServer):
    """An endpoint that answers what it is told to, and keeps what it was asked."""

    answer: bytes = b""
    code: int = 200
    asked: list[tuple[str, dict[str, Any], str | None]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body), self.headers["Authorization"]))
        self.send_response(self.server.code)
        self.send_header("Location", "http://localhost:1/elsewhere")
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as found:
        found.asked = []
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def result(**said: Any) -> bytes:
    return json.dumps({"results": [said]}).encode()


def at(server: Server, *labels: str, **more: Any) -> PromptConfig:
    return config(f"mod-1@http://127.0.0.1:{server.server_port}", *labels, **more)


def test_an_endpoint_is_asked_and_heard(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGIT_GUARD_KEY", "secret")
    settings = at(server, "gore=flag", "politics=off")
    asked = load_guard(settings)
    server.answer = result(flagged=False, categories={"gore": False}, category_scores={"gore": 0.1})
    assert judge_prompt("a ball", settings, guard=asked) == []
    assert server.asked == [("/v1/moderations", {"model": "mod-1", "input": "a ball"}, "Bearer secret")]
    server.answer = result(flagged=True, categories={"gore": True, "hate": True, "politics": True})
    found = judge_prompt("a ball", settings, guard=asked)
    assert [(one.why, one.action) for one in found] == [("mod-1 says hate", "refuse"), ("mod-1 says gore", "flag")]
    server.answer = result(flagged=False, categories={}, category_scores={"gore": 0.9, "hate": 0.9})
    assert [one.why for one in judge_prompt("a ball", settings, guard=asked)] == ["mod-1 says gore"]
    server.answer = result(flagged=True, categories={})
    assert [one.action for one in judge_prompt("a ball", settings, guard=asked)] == ["refuse"]


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (b"<html>", 200, "answered no JSON"),
        (b"{}", 200, "answered without results"),
        (b'{"results": []}', 200, "answered without results"),
        (b'{"results": [{"flagged": "no"}]}', 200, "without results\\[\\]\\.flagged"),
        (b"", 500, "answered HTTP 500"),
        (b"", 307, "answered HTTP 307"),
        (b" " * 1_000_001, 200, "more than 1000000 bytes"),
    ],
)
def test_a_guard_that_gives_no_answer_refuses(server: Server, answer: bytes, code: int, said: str) -> None:
    server.answer, server.code = answer, code
    asked = load_guard(at(server))
    assert asked is not None
    (finding,) = asked("a ball")
    assert finding.action == "refuse" and "nothing passes without it" in finding.why
    assert re.search(said, finding.why)


def test_a_guard_that_cannot_be_reached_refuses() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings = config(f"m@http://127.0.0.1:{closed.getsockname()[1]}/v1")
        (finding,) = judge_prompt("a ball", settings, guard=load_guard(settings))
    assert finding.action == "refuse" and "cannot be reached" in finding.why


def test_one_line_of_settings_adds_an_endpoint(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    home = Path(os.environ["LANGIT_HOME"])
    home.mkdir()
    (home / "release.toml").write_text(f'[prompt]\nguard = "mod-1@http://127.0.0.1:{server.server_port}"\n')
    server.answer = result(flagged=False, categories={})
    assert Run(capsys, "gate", "a ball").out == "passes\n"
    server.answer = result(flagged=True, categories={"gore": True})
    run = Run(capsys, "gate", "a ball")
    assert run.code == 2 and "mod-1 says gore" in run.err
    server.code = 503
    run = Run(capsys, "gate", "a ball")
    assert run.code == 2 and "answered HTTP 503, and nothing passes without it" in run.err


def test_a_guard_that_is_late_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = config(f"m@http://127.0.0.1:{silent.getsockname()[1]}", guard_timeout=0.05)
        (finding,) = judge_prompt("a ball", settings, guard=load_guard(settings))
    assert finding.action == "refuse" and "no answer within 0.05 s" in finding.why


@pytest.mark.parametrize(
    "name", ["nobody", "m@ftp://host", "m@http://user:secret@host", "m@http://host?key=1", "@http://h"]
)
def test_a_guard_that_is_written_wrongly_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="is neither transformers:FOLDER nor MODEL@http"):
        load_guard(PromptConfig(guard=name))


def test_no_guard_is_asked_where_none_is_set() -> None:
    assert load_guard(PromptConfig()) is None

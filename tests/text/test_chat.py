"""Chat models as expanders: a server that speaks the endpoint, and every way in which one can fail."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from langit.studio.expanders import find_expander
from langit.text.chat import KEY_VARIABLES, ChatExpander, instructions
from langit.text.endpoint import api_url
from langit.text.tokenizer import train_tokenizer
from langit.text.vocabulary import Vocabulary
from langit.worlds.caption import captions
from langit.worlds.reading.expand import example_captions
from langit.worlds.scene import sample_scene

TOKENIZER = train_tokenizer(text for seed in range(300) for text in captions(sample_scene(seed), 6))
CAPTION = "a red ball rolls to the left on snow at night, the camera zooms in"


def completion(content: str | None) -> bytes:
    """A whole answer in the shape that OpenAI's service gives and its client reads."""
    told = {
        "id": "chatcmpl-7",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "tiny",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }
    return json.dumps(told).encode()


@dataclass
class Endpoint:
    """A server on this machine: what it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = completion(CAPTION)
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    here = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            here.asked.append((self.path, dict(self.headers), json.loads(asked)))
            if here.silent:
                here.over.wait()
                return
            self.send_response(here.status)
            for name, value in here.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(here.body)))
            self.end_headers()
            self.wfile.write(here.body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield here
    here.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def chosen(endpoint: Endpoint) -> Any:
    return find_expander(f"chat:tiny@{endpoint.url}", Vocabulary(TOKENIZER))


def test_an_endpoint_is_asked_and_its_caption_taken(endpoint: Endpoint) -> None:
    made = chosen(endpoint)("a  red\nball", 7)
    assert (made.original, made.text, made.unknown) == ("a red ball", CAPTION, ())
    assert made.by == f"tiny at {endpoint.url}/v1/chat/completions"
    assert CAPTION in made.lines()[0]
    ((path, headers, body),) = endpoint.asked
    assert path == "/v1/chat/completions"
    assert "Authorization" not in headers
    assert (body["model"], body["seed"]) == ("tiny", 7)
    system, user = body["messages"]
    assert user == {"role": "user", "content": "a red ball"}
    assert system["role"] == "system"
    assert " kerucut " in system["content"] and " checkered " in system["content"]
    assert all(caption in system["content"] for caption in example_captions(Vocabulary(TOKENIZER)))


def test_the_key_comes_from_the_environment_and_ours_before_theirs(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    chosen(endpoint)("a ball", 0)
    monkeypatch.setenv("LANGIT_CHAT_KEY", "ours")
    made = chosen(endpoint)
    made("a ball", 0)
    assert [headers["Authorization"] for _, headers, _ in endpoint.asked] == ["Bearer theirs", "Bearer ours"]
    assert "ours" not in repr(made)


@pytest.mark.parametrize(
    "said",
    [
        f'"{CAPTION}"',
        f"“{CAPTION}”\n",
        f"<think>Something\nred, then.</think>\n\n{CAPTION}",
        f"```text\n{CAPTION}\n```",
        CAPTION.replace(" ", "\n "),
    ],
)
def test_what_chat_models_put_around_a_caption_is_taken_off(endpoint: Endpoint, said: str) -> None:
    endpoint.body = completion(said)
    assert chosen(endpoint)("ball", 0).text == CAPTION


def test_words_of_the_answer_that_the_model_does_not_know_are_named(endpoint: Endpoint) -> None:
    endpoint.body = completion("a scarlet ball bounces on snoww")
    made = chosen(endpoint)("ball", 0)
    assert made.unknown == (("scarlet", ""), ("snoww", "snow"))
    assert "'snoww' (nearest: 'snow')" in made.lines()[1]


@pytest.mark.parametrize(
    ("status", "body", "kind", "named"),
    [
        (401, b'{"error": {"message": "bad key"}}', OSError, "HTTP 401: set LANGIT_CHAT_KEY or OPENAI_API_KEY"),
        (404, b"{}", OSError, "HTTP 404: check the address and the model's name"),
        (500, b"boom\nboom", OSError, r"HTTP 500: see the server's log \(it says: boom boom\)"),
        (200, b"<html>hello</html>", OSError, "answered no JSON"),
        (200, b"\xff\xfe", OSError, "answered no JSON"),
        (200, b'{"choices": []}', OSError, "without choices"),
        (200, b"[]", OSError, "without choices"),
        (200, b"[" * 200_000, OSError, "answered no JSON"),
        (200, b'{"choices": [{"text": "a ball"}]}', OSError, "without choices"),
        (200, completion(None), OSError, "without choices"),
        (200, completion(" "), ValueError, "gave no caption for 'ball': .*no words"),
        (200, completion('""'), ValueError, "gave no caption for 'ball': .*no words"),
        (200, completion("ball " * 300), ValueError, "gave no caption for 'ball': .*1499 characters"),
        (200, completion("красный мяч"), ValueError, "gave no caption for 'ball': .*Cyrillic"),
        (200, b" " * 1_000_001, OSError, "more than 1000000 bytes"),
    ],
)
def test_an_endpoint_that_fails_is_named_with_the_mend(
    endpoint: Endpoint, status: int, body: bytes, kind: type[Exception], named: str
) -> None:
    endpoint.status, endpoint.body = status, body
    with pytest.raises(kind, match=named) as caught:
        chosen(endpoint)("ball", 0)
    assert endpoint.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(endpoint.asked) == 1


def test_a_redirect_is_not_followed_and_no_key_is_told(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGIT_CHAT_KEY", "sesame")
    endpoint.status, endpoint.headers = 302, {"Location": f"{endpoint.url}/elsewhere"}
    endpoint.body = b"you sent Bearer sesame"
    with pytest.raises(OSError, match="HTTP 302: it points to .*/elsewhere: give that address") as caught:
        chosen(endpoint)("ball", 0)
    assert len(endpoint.asked) == 1
    assert "sesame" not in str(caught.value)


def test_nobody_there_is_an_error_that_names_the_address(endpoint: Endpoint) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        said = f"{url}/v1/chat/completions cannot be reached .*: start it, or use --expand embedded"
        with pytest.raises(OSError, match=said):
            find_expander(f"chat:tiny@{url}", Vocabulary(TOKENIZER))("ball", 0)


def test_a_server_that_says_nothing_is_not_waited_for(endpoint: Endpoint) -> None:
    endpoint.silent = True
    slow = ChatExpander("tiny", api_url(endpoint.url, "chat/completions"), Vocabulary(TOKENIZER), timeout=0.2)
    with pytest.raises(OSError, match="no answer within 0.2 s: use a smaller model"):
        slow("ball", 0)


def test_something_that_speaks_no_http_is_an_error(endpoint: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            there, _ = server.accept()
            with there:
                there.recv(100_000)
                there.sendall(b"220 mail.example ready\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(OSError, match="broke off|cannot be reached"):
            find_expander(f"chat:tiny@http://127.0.0.1:{server.getsockname()[1]}", Vocabulary(TOKENIZER))("ball", 0)
        thread.join()


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("chat:", "write chat:MODEL@http://HOST:PORT"),
        ("chat:tiny", "write chat:MODEL@http://HOST:PORT"),
        ("chat:@http://here", "write chat:MODEL@http://HOST:PORT"),
        ("chat:tiny@file:///etc/passwd", "not the address of a chat endpoint"),
        ("chat:tiny@http://", "write chat:MODEL@http://HOST:PORT"),
        ("chat:tiny@http://:80/", "not the address of a chat endpoint"),
        ("chat:tiny@http://me:secret@here", "put keys into LANGIT_CHAT_KEY"),
        ("chat:tiny@http://here/v1?key=secret", "put keys into LANGIT_CHAT_KEY"),
        ("chat:tiny@http://[here", "not the address of a chat endpoint"),
        ("chat:tiny@http://here:many", "not the address of a chat endpoint"),
    ],
)
def test_a_bad_address_is_named(name: str, named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        find_expander(name, Vocabulary(TOKENIZER))
    assert "secret" not in str(caught.value)


def test_an_address_may_be_a_host_a_version_or_the_whole() -> None:
    whole = "http://here:1/v1/chat/completions"
    assert {api_url(base, "chat/completions") for base in ("http://here:1", "http://here:1/v1/", whole)} == {whole}
    assert api_url("https://here/api/v4", "moderations") == "https://here/api/v4/moderations"


def test_a_model_of_other_words_is_told_those_and_shown_no_foreign_captions() -> None:
    other = Vocabulary(train_tokenizer(["a giraffe eats leaves"]))
    assert example_captions(other) == ()
    assert instructions(other, ()).endswith("no others: a eats giraffe leaves.")
    shown = example_captions(Vocabulary(TOKENIZER))
    assert len(shown) == 4 and sum("kamera" in one or "sebuah" in one for one in shown) == 2


def test_a_prompt_without_words_asks_nobody(endpoint: Endpoint) -> None:
    with pytest.raises(ValueError, match="no words"):
        chosen(endpoint)("?", 0)
    assert endpoint.asked == []

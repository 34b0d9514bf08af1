"""Captions: beside the file, from a tiny model made on the spot, from a server on this machine."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from curate.making import scene
from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

from langit.curate.captions import LocalCaptioner, ServerCaptioner, SidecarCaptioner, make_captioner, spread
from langit.curate.settings import CaptionSettings, load
from langit.curate.survey import jpeg

PICTURES = [jpeg(scene(seed, 1)[0]) for seed in range(3)]
SPAN = (2.0, 4.0)
NOT_FOUND = httpx2.Response(404, request=httpx2.Request("GET", "https://hub.example"))


def texts(place: Path) -> list[str]:
    return [words.text for words in SidecarCaptioner(CaptionSettings())(place, SPAN, [])]


def test_a_text_beside_the_file_is_for_all_of_it(tmp_path: Path) -> None:
    assert texts(tmp_path / "a.mp4") == []
    (tmp_path / "a.txt").write_text("ombak di pantai ❄\n\nwaves on a beach\n", encoding="utf-8")
    assert texts(tmp_path / "a.mp4") == ["ombak di pantai ❄", "waves on a beach"]


def test_captions_with_times_are_for_what_lies_in_them(tmp_path: Path) -> None:
    said: list[Any] = [
        {"text": "all of it", "language": "en"},
        {"text": "the beginning", "start": 0, "end": 2.5},
        {"text": "from three", "start": 2.9},
        {"text": "ombak", "language": "id", "start": 2.2, "end": 9},
        "plain",
    ]
    (tmp_path / "a.json").write_text(json.dumps({"captions": said}))
    found = SidecarCaptioner(CaptionSettings())(tmp_path / "a.mp4", SPAN, [])
    assert [(w.text, w.language) for w in found] == [
        ("all of it", "en"),
        ("from three", "en"),
        ("ombak", "id"),
        ("plain", "en"),
    ]
    assert len({w.version for w in found}) == 1 and found[0].captioner == "sidecar"


@pytest.mark.parametrize("data", [b"{", b"[1]", b'{"text": 3}', b'[{"text": "a", "start": "now"}]', b"\xff\xfe"])
def test_a_sidecar_that_says_nothing_sensible_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ValueError, match="a.json"):
        texts(tmp_path / "a.mp4")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_of_other_systems_are_no_part_of_a_caption(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "a.txt").write_bytes(f"a red ball{end}one\u2028line\x0c{end}".encode(encoding))
    assert texts(tmp_path / "a.mp4") == ["a red ball", "one\u2028line"]
    (tmp_path / "b.json").write_bytes('"a red ball"'.encode(encoding))
    assert texts(tmp_path / "b.mp4") == ["a red ball"]


@pytest.mark.parametrize("data", [b'{"text": "x", "start": NaN}', b'{"text": "x", "end": Infinity}'])
def test_times_that_are_no_numbers_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(ValueError, match="a.json"):
        texts(tmp_path / "a.mp4")


def test_a_model_folder_that_does_not_exist_is_refused_at_once() -> None:
    for model in ("/nonexist", "./models/none", "a/b/c"):
        with pytest.raises(ValueError, match=f"captions.model {model} is not a folder"):
            make_captioner(CaptionSettings(by="transformers", model=model))


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (httpx2.ConnectError("no route"), r"the Hub cannot be reached \(ConnectError\)"),
        (httpx2.ReadTimeout("slow"), r"the Hub cannot be reached \(ReadTimeout\)"),
        (OfflineModeIsEnabled("offline"), r"the Hub cannot be reached \(OfflineModeIsEnabled\)"),
        (RepositoryNotFoundError("404", response=NOT_FOUND), r"the Hub refuses the name \(404\)"),
    ],
)
def test_a_model_that_the_hub_does_not_give_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raised: Exception, said: str
) -> None:
    """transformers asks five times, for minutes, and speaks of its cache."""
    asked = []

    def model_info(self: object, name: str, **options: object) -> None:
        asked.append(name)
        raise raised

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    with pytest.raises(ValueError, match=f"captions.model nobody/nothing is not a folder, and {said}"):
        make_captioner(CaptionSettings(by="transformers", model="nobody/nothing"))
    assert asked == ["nobody/nothing"]


def test_a_name_that_the_hub_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="captions.model my model is not a folder, and the Hub refuses the name"):
        make_captioner(CaptionSettings(by="transformers", model="my model"))


def test_a_model_beside_the_settings_is_found(tmp_path: Path) -> None:
    (tmp_path / "models" / "vision").mkdir(parents=True)
    (tmp_path / "c.toml").write_text('name="c"\nfootage="f"\n[captions]\nby="transformers"\nmodel="models/vision"\n')
    assert load(tmp_path / "c.toml").captions.model == str(tmp_path / "models" / "vision")
    text = (tmp_path / "c.toml").read_text().replace("models/vision", "owner/name")
    (tmp_path / "c.toml").write_text(text)
    assert load(tmp_path / "c.toml").captions.model == "owner/name"


def test_pictures_are_taken_evenly() -> None:
    assert spread([b"a", b"b", b"c", b"d", b"e"], 3) == [b"a", b"c", b"e"]
    assert spread([b"a"], 3) == [b"a"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SmolVLM of two thin layers with random weights, its tokenizer trained on a sentence."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import (
        AutoProcessor,
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
        PreTrainedTokenizerFast,
    )

    special = ["<pad>", "<eos>", "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"]
    plain = Tokenizer(models.BPE(unk_token="<pad>"))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    plain.train_from_iterator(["Describe what happens in this video: a red ball bounces on snow. User: "], trainer)
    template = (
        "{% for m in messages %}User:{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>"
        "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<end_of_utterance>{% endfor %}Assistant:"
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>", additional_special_tokens=special[2:]
    )
    size = {"longest_edge": 32}
    images = Idefics3ImageProcessor(size=size, max_image_size=size, do_image_splitting=False)
    processor = Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=template)
    text = {
        "model_type": "llama",
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 1,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    config = Idefics3Config(
        vision_config=vision,
        text_config=text,
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=0,
    )
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    assert AutoProcessor.from_pretrained(folder) is not None
    return folder


def test_a_model_of_transformers_writes_captions(model: Path, tmp_path: Path) -> None:
    settings = CaptionSettings(by="transformers", model=str(model), words=8, pictures=2)
    writer = make_captioner(settings)
    assert isinstance(writer, LocalCaptioner)
    first, again = (writer(tmp_path / "a.mp4", SPAN, PICTURES) for _ in range(2))
    assert first == again and len(first) == 1 and first[0].text  # greedy: the same words each time
    assert (first[0].captioner, first[0].prompt) == (str(model), settings.prompt) and len(first[0].version) == 64


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="captions.model"):
        LocalCaptioner(CaptionSettings(by="transformers", model=str(tmp_path)))


class Handler(BaseHTTPRequestHandler):
    """Answers as a chat server does, or as the model's name says."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body | {"path": self.path, "key": self.headers.get("Authorization")})
        answers = {
            "eyes": (200, {"choices": [{"message": {"content": " A ball bounces. "}}], "model": "eyes-7"}),
            "silent": (200, {"choices": [{"message": {"content": ""}}]}),
            "odd": (200, {"choices": []}),
            "closed": (401, {}),
        }
        code, answer = answers[body["model"]]
        data = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask(url: str, model: str) -> list[Any]:
    return ServerCaptioner(CaptionSettings(by="openai", model=model, url=url, pictures=2))(
        Path("a.mp4"), SPAN, PICTURES
    )


def test_a_server_is_shown_pictures_and_answers(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    Handler.asked.clear()
    (words,) = ask(url, "eyes")
    assert (words.text, words.captioner, words.version) == ("A ball bounces.", "eyes", "eyes-7")
    (asked,) = Handler.asked
    assert (asked["path"], asked["key"]) == ("/v1/chat/completions", "Bearer secret")
    said, *shown = asked["messages"][0]["content"]
    assert said == {"type": "text", "text": CaptionSettings().prompt} and len(shown) == 2
    start, data = shown[0]["image_url"]["url"].split(",")
    assert start == "data:image/jpeg;base64" and base64.b64decode(data) == PICTURES[0]
    assert ask(f"{url}/v1/", "silent") == [] and Handler.asked[-1]["path"] == "/v1/chat/completions"


@pytest.mark.parametrize(("model", "said"), [("odd", "without a message"), ("closed", "401")])
def test_a_server_that_fails_is_named(url: str, model: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ask(url, model)


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="did not answer"):
        ask("http://127.0.0.1:9", "eyes")

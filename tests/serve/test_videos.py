"""Videos over the wire, without a worker: what is entered, what is refused and how, and who sees what."""

from __future__ import annotations

import json
import math

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from serve.conftest import Local, Start, make_picture
from serve.wire import create, folders, refused, url

from langit.serve import protocol
from langit.serve.bodies import nest_fields
from langit.serve.folders import JobFolder
from langit.serve.requests import build_options, build_request
from langit.serve.settings import Limits


def test_a_job_says_what_will_be_made(client: Local) -> None:
    made = create(client, size="48x32", seconds="1", x_seed=7)
    assert made["status"] == "queued" and made["object"] == "video" and made["progress"] == 0
    assert (made["size"], made["seconds"], made["x_seed"], made["x_frames"]) == ("48x32", "1", 7, 8)
    assert made["prompt"] == "a ball" and made["model"] == "tiny"
    assert create(client)["seconds"] == "1.125"  # the model's own
    assert create(client)["x_seed"] != create(client)["x_seed"]
    answer = client.get(f"/v1/videos/{made['id']}")
    assert answer.json() == made and answer.headers["openai-poll-after-ms"]


@pytest.mark.parametrize("sora", ["sora-2", "sora-2-pro", "sora-2-2025-10-06"])
def test_openais_model_names_stand_for_the_default(client: Local, sora: str) -> None:
    assert create(client, model=sora)["model"] == "tiny"


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"size": "720x1280"}, "size", "use 32x32, 48x32"),
        ({"size": "large"}, "size", "use 32x32, 48x32"),
        ({"size": "0x0"}, "size", "use 32x32"),
        ({"size": "32x32x9"}, "size", "use 32x32"),
        ({"size": "٣٢x٣٢"}, "size", "use 32x32"),
        ({"seconds": "12"}, "seconds", "use 0.125 to 1.125 in steps of 0.125"),
        ({"seconds": 0}, "seconds", "use 0.125"),
        ({"seconds": -4}, "seconds", "use 0.125"),
        ({"seconds": 0.3}, "seconds", "steps of 0.125"),
        ({"seconds": "soon"}, "seconds", "number of seconds"),
        ({"seconds": "nan"}, "seconds", "number of seconds"),
        ({"seconds": True}, "seconds", "number of seconds"),
        ({"seconds": 1e400}, "seconds", "number of seconds"),
        ({"model": "veo-3"}, "model", "use tiny"),
        ({"prompt": ""}, "prompt", "no words"),
        ({"prompt": "x" * 100_000}, "prompt", "shorten it to 1000"),
        ({"prompt": "a\x07b"}, "prompt", "control character"),
        ({"prompt": "a\u202eb"}, "prompt", "control character"),
        ({"prompt": 7}, "prompt", "string"),
        ({"x_negative": "\x00"}, "x_negative", "control character"),
        ({"x_seed": -1}, "x_seed", "greater than or equal to 0"),
        ({"x_seed": 2**63}, "x_seed", "less than or equal"),
        ({"x_steps": 0}, "x_steps", "greater"),
        ({"x_steps": 10**9}, "x_steps", "less"),
        ({"x_guidance": math.inf}, "x_guidance", "finite"),
        ({"x_quality": "best"}, "x_quality", "'fast' or 'full'"),
        ({"x_quality": "fast"}, "x_quality", "no fast preset"),
        ({"x_solver": "rk45"}, "x_solver", "'euler'"),
        ({"x_expand": "chat:m@http://127.0.0.1"}, "x_expand", "'embedded' or 'off'"),
        ({"x_fit": "squeeze"}, "x_fit", "'nearest'"),
        ({"x_characters": ["char_1"]}, "x_characters", "no character"),
        ({"n": 3}, "n", "no field of this request"),
        ({"input_reference": "/etc/passwd"}, "input_reference", "not a file"),
        ({"input_reference": "file:///etc/passwd"}, "input_reference", "fetches nothing"),
        ({"input_reference": "http://169.254.169.254/"}, "input_reference", "fetches nothing"),
        ({"input_reference": {"image_url": "https://example.com/a.png"}}, "input_reference", "fetches nothing"),
        ({"input_reference": {"path": "/etc/passwd"}}, "input_reference", "names no file"),
        ({"input_reference": {"id": "a", "image_url": "b"}}, "input_reference", "names no file"),
        ({"input_reference": {"file_id": "file-123"}}, "input_reference", "not a file"),
        ({"input_reference": {"id": "video_/../../etc"}}, "input_reference", "no video"),
        ({"input_reference": 7}, "input_reference", "not a file"),
        ({"input_reference": "data:image/png;base64,%%%"}, "input_reference", "base64"),
        ({"input_reference": "data:text/plain,hello"}, "input_reference", "base64"),
        ({"input_reference": url(b"")}, "input_reference", "empty"),
        ({"input_reference": url(b"no picture at all")}, "input_reference", "not a video"),
        ({"x_last": url(b"cos\nsystem\n(S'id'\ntR.")}, "x_last", "not a picture"),  # a pickle
        ({"input_reference": url(make_picture(64, 64))}, "input_reference", "x_fit"),
        ({"input_reference": url(make_picture(101, 100))}, "input_reference", "more than 10,000 pixels"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    client: Local, fields: dict[str, object], param: str, words: str
) -> None:
    text = json.dumps({"prompt": "a ball", **fields})
    error = refused(client.post("/v1/videos", content=text, headers={"content-type": "application/json"}))
    assert error["param"] == param and words in error["message"]
    assert folders(client) == []
    assert client.get("/v1/videos").json()["data"] == []


def test_no_request_of_a_refused_kind_reaches_the_network(client: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def forbid(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", forbid)
    monkeypatch.setattr(socket, "getaddrinfo", forbid)
    for target in ("http://localhost/a", "https://example.com/a.mp4", "ftp://x/y", "concat:a|b", "subfile,,start,0:"):
        for field in ("input_reference", "x_last"):
            refused(client.post("/v1/videos", json={"prompt": "a ball", field: target}))
        refused(client.post("/v1/videos/edits", json={"prompt": "a ball", "video": {"video_url": target}}))


@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1/</BaseURL></MPD>",
    ],
)
def test_a_video_that_names_other_files_opens_none(client: Local, playlist: bytes) -> None:
    answer = client.post("/v1/videos/edits", data={"prompt": "a ball"}, files={"video": ("a.mp4", playlist)})
    assert "not a video" in refused(answer)["message"]


def test_sizes_and_lengths_are_mapped_where_that_is_asked_for(client: Local, start: Start) -> None:
    made = create(client, size="1280x720", seconds="12", x_fit="nearest")
    assert (made["size"], made["seconds"], made["x_size"]) == ("48x32", "1.125", "48x32")
    assert made["x_notes"] == [
        "size 1280x720 became 48x32, the nearest that tiny makes",
        "seconds 12 became 1.125, the nearest that tiny makes",
    ]
    old = start(map_sizes=True)
    for size in ("720x1280", "1280x720", "1024x1792", "1792x1024"):
        for seconds in ("4", "8", "12"):
            assert len(create(old, size=size, seconds=seconds)["x_notes"]) == 2  # type: ignore[arg-type]


def test_both_encodings_of_both_kinds_of_file_arrive(client: Local, picture: bytes) -> None:
    answers = [
        client.post("/v1/videos", json={"prompt": "a ball", "input_reference": {"image_url": url(picture)}}),
        client.post("/v1/videos", json={"prompt": "a ball", "input_reference": url(picture)}),
        client.post("/v1/videos", data={"prompt": "a ball"}, files={"input_reference": ("../../x.png", picture)}),
        client.post("/v1/videos", data={"prompt": "a ball", "input_reference[image_url]": url(picture)}),
        client.post("/v1/videos", files={"prompt": (None, "a ball"), "input_reference": (None, url(picture))}),
        client.post(
            "/v1/videos",
            files={"prompt": (None, "a ball"), "input_reference": (None, json.dumps({"image_url": url(picture)}))},
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        folder = JobFolder.of(client.services.settings, answer.json()["id"])
        (stored,) = folder.inputs.iterdir()
        assert stored.read_bytes() == picture and stored.name == "0-input_reference.png"


def test_openais_client_sends_what_the_server_reads(client: Local, picture: bytes) -> None:
    ask = openai.OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none", http_client=client)  # type: ignore[arg-type]
    first = ask.videos.create(prompt="a ball", size="32x32", seconds="1", extra_body={"x_seed": 3})  # type: ignore[arg-type]
    assert first.status == "queued" and first.model_extra is not None and first.model_extra["x_seed"] == 3
    ask.videos.create(prompt="a ball", input_reference=("a.png", picture, "image/png"))
    ask.videos.create(prompt="a ball", extra_body={"input_reference": {"image_url": url(picture)}})
    ask.videos.create(prompt="a ball", extra_body={"input_reference[image_url]": url(picture)})
    assert ask.videos.retrieve(first.id) == first
    page = ask.videos.list(limit=3, order="asc")
    assert page.data[0] == first and page.has_more
    assert len(list(ask.videos.list(limit=2))) == 4
    assert ask.videos.delete(first.id).deleted
    with pytest.raises(openai.NotFoundError):
        ask.videos.retrieve(first.id)
    with pytest.raises(openai.ConflictError, match="wait until"):
        ask.videos.download_content(page.data[1].id)


def test_what_the_web_writes_the_worker_reads(client: Local, clip: bytes, picture: bytes) -> None:
    cards = [{"start": 0, "end": 0.5, "text": "a ball"}, {"at": 0.75, "image": url(picture)}]
    bodies = {
        "generate": ("", {"prompt": "a ball", "input_reference": url(picture), "x_last": url(picture)}),
        "minute": ("", {"prompt": "a ball", "seconds": 4, "x_long": True}),
        "edit": ("/edits", {"prompt": "a ball", "video": url(clip), "x_strength": 0.3}),
        "inpaint": ("/edits", {"prompt": "a ball", "video": url(clip), "x_mask": url(picture)}),
        "extend": ("/extensions", {"prompt": "", "video": url(clip), "seconds": "1", "x_before": True}),
        "loop": ("/loops", {"video": url(clip), "seconds": 0.5}),
        "connect": ("/connections", {"video": url(clip), "x_second": url(clip), "x_blend": 0.5}),
        "storyboard": ("/storyboards", {"seconds": 2, "x_cards": cards, "x_style": "at night"}),
    }
    for ability, (path, body) in bodies.items():
        answer = client.post(f"/v1/videos{path}", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["x_ability"] == ability
        job = client.services.jobs.find(answer.json()["id"])
        assert job is not None
        request = build_request(job.request, JobFolder.of(client.services.settings, job.id).inputs)
        request.check()
        assert request.ability == ability and build_options(job.request).strict is False
    continued = client.post("/v1/videos", data={"prompt": "a ball", "seconds": "1"}, files={"input_reference": clip})
    assert continued.json()["x_ability"] == "extend"


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/edits", {"prompt": "a ball"}, "video"),
        ("/edits", {"prompt": "a ball", "video": "CLIP", "x_strength": 0}, "greater than 0"),
        ("/extensions", {"video": "CLIP"}, "seconds"),
        ("/connections", {"video": "CLIP", "x_second": "CLIP", "x_blend": 0.5, "seconds": 1}, "exclude"),
        ("/storyboards", {"seconds": 1, "x_cards": []}, "at least 1"),
        ("/storyboards", {"seconds": 1, "x_cards": [{"at": 0}]}, "one of text, image and video"),
        ("/storyboards", {"seconds": 1, "x_cards": [{"start": 0, "text": "a ball"}]}, "needs an end"),
        ("/storyboards", {"seconds": 1, "x_cards": [{"start": 0, "end": 3, "text": "a ball"}]}, "after the video"),
        (
            "/storyboards",
            {"seconds": 2, "x_cards": [{"start": 0, "end": 1, "text": "a"}, {"start": 0.5, "end": 1, "text": "b"}]},
            "overlap",
        ),
    ],
)
def test_what_begins_with_a_video_is_checked(
    client: Local, clip: bytes, path: str, body: dict[str, object], words: str
) -> None:
    filled = {name: url(clip) if value == "CLIP" else value for name, value in body.items()}
    assert words in refused(client.post(f"/v1/videos{path}", json=filled))["message"]
    assert folders(client) == []


def test_large_bodies_are_refused_before_they_are_read(client: Local, clip: bytes) -> None:
    read = 0

    def endless() -> object:
        nonlocal read
        for _ in range(1 << 20):  # a gigabyte, if anybody reads it
            read += 1024
            yield b"x" * 1024

    answer = client.post("/v1/videos", content=b"", headers={"content-length": "1000000000"})
    assert refused(answer, 413)["code"] == "request_too_large"
    for kind in ("application/json", "multipart/form-data; boundary=b"):
        answer = client.post("/v1/videos", content=endless(), headers={"content-type": kind})  # type: ignore[arg-type]
        assert answer.status_code in (400, 413)
    assert folders(client) == []


def test_a_video_that_is_larger_inside_than_outside_is_refused(start: Start, clip: bytes) -> None:
    for limits, words in (
        (Limits(pixels=1000), "more than 1,000 pixels"),
        (Limits(duration=0.5), "lasts more than 0.5 s"),
    ):
        strict = start(limits=limits)
        answer = strict.post("/v1/videos/edits", data={"prompt": "a ball"}, files={"video": ("a.mp4", clip)})
        assert words in refused(answer)["message"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b'{"a":' * 5000, "application/json", 400),
        (b"a" * 100, "multipart/form-data; boundary=b", 400),
        (b"a" * 100, "multipart/form-data", 400),
        (b"prompt", "text/plain", 415),
        (b"x", "application/x-python-pickle", 415),
    ],
)
def test_bodies_that_are_none_are_refused(client: Local, body: bytes, kind: str, status: int) -> None:
    refused(client.post("/v1/videos", content=body, headers={"content-type": kind}), status)


@given(some.lists(some.tuples(some.text(max_size=20), some.text(max_size=20)), max_size=8))
def test_any_form_is_nested_or_refused(items: list[tuple[str, str]]) -> None:
    from langit.serve.errors import ApiError

    try:
        assert isinstance(nest_fields(list(items)), dict)
    except ApiError as error:
        assert error.status == 400


JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(max_size=30),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.sampled_from(sorted({*protocol.CreateVideo.model_fields, "other"})), JSON)
def test_every_field_with_any_value_is_taken_or_refused(client: Local, name: str, value: object) -> None:
    answer = client.post("/v1/videos", json={"prompt": "a ball", "x_seed": 1, name: value})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        assert client.delete(f"/v1/videos/{answer.json()['id']}").status_code == 200
    else:
        refused(answer)
    assert folders(client) == []


def test_models_say_what_they_make(client: Local) -> None:
    (model,) = client.get("/v1/models").json()["data"]
    assert model["id"] == "tiny" and model["x_sizes"] == ["32x32", "48x32"]
    assert model["x_seconds"] == {"default": 1.125, "least": 0.125, "most": 1.125, "step": 0.125}
    assert client.get("/v1/models/tiny").json() == model
    refused(client.get("/v1/models/other"), 404)

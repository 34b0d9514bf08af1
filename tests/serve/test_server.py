"""A server with its worker: from the request to the file, cut off in the middle, cancelled, and asked to end."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import time
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
from PIL import Image
from safetensors import safe_open
from serve.running import RunningServer

from langit import Studio, video
from langit.files import sha256
from langit.release.credentials.read import read
from langit.serve.folders import JobFolder
from langit.serve.settings import ServeSettings
from langit.studio import StudioOptions
from langit.studio.text_requests import GenerateRequest

SLOW_STEPS = 400
"""Steps that take seconds, so that something can happen in the middle."""


def folder(server: RunningServer, name: str) -> JobFolder:
    return JobFolder.of(ServeSettings(home=server.home), name)


def entries(server: RunningServer, name: str) -> int:
    """Entries of a job's file in the ledger."""
    digest = sha256(folder(server, name).output("video"))
    return sum(output.content_sha256 == digest for output in server.entries())


def test_openais_client_makes_a_video(server: RunningServer, tmp_path: Path) -> None:
    ask, before = server.openai, len(server.entries())
    made = ask.videos.create_and_poll(
        prompt="a red ball on snow",
        size="48x32",
        seconds="1",
        poll_interval_ms=50,
        extra_body={"x_seed": 7},  # type: ignore[arg-type]
    )
    assert (made.status, made.progress, made.size, made.seconds) == ("completed", 100, "48x32", "1")
    assert made.completed_at is not None and made.expires_at is not None and made.error is None
    extra = made.model_extra or {}
    provenance = extra["x_provenance"]
    data = ask.videos.download_content(made.id)
    assert data.response.headers["content-type"] == "video/mp4"
    path = tmp_path / "made.mp4"
    path.write_bytes(data.content)
    assert sha256(path) == provenance["sha256"]
    (entry,) = server.entries()[before:]
    assert entry.content_sha256 == provenance["sha256"] and entry.digest == provenance["entry"]
    assert read(path) is not None  # signed
    info = video.probe(path)
    assert (info.width, info.height, info.frames, info.fps) == (48, 32, 8, 8)
    for variant, size in (("thumbnail", (48, 32)), ("spritesheet", (192, 64))):
        shown = ask.videos.download_content(made.id, variant=variant)  # type: ignore[arg-type]
        with Image.open(io.BytesIO(shown.content)) as picture:
            assert picture.size == size and "Langit" in picture.text["Comment"]  # type: ignore[attr-defined]
    # What lay in the job's folder besides is gone.
    assert {each.name for each in folder(server, made.id).path.iterdir()} <= {
        "video.mp4",
        "thumbnail.png",
        "spritesheet.png",
        ".stills.lock",
    }
    remixed = ask.videos.remix(made.id, prompt="a blue cube")
    assert remixed.remixed_from_video_id == made.id
    finished = server.finish(remixed.id)
    assert finished["status"] == "completed" and finished["x_provenance"]["parents"] == [provenance["sha256"]]


def test_the_pixels_are_those_of_the_command_line(server: RunningServer, model: Path, tmp_path: Path) -> None:
    name = server.create(x_seed=11, x_expand="off", x_steps=3)
    assert server.finish(name)["status"] == "completed"
    studio = Studio(model)
    (job,) = studio.prepare(GenerateRequest(prompt="a red ball on snow"), StudioOptions(expand="off", steps=3), [11])
    job.run(tmp_path / "alone.mp4")
    assert (video.read(tmp_path / "alone.mp4") == video.read(folder(server, name).output("video"))).all()


def test_parts_of_a_file_can_be_asked_for(server: RunningServer) -> None:
    name = server.create()
    server.finish(name)
    url = f"{server.url}/v1/videos/{name}/content"
    whole = httpx.get(url).content
    part = httpx.get(url, headers={"range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == whole[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert httpx.get(url, headers={"range": f"bytes={len(whole)}-"}).status_code == 416


def test_progress_is_streamed(server: RunningServer) -> None:
    name = server.create(x_steps=SLOW_STEPS)
    kinds: list[str] = []
    pictures = 0
    with httpx.stream("GET", f"{server.url}/v1/videos/{name}/events", timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            if line.startswith("data: ") and kinds[-1] == "preview":
                shown = httpx.get(server.url + json.loads(line.removeprefix("data: "))["url"])
                pictures += shown.status_code == 200 and shown.content.startswith(b"\x89PNG")
    assert kinds[-1] == "done" and kinds.count("done") == 1 and kinds.count("video") >= 3 and pictures >= 1


def test_images_are_answered_when_they_are_done(server: RunningServer) -> None:
    answer = server.openai.images.generate(prompt="a red ball", size="32x32", n=2, extra_body={"x_seed": 3})  # type: ignore[arg-type]
    assert answer.data is not None and len(answer.data) == 2
    pictures = []
    for item in answer.data:
        with Image.open(io.BytesIO(base64.b64decode(item.b64_json or ""))) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    assert pictures[0].shape == (32, 32, 3) and (pictures[0] != pictures[1]).any()
    by_url = server.openai.images.generate(prompt="a red ball", size="32x32", response_format="url")  # type: ignore[arg-type]
    assert by_url.data is not None and by_url.data[0].url is not None
    assert httpx.get(server.url + by_url.data[0].url).headers["content-type"] == "image/png"
    kept = httpx.get(f"{server.url}/v1/images?limit=3").json()["data"]  # they are there for the next page, too
    assert len(kept) == 3 and kept[0]["url"] == by_url.data[0].url and kept[0]["status"] == "completed"
    assert httpx.delete(server.url + kept[0]["url"].removesuffix("/content")).status_code == 200
    assert httpx.get(server.url + by_url.data[0].url).status_code == 404


def test_litellm_makes_a_video(server: RunningServer) -> None:
    import litellm

    where = {"api_base": f"{server.url}/v1", "api_key": "none", "custom_llm_provider": "openai"}
    made = litellm.video_generation(model="openai/sora-2", prompt="a red ball on snow", seconds="1", **where)
    server.until(lambda: litellm.video_status(video_id=made.id, **where).status == "completed")
    assert litellm.video_content(video_id=made.id, **where)[4:8] == b"ftyp"


def test_a_refused_prompt_fails_with_its_reason(server: RunningServer) -> None:
    made = server.finish(server.create(prompt="a naked child on a beach"))
    assert made["status"] == "failed" and made["error"]["code"] == "moderation_blocked"
    assert str(server.home) not in json.dumps(made)


def test_what_only_the_worker_can_judge_fails_in_words(server: RunningServer) -> None:
    made = server.finish(server.create(prompt="ein roter Ball и снег", x_expand="off"))
    assert made["status"] == "failed" and made["error"]["code"] == "invalid_request"
    assert "Cyrillic" in made["error"]["message"]


def test_deleting_cancels_what_runs_within_a_step(server: RunningServer) -> None:
    name, before = server.create(x_steps=1000), len(server.entries())
    server.until(lambda: server.get(name)["x_step"] > 3)
    assert httpx.delete(f"{server.url}/v1/videos/{name}").json()["deleted"] is True
    server.until(lambda: not folder(server, name).path.exists(), 10)
    after = server.create(x_steps=1)
    assert server.finish(after)["status"] == "completed"  # the worker is free again
    assert len(server.entries()) == before + 1


def test_a_killed_server_goes_on_where_it_was(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with RunningServer.start(model, home, "--save-every", "0") as first:
        name = first.create(x_steps=SLOW_STEPS, x_seed=5, x_expand="off")
        first.until(lambda: first.get(name)["x_step"] > SLOW_STEPS // 4)
        first.kill()
    reached = 0
    for path in folder(first, name).states.glob("window-*.safetensors"):
        with safe_open(path, "pt") as file:
            reached = max(reached, json.loads(file.metadata()["langit"])["number"])
    assert reached > SLOW_STEPS // 4
    with RunningServer.start(model, home, "--save-every", "0") as second:
        seen = []
        second.until(lambda: (seen.append(second.get(name)["x_step"]), second.get(name)["status"] == "completed")[1])
        assert min(seen) >= SLOW_STEPS // 4  # nothing began anew
        assert len(second.entries()) == entries(second, name) == 1
        log = second.log.read_text()
        assert "a worker died" in log
    studio = Studio(model)
    options = StudioOptions(expand="off", steps=SLOW_STEPS)
    (job,) = studio.prepare(GenerateRequest(prompt="a red ball on snow"), options, [5])
    job.run(tmp_path / "alone.mp4")
    assert (video.read(tmp_path / "alone.mp4") == video.read(folder(first, name).output("video"))).all()


@pytest.mark.slow
def test_a_server_that_is_asked_to_end_saves_what_runs(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with RunningServer.start(model, home, "--grace", "0.2", "--save-every", "3600") as first:
        name = first.create(x_steps=1000)
        first.until(lambda: first.get(name)["x_step"] > 10)
        begun = time.monotonic()
        assert first.end() == 0
        assert time.monotonic() - begun < 15
        assert list(folder(first, name).states.glob("*.safetensors"))
    with RunningServer.start(model, home, "--grace", "60") as second:
        second.until(lambda: second.get(name)["x_step"] > 10)
        short = second.create(x_steps=1)
        assert second.get(short)["status"] == "queued"
        httpx.delete(f"{second.url}/v1/videos/{name}")
        assert second.finish(short)["status"] == "completed"
        begun = time.monotonic()
        assert second.end() == 0 and time.monotonic() - begun < 15  # nothing to wait for


@pytest.mark.slow
def test_a_worker_that_dies_is_started_again(model: Path, tmp_path: Path) -> None:
    with RunningServer.start(model, tmp_path / "home", "--save-every", "0") as running:
        name = running.create(x_steps=SLOW_STEPS)
        running.until(lambda: running.get(name)["x_step"] > 5)
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
        (worker,) = (int(child) for child in children)
        os.kill(worker, signal.SIGKILL)
        assert running.finish(name)["status"] == "completed"
        assert len(running.entries()) == 1


def test_keys_take_turns(server: RunningServer) -> None:
    # One owner here: its jobs come in the order in which they were asked for. tests/serve/test_queue.py has several.
    names = [server.create(x_steps=1) for _ in range(3)]
    ended = [server.finish(name)["completed_at"] for name in names]
    assert ended == sorted(ended)


def test_figures_and_logs_say_what_happens(server: RunningServer) -> None:
    server.finish(server.create(prompt="a very particular ball"))
    time.sleep(2.5)  # a heartbeat
    text = httpx.get(f"{server.url}/metrics").text
    for name in (
        "langit_queue_depth",
        "langit_jobs_running",
        "langit_workers 1.0",
        'langit_jobs_ended_total{status="completed"}',
        "langit_step_seconds_bucket",
        "langit_sampling_seconds_sum",
        "langit_release_seconds_count",
    ):
        assert name in text
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any(line["message"] == "job ends" for line in lines)
    assert any(line["message"] == "request" and line["path"] == "/v1/videos" for line in lines)
    assert "particular" not in server.log.read_text()


def test_clients_that_hang_up_do_no_harm(server: RunningServer) -> None:
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(server.url)
    post = f"POST /v1/videos HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    name = server.create(x_steps=SLOW_STEPS)
    for text in (
        f"GET /v1/videos/{name}/events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n",
        post + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GARBAGE\r\n\r\n",
        f"POST /v1/images/generations HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        'Content-Length: 27\r\n\r\n{"prompt":"a hung up ball"}',
    ):
        with socket.create_connection((parts.hostname or "", parts.port or 80)) as open_socket:
            open_socket.sendall(text.encode())
            time.sleep(0.2)
    assert server.finish(name)["status"] == "completed"
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    assert "Traceback" not in server.log.read_text()


def test_errors_are_those_that_openais_client_knows(server: RunningServer) -> None:
    ask = server.openai
    for wrong in ({"size": "720x1280"}, {"seconds": "12"}, {"model": "other"}):
        with pytest.raises(openai.BadRequestError) as error:
            ask.videos.create(prompt="a ball", **wrong)  # type: ignore[arg-type]
        assert error.value.param == next(iter(wrong)) and error.value.type == "invalid_request_error"
    with pytest.raises(openai.NotFoundError):
        ask.videos.download_content("video_none")

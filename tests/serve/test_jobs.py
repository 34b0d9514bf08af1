"""Jobs over the wire, without a worker: sent twice, listed, deleted, too many, and on a full disk."""

from __future__ import annotations

import json

import httpx
import openai
import pytest
from serve.conftest import Local, Start, make_picture
from serve.wire import create, folders, refused, url

from langit.serve.jobs import NewJob, new_id
from langit.serve.settings import Limits


def test_a_key_gives_one_job(client: Local, picture: bytes) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/v1/videos", json={"prompt": "a ball", "size": "32x32"}, headers=headers).json()
    again = client.post("/v1/videos", json={"size": "32x32", "prompt": "a ball"}, headers=headers).json()
    assert again["id"] == first["id"]
    other = client.post("/v1/videos", json={"prompt": "a cube"}, headers=headers)
    assert refused(other, 409)["code"] == "idempotency_key_reused"
    bad = client.post("/v1/videos", json={"prompt": "a ball", "size": "1x1"}, headers={"Idempotency-Key": "k2"})
    assert bad.status_code == 400  # and is not remembered
    good = client.post("/v1/videos", json={"prompt": "a ball"}, headers={"Idempotency-Key": "k2"})
    assert good.status_code == 200
    # Files count by their bytes, whatever the form's boundaries.
    sent = [
        client.post(
            "/v1/videos", data={"prompt": "a"}, files={"input_reference": data}, headers={"Idempotency-Key": "3"}
        )
        for data in (picture, picture, make_picture(48, 32))
    ]
    assert [answer.status_code for answer in sent] == [200, 200, 409]
    assert sent[0].json()["id"] == sent[1].json()["id"]
    assert len(folders(client)) == 1
    refused(client.post("/v1/videos", json={"prompt": "a ball"}, headers={"Idempotency-Key": "k" * 256}))


def test_keys_are_forgotten_after_a_day(client: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/v1/videos", json={"prompt": "a ball"}, headers=headers).json()
    from langit.serve import jobs

    now = jobs.time.time()
    monkeypatch.setattr(jobs.time, "time", lambda: now + 86_401)
    assert client.post("/v1/videos", json={"prompt": "a cube"}, headers=headers).json()["id"] != first["id"]


def test_a_request_that_openais_client_sends_again_is_one_job(client: Local) -> None:
    lost = []

    class Losing(httpx.BaseTransport):
        """Loses the first answer on its way."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = client.request(
                request.method, str(request.url), content=request.read(), headers=dict(request.headers)
            )
            if not lost:
                lost.append(answer)
                return httpx.Response(503, json={"error": {"message": "busy"}})
            return httpx.Response(answer.status_code, content=answer.content)

    import httpx2

    transport: object = Losing()
    ask = openai.OpenAI(
        base_url="http://127.0.0.1:8000/v1",
        api_key="none",
        http_client=_client_of(httpx2, transport),
        max_retries=2,
    )
    made = ask.videos.create(prompt="a ball")
    assert made.id == lost[0].json()["id"]
    assert len(client.get("/v1/videos").json()["data"]) == 1
    # Two that are meant are two.
    ask.videos.create(prompt="a ball")
    assert len(client.get("/v1/videos").json()["data"]) == 2


def _client_of(module: object, transport: object) -> object:
    """OpenAI's client may bring its own HTTP library; the transport speaks to either."""
    inner = transport

    class Bridge(module.BaseTransport):  # type: ignore[name-defined, misc]
        def handle_request(self, request: object) -> object:
            old = httpx.Request(
                request.method,  # type: ignore[attr-defined]
                str(request.url),  # type: ignore[attr-defined]
                headers=list(request.headers.items()),  # type: ignore[attr-defined]
                content=request.read(),  # type: ignore[attr-defined]
            )
            answer = inner.handle_request(old)  # type: ignore[attr-defined]
            return module.Response(answer.status_code, content=answer.content)  # type: ignore[attr-defined]

    return module.Client(transport=Bridge())  # type: ignore[attr-defined]


def test_lists_go_on_where_they_ended(client: Local) -> None:
    names = [str(create(client)["id"]) for _ in range(5)]
    seen, after = [], None
    while True:
        page = client.get(
            "/v1/videos", params={"limit": 2, "order": "asc", **({"after": after} if after else {})}
        ).json()
        seen += [video["id"] for video in page["data"]]
        after = page["last_id"]
        if not page["has_more"]:
            break
    assert seen == names
    client.delete(f"/v1/videos/{names[2]}")
    rest = client.get("/v1/videos", params={"after": names[2], "order": "asc"}).json()
    assert [video["id"] for video in rest["data"]] == names[3:]  # a deleted one still says where
    for wrong in ("video_of_nobody", "image_1", "' OR 1=1"):
        assert refused(client.get("/v1/videos", params={"after": wrong}))["code"] == "invalid_cursor"
    for limit in (0, -1, 101, "many"):
        refused(client.get("/v1/videos", params={"limit": limit}))
    refused(client.get("/v1/videos", params={"order": "random"}))


def test_images_have_a_list_of_their_own(client: Local) -> None:
    video = create(client)["id"]
    jobs, limits = client.services.jobs, client.services.settings.limits
    names = [new_id("image") for _ in range(3)]
    for name in names:
        shown = {"prompt": "a ball", "x_ability": "image"}
        jobs.create("local", NewJob("image", "tiny", {"arguments": {}}, shown, id=name), limits)
    page = client.get("/v1/images", params={"limit": 2}).json()
    assert [image["id"] for image in page["data"]] == names[:0:-1] and page["has_more"]
    assert {image["object"] for image in page["data"]} == {"image"}
    rest = client.get("/v1/images", params={"after": page["last_id"]}).json()
    assert [image["id"] for image in rest["data"]] == names[:1] and not rest["has_more"]
    assert [one["id"] for one in client.get("/v1/videos").json()["data"]] == [video]
    assert client.get(f"/v1/images/{names[0]}").json()["prompt"] == "a ball"
    # Neither passes for the other.
    assert "no image of this list" in refused(client.get("/v1/images", params={"after": video}))["message"]
    refused(client.get("/v1/videos", params={"after": names[0]}))
    for path in ("", "/content", "/events", "/preview", "/nearest"):
        refused(client.get(f"/v1/videos/{names[0]}{path}"), 404)
    refused(client.get(f"/v1/images/{video}"), 404)
    refused(client.delete(f"/v1/videos/{names[0]}"), 404)
    deleted = {"id": names[0], "object": "image.deleted", "deleted": True}
    assert client.delete(f"/v1/images/{names[0]}").json() == deleted
    refused(client.get(f"/v1/images/{names[0]}"), 404)


def test_deleting_cancels_and_forgets(client: Local, picture: bytes) -> None:
    made = create(client, input_reference=url(picture))
    assert len(folders(client)) == 1
    assert client.delete(f"/v1/videos/{made['id']}").json() == {
        "id": made["id"],
        "object": "video.deleted",
        "deleted": True,
    }
    assert folders(client) == []
    for path in ("", "/content", "/events", "/preview"):
        refused(client.get(f"/v1/videos/{made['id']}{path}"), 404)
    refused(client.delete(f"/v1/videos/{made['id']}"), 404)
    refused(client.post(f"/v1/videos/{made['id']}/remix", json={"prompt": "a cube"}), 404)
    job = client.services.jobs.find(str(made["id"]))
    assert job is not None and job.cancelled and "ball" not in json.dumps([job.request, job.shown])


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "%00", "a" * 500, "video_x", "'", "{}", "é"])
def test_odd_ids_are_not_found(client: Local, name: str) -> None:
    for path in (f"/v1/videos/{name}", f"/v1/videos/{name}/content", f"/v1/images/{name}/content"):
        assert refused(client.get(path), 404)["type"] == "not_found_error"


def test_a_key_may_have_only_so_many_waiting(start: Start) -> None:
    strict = start(limits=Limits(waiting=2))
    names = [create(strict)["id"] for _ in range(2)]
    answer = strict.post("/v1/videos", json={"prompt": "a ball"})
    assert refused(answer, 429)["code"] == "too_many_waiting" and answer.headers["retry-after"]
    strict.delete(f"/v1/videos/{names[0]}")
    create(strict)
    daily = start(limits=Limits(jobs_per_day=2))
    assert refused(daily.post("/v1/videos", json={"prompt": "a ball"}), 429)["code"] == "quota_exceeded"


def test_without_a_worker_nothing_is_entered(start: Start) -> None:
    empty = start(card=False)
    assert empty.get("/readyz").status_code == 503 and empty.get("/healthz").status_code == 200
    answer = empty.post("/v1/videos", json={"prompt": "a ball"})
    assert refused(answer, 503)["code"] == "not_ready" and answer.headers["retry-after"]
    assert empty.get("/v1/videos").json()["data"] == []


def test_a_full_disk_is_said_and_leaves_nothing(client: Local, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from langit.serve import media

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/place")

    monkeypatch.setattr(media, "_write", full)
    answer = client.post("/v1/videos", json={"prompt": "a ball", "input_reference": url(picture)})
    assert refused(answer, 507)["code"] == "disk_full" and "secret" not in answer.text
    assert folders(client) == [] and client.get("/v1/videos").json()["data"] == []

"""The pages in a browser: from typing to the playing video, at both sizes, in both languages, light and dark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from serve.running import RunningServer
from serve.scanning import scan

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
WAIT = 120_000.0
"""Milliseconds for a job on a busy machine."""
PROMPT = "a red ball bounces on snow at sunset"
SHOWN = "() => document.querySelector('video.made')?.src.includes(document.querySelector('.card').id.slice(5))"
WATCH = """new MutationObserver(() => { if (document.querySelector("[role=progressbar]")) window.sawProgress = true; })
    .observe(document, { childList: true, subtree: true })"""
PLAYS = "element => element.readyState >= 2 && !element.paused && element.currentTime > 0"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def open_page(browser: Browser, server: RunningServer, path: str = "/", **options: Any) -> Page:
    """A page of a new visitor, who sees no error in the console."""
    values = {"viewport": DESK, "locale": "en-GB", "color_scheme": "light", **options}
    page = browser.new_context(**values).new_page()
    page.set_default_timeout(WAIT)
    page.add_init_script(WATCH)
    errors: list[str] = []
    page.errors = errors  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(server.url + path)
    return page


def make_video(page: Page, prompt: str = PROMPT) -> None:
    """Type, press, wait, and see it play."""
    before = page.locator(".card").count()
    page.fill("#prompt", prompt)
    page.click("#go")
    page.wait_for_function(f"() => document.querySelectorAll('.card').length > {before}")
    page.wait_for_function(SHOWN)
    assert page.evaluate("window.sawProgress"), "it was quicker than a poll, and not quicker than an observer"
    page.wait_for_function(f"() => ({PLAYS})(document.querySelector('video.made'))")


FLAWS = """<!doctype html><html><body><h1>Flaws</h1><h3>skipped</h3><main><button></button><input id="a"><input id="a">
<img src="x"><p style="color:#999;background:#fff">pale</p><select></select><div style="width:3000px">wide</div>
<p>one</p><p>two</p><p aria-labelledby="absent">three</p><b tabindex="3">four</b></main></body></html>"""


def test_the_scan_sees_flaws(browser: Browser) -> None:
    page = browser.new_context(viewport=DESK).new_page()
    page.set_content(FLAWS)
    found = "\n".join(scan(page))
    for flaw in (
        "no name: button",
        "no name: input#a",
        "no name: select",
        "no alt",
        "id given twice: a",
        "skips a level",
    ):
        assert flaw in found
    for flaw in ("contrast 2.85: pale", "wider than the window", "no language", "names nothing", "tab order is forced"):
        assert flaw in found


@pytest.mark.parametrize(
    ("viewport", "scheme", "locale"),
    [(DESK, "light", "en-GB"), (DESK, "dark", "id-ID"), (PHONE, "dark", "en-GB"), (PHONE, "light", "id-ID")],
)
def test_from_typing_to_the_playing_video(
    browser: Browser, server: RunningServer, viewport: dict[str, int], scheme: str, locale: str
) -> None:
    page = open_page(browser, server, viewport=viewport, color_scheme=scheme, locale=locale)
    page.wait_for_selector("#go:enabled")
    assert page.evaluate("document.documentElement.lang") == locale[:2]
    page.fill("#prompt", "a red zeppelin bounces on snow")
    page.wait_for_selector(".lost, .known, .told .hint")
    assert scan(page) == []
    make_video(page)
    page.wait_for_selector(".clips figure, .nearest > .hint")
    expect(page.locator(".credentials")).to_contain_text("tiny")
    assert page.locator("video.made").bounding_box()["width"] >= min(300, viewport["width"] - 60)
    page.click(".credentials summary")
    assert scan(page) == []
    page.reload()
    page.wait_for_selector(".card img")
    page.wait_for_selector("video.made")
    assert page.errors == []


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_every_ability_has_a_form_without_flaws(browser: Browser, server: RunningServer, viewport: dict) -> None:
    page = open_page(browser, server, viewport=viewport)
    page.wait_for_selector("#go:enabled")
    make_video(page)
    for name in ("text", "image", "extend", "loop", "connect", "edit", "inpaint", "storyboard"):
        page.click(f"#tab-{name}")
        page.locator("#ability > details.more summary").click() if name == "text" else None
        expect(page.locator(f"#tab-{name}")).to_have_attribute("aria-selected", "true")
        assert scan(page) == [], name


def test_a_video_goes_on_as_clip_board_and_mask(browser: Browser, server: RunningServer) -> None:
    page = open_page(browser, server)
    page.wait_for_selector("#go:enabled")
    make_video(page)

    def press(note: str) -> None:
        before = page.locator(".card").count()
        page.click("#go")
        page.wait_for_function(f"() => document.querySelectorAll('.card').length > {before}")
        page.wait_for_selector("video.made, .broken")
        assert page.locator(".broken").count() == 0, (note, page.locator("#shown").inner_text())

    page.click(".acts button:has-text('Extend')")
    press("extend")
    page.click(".acts button:has-text('Inpaint')")
    page.wait_for_function("() => document.querySelector('#brush').dataset.factor")
    box = page.locator("#brush").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 90, steps=4)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('#brush-said').textContent.includes('Marked')")
    page.fill("#prompt", PROMPT)
    press("inpaint")
    page.click("#tab-storyboard")
    page.fill("#board-seconds", "2")
    page.press("#board-seconds", "Tab")
    page.fill("#card-text-0", PROMPT)
    page.fill("#card-text-1", "a blue cube stands on sand")
    page.focus(".block >> nth=0")
    page.keyboard.press("Shift+ArrowLeft")
    press("storyboard")
    page.click("#tab-image")
    page.fill("#prompt", PROMPT)
    page.click("#go")
    page.wait_for_selector("img.made")
    before = page.locator(".card").count()
    page.evaluate("localStorage.clear()")  # the gallery is the server's, pictures too
    page.reload()
    page.wait_for_selector("img.made")
    assert page.locator(".card").count() == before
    page.click(".acts button:has-text('Delete')")
    page.click("#sure button[value=yes]")
    page.wait_for_function(f"() => document.querySelectorAll('.card').length === {before - 1}")
    assert page.errors == []


def test_the_server_speaks_the_language_of_the_page(browser: Browser, server: RunningServer) -> None:
    page = open_page(browser, server)
    page.wait_for_selector("#go:enabled")
    make_video(page)
    page.click(".credentials summary")
    page.select_option("#language", "id")
    page.wait_for_selector("html[lang=id]")
    shown = page.locator(".credentials")
    expect(shown).to_contain_text("tiny tidak memiliki indeks klip latihannya")  # a note of the server's
    page.click("#ability > details.more summary")
    page.fill("#steps", "5000")
    page.click("#go")
    expect(page.locator("#problem")).to_contain_text("harus paling banyak 1000")
    page.goto(server.url + "/rights")
    page.fill("#hash", "ab")
    page.click("#hash-form button")
    expect(page.locator("#problem")).to_contain_text("64 digit heksadesimal")
    assert all("status of 400" in error for error in page.errors)  # what Chromium says of refusals


def test_the_keyboard_alone_makes_a_video(browser: Browser, server: RunningServer) -> None:
    page = open_page(browser, server)
    page.wait_for_selector("#go:enabled")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        if seen[-1] == "go":
            break
    order = [seen.index(name) for name in ("language", "theme", "tab-text", "prompt", "size", "seconds", "go")]
    assert order == sorted(order), seen
    page.focus("#tab-text")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-image"
    page.keyboard.press("Home")
    page.focus("#prompt")
    page.keyboard.type(PROMPT)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("video.made")
    expect(page.locator("#said")).to_have_text("The video is ready")
    assert page.errors == []


def test_a_job_can_be_cancelled_and_deleted(browser: Browser, server: RunningServer) -> None:
    page = open_page(browser, server)
    page.wait_for_selector("#go:enabled")
    make_video(page)
    before = page.locator(".card").count()
    page.click(".acts button:has-text('Delete')")
    assert scan(page) == []
    page.click("#sure button[value=yes]")
    page.wait_for_function(f"() => document.querySelectorAll('.card').length === {before - 1}")
    assert page.errors == []


@pytest.mark.parametrize("viewport", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_public_tools(
    browser: Browser, server: RunningServer, clip: bytes, tmp_path: Path, viewport: dict, scheme: str
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip)
    page = open_page(browser, server, "/detect", viewport=viewport, color_scheme=scheme)
    page.set_input_files("#file", str(path))
    page.wait_for_selector(".verdict")
    expect(page.locator("#said")).not_to_have_text("")
    assert scan(page) == []
    page.goto(server.url + "/rights")
    page.set_input_files("#file", str(path))
    page.wait_for_selector(".verdict")
    page.click("#open-ask")
    page.fill("#name", "Ayu")
    page.fill("#contact", "ayu@example.org")
    assert scan(page) == []
    page.click("#send")
    page.wait_for_selector("#ask-title[tabindex]")
    with page.expect_download() as saved:
        page.click("#ask .primary")
    assert saved.value.suggested_filename.endswith(".tlog-proof")
    page.click("#standing-form button")
    page.wait_for_function("() => document.querySelector('#standing').textContent.startsWith('Open')")
    assert page.errors == []


def test_a_key_logs_in(browser: Browser, model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {**os.environ, "LANGIT_HOME": str(home)}
    command = [sys.executable, "-m", "langit", "serve", "keys", "add", "ayu"]
    key = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    with RunningServer.start(model, home, key=key) as server:
        page = open_page(browser, server)
        page.wait_for_selector("#login[open]")
        assert scan(page) == []
        page.fill("#key", "wrong")
        page.click("#login button")
        page.wait_for_selector("#login-problem:not([hidden])")
        page.fill("#key", key)
        page.click("#login button")
        page.wait_for_selector("#go:enabled")
        make_video(page)

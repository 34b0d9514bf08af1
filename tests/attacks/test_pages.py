"""Pages and notebooks that show what strangers wrote run none of it: scripts in every field."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import torch
from release.leaving import FACTS, clip

from langit.curate.captions import WrittenCaption
from langit.curate.funnel import html_page
from langit.curate.limits import DropReason
from langit.curate.run import ClipOutcome, CurationResult
from langit.generate.settings import SamplingConfig
from langit.generate.video import Generated
from langit.ledger.derived import Output
from langit.ledger.record import Clip
from langit.release.nearest.clips import SimilarClip
from langit.release.nearest.index import ClipMatch
from langit.release.nearest.show import save_page
from langit.shapes import PixelShape
from langit.studio.result import ReleasedVideo

SCRIPTS = (
    "<script>alert(1)</script>",
    "\"'><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "<svg/onload=alert(4)>",
    "</title></style><script>alert(5)</script>",
    "javascript:alert(6)//' onmouseover='alert(7)",
)
ALLOWED = {
    *("html", "meta", "title", "style", "h1", "h2", "p", "div", "figure", "figcaption", "img", "video", "b", "br"),
    *("span", "table", "tr", "td", "code", "small"),
}


class Elements(HTMLParser):
    """Collects the elements of a page and the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        for name, value in attrs:
            assert name not in ("src", "href") or (value or "").startswith("data:"), (name, value)


def check(page: str) -> None:
    elements = Elements(page)
    assert elements.tags <= ALLOWED
    assert not {name for name in elements.attributes if name.startswith("on")}
    assert "<script" not in page and "<svg" not in page


def test_pages_of_nearest_clips(tmp_path: Path) -> None:
    match = ClipMatch(0, 0.0, 0.9, 0.99, 0.9, None, False, 256, 0.0)
    frames = np.zeros((2, 16, 16, 3), np.uint8)
    for script in SCRIPTS:
        found = [SimilarClip(script, script, script, match, frames, script)]
        found += [SimilarClip(script, "", "", match, None, script)]
        save_page(tmp_path / "a.html", frames, 8.0, script, found)
        check((tmp_path / "a.html").read_text(encoding="utf-8"))


def test_the_page_of_a_curation() -> None:
    for script in SCRIPTS:
        caption = WrittenCaption(script, script, script, script, script)
        clip_record = Clip("ab" * 32, 0, 5, False, (script,), "cd" * 32)
        outcomes = (
            ClipOutcome(script, (0.0, 1.0), None, None, clip_record, (caption,)),
            ClipOutcome(script, None, None, DropReason(script, script, script), None),
        )
        check(html_page(CurationResult(outcomes, None, 1), script))


def test_notebooks_show_generated_and_released_videos(tmp_path: Path) -> None:
    frames = torch.from_numpy(clip(3))
    for script in SCRIPTS:
        check(Generated(frames, 8.0, script, 1, SamplingConfig(), ())._repr_html_())
        facts = replace(FACTS, prompt=script, model=script)
        for name in ("gone.mp4", "here.mp4"):
            path = tmp_path / name
            if name == "here.mp4":
                path.write_bytes(b"any bytes")
            entry = Output("ab" * 32, "cd" * 32, "2026-01-01T00:00:00+00:00")
            check(ReleasedVideo(path, facts, PixelShape(3, 64, 64), (script,), entry)._repr_html_())

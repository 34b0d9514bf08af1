"""An accessibility scan of our own, run inside a page: names, labels, ids, headings, contrast of what is drawn.

It follows WCAG 2.2 (1.1.1, 1.3.1, 1.4.3, 1.4.10, 2.4.6, 2.5.8, 4.1.2) as far as a script can see; ``scan.js`` is it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCAN = (Path(__file__).parent / "scan.js").read_text(encoding="utf-8")


def scan(page: Any) -> list[str]:
    """What is wrong with a page as it is drawn now; it has to have text whose contrast could be computed."""
    result = page.evaluate(SCAN)
    assert result["checked"] >= 5, result
    return list(result["found"])

"""The curation to look at: a page (HTML) and a picture (PNG) of how many came through, which, and why the rest did not.

Knows nothing of how it was decided.
"""

from __future__ import annotations

import base64
import html
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from langit.curate.run import ClipOutcome, CurationResult
from langit.files import atomic_write

_THUMB, _COLUMNS, _LINE, _MARGIN = 200, 6, 14, 8
_PAPER, _INK, _GREEN, _RED, _GREY = (255, 255, 255), (24, 24, 24), (30, 120, 60), (170, 40, 40), (225, 225, 225)
_SHOWN = 60  # thumbnails of each kind on the picture; the page has all
STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #181818; background: #fff; max-width: 76em }
table { border-collapse: collapse; margin: 1em 0 } td { padding: .15em .8em .15em 0 }
.bar { background: #1e783c; height: .9em; display: inline-block } .out { background: #aa2828 }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 1em }
figure { margin: 0 } img, .none { width: 100%; border-radius: 4px; background: #e1e1e1; min-height: 4em }
figcaption { font-size: 12px } .why { color: #aa2828 } .kept { color: #1e783c }
"""


def drop_counts(result: CurationResult) -> list[tuple[str, int]]:
    """How many were dropped by each stage and reason, in the order in which they first appear in the plan."""
    order = ["probe", "hash", "rights", "decode", "shots", "motion", "sharpness", "black bars", "text overlay", "faces"]
    counts = Counter((o.reason.stage, o.reason.reason) for o in result.outcomes if o.reason is not None)
    ranked = sorted(counts, key=lambda key: (order.index(key[0]) if key[0] in order else len(order), key))
    return [(f"{stage}: {reason}", counts[stage, reason]) for stage, reason in ranked]


def html_page(result: CurationResult, title: str) -> str:
    """The HTML, with all pictures inside."""
    total, kept = len(result.outcomes), result.kept
    rows = [("files", result.files, ""), ("clips, or files that gave none", total, "")]
    rows += [(name, count, "out") for name, count in drop_counts(result)] + [("kept", len(kept), "")]
    largest = max(count for _, count, _ in rows)
    lines = "".join(
        f'<tr><td>{html.escape(name)}</td><td>{count}</td><td><span class="bar {kind}" style="width:'
        f'{count / largest * 30:.2f}em"></span></td></tr>'
        for name, count, kind in rows
    )
    dropped = [outcome for outcome in result.outcomes if outcome.reason is not None]
    made = result.manifest
    named = f"<p>manifest <code>{made.digest}</code>, {made.clips} clips</p>" if made else "<p>nothing was kept</p>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{named}<table>{lines}</table>"
        f'<h2>Kept</h2><div class="grid">{"".join(map(_figure, kept))}</div>'
        f'<h2>Dropped</h2><div class="grid">{"".join(map(_figure, dropped))}</div></html>\n'
    )


def _figure(outcome: ClipOutcome) -> str:
    shown = '<div class="none"></div>'
    if outcome.picture:
        thumb = io.BytesIO()
        _thumb(outcome.picture, 320).save(thumb, format="JPEG", quality=80)
        shown = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(thumb.getvalue()).decode()}">'
    why = "; ".join(caption.text for caption in outcome.captions) or "kept"
    kind = "kept"
    if outcome.reason is not None:
        why, kind = f"{outcome.reason.stage}: {outcome.reason.detail}", "why"
    said = f"{html.escape(_name(outcome))}<br><span class={kind!r}>{html.escape(why)}</span>"
    return f"<figure>{shown}<figcaption>{said}</figcaption></figure>"


def _name(outcome: ClipOutcome) -> str:
    if outcome.seconds is None:
        return outcome.title
    return f"{outcome.title} {outcome.seconds[0]:.1f}-{outcome.seconds[1]:.1f} s"


def summary_picture(result: CurationResult, title: str) -> Image.Image:
    """The PNG: the funnel, then thumbnails of what was kept and of what was not, with the reason under each."""
    kept, dropped = result.kept, [outcome for outcome in result.outcomes if outcome.reason is not None]
    font, large = ImageFont.load_default(size=11), ImageFont.load_default(size=18)
    rows = [("files", result.files, _INK), ("clips, or files that gave none", len(result.outcomes), _INK)]
    rows += [(name, count, _RED) for name, count in drop_counts(result)] + [("kept", len(kept), _GREEN)]
    wide = _COLUMNS * (_THUMB + _MARGIN) + _MARGIN
    top = 40 + len(rows) * 18 + _MARGIN
    parts = [_sheet(kept[:_SHOWN], font), _sheet(dropped[:_SHOWN], font)]
    heads = [f"kept: {len(kept)}", f"dropped: {len(dropped)}"]
    sheet = Image.new("RGB", (wide, top + sum(part.height + 34 for part in parts)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, 8), title, fill=_INK, font=large)
    largest = max(count for _, count, _ in rows)
    for number, (name, count, colour) in enumerate(rows):
        y = 40 + number * 18
        pen.text((_MARGIN, y), f"{name}", fill=_INK, font=font)
        pen.text((260, y), f"{count}", fill=_INK, font=font)
        pen.rectangle((310, y + 1, 310 + count / largest * (wide - 330), y + 12), fill=colour)
    for head, part in zip(heads, parts, strict=True):
        pen.text((_MARGIN, top), head, fill=_INK, font=large)
        sheet.paste(part, (0, top + 28))
        top += part.height + 34
    return sheet


def _sheet(outcomes: Sequence[ClipOutcome], font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    lines = 5
    high = _THUMB * 9 // 16 + lines * _LINE + _MARGIN
    count = -(-len(outcomes) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_THUMB + _MARGIN) + _MARGIN, max(1, count * high)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, outcome in enumerate(outcomes):
        row, column = divmod(number, _COLUMNS)
        x, y = _MARGIN + column * (_THUMB + _MARGIN), row * high
        box = (_THUMB, _THUMB * 9 // 16)
        pen.rectangle((x, y, x + box[0] - 1, y + box[1] - 1), fill=_GREY)
        if outcome.picture:
            thumb = _thumb(outcome.picture, _THUMB)
            thumb.thumbnail(box)
            sheet.paste(thumb, (x + (box[0] - thumb.width) // 2, y + (box[1] - thumb.height) // 2))
        if outcome.reason is not None:
            why, colour = f"{outcome.reason.stage}: {outcome.reason.detail}", _RED
        else:
            why, colour = "; ".join(caption.text for caption in outcome.captions) or "kept", _GREEN
        pen.text((x, y + box[1] + 1), _wrapped(_name(outcome), font)[0], fill=_INK, font=font)
        for at, line in enumerate(_wrapped(why, font)[: lines - 1]):
            pen.text((x, y + box[1] + 1 + (at + 1) * _LINE), line, fill=colour, font=font)
    return sheet


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    lines = [""]
    for word in unicodedata.normalize("NFC", text).split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= _THUMB or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _thumb(data: bytes, side: int) -> Image.Image:
    opened: Image.Image = Image.open(io.BytesIO(data)).convert("RGB")
    opened.thumbnail((side, side))
    return opened


def save(result: CurationResult, title: str, folder: Path) -> tuple[Path, Path]:
    """Write ``funnel.html`` and ``funnel.png`` into a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "funnel.html", folder / "funnel.png"
    with atomic_write(paths[0]) as unfinished:
        unfinished.write_text(html_page(result, title), encoding="utf-8")
    with atomic_write(paths[1]) as unfinished:
        summary_picture(result, title).save(unfinished, format="PNG")
    return paths

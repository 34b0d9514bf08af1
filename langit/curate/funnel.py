"""A report of a curation: a page (HTML) and a picture (PNG) of what was kept, what was dropped, and why.

It knows nothing of how that was decided.
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
from langit.sheet import wrap_text

_THUMB, _COLUMNS, _LINE, _MARGIN = 200, 6, 14, 8  # pixels, but for the columns of thumbnails
_PAPER, _INK, _GREEN, _RED, _GREY = (255, 255, 255), (24, 24, 24), (30, 120, 60), (170, 40, 40), (225, 225, 225)
_SHOWN = 60  # thumbnails of each kind on the picture; the page shows all
STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #181818; background: #fff; max-width: 76em }
table { border-collapse: collapse; margin: 1em 0 } td { padding: .15em .8em .15em 0 }
.bar { background: #1e783c; height: .9em; display: inline-block } .out { background: #aa2828 }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 1em }
figure { margin: 0 } img, .none { width: 100%; border-radius: 4px; background: #e1e1e1; min-height: 4em }
figcaption { font-size: 12px } .why { color: #aa2828 } .kept { color: #1e783c }
"""


def drop_counts(result: CurationResult) -> list[tuple[str, int]]:
    """Count the drops by stage and reason, in the order of the plan's stages."""
    order = ["probe", "hash", "rights", "decode", "shots", "motion", "sharpness", "black bars", "text overlay"]
    order += ["faces", "near-duplicates", "captions"]
    counts = Counter((o.reason.stage, o.reason.reason) for o in result.outcomes if o.reason is not None)
    ranked = sorted(counts, key=lambda key: (order.index(key[0]) if key[0] in order else len(order), key))
    return [(f"{stage}: {reason}", counts[stage, reason]) for stage, reason in ranked]


def html_page(result: CurationResult, title: str) -> str:
    """Return the page as HTML with all pictures embedded, so that it is one file."""
    total, kept = len(result.outcomes), result.kept
    rows = [("files", result.files, ""), ("clips, and files without clips", total, "")]
    rows += [(name, count, "out") for name, count in drop_counts(result)] + [("kept", len(kept), "")]
    largest = max(count for _, count, _ in rows)
    lines = "".join(
        f'<tr><td>{html.escape(name)}</td><td>{count}</td><td><span class="bar {kind}" style="width:'
        f'{count / largest * 30:.2f}em"></span></td></tr>'
        for name, count, kind in rows
    )
    dropped = [outcome for outcome in result.outcomes if outcome.reason is not None]
    manifest = result.manifest
    summary = "<p>nothing was kept</p>"
    if manifest is not None:
        summary = f"<p>manifest <code>{manifest.digest}</code>, {manifest.clips} clips</p>"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{summary}<table>{lines}</table>"
        f'<h2>Kept</h2><div class="grid">{"".join(map(_figure, kept))}</div>'
        f'<h2>Dropped</h2><div class="grid">{"".join(map(_figure, dropped))}</div></html>\n'
    )


def _figure(outcome: ClipOutcome) -> str:
    image = '<div class="none"></div>'
    if outcome.picture:
        thumb = io.BytesIO()
        _thumb(outcome.picture, 320).save(thumb, format="JPEG", quality=80)
        image = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(thumb.getvalue()).decode()}">'
    why = "; ".join(caption.text for caption in outcome.captions) or "kept"
    kind = "kept"
    if outcome.reason is not None:
        why, kind = f"{outcome.reason.stage}: {outcome.reason.detail}", "why"
    caption = f"{html.escape(_name(outcome))}<br><span class={kind!r}>{html.escape(why)}</span>"
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _name(outcome: ClipOutcome) -> str:
    if outcome.seconds is None or outcome.seconds[0] == outcome.seconds[1]:  # a file, or a picture
        return outcome.title
    return f"{outcome.title} {outcome.seconds[0]:.1f}-{outcome.seconds[1]:.1f} s"


def summary_picture(result: CurationResult, title: str) -> Image.Image:
    """Draw the counts, then thumbnails of what was kept and what was dropped, with the reason below each."""
    kept, dropped = result.kept, [outcome for outcome in result.outcomes if outcome.reason is not None]
    font, large = ImageFont.load_default(size=11), ImageFont.load_default(size=18)
    rows = [("files", result.files, _INK), ("clips, and files without clips", len(result.outcomes), _INK)]
    rows += [(name, count, _RED) for name, count in drop_counts(result)] + [("kept", len(kept), _GREEN)]
    width = _COLUMNS * (_THUMB + _MARGIN) + _MARGIN
    top = 40 + len(rows) * 18 + _MARGIN
    parts = [_sheet(kept[:_SHOWN], font), _sheet(dropped[:_SHOWN], font)]
    heads = [f"kept: {len(kept)}", f"dropped: {len(dropped)}"]
    sheet = Image.new("RGB", (width, top + sum(part.height + 34 for part in parts)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 8), title, fill=_INK, font=large)
    largest = max(count for _, count, _ in rows)
    for number, (name, count, colour) in enumerate(rows):
        y = 40 + number * 18
        draw.text((_MARGIN, y), f"{name}", fill=_INK, font=font)
        draw.text((260, y), f"{count}", fill=_INK, font=font)
        draw.rectangle((310, y + 1, 310 + count / largest * (width - 330), y + 12), fill=colour)
    for head, part in zip(heads, parts, strict=True):
        draw.text((_MARGIN, top), head, fill=_INK, font=large)
        sheet.paste(part, (0, top + 28))
        top += part.height + 34
    return sheet


def _sheet(outcomes: Sequence[ClipOutcome], font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    lines = 5
    cell = _THUMB * 9 // 16 + lines * _LINE + _MARGIN
    count = -(-len(outcomes) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_THUMB + _MARGIN) + _MARGIN, max(1, count * cell)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, outcome in enumerate(outcomes):
        row, column = divmod(number, _COLUMNS)
        x, y = _MARGIN + column * (_THUMB + _MARGIN), row * cell
        box = (_THUMB, _THUMB * 9 // 16)
        draw.rectangle((x, y, x + box[0] - 1, y + box[1] - 1), fill=_GREY)
        if outcome.picture:
            thumb = _thumb(outcome.picture, _THUMB)
            thumb.thumbnail(box)
            sheet.paste(thumb, (x + (box[0] - thumb.width) // 2, y + (box[1] - thumb.height) // 2))
        if outcome.reason is not None:
            why, colour = f"{outcome.reason.stage}: {outcome.reason.detail}", _RED
        else:
            why, colour = "; ".join(caption.text for caption in outcome.captions) or "kept", _GREEN
        draw.text((x, y + box[1] + 1), _wrap(_name(outcome), font)[0], fill=_INK, font=font)
        for at, line in enumerate(_wrap(why, font)[: lines - 1]):
            draw.text((x, y + box[1] + 1 + (at + 1) * _LINE), line, fill=colour, font=font)
    return sheet


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    # Composed characters: Pillow's font has no combining accents.
    return wrap_text(unicodedata.normalize("NFC", text), _THUMB, font)


def _thumb(data: bytes, side: int) -> Image.Image:
    opened: Image.Image = Image.open(io.BytesIO(data)).convert("RGB")
    opened.thumbnail((side, side))
    return opened


def save(result: CurationResult, title: str, folder: Path) -> tuple[Path, Path]:
    """Write ``funnel.html`` and ``funnel.png`` into a folder, which is created if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "funnel.html", folder / "funnel.png"
    with atomic_write(paths[0]) as unfinished:
        unfinished.write_text(html_page(result, title), encoding="utf-8")
    with atomic_write(paths[1]) as unfinished:
        summary_picture(result, title).save(unfinished, format="PNG")
    return paths

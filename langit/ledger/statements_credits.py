"""Credits for footage whose licence asks for them: title, author, source, licence (TASL), and what was changed."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from langit.ledger.record import Clip, Source
from langit.ledger.statements import NOT_KNOWN, Corpus

CC = re.compile(r"cc-(?P<terms>by(-nc)?(-nd|-sa)?)-(?P<version>[1-4]\.[05])")
CREATIVE_COMMONS = "https://creativecommons.org"


def licence_url(licence: str) -> str | None:
    """URL of the text of a licence with an SPDX identifier; ``None`` for other licences."""
    name = licence.strip()
    if name.upper() == "CC0-1.0":
        return f"{CREATIVE_COMMONS}/publicdomain/zero/1.0/"
    if name.upper() == "CC-PDM-1.0":
        return f"{CREATIVE_COMMONS}/publicdomain/mark/1.0/"
    found = CC.fullmatch(name.lower())
    if found:
        return f"{CREATIVE_COMMONS}/licenses/{found['terms']}/{found['version']}/"
    standard = spdx().get(name.lower())
    return f"https://spdx.org/licenses/{standard}.html" if standard else None


@cache
def spdx() -> dict[str, str]:
    """The SPDX identifiers of licences, by themselves in lower case."""
    from license_expression import get_spdx_licensing

    keys = (key for key, symbol in get_spdx_licensing().known_symbols.items() if not symbol.is_exception)
    return {key.lower(): key for key in keys if not key.lower().startswith(("licenseref-", "documentref-"))}


def attribution_sources(corpus: Corpus) -> tuple[Source, ...]:
    """The sources under a licence that requires credit, in order of entry."""
    return tuple(
        source
        for source in corpus.sources
        if any(wanted in licence for licence in corpus.licences(source) for wanted in corpus.policy.attribution)
    )


def credits(corpus: Corpus) -> dict[str, Any]:
    """The credits as plain values; what is not on record reads "Not known"."""
    return {
        "of": corpus.title,
        "version": corpus.version,
        "ledger": {"size": corpus.ledger_size, "root": corpus.ledger_root},
        "made_on": corpus.made_on,
        "credits": [
            {
                "title": source.title or NOT_KNOWN,
                "author": ", ".join(corpus.creators(source)) or NOT_KNOWN,
                "source": source.url or NOT_KNOWN,
                "licence": " and ".join(corpus.licences(source)),
                "licence_url": [url for item in corpus.licences(source) if (url := licence_url(item))],
                "changes": changes(corpus.by_source.get(source.digest, ())),
                "clips": [clip.digest for clip in corpus.clips if clip.source == source.digest],
                "record": source.digest,
            }
            for source in attribution_sources(corpus)
        ],
        "without_need": len(corpus.sources) - len(attribution_sources(corpus)),
    }


def changes(clips: tuple[Clip, ...]) -> str:
    """What was done to footage, as far as its clips say: the CC-BY licences require it."""
    done = [f"cut into {len(clips)} clip{'s' if len(clips) != 1 else ''}"]
    if any(clip.crop for clip in clips):
        done.append("cropped")
    if any(clip.mirrored for clip in clips):
        done.append("mirrored")
    return ", ".join(done)


def markdown(credits: dict[str, Any]) -> str:
    """The credits for people."""
    lines = [f"# Credits: {credits['of']}, {credits['version']}", ""]
    lines += [
        f"Written from the ledger at {credits['ledger']['size']} entries, root `{credits['ledger']['root']}`.",
        "",
    ]
    for item in credits["credits"]:
        address = item["source"]
        source = f"<{address}>" if address != NOT_KNOWN else "source: not known"
        urls = ", ".join(f"<{url}>" for url in item["licence_url"]) or "text not known"
        author = f"by {item['author']}" if item["author"] != NOT_KNOWN else "author not known"
        lines.append(f"- “{item['title']}” {author}, {source}, {item['licence']} ({urls}); {item['changes']}.")
    if not credits["credits"]:
        lines.append("None of the footage is under a licence that requires credit.")
    count = credits["without_need"]
    lines += ["", f"Sources under licences that do not require credit: {count}.", ""]
    return "\n".join(lines)

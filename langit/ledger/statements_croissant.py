"""A corpus as a Croissant 1.1 dataset with RAI 1.0, and a check that is stricter than the library's.

`mlcroissant` loads what is written here, but takes a missing licence for a warning and any text for a licence; so
:func:`problems` looks again: required properties, licences that exist, hashes, addresses, dates, and no RAI property
left empty. Records carry their source, creator and licence (W3C PROV); what is not known reads so.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from langit.config import canonical
from langit.ledger.record import Clip, Source
from langit.ledger.statements import NOT_KNOWN, Corpus, Provider
from langit.ledger.statements_credits import licence_url, spdx

CROISSANT = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
TABLE = "clips.jsonl"
REQUIRED = (
    "@context",
    "@type",
    "conformsTo",
    "description",
    "license",
    "name",
    "url",
    "creator",
    "datePublished",
    "distribution",
    "recordSet",
)
RAI_FIELDS = (
    "dataCollection",
    "dataCollectionType",
    "dataCollectionRawData",
    "dataCollectionTimeframe",
    "dataPreprocessingProtocol",
    "dataManipulationProtocol",
    "personalSensitiveInformation",
    "dataBiases",
    "dataLimitations",
    "dataUseCases",
    "dataSocialImpact",
    "dataReleaseMaintenancePlan",
)
FIELDS: dict[str, tuple[str, str, str | None]] = {
    "clip": ("sc:Text", "SHA-256 of the clip's record", None),
    "content_sha256": ("sc:Text", "SHA-256 of the clip's pixels", None),
    "source": ("sc:Text", "SHA-256 of the source's record", "prov:wasDerivedFrom"),
    "source_sha256": ("sc:Text", "SHA-256 of the source's content", None),
    "kind": ("sc:Text", "rendered, file, fetched or synthetic", None),
    "title": ("sc:Text", "title of the source", None),
    "creator": ("sc:Text", "who made the source; empty where not known", "prov:wasAttributedTo"),
    "license": ("sc:Text", "SPDX expressions of the source's licences", "sc:license"),
    "url": ("sc:Text", "where the source came from; empty where not known", None),
    "generator": ("sc:Text", "the program that rendered the source, if any", "prov:wasGeneratedBy"),
    "start": ("sc:Integer", "the clip's first frame in the source", None),
    "frames": ("sc:Integer", "frames in the clip", None),
    "mirrored": ("sc:Boolean", "whether the clip is the mirror image", None),
    "captions": ("sc:Text", "captions, a line each", None),
}
"""Columns of the table: type, what they hold, and the property of W3C PROV or schema.org that they are."""
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "name": {"@container": "@language"},
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def table(corpus: Corpus) -> bytes:
    """The clips, a line of JSON each: the file that the description describes."""
    sources = {source.digest: source for source in corpus.sources}
    written: dict[str, list[str]] = {}
    for item in corpus.captions:
        written.setdefault(item.clip, []).append(item.text)
    rows = (_row(corpus, clip, sources[clip.source], written.get(clip.digest, [])) for clip in corpus.clips)
    return b"".join(canonical(row) + b"\n" for row in rows)


def _row(corpus: Corpus, clip: Clip, source: Source, written: list[str]) -> dict[str, Any]:
    generator = f"{source.generator} {source.generator_version} seed {source.seed}" if source.generator else ""
    return {
        "clip": clip.digest,
        "content_sha256": clip.content_sha256,
        "source": source.digest,
        "source_sha256": source.content_sha256,
        "kind": source.kind,
        "title": source.title,
        "creator": ", ".join(corpus.creators(source)),
        "license": " AND ".join(corpus.licences(source)),
        "url": source.url or "",
        "generator": generator,
        "start": clip.start,
        "frames": clip.frames,
        "mirrored": clip.mirrored,
        "captions": "\n".join((*clip.captions, *written)),
    }


def describe(corpus: Corpus, provider: Provider, rows: bytes) -> dict[str, Any]:
    """The Croissant description of ``rows``, see :func:`table`.

    Raises:
        ValueError: the provider names no address at which the dataset is described; a Croissant has to have one.
    """
    if not provider.url:
        raise ValueError('a Croissant has the address of its dataset: give url = "https://…" in the provider\'s file')
    creators = sorted({name for source in corpus.sources for name in corpus.creators(source)})
    licences = sorted({name for source in corpus.sources for name in corpus.licences(source)})
    urls = sorted({source.url for source in corpus.sources if source.url})
    described: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [CROISSANT, RAI],
        "name": re.sub(r"[^A-Za-z0-9]+", "-", f"langit {corpus.title}").strip("-"),
        "version": "1.0.0",
        "description": (
            f"{len(corpus.clips)} clips of {len(corpus.sources)} sources: {corpus.title}, {corpus.version}. Whose they"
            f" are is on record in a ledger of {corpus.ledger_size} entries, RFC 6962 root {corpus.ledger_root}."
        ),
        "license": [licence_url(name) or name for name in licences],
        "url": provider.url,
        "citeAs": f"{corpus.title}, {corpus.version}, {corpus.made_on}, {provider.url}",
        "creator": [{"@type": "sc:Organization", "name": name} for name in _publishers(provider, creators)],
        "datePublished": corpus.made_on,
        "prov:wasAttributedTo": creators,
        "prov:wasGeneratedBy": f"langit, policy {corpus.policy.name} ({corpus.policy.digest})",
        "usageInfo": {
            "@type": "odrl:Offer",
            "odrl:permission": {"odrl:action": "odrl:use", "odrl:duty": "the licence of each record"},
        },
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": TABLE,
                "name": TABLE,
                "contentUrl": TABLE,
                "contentSize": f"{len(rows)} B",
                "encodingFormat": "application/jsonlines",
                "sha256": hashlib.sha256(rows).hexdigest(),
            }
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "clips", "name": "clips", "field": [*map(_field, FIELDS)]}],
    }
    if urls:
        described["prov:wasDerivedFrom"] = urls
    return described | {f"rai:{name}": text for name, text in _rai(corpus, provider).items()}


def _publishers(provider: Provider, creators: list[str]) -> list[str]:
    """Creators of the dataset: the provider; else the creators of the footage."""
    return [provider.name] if provider.name else creators


def _field(name: str) -> dict[str, Any]:
    kind, text, equivalent = FIELDS[name]
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"clips/{name}",
        "name": name,
        "description": text,
        "dataType": kind,
        "source": {"fileObject": {"@id": TABLE}, "extract": {"column": name}},
    }
    return field | ({"equivalentProperty": equivalent} if equivalent else {})


def _rai(corpus: Corpus, provider: Provider) -> dict[str, Any]:
    kinds = {kind: len(corpus.of_kind(kind)) for kind in ("rendered", "file", "fetched", "synthetic")}
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    days = sorted(source.fetched_at for source in corpus.sources if source.fetched_at)
    undated = len(corpus.sources) - len(days)
    span = [f"from {days[0]} to {days[-1]}"] if days else []
    span += [f"{NOT_KNOWN} for {undated} sources, which have no date on record"] if undated else []
    likeness = sum(clip.likeness is True for clip in corpus.clips)
    rendered = {source.digest for source in corpus.of_kind("rendered")}
    unseen = sum(clip.likeness is None and clip.source not in rendered for clip in corpus.clips)
    types = {
        "rendered": "Software Collection",
        "file": "Others",
        "fetched": "Web Scraping",
        "synthetic": "Others",
    }
    return {
        "dataCollection": f"Sources by kind: {counted}. Each has a record of its licence and of where it came from.",
        "dataCollectionType": [types[kind] for kind, count in kinds.items() if count],
        "dataCollectionRawData": f"{len(corpus.sources)} videos, named by the SHA-256 of their content",
        "dataCollectionTimeframe": span,
        "dataPreprocessingProtocol": [
            f"Only footage that policy {corpus.policy.name} allows: a known licence, no opt-out, consent where a person"
            " can be recognised; what is unknown is refused"
        ],
        "dataManipulationProtocol": "Cut into clips; some are cropped or mirrored, as each record says",
        "personalSensitiveInformation": [
            f"{likeness} clips show a person who can be recognised; {len(corpus.consents)} consents are on record;"
            f" of {unseen} clips it is not known (rendered films show nobody)"
        ],
        "dataBiases": [provider.biases or f"{NOT_KNOWN}: no measurement of bias is on record"],
        "dataLimitations": [
            "The ledger shows what was entered and when; whether a licence was rightly stated is the"
            " word of the person who stated it"
        ],
        "dataUseCases": ["Training of text-to-video models"],
        "dataSocialImpact": provider.social_impact or f"{NOT_KNOWN}: the provider has not said",
        "dataReleaseMaintenancePlan": provider.maintenance
        or "Revoked footage is entered as revoked and is not in any later version",
    }


def problems(described: object) -> list[str]:
    """What is wrong with a Croissant description, strictly; nothing if it is in order."""
    if not isinstance(described, dict):
        return ["it is not a JSON object"]
    found = [f"{name} is missing" for name in REQUIRED if not described.get(name)]
    conforms = _many(described.get("conformsTo"))
    found += [f"conformsTo does not name {wanted}" for wanted in (CROISSANT, RAI) if wanted not in conforms]
    found += [f"licence {name!r} is none that exists" for name in _many(described.get("license")) if not _licence(name)]
    if not _address(described.get("url")):
        found.append(f"url {described.get('url')!r} is not a web address")
    if not _day(described.get("datePublished")):
        found.append(f"datePublished {described.get('datePublished')!r} is not a date")
    for creator in _many(described.get("creator")):
        if not isinstance(creator, dict) or not str(creator.get("name", "")).strip():
            found.append(f"creator {creator!r} has no name")
    for item in _many(described.get("distribution")):
        name = item.get("@id") if isinstance(item, dict) else item
        if not isinstance(item, dict) or not re.fullmatch(r"[0-9a-f]{64}", str(item.get("sha256"))):
            found.append(f"file {name!r} has no SHA-256")
        elif not item.get("contentUrl") or not item.get("encodingFormat"):
            found.append(f"file {name!r} has no contentUrl or no encodingFormat")
    for name in RAI_FIELDS:
        value = described.get(f"rai:{name}")
        if not _many(value) or not all(str(item).strip() for item in _many(value)):
            found.append(f"rai:{name} is missing or empty")
    return found


def _many(value: Any) -> list[Any]:
    if value in (None, ""):
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _licence(name: object) -> bool:
    """A licence's address that is known to lead to one, or an SPDX expression of licences that exist."""
    if not isinstance(name, str):
        return False
    if name.startswith(("http://", "https://")):
        return name in _addresses()
    words = re.split(r"[\s()]+", name.strip("() "))
    return bool(name.strip()) and all(word.lower() in spdx() or word in ("AND", "OR", "WITH") for word in words)


@cache
def _addresses() -> frozenset[str]:
    return frozenset(url for key in spdx().values() if (url := licence_url(key)))


def _address(value: object) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return bool(parts and parts.scheme in ("http", "https") and parts.hostname and "." in parts.hostname)


def _day(value: object) -> bool:
    try:
        date.fromisoformat(str(value)[:10])
    except ValueError:
        return False
    return isinstance(value, str)


def text(described: dict[str, Any]) -> str:
    """The JSON that goes on disk."""
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"

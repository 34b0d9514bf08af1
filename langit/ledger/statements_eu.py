"""The EU's public summary of training content (AI Act, Article 53(1)(d)), section by section, from the ledger.

Sections, questions and size bands are those of the AI Office's template of 24 July 2025 (adopted as C(2025) 8311). Each
answer says what it rests on: the ledger's records, the provider's own word, or nothing, in which case it reads "Not
known". It is not legal advice: a person has to read it before it is published.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal
from urllib.parse import urlsplit

from langit.ledger.record import Source
from langit.ledger.statements import NOT_KNOWN, Corpus, Provider

TEMPLATE = "AI Office, template for the public summary of training content, 24 July 2025; C(2025) 8311"
SHORT = 20
"""Domains up to which all are listed; of more than these, the tenth that supplied most."""

Basis = Literal["ledger", "provider", "not known"]


@dataclass(frozen=True)
class SummaryAnswer:
    """A question of the template, its answer, and what that rests on."""

    field: str
    text: str
    basis: Basis


@dataclass(frozen=True)
class SummarySection:
    """A section of the template."""

    number: str
    title: str
    answers: tuple[SummaryAnswer, ...]


def summary(corpus: Corpus, provider: Provider) -> dict[str, Any]:
    """The summary as plain values."""
    sections = (*_general(corpus, provider), *_sources(corpus, provider), *_processing(corpus, provider))
    return {
        "template": TEMPLATE,
        "of": corpus.title,
        "version": corpus.version,
        "last_update": corpus.made_on,
        "ledger": {"size": corpus.ledger_size, "root": corpus.ledger_root},
        "sections": [asdict(section) for section in sections],
    }


def band(count: Fraction | float, low: float, high: float, unit: str, names: tuple[str, str]) -> str:
    """Size band of the template: below ``low``, up to ``high``, or above."""
    if count < low:
        return f"Less than {names[0]} {unit}"
    if count <= high:
        return f"{names[0]} to {names[1]} {unit}"
    return f"More than {names[1]} {unit}"


def _from_provider(field: str, text: str | None, unknown: str = "the provider has not said") -> SummaryAnswer:
    """An answer that only the provider can give."""
    return (
        SummaryAnswer(field, text, "provider") if text else SummaryAnswer(field, f"{NOT_KNOWN}: {unknown}", "not known")
    )


def _from_ledger(field: str, text: str) -> SummaryAnswer:
    return SummaryAnswer(field, text, "ledger")


def _dependencies(corpus: Corpus, provider: Provider) -> SummaryAnswer:
    """The models that this one began from, which its provenance names, and what the provider adds."""
    if not corpus.bases:
        return _from_provider("Model dependencies", provider.dependencies)
    text = f"Its training began with weights of {'; that of this one with weights of '.join(corpus.bases)}"
    added = f". The provider adds: {provider.dependencies}" if provider.dependencies else ""
    return _from_ledger("Model dependencies", text + added)


def _images(corpus: Corpus) -> str:
    """The number of still images, in the template's bands."""
    count = len(corpus.pictures)
    if not count:
        return "None: no source on record is a still image"
    return f"{band(count, 1e6, 1e9, 'images', ('1 million', '1 billion'))} ({count} images)"


def _modalities(corpus: Corpus) -> str:
    if not corpus.pictures:
        return "Video"
    return "Video, image" if len(corpus.pictures) < len(corpus.sources) else "Image"


def _general(corpus: Corpus, provider: Provider) -> tuple[SummarySection, ...]:
    hours, unknown = corpus.hours(corpus.sources)
    size = band(hours, 10_000, 1_000_000, "hours", ("10 000", "1 million"))
    exact = f"{float(hours):.3g} hours in {len(corpus.clips)} clips of {len(corpus.sources)} sources"
    if corpus.unlogged:
        stages = ", ".join(corpus.unlogged)
        exact = (
            f"{float(hours):.3g} hours in {len(corpus.sources)} sources; which of their clips stages {stages} saw"
            " is not in these records"
        )
    lacking = f"; the length of {unknown} sources is not on record" if unknown else ""
    video = (
        _from_ledger("Video: size", f"{size} ({exact}{lacking})")
        if hours or not unknown
        else SummaryAnswer(
            "Video: size", f"{NOT_KNOWN}: no clip's length is on record ({len(corpus.clips)} clips)", "not known"
        )
    )
    words = sum(len(text.split()) for text in corpus.words)
    tokens = band(words, 1e9, 1e13, "tokens", ("1 billion", "10 trillion"))
    text = f"{tokens} ({words} words in {len(corpus.words)} captions)" if words else "None"
    days = sorted(source.fetched_at[:7] for source in corpus.sources if source.fetched_at)
    latest = f"{days[-1][5:]}/{days[-1][:4]}" if days else None
    undated = sum(source.fetched_at is None for source in corpus.sources)
    collected = f"{latest}, the newest of {len(days)} dated sources; {undated} have no date on record"
    languages = Counter(item.language for item in corpus.captions)
    unnamed = sum(len(clip.captions) for clip in corpus.clips)
    spoken = ", ".join(f"{name} ({count} captions)" for name, count in sorted(languages.items()))
    spoken += f"{'; ' if spoken else ''}{unnamed} captions have no language on record" if unnamed else ""
    return (
        SummarySection(
            "1.1",
            "Provider identification",
            (
                _from_provider("Provider name", provider.name),
                _from_provider("Contact details", provider.contact),
                _from_provider("Authorised representative", provider.representative),
            ),
        ),
        SummarySection(
            "1.2",
            "Model identification",
            (
                _from_ledger("Versioned model name", f"{corpus.title}, {corpus.version}"),
                _dependencies(corpus, provider),
                _from_provider("Date of placement on the Union market", provider.placed_on_market),
            ),
        ),
        SummarySection(
            "1.3",
            "Modalities, overall size and other characteristics of the training data",
            (
                _from_ledger("Modalities", _modalities(corpus) + (", text (captions of the videos)" if words else "")),
                video,
                _from_ledger("Text: size", text),
                _from_ledger("Image: size", _images(corpus)),
                _from_ledger("Audio: size", "None: sound is not read from any source"),
                _from_provider("Types of content", provider.content_types),
                _from_ledger("Latest date of data acquisition", collected)
                if latest
                else SummaryAnswer(
                    "Latest date of data acquisition", f"{NOT_KNOWN}: no source has a date", "not known"
                ),
                _from_ledger("Linguistic characteristics", spoken)
                if spoken
                else SummaryAnswer(
                    "Linguistic characteristics", f"{NOT_KNOWN}: there are no captions on record", "not known"
                ),
            ),
        ),
    )


def _sources(corpus: Corpus, provider: Provider) -> tuple[SummarySection, ...]:
    files = len(corpus.of_kind("file"))
    untold = f"{files} sources were entered as files, and the ledger does not say how the provider came by them"

    def ruled_out(field: str, word: str | None) -> SummaryAnswer:
        """The provider's word; without it, "No" only where no source could be meant."""
        if word:
            return SummaryAnswer(field, word, "provider")
        if files:
            return SummaryAnswer(field, f"{NOT_KNOWN}: {untold}", "not known")
        return _from_ledger(field, "No: every source on record is a film that was rendered (2.6) or was fetched (2.3)")

    return (
        SummarySection("2.1", "Publicly available datasets", (ruled_out("Used", provider.public_datasets),)),
        SummarySection(
            "2.2.1", "Datasets commercially licensed by rightsholders", (ruled_out("Used", provider.licensed_datasets),)
        ),
        SummarySection(
            "2.2.2", "Private datasets of other third parties", (ruled_out("Used", provider.other_datasets),)
        ),
        SummarySection("2.3", "Data crawled and scraped from online sources", _crawled(corpus, provider)),
        SummarySection("2.4", "User data", (ruled_out("Used", provider.user_data),)),
        SummarySection("2.5", "Synthetic data", (_synthetic(corpus, provider), *_captioners(corpus))),
        SummarySection("2.6", "Other sources of data", _others(corpus, provider)),
    )


def _crawled(corpus: Corpus, provider: Provider) -> tuple[SummaryAnswer, ...]:
    fetched = corpus.of_kind("fetched")
    if not fetched:
        return (_from_ledger("Crawlers used", "No: no source on record was fetched from a network"),)
    months = sorted(source.fetched_at[:7] for source in fetched if source.fetched_at)
    period = f"{months[0][5:]}/{months[0][:4]} to {months[-1][5:]}/{months[-1][:4]}"
    hours, unknown = corpus.hours(fetched)
    length = f"{float(hours):.3g} hours" + (f", the length of {unknown} is not on record" if unknown else "")
    return (
        _from_ledger("Crawlers used", f"Yes: {len(fetched)} sources were fetched from a network ({length})"),
        _from_ledger("Crawler", "langit ledger fetch"),
        _from_provider("Purposes", provider.crawler_purposes),
        _from_ledger(
            "Behaviour",
            "fetches only addresses that a person names and follows no links; robots.txt, tdmrep.json, headers and"
            " licences are kept as they stood, and what they reserve is refused (section 3.1)",
        ),
        _from_ledger("Period of collection", period),
        _from_ledger("Modality", "Video"),
        _from_ledger("Domains", domains(corpus, fetched)),
    )


def domains(corpus: Corpus, fetched: tuple[Source, ...]) -> str:
    """Domains by how much was fetched from them: all of a short list, else the tenth that supplied most."""
    seconds: dict[str, float] = {}
    for source in fetched:
        host = urlsplit(source.url or "").hostname or "unknown"
        seconds[host] = seconds.get(host, 0.0) + float(corpus.seconds(source) or 0)
    names = sorted(seconds, key=lambda host: (-seconds[host], host))
    shown = names if len(names) <= SHORT else names[: math.ceil(len(names) / 10)]
    named = ", ".join(f"{host} ({seconds[host] / 3600:.2g} h)" for host in shown)
    return named if len(shown) == len(names) else f"{named}; these are the top 10 % of {len(names)}"


def _synthetic(corpus: Corpus, provider: Provider) -> SummaryAnswer:
    if provider.synthetic_data:
        return SummaryAnswer("Used", provider.synthetic_data, "provider")
    others = len(corpus.sources) - len(corpus.of_kind("rendered"))
    if others:
        text = f"{NOT_KNOWN}: the ledger does not say whether a model made any of {others} files or downloads"
        return SummaryAnswer("Used", text, "not known")
    return _from_ledger("Used", "No: no source on record was made by an AI model; rendered films are in 2.6")


def _captioners(corpus: Corpus) -> tuple[SummaryAnswer, ...]:
    counted = Counter((item.captioner, item.version) for item in corpus.captions)
    if not counted:
        return ()
    written = ", ".join(f"{name} {version[:12]} ({count})" for (name, version), count in sorted(counted.items()))
    return (_from_ledger("Descriptions of videos that were written after entry, by whom", written),)


def _others(corpus: Corpus, provider: Provider) -> tuple[SummaryAnswer, ...]:
    found = []
    worlds = Counter((item.generator, item.generator_version, item.creator) for item in corpus.of_kind("rendered"))
    for (generator, version, creator), count in sorted(worlds.items(), key=str):
        hours, _ = corpus.hours(tuple(s for s in corpus.of_kind("rendered") if s.generator_version == version))
        length = f", {float(hours):.3g} hours" if hours else ""
        text = f"{count} films rendered by {generator} {version} (by {creator}), a program and not an AI model{length}"
        found.append(_from_ledger("Rendered by the provider", text))
    files = corpus.of_kind("file")
    if files:
        licences = Counter(" and ".join(corpus.licences(item)) or "none on record" for item in files)
        counted = ", ".join(f"{name}: {count}" for name, count in sorted(licences.items()))
        found.append(_from_ledger("Entered as files", f"{len(files)} files by licence: {counted}"))
    if provider.other_sources:
        found.append(SummaryAnswer("Others", provider.other_sources, "provider"))
    return tuple(found) or (_from_ledger("Used", "No: no other source is on record"),)


def _processing(corpus: Corpus, provider: Provider) -> tuple[SummarySection, ...]:
    policy = corpus.policy
    read = Counter((item.scheme, item.says) for item in corpus.signals)
    signals = ", ".join(f"{scheme} {says}: {count}" for (scheme, says), count in sorted(read.items()))
    away = ", ".join(f"{count} because {rule}" for rule, count in corpus.turned_away.most_common(SHORT))
    return (
        SummarySection(
            "3.1",
            "Respect of reservations of rights from the text and data mining exception",
            (
                _from_provider("Signatory to the Code of Practice", provider.code_of_practice),
                _from_ledger(
                    "Measures",
                    f"policy {policy.name} ({policy.digest}): opt-outs by {', '.join(policy.heed)} are heeded as they"
                    " stood when the footage was fetched; a source whose licence or opt-outs are unknown is not used;"
                    f" only these licences are: {', '.join(policy.allowed)}",
                ),
                _from_ledger("Opt-out signals read of these sources", signals or "None"),
                _from_ledger("Sources of the ledger that are refused now", away or "None"),
                _from_ledger("Revoked since", f"{corpus.revoked} clips" if corpus.revoked else "None"),
            ),
        ),
        SummarySection("3.2", "Removal of illegal content", (_from_provider("Measures", provider.illegal_content),)),
        SummarySection(
            "3.3",
            "Other information about data processing",
            (
                _from_ledger("Consent of people shown", f"{len(corpus.consents)} on record; {_likeness(corpus)}"),
                _from_ledger("Ledger", f"{corpus.ledger_size} entries, RFC 6962 root {corpus.ledger_root}"),
            ),
        ),
    )


def _likeness(corpus: Corpus) -> str:
    kinds = {source.digest: source.kind for source in corpus.sources}
    shown = sum(clip.likeness is True for clip in corpus.clips)
    unseen = sum(clip.likeness is None and kinds[clip.source] != "rendered" for clip in corpus.clips)
    return f"{shown} clips show a person who can be recognised, of {unseen} it is not known"


def markdown(summary: dict[str, Any]) -> str:
    """The summary for people, with what each answer rests on."""
    lines = [
        "# Public summary of training content",
        "",
        f"{summary['of']}, {summary['version']}. Last update: {summary['last_update']}.",
        f"Template: {summary['template']}.",
        f"Written from the ledger at {summary['ledger']['size']} entries, root `{summary['ledger']['root']}`.",
        "",
    ]
    titles = {"1": "1. General information", "2": "2. List of data sources", "3": "3. Data processing aspects"}
    for section in summary["sections"]:
        chapter = titles.pop(section["number"][0], None)
        lines += [f"## {chapter}", ""] if chapter else []
        lines += [f"### {section['number']} {section['title']}", ""]
        for answer in section["answers"]:
            basis = "" if answer["basis"] == "not known" else f" *({answer['basis']})*"
            lines.append(f"- **{answer['field']}:** {answer['text']}{basis}")
        lines.append("")
    return "\n".join(lines)

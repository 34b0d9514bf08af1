"""Statements: what the ledger says is in them, what it does not say is said not to be known."""

from __future__ import annotations

import hashlib
import json
import logging
from fractions import Fraction

import mlcroissant
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.lived import FETCHED, FILE, NOBODYS, clip, live

from langit.feed.traces import find_artifacts
from langit.ledger import statements_credits, statements_croissant, statements_eu
from langit.ledger.lineage import Lineage
from langit.ledger.record import Source
from langit.ledger.statements import Provider, corpus
from langit.ledger.statements_croissant import RAI_FIELDS, REQUIRED, problems

DAY = "2026-11-23"
PROVIDER = Provider(name="Films & Co", contact="hello@films.example", url="https://films.example/data", user_data="No")


@pytest.fixture(scope="module")
def lineage(tmp_path_factory):
    lived = live(tmp_path_factory.mktemp("home"))
    return Lineage(lived.ledger, find_artifacts(lived.home))


@pytest.fixture(scope="module")
def every(lineage):
    return corpus(lineage, DAY, fps=Fraction(8))


@pytest.fixture(scope="module")
def answers(every):
    return told(statements_eu.summary(every, PROVIDER))


def told(summary):
    return {
        (section["number"], answer["field"]): (answer["text"], answer["basis"])
        for section in summary["sections"]
        for answer in section["answers"]
    }


def croissant(every, provider=PROVIDER):
    rows = statements_croissant.table(every)
    return rows, statements_croissant.describe(every, provider, rows)


def test_the_clips_that_a_statement_is_about(lineage, every):
    assert len(every.clips) == 11 and FILE in every.sources and NOBODYS not in every.sources
    assert len(corpus(lineage, DAY, model="tiny").clips) == 5
    assert len(corpus(lineage, DAY, manifest="spring").clips) == 11
    with pytest.raises(ValueError, match="no manifest is named 'autumn': there are spring"):
        corpus(lineage, DAY, manifest="autumn")
    with pytest.raises(ValueError, match="give one of them"):
        corpus(lineage, DAY, model="tiny", manifest="spring")
    with pytest.raises(ValueError, match="is a source, not a model"):
        corpus(lineage, DAY, model=FILE.digest)


def test_lengths_are_added_once_for_a_film_and_its_mirror_image(every):
    films, unknown = every.hours(every.of_kind("rendered"))
    assert (films * 3600, unknown) == (4 * Fraction(5, 8), 0)
    assert every.seconds(FILE) == 3 and every.seconds(FETCHED) == 30 / Fraction(30000, 1001)


def test_a_length_that_is_not_on_record_is_not_known(lineage):
    untimed = corpus(lineage, DAY)
    assert untimed.hours(untimed.of_kind("rendered")) == (0, 4)
    said = told(statements_eu.summary(untimed, PROVIDER))["1.3", "Video: size"]
    assert "the length of 4 sources is not on record" in said[0]


def test_every_section_of_the_eu_template_is_there(every):
    numbers = [section["number"] for section in statements_eu.summary(every, Provider())["sections"]]
    assert numbers == "1.1 1.2 1.3 2.1 2.2.1 2.2.2 2.3 2.4 2.5 2.6 3.1 3.2 3.3".split()  # noqa: SIM905


def test_the_eu_summary_says_what_the_ledger_says(answers):
    assert answers["1.1", "Provider name"] == ("Films & Co", "provider")
    assert answers["1.3", "Video: size"][0].startswith("Less than 10 000 hours (")
    assert answers["1.3", "Latest date of data acquisition"][0].startswith("03/2026")
    assert "en (1 captions)" in answers["1.3", "Linguistic characteristics"][0]
    assert answers["2.3", "Crawlers used"][0].startswith("Yes: 1 sources")
    assert answers["2.3", "Period of collection"][0] == "03/2026 to 03/2026"
    assert answers["2.3", "Domains"][0].startswith("sea.example (")
    assert "4 films rendered by langit.worlds" in answers["2.6", "Rendered by the provider"][0]
    assert "CC-BY-3.0: 1" in answers["2.6", "Entered as files"][0]
    assert "tiny-vlm" in answers["2.5", "Descriptions of videos that were written after entry, by whom"][0]
    assert "tdmrep silent: 1" in answers["3.1", "Opt-out signals read of these sources"][0]
    assert "1 because no licence is on record" in answers["3.1", "Sources of the ledger that are refused now"][0]


def test_what_is_not_known_is_said_as_not_known(answers):
    for where in (("2.1", "Used"), ("2.2.1", "Used"), ("2.5", "Used"), ("3.2", "Measures"), ("1.1", "Contact details")):
        text, basis = answers[where]
        assert (basis == "not known") == text.startswith("Not known:"), where
    assert answers["2.1", "Used"][1] == "not known" and "entered as files" in answers["2.1", "Used"][0]
    assert answers["2.4", "Used"] == ("No", "provider")


def test_of_films_alone_no_other_source_is_claimed(tmp_path):
    lived = live(tmp_path)
    for source in (FILE, FETCHED):
        lived.ledger.revoke(source.digest, "asked for")
    films = corpus(Lineage(lived.ledger, find_artifacts(tmp_path)), DAY, fps=Fraction(8))
    said = told(statements_eu.summary(films, Provider()))
    for number in ("2.1", "2.2.1", "2.2.2", "2.4", "2.5"):
        assert said[number, "Used"][0].startswith("No: ") and said[number, "Used"][1] == "ledger"
    assert said["2.3", "Crawlers used"][0].startswith("No: ")
    assert statements_credits.credits(films)["credits"] == []


def test_the_summary_for_people_says_the_same(every, answers):
    page = statements_eu.markdown(statements_eu.summary(every, PROVIDER))
    assert all(text in page for text, _ in answers.values())
    assert page.index("## 1. General") < page.index("## 2. List") < page.index("## 3. Data processing")


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (0, "Less than 10 000"),
        (9999, "Less than 10 000"),
        (10_000, "10 000 to 1 million"),
        (1e6 + 1, "More than 1 million"),
    ],
)
def test_bands(count, name):
    assert statements_eu.band(count, 1e4, 1e6, "hours", ("10 000", "1 million")) == f"{name} hours"


def test_of_many_domains_the_tenth_that_gave_most_is_listed(every):
    sources = tuple(
        Source(
            "fetched", "a", "0" * 64, url=f"https://site{number:03}.example/a", fetched_at="2026-01-01T00:00:00+00:00"
        )
        for number in range(41)
    )
    listed = statements_eu.domains(every, sources)
    assert listed.count(".example") == 5 and "top 10 % of 41" in listed


def test_credits_name_title_author_source_and_licence(every):
    said = statements_credits.credits(every)
    (item,) = said["credits"]
    assert item["title"] == "Rabbit" and item["author"] == "B. Lender, The Heirs" and item["source"] == FILE.url
    assert item["licence_url"] == ["https://creativecommons.org/licenses/by/3.0/"]
    assert item["changes"] == "cut into 2 clips, cropped" and len(item["clips"]) == 2
    page = statements_credits.markdown(said)
    assert "“Rabbit” by B. Lender, The Heirs, <films.example/rabbit>, CC-BY-3.0" in page
    assert "not require credit: 5" in page


@pytest.mark.parametrize(
    ("licence", "url"),
    [
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("CC-PDM-1.0", "https://creativecommons.org/publicdomain/mark/1.0/"),
        ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC-BY-NC-SA-2.5", "https://creativecommons.org/licenses/by-nc-sa/2.5/"),
        ("PDDL-1.0", "https://spdx.org/licenses/PDDL-1.0.html"),
        ("LicenseRef-terms", None),
        ("not-a-license", None),
        ("CC-BY-4.0 AND MIT", None),
    ],
)
def test_where_licences_stand(licence, url):
    assert statements_credits.licence_url(licence) == url


def test_the_croissant_is_loaded_by_the_library_with_its_records(every, tmp_path, caplog):
    rows, said = croissant(every)
    (tmp_path / "clips.jsonl").write_bytes(rows)
    (tmp_path / "croissant.json").write_text(statements_croissant.text(said), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(str(tmp_path / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors and not dataset.metadata.ctx.issues.warnings, caplog.text
    found = list(dataset.records("clips"))
    assert [row["clips/clip"].decode() for row in found] == [item.digest for item in every.clips]
    films = [row for row in found if row["clips/kind"] == b"rendered"]
    assert len(films) == 8 and all(row["clips/license"] == b"CC0-1.0" for row in films)
    assert dataset.metadata.data_limitations and dataset.metadata.personal_sensitive_information


def test_a_changed_table_is_not_loaded(every, tmp_path):
    rows, said = croissant(every)
    (tmp_path / "clips.jsonl").write_bytes(rows.replace(b"CC0-1.0", b"CC1-1.0"))
    (tmp_path / "croissant.json").write_text(statements_croissant.text(said), encoding="utf-8")
    with pytest.raises(mlcroissant.GenerationError):
        list(mlcroissant.Dataset(str(tmp_path / "croissant.json")).records("clips"))


def test_the_croissant_passes_the_strict_check(every):
    rows, said = croissant(every)
    assert problems(said) == [] and problems(json.loads(statements_croissant.text(said))) == []
    assert said["distribution"][0]["sha256"] == hashlib.sha256(rows).hexdigest()
    assert said["license"] == [
        "https://creativecommons.org/licenses/by/3.0/",
        "https://creativecommons.org/publicdomain/zero/1.0/",
    ]
    assert "Not known" in said["rai:dataBiases"][0]


def test_a_croissant_needs_an_address(every):
    with pytest.raises(ValueError, match="give url"):
        croissant(every, Provider())


@pytest.mark.parametrize("name", [*REQUIRED, *(f"rai:{field}" for field in RAI_FIELDS)])
def test_the_strict_check_misses_nothing_that_is_missing(every, name):
    _, said = croissant(every)
    without = {key: value for key, value in said.items() if key != name}
    assert any(name in problem for problem in problems(without))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"license": "not-a-license"}, "licence 'not-a-license'"),
        ({"license": ["CC0-1.0", "https://films.example/terms"]}, "licence 'https://films.example/terms'"),
        ({"license": [{"name": "CC0"}]}, "licence"),
        ({"license": "LicenseRef-mine"}, "LicenseRef-mine"),
        ({"url": "films"}, "url 'films'"),
        ({"datePublished": "soon"}, "datePublished 'soon'"),
        ({"creator": [{"@type": "sc:Person"}]}, "has no name"),
        ({"conformsTo": "http://mlcommons.org/croissant/1.0"}, "conformsTo"),
        ({"distribution": [{"@id": "a", "sha256": "00"}]}, "no SHA-256"),
        ({"distribution": [{"@id": "a", "sha256": "0" * 64}]}, "no contentUrl"),
        ({"rai:dataBiases": [""]}, "rai:dataBiases"),
    ],
)
def test_the_strict_check_sees_what_the_library_lets_pass(every, change, words):
    _, said = croissant(every)
    assert any(words in problem for problem in problems(said | change))


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_the_strict_check_stands_anything(noise):
    assert problems(noise)
    assert problems({"license": noise, "creator": noise, "distribution": noise, "url": noise, "datePublished": noise})


def test_titles_of_every_kind_stay_in_one_row(tmp_path):
    lived = live(tmp_path)
    odd = Source("file", 'a "b", c\n| d € \u2028', "e" * 64, creator="Ö, P", licence="CC0-1.0")
    lived.ledger.add([odd, clip(odd, likeness=False, captions=("one\ntwo",))])
    every = corpus(Lineage(lived.ledger, find_artifacts(tmp_path)), DAY)
    rows = [json.loads(row) for row in statements_croissant.table(every).splitlines()]
    assert rows[-1]["title"] == odd.title and len(rows) == len(every.clips)


def test_a_providers_file(tmp_path):
    path = tmp_path / "provider.toml"
    path.write_text('name = "Films & Co"\nurl = "https://films.example/data"\n', encoding="utf-8")
    assert Provider.load(path) == Provider(name="Films & Co", url="https://films.example/data")
    for text, words in (("nam = 'x'", "did you mean 'name'"), ("name = 3", "3"), ("= 3", "is not TOML")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=words):
            Provider.load(path)

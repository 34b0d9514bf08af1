"""Readers of opt-out signals: what each scheme's own words come to, and that noise never comes to a yes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langit.ledger.signals import Document, aipref, noai, page, robots, rsl, tdmrep

URL = "https://films.example/clips/dog.mp4"
ROBOTS = "https://films.example/robots.txt"
NO_ROBOTS = Document(ROBOTS, 404)


def text(body, url=ROBOTS, status=200, headers=(), **more):
    return Document(url, status, tuple(headers), body.encode() if isinstance(body, str) else body, **more)


def answer(*headers):
    return Document(URL, 200, headers)


@pytest.mark.parametrize(
    ("body", "says", "word"),
    [
        ("", "silent", None),
        ("User-agent: *\nDisallow: /private/\n", "silent", None),
        ("User-agent: *\nDisallow: /\n", "reserved", "user-agent: *"),
        ("User-agent: *\nDisallow:\n", "silent", None),
        ("User-agent: GPTBot\nDisallow: /\n", "reserved", "gptbot"),
        ("\ufeffuser-agent:gptbot\r\n disallow : /clips # keep out\r\n", "reserved", "gptbot"),
        ("User-agent: CCBot\nUser-agent: GPTBot\nDisallow: /clips/*.mp4$\n", "reserved", "*.mp4$"),
        ("User-agent: GPTBot\nDisallow: /\nAllow: /clips/\n", "silent", None),
        ("User-agent: GPTBot\nDisallow: /texts/\n", "silent", None),
        ("User-agent: SomeNewAI-Bot/1.0\nDisallow: /\n", "reserved", "ai-bot"),
        ("User-agent: mailbot\nDisallow: /\n", "silent", None),
        ("User-agent: langit\nDisallow: /clips\n", "reserved", "langit"),
        ("User-agent: GPTBot\nDisallow: /%63lips/dog.mp4\n", "reserved", "gptbot"),
        ("User-agent: GPTBot\nAllow: /\n\nUser-agent: GPTBot\nDisallow: /clips/\n", "reserved", "gptbot"),
        ("<html><body>Not found</body></html>", "unreadable", "not a robots.txt"),
        (b"\xff\xfe\x00garbage", "unreadable", "not a robots.txt"),
        ("User-agent: *\0\nAllow: /", "unreadable", "not a robots.txt"),
    ],
)
def test_robots(body, says, word):
    reading = robots.read(text(body), URL)
    assert reading.says == says
    assert word is None or word in reading.text.lower()


def test_robots_answers():
    assert robots.read(NO_ROBOTS, URL).says == "silent" and robots.why_barred(NO_ROBOTS, URL) is None
    for answered in (Document(ROBOTS, 500), Document(ROBOTS, 403), Document(ROBOTS, None, problem="timed out")):
        assert robots.read(answered, URL).says == "unreadable"
        assert robots.why_barred(answered, URL) is not None
    assert robots.read(text("User-agent: *\nAllow: /\n", whole=False), URL).says == "unreadable"
    assert "Disallow: /" in robots.why_barred(text("User-agent: *\nDisallow: /\n"), URL)
    assert robots.why_barred(text("User-agent: *\nDisallow: /\n\nUser-agent: langit\nAllow: /\n"), URL) is None
    assert robots.why_barred(text("User-agent: GPTBot\nDisallow: /\n"), URL) is None


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/", "/anything", True),
        ("/a", "/b", False),
        ("/a*c", "/abbbc/d", True),
        ("/a*c$", "/abbbc/d", False),
        ("/a*c$", "/acc", True),
        ("/a*$", "/a", True),
        ("*/x/*/y", "/1/x/2/y/3", True),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("*aa$", "/a", False),
        ("/*" + "a*" * 2000 + "b$", "/" + "a" * 5000, False),
    ],
)
def test_paths(pattern, path, matches):
    assert robots.matches(pattern, path) is matches


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("train-ai=n", "reserved"),
        ("train-ai=y", "allowed"),
        ("search=y, train-ai=n", "reserved"),
        ("search=n", "silent"),
        ("train-ai=y;exp=1, search", "silent"),
        ("train-ai=y, train-ai=n", "reserved"),
        ("genai=n", "reserved"),
        ("ai=y", "silent"),
        ("train-ai", "unreadable"),
        ("train-ai=perhaps", "unreadable"),
        ("train-ai=Y", "unreadable"),
        ("train-ai=y,", "unreadable"),
        ("train-ai=y train-ai=y", "unreadable"),
        ("Train-AI=n", "unreadable"),
        ("", "silent"),
        ("train-ai=(y n)", "unreadable"),
        ('note="train-ai=y", x=:YQ==:, t=@1', "silent"),
    ],
)
def test_content_usage(value, says):
    said = "allowed" if value.startswith("train-ai=y;exp") else says
    assert aipref.usage(value) == said
    assert aipref.read(URL, answer(("Content-Usage", value)), NO_ROBOTS).says == said


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("User-agent: *\nAllow: /\nContent-Usage: train-ai=n\n", "reserved"),
        ("Content-Usage: train-ai=n\nUser-agent: *\nAllow: /\n", "reserved"),
        ("User-agent: *\nContent-Usage: /texts/ train-ai=n\nContent-Usage: /clips/ train-ai=y\n", "allowed"),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /clips/ train-ai=y\n", "allowed"),
        ("User-agent: *\nContent-Usage: /clips/ train-ai=y\nContent-Usage: /clips/ train-ai=n\n", "reserved"),
        ("User-agent: a\nContent-Usage: train-ai=y\nUser-agent: b\nContent-Usage: train-ai=n\n", "reserved"),
        ("User-agent: *\nContent-Usage: /clips/ nonsense=(\n", "unreadable"),
        ("User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n", "reserved"),
        ("User-agent: *\nContent-Signal: ai-train=yes, search=yes\n", "allowed"),
        ("User-agent: *\nContent-Signal: ai-train=maybe\n", "unreadable"),
        ("User-agent: *\nAllow: /\n", "silent"),
        (b"\xff", "unreadable"),
    ],
)
def test_content_usage_in_robots(body, says):
    assert aipref.read(URL, answer(), text(body)).says == says


def test_any_refusal_of_aipref_wins():
    refusing = text("User-agent: *\nContent-Usage: train-ai=n\n")
    assert aipref.read(URL, answer(("content-usage", "train-ai=y")), refusing).says == "reserved"
    assert aipref.read(URL, answer(("content-usage", "train-ai=n")), Document(ROBOTS, 500)).says == "reserved"
    assert aipref.read(URL, answer(("content-usage", "train-ai=y")), Document(ROBOTS, 500)).says == "unreadable"


def tdm(*rules):
    return text(json.dumps(list(rules)), "https://films.example" + tdmrep.WELL_KNOWN)


def rule(location, reservation, **more):
    return {"location": location, "tdm-reservation": reservation, **more}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([rule("/", 1)], "reserved"),
        ([rule("/clips/", 0), rule("/", 1)], "allowed"),
        ([rule("/", 1, **{"tdm-policy": "https://x.example/p.json"}), rule("/clips/", 0)], "reserved"),
        ([rule("/texts/", 1)], "silent"),
        ([rule("/clips/*.mp4$", 1)], "reserved"),
        ([rule("clips/", 1)], "reserved"),
        ([], "silent"),
        ([rule("/", "1")], "unreadable"),
        ([rule("/", True)], "unreadable"),
        ([rule("/", 2)], "unreadable"),
        ([{"location": "/"}], "unreadable"),
        ([rule(7, 1)], "unreadable"),
        (["/"], "unreadable"),
    ],
)
def test_tdmrep_file(rules, says):
    assert tdmrep.read(URL, answer(), tdm(*rules)).says == says


@pytest.mark.parametrize("body", ["{}", "<html>", "[" * 100_000, b"\xff", "null", '[{"location": "/"'])
def test_tdmrep_files_that_are_none(body):
    assert tdmrep.read(URL, answer(), text(body)).says == "unreadable"


def test_what_is_closer_overrides_but_noise_does_not():
    silent, reserved, open_ = Document(ROBOTS, 404), tdm(rule("/", 1)), tdm(rule("/", 0))
    yes, no, noise = (
        answer(("TDM-Reservation", "0")),
        answer(("tdm-reservation", "1")),
        answer(("tdm-reservation", "x")),
    )
    assert tdmrep.read(URL, yes, reserved).says == "allowed"
    assert tdmrep.read(URL, no, open_).says == "reserved"
    assert tdmrep.read(URL, noise, reserved).says == "reserved"
    assert tdmrep.read(URL, noise, open_).says == "unreadable"
    assert tdmrep.read(URL, yes, Document(ROBOTS, 500)).says == "unreadable"
    assert tdmrep.read(URL, no, Document(ROBOTS, 500)).says == "reserved"
    assert tdmrep.read(URL, answer(("tdm-reservation", "0, 1")), silent).says == "reserved"
    html = page.read(text('<meta name="TDM-Reservation" content="1">', "https://films.example/dog"))
    assert tdmrep.read(URL, yes, open_, html).says == "reserved"


def license_xml(inside, url="/", **more):
    said = "".join(f' {key}="{value}"' for key, value in more.items())
    content = f'<content url="{url}"{said}>{inside}</content>'
    body = f'<?xml version="1.0"?><rsl xmlns="https://rslstandard.org/rsl">{content}</rsl>'
    return text(body, "https://films.example/license.xml")


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ('<license><prohibits type="usage">ai-train</prohibits></license>', "reserved"),
        ('<license><permits type="usage">ai-train search</permits></license>', "allowed"),
        ('<license><permits type="usage">all</permits></license>', "allowed"),
        ('<license><permits type="usage">search</permits></license>', "reserved"),
        ('<license><permits type="usage">ai-train</permits><payment type="crawl"/></license>', "reserved"),
        ('<license><permits type="usage">ai-train</permits><payment type="free"/></license>', "allowed"),
        (
            '<license><permits type="usage">all</permits><prohibits type="usage">ai-all</prohibits></license>',
            "reserved",
        ),
        ('<license><permits type="user">non-commercial</permits></license>', "reserved"),
        (
            '<license><permits type="usage">search</permits></license><license><payment type="training"/></license>',
            "reserved",
        ),
        ("<license><legal type='warranty'>none</legal></license>", "silent"),
        ("", "silent"),
    ],
)
def test_rsl(inside, says):
    assert rsl.read(URL, [license_xml(inside)], NO_ROBOTS).says == says


def test_rsl_covers_what_its_url_says():
    no = '<license><prohibits type="usage">ai-train</prohibits></license>'
    for url in ("/", "/clips/", "https://films.example/clips/*.mp4$", ""):
        assert rsl.read(URL, [license_xml(no, url)], NO_ROBOTS).says == "reserved"
    for url in ("/texts/", "https://other.example/", "/clips/$"):
        assert rsl.read(URL, [license_xml(no, url)], NO_ROBOTS).says == "silent"
    assert rsl.read(URL, [license_xml("", server="https://pay.example")], NO_ROBOTS).says == "reserved"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<rsl>",
        "<rss version='2.0'/>",
        b"\xff\xfe<\0r\0",
        '<!DOCTYPE rsl [<!ENTITY a "b">]><rsl xmlns="https://rslstandard.org/rsl">&a;</rsl>',
        "<a>" * 10_000,
        '<rsl xmlns="https://rslstandard.org/rsl"><content><license/>'
        + "<a>" * 9_000
        + "</a>" * 9_000
        + "</content></rsl>",
        '<?xml version="1.0" encoding="nonsense"?><rsl/>',
    ],
)
def test_rsl_documents_that_are_none(body):
    assert rsl.read(URL, [text(body)], NO_ROBOTS).says == "unreadable"


def test_rsl_documents_that_are_missing_are_no_silence():
    assert rsl.read(URL, [Document("https://films.example/license.xml", 404)], NO_ROBOTS).says == "unreadable"
    assert rsl.read(URL, [], Document(ROBOTS, 500)).says == "unreadable"
    assert rsl.read(URL, [], NO_ROBOTS).says == "silent"


def test_rsl_documents_are_found_where_they_are_pointed_to():
    pointing = text("License: /license.xml\nUser-agent: *\nAllow: /\nLicense: https://x.example/2.xml\n")
    link = '</3.xml>; rel="license"; type="application/rsl+xml", <https://cc.example/by>; rel=license, </s.css>; rel=x'
    html = page.read(text("<link rel=license type=application/rsl+xml href=4.xml><a rel=license href=cc>", URL))
    assert rsl.links(answer(("Link", link)), pointing, html) == (
        "https://films.example/license.xml",
        "https://x.example/2.xml",
        "https://films.example/3.xml",
        "https://films.example/clips/4.xml",
    )
    assert rsl.links(answer(), Document(ROBOTS, 500)) == ()


def test_noai():
    assert noai.read(answer(("X-Robots-Tag", "noindex, NoAI"))).says == "reserved"
    assert noai.read(answer(("x-robots-tag", "somebot: noimageai"))).says == "reserved"
    assert noai.read(answer(("x-robots-tag", "noindex"))).says == "silent"
    assert noai.read(answer(), page.read(text("<META NAME=robots CONTENT='noai, noimageai'>", URL))).says == "reserved"
    assert noai.read(answer(), page.read(Document(URL, 500))).says == "unreadable"


piece = st.sampled_from(
    [*"abnyAI01=,;:*$/-_<>\"'()[]{}?@# \t\r\n\0é", "train-ai", "tdm-reservation", "Disallow:", "User-agent: *", "<rsl>"]
)
words = st.lists(piece, max_size=40).map("".join)
noise = st.one_of(st.binary(max_size=200), words.map(str.encode))


@given(body=noise, value=words, status=st.sampled_from([200, 200, 200, 204, 301, 403, 404, 500, None]))
def test_noise_is_never_a_yes_and_never_raises(body, value, status):
    document, said = Document(ROBOTS, status, body=body), answer(("content-signal", "x"), ("x-robots-tag", value))
    html = page.read(document)
    readings = [
        robots.read(document, URL),
        aipref.read(URL, said, document),
        tdmrep.read(URL, answer(("tdm-reservation", value.replace("0", "2"))), document, html),
        noai.read(said, html),
        rsl.read(URL, [document], document),
    ]
    rsl.links(answer(("link", value)), document, html)
    robots.why_barred(document, URL)
    assert all(reading.says != "allowed" for reading in readings if b"y" not in body and b"0" not in body)
    if status not in (200, 404):
        assert {reading.says for reading in readings if reading.scheme != "noai"} <= {"unreadable", "reserved"}


@given(value=words)
def test_a_yes_of_aipref_is_a_yes_in_the_text(value):
    assert aipref.usage(value) != "allowed" or "train-ai=y" in value
    assert aipref.members(value) is None or all(key for key, _ in aipref.members(value))
    assert aipref.signal(value) != "allowed"

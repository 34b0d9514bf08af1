"""Opt-outs in notations that no standard has, and in places that are easily overlooked: none reads as silence."""

from __future__ import annotations

import gzip

import pytest

from langit.ledger.signals import Document, aipref, noai, page, robots, rsl, tdmrep

SITE = "https://films.example/"
URL = SITE + "video/a.mp4"
RSL = f'<rsl xmlns="{rsl.NAMESPACE}">'
NO_TRAINING = '<prohibits type="usage">ai-train</prohibits>'


def answer(*headers: tuple[str, str], body: bytes = b"") -> Document:
    return Document(SITE + "page", 200, headers, body)


def heeded(says: str) -> bool:
    return says in ("reserved", "unreadable")


@pytest.mark.parametrize(
    "value",
    [
        "search=y; train-ai=n",
        "ai-train=n",
        "*=n",
        "training=n",
        "train_ai=n",
        "foundation-model-production=n",
        "gen-ai=n",
    ],
)
def test_content_usage(value):
    assert heeded(aipref.usage(value))


@pytest.mark.parametrize(
    "value",
    [*(f"search=yes{sign}ai-train=no" for sign in " |&/"), "train=no", "no-ai-train"],
)
def test_content_signal(value):
    assert heeded(aipref.signal(value))


def test_permissions_and_other_uses_are_read_as_before():
    assert aipref.usage("train-ai=y") == "allowed" and aipref.usage("search=n, foo=n;q=1") == "silent"
    assert aipref.signal("search=no, ai-train=yes") == "allowed" and aipref.signal("ai-input=no") == "silent"
    assert noai.read(answer(("X-Robots-Tag", "noindex, notranslate, noarchive"))).says == "silent"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("X-Robots-Tag", word)
            for word in ("no-ai", "NoAI-Training", "DisallowAITraining", "no ai", "GPTBot: notrain")
        ],
        ("X_Robots_Tag", "noai"),
        ("Robots", "noai"),
    ],
)
def test_words_in_headers(name, value):
    assert noai.read(answer((name, value))).says == "reserved"


@pytest.mark.parametrize(
    "html",
    [
        '<meta http-equiv="X-Robots-Tag" content="noai">',
        '<meta name="robots" content="DisallowAITraining">',
        '<meta name="google-extended" content="noai">',
        '<meta name="ai-training" content="no">',
        "<meta name=robots content='no-ai'>",
        "<meta itemprop=robots content=noai>",
        '<meta name="robots:ai" content="noai">',
        '<x:meta name="robots" content="noai"/>',
        '<meta name="a" property="robots" content="noai">',
    ],
)
def test_words_in_pages(html):
    assert noai.read(answer(), page.read(answer(body=html.encode()))).says == "reserved"
    found = page.read(
        answer(body=b'<meta name="keywords" content="noai, art"><meta name="ai-training" content="a course">')
    )
    assert noai.read(answer(), found).says == "silent"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((), "<meta name=robots content=noai>".encode("utf-16")),
        ((("Content-Type", "text/html; charset=utf-16le"),), "<meta name=robots content=noai>".encode("utf-16-le")),
        ((("Content-Type", "text/html; charset=utf-7"),), b"+ADw-meta name=robots content=noai+AD4-"),
        ((("Content-Type", "text/html; charset=nonesuch"),), b"hello"),
        ((("Content-Encoding", "gzip"),), gzip.compress(b"<meta name=robots content=noai>")),
        ((("Content-Encoding", "br"),), b"..."),
    ],
)
def test_a_page_whose_bytes_hide_its_words_is_unreadable(headers, body):
    found = page.read(answer(*headers, body=body))
    assert noai.read(answer(), found).says == "unreadable" and found.problem
    assert page.read(answer(("Content-Type", "text/html; charset=ISO-8859-1"), body=b"<p>")).problem is None


@pytest.mark.parametrize(
    "html",
    [
        '<meta http-equiv="tdm-reservation" content="1">',
        '<meta name="tdm:reservation" content="1">',
        '<meta name="tdm_reservation" content=1>',
        '<meta name="dcterms:tdm-reservation" content=0>',
        '<meta name="tdm-policy" content="https://films.example/p.json">',
        '<link rel="tdm-policy" href="/p.json">',
    ],
)
def test_tdm_reservations_in_pages(html):
    assert heeded(tdmrep.from_page(page.read(answer(body=html.encode()))).says)


@pytest.mark.parametrize("name", ["tdm_reservation", "X-TDM-Reservation", "TDM-Rep", "tdm-policy", "TDMReservation"])
def test_tdm_reservations_in_headers(name):
    assert heeded(tdmrep.from_headers(answer((name, "1"))).says)
    assert tdmrep.from_headers(answer((name, "0"))).says == "unreadable"  # misspelt, it permits nothing


LOCATIONS = """
    films.example/video/ www.films.example/* https://www.films.example/ https://FILMS.example./video
    http://films.example:443/video /x/../video/ ./video/ //video/ /Video/ /video/*.MP4 /videos? /video#x /.* /v.* all
    . any /<path> *.mp4,*.webm
"""


@pytest.mark.parametrize("location", [*LOCATIONS.split(), "~ /video/", "/audio/ /video/", ""])
def test_locations_of_tdmrep(location):
    text = f'[{{"location": "{location}", "tdm-reservation": 1}}]'.encode()
    assert heeded(tdmrep.from_file(Document(SITE, 200, body=text), URL).says)
    text = f'[{{"location": "{location}", "tdm-reservation": 1}}, {{"location": "/", "tdm-reservation": 0}}]'.encode()
    assert heeded(tdmrep.from_file(Document(SITE, 200, body=text), URL).says)


@pytest.mark.parametrize(
    "location", ["/press/", "other.example/video", "https://cdn.example/", "/press?", "*.pdf,*.txt"]
)
def test_locations_elsewhere_stay_silent_or_unclear(location):
    text = f'[{{"location": "{location}", "tdm-reservation": 1}}]'.encode()
    says = tdmrep.from_file(Document(SITE, 200, body=text), URL).says
    assert says == ("unreadable" if "," in location else "silent")


@pytest.mark.parametrize("key", ["TDM-reservation", "tdm_reservation", "tdmReservation", "Location"])
def test_a_key_of_tdmrep_in_two_spellings_is_unreadable(key):
    text = f'[{{"location": "/", "tdm-reservation": 0, "{key}": 1}}]'.encode()
    assert tdmrep.from_file(Document(SITE, 200, body=text), URL).says == "unreadable"


MAKERS = "claude Anthropic llama meta bytedance sora runway generative-bot"
RULES = [
    *["*\nDisallowAITraining: /", "*\nDisallow-AI-Training: /", "GPTBot\nNoai: /", "*\nNo-AI: yes", "all\nDisallow: /"],
    *["**\nDisallow: /", "\nDisallow: /", "*\nDisallow: //video", "*\nDisallow: /x/../video", "*\nDisallow: .mp4"],
    *["*\nDisallow: \\", "*\nDisallow: all", "CCBot\n<br>Disallow: /", "CCBot<br>Disallow: /", "CCBot\\nDisallow: /"],
    *["CCBot\nDisallow: films.example/", "CCBot\nDisallow: ./video", "CCBot\nBlock: /", "CCBot\nDeny: /"],
    *[f"{agent}\nDisallow: /" for agent in MAKERS.split()],
    *["any-neural-net\nDisallow: /", "*\nAllow: /a\nBot: x\nDisallow: /"],
]


@pytest.mark.parametrize("rest", RULES)
def test_rules_of_robots(rest):
    assert robots.read(Document(SITE, 200, body=f"User-agent: {rest}\n".encode()), URL).says == "reserved"


@pytest.mark.parametrize(
    "text",
    [
        "User\u2011agent: CCBot\nDisallow: /",
        "Agent: CCBot\nDisallow: /",
        "bot: CCBot\nDisallow\uff1a /",
        "- User-agent: CCBot\n- Disallow: /",
        "1. User-agent: CCBot\n2. Disallow: /",
        '"User-agent: CCBot"\n"Disallow: /"',
    ],
)
def test_lines_of_robots(text):
    assert robots.read(Document(SITE, 200, body=f"{text}\nSitemap: /s.xml\n".encode()), URL).says == "reserved"


def test_a_disallow_for_no_agent_is_unclear():
    assert robots.read(Document(SITE, 200, body=b"Disallow: /\n"), URL).says == "unreadable"
    assert robots.read(Document(SITE, 200, body=b"Disallow: /press\nUser-agent: *\n"), URL).says == "silent"


@pytest.mark.parametrize(
    "inside",
    [
        f'<content url="films.example/video"><license>{NO_TRAINING}</license></content>',
        f'<content url="/Video"><license>{NO_TRAINING}</license></content>',
        f'<content url="^/video"><license>{NO_TRAINING}</license></content>',
        f'<content url="/audio /video"><license>{NO_TRAINING}</license></content>',
        f'<content url="//video"><license>{NO_TRAINING}</license></content>',
        "<content><license><prohibits>ai_train</prohibits></license></content>",
        "<content><license><prohibits>AiTrain</prohibits></license></content>",
        '<content><license prohibits="ai-train"/></content>',
        '<content><license usage="ai-train" type="prohibits"/></content>',
        f'<content url="/"/><license>{NO_TRAINING}</license>',
        f"<content><licence>{NO_TRAINING}</licence></content>",
        f"<content>{NO_TRAINING}</content>",
    ],
)
def test_prohibitions_of_rsl(inside):
    assert heeded(rsl.from_document(Document(SITE + "l.xml", 200, body=f"{RSL}{inside}</rsl>".encode()), URL).says)


@pytest.mark.parametrize(
    ("header", "html", "robots_txt"),
    [
        ('</l.xml>; rel="license"', "", ""),
        ("</rsl>; rel=license; type=text/xml", "", ""),
        ("", '<link rel=license type="application/rsl+xml;charset=utf-8" href=/l.xml>', ""),
        ("", "<link rel=license href=/rsl.xml>", ""),
        ("", "", "RSL: /l.xml"),
        ("", "", "License: </l.xml>"),
        ("", "", "License: /a.xml, /l.xml"),
    ],
)
def test_links_to_rsl(header, html, robots_txt):
    about = answer(*([("Link", header)] if header else []))
    at_robots = Document(SITE + "robots.txt", 200 if robots_txt else 404, body=robots_txt.encode())
    found = rsl.links(about, at_robots, page.read(answer(body=html.encode())))
    assert found and all(link.startswith(SITE) for link in found)
    creative = page.read(answer(body=b'<a rel=license href="https://creativecommons.org/licenses/by/4.0/">'))
    assert rsl.links(answer(), Document(SITE, 404), creative) == ()


def test_rsl_within_a_page():
    text = f"{RSL}<content url='/'><license>{NO_TRAINING}</license></content></rsl>"
    html = f'<script type="application/rsl+xml">{text}</script><script>if (a < 1) b()</script>'.encode()
    (document,) = rsl.in_page(page.read(answer(body=html)))
    assert rsl.from_document(document, URL).says == "reserved"


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, "User-Agent: *\nDisallow: *.mp4", "reserved"),
        (200, "User-Agent: *\nDisallow: *.jpg\nAllow: /", "silent"),
        (200, "<html>not found</html>", "silent"),
        (403, "", "silent"),
        (404, "", "silent"),
        (503, "", "unreadable"),
        (None, "", "unreadable"),
    ],
)
def test_ai_txt(status, body, says):
    assert noai.read_ai_txt(Document(SITE + "ai.txt", status, body=body.encode()), URL).says == says

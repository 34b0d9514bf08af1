"""Opt-outs as sites really write them: misspelt, doubled, in other words. None of them is ever read as a yes."""

from __future__ import annotations

import pytest

from langit.ledger.signals import Document, aipref, robots, rsl, tdmrep
from langit.ledger.signals.reading import same_host

URL = "https://films.example/clips/dog.mp4"
SITE = "https://films.example/"
_NAMES = """
    AI2Bot Ai2Bot-Dolma aiHitBot Amazonbot anthropic-ai Applebot Applebot-Extended Awario Bravebot Bytespider CCBot
    ChatGLM-Spider ChatGPT-User Claude-SearchBot Claude-User Claude-Web ClaudeBot cohere-ai
    cohere-training-data-crawler Cotoyogi Crawl4AI DataForSeoBot Datenbank~Crawler DeepSeekBot Devin Diffbot Echobot~Bot
    FacebookBot facebookexternalhit FirecrawlAgent FriendlyCrawler Google-CloudVertexBot Google-Extended
    Google-NotebookLM GoogleOther GoogleOther-Image GoogleOther-Video GPTBot iaskspider/2.0 ICC-Crawler ImagesiftBot
    img2dataset Kangaroo~Bot LAIONDownloader laion-huggingface-processor LCC Linguee~Bot Meta-ExternalAgent
    meta-externalagent/1.1 MistralAI-User netEstate~Imprint~Crawler OAI-SearchBot omgili omgilibot OpenAI PanguBot
    PerplexityBot PetalBot Poseidon~Research~Crawler QuillBot SBIntuitionsBot Scrapy Seekr Sidetrade~indexer~bot
    Spawning-AI TikTokSpider Timpibot TurnitinBot VelenPublicWebCrawler Webzio-Extended wpbot YandexAdditional YouBot
    xAI-SearchBot MyModelTrainer Some-LLM-Crawler dataset-builder Neural~AI~Scraper
"""
CRAWLERS = _NAMES.split()  # "~" stands for a space
SEARCH = [
    "Googlebot",
    "bingbot",
    "DuckDuckBot",
    "AhrefsBot",
    "mailbot",
    "rainbot",
    "Mediapartners-Google",
    "MJ12bot",
    "Trident",
]


def robots_txt(body: str | bytes) -> Document:
    return Document(SITE + "robots.txt", 200, body=body if isinstance(body, bytes) else body.encode())


def tdm(text: str) -> str:
    return tdmrep.from_file(Document(SITE + ".well-known/tdmrep.json", 200, body=text.encode()), URL).says


def license_xml(text: str, namespace: str = rsl.NAMESPACE) -> str:
    body = f'<rsl xmlns="{namespace}">{text}</rsl>'.encode()
    return rsl.from_document(Document(SITE + "license.xml", 200, body=body), URL).says


@pytest.mark.parametrize("agent", CRAWLERS)
def test_a_rule_against_an_agent_that_trains_is_one_against_us(agent: str) -> None:
    body = f"User-agent: {agent.replace('~', ' ')}\nDisallow: /\n"
    assert robots.read(robots_txt(body), URL).says == "reserved"


@pytest.mark.parametrize("agent", SEARCH)
def test_a_rule_against_a_search_engine_is_none_against_us(agent: str) -> None:
    assert robots.read(robots_txt(f"User-agent: {agent}\nDisallow: /\n"), URL).says == "silent"


@pytest.mark.parametrize(
    "body",
    [
        "User-agent: GPTBot\nDisalow: /\n",
        "User-agent: GPTBot\nDissallow: /\n",
        "User-agent: GPTBot\nDisallaw: /\n",
        "User-agent: GPTBot\nDisallows: /\n",
        "User-agent: GPTBot\nDisallow /\n",
        "User-agent: GPTBot\nDisallow= /\n",
        "User agent: GPTBot\nDisallow: /\n",
        "Useragent: GPTBot\nDisallow: /\n",
        "User_agent: GPTBot\nDisallow: /\n",
        "User-Agents: GPTBot\nDisallow: /\n",
        "User-agent GPTBot\nDisallow: /\n",
        "User-agent: GPTBot, CCBot\nDisallow: /\n",
        "User-agent: 'GPTBot'\nDisallow: /\n",
        "User-agent: *GPTBot*\nDisallow: /\n",
        "User-agent: GPTBot\nDisallow: clips/\n",
        "User-agent: GPTBot\nDisallow: https://films.example/clips/\n",
    ],
)
def test_misspelt_refusals_are_refusals(body: str) -> None:
    assert robots.read(robots_txt(body), URL).says == "reserved"


@pytest.mark.parametrize("line", ["Alow: /clips/", "Allows: /clips/", "Allow /clips/", "Permit: /clips/"])
def test_misspelt_permissions_are_none(line: str) -> None:
    assert robots.read(robots_txt(f"User-agent: GPTBot\nDisallow: /\n{line}\n"), URL).says == "reserved"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"location": "/clips/*", "tdm-reservation": 1, "tdm-reservation": 0}]', "unreadable"),
        ('[{"location": "/x", "location": "/clips/", "tdm-reservation": 0}]', "unreadable"),
        ('[{"location": "https://films.example/clips/", "tdm-reservation": 1}]', "reserved"),
        ('[{"location": "https://films.example:443/clips/*", "tdm-reservation": 1}]', "reserved"),
        ('[{"location": "//films.example/clips/", "tdm-reservation": 1}]', "reserved"),
        ('[{"location": "https://other.example/clips/", "tdm-reservation": 1}]', "silent"),
        ('[{"location": "https://*.example/clips/", "tdm-reservation": 1}]', "unreadable"),
        ('[{"location": "/clips/dog.mp4?download=1", "tdm-reservation": 1}]', "unreadable"),
        ('[{"location": "/clips/d?g.mp4", "tdm-reservation": 1}]', "unreadable"),
        ('[{"location": "/texts/?", "tdm-reservation": 1}]', "silent"),
        ('[{"location": "/(clips|films)/", "tdm-reservation": 1}]', "unreadable"),
        ('[{"location": "/[a-z]+/dog.mp4", "tdm-reservation": 1}]', "unreadable"),
        ('[{"location": "/**/dog.mp4", "tdm-reservation": 1}]', "reserved"),
        (
            '[{"location": "/(clips|films)/", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]',
            "unreadable",
        ),
        (
            '[{"location": "/(clips|films)/", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 1}]',
            "reserved",
        ),
        ('[{"location": "/(clips|films)/", "tdm-reservation": 0}]', "silent"),
        ('[{"location": "/clips/", "tdm-reservation": 0}]', "allowed"),
        ("[" * 100_000, "unreadable"),
    ],
)
def test_tdmrep_locations(text: str, says: str) -> None:
    assert tdm(text) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("search=yes, ai-train=no", "reserved"),
        ("search=yes;ai-train=no", "reserved"),
        ("search=yes; ai-train = no", "reserved"),
        ('ai-train="no"', "reserved"),
        ("ai-train: no", "reserved"),
        ("AI-Train=NO", "reserved"),
        ("ai_train=no", "reserved"),
        ("train-ai=n", "reserved"),
        ("ai-train=false", "reserved"),
        ("ai-train=yes;ai-train=no", "reserved"),
        ("ai-train=yes, search=no", "allowed"),
        ("ai_train=yes", "unreadable"),
        ("ai-train: yes", "unreadable"),
        ("ai-train=maybe", "unreadable"),
        ("ai-train", "unreadable"),
        ("search=no", "silent"),
    ],
)
def test_content_signals(text: str, says: str) -> None:
    assert aipref.signal(text) == says
    answer = Document(URL, 200, (("Content-Signal", text),))
    assert aipref.read(URL, answer, Document(SITE + "robots.txt", 404)).says == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '<content url="https://films.example:443/clips/"><license><prohibits>ai-train</prohibits></license></content>',
            "reserved",
        ),
        (
            '<content url="http://films.example/"><license><prohibits>ai-train</prohibits></license></content>',
            "reserved",
        ),
        ('<content url="https://*.films.example/"><license><prohibits>all</prohibits></license></content>', "reserved"),
        ('<content url="/"><license><prohibits><usage>ai-train</usage></prohibits></license></content>', "reserved"),
        ('<content url="/"><license><permits><usage>search</usage></permits></license></content>', "reserved"),
        ('<content url="/"><license><permits>ai-train</permits></license></content>', "allowed"),
        (
            '<x:content xmlns:x="https://x.example" url="/"><x:license><x:prohibits>all</x:prohibits></x:license>'
            "</x:content>",
            "reserved",
        ),
        (
            '<content xmlns:r="https://x.example" r:url="/texts/"><license><prohibits>all</prohibits></license>'
            "</content>",
            "silent",
        ),
        ('<content url="https://other.example/"><license><prohibits>all</prohibits></license></content>', "silent"),
        ("", "unreadable"),
    ],
)
def test_rsl_documents(text: str, says: str) -> None:
    assert license_xml(text) == says


def test_rsl_of_another_namespace_prohibits_and_permits_nothing() -> None:
    permits = '<content url="/"><license><permits>ai-train</permits></license></content>'
    for namespace in ("http://rslstandard.org/rsl", "https://rslstandard.org/rsl/", ""):
        assert license_xml(permits, namespace) == "unreadable"
        assert license_xml(permits.replace("permits", "prohibits"), namespace) == "reserved"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example", "https://a.example:443/x", True),
        ("http://a.example:80", "https://a.example", True),
        ("https://A.example/", "https://a.example/", True),
        ("https://a.example:8443", "https://a.example", False),
        ("https://a.example", "https://b.example", False),
        ("https://a.example:x", "https://a.example", False),
    ],
)
def test_hosts(one: str, other: str, same: bool) -> None:
    assert same_host(one, other) is same


@pytest.mark.parametrize(
    "body",
    [
        "User-agent: GPTBot Disallow: /\n",
        'User-agent: "GPTBot"\nDisallow: "/"\n',
        "User-agent: GPTBot\u2028Disallow: /\n",
        "User-agent: GPTBot\x85Disallow: /\n",
        "User-agent: *\x0bDisallow: /clips user-agent: Googlebot\nDisallow:\n",
        "\ufeffUser-agent:\u00a0GPTBot\rDisallow :\t/",
    ],
)
def test_lines_that_ran_together_and_quotes_do_not_hide_a_rule(body: str) -> None:
    assert robots.read(robots_txt(body), URL).says == "reserved"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<prohibits type="usage">train-ai</prohibits>', "reserved"),
        ('<prohibits type="usage">search;ai-train</prohibits>', "reserved"),
        ("<prohibits>training</prohibits>", "reserved"),
        ("<prohibits><![CDATA[ai-train]]></prohibits>", "reserved"),
        ("<prohibit>ai-train</prohibit>", "unreadable"),
        ("<forbids>ai-train</forbids><permits>ai-train</permits>", "unreadable"),
        ('<permits type="usage">train-ai</permits>', "reserved"),
        ('<permits type="usage">ai-train</permits>', "allowed"),
    ],
)
def test_words_of_other_vocabularies_prohibit_and_permit_nothing(text: str, says: str) -> None:
    assert license_xml(f'<content url="/"><license>{text}</license></content>') == says


def test_www_is_the_same_site() -> None:
    terms = "<license><prohibits>ai-train</prohibits></license>"
    assert license_xml(f'<content url="https://www.films.example/clips/">{terms}</content>') == "reserved"
    assert license_xml(f'<content url="https://www2.films.example/clips/">{terms}</content>') == "silent"

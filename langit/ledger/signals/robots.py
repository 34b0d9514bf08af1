"""robots.txt: groups, rules, paths (RFC 9309), and whether it keeps agents that train models away from a path.

A site has no way to name us, whom it does not know, so a rule against any agent that gathers training data is read as
a rule against us. Knows nothing of the network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from langit.ledger.signals.reading import Document, SignalReading, decode_utf8, is_absent, read_problem

US = "langit"
"""Our own product token."""
_NAMES = """
    ai2bot ai2bot-dolma aihitbot amazonbot anthropic-ai applebot-extended bedrockbot bigsur.ai bytespider ccbot
    chatgpt-user claude-searchbot claude-user claude-web claudebot cloudvertexbot cohere-ai
    cohere-training-data-crawler cotoyogi crawlspace datenbank-crawler deepseekbot diffbot duckassistbot echobot
    facebookbot firecrawlagent friendlycrawler gemini-deep-research google-cloudvertexbot google-extended googleother
    googleother-image googleother-video gptbot icc-crawler imagesiftbot img2dataset isscyberriskcrawler
    laion-huggingface-processor linerbot magpie-crawler meta-externalagent meta-externalfetcher mistralai-user
    mycentralaiscraperbot novaact oai-searchbot omgili omgilibot pangubot panscient perplexitybot perplexity-user
    petalbot phindbot poseidon quillbot sbintuitionsbot semrushbot-ocob sidetrade tiktokspider timpibot
    velenpublicwebcrawler webzio-extended wpbot yandexadditional yandexadditionalbot youbot zanistabot
"""
AGENTS = frozenset(_NAMES.split())
"""Agents that gather data for models, or fetch for them; names as sites' robots.txt files write them, in lower case."""
LOOKS_LIKE_AI = re.compile(r"(^|[^a-z])(ai|llm|ml)([^a-z]|$)|gpt|llm|genai|ai[-_]?(bot|crawler|spider|agent)|training")
LINE = re.compile(r"\s*([A-Za-z][A-Za-z-]*)\s*:\s*(.*?)\s*")
RULES = frozenset({"allow", "disallow", "content-usage", "content-signal"})
KNOWN = RULES | {"user-agent", "sitemap", "crawl-delay", "host", "license"}


@dataclass(frozen=True)
class RobotsRule:
    """A line of a group: its field in lower case and its value; ``text`` is the line itself."""

    field: str
    value: str
    text: str


@dataclass
class RobotsGroup:
    """Agents in lower case, and the rules for them. Lines before any agent form a group of none."""

    agents: list[str] = field(default_factory=list)
    rules: list[RobotsRule] = field(default_factory=list)


def parse(body: bytes) -> list[RobotsGroup] | None:
    """The groups of a robots.txt; ``None`` if it is not one: not text, or text without one line that it could have."""
    text = decode_utf8(body)
    if text is None:
        return None
    groups, naming, known, lines = [RobotsGroup()], False, 0, 0
    for line in re.split(r"\r\n|\r|\n", text):
        said = line.split("#", 1)[0].strip()
        if not said:
            continue
        lines += 1
        found = LINE.fullmatch(said)
        if found is None:
            continue
        name, value = found[1].lower(), found[2]
        known += name in KNOWN
        if name == "user-agent":
            if not naming:
                groups.append(RobotsGroup())
            groups[-1].agents.append(value.lower())
            naming = True
        elif name in KNOWN:
            naming = naming and name not in RULES
            groups[-1].rules.append(RobotsRule(name, value, said))
    return groups if known or not lines else None


def path_of(url: str) -> str:
    """The part of a URL that rules are about."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def matches(pattern: str, path: str) -> bool:
    """Whether a path begins as a pattern says: ``*`` is any run of characters, a final ``$`` the end of the path."""
    end = pattern.endswith("$")
    first, *rest = _plain(pattern[:-1] if end else pattern).split("*")
    path = _plain(path)
    if not path.startswith(first):
        return False
    if not rest:
        return not end or path == first
    place = len(first)
    for part in rest[:-1]:
        found = path.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    last = rest[-1]
    return path.endswith(last) and len(path) - len(last) >= place if end else path.find(last, place) >= 0


def _plain(text: str) -> str:
    """One spelling for what percent-encoding writes in several."""
    return quote(unquote(text, errors="surrogateescape"), safe="/*?&=:@!,;'()~+$%", errors="surrogateescape")


def verdict(rules: Sequence[RobotsRule], path: str) -> RobotsRule | None:
    """The rule for a path: the longest of those that match, and of equal ones the one that allows."""
    found = [rule for rule in rules if rule.field in ("allow", "disallow") and rule.value and matches(rule.value, path)]
    return max(found, key=lambda rule: (len(rule.value), rule.field == "allow"), default=None)


def disallows(groups: list[RobotsGroup], agent: str, path: str) -> RobotsRule | None:
    """The rule that keeps ``agent`` from ``path``, or ``None``; groups that name it go before those for all."""
    own = [rule for group in groups if agent in group.agents for rule in group.rules]
    named = any(agent in group.agents for group in groups)
    everyone = [rule for group in groups if "*" in group.agents for rule in group.rules]
    rule = verdict(own if named else everyone, path)
    return rule if rule is not None and rule.field == "disallow" else None


def is_ai(agent: str) -> bool:
    """Whether a product token is of an agent that gathers data for models."""
    token = re.split(r"[/ ]", agent, maxsplit=1)[0]
    return token in AGENTS or agent in AGENTS or LOOKS_LIKE_AI.search(agent) is not None


def barred(document: Document, url: str, agent: str = US) -> str | None:
    """Why ``agent`` may not fetch ``url``, or ``None`` if it may. What cannot be read bars (RFC 9309, 2.3.1.4)."""
    if is_absent(document):
        return None
    problem = read_problem(document)
    groups = parse(document.body) if problem is None else None
    if groups is None:
        return problem or "robots.txt is not readable"
    rule = disallows(groups, agent, path_of(url))
    return None if rule is None else f"robots.txt says {rule.text!r}"


def read(document: Document, url: str) -> SignalReading:
    """What robots.txt says of training on ``url``: reserved if any agent that trains is kept away from it."""
    where = document.url
    if is_absent(document):
        return SignalReading("robots", "silent", where, f"the server answered {document.status}")
    problem = read_problem(document)
    if problem is not None:
        return SignalReading("robots", "unreadable", where, problem)
    groups = parse(document.body)
    if groups is None:
        return SignalReading("robots", "unreadable", where, "it is no robots.txt")
    path = path_of(url)
    agents = dict.fromkeys(agent for group in groups for agent in group.agents if is_ai(agent) or agent == "*")
    for agent in [*agents, US]:
        rule = disallows(groups, agent, path)
        if rule is not None:
            return SignalReading("robots", "reserved", where, f"User-agent: {agent} / {rule.text}")
    return SignalReading("robots", "silent", where)

"""robots.txt: groups, rules, paths (RFC 9309), and whether it keeps agents that train models away from a path.

A site cannot name us, whom it does not know, so a rule against any agent that gathers training data is read as a rule
against us. Misspelt lines are read as the refusals that they were meant to be, never as permissions. Knows nothing of
the network.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from langit.ledger.signals.reading import Document, SignalReading, decode_utf8, is_absent, letters_of, read_problem

US = "langit"
"""Our own product token."""
_NAMES = """
    addsearchbot ai2bot ai2bot-deepresearcheval ai2bot-dolma aihitbot amazon-kendra amazonbot amazonbuyforme andibot
    anomura anthropic-ai applebot applebot-extended archive.org_bot atlassian-bot awario bedrockbot bigsur.ai bravebot
    brightbot buddybot bytespider ccbot channel3bot chatglm-spider chatgpt chatgpt-user claude-searchbot claude-user
    claude-web claudebot cloudflare-autorag cloudvertexbot cohere-ai cohere-training-data-crawler commoncrawl cotoyogi
    crawl4ai crawlspace dataforseobot datenbank-crawler datenbank deepseekbot devin diffbot duckassistbot echobot
    echoboxbot facebookbot facebookexternalhit factset_spyderbot firecrawlagent firecrawl friendlycrawler
    gemini-deep-research google-agent google-cloudvertexbot google-extended google-firebase google-notebooklm
    googleagent-mariner googleother googleother-image googleother-video gptbot grok-deepsearch grokbot huggingface
    ia_archiver iaskbot iaskspider iboubot icc-crawler imagesiftbot imagespider img2dataset isscyberriskcrawler
    kangaroo klaviyoaibot kunatocrawler laion-huggingface-processor laiondownloader lcc linerbot linguee linkupbot
    magpie-crawler manus-user meltwater meta meta-externalagent meta-externalfetcher meta-webindexer midjourney
    mistralai-user mycentralaiscraperbot netestate notebooklm novaact oai-searchbot omgili omgilibot openai operator
    pangubot panscient panscient.com peer39_crawler perplexity-user perplexitybot petalbot phindbot poggio-citations
    poseidon qualifiedbot quillbot quillbot.com sbintuitionsbot scrapy seekr seekrbot semrushbot-ocob semrushbot-swa
    shapbot sidetrade spawning-ai stabilityai terracotta thinkbot tiktokspider timpibot turnitinbot twinagent
    velenpublicwebcrawler wardbot webzio webzio-extended wpbot wrtnbot xai-searchbot yak yandexadditional
    yandexadditionalbot youbot zanistabot
"""
AGENTS = frozenset(_NAMES.split())
"""Agents that gather data for models, or fetch for them; names as sites' robots.txt files write them, in lower case."""
LOOKS_LIKE_AI = re.compile(
    r"(^|[^a-z])(ai|llm|ml|agi|tdm)([^a-z]|$)|gpt|llm|genai|[a-z]ai($|[^a-z])"
    r"|ai[-_ ]?(bot|crawler|spider|agent|scraper)"
    r"|anthropic|bytedance|claude|deepseek|generativ|llama|midjourney|mistral|neural|openai|runway|stability|(^|[^a-z])sora"
    r"|train(ing|er|s)?([^a-z]|$)|dataset|machine[-_ ]?learning|text[-_ ]?and[-_ ]?data|scrap(e|er|ers|ing)([^a-z]|$)"
)
LINE = re.compile(r"\s*([A-Za-z][A-Za-z _-]*?)\s*[:=]\s*(.*?)\s*")
LINES = re.compile(
    r"\r\n|[\r\n\v\f\x85\u2028\u2029]|<br ?/?>|(?:\\r)?\\n|\s+(?=(?:user[ _-]?agent|disallow)\s*:)", re.IGNORECASE
)
"""Where a line ends: at any of Unicode's line ends, at those of HTML and of program texts, and before the next field
where its line end was lost."""
BULLET = re.compile(r"^(?:[-*>\u2022\"'\s]|\d+[.)])+")
ASCII = {ord(mark): "-" for mark in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"} | {0xFF1A: ":", 0xA0: " "}
EVERYBODY = frozenset({"", "all", "any", "**", ".*", "all bots", "all robots", "everyone"})
"""What is written for ``*`` where every agent is meant."""
EVERYTHING = frozenset({"all", "any", "everything", "yes", "true"})
NO_COLON = re.compile(r"\s*(user[ _-]?agent|disallow)\s+(\S.*?)\s*", re.IGNORECASE)
FIELDS = {
    "useragent": "user-agent",
    "disallow": "disallow",
    "allow": "allow",
    "contentusage": "content-usage",
    "contentsignal": "content-signal",
    "contentsignals": "content-signal",
    "sitemap": "sitemap",
    "crawldelay": "crawl-delay",
    "host": "host",
    "license": "license",
    "licence": "license",
    "rsl": "license",
    # Of no standard, or of drafts (Microsoft's DisallowAITraining): read as the refusals that they are meant to be.
    "block": "disallow",
    "deny": "disallow",
    "forbid": "disallow",
    "noai": "disallow",
    "noaitraining": "disallow",
    "notraining": "disallow",
    **dict.fromkeys(("agent", "bot", "crawler", "robot", "spider", "user", "useragents"), "an agent"),
}
FUZZY = ("useragent", "disallow", "contentusage", "contentsignal")
"""Fields that are recognised when misspelt: all of them can only take permissions away."""
RULES = frozenset({"allow", "disallow", "content-usage", "content-signal"})
SIMILAR = 0.8  # of difflib's ratio: one letter missing, doubled or swapped in "disallow"


@dataclass(frozen=True)
class RobotsRule:
    """A line of a group: its field in lower case and its value; ``text`` is the line itself."""

    field: str
    value: str
    text: str


@dataclass
class RobotsGroup:
    """Agents in lower case, and the rules for them. Lines before any agent form a group without agents."""

    agents: list[str] = field(default_factory=list)
    rules: list[RobotsRule] = field(default_factory=list)


def parse(body: bytes) -> list[RobotsGroup] | None:
    """The groups of a robots.txt; ``None`` if it is not one: not text, or text without a single line of one."""
    text = decode_utf8(body)
    if text is None:
        return None
    groups, naming, known, lines = [RobotsGroup()], False, 0, 0
    for raw in LINES.split(text.translate(ASCII)):
        line = BULLET.sub("", raw.split("#", 1)[0]).strip()
        if not line:
            continue
        lines += 1
        found = LINE.fullmatch(line) or NO_COLON.fullmatch(line)
        name = None if found is None else _field(found[1])
        if found is None or name is None:
            continue
        known += 1
        if name in ("user-agent", "an agent"):
            if not naming:
                groups.append(RobotsGroup())
            # A misspelt field may narrow a group no further than to everybody.
            groups[-1].agents += [*_agents(found[2]), *(["*"] if name == "an agent" else [])]
            naming = True
        else:
            naming = naming and name not in RULES
            value = _whole_path(found[2]) if name == "disallow" else found[2]
            groups[-1].rules.append(RobotsRule(name, value, line))
    return groups if known or not lines else None


def _field(name: str) -> str | None:
    """The field that a name is, or was meant to be."""
    letters = letters_of(name)
    if letters in FIELDS:
        return FIELDS[letters]
    if letters.startswith("disallow"):
        return "disallow"
    near = difflib.get_close_matches(letters, [*FUZZY, "allow"], n=1, cutoff=SIMILAR)
    return FIELDS[near[0]] if near and near[0] in FUZZY else None


def _whole_path(value: str) -> str:
    """The path of a Disallow that was written as a whole URL, in quotes, as an ending, or without its first slash."""
    value = value.strip("\"'").replace("\\", "/")
    if value.lower() in EVERYTHING:
        return "/"
    if re.match(r"[\w-]+(\.[\w-]+)+/", value):
        return value[value.index("/") :]  # begins with a host
    if value.startswith("./"):
        return value[1:]
    if value.startswith("."):
        return f"*{value}"
    if "://" in value:
        try:
            return path_of(value)
        except ValueError:
            return "/"
    return value if not value or value.startswith(("/", "*", "$")) else f"/{value}"


def _agents(value: str) -> list[str]:
    """The agents of a line: one, as the standard has it, or several between commas."""
    found = [part.strip().strip("\"'") for part in re.split(r"[,;|]", value.lower())]
    return [("*" if agent in EVERYBODY else agent) for agent in found if agent or len(found) == 1]


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
    """One spelling for what percent-encoding, repeated slashes and dots write in several."""
    place, sign, query = unquote(text, errors="surrogateescape").partition("?")
    place = re.sub(r"/(?:\./)+|/{2,}", "/", place)
    while "/../" in place and (shorter := re.sub(r"/[^/*]+/\.\./|^/\.\./", "/", place, count=1)) != place:
        place = shorter
    return quote(place + sign + query, safe="/*?&=:@!,;'()~+$%", errors="surrogateescape")


def verdict(rules: Sequence[RobotsRule], path: str) -> RobotsRule | None:
    """The rule for a path: the longest of those that match, and of equal ones the one that allows."""
    found = [rule for rule in rules if rule.field in ("allow", "disallow") and rule.value and matches(rule.value, path)]
    return max(found, key=lambda rule: (len(rule.value), rule.field == "allow"), default=None)


def disallows(groups: list[RobotsGroup], agent: str, path: str) -> RobotsRule | None:
    """The rule that keeps ``agent`` from ``path``, or ``None``; groups that name it precede those for all agents."""
    own = [rule for group in groups if agent in group.agents for rule in group.rules]
    named = any(agent in group.agents for group in groups)
    everyone = [rule for group in groups if "*" in group.agents for rule in group.rules]
    rule = verdict(own if named else everyone, path)
    return rule if rule is not None and rule.field == "disallow" else None


def is_ai(agent: str) -> bool:
    """Whether an agent gathers data for models: by its product token, or because its name sounds like it."""
    words = re.split(r"[/ *]+", agent.strip("* "))
    tokens = {words[0], agent, agent.replace(" ", "-"), *words}
    return not AGENTS.isdisjoint(tokens) or LOOKS_LIKE_AI.search(agent) is not None


def why_barred(document: Document, url: str, agent: str = US) -> str | None:
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
        return SignalReading("robots", "unreadable", where, "it is not a robots.txt")
    path = path_of(url)
    agents = dict.fromkeys(agent for group in groups for agent in group.agents if is_ai(agent) or agent == "*")
    for agent in [*agents, US]:
        rule = disallows(groups, agent, path)
        if rule is not None:
            return SignalReading("robots", "reserved", where, f"User-agent: {agent} / {rule.text}")
    for_nobody = verdict([rule for group in groups if not group.agents for rule in group.rules], path)
    if for_nobody is not None and for_nobody.field == "disallow":
        return SignalReading("robots", "unreadable", where, f"{for_nobody.text}, before any User-agent")
    return SignalReading("robots", "silent", where)

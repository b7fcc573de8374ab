"""Claims of code blocks: the command that reaches a goal, and the endpoint it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.grammar import BASE_VERBS, PREPOSITIONS
from understudy.generate.extractive.lexicon import IMPERATIVE
from understudy.generate.extractive.lists import entry_claims
from understudy.generate.extractive.prose import clear_goal
from understudy.generate.extractive.sentence_forms import first_person
from understudy.generate.text import clip, lower_first, plain
from understudy.generate.values import value_type
from understudy.normal import words
from understudy.outline import Block

_SHELL = frozenset({"bash", "sh", "shell", "console", "zsh", "powershell", "ps1", "cmd", "bat", "terminal", ""})
_CONFIG = frozenset({"toml", "ini", "yaml", "yml", "conf", "properties", "env", "dotenv"})
_URL_PATH = re.compile(r"https?://[\w.:-]+(?P<path>/[\w./-]*)")
_COMMENTED = re.compile(
    r"^[ \t]*# *(?P<g>[A-Z][^\n#]{4,90})\n(?P<v>[ \t]*[^\s#][^\n]*)(?=\n\s*(?:\n|#)|\n?\Z)", re.MULTILINE
)
_COMMAND = re.compile(r"(?:sudo )?(?:\./|/|~/)?[A-Za-z][\w./\\:-]*(?:\.exe)?(?: |$)")
_SETTING = re.compile(
    r"^[^\S\n]*(?P<k>[A-Za-z_][\w.-]*)\s*(?:=|:)\s*(?P<v>[^\s#;][^#;\n]*?)\s*(?:[#;].*)?$", re.MULTILINE
)
_TOLD_ABOVE = re.compile(
    r"^(?:(?P<s>\[[\w.-]+\])[ \t]*$|"
    r"(?P<c>(?:[#;]+ ?[^\n]*\n){1,8})(?P<off>[#;] ?)?(?P<k>[A-Za-z_][\w.-]*)[ \t]*[=:](?![=:/])[ \t]*"
    r"(?P<v>[^\n#]*)(?:#.*)?$)",
    re.MULTILINE,
)
"""`[section]`, or comments with a setting below them, which may be commented out itself."""
_TO_DO = re.compile(
    r"(?:Replace|Change|Uncomment|Put|Fill|Enter|Edit|Adjust|Customi[sz]e|Remove|Add|See|Your|Set (?:this|to|it)|"
    r"Optional|Required|Example)\b",
    re.IGNORECASE,
)
"""What a comment tells its reader to do."""
_FILLED_IN = re.compile(r"(?<![a-z])(?:my|your|our|example|foo|changeme|xxx)", re.IGNORECASE)
_SETTINGS = 6
"""As many settings with a comment above them make a sample of a configuration file."""
_GOAL = re.compile(
    r"\b(?:in order )?to (?P<g>[a-z][^.;:]{4,80}?)(?:,| with these commands| using | by |:|$)", re.IGNORECASE
)
_SAYS_TO_RUN = re.compile(
    r"(?:in order )?to |(?:then |now |finally )?(?:you can )?(?:run|use|execute|type|enter|issue|call)\b.* to ",
    re.IGNORECASE,
)
_VERB_TITLE = re.compile(
    r"^(?:how to )?(?P<g>(?:install|run|start|stop|launch|load|unload|enable|disable|check|build|clone|create|download|"
    r"set up|setup|set|"
    r"configure|deploy|get|generate|make|remove|uninstall|update|upgrade|test|use|add|activate|open|list|show|delete|verify|"
    r"restart|init|initialise|initialize|fetch|send|call|unset|export|import|config) .{3,60})$",
    re.IGNORECASE,
)
_GERUND = {
    "installing": "install", "downloading": "download", "enabling": "enable", "activating": "activate",
    "making": "make",
    "running": "run", "testing": "test", "loading": "load", "building": "build", "setting": "set", "starting": "start",
    "using": "use", "configuring": "configure", "creating": "create", "launching": "launch", "unloading": "unload",
    "cloning": "clone", "updating": "update", "removing": "remove", "checking": "check",
}  # fmt: skip


def small(title: str, names: frozenset[str]) -> str:
    """A heading in the middle of a sentence: capitals go, except those of names and acronyms."""
    parts = title.split(" ")
    return " ".join(p if p in names or p[1:] != p[1:].lower() or "`" in p else p.lower() for p in parts)


def goal_of(title: str, intro: str, section: str, names: frozenset[str] = frozenset()) -> tuple[str, bool]:
    """What a code block is for, as an infinitive without `to` (empty where nothing says so), and whether that
    is vague: a heading of few words, such as `load the model`."""
    found = _GOAL.search(intro) if _SAYS_TO_RUN.match(intro) else None
    if found and clear_goal(found["g"]) and found["g"].split()[0] in BASE_VERBS | IMPERATIVE:
        return first_person(found["g"].strip()), False
    for candidate in (title, section):
        text = re.sub(r"^(?:step\s+)?\d+\s*[.:)]\s*", "", candidate, flags=re.IGNORECASE).strip()
        first, _, rest = text.partition(" ")
        if first.lower() in _GERUND and rest:
            text = f"{_GERUND[first.lower()]} {rest}"
        match = _VERB_TITLE.match(text)
        if match:
            goal = re.sub(
                r"^(?:config|setup) ",
                lambda m: {"config ": "configure ", "setup ": "set up "}[m.group().lower()],
                match["g"],
                flags=re.IGNORECASE,
            )
            return first_person(small(goal, names)), len(words(goal)) < 4
    return "", False


def code_claims(
    block: Block, text: str, before: Block | None, label: str, location: Location, subject: str, step: str
) -> Iterator[Claim]:
    """Claims of one code block.

    before: the paragraph that introduces it; label: `On Windows`, or empty; step: the step it belongs to.
    """
    body = block.content.strip("\n")
    if block.language in _CONFIG:
        yield from _sample(body, block, text, plain(before.content) if before is not None else "", location)
    if not body.strip() or len(body) > 1600:
        return
    intro = plain(before.content) if before is not None and before.kind == "paragraph" else ""
    intro = intro if intro.endswith(":") else ""
    goal, vague = goal_of(block.title, intro.rsplit(". ", 1)[-1], step or location.section, location.names)
    if goal and len(label) > 1:
        goal = f"{goal} {lower_first(label)}"
    if block.language in _SHELL and (block.language or re.match(r"\s*\$ ", body)):  # else nothing says it is typed
        commented = list(_commented(block, text, body, location))
        yield from commented
        if not commented:
            yield from _shell(block, text, body, goal, vague, location)
    if block.language in _CONFIG:
        yield from _config(body, block, text, subject, location)


def _plain_goal(goal: str, command: str) -> bool:
    """Whether a goal is one act with its object, and of the command: `install from sources` names nothing."""
    tokens = goal.lower().split()
    if re.search(r"[,;:]|\b(?:when|if|then|using)\b", goal) or (len(tokens) > 1 and tokens[1] in PREPOSITIONS):
        return False
    if re.search(r"\b(?:joe|john|jane|alice|bob|foo|bar|my\w*|example\w*|XXX\w*|YYYY)\b|\.\.\.|<\w", command):
        return False  # an example's names
    if tokens[:1] == ["use"]:
        return False
    return tokens[:1] not in (["run"], ["execute"]) or tokens[-1].strip("`") in command.lower()


def _commented(block: Block, text: str, body: str, location: Location) -> Iterator[Claim]:
    """`# Make the script executable` above one command says what the command is for."""
    for match in _COMMENTED.finditer(body):
        goal, command = clip(match["g"].strip()), re.sub(r" +#.*$", "", match["v"].strip())
        if not _plain_goal(goal, command):
            continue
        at = text.find(command, block.start, block.end)
        if not (_VERB_TITLE.match(goal) and clear_goal(goal)) or at < 0:
            continue
        if not command.endswith(("\\", "{", "^")) and len(command) <= 240 and _COMMAND.match(command):
            span = at, at + len(command)
            asked = {"goal": first_person(lower_first(goal))}
            yield Claim("command", "", "command", command, *span, location, "command", answer=command, words=asked)


def _shell(block: Block, text: str, body: str, goal: str, vague: bool, location: Location) -> Iterator[Claim]:
    lines = [line.strip() for line in body.split("\n")]
    if any(line.startswith("$ ") for line in lines):
        lines = [line for line in lines if line.startswith("$ ")]  # the rest is what was printed
    lines = [re.sub(r"^\$ | +#.*$", "", line) for line in lines if line and not line.startswith("#")]
    command = "\n".join(lines)
    span = _span(block, text, body)
    if re.search(r"\\(?:\n|$)|^-", command) or re.search(r"\[\w[^\]]*\] \[|<[a-z][\w -]*>", command):
        return  # a synopsis
    if not _plain_goal(goal, command):
        return
    if goal and lines and len(lines) <= 3 and len(command) <= 240 and _COMMAND.match(command):
        asked = {"goal": goal}
        yield Claim("command", "", "command", command, *span, location, "command", vague, answer=command, words=asked)
    paths = {m["path"].rstrip("/.") for m in _URL_PATH.finditer(body) if "curl" in body and m["path"].count("/") >= 1}
    paths = {p for p in paths if len(p) > 2 and "." not in p.rsplit("/", 1)[-1]}
    if goal and len(paths) == 1:
        line = _line_span(block, text, "http")
        yield Claim("endpoint", "", "endpoint", paths.pop(), *line, location, "endpoint", vague, words={"goal": goal})


def _config(body: str, block: Block, text: str, subject: str, location: Location) -> Iterator[Claim]:
    """`key = value` lines under `Settings of X:`: attributes of X. Without that they are an example's values."""
    if not subject:
        return
    for match in _SETTING.finditer(body):
        value = match["v"].strip().strip("\"'")
        if not value or value[:1] in "[{|>&*" or ": " in value:
            continue
        line = match.group().strip()
        at = text.find(line, block.start, block.end)
        if at < 0 or text.find(line, at + 1, block.end) >= 0:
            continue
        plain_key = re.fullmatch(r"[a-z]+(?:[_-][a-z]+)*", match["k"])
        attribute = re.sub(r"[_-]", " ", match["k"]) if plain_key else f"`{match['k']}`"
        kind = value_type(value, attribute)
        yield Claim("attribute", subject, attribute, value, at, at + len(line), location, kind)


def _sample(body: str, block: Block, text: str, intro: str, location: Location) -> Iterator[Claim]:
    """The settings of a sample of a configuration file: six or more at its outermost level with a comment above each.

    Their values are defaults where what introduces the sample says so.
    """
    start = text.find(body, block.start, block.end)
    found = list(_TOLD_ABOVE.finditer(body)) if start >= 0 else []
    if sum(bool(match["k"]) for match in found) < _SETTINGS:
        return
    defaults = bool(re.search(r"\bdefault (?:values?|settings?|configuration|config)\b|\bdefaults\b", intro))
    section = ""
    for match in found:
        if match["s"]:
            section = match["s"]
            continue
        said = " ".join(line.strip(" \t#;") for line in match["c"].splitlines())
        value = match["v"].strip().strip("\"'")
        said = "" if _TO_DO.match(said) else said
        given = value and not match["off"] and value[0] not in "[{|>&*<$" and not _FILLED_IN.search(value)
        told = f"default {value}" if defaults and given else ""
        where = replace(location, headings=(*location.headings, section)) if section else location
        yield from entry_claims(
            f"`{match['k']}`", "setting", told, said, start + match.start(), start + match.end(), where
        )


def _span(block: Block, text: str, body: str) -> tuple[int, int]:
    """Where the code itself stands; the whole block where indentation hides it."""
    at = text.find(body, block.start, block.end)
    if at >= 0:
        return at, at + len(body)
    first = body.split("\n", 1)[0].strip()
    at = text.find(first, block.start, block.end) if first else -1
    return (at, at + len(first)) if at >= 0 and "\n" not in body.strip() else (block.start, block.end)


def _line_span(block: Block, text: str, needle: str) -> tuple[int, int]:
    at = text.find(needle, block.start, block.end)
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)]
    lead = len(line) - len(line.lstrip())
    return start + lead, start + len(line.rstrip())

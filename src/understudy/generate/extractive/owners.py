"""Whose a listed name is: the command, class, function or component that its page or section is about.

A name that several things have says nothing alone. Its owner is read where it is certain: a title that is typed, a
heading in code, a heading that ends with what kind of thing it names (`Relay plugin`), or a name of which the page says
what it is (`the Relay plugin` under the title `Relay`). Else there is none, and the name is not asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

KINDS = (
    "action", "adapter", "agent", "API", "algorithm", "backend", "broker", "builder", "cache", "chart", "client",
    "cluster", "codec", "collector", "command", "component", "connector", "console", "container", "controller", "CRD",
    "daemon", "dashboard", "database", "decorator", "dialog", "directive", "driver", "editor", "endpoint", "engine",
    "exporter", "extension", "filter", "formatter", "function", "gateway", "generator", "handler", "helper", "hook",
    "importer", "interface", "layer", "listener", "loader", "macro", "manager", "manifest", "method", "middleware",
    "mixin", "model", "module", "monitor", "node", "object", "operator", "package", "panel", "parser", "pipeline",
    "plugin", "policy", "pool", "processor", "profile", "protocol", "provider", "provisioner", "proxy", "queue",
    "receiver", "registry", "renderer", "repository", "resolver", "resource", "router", "runner", "runtime",
    "scheduler", "schema", "script", "sensor", "serializer", "server", "service", "sink", "statement", "store",
    "storage", "subcommand", "table", "task", "template", "terminal", "theme", "tool", "transformer", "transport",
    "trigger", "tunnel", "utility", "validator", "view", "widget", "worker", "workflow", "wrapper",
)  # fmt: skip
"""What a thing with settings of its own is called."""
_KIND = "|".join(sorted(KINDS, key=len, reverse=True))
_LABEL = re.compile(
    r"(?:(?:\w+[- ])?(?:options?|parameters?|arguments?|args|propert(?:y|ies)|fields?|attributes?|settings?|"
    r"configuration|configuring|config|keys?|values?|flags?|switches|variables?|inputs?|outputs?|methods?|members|functions)"
    r"(?: (?:options|parameters|reference|settings|summary|list|details|variables))?|synopsis|syntax|usage|general|"
    r"names?|reference|description|details?|overview|basics?|advanced|optional|required|defaults?|specification|examples?|"
    r"summary|introduction|common|other|miscellaneous|errors?|return values?|metrics|environment|files?|commands?)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r" (?:configuration options|configuration|settings|options|parameters|properties|arguments|attributes|fields|"
    r"reference|documentation|guide|specification|overview|usage|manual)$",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?:(?:class|function|method|exception) )?(?P<o>`[^`]{2,40}`|[a-z]\w*(?:[._]\w+)+(?:\(\))?|\w+\(\)|[a-z]+[A-Z]\w+|"
    r"[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+|\w+(?:\.\w+)*\((?!\d\w*\))[^)]*\))"
)
_SHOWN = re.compile(r"^```.*?^```|^(?: {4}|\t)[^\n]+|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_PROMPT = r"(?:[$#%>] ?|usage: )?`?"
"""What may stand before a command that is typed."""
_OPTIONS_OF = re.compile(
    r"(?:`(?P<c>[a-z][\w.+-]*)`|(?P<d>[a-z][\w.+]*(?:[-_][\w.+]+)+)) "
    r"(?i:(?:command[- ]line )?(?:options|flags|switches|arguments)|command[- ]line)"
)
_NUMBER = re.compile(r"^(?:(?:\d+|[A-Z])(?:\.\d+)+\.?|\d+\.)[ \u00a0]+(?=\S)|^\d{1,2} +(?=[A-Z])")
_FUNCTION = re.compile(r"\w\.\w|(?<![\w.])[A-Za-z][A-Za-z\d]*_\w+\(\)|(?<![\w.])[a-z]+(?:[A-Z]+[a-z\d]+){3,}\(\)")
_COMMAND = re.compile(r"`?(?P<c>[a-z][\w.-]*(?: [a-z][\w-]*){1,3})`?")
_SENTENCE_WORDS = re.compile(
    r"\b(?:the|a|an|your|my|with|in|on|from|to|by|using|how|what|why|when|if|and|or|of|for|is|are|vs)\b", re.IGNORECASE
)
_NO_TOPIC = re.compile(
    r"features?|introduction|install(?:ation|ing)?|getting started|quick ?start|setup|read ?me|home|welcome|about|"
    r"faqs?|tips",
    re.IGNORECASE,
)
_COMMANDS_TOO = frozenset({"config", "files", "keys", "metrics"})
"""Labels that are often commands as well."""
_TASK = re.compile(
    r"(?:Set|Add|Use|Create|Run|Install|Build|Get|Make|Choose|Enable|Monitor|Manage|Configure|Deploy|Write|Other|Another|"
    r"More|Additional|Further)\b"
)
_ANY = re.compile(
    r"(?:global|extended|basic|simple|advanced|custom|default|new|main|current|general|common|other|special|generic|external|"
    r"internal|additional|optional|available|supported|built-?in)\b",
    re.IGNORECASE,
)
"""What tells no thing from others of its kind."""
_KNOWN_BY_ITSELF = re.compile(r"\w\.\w|[a-z]{2}[A-Z]\w*[a-z][A-Z]|_[^_]+_|^[A-Z]+_[A-Z_]*[A-Za-z]|\w-\w+-\w")


def unnumbered(heading: str) -> str:
    """A heading without the number of its section: `5.4. Options`, `2 Options`, `A.1 Options`."""
    return _NUMBER.sub("", heading)


def typed_command(title: str, text: str) -> str:
    """The command that a title or a heading names, where the page shows it typed: `tool prune`, or `prune` where it
    shows `tool prune --all`; else empty."""
    match = _COMMAND.fullmatch(title.strip())
    if match is None:
        word = title.strip().strip("`")
        return "" if is_label(title) and word not in _COMMANDS_TOO else _subcommand(word, text)
    first, *_, last = match["c"].split()
    if not _lines(text, first, last):
        return ""
    return _with_program(match["c"], text)


@lru_cache(maxsize=256)
def _with_program(command: str, text: str) -> str:
    """A command with the one program that the page always types before it: `tool self show` of `self show`."""
    found = _programs(command, r"(?![\w-])", text)
    return f"{found.pop()} {command}" if len(found) == 1 else command


@lru_cache(maxsize=256)
def _subcommand(word: str, text: str) -> str:
    """The one command that is typed with a word and its options; empty where there is none, or several."""
    if not re.fullmatch(r"[a-z][a-z\d-]+", word) or word not in text:
        return ""
    found = _programs(word, r" +(?:--?\w|[\[<{])", text)
    return f"{found.pop()} {word}" if len(found) == 1 else ""


def _programs(command: str, after: str, text: str) -> set[str]:
    """The programs that a page types before a command, where what a pattern says stands after it."""
    typed = re.compile(rf"^[ \t]*{_PROMPT}(?P<p>[a-z][\w.-]*) {re.escape(command)}{after}", re.MULTILINE)
    return {m["p"] for block in _SHOWN.findall(text) for m in typed.finditer(block)}


def named_program(heading: str, title: str) -> str:
    """The program that a section's heading names as a man page's first line does: `tool-sub - prune letters`; or whose
    options it says stand below it: `tool_sub command-line options`."""
    if match := _OPTIONS_OF.fullmatch(heading.strip()):
        return match["c"] or match["d"]
    match = re.fullmatch(
        r"`?(?P<c>[a-z][\w.+]*(?:-[\w.+]+)*)`?(?:\(\d\w*\))? (?:-{1,2}|—|–) [A-Za-z].*", heading.strip()
    )
    return match["c"] if match and heading != title else ""


@lru_cache(maxsize=256)
def _lines(text: str, first: str, last: str) -> bool:
    typed = rf"{re.escape(first)}\b[^\n]*(?<![\w-]){re.escape(last)}(?![\w-])"
    shown = rf"^[ \t]*(?:`{{3}}\w*\s+)?{_PROMPT}{typed}"
    return any(re.search(shown, block, re.MULTILINE) for block in _SHOWN.findall(text))


def in_code(heading: str, part: str) -> str:
    """The name of a class, function or object that a heading is, as code; empty for the part itself and for others."""
    match = _CODE.fullmatch(heading)
    if match is None:
        return ""
    name = match["o"].strip("`").partition("(")[0]
    shown = f"{name}()" if "(" in match["o"] else name
    return "" if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", part) else f"`{shown}`"


def thing(headings: Sequence[str], title: str, text: str, product: str, part: str) -> str:
    """What the section or page is about, with what kind of thing it is: `the Relay plugin`; empty where that is unsure.

    headings: outermost first. Headings that only say what stands below them (`Options`) are passed over.
    """
    for heading in [*reversed([h for h in headings if h != title]), title]:
        if _LABEL.fullmatch(heading.strip()) or not heading.strip():
            continue
        if code := in_code(heading, part):
            return code
        if re.fullmatch(r"[a-z]\w+", heading) and f"{heading}(" in text and heading not in part:
            return f"`{heading}()`"
        return _kind_of_thing(heading.strip(), text, product)
    return ""


@lru_cache(maxsize=1024)
def topic(title: str, text: str, product: str) -> str:
    """What a page is about, in the middle of a sentence: `federation` of `Federation Reference`; empty for a title that
    is a task, a sentence or a mere label."""
    name = re.sub(r" ?\([^()]*\)$", "", title)
    name = _noun_phrase(name, product)
    if is_label(name) or is_kind(name) or _NO_TOPIC.fullmatch(name) or name == product:
        return ""
    small = _small(name, text)
    counted = (
        small.islower()
        and not is_kind(small.split()[-1])
        and len(re.findall(rf"\b[Aa]n? {re.escape(small)}\b", text)) > 1
    )
    return f"{small}s" if counted and f"{small}s" in text else small


def _noun_phrase(heading: str, product: str) -> str:
    """The name in a heading, without what says that it is documented; empty for a task or a sentence."""
    name = re.sub(r"^(?:The|An?) ", "", heading)
    if product:
        name = re.sub(rf" (?:for|in|of) {re.escape(product)}$", "", name)
    name = _TAIL.sub("", name)
    said = not 1 <= len(name.split()) <= 5 or _SENTENCE_WORDS.search(name) or re.search(r"[:;,?!()\[\]\"|/]", name)
    return "" if said or (re.match(r"\w+ing ", name) or _TASK.match(name)) else name


@lru_cache(maxsize=1024)
def _kind_of_thing(heading: str, text: str, product: str) -> str:
    name = _noun_phrase(heading, product)
    if not name or re.match(r"\w+ing\b", name):
        return ""
    words = name.split()
    if len(words) > 1 and re.fullmatch(_KIND, words[-1], re.IGNORECASE):
        return "" if _ANY.match(name) else f"the {_small(name, text)}"
    if re.fullmatch(_KIND, name, re.IGNORECASE) or not re.match(r"[A-Z`]", name):
        return ""
    code = re.sub(r"[ -]", "_", name.replace("`", "").lower())
    typed = Counter(re.findall(rf"`{re.escape(code)}` ({_KIND})\b", text))
    if typed:
        return f"the `{code}` {_commonest(typed)}"
    said = Counter(re.findall(rf"(?<![\w-]){re.escape(name.replace('`', ''))}`?(?:\*\*)? ({_KIND})\b", text))
    if not said or (len(words) == 1 and re.search(rf"\b{re.escape(name.lower())}\b", text) and not name.isupper()):
        return ""
    return f"the {name} {_commonest(said)}"


def _commonest(said: Counter[str]) -> str:
    """What is said most often, of several the first by its letters."""
    return min(said, key=lambda kind: (-said[kind], kind))


def _small(name: str, text: str) -> str:
    """A heading in the middle of a sentence: a word that the page also writes in lower case is no name."""
    return " ".join(
        w.lower()
        if w[1:] == w[1:].lower()
        and re.search(rf"\b{re.escape(w.lower())}\b", text)
        and not re.search(rf"(?<=[a-z,] ){re.escape(w)}\b", text)
        else w
        for w in name.split()
    )


def is_label(heading: str) -> bool:
    """Whether a heading only says what stands below it: `Options`, `Environment variables`."""
    return bool(_LABEL.fullmatch(heading.strip()))


def is_kind(heading: str) -> bool:
    """Whether a heading only says what kind of things stand below it: `Plugins`, `Service`."""
    return bool(re.fullmatch(f"(?:{_KIND})s?", heading.strip(), re.IGNORECASE))


def known_by_itself(name: str) -> bool:
    """Whether a name is so long that one thing has it: of three parts, with a dot, or a function's of two, or of four.

    A method's name (`getState()`, `configure()`, `_private()`) says nothing without its class.
    """
    bare = name.replace("`", "")
    return bool(_FUNCTION.search(bare) if "()" in bare else _KNOWN_BY_ITSELF.search(bare))

"""Claims of lists: definition lists, labelled items, lists with an introduction, procedures, questions and answers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.grammar import BASE_VERBS, has_pronoun, is_identifier, is_noun_phrase, points_away
from understudy.generate.extractive.lexicon import IMPERATIVE, OBJECT_VERBS
from understudy.generate.extractive.prose import named
from understudy.generate.extractive.sentence_forms import first_person
from understudy.generate.extractive.tables import described, is_header, noun_of
from understudy.generate.text import bare, clip, lower_first, plain, upper_first
from understudy.generate.values import PRECISE, value_type
from understudy.normal import folded, normal, words
from understudy.outline import Block

_LABEL = re.compile(
    r"^(?P<t>\*\*[^*]{1,60}\*\*|__[^_]{1,60}__|`[^`]{1,60}`|[A-Za-z][\w /-]{1,40}?)"
    r"(?P<d>\s*\((?P<p>[^)]{1,60})\))?(?:\s*[:：](?:\*\*)?\s+|\s+[-–—]\s+|\s*=\s*)(?P<v>\S.*)$",
    re.DOTALL,
)
_TERM = re.compile(
    r"^(?P<lead>(?: {2}|: )*)(?P<t>[^\s:].*)\n\n?(?P<own> *):[ \t]+(?P<v>.+(?:\n[ \t]+(?!: )\S.*)*)", re.MULTILINE
)
_TAKES_BACK = re.compile(
    r"\s*\n[ \t]*\n[ \t]+(?!: )[A-Z`*][^.\n]*\b(?:(?:has|have) no effect|only|must|cannot|requires|unless|except|"
    r"(?:is|are) (?:ignored|deprecated|experimental|obsolete|not (?:allowed|supported|available)))\b"
)
"""A paragraph behind a description that says when it does not hold."""
_DEFAULT_TAIL = re.compile(
    r"[.;,(]?\s*(?:The default(?: value)?(?: is|:)|Defaults? to|Default(?: is|:| =)?)"
    r"\s*(?P<v>`[^`]+`|[^`.;,()\s]+(?:\.\w+)*(?: ?(?:%|[a-zA-Z]{1,9}))?)\s*[.)]?\s*$"
)
_TERM_DEFAULT = re.compile(
    r"\s*[(\[](?:the )?default(?: value)?(?: is)?\s*[:=]?\s*(?P<v>[^()\[\]]{1,60})[)\]]$", re.IGNORECASE
)
"""`relay_timeout (default: 30s)`."""
PHRASE = re.compile(
    r"(?!(?i:see|same|depends|n/a|unset|none|taken|as|the (?:above|below|value))\b)"
    r"[A-Za-z`][\w`'/%-]*(?: [\w`'/%-]+){1,6}"
)
"""A default in words: `Number of CPU cores`."""
_LONG_FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_SHORT_FLAG = re.compile(r"(?<![\w-])-[A-Za-z0-9]\b")
_NAME = re.compile(r"\\?[A-Za-z_$][\w.$:/-]*(?:\(\))?")
_SIGNATURE = re.compile(
    r"(?:(?:async|static|classmethod|function|method) )*(?P<n>[A-Za-z_][\w.]*[\w])"
    r"\((?P<p>[^()]*(?:\([^()]*\)[^()]*)*)\)(?: ?(?:->|→|:).*)?"
)
"""`function relay_open(path, *, mode='r') -> Relay`."""
_CAMEL = re.compile(r"[A-Z]?[a-z0-9]+(?:[A-Z][a-z0-9]*)+")
_KNOWN_ALONE = re.compile(r"[_()./]|[a-z][A-Z]|[A-Z]{4,}|\w-\w")
_KNOWN_BY_ITSELF = re.compile(r"\(\)|[./]|[a-z][A-Z]|[A-Z]{4,}|_[^_]+_|^[A-Z]+_[A-Za-z]")
_TYPE_WORDS = frozenset({"boolean", "integer", "string", "value", "number", "expression", "condition", "text"})
_TYPE = re.compile(
    r"`?(?:u?int\d*|float\d*|str|string|bool|boolean|integer|double|number|array|object|list|map|duration|timestamp|bytes?|"
    r"long|counter|gauge|histogram)`?",
    re.IGNORECASE,
)
"""`offset_ns (int64)`: no default."""
_VALUED = re.compile(r"`([\w.-]{3,})` +(?:(?:(?:\[[^\]\[]*\]|<[^<>]*>)(?: |$)){1,3}|[*_]?[a-z][\w-]*[*_]?)")
"""`` `allow_mail` [ true | false ]``, `` `max_letters` count``: a name and its value's place."""
_ASSIGNED = re.compile(r"[A-Za-z][\w.-]*[\w]=")
"""`RelayPath=`: a setting as a configuration file writes it."""
_REMARKS = frozenset(
    """
    NOTE NOTES WARNING WARNINGS TIP TIPS HINT CAUTION IMPORTANT DANGER INFO TODO FIXME EXAMPLE EXAMPLES SYNOPSIS BUGS
    AUTHOR AUTHORS ERRORS VERSIONS DESCRIPTION RETURNS RAISES PARAMETERS ATTENTION
    """.split()  # noqa: SIM905
)
_REFERENCES = re.compile(r"(?:`?[\w.@-]+`?\(\d\w*\)[,;. ]*(?:and )?)+")  # an index: where it is spoken of
_STEP = re.compile(r"^(?:step\s+)?(\d{1,2})\s*[.:)]\s*(\S.*)$", re.IGNORECASE)
_INTRODUCES = re.compile(
    r"^(?P<s>[^,;:]{2,60}?) (?P<f>\w+s) the following (?P<n>[a-z][\w -]{2,40}?)(?: (?:for|of|in|to) [^:,]{2,40})?:$"
)
_FEATURES = re.compile(
    r"^(?P<n>(?:key |main |major )?(?:advantages|benefits|features|goals|limitations|"
    r"requirements))(?: of (?P<s>[\w `-]{2,40}))?:$",
    re.IGNORECASE,
)


def definition_claims(block: Block, text: str, location: Location, subject: str) -> Iterator[Claim]:
    """`Term` / `: definition` lists, read from the source: where no blank line parts them, the next term would
    count as a continuation of the definition before."""
    at = block.start
    mixed = _mixed(text[block.start : block.end])
    of_one = bool(location.program) and location.title.startswith(location.program)  # not a page of many programs
    around: list[tuple[int, str]] = []  # the terms that hold this one, with how far in they stand
    while match := _TERM.search(text, at, block.end):
        at = (
            match.start("own") if match["v"].startswith(("`", "*")) else match.end()
        )  # a term may stand in a definition
        depth = len(match["own"])
        if len(match["lead"]) != depth:
            continue
        around = [held for held in around if held[0] < depth]
        inside = any(entry_name(_with_default(term)[0]) for _, term in around)
        around.append((depth, match["t"]))
        if inside:
            continue  # one of the values of the thing that it is told under
        if mixed and _shape(match["t"]) == "other":
            continue
        value = re.split(r"\n\s*\n|\n\s*[-*+] |\n\s*:", match["v"])[0]
        name = entry_name(match["t"])
        if of_one and name.startswith("`-") and _listed(text)[name] > 1:
            continue  # with several meanings, of which the question would not say which
        end = match.start("v") + len(value)
        found = _labelled(match["t"], "", plain(value), match.start("t"), end, location, subject)
        taken_back = _TAKES_BACK.match(text, end, block.end)
        yield from (claim for claim in found if claim.form == "default") if taken_back else found


@lru_cache(maxsize=8)
def _listed(text: str) -> Counter[str]:
    """How often a page lists each option with another description."""
    told = {(entry_name(match["t"]), normal(match["v"])) for match in _TERM.finditer(text)}
    return Counter(name for name, _ in told)


def _mixed(text: str) -> bool:
    """Whether a list names some entries as `PreemptMode` and others otherwise: these are mostly values of those."""
    shapes = Counter(_shape(match["t"]) for match in _TERM.finditer(text))
    return shapes.total() >= 8 and min(10 * shapes["camel"], 20 * shapes["other"]) >= shapes.total()


def _shape(term: str) -> str:
    name = bare(plain(term)).split(" ")[0].split("=")[0]
    if name.startswith("-"):
        return "flag"
    if re.fullmatch(r"(?:[A-Z]+[a-z0-9]+)+[A-Z]*(?:\[[^]]*\])?", name):
        return "camel"
    return "other" if re.fullmatch(r"[\w./:-]+", name) else ""


def item_claims(item: Block, text: str, location: Location, subject: str) -> Iterator[Claim]:
    """`- **Term**: text` and its kin. The quote is the item's first paragraph."""
    head = item.children[0] if item.children else item
    match = _LABEL.match(item.content.strip()) if head.kind in ("paragraph", "item") and item.content else None
    if match is None:
        return
    raw, value = match["t"].strip("*_"), folded(match["v"])
    if not match["t"].startswith(("**", "__", "`")) and len(raw.split()) > 4:
        return
    label = f"`{bare(raw)}`" if "`" in match["t"] else plain(raw).rstrip(":").strip()
    yield from _labelled(label, match["p"] or "", plain(value), head.start, head.end, location, subject)


def entry_name(term: str) -> str:
    """The name that an entry describes: `--keep` of `-k, --keep`; empty where that is unsure."""
    text = plain(term).strip().rstrip(":")
    text = text if "`" in text else text.replace("\\", "")
    if text.lstrip("`*").startswith("-"):
        long, short = _LONG_FLAG.findall(text), _SHORT_FLAG.findall(text)
        if "[no-]" in text or not (long or short) or any(f"--no-{flag[2:]}" in long for flag in long):
            return ""  # an option and its opposite, described together
        if long and (long[0].endswith("-") or f"{long[0]}<" in text):
            return ""  # a part of the name is a placeholder
        return f"`{(long or short)[0]}`"
    inner = valued[1] if (valued := _VALUED.fullmatch(text)) else bare(text)
    if _ASSIGNED.fullmatch(inner):
        inner, text = inner[:-1], f"`{inner[:-1]}`"
    if (
        inner.upper() in _REMARKS
        or ".." in inner
        or inner.endswith("/")
        or re.search(r"(?i:xxx)|_[nN]\b|NNN", inner)
        or "``" in text
        or inner.count('"') % 2
        or sum(c.isdigit() for c in inner) > 8
    ):
        return ""  # no name that anybody asks for
    if inner.isupper() and re.fullmatch(r"[A-Z][A-Z ]{2,40}", inner):  # an SQL command
        return inner if len(set(inner.split())) == len(inner.split()) else ""  # else two ways side by side
    if re.fullmatch(r"[\w.+-]+\(\d\w?\)", inner):  # a man page, which says more of its program itself
        return ""
    if signature := _SIGNATURE.fullmatch(inner):
        return f"`{signature['n']}()`"
    if "`" in text or is_identifier(inner):
        first = inner.split(",")[0].strip()
        return f"`{first}`" if _NAME.fullmatch(first) and first == inner else ""
    return ""


def _labelled(
    term: str, default: str, value: str, start: int, end: int, location: Location, subject: str
) -> Iterator[Claim]:
    """`term` is a name with its description, or an attribute of the section's subject with its value."""
    if not value or value.endswith(":") or not term or _REFERENCES.fullmatch(value):
        return
    method, _, route = bare(term).partition(" ")
    if value_type(bare(term)) == "endpoint" and method.isupper() and route:
        yield Claim("method", f"`{route}`", "method", method, start, end, location, "method")
        term = f"`{route}`"
    term, told = _with_default(term)
    default = default or told
    label = entry_name(term)
    if label:
        yield from entry_claims(
            _with_placeholder(label, term, value), "", default, value, start, end, location, subject
        )
        return
    label = plain(term)
    kind = value_type(value, label)
    if subject and kind in PRECISE - {"identifier"} and re.fullmatch(r"[A-Za-z]+(?: [a-z]+){0,4}", label):
        yield Claim("attribute", subject, lower_first(label), bare(value), start, end, location, kind)


def _with_default(term: str) -> tuple[str, str]:
    """A term without the default that stands behind it in brackets, and that: `relay_timeout`, `default 30s`."""
    written = plain(term).strip().rstrip(":")
    match = _TERM_DEFAULT.search(written)
    return (written[: match.start()].strip(" *_"), f"default {match['v'].strip()}") if match else (term, "")


def _with_placeholder(label: str, term: str, value: str) -> str:
    """An option with its value's name, where its description speaks of it: `--size=N` of what makes a thing N bytes."""
    written = plain(term).replace("`", "").replace("\\", "")
    match = re.search(
        rf"(?<![\w-]){re.escape(bare(label))}\[?[ =]?(?<=[ =])(?P<p>[A-Za-z][\w-]*|<[A-Za-z][\w -]*>)(?![\w/.:>=])",
        written,
    )
    if match is None or label[:2] != "`-" or not re.search(rf"(?<![\w-]){re.escape(match['p'])}(?![\w-])", value):
        return label
    return f"`{match.group().replace('[', '')}`"


def entry_claims(
    label: str, called: str, default: str, value: str, start: int, end: int, location: Location, subject: str = ""
) -> Iterator[Claim]:
    """What the entry of a list says of the thing that it names.

    called: what its entries are; empty: as the headings say.
    """
    kind = value_type(bare(label))
    noun = called or {"flag": "option", "endpoint": "endpoint"}.get(kind) or noun_of("name", location)
    name = bare(label)
    titled = noun in location.title.lower() or f"{noun[:-1]}ies" in location.title.lower()
    if (
        noun not in ("option", "endpoint")
        and is_identifier(location.section)
        and len(location.section.split()) < 3
        and titled
    ):
        if not location.owner_of(name):
            return  # under the name of one of the page's things stand its values, not more such things
        noun = "one"
    told_of = f"{location.title} {' '.join(location.headings)}".lower()
    if (
        noun == "one"
        and kind == "code"
        and name.islower()
        and not re.search(r"\b(?:errors?|codes?|status|exit)\b", told_of)
    ):
        return
    if noun == "one" and (
        kind == "code" or re.fullmatch(r"(?:\w+\.)?[EWI]\d{2,}", name)
        or ("error" in told_of and re.fullmatch(r"E[A-Z0-9]{3,}", name))
    ):  # fmt: skip
        noun = "error code"
    elif noun in ("option", "flag") and kind != "flag" and location.program and not location.is_file:
        return  # a value of one of the options
    elif noun == "option" and kind != "flag" and name.islower() and not location.is_file:
        noun = "argument"
    elif label.endswith("()`"):
        noun = "method" if "." in label else "function"
    if noun in ("parameter", "option", "setting") and re.fullmatch(r"[A-Z]+(?:_[A-Z\d]+)+", name):
        above = location.document.text[max(0, start - 3000) : start]
        titled = noun in f"{location.title} {location.section}".lower()
        if re.search(r"\benvironment variables?\b" if titled else r"\bvariables?\b", above, re.IGNORECASE) and not (
            titled and noun == "setting"
        ):
            noun = "environment variable"
    alone = bool((_KNOWN_ALONE if noun != "one" else _KNOWN_BY_ITSELF).search(name))
    if noun == "environment variable" and not name.lstrip("$").isupper():
        return
    if noun in ("parameter", "argument") and name.lower() in _TYPE_WORDS:
        return  # a placeholder, no name
    place = location.placed(name, noun)
    if (
        place is None
        or (noun == "one" and not (alone or place))
        or (called == "" and _CAMEL.fullmatch(name) and not (place or location.program))
    ):
        return  # whose?
    weak = bool(location.program)
    if noun == "one" and location.program and kind != "flag" and len(set(location.headings) - {location.title}) > 1:
        return  # of one of the things that the page's sections are about
    if noun == "one" and re.fullmatch(r"[a-z]+|[A-Z][a-z]+[A-Z]*|`?[A-Z]+`?", name):
        return  # a plain word, or one in capitals: of what?
    parts = set(re.findall(r"[a-z]+", name.lower()))
    if noun in ("parameter", "argument") and parts <= set(words(value)) and len(words(value)) <= 12:
        return  # `new_owner`: the new owner of the view
    tail = _DEFAULT_TAIL.search(value)
    one_word = " " not in label or label.startswith("`-")
    shown = f"the {noun} {label}{place}" if noun != "one" and one_word and "()" not in label else f"{label}{place}"
    if tail or default.lower().startswith("default"):
        told = bare(tail["v"] if tail else default[len("default") :].lstrip(" :="))
        value = value[: tail.start()].strip() if tail else value
        if told and (value_type(told) in PRECISE or " " not in told or PHRASE.fullmatch(told)):
            yield Claim(
                "default", shown, "default", told, start, end, location, value_type(told), weak, words={"n": noun}
            )
    elif default and value_type(default) in PRECISE and noun != "one" and not _TYPE.fullmatch(default):
        yield Claim(
            "default", shown, "default", default, start, end, location, value_type(default), weak, words={"n": noun}
        )
    if not tail and subject and value_type(value) in PRECISE:
        yield Claim("attribute", subject, bare(label), bare(value), start, end, location, value_type(value))
    elif len(words(value)) > 1 and not re.match(rf"Set (?:the )?`?{re.escape(bare(label))}\b", value):
        yield from described(shown, noun, value, start, end, location, weak=weak)


def option_rows(table: Block, location: Location) -> Iterator[Claim]:
    """Claims of a table without a header that lists a command's options, each beside what it does."""
    rows = [(row, [cell for c in row.cells if (cell := plain(c).strip())]) for row in table.children]
    beside = [(row, told) for row, told in rows if len(told) == 2]
    listed = [(row, told) for row, told in beside if re.match(r"`?--?\w", told[0])]
    header = [plain(cell).strip() for cell in table.children[0].cells] if table.children else []
    if not location.program or 5 * len(listed) < 4 * len(beside) or is_header(header, [told for _, told in beside]):
        return
    for row, (name, value) in listed:
        if label := entry_name(name):
            shown = _with_placeholder(label, name, value)
            yield from entry_claims(shown, "option", "", value, row.start, row.end, location)


def list_claims(block: Block, before: Block | None, text: str, location: Location) -> Iterator[Claim]:
    """A list of short items under `X supports the following formats:` or `Key features of X:`."""
    items = [clip(plain(i.content)) for i in block.children]
    if before is None or not 2 <= len(items) <= 8:
        return
    if any(not i or ": " in i or len(words(i)) > 7 or i.endswith((":", ".")) or points_away(i) or len(c.children) > 1
           for i, c in zip(items, block.children, strict=True)):  # fmt: skip
        return
    intro = plain(before.content)
    told, features = _INTRODUCES.match(intro), _FEATURES.match(intro.strip("* "))
    items = [i if i.split()[0] in location.names else lower_first(i) for i in items]
    value = upper_first(f"{', '.join(items[:-1])} and {items[-1]}")
    if len(value) > 240:
        return
    span = block.start, block.end
    if told and told["f"] in OBJECT_VERBS and is_noun_phrase(told["s"]):
        extra = {"base": OBJECT_VERBS[told["f"]], "a_verb": told["f"]}
        subject = named(told["s"], location)
        yield Claim("set", subject, told["n"], value, *span, location, "list", False, f"{value}.", extra)
    elif features:
        subject = named(features["s"], location) if features["s"] else location.title
        if is_noun_phrase(subject):
            yield Claim("list", subject, features["n"].lower(), value, *span, location, "list", False, f"{value}.")


def procedure_claims(steps: Sequence[tuple[str, int, int]], goal: str, location: Location) -> Iterator[Claim]:
    """The steps towards a goal, in order, as one answer. `steps` are titles with their place in the document."""
    told = [clip(plain(title)) for title, _, _ in steps]
    if not goal or not 2 <= len(told) <= 9 or any(points_away(t) or len(t) > 120 for t in told):
        return
    if any(w[0] not in IMPERATIVE | BASE_VERBS for w in (words(t) or [""] for t in told)):
        return
    value = " ".join(f"{n}. {upper_first(step)}." for n, step in enumerate(told, 1))
    if len(value) <= 420:
        span = steps[0][1], steps[-1][2]
        yield Claim("steps", "", "steps", value, *span, location, "steps", False, value, {"goal": goal})


def step_title(text: str) -> tuple[int, str] | None:
    """(2, `Download Model`) from `Step 2: Download Model` or `**2. Download Model**`."""
    match = _STEP.match(plain(text).strip("* "))
    return (int(match[1]), match[2].strip()) if match else None


def faq_claim(question: str, answer: str, start: int, end: int, location: Location) -> Claim | None:
    """A question of the documentation itself with its answer; None where either says too little alone."""
    asked = re.sub(r"^(?:[QA]?\d+[.):]|Q[.:])\s*", "", plain(question)).strip()
    asked = re.sub(r"^How to (.)", lambda m: f"How do I {m[1].lower()}", asked)
    text = re.sub(r"^A(?:nswer)?[.:] ", "", plain(answer))
    if not asked.endswith("?") or len(words(asked)) < 4 or points_away(re.sub(r"\bI\b", "", asked)):
        return None
    if _OF_MAKERS.search(asked) or not _IS_ASKED.search(asked) or _TITLE_CASE.match(asked):
        return None
    if has_pronoun(asked) or not re.match(r"[A-Z`]", text) or not text.endswith(".") or len(words(text)) < 8:
        return None
    if _TELLS_NOTHING.search(text) or re.search(r"\b(?:we|our|us)\b", text, re.IGNORECASE):
        return None
    if _HOW.match(asked) and not _INSTRUCTS.search(text):
        return None
    goal = re.match(r"(?:How (?:do|can|should) I|How can you|How do you) (?P<g>[^?]{8,90})\?$", asked, re.IGNORECASE)
    extra = {"question": upper_first(asked)}
    extra |= {"goal": first_person(goal["g"])} if goal else {}
    return Claim("faq", "", "faq", clip(text), start, end, location, "explanation", False, text, extra)


_OF_MAKERS = re.compile(
    r"\b(?:your|yours|our|we|us|(?:do|does|don't|did|didn't|can|will|are|would) you)\b", re.IGNORECASE
)
"""A question to the makers, or one of theirs."""
_AUXILIARY = r"(?:is|are|isn't|aren't|can|can't|could|do|don't|does|doesn't|did|will|won't|would|should|must|may)\b"
_IS_ASKED = re.compile(
    rf"^(?:[^?.!]*[,.!] )?(?:(?:what|which|who|whose)\b|(?:when|where|why|how)(?: \w+)? {_AUXILIARY}|{_AUXILIARY})",
    re.IGNORECASE,
)
_TITLE_CASE = re.compile(r"\w+ (?:Is|Are|Do|Does|Can|Should|Will|To|Use)\b")
_HOW = re.compile(r"how (?:do|can|could|should) (?:I|you)\b", re.IGNORECASE)
_INSTRUCTS = re.compile(
    r"\b(?:you (?:can|could|should|need|must|may|have to)|use|using|run|set|add|create|click|choose|select|open|type|"
    r"enable|disable|install|specify|via|with the|by \w+ing|should|must|no way|not possible|does not|doesn't|cannot)\b"
    r"|`",
    re.IGNORECASE,
)
"""An answer to `How do I ...?` says what to do."""
_TELLS_NOTHING = re.compile(
    r"^(?:this|that|it|these|those|they|see|the (?:above|process is|short answer)|please (?:read|see|note)|in short|"
    r"(?:yes|no)[.,!;]? (?:see|please)|there (?:are|is|may|might|can|could) |to (?:do|achieve) (?:this|that|so)|"
    r"if you \w+ this|it depends|(?:great|good) question)\b|\bthe following\b|\bfollow(?:ing)? (?:the|these|this)\b|"
    r"\b(?:steps|instructions|section|page|guide|examples?) (?:below|above)\b|\bsee (?:the|our|also|here)\b|"
    r"\b(?:number of|several|many|some) (?:things|ways|reasons|options)\b",
    re.IGNORECASE,
)
"""Answers that begin with what is not said, or send the reader on."""

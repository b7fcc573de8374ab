"""Claims of lists: definition lists, labelled items, plain lists, steps, and questions with their answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from understudy.generate.extractive.claims import Claim, Location
from understudy.generate.extractive.prose import is_subject, named
from understudy.generate.extractive.tables import noun_of
from understudy.generate.text import bare, clip, lower_first, plain, sentences, upper_first
from understudy.generate.values import PRECISE, value_type
from understudy.normal import words
from understudy.outline import Block

_LABEL = re.compile(
    r"^(?P<t>\*\*[^*]{1,60}\*\*|__[^_]{1,60}__|`[^`]{1,60}`|[A-Za-z][\w /-]{1,40}?)"
    r"(?P<d>\s*\((?P<p>[^)]{1,60})\))?(?:\s*[:：](?:\*\*)?\s+|\s+[-–—]\s+|\s*=\s*)(?P<v>\S.*)$",
    re.DOTALL,
)
_LINKED = re.compile(r"^(?P<t>\[[^\]]+\]\([^)]+\))\s*(?::|-|–|—|is)\s+(?P<v>\S.*)$", re.DOTALL)
_WEB_LINK = re.compile(r"(?<!!)\[(?P<t>[^\]]{3,60})\]\((?P<u>https?://[^)\s]{8,160})\)")
_TERM = re.compile(r"^(?P<t>[^\s:].*)\n\n?:[ \t]+(?P<v>.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_DEFAULT_TAIL = re.compile(
    r"[.;,(]?\s*(?:The default(?: value)?(?: is|:)|Defaults? to|Default(?: is|:| =)?)"
    r"\s*(?P<v>`[^`]+`|[^`.;,()]+?(?:\.\w+)*)\s*[.)]?\s*$"
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_STEP = re.compile(r"^(?:step\s+)?(\d{1,2})\s*[.:)]\s*(\S.*)$", re.IGNORECASE)
_LIST_NOUN = re.compile(
    r"\b((?:key |main |major |following )?(?:advantages|benefits|features|options|requirements|capabilities|modes|"
    r"formats|prerequisites|dependencies|platforms|limitations|concepts|components|goals|reasons|rules|languages))\b",
    re.IGNORECASE,
)


def definition_claims(block: Block, text: str, location: Location, subject_of_section: str) -> Iterator[Claim]:
    """`Term` / `: definition` lists, read from the source: where no blank line parts them, the next term would
    count as a continuation of the definition before."""
    for match in _TERM.finditer(text, block.start, block.end):
        yield from _labelled(
            plain(match["t"]), "", plain(match["v"]), match.start(), match.end(), location, subject_of_section
        )


def item_claims(item: Block, text: str, location: Location, subject_of_section: str) -> Iterator[Claim]:
    """`- **Term**: text` and its kin. The quote is the item's first paragraph."""
    head = item.children[0] if item.children else item
    if head.kind not in ("paragraph", "item") or not item.content:
        return
    linked = _LINKED.match(item.content.strip())
    if linked:
        label, value = plain(linked["t"]), plain(linked["v"])
        if is_subject(label) and re.match(r"(?:the|an?) ", value, re.IGNORECASE):
            yield Claim("definition", label, "definition", clip(value), head.start, head.end, location, "definition")
        return
    match = _LABEL.match(item.content.strip())
    if match is None:
        return
    raw, value = match["t"].strip("*_"), " ".join(match["v"].split())
    code = "`" in match["t"]
    bold = match["t"].startswith(("**", "__"))
    if not (code or bold) and (len(raw.split()) > 5 or not value):
        return
    label = f"`{bare(raw)}`" if code else plain(raw).rstrip(":").strip()
    yield from _labelled(label, match["p"] or "", plain(value), head.start, head.end, location, subject_of_section)


def _labelled(
    label: str, default: str, value: str, start: int, end: int, location: Location, subject: str
) -> Iterator[Claim]:
    """`label` is an option with a description, or an attribute of the section's subject with its value."""
    if len(value) < 1 or value.endswith(":") or not label:
        return
    tail = _DEFAULT_TAIL.search(value)
    kind = value_type(bare(label))
    method, _, route = bare(label).partition(" ")
    if kind == "endpoint" and method.isupper() and route:
        yield Claim("method", f"`{route}`", "method", method, start, end, location, "method")
        label = f"`{route}`"
    if kind in PRECISE or "`" in label:
        noun = {"flag": "option", "env": "environment variable", "endpoint": "endpoint", "code": "error code"}.get(
            kind
        ) or noun_of("name", location)
        if kind in ("flag", "env", "endpoint", "path", "url", "file"):
            label = f"`{bare(label)}`"
        if tail or default:
            found = bare(tail["v"] if tail else default.removeprefix("default").lstrip(" :="))
            value = value[: tail.start()].strip() if tail else value
            if found:
                yield Claim(
                    "default", label, "default", found, start, end, location, value_type(found), words={"n": noun}
                )
        if not tail and not default and value_type(value) in PRECISE and subject:
            yield Claim("attribute", subject, bare(label), bare(value), start, end, location, value_type(value))
        elif len(words(value)) > 1:
            form = "meaning" if kind == "code" else "purpose"
            yield Claim(
                form,
                f"the {noun} {label}" if noun != "one" else label,
                form,
                value,
                start,
                end,
                location,
                "description",
                words={"n": noun},
            )
        return
    kind = value_type(value, label)
    if subject and label.lower() in ("definition", "overview", "description", "purpose", "goal"):
        yield Claim("attribute", subject, label.lower(), value, start, end, location, "description")
        return
    few = len(words(value)) <= 6 and not value.endswith(".")
    if subject and (kind in PRECISE or few) and len(words(label)) <= 5:
        value = bare(value) if kind in PRECISE else value
        yield Claim("attribute", subject, lower_first(label), value, start, end, location, kind)
    elif (
        len(words(value)) > 2
        and is_subject(label)
        and not re.search(r"\b(?:note|example|coming soon)\b", label.lower())
    ):
        yield Claim("about", f'"{label}"', "about", value, start, end, location, "description", weak=True)


def list_claims(block: Block, before: Block | None, text: str, location: Location) -> Iterator[Claim]:
    """A plain list of short items under an introduction such as `**Key advantages:**`."""
    items = [plain(i.content) for i in block.children]
    if (
        before is None
        or not 2 <= len(items) <= 8
        or any(not i or len(words(i)) > 7 or i.endswith(":") or _LABEL.match(i) for i in items)
    ):
        return
    intro = clip(plain(before.content)).rstrip(":")
    match = _LIST_NOUN.search(intro)
    if match is None or not plain(before.content).endswith(":"):
        return
    noun = match.group(1).lower().removeprefix("following ")
    about = re.search(rf"{match.group(1)} (?:of|for) ([\w `-]{{2,40}})$", intro, re.IGNORECASE)
    subject = named(about.group(1), location) if about else location.section or location.title
    if not is_subject(subject) or re.match(r"(?:how|why|what|step|\d)\b", subject, re.IGNORECASE):
        subject = location.title
    value = ", ".join(lower_first(clip(i)) for i in items[:-1]) + " and " + lower_first(clip(items[-1]))
    if len(value) <= 240:
        yield Claim(
            "list",
            subject,
            noun,
            upper_first(value),
            block.start,
            block.end,
            location,
            "list",
            answer=f"{upper_first(value)}.",
        )


def link_claims(text: str, offset: int, location: Location) -> Iterator[Claim]:
    """Named links to elsewhere: where a thing is found."""
    for match in _WEB_LINK.finditer(text):
        name = plain(match["t"])
        if is_subject(name) and len(words(name)) > 1:
            span = offset + match.start(), offset + match.end()
            yield Claim("link", name, "link", match["u"], *span, location, "url", weak=True)


def step_claims(titles: Sequence[tuple[str, int, int]], subject: str, location: Location) -> Iterator[Claim]:
    """`titles` are the steps of `subject` in order, each with its place in the document."""
    before = ""
    for n, (title, start, end) in enumerate(titles, 1):
        step = clip(plain(title))
        if n <= len(_ORDINALS) and 1 < len(words(step)) <= 14 and len(step) <= 100:
            ordinal = _ORDINALS[n - 1]
            fields = {"n": str(n), "ordinal": ordinal, "before": before}
            yield Claim("step", subject, "step", step, start, end, location, "step", words=fields)
        before = bare(step)


def step_title(text: str) -> tuple[int, str] | None:
    """(2, `Download Model`) from `Step 2: Download Model` or `**2. Download Model**`."""
    match = _STEP.match(plain(text).strip("* "))
    return (int(match[1]), match[2].strip()) if match else None


def faq_claim(question: str, answer: str, start: int, end: int, location: Location) -> Claim | None:
    """A question of the documentation itself with the first sentences of its answer."""
    asked = re.sub(r"^\d+[.)]\s*", "", plain(question)).strip()
    asked = re.sub(r"^How to (.)", lambda m: f"How do I {m[1].lower()}", asked)
    if not asked.endswith("?") or len(words(asked)) < 3:
        return None
    weak = len(words(asked)) < 5
    text = plain(answer)
    first = next(sentences(text), (0, len(text)))
    return Claim(
        "faq",
        "",
        "faq",
        clip(text[: first[1]]),
        start,
        end,
        location,
        "explanation",
        weak,
        answer=text,
        words={"question": upper_first(asked)},
    )

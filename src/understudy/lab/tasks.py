"""Training tasks, from repeated tokens to reading manuals and real documentation; each draws one row.

Every task is a function (rng, packer, limit in tokens, level in 0..1) → Row. Values are fresh each time, so
nothing can be answered without the context.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab import suite
from understudy.lab.packing import Ask, Packer, Row
from understudy.lab.relations import Relation, draw_relations
from understudy.lab.worlds import draw_sections, grid
from understudy.prompts import ABSTAIN, multiple_choice

LAYOUTS = ("\x02\n\n\x01", "Context:\n\x02\n\nQuestion: \x01", "Read this.\n\n\x02\n\n\x01 Answer briefly.")
OTHER_LAYOUT = 0.12
Pairs = list[tuple[str, str] | Ask]


def joined(pieces: Sequence[str], joint: str) -> tuple[str, list[int]]:
    """The pieces as one text, and where in it each begins."""
    starts, at = [], 0
    for piece in pieces:
        starts.append(at)
        at += len(piece) + len(joint)
    return joint.join(pieces), starts


def ask(question: str, answer: str, text: str, start: int, end: int) -> Ask:
    """A question that `text[start:end]` answers, with the place of the answer there."""
    return Ask(question, answer, start, end, text.find(answer, start, end))


def layout(rng: random.Random) -> str:
    return rng.choice(LAYOUTS) if rng.random() < OTHER_LAYOUT else ""


def repeat(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """Random tokens, then pieces of them again: the weight is on what can be looked up."""
    size = packer.tokenizer.get_vocab_size()
    length = rng.randrange(limit // 6, limit // 2)
    ids = [rng.randrange(10, size) for _ in range(length)]
    weight = [0.0] * length
    while len(ids) < limit - 12:
        start = rng.randrange(length - 4)
        piece = ids[start : start + rng.randrange(4, 24)][: limit - 1 - len(ids)]
        ids += piece
        # The first token of a piece cannot be known, the second follows from one match.
        weight += [0.0] + [0.5] * (len(piece) - 1)
    return packer.plain(ids, weight, "repeat")


def _random_key(rng: random.Random) -> str:
    style = rng.randrange(7)
    if style == 0:
        return lx.name(rng)
    if style == 1:
        return f"{lx.name(rng)} {lx.pick(rng, lx.COMPONENTS)}"
    if style == 2:
        return f"{lx.pick(rng, lx.MODIFIERS)} {lx.pick(rng, lx.COMPONENTS)}"
    if style == 3:
        return f"{lx.pick(rng, lx.COLOURS)} {lx.pick(rng, lx.COMPONENTS)} {rng.randrange(1, 10)}"
    return lx.value(rng, rng.choice(["param", "flag", "key", "env", "endpoint", "error", "file", "place", "person"]))


_SHAPES = (
    "{k}: {v}",
    "{k} = {v}",
    "- {k}: {v}",
    "| {k} | {v} |",
    "{k} -> {v}",
    "The value of {k} is {v}.",
    "{k} is {v}.",
)
_ASK = ("What is {k}?", "What is the value of {k}?", "{k}?", "Which value belongs to {k}?", "{k}:", "Give {k}.")


def _words(packer: Packer) -> list[str]:
    """Lower-case words that are one token with and without a leading space, in a fixed order."""
    vocab = packer.tokenizer.get_vocab()
    spaced = (t[1:] for t in vocab if t[0] == "\u0120" and len(t) > 4)
    return sorted(w for w in spaced if w.isalpha() and w.islower() and w in vocab)


def pairs(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """The barest lookup: `word: word` lines, the key last in the question. Here choosing forms first."""
    words = _words(packer)
    n = rng.randrange(2, 9)
    drawn = rng.sample(words, 2 * n)
    keys = drawn[:n]
    if rng.random() < level:
        keys = [f"{lx.pick(rng, lx.COMPONENTS)} {k}" if rng.random() < 0.5 else f"{k} {lx.name(rng)}" for k in keys]
    shape, joint = rng.choice(_SHAPES), rng.choice(["\n", " "])
    lines = [shape.format(k=k, v=v) for k, v in zip(keys, drawn[n:], strict=True)]
    text, starts = joined(lines, joint)
    asked = [
        Ask(rng.choice(_ASK).format(k=k), v, i, i + len(line), i + line.rindex(v))
        for k, v, i, line in zip(keys, drawn[n:], starts, lines, strict=True)
    ]
    rng.shuffle(asked)
    return packer.row(text, asked, limit, "", "pairs")


def recall(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """`key: value` lines; the key stands verbatim in the question."""
    most = max(1, min(int(1 + 16 * level), limit // 26))
    n = rng.randrange(1, most + 1)
    pairs: dict[str, str] = {}
    kind = rng.choice(lx.TYPES[:-1])
    mixed = rng.random() < 0.5
    while len(pairs) < n:
        pairs[_random_key(rng)] = lx.value(rng, rng.choice(lx.TYPES[:-1]) if mixed else kind)
    shape, joint = rng.choice(_SHAPES), rng.choice(["\n", "\n", " ", "\n\n"])
    if rng.random() < 0.3:
        shape = shape.replace("{v}", "`{v}`")
    lines = [shape.format(k=k, v=v) for k, v in pairs.items()]
    text, starts = joined(lines, joint)
    place = dict(zip(pairs, zip(starts, lines, strict=True), strict=True))
    asked: Pairs = [
        Ask(rng.choice(_ASK).format(k=k), v, i, i + len(line), i + line.rindex(v))
        for (k, v), (i, line) in zip(pairs.items(), place.values(), strict=True)
    ]
    if rng.random() < 0.25 * level + 0.02:
        asked.append((rng.choice(_ASK).format(k=_random_key(rng)), ABSTAIN))
    if rng.random() < 0.15 and len(set(pairs.values())) == n:
        asked += [
            ask(f"What has the value {v}?", k, text, place[k][0], place[k][0] + len(place[k][1]))
            for k, v in pairs.items()
        ]
    rng.shuffle(asked)
    return packer.row(text, asked, limit, layout(rng), "recall")


_CONTEXTS = (
    "{q} in {p}{e}", "{q} in {p}{e}", "{q} according to the {p} docs{e}", "{q} in the {p} documentation{e}",
    "In {p}: {q}{e}", '{q} on the page "{t}"{e}',
)  # fmt: skip
IN_CONTEXT = 0.35


def in_context(rng: random.Random, question: str, product: str, page: str) -> str:
    """The question, now and then with what it is about: `... in Tavimor?`, `In Tavimor: ...`."""
    if product in question or rng.random() >= IN_CONTEXT:
        return question
    bare, end = (question[:-1], question[-1]) if question[-1:] in ("?", ".") else (question, "")
    return rng.choice(_CONTEXTS).format(q=bare, p=product, t=page, e=end)


def _ask(
    rng: random.Random, text: str, claims: Sequence[sx.Claim], product: str, page: str = "", reverse: float = 0.15
) -> Pairs:
    """A question for each claim of `text` whose answer is the only one; some in reverse; then others on the same."""

    def wording(questions: Sequence[str]) -> str:
        return in_context(rng, rng.choice(questions), product, page or f"{product} manual")

    answers: dict[tuple[str, str], set[str]] = {}
    owners: dict[tuple[str, str], set[str]] = {}
    for c in claims:
        answers.setdefault((c.subject.strip("`"), c.attribute), set()).add(c.value)
        owners.setdefault((c.attribute, c.value), set()).add(c.subject)
    single = [c for c in claims if len(answers[c.subject.strip("`"), c.attribute]) == 1]
    out: Pairs = []
    for c in single:
        if c.reversed and rng.random() < reverse and len(owners[c.attribute, c.value]) == 1:
            out.append(ask(wording(c.reversed), c.subject.strip("`"), text, c.start, c.end))
        else:
            out.append(ask(wording(c.questions), c.value, text, c.start, c.end))
    rng.shuffle(out)
    again: Pairs = [ask(wording(c.questions), c.value, text, c.start, c.end) for c in single]
    rng.shuffle(again)
    return out + again


def _moved(claims: Sequence[sx.Claim], by: int) -> list[sx.Claim]:
    """Claims of a piece that stands `by` characters into a text."""
    return [replace(c, start=c.start + by, end=c.end + by) for c in claims]


def plain_facts(rng: random.Random, packer: Packer, limit: int) -> Row:
    """Facts in one wording that the question repeats: between looking up a key and reading a sentence."""
    n_relations = rng.choice((1, 1, 1, 2, 2, 3, 4))
    names = sx.subjects(rng, rng.randrange(1 if n_relations > 1 else 2, max(3, 8 // n_relations)), lx.name(rng))
    relations = draw_relations(rng, n_relations)
    values = grid(rng, names, relations)
    cells = [(s, r, v) for s, row in zip(names, values, strict=True) for r, v in zip(relations, row, strict=True)]
    rng.shuffle(cells)
    said = [sx.fill("The {a} of {s} is {v}.", s, r.attribute, sx.shown(rng, r.kind, v)) for s, r, v in cells]
    text, starts = joined(said, rng.choice(["\n", " "]))
    asked = [
        ask(f"What is the {r.attribute} of {s}?", v, text, i, i + len(line))
        for (s, r, v), i, line in zip(cells, starts, said, strict=True)
    ]
    rng.shuffle(asked)
    return packer.row(text, asked, limit, "", "facts")


def facts(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """One to sixteen statements about a few things that share attributes, in one layout."""
    if rng.random() < 0.7 * (1 - level):
        return plain_facts(rng, packer, limit)
    room = max(1, min(16, limit // 36, int(1 + 18 * level)))
    n_subjects = rng.randrange(1, min(6, room) + 1)
    n_attributes = max(1, min(6, room // n_subjects))
    n_attributes = rng.randrange(1, n_attributes + 1)
    product = lx.name(rng)
    names = sx.subjects(rng, n_subjects, product)
    relations = draw_relations(rng, n_attributes)
    values = grid(rng, names, relations)
    style = rng.random()
    if style < 0.12 and n_subjects > 1:
        parts = [sx.table(rng, names, relations, values)]
    else:
        make = sx.prose if style < 0.7 else rng.choice([sx.bullets, sx.config])
        parts = [make(rng, s, list(zip(relations, row, strict=True))) for s, row in zip(names, values, strict=True)]
        rng.shuffle(parts)
    with_titles = any(p.title for p in parts) and (style >= 0.7 or rng.random() < 0.3)
    heads = [f"## {p.title}\n\n" if with_titles else "" for p in parts]
    text, starts = joined([head + p.text for head, p in zip(heads, parts, strict=True)], "\n\n")
    places = zip(parts, starts, heads, strict=True)
    asked = _ask(rng, text, [c for p, i, head in places for c in _moved(p.claims, i + len(head))], product)
    if rng.random() < 0.3 * level + 0.03:
        asked.insert(rng.randrange(len(asked) + 1), (_absent(rng, product, names, relations), ABSTAIN))
    return packer.row(text, asked, limit, layout(rng), "facts")


def _absent(rng: random.Random, product: str, names: Sequence[str], relations: Sequence[Relation]) -> str:
    """A question on a known thing's unstated attribute, or on a thing that is not there."""
    known = {r.attribute for r in relations}
    if rng.random() < 0.5:
        other = next(r for r in draw_relations(rng, len(known) + 1) if r.attribute not in known)
        return rng.choice(sx.questions(other, rng.choice(names), lx.value(rng, other.kind))[0])
    relation = rng.choice(relations)
    stranger = next(
        s for s in sx.subjects(rng, len(names) + 1, product if rng.random() < 0.5 else lx.name(rng)) if s not in names
    )
    return rng.choice(sx.questions(relation, stranger, lx.value(rng, relation.kind))[0])


def manual(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """Passages of a manual as a retriever returns them: breadcrumb and text, several sections, all layouts."""
    product = lx.name(rng)
    page = (
        f"{product} {lx.pick(rng, lx.COMPONENTS)} {rng.choice(['guide', 'reference', 'handbook', 'notes', 'manual'])}"
    )
    room = int(limit * rng.uniform(0.45, 0.75))
    passages: list[tuple[str, list[sx.Claim]]] = []
    used = 0
    removed: list[sx.Claim] = []
    while used < room:
        few = rng.random() < 0.3
        for section in draw_sections(
            rng, product, rng.randrange(1, 5), rng.randrange(1, 4) if few else rng.randrange(2, 6)
        ):
            size = int(len(section.text) / 2.6) + 12
            if used + size > room:
                if passages:
                    removed += section.claims
                    continue
                if size > limit * 0.8:
                    continue
            used += size
            crumbs = f"{page} › {section.title}" if rng.random() < 0.85 else section.title
            title = f"## {section.title}\n\n" if rng.random() < 0.4 else ""
            before = f"{crumbs}\n{title}"
            passages.append((before + section.text, _moved(section.claims, len(before))))
        if rng.random() < 0.35 or used > room * 0.7:
            break
    rng.shuffle(passages)
    text, starts = joined([passage for passage, _ in passages], "\n\n")
    claims = [c for (_, stated), i in zip(passages, starts, strict=True) for c in _moved(stated, i)]
    asked = _ask(rng, text, claims, product, page)
    gone = [
        c
        for c in removed
        if c.subject.strip("`") not in text
        or not any(c.attribute == k.attribute and c.subject == k.subject for k in claims)
    ]
    stated = {(c.subject.strip("`"), c.attribute) for c in claims}
    gone = [c for c in gone if (c.subject.strip("`"), c.attribute) not in stated]
    if gone and rng.random() < 0.5:
        c = rng.choice(gone)
        unanswered = in_context(rng, rng.choice(c.questions), product, page)
        asked.insert(rng.randrange(min(3, len(asked)) + 1), (unanswered, ABSTAIN))
    if rng.random() < 0.12 and len(asked) > 3:
        asked[0] = _letters(rng, asked)
    return packer.row(text, asked, limit, layout(rng), "manual")


def _letters(rng: random.Random, asked: Pairs) -> tuple[str, str]:
    """The first question as multiple choice among the answers of the others."""
    question, answer = asked[0][:2]
    others = list({a[1] for a in asked[1:] if a[1] not in (answer, ABSTAIN) and len(a[1]) < 60})
    rng.shuffle(others)
    options = [answer, *others[: rng.randrange(1, 4)]]
    rng.shuffle(options)
    return multiple_choice(question, options), "ABCDEFGH"[options.index(answer)]


_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"(])|\n+")
_TERM = re.compile(
    r"`[^`]+`|\"[^\"\n]{2,30}\"|--?[a-zA-Z][\w-]+|[\w./-]*[_./]\w[\w./-]*(?:\(\))?|\w+\(\)|\d[\d.,]*|[A-Za-z][A-Za-z-]{3,}"
)
_GAPS = (
    "Complete the sentence: {l}____{r}", "Fill in the blank: {l}____{r}", "Which word is missing? {l}____{r}",
    "Complete: {l}____{r}", "What stands in the gap? {l}____{r}",
)  # fmt: skip
_QUOTE = ("What is said about {t}?", "What does the text say about {t}?", "Quote the sentence with {t}.")
_NEXT = ("Continue the text: {l}", "What comes after this? {l}", "How does the sentence go on? {l}")
_STOP = """
this that with from have been will when then than they them their which where what would should could
there these those your into also only such each some more most other used using does must very just
"""
STOP = frozenset(_STOP.split())


def window(rng: random.Random, texts: Sequence[str], chars: int) -> str:
    """A piece of running documentation of about `chars` characters, cut at line ends."""
    text = texts[int(rng.random() * len(texts))]
    start = rng.randrange(max(1, len(text) - chars))
    start = text.find("\n", start) + 1 if start else 0
    piece = text[start : start + chars]
    cut = max(piece.rfind("\n"), piece.rfind(". ") + 1)
    return (piece[:cut] if cut > chars // 2 else piece).strip()


def terms(sentence: str) -> list[tuple[int, int]]:
    """Spans of words, numbers and identifiers that a question can ask for."""
    out = []
    for m in _TERM.finditer(sentence):
        start, end = m.span()
        if sentence[start] in '`"':
            start, end = start + 1, end - 1
        while end > start and sentence[end - 1] in ".,:;-/":
            end -= 1
        if end - start >= 1 and sentence[start:end].lower() not in STOP and end - start < 40:
            out.append((start, end))
    return out


def term_kind(term: str) -> str:
    """A rough type, so that options can be of one kind: number, code, name or word."""
    if re.fullmatch(r"\d[\d.,]*", term):
        return "number"
    if re.search(r"[_./()]|^-|\d", term) or (term[1:] != term[1:].lower()):
        return "code"
    return "name" if term[0].isupper() else "word"


def gap(rng: random.Random, sentence: str, start: int, end: int, near: int | None = None) -> str:
    """The sentence with a gap, shortened to a few words on either side."""
    left, right = sentence[:start], sentence[end:]
    words = near if near is not None else rng.randrange(3, 14)
    ls, rs = re.split(r"(\s+)", left), re.split(r"(\s+)", right)
    left = "".join(ls[-2 * words :])
    if near is None:  # often nothing follows the gap: the word before it then tells where to look
        after = rng.randrange(0, words + 1) if rng.random() < 0.6 else 0
        right = "".join(rs[: 2 * after])
    else:
        right = "".join(rs[: 2 * words])
    return rng.choice(_GAPS).format(l=left, r=right)


def cloze(rng: random.Random, packer: Packer, limit: int, level: float, texts: Sequence[str] = ()) -> Row:
    """Real documentation with gaps to fill by looking the sentence up; some continuations, some definitions."""
    text = ""
    while len(text) < 80:
        text = window(rng, texts, int(limit * rng.uniform(0.8, 1.9)))
    first = text.split("\n")[0][:40]
    title = f"{rng.choice(['Manual', 'Reference', 'Guide'])} › {first}\n" if rng.random() < 0.4 else ""
    sentences = [s for s in _SENTENCE.split(text) if 30 < len(s) < 400]
    rng.shuffle(sentences)
    asked: Pairs = []
    for sentence in sentences[:14]:
        spans = terms(sentence)
        if not spans:
            continue
        rare = [s for s in spans if term_kind(sentence[s[0] : s[1]]) != "word"]
        start, end = rng.choice(rare if rare and rng.random() < 0.6 else spans)
        here = len(title) + text.index(sentence)
        place = (here, here + len(sentence), here + start)
        style = rng.random()
        if style < 0.8:
            asked.append(Ask(gap(rng, sentence, start, end), sentence[start:end], *place))
        elif style < 0.9 and start > 12:
            follow = " ".join(sentence[start:].split(" ")[: rng.randrange(1, 8)])
            last = " ".join(sentence[:start].split()[-rng.randrange(3, 10) :])
            asked.append(Ask(rng.choice(_NEXT).format(l=last), follow, *place))
        else:
            term = sentence[start:end]
            if text.count(term) == 1 and len(sentence) < 220:
                asked.append(Ask(rng.choice(_QUOTE).format(t=term), sentence, *place[:2], here))
    if rng.random() < 0.15:
        other = window(rng, texts, 400)
        missing = [s for s in _SENTENCE.split(other) if 30 < len(s) < 300 and s not in text]
        for sentence in missing[:1]:
            spans = terms(sentence)
            if spans:
                asked.insert(0, (gap(rng, sentence, *rng.choice(spans)), ABSTAIN))
    return packer.row(title + text, asked or [("What is this?", ABSTAIN)], limit, layout(rng), "cloze")


DEFINITION = re.compile(
    r"^(?:The |An? )?(?P<t>[A-Za-z`][\w`./() -]{1,40}?) "
    r"(?P<v>is|are|specifies|returns|sets|enables|controls|contains|allows|provides|defines|indicates|determines"
    r"|describes|represents|causes|prints|creates) (?P<o>.{15,200})$"
)
_DEFINE = {
    "is": (
        "What is {t}?",
        "What is the {t}?",
        "Explain {t}.",
        "How is {t} defined?",
        "Explain what {t} is.",
        "What does the documentation say {t} is?",
        "What is meant by {t}?",
    ),
    "are": ("What are {t}?", "What are the {t}?", "Explain {t}.", "How are {t} defined?", "What is meant by {t}?"),
}
_DOES = (
    "What is the purpose of {t}?",
    "What does {t} do?",
    "What is said of {t}?",
    "Describe what {t} does.",
    "What does the documentation say about {t}?",
)
_DEFINED = ("What does the documentation call {o}?", "What is described as {o}?", "Name what is described as {o}.")


def define(rng: random.Random, packer: Packer, limit: int, level: float, texts: Sequence[str] = ()) -> Row:
    """Real documentation with `X is ...` and `X returns ...` sentences, asked as questions."""
    for _ in range(30):
        text = window(rng, texts, int(limit * rng.uniform(0.8, 1.7)))
        asked: Pairs = []
        for sentence in _SENTENCE.split(text):
            m = DEFINITION.match(sentence)
            if m is None or m["t"].lower() in {
                "it",
                "this",
                "there",
                "that",
                "they",
                "these",
                "he",
                "you",
                "we",
                "note",
            }:
                continue
            here = text.index(sentence)
            place = (here, here + len(sentence))
            described = f"{m['v']} {m['o'].rstrip('.')}" if m["v"] not in ("is", "are") else m["o"].rstrip(".")
            if rng.random() < 0.2 and len(described) < 120:
                form = rng.choice(_DEFINED) if m["v"] in ("is", "are") else "What {o}?"
                asked.append(Ask(form.format(o=described), m["t"], *place, here + m.start("t")))
                continue
            object_of = f"What does {{t}} {lx.infinitive(m['v'])}?"
            form = rng.choice(_DEFINE.get(m["v"], (object_of, *_DOES)))
            answer, at = (sentence, here) if rng.random() < 0.5 else (m["o"].rstrip("."), here + m.start("o"))
            asked.append(Ask(form.format(t=m["t"]), answer, *place, at))
        if asked:
            rng.shuffle(asked)
            return packer.row(text, asked[:5], limit, layout(rng), "define")
    return recall(rng, packer, limit, level)


def language(rng: random.Random, packer: Packer, limit: int, level: float, texts: Sequence[str] = ()) -> Row:
    """Running text: every token counts a little."""
    ids = packer.encode(window(rng, texts, limit * 4))[: limit - 1]
    return packer.plain(ids, [0.15] * len(ids), "language")


def closed(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """Questions without any documentation: the reader does not know, and says so."""
    asked: Pairs = []
    while len(asked) < max(1, limit // 24):
        relation = draw_relations(rng, 1)[0]
        subject = sx.subjects(rng, 1, lx.name(rng))[0]
        asked.append((rng.choice(sx.questions(relation, subject, lx.value(rng, relation.kind))[0]), ABSTAIN))
    return packer.row("", asked, limit, "", "closed")


def skills(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """What the general suite asks: sums, listings, instructions, without documentation."""
    asked: Pairs = []
    while sum(len(a[0]) + len(a[1]) for a in asked) < limit * 2.2:
        question, answer, _ = suite.draft(rng, rng.choice(["arithmetic", "arithmetic", "code", "instructions"]))
        asked.append((question, answer))
    return packer.row("", asked, limit, "", "skills")


Task = Callable[..., Row]
TASKS: dict[str, Task] = {
    "repeat": repeat, "pairs": pairs, "recall": recall, "facts": facts, "manual": manual,
    "cloze": cloze, "define": define,
    "language": language, "closed": closed, "skills": skills,
}  # fmt: skip
NEEDS_TEXT = {"cloze", "define", "language"}

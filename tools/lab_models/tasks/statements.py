"""Generated statements and manuals: facts about a few things, in every layout, with what is not stated."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tools.lab_models.packing import Packer, Row
from tools.lab_models.tasks.asking import Pairs, ask, joined, layout
from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.relations import Relation, draw_relations
from understudy.lab.worlds import draw_sections, grid
from understudy.prompts import ABSTAIN, multiple_choice

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

    def phrased(questions: Sequence[str]) -> str:
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
            out.append(ask(phrased(c.reversed), c.subject.strip("`"), text, c.start, c.end))
        else:
            out.append(ask(phrased(c.questions), c.value, text, c.start, c.end))
    rng.shuffle(out)
    again: Pairs = [ask(phrased(c.questions), c.value, text, c.start, c.end) for c in single]
    rng.shuffle(again)
    return out + again


def _moved(claims: Sequence[sx.Claim], by: int) -> list[sx.Claim]:
    """Claims of a piece that stands `by` characters into a text."""
    return [replace(c, start=c.start + by, end=c.end + by) for c in claims]


def plain_facts(rng: random.Random, packer: Packer, limit: int) -> Row:
    """Facts in one template that the question repeats: between looking up a key and reading a sentence."""
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

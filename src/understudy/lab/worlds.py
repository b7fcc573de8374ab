"""Made-up product manuals with known truth: as many pages and facts as asked, the same for the same seed.

A world is a folder of Markdown (prose, parameter tables, option lists, endpoints, steps, cross-references)
and the list of all its facts: value, paraphrases of the question, the sentence that states it, and its place.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.phrasing import PUBLISHED, Phrasing
from understudy.lab.relations import Relation, draw_relations


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: `documents[doc_id][start:end] == sentence` states that `attribute` of `subject` is `value`.

    questions ask for the value in different words, reversed ones for the subject (empty where the value
    does not determine it). kind is the type of the value, the source of same-type distractors.
    """

    key: str
    subject: str
    attribute: str
    value: str
    kind: str
    questions: tuple[str, ...]
    reversed: tuple[str, ...]
    sentence: str
    doc_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class World:
    """A product, its manual (doc_id → Markdown) and everything that the manual states."""

    product: str
    seed: int
    documents: dict[str, str]
    facts: tuple[Fact, ...]

    def values(self, kind: str) -> list[str]:
        """Different values of one type, in the order of the manual."""
        return list(dict.fromkeys(f.value for f in self.facts if f.kind == kind))


def grid(rng: random.Random, names: list[str], relations: list[Relation]) -> list[list[str]]:
    """values[i][j] for subject i and relation j; within a column they differ where the type allows it."""
    columns = []
    for relation in relations:
        column: list[str] = []
        for _ in names:
            for _attempt in range(8):
                candidate = lx.value(rng, relation.kind)
                if candidate not in column:
                    break
            column.append(candidate)
        columns.append(column)
    return [[column[i] for column in columns] for i in range(len(names))]


def draw_sections(
    rng: random.Random,
    product: str,
    n_subjects: int,
    n_attributes: int,
    extras: bool = True,
    phrasing: Phrasing = PUBLISHED,
) -> list[sx.Section]:
    """Sections on `n_subjects` things that share `n_attributes` attributes, plus lists and tables."""
    names = sx.subjects(rng, n_subjects, product)
    relations = draw_relations(rng, n_attributes)
    values = grid(rng, names, relations)
    out: list[sx.Section] = []
    tabled = [j for j in range(n_attributes) if relations[j].kind != "description" and rng.random() < 0.2][:3]
    if tabled and n_subjects > 1 and extras:
        out.append(sx.table(rng, names, [relations[j] for j in tabled], [[row[j] for j in tabled] for row in values]))
    else:
        tabled = []
    layouts: list[Callable[..., sx.Section]] = [sx.prose, sx.prose, sx.prose, sx.bullets, sx.config]
    layout = rng.choice(layouts)
    for subject, row in zip(names, values, strict=True):
        facts = [(relations[j], row[j]) for j in range(n_attributes) if j not in tabled]
        rng.shuffle(facts)
        if facts:
            make = layout if rng.random() < 0.7 else sx.prose
            out.append(make(rng, subject, facts, phrasing=phrasing))
    if extras:
        for of_product in (sx.options, sx.endpoints, sx.errors, sx.steps):
            if rng.random() < 0.5:
                out.append(of_product(rng, product, rng.randrange(2, 7), phrasing))
    return out


def make_world(seed: int, pages: int = 8, facts_per_page: int = 25, phrasing: Phrasing = PUBLISHED) -> World:
    """A manual of about `pages` pages with about `facts_per_page` facts on each.

    phrasing: how facts are worded; manuals of one seed hold the same facts in the same layouts.
    """
    rng = random.Random(f"world:{seed}")
    product = lx.name(rng)
    documents: dict[str, str] = {}
    facts: list[Fact] = []
    titles: list[tuple[str, str]] = []
    for page in range(pages):
        title = f"{product} {lx.pick(rng, lx.COMPONENTS)} {rng.choice(['guide', 'reference', 'handbook', 'notes'])}"
        doc_id = f"{page + 1:02d}-{title.removeprefix(product).strip().replace(' ', '-')}.md"
        text = f"# {title}\n\n{lx.pick(rng, lx.GENERAL)}\n"
        claims: list[tuple[sx.Claim, int]] = []
        while len(claims) < facts_per_page:
            for section in draw_sections(rng, product, rng.randrange(2, 5), rng.randrange(2, 5), phrasing=phrasing):
                text += f"\n## {section.title}\n\n"
                claims += [(c, len(text)) for c in section.claims]
                text += section.text + "\n"
                if len(claims) >= facts_per_page:
                    break
        if titles:
            other, target = rng.choice(titles)
            text += f"\nSee also [{other}]({target}).\n"
        titles.append((title, doc_id))
        documents[doc_id] = text
        for claim, offset in claims:
            start, end = claim.start + offset, claim.end + offset
            facts.append(
                Fact(
                    f"{claim.subject}/{claim.attribute}", claim.subject, claim.attribute, claim.value, claim.kind,
                    claim.questions, claim.reversed, text[start:end], doc_id, start, end,
                )
            )  # fmt: skip
    contents = "".join(f"- [{title}]({doc_id})\n" for title, doc_id in titles)
    documents["index.md"] = f"# {product} manual\n\nThis manual describes {product}.\n\n{contents}"
    return World(product, seed, documents, unambiguous(facts))


def unambiguous(facts: list[Fact]) -> tuple[Fact, ...]:
    """Facts whose question has one answer in the whole manual; reversed questions only where they have one."""
    answers: dict[str, set[str]] = {}
    owners: dict[tuple[str, str], set[str]] = {}
    for fact in facts:
        answers.setdefault(fact.key.strip("`").replace("`", ""), set()).add(fact.value)
        owners.setdefault((fact.attribute, fact.value), set()).add(fact.subject)
    kept = []
    for fact in facts:
        if len(answers[fact.key.strip("`").replace("`", "")]) > 1:
            continue
        single = len(owners[fact.attribute, fact.value]) == 1
        kept.append(fact if single else Fact(**{**asdict(fact), "reversed": ()}))
    return tuple(kept)


def write_world(world: World, folder: Path) -> None:
    """Write the manual's pages, and `facts.jsonl` beside the folder's pages only when asked by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for doc_id, text in world.documents.items():
        (folder / doc_id).write_text(text, encoding="utf-8")


def write_facts(world: World, path: Path) -> None:
    """The truth as JSON lines, kept apart from the manual so that it is never read as documentation."""
    lines = (json.dumps(asdict(fact), ensure_ascii=False) for fact in world.facts)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

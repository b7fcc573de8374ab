"""Real documentation: gaps to fill by looking the sentence up, definitions, running text."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from tools.lab_models.packing import Ask, Packer, Row
from tools.lab_models.tasks.asking import Pairs, layout
from tools.lab_models.tasks.lookup import recall
from understudy.lab import lexicon as lx
from understudy.prompts import ABSTAIN

SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"(])|\n+")
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
    sentences = [s for s in SENTENCE.split(text) if 30 < len(s) < 400]
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
        missing = [s for s in SENTENCE.split(other) if 30 < len(s) < 300 and s not in text]
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
        for sentence in SENTENCE.split(text):
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

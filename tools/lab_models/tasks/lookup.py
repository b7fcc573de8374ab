"""From repeated tokens to lines `key: value`: looking up what stands in the context verbatim."""

from __future__ import annotations

import random

from tools.lab_models.packing import Ask, Packer, Row
from tools.lab_models.tasks.asking import Pairs, ask, joined, layout
from understudy.lab import lexicon as lx
from understudy.prompts import ABSTAIN


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

"""Is what was written the model that was measured? Template, tokens, distributions, greedy text.

Each check is made by the runtime that users run, on the run's own texts. What is compared: the rendered conversation
as a string; token numbers; KL(measured || written) in nats of the next-token distribution at places of texts, over the
tokens that the runtime lists (all others together count as one token, so that for a vocabulary larger than the list
the figure is a lower bound); the likeliest token there; the tokens written at temperature 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from understudy import prompts
from understudy.answer import ModelAnswerer
from understudy.evaluation.question import Question
from understudy.export.config import PLACES, TEXTS, Limits
from understudy.export.measured import Measured, Runtime
from understudy.types import Message

_LONGEST = 224  # tokens of a text on which distributions are compared
_FIRST = 8  # tokens before the first place
_GREEDY = 6  # texts continued at temperature 0
_GREEDY_TOKENS = 24
_LOWEST = 1e-12


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison. n: what was compared, in number. found: what was seen. limit: what is asked for."""

    name: str
    passed: bool
    n: int
    found: Mapping[str, float | int | str | None]
    limit: str


@dataclass(frozen=True, slots=True)
class Material:
    """What the comparison is made on. corpus: passages of the documentation. questions: of the run's exam.

    shown: as the arm is shown them. base: the base model's arm with the same context, where a tuned one is written.
    """

    corpus: Sequence[str]
    questions: Sequence[Question] = ()
    shown: Sequence[Sequence[Message]] = field(default=())
    base: ModelAnswerer | None = None


def as_chats(measured: Measured, material: Material) -> Material:
    """The same with each passage as a user's message: for a tokenizer that writes a blank before text at its very start
    alone, which llama.cpp cannot and a chat, which starts with a special token, does not need."""
    return replace(material, corpus=[measured.render([Message("user", text)]) for text in material.corpus])


def conversations(template_takes_system: bool) -> list[list[Message]]:
    """A single turn, several turns, and, where the template takes one, a system message before them."""
    single = [Message("user", "Which port does the server listen on?")]
    several = [
        *single,
        Message("assistant", "It listens on port 7411.\n\n```sh\nserve --port 7411\n```"),
        Message("user", '  And "where" are <b>files</b> kept, über /var?\n'),
    ]
    system = [Message("system", "Answer from the documentation."), *several]
    return [single, several, *([system] if template_takes_system else [])]


def check(measured: Measured, written: Runtime, material: Material, limits: Limits, *, bos: int | None) -> list[Check]:
    """Everything but the exam."""
    asked = [list(m) for m in material.shown]
    texts = [*material.corpus, *(measured.render(m) for m in asked)]
    found = [
        _template(measured, written, asked),
        _tokens(measured, written, texts),
        _bos(measured, written, asked, bos),
    ]
    places = spread([measured.tokens(text) for text in _in_turn(texts, len(material.corpus))])
    found += _distributions(measured, written, places, limits)
    if limits.greedy:
        found.append(_greedy(measured, written, [ids for ids, _ in places][:_GREEDY], limits.tie))
    return found


def _template(measured: Measured, written: Runtime, asked: Sequence[list[Message]]) -> Check:
    tried = [*conversations(measured.takes_system()), *asked]
    wrong = [i for i, m in enumerate(tried) if _rendered(written, m) != measured.render(m)]
    first = _difference(measured.render(tried[wrong[0]]), _rendered(written, tried[wrong[0]])) if wrong else None
    return Check("template", not wrong, len(tried), {"different": len(wrong), "first": first}, "every string equal")


def _tokens(measured: Measured, written: Runtime, texts: Sequence[str]) -> Check:
    wrong = []
    for text in texts:
        expected, got = measured.tokens(text), written.tokens(text)
        if expected != got:
            at = next((i for i, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), 0)
            wrong.append(f"token {at}: {expected[at : at + 4]} became {got[at : at + 4]} in {text[:60]!r}")
    return Check("tokens", not wrong, len(texts), {"different": len(wrong), "first": wrong[0] if wrong else None},
                 "every text's tokens equal")  # fmt: skip


def _bos(measured: Measured, written: Runtime, asked: Sequence[list[Message]], bos: int | None) -> Check:
    """At most one at the start, and the chat address reads as many tokens as were measured."""
    tried = [*conversations(False), *asked[:2]]
    most, uneven = 0, 0
    for messages in tried:
        ids = written.tokens(_rendered(written, messages))
        run = next((i for i, token in enumerate(ids) if token != bos), len(ids))
        most = max(most, run)
        uneven += written.chat_tokens(messages) != measured.chat_tokens(messages)
    return Check("bos", most <= 1 and not uneven, len(tried), {"most": most, "chats of another length": uneven},
                 "at most one, and chats as long as measured")  # fmt: skip


def spread(rows: Sequence[list[int]]) -> list[tuple[list[int], list[int]]]:
    """Texts cut to a length, each with the places at which distributions are compared, evenly from its start."""
    found = []
    for ids in rows:
        kept = ids[:_LONGEST]
        if len(kept) > _FIRST:
            step = max(1, math.ceil((len(kept) - _FIRST) / PLACES))
            found.append((kept, list(range(_FIRST, len(kept) + 1, step))))
        if len(found) == TEXTS:
            break
    return found


def divergence(measured: Sequence[float], written: Mapping[int, float]) -> float:
    """KL(measured || written) in nats over the tokens listed in `written` (log-probabilities), the others as one."""
    total, p_rest, q_rest = 0.0, 1.0, 1.0
    for token, logprob in written.items():
        p, q = math.exp(measured[token]), math.exp(logprob)
        p_rest, q_rest = p_rest - p, q_rest - q
        if p > 0:
            total += p * (measured[token] - logprob)
    if p_rest > _LOWEST and len(written) < len(measured):
        total += p_rest * (math.log(p_rest) - math.log(max(q_rest, _LOWEST)))
    return max(0.0, total)


def _distributions(
    measured: Measured, written: Runtime, texts: Sequence[tuple[list[int], list[int]]], limits: Limits
) -> list[Check]:
    kls: list[float] = []
    same, ties = 0, 0
    for ids, places in texts:
        rows = measured.logprobs(ids, places).tolist()
        for row, got in zip(rows, written.next_tokens(ids, places), strict=True):
            kls.append(divergence(row, got))
            lost = max(row) - row[max(got, key=got.__getitem__)]
            same += lost == 0
            ties += 0 < lost <= limits.tie
    n = len(kls)
    mean, share = (sum(kls) / n, (same + ties) / n) if n else (None, None)
    return [
        Check("kl", mean is not None and mean <= limits.mean_kl, n, {"mean": mean, "largest": max(kls, default=None)},
              f"mean at most {limits.mean_kl:g} nats"),
        Check("same top token", share is not None and share >= limits.same_top, n, {"share": share, "ties": ties},
              f"at least {limits.same_top:.1%}"),
    ]  # fmt: skip


def _greedy(measured: Measured, written: Runtime, texts: Sequence[list[int]], tie: float) -> Check:
    """Texts continued alike; one that goes on otherwise behind a tie is counted as such, and no further compared."""
    ends = set(measured.end_tokens())

    def turn(model: Runtime, ids: list[int]) -> list[int]:
        written = model.greedy(ids, _GREEDY_TOKENS)
        return written[: next((i for i, token in enumerate(written) if token in ends), None)]

    def lost(ids: list[int], expected: list[int], got: list[int]) -> float:
        """Nats between the measured model's token and the other one, where the two texts part."""
        at = next(
            (i for i, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), min(len(expected), len(got))
        )
        row = measured.logprobs([*ids, *expected[:at]], [len(ids) + at]).tolist()[0]
        return float(max(row) - max(row[token] for token in (got[at : at + 1] or ends)))

    equal, ties = 0, 0
    for ids in texts:
        expected, got = turn(measured, ids), turn(written, ids)
        equal += expected == got
        ties += expected != got and lost(ids, expected, got) <= tie
    passed = bool(texts) and equal + ties == len(texts)
    return Check("greedy text", passed, len(texts), {"equal": equal, "ties": ties}, "every text equal, but for ties")


def shown(questions: Sequence[Question], answerer: ModelAnswerer) -> list[Sequence[Message]]:
    """The exam's questions as the arm is shown them."""
    return [
        answerer.prepare(
            q.item.question, shown=prompts.multiple_choice(q.item.question, q.item.options), gold=q.gold
        ).messages
        for q in questions
    ]


def _rendered(written: Runtime, messages: Sequence[Message]) -> str:
    from understudy.errors import ModelError

    try:
        return written.render(messages)
    except ModelError as error:
        return f"(refused: {error})"


def _difference(expected: str, got: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), min(len(expected), len(got)))
    return f"character {at}: {expected[at : at + 40]!r} became {got[at : at + 40]!r}"


def _in_turn(texts: Sequence[str], corpus: int) -> list[str]:
    """Texts of the exam and of the corpus in turn, spread over both."""
    first, second = list(texts[corpus:]), list(texts[:corpus])
    half = TEXTS // 2
    picked = [rows[:: max(1, len(rows) // TEXTS)] for rows in (first, second)]
    return [*picked[0][:half], *picked[1], *picked[0][half:]]

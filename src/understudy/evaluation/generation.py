"""Generation scoring: the model writes its answer to the shown options, free or held to the letters.

Free answers are read strictly: a letter where one expects it, or the text of one option. Anything else is a
format failure, which is counted apart: it is wrong, but it is not ignorance.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import torch

from understudy import prompts
from understudy.evaluation.letter import shown_texts
from understudy.evaluation.question import Prepared, Question, prepare, result
from understudy.evaluation.shifts import rotate
from understudy.normal import folded
from understudy.types import Answerer, ItemResult, Message

_ALONE = re.compile(r"^[\s\"'*`(\[]*([A-Z])(?:[\s\"'*`)\].:,]|$)")
_STATED = re.compile(r"\b(?:answer|option|choice)\b[^A-Za-z0-9]*(?:is\b|letter\b|:)*[\s\"'*`(\[:]*([A-Z])\b(?!')", re.I)


def read_letter(text: str, options: Sequence[str]) -> int | None:
    """The place (0 = A) that an answer names, or None for a format failure. `options`: in the order shown."""
    first = text.strip().split("\n")[0]
    same = [k for k, option in enumerate(options) if _plain(option) == _plain(first)]
    if len(same) == 1:
        return same[0]
    for pattern in (_ALONE, _STATED):
        found = pattern.search(first)
        if found and found.group(1).isupper() and not _is_word(first, found):
            place = prompts.LETTERS.index(found.group(1))
            return place if place < len(options) else None
    return None


def _is_word(text: str, found: re.Match[str]) -> bool:
    """`A queue holds ...` begins with an article, not with an answer."""
    after = text[found.end(1) :]
    return found.group(1) in "AI" and re.match(r"\s+[a-z]", after) is not None


def _plain(text: str) -> str:
    return folded(text).strip(" .\"'`").casefold()


def _seed(*parts: object) -> int:
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:8], 16)


class Generation:
    """Reads the letter that the model writes.

    constrained: the engine may only write one of the letters. rounds: sampled answers a question (and shift);
    `acc` is the share of right answers over shifts and rounds. seed: of sampled answers, for engines that run here.
    """

    def __init__(
        self,
        *,
        constrained: bool,
        shifts: int | None = None,
        rounds: int = 1,
        temperature: float = 0.0,
        max_tokens: int = 64,
        seed: int = 0,
    ) -> None:
        self.name = "constrained" if constrained else "generate"
        self.constrained = constrained
        self.shifts = shifts
        self.rounds = rounds
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.seed = seed

    def score(self, arm: str, answerer: Answerer, questions: Sequence[Question]) -> list[ItemResult]:
        prepared = [prepare(answerer, q, shown_texts(q, self.shifts)) for q in questions]
        written: list[list[list[str]]] = []  # question x round x shift
        for turn in range(self.rounds):
            if self.temperature == 0.0:
                written.append(self._write(answerer, questions, [p.messages for p in prepared]))
                continue
            written.append([])
            for question, p in zip(questions, prepared, strict=True):  # alone, so that no batching moves its dice
                torch.manual_seed(_seed(self.seed, turn, question.item.item_id))
                written[-1] += self._write(answerer, [question], [p.messages])
        found = []
        for k, (question, p) in enumerate(zip(questions, prepared, strict=True)):
            if not p.prompts:
                found.append(result(arm, question, p, acc=None, predicted=None))
                continue
            found.append(self._result(arm, question, p, [texts[k] for texts in written]))
        return found

    def _write(
        self,
        answerer: Answerer,
        questions: Sequence[Question],
        conversations: Sequence[Sequence[Sequence[Message]]],
    ) -> list[list[str]]:
        """One answer a conversation. Questions with as many options share a call."""
        texts: list[list[str]] = [[""] * len(c) for c in conversations]
        sizes = sorted({len(q.item.options) for q in questions}) if self.constrained else [0]
        for size in sizes:
            places = [
                (k, shift)
                for k, c in enumerate(conversations)
                for shift in range(len(c))
                if size in (0, len(questions[k].item.options))
            ]
            completions = answerer.reader.generate(
                [conversations[k][shift] for k, shift in places],
                max_tokens=4 if self.constrained else self.max_tokens,
                temperature=self.temperature,
                choices=list(prompts.LETTERS[:size]),
            )
            for (k, shift), completion in zip(places, completions, strict=True):
                texts[k][shift] = completion.text
        return texts

    def _result(self, arm: str, question: Question, prepared: Prepared, rounds: list[list[str]]) -> ItemResult:
        item = question.item
        k = len(item.options)
        chosen: list[list[int | None]] = []
        for texts in rounds:
            places = [read_letter(text, rotate(item.options, shift)) for shift, text in enumerate(texts)]
            chosen.append([None if p is None else (p + shift) % k for shift, p in enumerate(places)])
        flat = [option for row in chosen for option in row]
        failures = sum(option is None for option in flat)
        votes = Counter(option for option in flat if option is not None)
        right = [[option == item.correct for option in row] for row in chosen]
        detail: dict[str, object] = {"chosen": chosen[0], "failures": failures, "answers": len(flat)}
        if len(rounds) > 1:
            detail["rounds"] = [sum(row) / len(row) for row in right]
        return result(
            arm, question, prepared,
            acc=sum(map(sum, right)) / len(flat),
            predicted=min(votes, key=lambda option: (-votes[option], option)) if votes else None,
            circular=float(all(map(all, right))),
            option_scores=tuple(tuple(float(option == j) for j in range(k)) for option in chosen[0]),
            format_failure=2 * failures > len(flat),
            text=rounds[0][0],
            detail=detail,
        )  # fmt: skip

"""What scoring finds, as plain records: intervals and comparisons. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["better", "worse", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its clustered standard error and interval over n questions in `clusters` clusters.

    boot_low, boot_high: the same interval by the cluster bootstrap (BCa), as a check.
    """

    value: float | None
    low: float | None
    high: float | None
    stderr: float | None
    n: int
    clusters: int
    boot_low: float | None = None
    boot_high: float | None = None


NOTHING = Interval(None, None, None, None, 0, 0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two arms on the same questions. verdict: of `first` over `second`.

    p: randomisation test that flips whole clusters; p_holm: adjusted over the family of comparisons, and what
    the verdict rests on. p_mcnemar: exact McNemar over questions, which takes them as independent.
    only_first, only_second: questions that only one of the two got right (the discordant pairs).
    mde: the smallest true difference that such a benchmark detects with 80 % power at the 5 % level.
    power: of detecting a difference as large as the observed one. n_needed: questions for 80 % power then.
    """

    first: str
    second: str
    difference: Interval
    p: float | None
    p_holm: float | None
    p_mcnemar: float | None
    both: int
    only_first: int
    only_second: int
    neither: int
    mde: float | None
    power: float | None
    n_needed: int | None
    verdict: Verdict
    sentence: str
    question: str = ""

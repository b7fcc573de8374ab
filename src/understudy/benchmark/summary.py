"""What summary.json holds: the benchmark's findings as plain records, without any formatting.

The stage writes it, the report and `understudy compare` read it. Shares and accuracies lie in [0, 1];
differences are first minus second; an undefined figure is None, never 0. Intervals are 95 % unless
`Provenance.confidence` says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from understudy.artifact import from_plain, to_plain, write_json
from understudy.errors import InputError
from understudy.evaluation.items import Exclusion
from understudy.evaluation.records import NOTHING, Comparison, Interval, Verdict

SCHEMA = 1
CAUSES = (
    "right",
    "format failure",
    "not in the corpus",
    "not known",
    "not generated",
    "generated but not learned",
    "retrieval miss",
    "reader miss",
    "harmed by retrieval",
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an arm turns out to be: a stable code (`length-only`, `position`, ...) and a sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm over all questions it answered.

    kind: `arm`, or `floor` for one that knows nothing. acc: mean accuracy with its interval.
    circular: share of questions right in every cyclic shift (CircularEval); None where options are not shown.
    other_scorings: accuracy under other rules (`raw`, `char`, `byte`, `pmi`, `letter`, ...).
    positions: share of answers falling on each shown position (A, B, ...); empty where options are not shown.
    rounds: decoding noise (`n`, `mean`, `std` over rounds) where answers are sampled; not an interval.
    dropped_passages: passages left out because the window was too small, over all questions.
    error: why the arm stopped; its figures are then undefined.
    """

    name: str
    kind: Literal["arm", "floor"]
    model: str
    context: str
    scoring: str
    acc: Interval
    circular: float | None = None
    format_failures: int = 0
    other_scorings: Mapping[str, float | None] = field(default_factory=dict)
    positions: tuple[float, ...] = ()
    rounds: Mapping[str, float] | None = None
    dropped_passages: int = 0
    diagnosis: tuple[Diagnosis, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where the answers of one arm ended up: cause (see CAUSES) → questions; the counts sum to n."""

    arm: str
    n: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """acc(rag) = h * acc|hit + (1 - h) * acc|miss for one model.

    retrieval_loss = oracle - rag; reader_loss = 1 - oracle; harm: share right closed-book and wrong with rag;
    help: the reverse. None where an arm is missing.
    """

    model: str
    n: int
    hit_rate: float | None
    acc_hit: float | None
    acc_miss: float | None
    closed_book: float | None
    rag: float | None
    oracle: float | None
    retrieval_loss: float | None
    reader_loss: float | None
    harm: float | None
    help: float | None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How often the answer span stood in what was retrieved, over the questions whose span is known."""

    hit_rate: Interval
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """What became known and what was lost between two arms (right = known)."""

    before: str
    after: str
    n: int
    known_known: int
    unknown_known: int
    known_unknown: int
    unknown_unknown: int


@dataclass(frozen=True, slots=True)
class SeenHeldout:
    """Gain on taught facts, gain on facts never taught, and the difference between the two gains."""

    before: str
    after: str
    seen: Interval
    heldout: Interval
    difference: Interval


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document (or other cluster): its questions and each arm's accuracy on them."""

    doc_id: str
    n: int
    acc: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class GeneralTask:
    """A general skill before and after. verdict: is the loss within the margin (one-sided, 95 %)?"""

    name: str
    before: str
    after: str
    acc_before: Interval
    acc_after: Interval
    difference: Interval
    margin: float
    verdict: Literal["kept", "lost", "inconclusive"]


@dataclass(frozen=True, slots=True)
class General:
    """Forgetting. kl: mean KL divergence from the base per token of a fixed probe, in nats, by model."""

    tasks: tuple[GeneralTask, ...] = ()
    kl: Mapping[str, float | None] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One arm on the facts of one kind since the run that the training goes on from.

    change: `new`, `changed`, `unchanged` or `withdrawn`. facts: how many facts of the kind there are.
    acc: on all questions about them. before, difference: the same arm in the run before, and now minus then, on the
    questions that both were asked with the same right answer (wrong options may differ).
    abstains: share of held-out questions that the model, asked without passages, answers by saying that the
    documentation does not say: wanted for withdrawn facts, and a loss for all others.
    outdated: share of held-out questions on changed facts whose earlier answer is still the likelier one.
    """

    arm: str
    change: Literal["new", "changed", "unchanged", "withdrawn"]
    facts: int
    acc: Interval
    before: Interval
    difference: Interval
    abstains: Interval
    outdated: Interval


@dataclass(frozen=True, slots=True)
class Update:
    """What a training that goes on from an earlier run's made of it. facts: how many of each kind."""

    facts: Mapping[str, int]
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class FreeRow:
    """An arm's free answers, as a person is told them (`benchmark/free.py`).

    On questions whose answer is in the documentation: right, of what is told and of the model's own words alone;
    supported by a sentence of what was read; both; refused, though there is an answer. refused_without_answer: of
    questions whose answer was taken out of what is searched; undefined for an arm that does not search.
    refused_untreated: of questions about things that the documentation does not treat.
    """

    arm: str
    right: Interval
    own_right: Interval
    supported: Interval
    right_and_supported: Interval
    refused: Interval
    refused_without_answer: Interval
    refused_untreated: Interval = NOTHING


@dataclass(frozen=True, slots=True)
class FreeDifference:
    """Two arms on the same questions, first minus second: what is right, or refused where there is no answer."""

    first: str
    second: str
    difference: Interval
    what: Literal["right", "refused without an answer", "refused what is not treated"] = "right"


@dataclass(frozen=True, slots=True)
class Free:
    """Free answers beside the options. judged_by: what says that an answer is right: `text` (it is
    compared), or the judging model. questions: `exam`, or the file they come from."""

    rows: tuple[FreeRow, ...]
    differences: tuple[FreeDifference, ...] = ()
    judged_by: str = "text"
    questions: str = "exam"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the figures were made. cluster: `document`, `passage` or `question`; sizes are sorted."""

    seed: int
    scoring: str
    normalise: str
    shifts: int
    cluster: str
    clusters: int
    cluster_sizes: tuple[int, ...]
    confidence: float
    interval_method: str
    test_method: str
    few_clusters: str
    questions: str
    n_items: int
    chance: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything the benchmark found.

    headline: the verdict in one sentence. headline_verdict: its word.
    gameable: names of the floors whose interval lies above chance: what the questions give away.
    unlinked: questions whose supporting passage was not found in the corpus.
    """

    headline: str
    headline_verdict: Verdict
    arms: tuple[ArmSummary, ...]
    comparisons: tuple[Comparison, ...]
    provenance: Provenance
    gameable: tuple[str, ...] = ()
    attribution: tuple[Attribution, ...] = ()
    decomposition: tuple[Decomposition, ...] = ()
    retrieval: Retrieval | None = None
    transitions: tuple[Transition, ...] = ()
    seen_heldout: tuple[SeenHeldout, ...] = ()
    documents: tuple[DocumentRow, ...] = ()
    general: General | None = None
    exclusions: tuple[Exclusion, ...] = ()
    unlinked: int = 0
    notes: tuple[str, ...] = ()
    update: Update | None = None
    free: Free | None = None
    schema: int = SCHEMA

    def arm(self, name: str) -> ArmSummary | None:
        """The arm of that name, or None."""
        return next((a for a in self.arms if a.name == name), None)

    def write(self, path: Path) -> None:
        """Write as indented JSON, atomically."""
        write_json(path, to_plain(self))

    @classmethod
    def read(cls, path: Path) -> Summary:
        """Read summary.json. Raises InputError where it is missing, damaged or of another schema."""
        try:
            plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if plain.get("schema") != SCHEMA:
                raise ValueError(f"schema {plain.get('schema')}, this version reads {SCHEMA}; run the benchmark again")
            return from_plain(cls, plain)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a readable benchmark summary: {error}") from error

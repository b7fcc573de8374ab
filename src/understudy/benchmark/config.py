"""Settings of the benchmark."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from understudy.config import StageConfig
from understudy.errors import did_you_mean
from understudy.retrieval.config import SearchConfig
from understudy.types import Arm

FLOORS = ("longest", "shortest", "letter-prior", "overlap-corpus", "overlap-retrieved", "choices-only")
Scoring = Literal["cloze", "letter", "constrained", "generate", "judge"]
Normalise = Literal["raw", "char", "byte", "pmi"]


class FreeConfig(BaseModel):
    """Free answers beside the options: what a person is told who asks (`free.py`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    answerable: int = Field(default=40, ge=0, description="questions that are also asked without options; 0: none")
    unanswerable: int = Field(
        default=20,
        ge=0,
        description="questions that are asked after their page was taken out of what is searched, to see whether an "
        "arm says so; 0: none",
    )
    untreated: int = Field(
        default=20, ge=0, description="questions about things that the documentation does not treat; 0: none"
    )
    max_tokens: int = Field(default=96, ge=1, description="tokens of a free answer")

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, given: Any) -> Any:
        if isinstance(given, dict) and "questions" in given:
            raise ValueError(
                "questions is now called benchmark.open_questions; write `open_questions: file` beside `free`"
            )
        return given

    @property
    def asks(self) -> bool:
        """Whether anything is asked freely."""
        return bool(self.answerable or self.unanswerable or self.untreated)


class BenchmarkConfig(StageConfig):
    """Which arms answer which questions, how answers are scored, and what counts as a difference."""

    NAME: ClassVar[str] = "benchmark"
    VERSION: ClassVar[int] = 9
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"questions", "open_questions", "block_size"})

    arms: tuple[str, ...] = Field(
        default=("base", "base+rag", "sft", "sft+rag", "base+oracle", "sft+oracle"),
        description="what is compared: `base`, `sft` or a model reference, and +rag, +oracle or +corpus",
    )
    floors: tuple[str, ...] = Field(
        default=FLOORS, description="arms that know nothing, to show what the questions give away"
    )
    questions: str | None = Field(
        default=None,
        description="own questions: CSV (question,a,b,c,d,correct), JSONL of items, or lm_eval samples; "
        "without it the generated ones are used",
    )
    open_questions: str | None = Field(
        default=None,
        description="own questions without options in place of generate's: CSV, JSON or Parquet of `question`, "
        "`answer` (empty: the documentation does not answer it), `must` (what an answer must say; `a | b`: one of "
        "them), `answerable` and `doc_id`; all are asked",
    )
    leaked: Literal["exclude", "keep"] = Field(
        default="exclude",
        description="own questions that the fine-tuning was taught, that share eight words with one it was, or that "
        "are nearly one (cosine 0.85): left out and counted, or asked all the same",
    )
    max_items: int | None = Field(
        default=None, ge=1, description="use at most this many questions, spread over documents"
    )
    scoring: tuple[Scoring, ...] = Field(
        default=("cloze",),
        description="how an answer is read: cloze, letter, constrained, generate, judge; the first decides",
    )
    normalise: Normalise = Field(
        default="char",
        description="what a cloze log-likelihood is divided by, or pmi: less its unconditional value",
    )
    shifts: int | None = Field(
        default=None,
        ge=1,
        description="cyclic shifts of the shown options; default: as many as there are options",
    )
    rounds: int = Field(default=1, ge=1, description="sampled answers a question, to report decoding noise")
    temperature: float = Field(default=0.0, ge=0.0, description="temperature of free generation")
    max_tokens: int = Field(default=64, ge=1, description="tokens of an answer that `scoring` reads")
    free: FreeConfig = Field(default=FreeConfig(), description="free answers, as a person is told them")
    judge: str = Field(
        default="match", description="who reads free answers: `match` (text overlap) or a model reference"
    )
    cluster: Literal["auto", "document", "passage", "question"] = Field(
        default="auto",
        description="what questions may depend on together; auto is document, or passage below six documents",
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0, description="of the intervals and of a verdict")
    comparisons: tuple[tuple[str, str], ...] | None = Field(
        default=None,
        description="pairs of arms to compare; default: the ones that answer a question of their own",
    )
    general: tuple[str, ...] = Field(
        default=(),
        description="to see forgetting: `suite` (bundled), a JSONL of items, `lm_eval:arc_easy`",
    )
    margin: float = Field(
        default=1.0, ge=0.0, le=100.0, description="points of general accuracy one is ready to lose (non-inferiority)"
    )
    search: SearchConfig | None = Field(
        default=None, description="how the arms with retrieval search; default: what index.search says"
    )
    export: tuple[Literal["lm_eval", "inspect", "csv"], ...] = Field(
        default=(),
        description="also write items and results in these formats into the artifact's `export` folder",
    )
    block_size: int = Field(default=32, ge=1, description="questions scored between two savings; cannot change results")
    failed_arms: Literal["stop", "skip"] = Field(
        default="stop",
        description="after an arm fails: finish the others, then stop with an error, or leave it out",
    )

    @field_validator("arms")
    @classmethod
    def _arms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one arm is needed, for example [base, sft]")
        twice = sorted({name for name in value if value.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        for name in value:
            arm = Arm.parse(name)
            head, plus, tail = name.rpartition("+")
            if not arm.model or (plus and head in ("base", "sft") and arm.context == "closed-book"):
                hint = did_you_mean(tail, ("rag", "oracle", "corpus"))
                raise ValueError(f"'{name}': after + comes rag, oracle or corpus.{hint}")
        return value

    @field_validator("floors")
    @classmethod
    def _floors(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in FLOORS:
                raise ValueError(f"'{name}' is not one of {', '.join(FLOORS)}.{did_you_mean(name, FLOORS)}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> BenchmarkConfig:
        if not self.scoring:
            raise ValueError("scoring: name at least one of cloze, letter, constrained, generate, judge")
        if self.rounds > 1 and self.temperature == 0.0:
            raise ValueError("rounds > 1 needs temperature > 0: without sampling every round is the same")
        for first, second in self.comparisons or ():
            for name in (first, second):
                if name not in self.arms:
                    raise ValueError(f"comparisons: '{name}' is not among the arms.{did_you_mean(name, self.arms)}")
        return self

    @field_validator("margin")
    @classmethod
    def _points(cls, value: float) -> float:
        if 0 < value < 0.1:
            raise ValueError(f"is in points: write {100 * value:g} for {value:g}")
        return value

    @property
    def retrieves(self) -> bool:
        """Whether an arm searches the index."""
        return any(Arm.parse(name).context == "rag" for name in self.arms)

    def with_search(self, search: SearchConfig, retriever: str) -> BenchmarkConfig:
        """The settings with the way of searching filled in, without what cannot matter for this kind of index."""
        found = (self.search or search).effective(retriever) if self.retrieves else None
        return self.model_copy(update={"search": found})

    def inert(self) -> set[str]:
        found = {"margin"} if not self.general else set()
        free = any(how in self.scoring for how in ("generate", "judge"))
        found |= set() if free else {"temperature", "rounds"}
        found |= set() if free or "constrained" in self.scoring else {"max_tokens"}
        found |= set() if "judge" in self.scoring or self.free.asks or self.open_questions else {"judge"}
        if self.open_questions:  # all of them are asked
            found |= {"free.answerable", "free.unanswerable", "free.untreated"}
        found |= set() if self.questions else {"leaked"}
        found |= set() if "cloze" in self.scoring else {"normalise"}
        return found | (set() if set(self.scoring) - {"cloze", "judge"} else {"shifts"})

    def unread(self) -> frozenset[str]:
        models = {Arm.parse(name).model for name in self.arms}
        unread = {stage for made, stage in (("merged", "merge"), ("aligned", "align")) if made not in models}
        unread |= set() if "sft" in models else {"sft"}
        return frozenset(unread | (set() if self.retrieves else {"index"}))

    def files(self) -> dict[str, str]:
        """The imported questions and suites: their content is part of the key."""
        found = {"questions": self.questions} if self.questions else {}
        found |= {"open_questions": self.open_questions} if self.open_questions else {}
        return found | {f"general {g}": g for g in self.general if g.endswith(".jsonl")}

    def models(self) -> dict[str, str]:
        """Models named directly by arms, and the judge."""
        named = {Arm.parse(name).model for name in self.arms} - {"base", "sft", "merged", "aligned"}
        found = {f"arm {model}": model for model in sorted(named)}
        found |= {"reranker": self.search.reranker} if self.search and self.search.reranker else {}
        return found | ({} if self.judge == "match" or "judge" in self.inert() else {"judge": self.judge})

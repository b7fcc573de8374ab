"""The settings of the generate stage."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from understudy.config import StageConfig
from understudy.errors import InputError
from understudy.generate.extractive.precision import OFF
from understudy.generate.prompting import DEFAULT, folder_of
from understudy.models.access import WIRES
from understudy.models.ref import ModelRef

Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class Paraphrases(BaseModel):
    """Shares of a fact's paraphrases that are held out; what is left is trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dev: Share = Field(default=0.2, description="share held out for early stopping")
    test: Share = Field(default=0.2, description="share held out for the benchmark")

    @model_validator(mode="after")
    def _leaves_some(self) -> Paraphrases:
        if self.dev + self.test >= 1.0:
            raise ValueError("dev and test together must leave paraphrases to train on; keep their sum below 1")
        return self


class Price(BaseModel):
    """What a remote teacher costs, in US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0.0, description="US dollars per million tokens of the prompt")
    output: float = Field(ge=0.0, description="US dollars per million tokens of the answer")
    batch_discount: float = Field(
        default=0.5, ge=0.0, lt=1.0, description="share of the price that an answer in a batch does without"
    )


class RemoteTeacher(BaseModel):
    """How a teacher that is a model is asked; the published experiment: ten pairs a chunk in three rounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: str = Field(
        default=DEFAULT,
        description="what the teacher is told: `facts`, `knowledge` (six kinds of question, best with `rounds: 6`), "
        "`published` (plain pairs), or a folder with files of your own",
    )
    rounds: int = Field(default=3, ge=1, le=20, description="how many times each chunk is asked about")
    pairs_per_round: int = Field(default=10, ge=1, le=50, description="pairs asked for in a round")
    wordings: int = Field(
        default=3,
        ge=1,
        le=20,
        description="paraphrases of each question; with one, whole facts are held out instead of paraphrases",
    )
    round_trip: bool = Field(
        default=False, description="a second call answers from the chunk alone; pairs that disagree are dropped"
    )
    temperature: float | None = Field(
        default=0.7,
        ge=0.0,
        le=2.0,
        description="sampling temperature; null leaves it to the endpoint (some reasoning models accept no other)",
    )
    max_tokens: int = Field(default=4096, ge=64, description="most tokens of an answer")
    price: Price | None = Field(default=None, description="what the endpoint charges")
    max_usd: float | None = Field(
        default=None,
        gt=0.0,
        description="hard cap: asking stops before a request that could exceed it; needs the price",
    )
    batch: bool = Field(
        default=False,
        description="ask through the endpoint's batch API, at half price; each round may take up to a day",
    )
    concurrency: int = Field(
        default=8, ge=1, le=256, description="most requests at once; the number adapts to what the endpoint takes"
    )
    timeout_seconds: float = Field(default=120.0, gt=0.0, description="an answer that is not whole by then is given up")
    max_retries: int = Field(default=6, ge=0, le=50, description="further attempts for one request")

    @model_validator(mode="after")
    def _cap_needs_price(self) -> RemoteTeacher:
        if self.max_usd is not None and self.price is None:
            raise ValueError("max_usd needs the price; add `price: {input: USD, output: USD}` per million tokens")
        return self


class GenerateConfig(StageConfig):
    """What is taught and what is asked."""

    NAME: ClassVar[str] = "generate"
    VERSION: ClassVar[int] = 23
    NOT_IN_KEY: ClassVar[frozenset[str]] = frozenset({"pairs", "decisions"})  # their content is, whatever the path

    teacher: str = Field(
        default="extractive",
        description="`extractive` (no model), `openai:model`, `openai:model@http://host/v1`, `anthropic:model`, or a "
        "model in this process: `./folder`, `hf:org/name`, `gguf:./x.gguf`",
    )
    pairs: str | None = Field(
        default=None,
        description="own pairs (question, answer): CSV, JSON or Parquet; they replace the teacher's in training",
    )
    keep_generated: bool = Field(
        default=False, description="with `pairs`, train on the pairs made from the documentation too"
    )
    dev_share: Share = Field(default=0.1, description="share of your own questions held out for early stopping")
    decisions: str | None = Field(
        default=None,
        description="what `understudy review` wrote: rejected pairs and questions are left out, edited pairs replaced",
    )
    product: str | None = Field(
        default=None, description="the name of what is documented, for questions that need it; null: found by itself"
    )
    extra_claims: tuple[str, ...] = Field(
        default=(),
        description="kinds of claim that the offline teacher asks for although their measured precision is low: "
        + ", ".join(sorted(OFF)),
    )
    paraphrases: Paraphrases = Field(
        default=Paraphrases(), description="shares of a fact's paraphrases that are held out"
    )
    questions: Literal["docs", "pairs"] = Field(
        default="docs",
        description="where the multiple-choice items come from: the documentation, or your own pairs that are held "
        "out, with answers about the same page for wrong options",
    )
    heldout_facts: Share = Field(
        default=0.0,
        description="with `questions: pairs`, share of the pairs whose facts are held out whole, none of them trained "
        "on; `paraphrases.test` is then the share held out of the other facts' pairs",
    )
    heldout_documents: Share = Field(default=0.0, description="share of documents whose facts are never trained on")
    heldout_chunks: Share = Field(default=0.0, description="share of the other chunks whose facts are never trained on")
    n_items: int = Field(
        default=300, ge=0, description="multiple-choice items to make; fewer where the corpus gives fewer"
    )
    n_open: int = Field(
        default=40,
        ge=0,
        description="questions without options that have an answer, at least, of further facts where the exam gives "
        "fewer; and at most as many about things that the documentation does not treat",
    )
    n_options: int = Field(default=4, ge=2, le=10, description="options of an item")
    remote: RemoteTeacher = Field(default=RemoteTeacher(), description="how a teacher that is a model is asked")

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        if isinstance(given, dict) and "wordings" in given:
            raise ValueError("wordings is now called paraphrases; write `paraphrases: {dev: 0.2, test: 0.2}`")
        return given

    @field_validator("extra_claims")
    @classmethod
    def _off_by_default(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [kind for kind in value if kind not in OFF]
        if unknown:
            raise ValueError(f"'{unknown[0]}' is not a kind that is off; those are {', '.join(sorted(OFF))}")
        return tuple(sorted(set(value)))

    @field_validator("teacher")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "extractive":
            return value
        try:
            ref = ModelRef.parse(value)
        except InputError as error:
            raise ValueError(str(error)) from error
        if ref.scheme == "folder" and "/" not in ref.name:  # a word misspelt, sooner than a folder
            raise ValueError(
                "is 'extractive', 'openai:MODEL' (with '@http://HOST/v1' for your own endpoint), 'anthropic:MODEL', or "
                "a model in this process: './FOLDER', 'hf:ORG/NAME', 'gguf:FILE'"
            )
        return str(ref)

    @model_validator(mode="after")
    def _own_questions(self) -> GenerateConfig:
        if self.questions == "pairs" and not self.pairs:
            raise ValueError("questions: pairs needs pairs to ask about; name their file, `pairs: file.csv`")
        if self.heldout_facts and self.questions == "docs":
            raise ValueError("heldout_facts holds out imported pairs; add `questions: pairs`, or use heldout_chunks")
        return self

    @model_validator(mode="after")
    def _batch_needs_endpoint(self) -> GenerateConfig:
        if self.local and self.remote.batch:
            raise ValueError(
                f"remote.batch asks an endpoint's batch API, and the teacher {self.teacher} runs in this process, "
                "where nothing is paid; take `batch: true` out, or name an endpoint, such as `teacher: openai:MODEL`"
            )
        return self

    @property
    def asks(self) -> bool:
        """Whether a model is asked."""
        return self.teacher != "extractive" and not self.pairs

    @property
    def served(self) -> bool:
        """Whether a model behind an API is asked."""
        return self.asks and self.teacher.partition(":")[0] in WIRES

    @property
    def local(self) -> bool:
        """Whether a model in this process is asked."""
        return self.asks and not self.served

    def within(self, usd: float | None) -> GenerateConfig:
        """The same with a cap on the money that is no higher."""
        if usd is None or (self.remote.max_usd is not None and self.remote.max_usd <= usd):
            return self
        return self.model_copy(update={"remote": self.remote.model_copy(update={"max_usd": usd})})

    def inert(self) -> set[str]:
        """Pace and patience, the remote settings of a local teacher, and what is only for pairs of one's own."""
        pace = {"remote.batch", "remote.concurrency", "remote.timeout_seconds", "remote.max_retries"}
        unused = {"remote"} if self.teacher == "extractive" else pace
        if self.teacher != "extractive" and not self.pairs:
            unused |= {"extra_claims"}  # with pairs of one's own, the exam comes from the offline teacher
        if not self.pairs:
            unused |= {"keep_generated", "dev_share"}
        if self.local:  # its content is in the key, whatever the path; it costs nothing
            unused |= {"teacher", "remote.price", "remote.max_usd"}
        unused |= {"remote.prompts"}  # their content is in the key, whatever the path
        return unused | ({"questions", "heldout_facts"} if self.questions == "docs" else set())

    def models(self) -> dict[str, str]:
        return {"teacher": self.teacher} if self.local else {}

    def files(self) -> dict[str, str]:
        own = self.asks and self.remote.prompts != DEFAULT
        prompts = str(folder_of(self.remote.prompts)) if own else None
        named = {"pairs": self.pairs, "decisions": self.decisions, "remote.prompts": prompts}
        return {name: path for name, path in named.items() if path}

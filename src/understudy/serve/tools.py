"""What programs call by name: search the documentation, and ask an arm of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.errors import InputError
from understudy.evaluation.response import reading
from understudy.evaluation.response import sources as behind
from understudy.evaluation.support import Topic
from understudy.serve.chat import Sources
from understudy.serve.problems import Problem
from understudy.serve.served import Served

_MOST = 20  # passages of one search


class Search(BaseModel):
    """What `search` is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    query: Annotated[str, Field(min_length=1, max_length=20_000, description="words, or a question")]
    top_k: Annotated[int, Field(ge=1, le=_MOST, description="passages at most")] = 5


class Ask(BaseModel):
    """What `ask` is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(min_length=1, max_length=20_000, description="one question")]
    arm: Annotated[str | None, Field(description="which arm answers, such as sft+rag; the best one where absent")] = (
        None
    )
    max_tokens: Annotated[int, Field(ge=1, le=4096, description="tokens of the answer at most")] = 256


@dataclass(frozen=True, slots=True)
class Tool:
    """A function with a name. asked: the form of its arguments. run: arguments → text to read, and the same as data."""

    name: str
    description: str
    asked: type[BaseModel]
    run: Callable[[Any], tuple[str, dict[str, Any]]]

    def __call__(self, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The tool's answer. Raises InputError naming the argument that is wrong, and what the tool itself raises."""
        try:
            asked = self.asked.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or self.name
            raise InputError(f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}") from None
        return self.run(asked)

    def schema(self) -> dict[str, Any]:
        """Its arguments as JSON Schema."""
        return self.asked.model_json_schema()


def tools_of(served: Served) -> list[Tool]:
    """The tools of a run: `search` where it has an index, and `ask`."""
    topic = Topic(list(served.chunks.values())) if served.chunks else None

    def search(asked: Search) -> tuple[str, dict[str, Any]]:
        found = Sources(served.index.search(asked.query, asked.top_k)).citations()
        return "\n\n".join(map(_passage, found)) or "Nothing was found.", {"passages": found}

    def ask(asked: Ask) -> tuple[str, dict[str, Any]]:
        answerer = served.answerer(served.arm_of(asked.arm or served.default))
        prompt = answerer.prepare_turn(asked.question)
        read = reading(topic, asked.question, prompt, answerer.arm, answerer)
        written = ""
        if not read.beside:
            most = min(asked.max_tokens, answerer.reader.window // 2)
            written = answerer.reader.generate([prompt.messages], max_tokens=most)[0].text
        said = read.told(written)
        sources = Sources(behind(prompt, said))
        text = sources.text(said)
        found = sources.citations()
        shown = "\n".join(f"[{c['n']}] {c['place']}  {c['title']}" for c in found)
        data = {"answer": text, "arm": answerer.name, "citations": found}
        return (f"{text}\n\nRead:\n{shown}" if shown else text), data

    about = f"the documentation of '{served.name}'"
    tools = [Tool("ask", f"Answer a question from {about}, with the places that were read.", Ask, ask)]
    if "index" in served.run.artifacts:
        tools.insert(0, Tool("search", f"Find the passages of {about} that fit a question best.", Search, search))
    return tools


def told(error: Exception) -> str | None:
    """What whoever called a tool is told of its error; None where that is not the caller's affair."""
    return str(error) if isinstance(error, (InputError, Problem)) else None


def _passage(found: Mapping[str, Any]) -> str:
    return f"[{found['n']}] {found['place']}  {found['title']}\n{found['text'].strip()}"

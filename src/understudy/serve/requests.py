"""What clients send, checked: bodies in OpenAI's vocabulary. What they add beyond it is passed over."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from understudy.errors import UnderstudyError
from understudy.serve.problems import Problem
from understudy.types import Message

_MOST_TEXT = 1_000_000  # characters of one message
_MOST_TURNS = 5_000  # messages of one conversation
_Stop = Annotated[str, Field(max_length=200)]
B = TypeVar("B", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Part(_Body):
    """A part of a message's content; only text can be read."""

    type: str
    text: Annotated[str, Field(max_length=_MOST_TEXT)] = ""


class ChatMessage(_Body):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, Field(max_length=_MOST_TEXT)] | list[Part] | None = None


class StreamOptions(_Body):
    include_usage: bool = False


class NamedSchema(_Body):
    """A JSON schema as OpenAI's clients send it. An answer is held to it whether it is strict or not."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: Annotated[str, Field(max_length=_MOST_TEXT)] | None = None
    definition: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class ResponseFormat(_Body):
    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: NamedSchema | None = None


class _Sampling(_Body):
    model: str
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    stop: _Stop | Annotated[list[_Stop], Field(max_length=16)] | None = None
    n: Annotated[int, Field(ge=1)] | None = 1

    @property
    def stops(self) -> tuple[str, ...]:
        given = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return tuple(s for s in given if s)


class ChatRequest(_Sampling):
    """`POST /v1/chat/completions`. sources: false answers without looking anything up or citing it.

    events: true adds the chunk that Open WebUI shows as sources."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=_MOST_TURNS)]
    max_completion_tokens: Annotated[int, Field(ge=0)] | None = None
    response_format: ResponseFormat | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    sources: bool = True
    events: bool = False

    @property
    def structured(self) -> bool:
        """Whether JSON is asked for."""
        return self.response_format is not None and self.response_format.type != "text"

    def conversation(self) -> tuple[Message, ...]:
        """The turns as messages. Raises Problem for content that is not text, and where the last turn asks nothing."""
        turns: list[Message] = []
        for number, message in enumerate(self.messages):
            text = self._text(message, number)
            if message.role == "tool":
                raise Problem(
                    400, "tool messages cannot be read: this model calls no tools", param=f"messages[{number}]"
                )
            role: Any = "system" if message.role == "developer" else message.role
            turns.append(Message(role, text))
        if turns[-1].role != "user" or not turns[-1].content.strip():
            raise Problem(400, "the last message must be the user's, with text in it", param="messages")
        return tuple(turns)

    @staticmethod
    def _text(message: ChatMessage, number: int) -> str:
        if not isinstance(message.content, list):
            return message.content or ""
        for part in message.content:
            if part.type not in ("text", "input_text"):
                raise Problem(
                    400, f"content of type '{part.type}' cannot be read, only text", param=f"messages[{number}]"
                )
        return "\n".join(part.text for part in message.content)


class CompletionRequest(_Sampling):
    """`POST /v1/completions`: texts or token lists, one or many; `echo` with `logprobs` scores the prompt itself."""

    prompt: str | list[str] | list[int] | list[list[int]]
    echo: bool | None = False
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    def prompts(self) -> list[str] | list[list[int]]:
        """One entry a prompt."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if self.prompt and isinstance(self.prompt[0], int):
            return [self.prompt]
        return self.prompt  # type: ignore[return-value]


class EmbeddingRequest(_Body):
    """`POST /v1/embeddings`."""

    model: str = ""
    input: str | Annotated[list[str], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else list(self.input)


def read(kind: type[B], body: bytes) -> B:
    """A request's body. Raises Problem naming the field that is wrong."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Problem(400, f"the body is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}") from None
        place = ".".join(str(p) for p in first["loc"] if not isinstance(p, str) or p.islower())
        raise Problem(400, f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}", param=place or None) from None
    except (UnderstudyError, ValueError, RecursionError) as error:
        raise Problem(400, f"the body cannot be read: {type(error).__name__}") from None

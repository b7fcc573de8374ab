"""Any OpenAI-compatible endpoint: as a teacher that answers in JSON, and as a reader.

The SDK sends and parses; waiting, retrying, pacing, paying and keeping are done here, where they can be seen.
Keys come from the environment (OPENAI_API_KEY) and stay there.
"""

from __future__ import annotations

import email.utils
import json
import os
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import openai
from openai import OpenAI
from pydantic import BaseModel, ValidationError

from understudy.errors import InputError, ModelError, TeacherError
from understudy.models.ledger import Ledger, Reply, request_key
from understudy.models.throttle import Budget, Throttle
from understudy.redact import redact
from understudy.types import Completion, Message

T = TypeVar("T", bound=BaseModel)
KEY = "OPENAI_API_KEY"
_LONGEST_WAIT = 120.0
_THOUGHTS = re.compile(r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_WINDOW = 8192  # where an endpoint does not say what its model takes


class RequestFailed(TeacherError):
    """One request got no usable answer; others may."""


class Unreachable(TeacherError):
    """The endpoint cannot be used at all: no connection, no permission, no such model."""


class Endpoint:
    """A served model.

    ledger: keeps paid answers. budget: a hard cap on money. concurrency: the most requests at once.
    max_retries: further attempts after a refusal, a server error or a timeout. backoff: the first wait in
    seconds, doubled each time; `Retry-After` is honoured where the endpoint sends it.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        *,
        ledger: Ledger | None = None,
        budget: Budget | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        max_retries: int = 6,
        backoff: float = 0.5,
    ) -> None:
        key = os.environ.get(KEY)
        own = base_url or os.environ.get("OPENAI_BASE_URL")
        if not key and not own:
            raise InputError(
                f"model 'openai:{model}': no key; export {KEY}=..., or name your own endpoint: "
                f"openai:{model}@http://127.0.0.1:8000/v1"
            )
        self.model = model
        self.client = OpenAI(api_key=key or "none", base_url=own, max_retries=0, timeout=timeout)
        self.base_url = str(self.client.base_url).rstrip("/")
        self.name = f"openai:{model}@{self.base_url}"
        self.ledger, self.budget = ledger, budget
        self.throttle = Throttle(concurrency)
        self.concurrency, self.max_retries, self.backoff = concurrency, max_retries, backoff
        self.sent = 0
        self._lock = threading.Lock()
        self._dead: Unreachable | None = None
        self._answered = False
        self._unsupported: frozenset[str] = frozenset()  # parameters that this endpoint has refused
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Send nothing more: what waits to be repeated gives up; requests under way are still answered."""
        self._stopped.set()

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float | None = None,
        stop: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        template: str = "",
    ) -> Reply:
        """One reply, from the ledger where it was paid for before.

        schema: a JSON schema that the reply shall keep to. template: version of the prompt's wording.
        Raises RequestFailed, Unreachable or BudgetSpent; StoreError where the ledger cannot be written.
        """
        params: dict[str, Any] = {"max_tokens": max_tokens}
        if temperature is not None:
            params["temperature"] = temperature
        if stop:
            params["stop"] = list(stop)
        key = request_key(self.name, messages, params, schema, template)
        kept = self.ledger.get(key) if self.ledger is not None else None
        if kept is not None:
            if self.budget is not None:
                self.budget.count(self.budget.cost(kept.prompt_tokens, kept.completion_tokens))
            return kept
        reply = self._paid(messages, params, schema)
        if self.ledger is not None:
            self.ledger.put(key, self.model, reply)
        return reply

    def _paid(self, messages: Sequence[Message], params: Mapping[str, Any], schema: Any) -> Reply:
        if self.budget is None:
            return self._retried(messages, params, schema)
        # A token is at least one byte, so this cannot be exceeded.
        longest = sum(len(m.content.encode()) + 16 for m in messages) + len(json.dumps(schema))
        most = self.budget.cost(longest, int(params["max_tokens"]))
        self.budget.reserve(most)
        spent = 0.0
        try:
            reply = self._retried(messages, params, schema)
            counted = reply.prompt_tokens or reply.completion_tokens
            spent = self.budget.cost(reply.prompt_tokens, reply.completion_tokens) if counted else most
        finally:
            self.budget.settle(most, spent)
        return reply

    def _retried(self, messages: Sequence[Message], params: Mapping[str, Any], schema: Any) -> Reply:
        problem = ""
        attempt = 0
        while attempt <= self.max_retries:
            if self._dead or self._stopped.is_set():
                raise self._dead or Unreachable(f"{self.name}: stopped")
            left_out = self._unsupported
            wait = min(_LONGEST_WAIT, self.backoff * 2**attempt) * (0.5 + random.random() / 2)
            with self.throttle.slot() as started:
                try:
                    reply = self._send(messages, params, schema, left_out)
                except openai.APIStatusError as error:
                    if self._adapt(error, params, schema, left_out):
                        continue
                    problem, pause = self._refusal(error)
                    if pause is not None:
                        self.throttle.refused(started, pause or wait)
                        wait = pause or wait
                except (openai.APIConnectionError, openai.APIResponseValidationError, ValueError) as error:
                    # A timeout is a connection error too; an answer that is no JSON raises ValueError.
                    slow = isinstance(error, openai.APITimeoutError)
                    problem = "no answer in time" if slow else f"no connection ({_cause(error)})"
                    if not isinstance(error, openai.APIConnectionError):
                        problem = "an answer that is not of the chat protocol"
                else:
                    if reply.text.strip():
                        self._answered = True
                        self.throttle.succeeded()
                        return reply
                    problem = f"an empty answer (finish reason: {reply.finish_reason})"
            attempt += 1
            if attempt <= self.max_retries:
                self._stopped.wait(wait)
        if not self._answered and problem.startswith("no connection"):
            self._give_up(f"{problem}. Start the server, or correct the address in the model reference")
        raise RequestFailed(f"{self.name}: {problem}, after {attempt} attempts")

    def _send(
        self, messages: Sequence[Message], params: Mapping[str, Any], schema: Any, left_out: frozenset[str]
    ) -> Reply:
        sent: dict[str, Any] = {k: v for k, v in params.items() if k not in left_out}
        if "max_tokens" in left_out:
            sent["max_completion_tokens"] = params["max_tokens"]
        if schema is not None and "response_format" not in left_out:
            form = {"name": "answer", "strict": True, "schema": schema}
            sent["response_format"] = {"type": "json_schema", "json_schema": form}
        with self._lock:
            self.sent += 1
        done = self.client.chat.completions.create(
            model=self.model,
            messages=[{"role": m.role, "content": m.content} for m in messages],  # type: ignore[misc]
            **sent,
        )
        if not getattr(done, "choices", None):
            raise ValueError("no choices")
        choice, usage = done.choices[0], done.usage
        return Reply(
            text=choice.message.content or "",
            finish_reason=choice.finish_reason or "stop",
            prompt_tokens=usage.prompt_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
        )

    def _adapt(
        self, error: openai.APIStatusError, params: Mapping[str, Any], schema: Any, left_out: frozenset[str]
    ) -> bool:
        """Whether the endpoint refused a parameter that was sent and can be left out; it is from now on."""
        if error.status_code not in (400, 422):
            return False
        said = str(error).lower()
        words = {"response_format": ("response_format", "json_schema"), "temperature": ("temperature",),
                 "max_tokens": ("max_tokens", "max_completion_tokens"), "stop": ("'stop'",)}  # fmt: skip
        for name, signs in words.items():
            asked = name in params or (name == "response_format" and schema is not None)
            if asked and name not in left_out and any(sign in said for sign in signs):
                with self._lock:
                    self._unsupported |= {name}
                return True
        return False

    def _refusal(self, error: openai.APIStatusError) -> tuple[str, float | None]:
        """What a status means: (problem, seconds to wait or None where the pace was not the matter).

        Raises Unreachable or RequestFailed for what no repetition can mend.
        """
        status, said = error.status_code, redact(_message(error))
        if status in (401, 403):
            self._give_up(f"{status}: not allowed ({said}). Set {KEY} to a key of this endpoint")
        if status == 404:
            self._give_up(f"404: no model '{self.model}' there ({said}). Check the model's name and the address")
        if status == 402 or "insufficient_quota" in said or getattr(error, "code", "") == "insufficient_quota":
            self._give_up(f"{status}: the account has no credit left ({said})")
        if status in (408, 409) or status >= 500:
            return f"error {status} ({said})", retry_after(error.response.headers) if status == 503 else None
        if status == 429:
            return f"429: too many requests ({said})", retry_after(error.response.headers) or 0.0
        raise RequestFailed(f"{self.name}: refused with {status}: {said}") from error

    def _give_up(self, why: str) -> None:
        self._dead = Unreachable(f"{self.name}: {why}; then run the same command again.")
        raise self._dead

    def complete_json(self, messages: Sequence[Message], kind: type[T], **how: Any) -> T:
        """A reply as a pydantic object. One that does not fit is sent back once with what is wrong with it.

        Raises RequestFailed where the second is wrong too, and what `complete` raises.
        """
        schema = strict_schema(kind)
        reply = self.complete(messages, schema=schema, **how)
        try:
            return parse_json(reply.text, kind)
        except ValueError as error:
            cut = " It was cut off: write less." if reply.finish_reason == "length" else ""
            wrong = f"That was not a valid answer: {str(error)[:400]}.{cut} Answer again with the JSON object alone."
        again = (*messages, Message("assistant", reply.text[-4000:]), Message("user", wrong))
        second = self.complete(again, schema=schema, **how)
        try:
            return parse_json(second.text, kind)
        except ValueError as error:
            raise RequestFailed(f"{self.name}: not the JSON that was asked for: {str(error)[:200]}") from error


def parse_json(text: str, kind: type[T]) -> T:
    """The last object in a reply that fits `kind`; thoughts, fences and words around it are passed over.

    Raises ValueError saying what does not fit.
    """
    clean = _THOUGHTS.sub("", text)
    problem = "no JSON object in it"
    found: T | None = None
    for value in _objects(clean):
        try:
            found = kind.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if found is None:
        raise ValueError(problem)
    return found


def _objects(text: str) -> Iterator[Any]:
    """The outermost JSON objects of a text, in order."""
    decoder = json.JSONDecoder(strict=False)
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


def strict_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `kind` as strict endpoints want it: every property required, none beyond them."""

    def tighten(node: Any) -> Any:
        if isinstance(node, list):
            return [tighten(n) for n in node]
        if not isinstance(node, dict):
            return node
        kept = {k: tighten(v) for k, v in node.items() if k not in ("default", "title") or not isinstance(v, str)}
        if kept.get("type") == "object" and "properties" in kept:
            kept |= {"required": list(kept["properties"]), "additionalProperties": False}
        return kept

    return dict(tighten(kind.model_json_schema()))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer's headers ask to wait: a number, a date, or milliseconds; None where they say none."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if not value:
            continue
        try:
            return min(_LONGEST_WAIT, max(0.0, float(value) * scale))
        except ValueError:
            date = email.utils.parsedate_tz(value)
            if date is not None:
                return min(_LONGEST_WAIT, max(0.0, email.utils.mktime_tz(date) - time.time()))
    return None


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    return str(said or error.message)[:300]


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__


class OpenAIModel:
    """A served model behind the LanguageModel protocol. It answers in text; it cannot weigh given answers."""

    def __init__(self, model: str, base_url: str | None = None, *, concurrency: int = 8, **endpoint: Any) -> None:
        self.endpoint = Endpoint(model, base_url, concurrency=concurrency, **endpoint)
        self.name = f"openai:{model}" + (f"@{base_url}" if base_url else "")

    @cached_property
    def window(self) -> int:
        """What the endpoint says of the model (`max_model_len`, `context_length`), else 8192 tokens."""
        try:
            said = self.endpoint.client.models.retrieve(self.endpoint.model).model_dump()
        except openai.OpenAIError:
            return _WINDOW
        for name in ("max_model_len", "context_length", "context_window", "n_ctx"):
            if isinstance(said.get(name), int) and said[name] > 0:
                return int(said[name])
        return _WINDOW

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """An upper estimate: the tokenizer is not known. Two bytes a token, and the marks of each turn."""
        return sum(8 + (len(m.content.encode()) + 1) // 2 for m in messages)

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        choices: Sequence[str] = (),
    ) -> list[Completion]:
        """One completion a conversation, asked for side by side, in the order given.

        With `choices` the answer is constrained by a schema where the endpoint keeps to schemas; what it says
        is returned as it is where it names none of them. Raises TeacherError subclasses of this module.
        """
        schema = _choice_schema(choices) if choices else None

        def one(messages: Sequence[Message]) -> Completion:
            reply = self.endpoint.complete(
                messages, max_tokens=max_tokens, temperature=temperature, stop=stop, schema=schema
            )
            text = _chosen(reply.text, choices) if choices else _THOUGHTS.sub("", reply.text).strip()
            cut = "length" if reply.finish_reason == "length" else "stop"
            return Completion(text, cut, reply.prompt_tokens, reply.completion_tokens)  # type: ignore[arg-type]

        with ThreadPoolExecutor(max_workers=self.endpoint.concurrency) as pool:
            return list(pool.map(one, conversations))

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        raise ModelError(
            f"{self.name}: a chat endpoint does not give the probability of a text of ours; "
            "measure it with generated answers (benchmark: {scoring: [generate]})"
        )


def _choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": list(choices)}},
        "required": ["choice"],
        "additionalProperties": False,
    }


def _chosen(text: str, choices: Sequence[str]) -> str:
    clean = _THOUGHTS.sub("", text).strip()
    for value in _objects(clean):
        if isinstance(value, dict) and value.get("choice") in choices:
            return str(value["choice"])
    said = [c for c in choices if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", clean)]
    return said[0] if len(said) == 1 else clean

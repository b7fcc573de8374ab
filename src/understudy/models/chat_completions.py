"""OpenAI's chat completions, as OpenAI, vLLM, llama.cpp, Ollama, LM Studio, OpenRouter and others speak them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from understudy.models.wire import Fault, Finish, Garbled, Said, Usage, count, read_fault
from understudy.types import Message

_THOUGHT_PARTS = ("thinking", "reasoning", "redacted_thinking")


class ChatCompletions:
    """POST {base_url}/chat/completions."""

    scheme = "openai"
    key_variable = "OPENAI_API_KEY"
    url_variable = "OPENAI_BASE_URL"
    default_url = "https://api.openai.com/v1"

    def headers(self, key: str) -> dict[str, str]:
        named = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}
        extra = {header: os.environ[v].strip() for header, v in named.items() if os.environ.get(v, "").strip()}
        return {"Authorization": f"Bearer {key or 'none'}", **extra}

    def path(self, base_url: str) -> str:
        return "/chat/completions"

    def body(
        self, model: str, messages: Sequence[Message], params: Mapping[str, Any], schema: Any, without: frozenset[str]
    ) -> dict[str, Any]:
        sent: dict[str, Any] = {k: v for k, v in params.items() if k not in without}
        if "max_tokens" in without:
            sent["max_completion_tokens"] = params["max_tokens"]
        if schema is not None and "response_format" not in without:
            form = {"name": "answer", "strict": True, "schema": schema}
            sent["response_format"] = {"type": "json_schema", "json_schema": form}
        return {"model": model, "messages": [{"role": m.role, "content": m.content} for m in messages], **sent}

    def read(self, body: Any) -> Said:
        if not isinstance(body, Mapping):
            raise Garbled("no JSON object")
        usage = _usage(body.get("usage"))
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], Mapping) else None
        fault = body.get("error") or (choice.get("error") if choice else None)
        if fault:
            return Said(finish="error", usage=usage, fault=read_fault(502, {"error": fault}))
        if choice is None:
            raise Garbled("no choices in it")
        message = choice.get("message")
        if not isinstance(message, Mapping):
            raise Garbled("no message in it")
        finish = _finish(choice.get("finish_reason"))
        refusal = message.get("refusal")
        text, thought = _content(message.get("content"))
        thought = thought or any(message.get(name) for name in ("reasoning_content", "reasoning", "reasoning_details"))
        if isinstance(refusal, str) and refusal.strip() and not text.strip():
            return Said(refusal, "refusal", usage)
        if finish == "refusal":
            return Said(text or "stopped by the endpoint's content filter", "refusal", usage)
        if finish == "error" and not text.strip():
            return Said(finish="error", usage=usage, fault=Fault(502, "finish reason: error"))
        return Said(text, finish, usage, thought=thought)


def _finish(value: Any) -> Finish:
    known: dict[Any, Finish] = {
        "length": "length", "max_tokens": "length", "content_filter": "refusal", "refusal": "refusal",
        "error": "error",
    }  # fmt: skip
    return known.get(value, "stop") if isinstance(value, str) else "stop"


def _content(value: Any) -> tuple[str, bool]:
    """The text of a message, given whole or in parts, and whether there were thoughts beside it."""
    if value is None:
        return "", False
    if isinstance(value, str):
        return value, False
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        raise Garbled("content that is neither text nor a list of parts")
    texts: list[str] = []
    thought = False
    for part in value:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping):
            if part.get("type") in _THOUGHT_PARTS:
                thought = True
            elif isinstance(part.get("text"), str):
                texts.append(part["text"])
    return "".join(texts), thought


def _usage(value: Any) -> Usage:
    if not isinstance(value, Mapping):
        return Usage()
    prompt, completion, total = (count(value.get(f"{n}_tokens")) for n in ("prompt", "completion", "total"))
    if total is not None and prompt is not None and total > prompt + (completion or 0):
        completion = total - prompt  # some count thoughts in the total alone
    return Usage(prompt, completion)

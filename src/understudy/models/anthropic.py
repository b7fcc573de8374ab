"""Anthropic's messages API (version 2023-06-01), as its public reference describes it.

A schema is asked for as a tool that must be used: the tool's input is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.models.answers import to_json
from understudy.models.wire import Finish, Garbled, Said, Usage, count, read_fault
from understudy.types import Message

_TOOL = "answer"


class AnthropicMessages:
    """POST {base_url}/v1/messages."""

    scheme = "anthropic"
    key_variable = "ANTHROPIC_API_KEY"
    url_variable = "ANTHROPIC_BASE_URL"
    default_url = "https://api.anthropic.com"

    def headers(self, key: str) -> dict[str, str]:
        return {"x-api-key": key or "none", "anthropic-version": "2023-06-01"}

    def path(self, base_url: str) -> str:
        return "/messages" if base_url.endswith("/v1") else "/v1/messages"

    def body(
        self, model: str, messages: Sequence[Message], params: Mapping[str, Any], schema: Any, without: frozenset[str]
    ) -> dict[str, Any]:
        system = "\n\n".join(m.content for m in messages if m.role == "system")
        turns = [{"role": m.role, "content": m.content} for m in messages if m.role != "system"]
        sent: dict[str, Any] = {"model": model, "max_tokens": params["max_tokens"], "messages": turns}
        if system:
            sent["system"] = system
        if "temperature" in params and "temperature" not in without:
            sent["temperature"] = min(1.0, params["temperature"])  # its scale ends there
        stops = [s for s in params.get("stop", ()) if s.strip()]  # it refuses sequences of white space
        if stops and "stop" not in without:
            sent["stop_sequences"] = stops
        if schema is not None and "response_format" not in without:
            sent["tools"] = [{"name": _TOOL, "description": "Give the answer.", "input_schema": schema}]
            sent["tool_choice"] = {"type": "tool", "name": _TOOL}
        return sent

    def read(self, body: Any) -> Said:
        if not isinstance(body, Mapping):
            raise Garbled("no JSON object")
        usage = _usage(body.get("usage"))
        if body.get("type") == "error" or body.get("error"):
            return Said(finish="error", usage=usage, fault=read_fault(502, body))
        blocks = body.get("content")
        if not isinstance(blocks, list):
            raise Garbled("no content in it")
        texts: list[str] = []
        thought = False
        for block in blocks:
            if not isinstance(block, Mapping):
                continue
            if block.get("type") == "tool_use":
                texts.append(to_json(block.get("input")))
            elif block.get("type") in ("thinking", "redacted_thinking"):
                thought = True
            elif isinstance(block.get("text"), str):
                texts.append(block["text"])
        text = "\n".join(texts)
        known: dict[Any, Finish] = {"max_tokens": "length", "model_context_window_exceeded": "length",
                                    "refusal": "refusal"}  # fmt: skip
        reason = body.get("stop_reason")
        finish: Finish = known.get(reason, "stop") if isinstance(reason, str) else "stop"
        if finish == "refusal":
            text = text.strip() or "stopped by the endpoint's safety classifier"
        return Said(text, finish, usage, thought=thought)


def _usage(value: Any) -> Usage:
    if not isinstance(value, Mapping):
        return Usage()
    parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    prompt = [count(value.get(name)) for name in parts]
    if prompt[0] is None:
        return Usage(None, count(value.get("output_tokens")))
    return Usage(sum(p or 0 for p in prompt), count(value.get("output_tokens")))

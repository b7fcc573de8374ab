"""Conversations as a model's own template writes them."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import TemplateError

from understudy.errors import ModelError
from understudy.models.chat import render
from understudy.types import Message


class NoSystem:
    """A tokenizer whose template takes turns of user and assistant only."""

    def apply_chat_template(self, turns: list[dict[str, str]], **_: Any) -> str:
        if [t["role"] for t in turns[::2]] != ["user"] * len(turns[::2]):
            raise TemplateError("roles must alternate")
        return "|".join(t["content"] for t in turns)


def test_a_system_message_that_the_template_refuses_stands_before_the_users() -> None:
    turns = [Message("system", "Be brief."), Message("user", "Say 3."), Message("assistant", "3")]
    assert render(NoSystem(), turns) == "Be brief.\n\nSay 3.|3"
    with pytest.raises(ModelError, match="refuses"):
        render(NoSystem(), [Message("assistant", "3")])

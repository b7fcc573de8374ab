"""Messages as the model reads them. The template is the tokenizer's own; there is one stated fallback.

Training, scoring and generation all come through here, so that a prompt is the same tokens everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError

from understudy.errors import ModelError
from understudy.types import Message

logger = logging.getLogger(__name__)
IGNORED = -100  # the label of a token that is read, not learned

PLAIN_TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}"
    "{{ message['role'] | capitalize }}: {{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token or '' }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""For a base model whose tokenizer has no template: `User: …`, a blank line, `Assistant:`."""


def ensure_template(tokenizer: Any) -> Any:
    """Give a tokenizer without a chat template the plain one, and say so. Returns the tokenizer."""
    if not getattr(tokenizer, "chat_template", None):
        logger.warning("the tokenizer has no chat template; using the plain one (User: … / Assistant: …)")
        tokenizer.chat_template = PLAIN_TEMPLATE
    return tokenizer


def render(tokenizer: Any, messages: Sequence[Message], *, reply: bool = True) -> str:
    """The conversation as text; with `reply` it ends where the assistant begins to speak.

    Where the template refuses a system message, it stands before the first of the user's.
    """
    turns = [{"role": m.role, "content": m.content} for m in messages]
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=reply))
    except TemplateError as error:
        if len(messages) > 1 and (messages[0].role, messages[1].role) == ("system", "user"):
            both = Message("user", f"{messages[0].content}\n\n{messages[1].content}")
            return render(tokenizer, [both, *messages[2:]], reply=reply)
        raise ModelError(f"the model's chat template refuses this conversation: {error}") from error


def encode(tokenizer: Any, text: str) -> list[int]:
    """Tokens of rendered text. The template writes its own special tokens, so none are added."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def completion_text(tokenizer: Any, messages: Sequence[Message], answer: str) -> tuple[str, str]:
    """(prompt, completion) as text; the completion ends as the template ends an assistant's turn."""
    prompt = render(tokenizer, messages)
    whole = render(tokenizer, [*messages, Message("assistant", answer)], reply=False)
    if whole.startswith(prompt) and answer.strip() in whole[len(prompt) :]:
        return prompt, whole[len(prompt) :]
    # Templates of reasoning models write past turns differently from the one to come.
    return prompt, answer + (tokenizer.eos_token or "")


def encode_row(tokenizer: Any, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
    """(input_ids, labels) of a training row: labels are IGNORED on the prompt, the tokens themselves after it."""
    prompt, completion = completion_text(tokenizer, messages, answer)
    ids, read = encode(tokenizer, prompt + completion), encode(tokenizer, prompt)
    same = 0
    while same < min(len(ids), len(read)) and ids[same] == read[same]:
        same += 1
    return ids, [IGNORED] * same + ids[same:]

"""A Modelfile for Ollama, whose templates are written in another language than the tokenizer's.

The template is taken apart by rendering marked conversations: what stands before and after each role's text. It is
put together in Go's language, and in Python, where the result must be the tokenizer's own string on conversations of
one and of several turns; a template that is more than its parts is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from understudy.errors import InputError, ModelError
from understudy.types import Message

Render = Callable[[Sequence[Message]], str]
_MARK = "\u2063mark{}\u2063"  # an invisible separator: no template treats it in any special way


@dataclass(frozen=True, slots=True)
class Parts:
    """around: role → (before, after) its text. start: before everything. default: in place of a missing system
    message. prompt: where the assistant begins."""

    around: dict[str, tuple[str, str]]
    start: str
    default: str
    prompt: str

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation as the Go template writes it."""
        text = self.start
        if not any(m.role == "system" for m in messages):
            text += self.default
        for m in messages:
            before, after = self.around[m.role]
            text += before + m.content + after
        return text + self.prompt


def take_apart(render: Render) -> Parts:
    """The parts of a template. Raises InputError where it is more than its parts."""
    a, b, c, s = (_MARK.format(i) for i in "abcs")
    user, several = (Message("user", a),), (Message("user", a), Message("assistant", b), Message("user", c))
    try:
        one, many = render(user), render(several)
        head, first = one.split(a)
        middle, rest = many.split(a)[1].split(b)
        closing, last = rest.split(c)
        if last != first:
            raise ValueError
        try:
            system = render((Message("system", s), *user))
        except ModelError:
            system = ""
        # What opens a user's turn stands before the first one, before the second and behind a system message.
        opening = _common_end(head, closing)
        before, after = "", ""
        if s in system:
            before, after = system.split(s)
            after = after.split(a)[0]
            opening = _common_end(opening, after)
        answer_end = closing[: len(closing) - len(opening)]
        ask_end, prompt = _ending(first, middle)
        around = {"user": (opening, ask_end), "assistant": (middle[len(ask_end) :], answer_end)}
        start, default = head[: len(head) - len(opening)], ""
        if s in system:
            shared = _common_start(before, start)
            around["system"] = (before[len(shared) :], after[: len(after) - len(opening)])
            start, default = shared, start[len(shared) :]
        parts = Parts(around, start, default, prompt)
        tried = [user, several] + ([(Message("system", s), *several)] if "system" in around else [])
        if any(parts.render(m) != render(m) for m in tried):
            raise ValueError
    except (ValueError, ModelError) as error:
        raise InputError(
            "this model's chat template cannot be written in Ollama's language without changing it; use --format gguf"
        ) from error
    return parts


def modelfile(file: str, parts: Parts, *, window: int) -> str:
    """The text of a Modelfile for a GGUF file beside it. Raises InputError for a template that cannot be quoted."""
    pieces = [parts.start, parts.default, parts.prompt, *(x for pair in parts.around.values() for x in pair)]
    if any(bad in piece for piece in pieces for bad in ("{{", "}}", '"""')):
        raise InputError(
            "this model's chat template holds braces or quotes that Ollama reads itself; use --format gguf"
        )
    turns = ""
    for i, (role, (before, after)) in enumerate(parts.around.items()):
        turns += f'{{{{ {"else if" if i else "if"} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
    default = f"{{{{ if not .System }}}}{parts.default}{{{{ end }}}}" if parts.default else ""
    template = f"{parts.start}{default}{{{{ range .Messages }}}}{turns}{{{{ end }}}}{{{{ end }}}}{parts.prompt}"
    return f'FROM ./{file}\nTEMPLATE """{template}"""\nPARAMETER temperature 0\nPARAMETER num_ctx {window}\n'


def _ending(first: str, middle: str) -> tuple[str, str]:
    """(what ends the user's turn, the prompt): `first` follows the last question, `middle` one with an answer."""
    if first == middle:
        return "", first
    shared = _common_start(first, middle)
    return (shared, first[len(shared) :]) if not middle.startswith(first) else ("", first)


def _common_start(a: str, b: str) -> str:
    n = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:n]


def _common_end(a: str, b: str) -> str:
    return _common_start(a[::-1], b[::-1])[::-1]

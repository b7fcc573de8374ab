"""A transformers model as a LanguageModel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch

from understudy.errors import ModelError
from understudy.models.answers import without_thoughts
from understudy.models.chat import PLAIN_TEMPLATE, encode, render
from understudy.models.constrain import Constrainer, Guide, Schema
from understudy.models.decode import Asked, Written, decode, suits
from understudy.models.growing import Growing
from understudy.models.score import score_options
from understudy.types import Completion, Message

_UNBOUNDED = 1 << 20  # tokenizers without a limit state an astronomic one


@dataclass(frozen=True, slots=True)
class Turn:
    """A conversation to be answered. guide: what the answer is held to; seed: of its draws (see `decode.Asked`)."""

    messages: Sequence[Message]
    max_tokens: int
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    guide: Guide | None = None
    seed: int | None = None


@dataclass(slots=True)
class _Talk:
    """A conversation that is being answered. said: what was handed on."""

    number: int
    length: int
    stops: list[str]
    led: bool
    grown: Growing
    said: str = ""


def _settled(text: str, stops: Sequence[str]) -> str:
    """What can be said already: no half letter, and nothing that may yet become a stop."""
    text = text.rstrip("\ufffd")
    held = max((n for s in stops for n in range(1, len(s)) if text.endswith(s[:n])), default=0)
    return text[: len(text) - held]


class TransformersModel:
    """A causal language model of transformers, with or without an adapter, behind chat messages.

    Greedy at temperature 0. batch_tokens: prompt and completion tokens generated at once; None chooses by device.
    """

    def __init__(self, model: Any, tokenizer: Any, *, name: str, batch_tokens: int | None = None) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.name = name
        self.window = window_of(model, tokenizer)
        self.parameters = sum(weights.numel() for weights in model.parameters())
        self.device = next(model.parameters()).device
        self.flows = suits(model)
        self.batch_tokens = batch_tokens or (8192 if self.device.type == "cpu" else 65536)

    @cached_property
    def constrainer(self) -> Constrainer:
        """Holds answers to schemas."""
        size = self.model.get_output_embeddings().weight.shape[0]
        return Constrainer(self.tokenizer, size, self._end_tokens())

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt, exact."""
        return len(encode(self.tokenizer, render(self.tokenizer, messages)))

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """Sum of log-probabilities (nats) of each option as the assistant's answer to its conversation."""
        contexts = [render(self.tokenizer, c) for c in conversations]
        # After `Assistant:` text begins with a blank, as the plain template writes it.
        blank = " " if self.tokenizer.chat_template == PLAIN_TEMPLATE else ""
        shown = [[blank + option for option in each] for each in options]
        return score_options(self.model, self.tokenizer, contexts, shown)

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        choices: Sequence[str] = (),
        schema: Schema | None = None,
    ) -> list[Completion]:
        """One completion a conversation; with `choices`, the one that the model finds likeliest. With `schema` each
        is JSON that fits it, or the beginning of such where its finish_reason is `length`.

        Raises ModelError where a prompt leaves no room in the model's window, InputError for a schema that cannot be
        held to.
        """
        prompts = [encode(self.tokenizer, render(self.tokenizer, c)) for c in conversations]
        if choices:
            return self._choose(conversations, prompts, choices)
        for prompt in prompts:
            if len(prompt) >= self.window:
                raise ModelError(
                    f"a prompt of {len(prompt)} tokens does not fit into the window of {self.name}, {self.window} "
                    "tokens; retrieve fewer or smaller passages (index.top_k, chunk.chunk_size)"
                )
        stops = self._stops(stop)
        done: list[Completion | None] = [None] * len(prompts)
        if self.flows:
            for place, written, finished in self._decode(prompts, max_tokens, temperature, stops, schema):
                if finished:
                    done[place] = self._completion(len(prompts[place]), written, stops, led=schema is not None)
            return [c for c in done if c is not None]
        if schema is not None:
            raise ModelError(f"{self.name}: it keeps no key of every token, so its answers are held to no schema")
        for batch in _batches(prompts, max_tokens, self.batch_tokens):
            completions = self._generate([prompts[i] for i in batch], max_tokens, temperature, stops)
            for i, completion in zip(batch, completions, strict=True):
                done[i] = completion
        return [c for c in done if c is not None]

    def stream(
        self, conversation: Sequence[Message], *, max_tokens: int = 256, temperature: float = 0.0
    ) -> Iterator[str]:
        """The answer in pieces, as it is written; joined they are what `generate` returns, but for outer blanks."""
        prompt = encode(self.tokenizer, render(self.tokenizer, conversation))
        if not self.flows or len(prompt) >= self.window:
            yield self.generate([conversation], max_tokens=max_tokens, temperature=temperature)[0].text
            return
        stops = self._stops(())
        said, grown = "", Growing(self.tokenizer)
        for _, written, finished in self._decode([prompt], max_tokens, temperature, stops):
            text = grown.text(written.tokens)
            cut = min((at for s in stops if (at := text.find(s)) >= 0), default=None)
            # A letter of several bytes, and the beginning of what stops, are not said before they are whole.
            safe = text[:cut] if finished or cut is not None else text.rstrip("\ufffd\n")
            if safe.startswith(said) and len(safe) > len(said):
                yield safe[len(said) :]
                said = safe

    def converse(
        self,
        more: Callable[[], Sequence[Turn]],
        gone: Callable[[int], bool],
    ) -> Iterator[tuple[int, str, Completion | Exception | None]]:
        """Answer conversations that come and go: (number in the order they came, new text, None until the last).

        more: asked before every token for new conversations. gone: whether nobody waits for a number any more. With the
        last piece of an answer comes its Completion, whose text is the whole answer; a conversation that does not fit
        the window gets a ModelError instead, as does one whose guide cannot go on. Ends when nothing is left.
        """
        asked: dict[int, _Talk] = {}  # those that are written, by their place among the prompts
        begun = 0
        failed: list[tuple[int, Exception]] = []
        count = 0

        def admit() -> list[Asked]:
            nonlocal begun, count
            taken: list[Asked] = []
            for turn in more():
                prompt = encode(self.tokenizer, render(self.tokenizer, turn.messages))
                if len(prompt) >= self.window:
                    failed.append((count, ModelError(f"{len(prompt)} tokens exceed the window of {self.window}")))
                else:
                    stops, grown = self._stops(turn.stop), Growing(self.tokenizer)
                    asked[begun] = _Talk(count, len(prompt), stops, turn.guide is not None, grown)
                    begun += 1
                    limit = min(turn.max_tokens, self.window - len(prompt))
                    taken.append(Asked(prompt, limit, turn.temperature, turn.guide, turn.seed))
                count += 1
            return taken

        def left(place: int) -> bool:
            if place in asked and gone(asked[place].number):
                del asked[place]
            return place not in asked

        ends = set(self._end_tokens())
        rows = decode(self.model, [], ends=ends, budget=self.batch_tokens, more=admit, gone=left)
        for place, written, finished in rows:
            while failed:
                number, error = failed.pop(0)
                yield number, "", error
            talk = asked.get(place)
            if talk is None:  # it was over with the token before
                continue
            text = talk.grown.text(written.tokens)
            cut = min((at for s in talk.stops if (at := text.find(s)) >= 0), default=None)
            last = finished or cut is not None
            safe = text[:cut] if last else _settled(text, talk.stops)
            new = safe[len(talk.said) :] if safe.startswith(talk.said) else ""
            talk.said += new
            if last:
                del asked[place]
                try:
                    done: Completion | Exception = self._completion(talk.length, written, talk.stops, led=talk.led)
                except ModelError as lost:
                    done = lost
                yield talk.number, new, done
            elif new:
                yield talk.number, new, None
        for number, error in failed:
            yield number, "", error

    def continue_tokens(
        self,
        prompts: list[list[int]],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        with_end: bool = False,
    ) -> list[tuple[list[int], Literal["stop", "length"]]]:
        """What comes after raw token ids, without any template: new ids of each prompt, and why they end.

        with_end: with the token that ended it, where one did.

        Raises ModelError for a model whose cache cannot be taken apart row by row.
        """
        if not self.flows:
            raise ModelError(f"{self.name}: its attention cache cannot be shared by several texts")
        found: dict[int, tuple[list[int], Literal["stop", "length"]]] = {}
        for place, written, finished in self._decode(prompts, max_tokens, temperature, list(stop)):
            if finished:
                end = [written.end] if with_end and written.end is not None else []
                found[place] = [*written.tokens, *end], "stop" if written.ended else "length"
        return [found[place] for place in range(len(prompts))]

    def _decode(
        self,
        prompts: list[list[int]],
        max_tokens: int,
        temperature: float,
        stops: list[str],
        schema: Schema | None = None,
    ) -> Iterator[tuple[int, Written, bool]]:
        def stopped(tokens: list[int]) -> bool:
            text = self.tokenizer.decode(tokens, skip_special_tokens=True)
            return any(stop in text for stop in stops)

        asked = [
            Asked(
                prompt,
                min(max_tokens, self.window - len(prompt)),
                temperature,
                None if schema is None else self.constrainer.guide(schema),
            )
            for prompt in prompts
        ]
        return decode(
            self.model,
            asked,
            ends=set(self._end_tokens()),
            stopped=stopped if stops else None,
            budget=self.batch_tokens,
        )

    def _stops(self, given: Sequence[str]) -> list[str]:
        # A base model goes on to write the user's part.
        return [*given, "\n\nUser:"] if self.tokenizer.chat_template == PLAIN_TEMPLATE else list(given)

    def _choose(
        self, conversations: Sequence[Sequence[Message]], prompts: list[list[int]], choices: Sequence[str]
    ) -> list[Completion]:
        scores = self.loglikelihoods(conversations, [choices] * len(conversations))
        best = [max(range(len(choices)), key=row.__getitem__) for row in scores]
        lengths = [len(encode(self.tokenizer, choice)) for choice in choices]
        return [
            Completion(choices[i], "stop", prompt_tokens=len(prompt), completion_tokens=lengths[i])
            for i, prompt in zip(best, prompts, strict=True)
        ]

    def _generate(
        self, prompts: list[list[int]], max_tokens: int, temperature: float, stops: list[str]
    ) -> list[Completion]:
        width = max(map(len, prompts))
        pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0
        ids = torch.full((len(prompts), width), pad)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.tensor(prompt)
            mask[row, width - len(prompt) :] = 1
        ends = self._end_tokens()
        options: dict[str, Any] = {
            "max_new_tokens": min(max_tokens, self.window - width),
            "do_sample": temperature > 0,
        }
        if temperature > 0:
            options |= {"temperature": temperature, "top_k": 0, "top_p": 1.0}
        if stops:
            options |= {"stop_strings": stops, "tokenizer": self.tokenizer}
        if ends:
            options["eos_token_id"] = ends
        with torch.inference_mode():
            written = self.model.generate(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                pad_token_id=pad,
                **options,
            )[:, width:].tolist()
        found = []
        for prompt, row in zip(prompts, written, strict=True):
            end = next((i for i, token in enumerate(row) if token in set(ends)), None)
            found.append(self._completion(len(prompt), Written(row[:end], end is not None), stops))
        return found

    def _completion(self, prompt_tokens: int, written: Written, stops: list[str], *, led: bool = False) -> Completion:
        """led: held to a schema, where nothing is a thought. Raises ModelError where that could not go on."""
        if written.problem:
            raise ModelError(f"{self.name}: the schema could not be followed further: {written.problem}")
        text = self.tokenizer.decode(written.tokens, skip_special_tokens=True)
        cut = min((at for s in stops if (at := text.find(s)) >= 0), default=None)
        return Completion(
            text[:cut] if led else without_thoughts(text[:cut]),
            "stop" if written.ended or cut is not None else "length",
            prompt_tokens=prompt_tokens,
            completion_tokens=len(written.tokens),
        )

    def _end_tokens(self) -> list[int]:
        """Tokens that end a turn: the tokenizer's, and those the model's own generation settings name."""
        stated = getattr(self.model.generation_config, "eos_token_id", None)
        listed = stated if isinstance(stated, list) else [stated]
        return sorted({int(t) for t in (*listed, self.tokenizer.eos_token_id) if t is not None})


def window_of(model: Any, tokenizer: Any) -> int:
    """Tokens that a model can take: the lesser of its configuration's and its tokenizer's limit."""
    stated = getattr(model.config, "max_position_embeddings", None) or _UNBOUNDED
    limit = getattr(tokenizer, "model_max_length", None) or _UNBOUNDED
    return int(min(stated, limit, _UNBOUNDED))


def _batches(prompts: list[list[int]], max_tokens: int, budget: int) -> Iterator[list[int]]:
    """Indices in batches of like length, so that little is padded."""
    batch: list[int] = []
    for i in sorted(range(len(prompts)), key=lambda i: len(prompts[i])):
        if batch and (len(batch) + 1) * (len(prompts[i]) + max_tokens) > budget:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch

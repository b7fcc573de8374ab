"""Every reader of the project, each with small inputs that it reads, to be changed at random."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.torture import material, pages
from tools.torture.mutation import ODD, mutate, mutate_json
from understudy import outline
from understudy.align.config import AlignConfig
from understudy.align.data import read as read_preferences
from understudy.artifact import Artifact, read_records
from understudy.chunk.split import Splitter
from understudy.chunk.tokens import TokenCounter
from understudy.evaluation.interchange.inspect import read_log
from understudy.evaluation.interchange.lm_eval import read_samples
from understudy.evaluation.interchange.read import read_questions
from understudy.generate.decisions import fold, read_decisions
from understudy.generate.imported import read_pairs
from understudy.generate.taught import RoundTrip, read_answers, read_facts
from understudy.ingest import front_matter, rst_titles, site_address
from understudy.ingest.convert import convert
from understudy.ingest.formats import format_of
from understudy.ingest.site import links
from understudy.ingest.walk import Found, walk
from understudy.merge.adapters import open_adapter
from understudy.merge.checkpoint import open_checkpoint
from understudy.merge.document import load as load_merge
from understudy.models.answers import parse_json, scrub_value
from understudy.models.anthropic import AnthropicMessages
from understudy.models.chat_completions import ChatCompletions
from understudy.models.ledger import Ledger, Reply
from understudy.models.ref import ModelRef
from understudy.models.resolve import identity, parameters, tokenizer_identity
from understudy.models.weights import check_model, find_weights, read_header
from understudy.models.wire import Wire, read_fault, retry_after
from understudy.pipeline.runs import load_run
from understudy.recipe import load as load_recipe
from understudy.recipe import parse
from understudy.review.marks import FILE as MARKS
from understudy.review.marks import read_marks
from understudy.serve.feedback import Mark
from understudy.serve.mcp import Session
from understudy.serve.requests import ChatRequest, CompletionRequest, EmbeddingRequest, read
from understudy.serve.reviewing import CarryOver, Choice, Undo
from understudy.serve.tools import Ask, Search, Tool
from understudy.sft.replay import _read as read_replay
from understudy.study.config import load as load_study
from understudy.types import Chunk, Document, MCQItem, QAPair

Attempt = Callable[[], object]
Reader = Callable[[random.Random], Attempt]
"""Draws an input; what it returns reads it. What that gives back says whether something was read."""

SLOW = {
    "page d.rst": 0.2, "page o.txt": 0.4, "page a.md": 0.6, "page r.md": 0.5, "page h.wiki": 0.5, "page k.adoc": 0.6,
    ".gitignore": 0.4,
}  # fmt: skip
"""How often a reader that takes long is drawn beside the others."""
_FEW = 2_000  # bytes of most inputs
_MANY = 100_000  # of one in 400


_BODIES: dict[str, Any] = {
    kind.__name__: kind for kind in (ChatRequest, CompletionRequest, EmbeddingRequest, Mark, Choice, CarryOver, Undo)
}


class Readers:
    """The readers by name, over a folder of their own. They keep what they need open between inputs."""

    def __init__(self, place: Path, largest: int | None = None) -> None:
        self.place = place
        self.largest = largest
        self.counter = TokenCounter.open("lab:reader")
        self.pages = tuple(pages.SEEDS.values())
        for name, data in pages.SEEDS.items():  # what pages include
            self.written(f"docs/{name}", data)
        self.ledger = Ledger(place / "ledger.sqlite")
        self.ledger.put("k", "m", Reply("text"))
        tools = [Tool("ask", "", Ask, _told), Tool("search", "", Search, _told)]
        self.sent: list[object] = []
        self.session = Session("x", tools, self.sent.append)
        self.base = self.checkpoint()
        self.all: dict[str, Reader] = {f"page {name}": self.page(name) for name in pages.SEEDS} | self.others()
        self.names = sorted(self.all)
        self.weights = [SLOW.get(name, 1.0) for name in self.names]

    def draw(self, draw: random.Random) -> tuple[str, Attempt]:
        """A reader's name and an input for it."""
        name = draw.choices(self.names, self.weights)[0]
        return name, self.all[name](draw)

    # ── material ────────────────────────────────────────────────────────────────────────────────────────

    def written(self, name: str, data: bytes) -> Path:
        file = self.place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    def most(self, draw: random.Random) -> int:
        """How long this input may be."""
        return self.largest or (_MANY if draw.random() < 1 / 400 else _FEW)

    def changed(self, draw: random.Random, data: bytes, others: Iterable[bytes] = ()) -> bytes:
        most = self.most(draw)
        if most > _FEW and draw.random() < 0.5:
            data = data * (most // (2 * len(data)) + 1)
        return mutate(draw, data, tuple(others), most)

    def json(self, draw: random.Random, value: Any) -> bytes:
        return mutate_json(draw, value, self.most(draw))

    def text(self, draw: random.Random, data: bytes) -> str:
        return self.changed(draw, data).decode("utf-8", draw.choice(("replace", "surrogateescape")))

    def checkpoint(self) -> Any:
        """A base model of two tensors, for adapters."""
        header = {"a.weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}
        text = json.dumps(header).encode()
        self.written("base/model.safetensors", struct.pack("<Q", len(text)) + text + bytes(64))
        self.written("base/config.json", b"{}")
        return open_checkpoint(self.place / "base")

    # ── pages ───────────────────────────────────────────────────────────────────────────────────────────

    def page(self, name: str) -> Reader:
        found = Found(self.place / "docs" / name, name, format_of(name) or "text", self.place / "docs")
        splitter = Splitter(self.counter, 60, 6)

        def reader(draw: random.Random) -> Attempt:
            seed = pages.SEEDS[name]
            if name in pages.PACKED and draw.random() < 0.6:
                packed, inside = pages.PACKED[name]
                data = packed(self.changed(draw, inside, self.pages))
            elif name in pages.VALUES and draw.random() < 0.6:
                data = self.json(draw, pages.VALUES[name])
            else:
                data = self.changed(draw, seed, self.pages) or b"\n"
            cut = draw.random() < 0.1  # into blocks and chunks, too

            def attempt() -> object:
                first, labels = rst_titles.titles(data.decode("cp1252", "replace")) if name == "d.rst" else ("", {})
                titles = rst_titles.Titles({label: {name: title} for label, title in labels.items()}, {"d": first})
                document, _ = convert(found, "cp1252", 20_000_000, None, data, titles)
                json.dumps(asdict(document), allow_nan=False, ensure_ascii=False).encode()
                offsets = [offset for offset, _ in document.places]
                if offsets != sorted(offsets) or (offsets and not 0 <= offsets[0] <= offsets[-1] <= len(document.text)):
                    raise AssertionError("places beyond the text, or out of order")
                if cut:
                    outline.parse(document.text)
                    [chunks] = splitter.split([document])
                    if any(document.text[c.start : c.end] != c.text for c in chunks):
                        raise AssertionError("a chunk is not its place in the text")
                return document

            return attempt

        return reader

    # ── all else ────────────────────────────────────────────────────────────────────────────────────────

    def others(self) -> dict[str, Reader]:
        return {
            "front matter": self.by_text(material.FRONT_MATTER, front_matter.split),
            "links of a site": self.links,
            ".gitignore": self.ignored,
            "recipe": self.by_yaml("r.yaml", material.RECIPE, material.RECIPES, load_recipe),
            "--set": self.settings,
            "study": self.by_json_file("study.yaml", (material.STUDY,), load_study),
            "merge config": self.by_yaml("m.yaml", material.MERGE, material.MERGES, load_merge),
            "adapter": self.adapter,
            "safetensors": self.by_tensors(read_header),
            "model folder": self.model,
            "model reference": self.by_text(material.REFERENCES, lambda text: str(ModelRef.parse(text))),
            "records": self.records,
            "manifest": self.manifest,
            "run record": self.run_record,
            "own pairs": self.by_rows(material.PAIRS, read_pairs),
            "own questions": self.by_rows(material.QUESTIONS, read_questions),
            "preferences": self.by_rows(material.PREFERENCES, _preferences),
            "replay": self.by_rows(material.REPLAY, lambda file: read_replay(str(file), 5)),
            "lm_eval's samples": self.by_rows(material.SAMPLES, read_samples),
            "inspect's log": self.by_json_file("log.json", material.LOGS, read_log),
            "teacher's words": self.answer,
            "endpoint's body": self.body,
            "endpoint's error": self.fault,
            "ledger": self.kept,
            "decisions": self.by_lines("decisions.jsonl", material.DECISIONS, lambda file: fold(read_decisions(file))),
            "marks": self.by_lines(f"run/{MARKS}", material.MARKS, lambda file: read_marks(file.parent)),
            "request": self.request,
            "MCP message": self.message,
        }

    def by_text(self, seeds: tuple[bytes, ...], look: Callable[[str], object]) -> Reader:
        def reader(draw: random.Random) -> Attempt:
            text = self.text(draw, draw.choice(seeds))
            return lambda: look(text)

        return reader

    def by_file(self, name: str, seeds: tuple[bytes, ...], look: Callable[[Path], object]) -> Reader:
        def reader(draw: random.Random) -> Attempt:
            file = self.written(name, self.changed(draw, draw.choice(seeds)))
            return lambda: look(file)

        return reader

    def by_json_file(self, name: str, values: tuple[Any, ...], look: Callable[[Path], object]) -> Reader:
        def reader(draw: random.Random) -> Attempt:
            file = self.written(name, self.json(draw, draw.choice(values)))
            return lambda: look(file)

        return reader

    def by_yaml(
        self, name: str, seeds: tuple[bytes, ...], values: tuple[Any, ...], look: Callable[[Path], object]
    ) -> Reader:
        """Text that is changed, or values, which are YAML as JSON is."""
        as_text, as_values = self.by_file(name, seeds, look), self.by_json_file(name, values, look)
        return lambda draw: (as_text if draw.random() < 0.5 else as_values)(draw)

    def by_lines(self, name: str, values: tuple[Any, ...], look: Callable[[Path], object]) -> Reader:
        """A file of JSON lines, one of them changed."""

        def reader(draw: random.Random) -> Attempt:
            lines = [json.dumps(value).encode() for value in values]
            lines[draw.randrange(len(lines))] = self.json(draw, draw.choice(values))
            data = b"\n".join(lines)
            file = self.written(name, self.changed(draw, data) if draw.random() < 0.2 else data)
            return lambda: look(file)

        return reader

    def by_rows(self, kinds: tuple[Any, ...], look: Callable[[Path], object]) -> Reader:
        """Rows as CSV (text), JSON lines or a JSON list (values)."""

        def reader(draw: random.Random) -> Attempt:
            kind = draw.choice(kinds)
            if isinstance(kind, bytes) and kind.startswith(b"PAR1"):
                file = self.written("rows.parquet", self.changed(draw, kind))
            elif isinstance(kind, bytes):
                file = self.written("rows" + draw.choice((".csv", ".tsv", ".txt")), self.changed(draw, kind))
            elif draw.random() < 0.3:
                file = self.written("rows.json", self.json(draw, [kind, kind]))
            else:
                file = self.written("rows.jsonl", json.dumps(kind).encode() + b"\n" + self.json(draw, kind))
            return lambda: look(file)

        return reader

    def by_tensors(self, look: Callable[[Path], object]) -> Reader:
        def reader(draw: random.Random) -> Attempt:
            file = self.written("w.safetensors", tensors(draw))
            return lambda: look(file)

        return reader

    def links(self, draw: random.Random) -> Attempt:
        name = draw.choice(("c.html", "a.md"))
        body = self.changed(draw, pages.SEEDS[name] + material.LINKS)
        within = self.text(draw, b"https://kettle.example:443/docs/start.html?q=1#x")

        def attempt() -> object:
            for address in links(body, within, name == "c.html"):
                site_address.belongs(address, "https://kettle.example/docs/")
                site_address.file_name(address, "/docs/", ".html")
                site_address.below(address, "/docs/")
            return site_address.plain(within)

        return attempt

    def ignored(self, draw: random.Random) -> Attempt:
        self.written("walk/a.md", b"# T\n")
        self.written("walk/.gitignore", self.changed(draw, material.IGNORED))
        return lambda: walk(str(self.place / "walk"), (), (), True, 1000)

    def settings(self, draw: random.Random) -> Attempt:
        given = [self.text(draw, draw.choice(material.SETTINGS)) for _ in range(draw.randint(1, 2))]
        return lambda: parse("name: x\nbase_model: lab:reader\n", given)

    def adapter(self, draw: random.Random) -> Attempt:
        self.written("adapter/adapter_config.json", self.json(draw, material.ADAPTER))
        header = {}
        for n, (name, shape) in enumerate((("lora_A", [2, 4]), ("lora_B", [4, 2]))):
            at = [32 * n, 32 * n + 32]
            header[f"base_model.model.a.{name}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": at}
        text = json.dumps(header).encode() if draw.random() < 0.7 else self.json(draw, header)
        self.written("adapter/adapter_model.safetensors", struct.pack("<Q", len(text)) + text + bytes(64))
        return lambda: open_adapter(self.place / "adapter", self.base)

    def model(self, draw: random.Random) -> Attempt:
        folder = self.place / "model"
        self.written("model/config.json", self.json(draw, material.CONFIG))
        self.written("model/tokenizer.json", self.json(draw, material.TOKENIZER))
        self.written("model/model-1.safetensors", tensors(draw))
        index = {"weight_map": draw.choice([{"t0": "model-1.safetensors"}, {"a": draw.choice(ODD)}, draw.choice(ODD)])}
        self.written("model/model.safetensors.index.json", json.dumps(index).encode("utf-8", "surrogatepass"))
        looks: list[Callable[[Path], object]] = [check_model, find_weights, _tokenizer, _parameters, _identity]
        look = draw.choice(looks)
        return lambda: look(folder)

    def records(self, draw: random.Random) -> Attempt:
        kind, row = draw.choice(tuple(material.RECORDS.items()))
        file = self.written("r.jsonl", json.dumps(row).encode() + b"\n" + self.json(draw, row))
        return lambda: read_records(file, {k.__name__: k for k in (Chunk, Document, QAPair, MCQItem)}[kind])

    def manifest(self, draw: random.Random) -> Attempt:
        self.written("artifact/a", b"x")
        self.written("artifact/manifest.json", self.json(draw, material.MANIFEST))
        return lambda: Artifact.open(self.place / "artifact").verify()

    def run_record(self, draw: random.Random) -> Attempt:
        self.written("store/runs/x/1/run.json", self.json(draw, material.RUN))
        self.written("store/runs/x/1/recipe.yaml", b"name: x\n")
        return lambda: load_run(self.place / "store", "x", 1)

    def answer(self, draw: random.Random) -> Attempt:
        value = draw.choice((material.FACTS, material.ANSWERS))
        text = self.json(draw, value) if draw.random() < 0.6 else self.changed(draw, material.THOUGHTS)
        said = text.decode("utf-8", draw.choice(("replace", "surrogateescape")))

        def attempt() -> object:
            for look in (read_facts, read_answers, lambda text: parse_json(text, RoundTrip)):
                try:
                    look(said)
                except ValueError:  # what these say of words that are no answer
                    continue
            return said

        return attempt

    def body(self, draw: random.Random) -> Attempt:
        wire, value = draw.choice(((ChatCompletions(), material.COMPLETION), (AnthropicMessages(), material.MESSAGE)))
        data = self.json(draw, value)
        return lambda: _body(wire, data)

    def fault(self, draw: random.Random) -> Attempt:
        data = self.json(draw, draw.choice(material.FAULTS))
        wait = self.text(draw, draw.choice((b"3", b"Wed, 21 Oct 2026 07:28:00 GMT")))[:500]

        def attempt() -> object:
            retry_after({"retry-after": wait})
            return read_fault(400, _loaded(data))

        return attempt

    def kept(self, draw: random.Random) -> Attempt:
        """A line of the ledger that something else has written."""
        values = [draw.choice((*ODD[:9], "text", b"\xff", self.changed(draw, b"{}"))) for _ in range(4)]
        values = [v if not isinstance(v, int) or abs(v) < 2**63 else 7 for v in values]
        with self.ledger._lock:
            try:
                self.ledger._db.execute(
                    "INSERT OR REPLACE INTO replies VALUES ('k', 'm', ?, ?, ?, ?, 'now')",
                    [v if v is None or isinstance(v, (int, float, str, bytes)) else str(v) for v in values],
                )
            except Exception:  # the table itself refuses it
                values = []
        return lambda: (self.ledger.get("k"), self.ledger.charged("x"), self.ledger.charged_elsewhere("k", None))

    def request(self, draw: random.Random) -> Attempt:
        kind, value = draw.choice(material.REQUESTS)
        data = self.json(draw, value)

        def attempt() -> object:
            asked: Any = read(_BODIES[kind], data)
            for name in ("conversation", "prompts", "texts", "stops"):
                made = getattr(asked, name, None)
                if callable(made):
                    made()
            return asked

        return attempt

    def message(self, draw: random.Random) -> Attempt:
        data = self.json(draw, draw.choice(material.MCP))

        def attempt() -> object:
            self.session.take(data)
            while self.session._open:
                pass  # a tool is at work in its thread
            for answer in self.sent:
                json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            told, self.sent[:] = list(self.sent), []
            return told

        return attempt


def tensors(draw: random.Random) -> bytes:
    """A safetensors file whose header is wrong more often than not."""
    header: dict[str, Any] = {}
    offset = 0
    for number in range(draw.randint(0, 4)):
        n = draw.choice([1, 2, 4])
        header[f"t{number}"] = {"dtype": "F32", "shape": [n], "data_offsets": [offset, offset + 4 * n]}
        offset += 4 * n
    for name in list(header):
        if draw.random() < 0.4:
            header[name][draw.choice(["dtype", "shape", "data_offsets"])] = draw.choice([*ODD, [draw.choice(ODD)]])
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    text = mutate(draw, text, (), 3_000) if draw.random() < 0.3 else text
    length = draw.choice([0, 2**63, 2**64 - 1, len(text) + 1]) if draw.random() < 0.15 else len(text)
    return struct.pack("<Q", length) + text + bytes(offset)


def _told(asked: Any) -> tuple[str, dict[str, Any]]:
    return str(asked), asked.model_dump()


def _preferences(file: Path) -> object:
    return read_preferences(AlignConfig(dataset=str(file)))


def _tokenizer(folder: Path) -> object:
    return tokenizer_identity(str(folder))


def _parameters(folder: Path) -> object:
    return parameters(str(folder))


def _identity(folder: Path) -> object:
    return identity(str(folder))


def _loaded(data: bytes) -> Any:
    """A body as the client of endpoints reads it."""
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _body(wire: Wire, data: bytes) -> object:
    try:
        said = wire.read(_loaded(data))
        return scrub_value(said.text)
    except ValueError:  # Garbled
        return None

"""Mutated inputs over every reader: each ends with a result or one of the project's errors, in time and memory."""

# ruff: noqa: E501 - samples are one a line

from __future__ import annotations

import json
import logging
import random
import resource
import signal
import struct
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.artifact import Artifact, read_records, write_records
from understudy.benchmark.across_runs import read_side
from understudy.errors import UnderstudyError
from understudy.generate.imported import read_pairs
from understudy.ingest.base import SkipFile
from understudy.ingest.convert import read
from understudy.ingest.formats import format_of
from understudy.ingest.walk import Found, walk
from understudy.merge.document import load as load_merge
from understudy.models.lenient_json import read_value
from understudy.models.ref import ModelRef
from understudy.models.resolve import identity, parameters, tokenizer_identity
from understudy.models.weights import check_model, find_weights
from understudy.models.weights import read_header as model_header
from understudy.pipeline.runs import load_run
from understudy.recipe import parse
from understudy.types import Chunk, Document, MCQItem, QAPair

SECONDS = 10.0  # of the processor: an input that takes longer is a hang
WAIT = 120.0  # by the clock, on a machine that does other things too
MEMORY = 4 << 30
ODD: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**63, 2**64, 1.5, float("inf"), float("nan"), None, True, "x", "", [], {}, [[]], "9" * 20, "\ud800",
    "\0", "../../x", -(2**63),
)  # fmt: skip
TOKENS = (
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\\", b"null", b"-1", b"1e999", b"NaN", b"\xff", b"\\ud800", b"\0",
    b"*", b"_", b"|", b"```", b"<", b">", b"&#", b".. ", b"::", b"---\n", b"&a ", b"*a", b"{{", b"|===\n", b"\t", b"!!int ",
)  # fmt: skip
PAGES: dict[str, bytes] = {
    "a.md": b"---\ntitle: x\nk: [1, {a: b}]\n---\n# T\n\ntext `c` [l](u)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n  - y\n",
    "a.mdx": b'import A from "b"\n\n<Tabs label="x">\n{a}\n</Tabs>\n\n# T\n\nexport const a = {b: [1]}\n',
    "a.html": b"<html><head><title>T</title><meta charset=utf-8></head><body><main><h1>A</h1><p>t <code>a</code></p>"
    b"<table><tr><th>a<td rowspan=2>b<tr><td colspan=3>c</table><ul><li>x<ol><li>y</ol></ul><pre>x</pre></main></body>",
    "a.rst": b"Title\n=====\n\n.. note:: hello\n\n* a\n\n  * b\n\n+---+---+\n| a | b |\n+---+---+\n\n.. csv-table::\n\n   a,b\n",
    "a.ipynb": json.dumps(
        {
            "cells": [
                {"cell_type": "markdown", "metadata": {}, "source": ["# T\n", "x"]},
                {"cell_type": "code", "metadata": {}, "source": "1", "execution_count": 1, "outputs": [
                    {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": ["1"]}}
                ]},
            ],
            "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5,
        }
    ).encode(),
    "a.1": b".TH A 1\n.SH NAME\na \\- b\n.TP\n.B \\-x\ntext \\fIi\\fR\n.RS\n.IP \\(bu 2\nq\n.RE\n.TS\nl l.\na\tb\n.TE\n.de XX\n..\n",
    "b.1": b".Dd x\n.Dt A 1\n.Os\n.Sh NAME\n.Nm a\n.Nd b\n.Bl -tag -width x\n.It Fl x Ar y\nt\n.El\n.Bd -literal\nz\n.Ed\n",
    "a.txt": b"plain text\xc3\xa9\n",
    "a.adoc": b"= T\n\n== A\n\ntext *b* `c`\n\n|===\n|a |b\n|1 |2\n|===\n\n* x\n** y\n\n----\ncode\n----\n",
    "a.xml": b"<book><title>T</title><chapter><title>A</title><para>t <code>c</code></para></chapter></book>",
    "a.wiki": b"== A ==\ntext '''b''' [[l|t]]\n{| class=x\n! a !! b\n|-\n| 1 || 2\n|}\n* x\n** y\n",
    "a.yaml": b"openapi: 3.0.0\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n    get:\n      summary: s\n      parameters:\n"
    b"        - {name: q, in: query, schema: {type: string}}\n      responses: {'200': {description: ok}}\n",
}  # fmt: skip
RECIPE = b"name: x\nseed: 0\nbase_model: lab:reader\ndocs: {path: d}\ngenerate: {n_items: 4}\nsft: {epochs: 1, r: 4}\n"
MERGE = b"merge_method: slerp\nbase_model: ./a\nmodels:\n  - model: ./a\n  - model: ./b\nparameters: {t: [0, 0.5, 1]}\n"


@dataclass
class Counts:
    """What came of a part. unclear: exceptions that are not the project's, by kind and place."""

    inputs: Counter[str] = field(default_factory=Counter)
    hangs: Counter[str] = field(default_factory=Counter)
    unclear: Counter[str] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)


class _Hang(BaseException):
    """An input took longer than SECONDS."""


def mutate(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a few of them changed, cut, doubled or replaced by what parsers stumble over."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at, kind = chance.randrange(len(changed) + 1), chance.random()
        if kind < 0.3 and at < len(changed):
            changed[at] = chance.randrange(256)
        elif kind < 0.5:
            del changed[at : at + chance.randint(1, 12)]
        elif kind < 0.65:
            changed[at:at] = changed[at : at + chance.randint(1, 60)] * chance.choice([1, 1, 2, 30])
        elif kind < 0.95:
            changed[at:at] = chance.choice(TOKENS) * chance.choice([1, 1, 1, 2, 5, 2000])
        else:
            del changed[at:]
    return bytes(changed)


def tensors(chance: random.Random) -> bytes:
    """A safetensors file whose header is wrong more often than not."""
    header: dict[str, Any] = {}
    offset = 0
    for number in range(chance.randint(0, 4)):
        n = chance.choice([1, 2, 4])
        header[f"t{number}"] = {"dtype": "F32", "shape": [n], "data_offsets": [offset, offset + 4 * n]}
        offset += 4 * n
    for name in list(header):
        if chance.random() < 0.4:
            header[name][chance.choice(["dtype", "shape", "data_offsets"])] = chance.choice(
                [*ODD, [chance.choice(ODD)]]
            )
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    text = mutate(text, chance) if chance.random() < 0.3 else text
    length = chance.choice([0, 2**63, 2**64 - 1, len(text) + 1]) if chance.random() < 0.15 else len(text)
    return struct.pack("<Q", length) + text + bytes(offset)


def readers(place: Path, chance: random.Random) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Each reader by name: makes an input and returns what reads it."""

    def written(name: str, data: bytes) -> Path:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
        return place / name

    def page(name: str) -> Callable[[], Any]:
        file = written(f"docs/{name}", mutate(PAGES[name], chance))
        found = Found(file, name, str(format_of(name)), root=file.parent)
        return lambda: write_records(place / "out.jsonl", [read(found)])

    def records() -> Callable[[], Any]:
        kind = chance.choice([Chunk, QAPair, Document, MCQItem])
        row = {
            "chunk_id": "c",
            "doc_id": "d",
            "text": "t",
            "question": "q",
            "answer": "a",
            "options": ["x", "y"],
            "correct": 0,
        }
        row[chance.choice(list(row))] = chance.choice(ODD)
        file = written("r.jsonl", mutate(json.dumps(row).encode("utf-8", "surrogatepass") + b"\n", chance))
        return lambda: read_records(file, kind)

    def rows(kind: str, read_it: Callable[[Path], Any]) -> Callable[[], Any]:
        suffix = chance.choice([".csv", ".jsonl"])
        text = (
            b'question,answer,split,a,b,correct\n"a, b",c,train,x,y,a\nq2,a2,,x,y,b\n'
            if suffix == ".csv"
            else b'{"question": "q", "answer": "a", "options": ["x", "y"], "correct": 0}\n'
        )
        file = written(kind + suffix, mutate(text, chance))
        return lambda: read_it(file)

    def model() -> Callable[[], Any]:
        folder = place / "model"
        written("model/config.json", mutate(b'{"model_type": "llama", "hidden_size": 8, "vocab_size": 10}', chance))
        written("model/tokenizer.json", mutate(b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}', chance))
        written("model/model-1.safetensors", tensors(chance))
        index = {
            "weight_map": chance.choice([{"t0": "model-1.safetensors"}, {"a": chance.choice(ODD)}, chance.choice(ODD)])
        }
        written("model/model.safetensors.index.json", json.dumps(index).encode("utf-8", "surrogatepass"))
        looks: list[Callable[[Path], Any]] = [check_model, find_weights, _tokenizer]
        looks += [lambda f: parameters(str(f)), lambda f: identity(str(f))]
        look = chance.choice(looks)
        return lambda: look(folder)

    def manifest() -> Callable[[], Any]:
        text = b'{"stage": "x", "key": "k", "digest": "d", "files": [{"path": "a", "bytes": 1, "sha256": "x"}], "counts": {}}'
        written("artifact/manifest.json", mutate(text, chance))
        return lambda: Artifact.open(place / "artifact").verify()

    def run_record() -> Callable[[], Any]:
        text = b'{"name": "x", "number": 1, "recipe": {}, "command": "c", "created": "2", "stages": [], "artifacts": {"a": "k"}}'
        written("store/runs/x/1/run.json", mutate(text, chance))
        written("store/runs/x/1/recipe.yaml", b"name: x\n")
        return lambda: load_run(place / "store", "x", 1)

    def text_of(data: bytes) -> str:
        return mutate(data, chance).decode("utf-8", "replace")

    def ignored() -> Callable[[], Any]:
        written("walk/a.md", b"# T\n")
        written("walk/.gitignore", mutate(b"*.tmp\n!a/\n/b/**\n[a-z]?\n\\#x\n", chance))
        return lambda: walk(str(place / "walk"), (), (), True, 1000)

    made: dict[str, Callable[[], Callable[[], Any]]] = {
        f"document {name}": lambda name=name: page(name)  # type: ignore[misc]
        for name in PAGES
    }

    def recipe() -> Callable[[], Any]:
        text = text_of(RECIPE)
        return lambda: parse(text)

    def merge() -> Callable[[], Any]:
        file = written("m.yaml", mutate(MERGE, chance))
        return lambda: load_merge(file)

    def header(read_it: Callable[[Path], Any]) -> Callable[[], Any]:
        file = written("w.safetensors", tensors(chance))
        return lambda: read_it(file)

    def reference() -> Callable[[], Any]:
        text = text_of(chance.choice([b"hf:org/name@main", b"openai:x@http://h:80/v1", b"lab:reader", b"./folder"]))
        return lambda: str(ModelRef.parse(text))

    def answer() -> Callable[[], Any]:
        text = text_of(b'{"facts": [{"quote": "a", "kind": "why", "questions": ["q"], "answer": "a"}]}')
        return lambda: read_value(text, max(0, text.find("{")))

    return made | {
        "recipe": recipe,
        "merge config": merge,
        "safetensors": lambda: header(model_header),
        "model folder": model,
        "records": records,
        "manifest": manifest,
        "run record": run_record,
        "imported pairs": lambda: rows("pairs", read_pairs),
        "imported questions": lambda: rows("questions", read_side_of),
        "model reference": reference,
        "teacher's answer": answer,
        ".gitignore": ignored,
    }


def _tokenizer(folder: Path) -> Any:
    return tokenizer_identity(str(folder))


def read_side_of(file: Path) -> Any:
    return read_side(file, "x")


def run(seed: int, count: int, seconds: float) -> Counts:
    """`count` inputs, or as many as `seconds` allow."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    chance, counts, until = random.Random(seed), Counts(), time.monotonic() + seconds

    def hang(*_: object) -> None:
        raise _Hang

    signal.signal(signal.SIGALRM, hang)
    signal.signal(signal.SIGPROF, hang)
    with tempfile.TemporaryDirectory() as folder:
        known = readers(Path(folder), chance)
        names = sorted(known)
        for _ in range(count):
            if time.monotonic() > until:
                break
            name = chance.choice(names)
            attempt = known[name]()
            counts.inputs[name] += 1
            signal.setitimer(signal.ITIMER_REAL, WAIT)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                attempt()
            except (UnderstudyError, SkipFile):
                pass
            except _Hang:
                counts.hangs[name] += 1
            except Exception as error:
                ours = [f for f in traceback.extract_tb(error.__traceback__) if "understudy" in f.filename]
                at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
                kind = f"{name}: {type(error).__name__} at {at}"
                counts.unclear[kind] += 1
                counts.samples.setdefault(kind, str(error)[:120])
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.setitimer(signal.ITIMER_PROF, 0)
    return counts

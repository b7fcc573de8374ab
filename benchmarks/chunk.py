"""Speed and quality of cutting, against LangChain's and LlamaIndex's splitters, with one tokenizer in one run.

The peers live in an environment of their own, so that their versions meet nobody else's:

    python -m venv peers && peers/bin/pip install langchain-text-splitters llama-index-core transformers
    python benchmarks/chunk.py --peers peers/bin/python          # or UNDERSTUDY_PEERS=peers/bin/python

All cut the same Markdown into 300 tokens with 30 overlap of the bundled reader's tokenizer, on one thread. Times
are the best of the repetitions, without imports; `cpu` is what the process used, whatever else the machine did.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

Splitter = Callable[[str], list[str]]


def measure(split: Callable[[list[str]], list[list[str]]], texts: list[str], repeat: int) -> dict[str, Any]:
    """Best wall and processor seconds of cutting all texts, and the chunks."""
    wall = cpu = float("inf")
    found: list[list[str]] = []
    for _ in range(repeat):
        clock, used = time.perf_counter(), time.process_time()
        found = split(texts)
        cpu = min(cpu, time.process_time() - used)
        wall = min(wall, time.perf_counter() - clock)
    return {"wall": wall, "cpu": cpu, "chunks": [c for chunks in found for c in chunks]}


def peers(tokenizer_file: str, size: int, overlap: int) -> Iterable[tuple[str, Splitter]]:
    """The peers' splitters, counting as their manuals say (a transformers tokenizer) and as quickly as they can
    (the bare tokenizer under it, `*`)."""
    from langchain_text_splitters import MarkdownTextSplitter, RecursiveCharacterTextSplitter
    from llama_index.core.node_parser import SentenceSplitter, TokenTextSplitter
    from transformers import PreTrainedTokenizerFast

    documented = PreTrainedTokenizerFast(tokenizer_file=tokenizer_file)
    bare = documented.backend_tokenizer
    sizes = {"chunk_size": size, "chunk_overlap": overlap}

    def encode(text: str) -> list[int]:
        return bare.encode(text, add_special_tokens=False).ids

    def count(text: str) -> int:
        return len(encode(text))

    for name, kind in (("Recursive", RecursiveCharacterTextSplitter), ("Markdown", MarkdownTextSplitter)):
        yield f"LangChain {name}", kind.from_huggingface_tokenizer(documented, **sizes).split_text
        yield f"LangChain {name} *", kind(length_function=count, **sizes).split_text
    for name, kind in (("Sentence", SentenceSplitter), ("Token", TokenTextSplitter)):
        yield f"LlamaIndex {name}", kind(tokenizer=documented.encode, **sizes).split_text
        yield f"LlamaIndex {name} *", kind(tokenizer=encode, **sizes).split_text


def run_peers(job: Path) -> None:
    """In the peers' environment: measure each and print one JSON line."""
    settings = json.loads(job.read_text(encoding="utf-8"))
    results = {
        name: measure(lambda texts, s=split: [s(t) for t in texts], settings["texts"], settings["repeat"])
        for name, split in peers(settings["tokenizer"], settings["size"], settings["overlap"])
    }
    print(json.dumps(results))


def run_understudy(settings: dict[str, Any]) -> dict[str, Any]:
    from understudy.chunk.split import Splitter as Ours
    from understudy.chunk.tokens import TokenCounter
    from understudy.types import Document

    splitter = Ours(TokenCounter.open(settings["model"]), settings["size"], settings["overlap"])

    def split(texts: list[str]) -> list[list[str]]:
        documents = [Document(f"{i}.md", text, "", "markdown", "") for i, text in enumerate(texts)]
        return [[c.text for c in chunks] for chunks in splitter.split(documents)]

    return measure(split, settings["texts"], settings["repeat"])


def quality(chunks: list[str], texts: list[str], settings: dict[str, Any]) -> dict[str, Any]:
    """Mean and largest size, chunks above it, chunks that are no slice of a source, code fences cut open."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(settings["tokenizer"])
    sizes = [len(e.ids) for e in tokenizer.encode_batch(chunks, add_special_tokens=False)]
    everything = "\0".join(dict.fromkeys(texts))
    verbatim = {c: c in everything for c in set(chunks)}
    return {
        "chunks": len(chunks),
        "mean": sum(sizes) / len(sizes),
        "max": max(sizes),
        "above": sum(s > settings["size"] for s in sizes),
        "altered": sum(not verbatim[c] for c in chunks),
        "cut fences": sum(c.count("```") % 2 for c in chunks),
    }


def corpus(folder: Path | None, characters: int) -> list[str]:
    """Markdown documents of about so many characters: a folder's, repeated, or generated ones."""
    if folder is not None and folder.is_dir():
        some = [p.read_text(encoding="utf-8") for p in sorted(folder.rglob("*.md"))]
    else:
        some = [generated(random.Random(seed)) for seed in range(40)]
    texts: list[str] = []
    while sum(map(len, texts)) < characters:
        texts += some
    return texts


def generated(chance: random.Random) -> str:
    """A page of headings, prose, tables and code, each page different."""
    words = ["server", "queue", "port", "message", "default", "option", "value", "limit", "client", "request"]

    def prose(sentences: int) -> str:
        return " ".join(" ".join(chance.choices(words, k=12)).capitalize() + "." for _ in range(sentences))

    parts = [f"# {prose(1)}"]
    for section in range(chance.randint(3, 9)):
        parts += [f"## Section {section}", prose(chance.randint(2, 12))]
        if chance.random() < 0.5:
            rows = [
                f"| `{chance.choice(words)}_{i}` | {chance.randint(1, 9999)} |" for i in range(chance.randint(3, 15))
            ]
            parts.append("\n".join(["| Name | Default |", "|---|---|", *rows]))
        if chance.random() < 0.6:
            parts.append("```sh\n" + "\n".join(f"run --{w} {chance.randint(1, 99)}" for w in words[:6]) + "\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Cutting documents: Understudy against LangChain and LlamaIndex.")
    parser.add_argument("--peers", default=os.environ.get("UNDERSTUDY_PEERS"), help="python of the peers' environment")
    parser.add_argument("--docs", type=Path, help="a folder of Markdown (default: generated pages)")
    parser.add_argument("--characters", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--model", default="lab:reader", help="whose tokenizer counts")
    parser.add_argument("--peer-job", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer_job:
        run_peers(arguments.peer_job)
        return
    from understudy.models.resolve import local_folder

    texts = corpus(arguments.docs, arguments.characters)
    settings = {
        "texts": texts,
        "tokenizer": str(local_folder(arguments.model) / "tokenizer.json"),
        "model": arguments.model,
        "size": 300,
        "overlap": 30,
        "repeat": arguments.repeat,
    }
    results = {"Understudy": run_understudy(settings)}
    if arguments.peers:
        with tempfile.TemporaryDirectory() as folder:
            job = Path(folder) / "job.json"
            job.write_text(json.dumps(settings), encoding="utf-8")
            command = [arguments.peers, __file__, "--peer-job", str(job)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results |= json.loads(done.stdout.splitlines()[-1])
    else:
        print("no peers: name their python with --peers or UNDERSTUDY_PEERS to compare", file=sys.stderr)
    ours = results["Understudy"]["cpu"]
    print(f"{len(texts)} documents, {sum(map(len, texts)):,} characters, best of {arguments.repeat}, one thread\n")
    head = f"{'splitter':30}{'cpu s':>8}{'wall s':>8}{'× ours':>8}{'chunks':>8}{'mean':>7}{'max':>6}"
    print(head + f"{'above':>7}{'altered':>9}{'cut fences':>12}")
    for name, result in results.items():
        q = quality(result["chunks"], texts, settings)
        print(
            f"{name:30}{result['cpu']:8.2f}{result['wall']:8.2f}{result['cpu'] / ours:8.2f}{q['chunks']:8}"
            f"{q['mean']:7.0f}{q['max']:6}{q['above']:7}{q['altered']:9}{q['cut fences']:12}"
        )
    times = [r["cpu"] / ours for name, r in results.items() if name != "Understudy"]
    if times:
        print(f"\nUnderstudy is {max(times):.1f} times as fast as the slowest peer, {min(times):.2f} times the fastest")


if __name__ == "__main__":
    main()

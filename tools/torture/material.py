"""Inputs as people, tools and endpoints write them, one or a few for each reader that reads no page."""

# ruff: noqa: E501 - samples are one a line

from __future__ import annotations

import io
from typing import Any

import pyarrow
import pyarrow.parquet


def _parquet(row: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row, row]), made)
    return made.getvalue()


FRONT_MATTER = (
    b"---\ntitle: x\nk: [1, {a: b}]\nd: 2024-01-01\n# c\n---\n# T\n",
    b"+++\ntitle = 'x'\n[a]\nb = [1, 2]\nd = 1979-05-27T07:32:00Z\n+++\n# T\n",
    b"---\na: &x {b: 1}\nc: *x\nt: |\n  one\n  two\n...\ntext\n",
)
LINKS = b'<base href="/docs/"><a href="a.html?x=1#y">a</a> <a href="//b.example/c">b</a> [c](../d.md) <https://e.example:8/f>'
IGNORED = b"*.tmp\n!a/\n/b/**\n[a-z]?\n\\#x\n**/c\nd*e*f\n"
RECIPES: tuple[Any, ...] = (
    {"name": "x", "seed": 0, "base_model": "lab:reader", "docs": {"path": "d"}, "generate": {"n_items": 4},
     "sft": {"epochs": 1, "r": 4, "replay": {"source": "off"}}, "chunk": {"chunk_size": 120, "chunk_overlap": 10}},
    {"name": "x", "base_model": "lab:reader", "docs": {"path": "d", "teach": {"include": ["*.md"]}},
     "index": {"retriever": "hybrid", "search": {"top_k": 2}}, "benchmark": {"arms": ["base", "sft+rag"], "general": []},
     "generate": {"teacher": "openai:m@http://h/v1", "remote": {"price": {"input": 1, "output": 1}, "max_usd": 1}}},
    {"name": "x", "base_model": "lab:reader", "align": {"dataset": "p.jsonl", "r": 2},
     "merge": {"merge_method": "slerp", "base_model": "lab:reader", "parameters": {"t": 0.5},
               "models": [{"model": "lab:reader"}, {"model": "lab:math"}]}},
)  # fmt: skip
RECIPE = (
    b"name: x\nseed: 0\nbase_model: lab:reader\ndocs: {path: d}\ngenerate: {n_items: 4}\nsft: {epochs: 1, r: 4}\n",
    b"name: x\nbase_model: lab:reader\nmerge:\n  merge_method: slerp\n  base_model: lab:reader\n"
    b"  models: [{model: lab:reader}, {model: lab:math}]\n  parameters: {t: 0.5}\n",
    b"name: x\nbase_model: lab:reader\ndocs: {path: d, teach: {include: ['*.md']}}\nchunk: {chunk_size: 120}\n"
    b"index: {retriever: hybrid, search: {top_k: 2}}\nbenchmark: {arms: [base, sft+rag], general: []}\n"
    b"generate: {teacher: 'openai:m@http://h/v1', remote: {price: {input: 1, output: 1}, max_usd: 1}}\n",
)
SETTINGS = (b"sft.r=4", b"docs.path=x", b"benchmark.arms=[base, sft+rag]", b"generate.remote.price.input=1", b"seed=3")
STUDY: Any = {
    "name": "s", "seeds": 2, "base_model": "lab:reader", "specialists": {"lab:reader": "reading", "lab:math": "arithmetic"},
    "merges": {"slerp": {"merge_method": "slerp"}}, "teach": {"naive": {"r": 4}, "default": {"r": 4}},
    "manual": {"pages": 2}, "benchmark": {"arms": ["base"]},
}  # fmt: skip
MERGE = (
    b"merge_method: slerp\nbase_model: ./a\nmodels:\n  - model: ./a\n  - model: ./b\nparameters: {t: [0, 0.5, 1]}\n",
    b"slices:\n  - sources:\n      - {model: ./a, layer_range: [0, 4]}\n      - {model: ./b, layer_range: [0, 4]}\n"
    b"merge_method: ties\nbase_model: ./a\nparameters:\n  density: 0.5\n  weight:\n    - {filter: mlp, value: 0.3}\n"
    b"    - value: 1\ndtype: float16\ntokenizer_source: union\n",
    b"name: one\nmerge_method: linear\nmodels: [{model: ./a+./l, parameters: {weight: 1}}]\n---\nname: two\n"
    b"merge_method: task_arithmetic\nbase_model: one\nmodels: [{model: ./b}]\n",
    b"modules: {default: {merge_method: linear, models: [{model: ./a}]}}\n",
)
MERGES: tuple[Any, ...] = (
    {"merge_method": "slerp", "base_model": "./a", "models": [{"model": "./a"}, {"model": "./b"}],
     "parameters": {"t": [{"filter": "mlp", "value": [0, 0.5, 1]}, {"value": 1}]}, "dtype": "float16"},
    {"merge_method": "ties", "base_model": "./a", "tokenizer_source": "union", "parameters": {"density": 0.5, "weight": 1},
     "slices": [{"sources": [{"model": "./a", "layer_range": [0, 4]}, {"model": "./b", "layer_range": [0, 4]}]}]},
    {"merge_method": "passthrough", "slices": [{"sources": [{"model": "./a+./l", "layer_range": [0, 4]}]}]},
)  # fmt: skip
ADAPTER: Any = {
    "peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["a"], "bias": "none", "rank_pattern": {"a": 2},
    "alpha_pattern": {}, "use_rslora": False, "modules_to_save": None, "task_type": "CAUSAL_LM", "use_dora": False,
}  # fmt: skip
CONFIG: Any = {"model_type": "llama", "hidden_size": 8, "vocab_size": 10, "num_hidden_layers": 2, "dtype": "float32"}
TOKENIZER: Any = {
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
    "added_tokens": [{"id": 1, "content": "x"}],
}
REFERENCES = (
    b"hf:org/name@main",
    b"openai:x@http://h:80/v1",
    b"lab:reader",
    b"./folder",
    b"anthropic:m",
    b"gguf:a.gguf",
)
RECORDS: dict[str, Any] = {
    "Chunk": {"chunk_id": "c", "doc_id": "d", "text": "t", "start": 0, "end": 1, "first_line": 1, "last_line": 1,
              "n_tokens": 1, "breadcrumb": "b"},
    "Document": {"doc_id": "d", "text": "t", "title": "T", "format": "markdown", "digest": "0", "places": [[0, "x"]]},
    "QAPair": {"pair_id": "p", "question": "q", "answer": "a", "chunk_id": "c", "doc_id": "d", "quote": "q"},
    "MCQItem": {"item_id": "i", "question": "q", "options": ["x", "y"], "correct": 0},
}  # fmt: skip
MANIFEST: Any = {
    "stage": "x",
    "key": "k",
    "digest": "d",
    "files": [{"path": "a", "bytes": 1, "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}],
    "counts": {},
}
RUN: Any = {
    "name": "x",
    "number": 1,
    "recipe": {},
    "command": "c",
    "created": "2",
    "stages": [],
    "artifacts": {"a": "k"},
}
PAIRS: tuple[Any, ...] = (
    b'question,answer,split,kind\n"a, b",c,train,x\nq2,a2,,\n"l1\nl2",d,test,y\n',
    b"question;answer\nq;a\nq2;a2\n",
    {"question": "q", "answer": "a", "split": "train"},
    _parquet({"question": "q", "answer": "a"}),
    {"prompt": "q", "completion": "a"},
    {"instruction": "q", "input": "", "output": "a"},
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
)
QUESTIONS: tuple[Any, ...] = (
    b"question,a,b,c,correct\nq,x,y,z,a\nq2,x2,y2,,b\n",
    b"question,option_1,option_2,answer\nq,x,y,1\nq2,x,y,2\n",
    b"question,options,answer\nq,\"['x', 'y']\",x\n",
    {"question": "q", "options": ["x", "y"], "correct": 0, "doc_id": "d"},
    _parquet({"question": "q", "options": ["x", "y"], "correct": 0}),
    {"question": "q", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "A"},
    {"question": "q", "options": [{"label": "A", "text": "x"}, {"label": "B", "text": "y"}], "answer": "B"},
    {"doc": {"question": "q", "choices": ["x", "y"], "gold": 1}},
)
PREFERENCES: tuple[Any, ...] = (
    b"prompt,chosen,rejected\nq,a,b\n",
    {"prompt": "q", "chosen": "a", "rejected": "b", "system": "s"},
    {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
     "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]},
)  # fmt: skip
REPLAY: tuple[Any, ...] = (
    {"prompt": "q", "completion": "a"},
    {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]},
)
SAMPLES: tuple[Any, ...] = (
    {"doc_id": 0, "doc": {"question": "q", "choices": ["x", "y"], "answer": 0}, "acc": 1.0, "arm": "base",
     "filtered_resps": [[-1.0, False], [-2.0, False]]},
)  # fmt: skip
LOGS: tuple[Any, ...] = (
    {"eval": {"model": "m"}, "samples": [
        {"id": "1", "input": "q", "choices": ["x", "y"], "target": "A", "scores": {"s": {"value": "C", "answer": "A"}},
         "metadata": {"doc_id": "d", "chunk_id": "c"}},
        {"id": 2, "input": [{"role": "user", "content": "q2"}], "choices": ["x", "y"], "target": ["B"],
         "scores": {"s": {"value": 0.5, "answer": "B", "explanation": "e"}}},
    ]},
)  # fmt: skip
FACTS: Any = {
    "facts": [{"quote": "a b", "kind": "why", "questions": ["q", "r"], "answer": "a", "option": "o"}, {"quote": 1}]
}
ANSWERS: Any = {"answers": {"1": "a", "2": ["b", 3], "3": {"answer": "c"}}}
THOUGHTS = b'<think>So {"facts": []}</think>\nHere it is:\n```json\n{"facts": [{"quote": "a", "kind": "why", "questions": ["q"], "answer": "a"}]}\n```'
COMPLETION: Any = {
    "id": "x", "choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": [{"type": "text", "text": "t"}], "refusal": None, "reasoning_content": ""}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}  # fmt: skip
MESSAGE: Any = {
    "type": "message", "content": [{"type": "thinking", "thinking": "h"}, {"type": "text", "text": "t"},
                                   {"type": "tool_use", "name": "answer", "input": {"facts": []}}],
    "stop_reason": "end_turn", "usage": {"input_tokens": 1, "cache_read_input_tokens": 0, "output_tokens": 2},
}  # fmt: skip
FAULTS: tuple[Any, ...] = (
    {"error": {"message": "m", "type": "invalid_request_error", "param": "max_tokens", "code": 400}},
    {"detail": [{"loc": ["body", "max_tokens"], "msg": "m", "type": "value_error"}]},
    {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
)
DECISIONS: tuple[Any, ...] = (
    {"id": "p-1", "what": "edit", "question": "q", "answer": "a", "of": "o", "said": "s", "when": "2026", "who": "w"},
    {"id": "q-1", "what": "reject", "reason": "r", "seen": True},
    {"id": "p-1", "what": "undo"},
)
MARKS: tuple[Any, ...] = (
    {
        "when": "2026",
        "model": "m",
        "question": "q",
        "answer": "a [1]",
        "passages": ["c"],
        "verdict": "bad",
        "note": "n",
    },
    {"when": "2026", "model": "m", "question": "q", "answer": "a", "passages": [], "verdict": "good", "note": ""},
)
REQUESTS: tuple[tuple[str, Any], ...] = (
    ("ChatRequest", {
        "model": "m", "messages": [{"role": "system", "content": "s"},
                                   {"role": "user", "content": [{"type": "text", "text": "q"}]}],
        "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 5, "temperature": 0.5, "stop": ["x"],
        "n": 1, "tools": [{"type": "function"}], "tool_choice": "auto", "response_format": {"type": "json_object"}}),
    ("CompletionRequest", {"model": "m", "prompt": ["a", "b"], "echo": True, "logprobs": 1, "max_tokens": 0, "stop": "x"}),
    ("CompletionRequest", {"model": "m", "prompt": [[1, 2], [3]], "temperature": 0}),
    ("EmbeddingRequest", {"model": "m", "input": ["a", "b"], "encoding_format": "base64"}),
    ("Mark", {"model": "m", "question": "q", "answer": "a", "passages": ["c"], "verdict": "bad", "note": "n"}),
    ("Choice", {"id": "p-1", "what": "edit", "question": "q", "answer": "a", "by": "w"}),
    ("CarryOver", {"id": "p-1", "scope": "page", "ids": ["p-2"]}),
    ("Undo", {"ids": ["p-1"]}),
)  # fmt: skip
MCP: tuple[Any, ...] = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}}},
    {"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "ask", "arguments": {"question": "q"}}},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
     "params": {"name": "search", "arguments": {"query": "q", "top_k": 3}}},
    [{"jsonrpc": "2.0", "id": 3, "method": "ping"}, {"jsonrpc": "2.0", "method": "notifications/cancelled",
                                                     "params": {"requestId": 3}}],
    {"jsonrpc": "2.0", "id": 4, "method": "tools/list"},
)  # fmt: skip

"""Streaming a plan: every tensor read, merged and written, the next one's bytes on their way meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from understudy.errors import InputError, RecipeError
from understudy.merge.block import Block
from understudy.merge.blocks import BLOCK, Blocks, Source, Workers
from understudy.merge.plan import MergePlan, PlannedTensor
from understudy.merge.reader import DTYPES
from understudy.merge.sources import encode
from understudy.merge.vocabulary import AlignedRows
from understudy.merge.writer import ShardWriter

Progress = Callable[[str, float, float | None], None]


def open_sources(todo: MergePlan, tensor: PlannedTensor) -> list[Source]:
    """The inputs of a tensor, ready to be read: adapters added, vocabularies matched."""
    stored = [parent.source(name) for parent, name in tensor.inputs]
    if not tensor.by_token or todo.alignment is None:
        return list(stored)
    by_model = {
        reference: parent.source(name)
        for reference, parent in todo.parents.items()
        if (name := parent.find(tensor.name)) is not None
    }
    return [AlignedRows(todo.alignment, parent.reference, by_model) for parent, _ in tensor.inputs]


def _fetch(sources: list[Source]) -> None:
    for source in sources:
        source.fetch()


def stream(
    todo: MergePlan, writer: ShardWriter, *, threads: int, budget: int, seed: int, progress: Progress
) -> dict[str, dict[str, Any]]:
    """Merge the tensors that are not done yet, the next one's bytes on their way while one is worked on."""
    facts = dict(writer.done)
    total, done = float(todo.nbytes), float(sum(t.nbytes for t in todo.tensors if t.name in writer.done))
    waiting = [t for t in todo.tensors if t.name not in writer.done]
    ahead: tuple[list[Source], Future[None] | None] | None = None
    with Workers(threads) as workers, ThreadPoolExecutor(1) as reader:

        def fetch(tensor: PlannedTensor, beside: int) -> tuple[list[Source], Future[None] | None]:
            sources = open_sources(todo, tensor)
            if sum(s.nbytes() for s in sources) + beside > budget:
                return sources, None  # too large to hold: its pages come and go block by block
            return sources, reader.submit(_fetch, sources)

        for number, tensor in enumerate(waiting):
            sources, arriving = ahead or fetch(tensor, 0)
            here = sum(s.nbytes() for s in sources)
            if arriving is not None:
                arriving.result()
            ahead = fetch(waiting[number + 1], here) if number + 1 < len(waiting) else None
            frugal = here > budget
            facts[tensor.name] = _merge_tensor(todo, tensor, sources, writer, workers, seed=seed, frugal=frugal)
            for source in sources:
                source.release()
            writer.finish(tensor.name, facts[tensor.name])
            done += tensor.nbytes
            progress("merging", done, total)
    return facts


def _merge_tensor(
    todo: MergePlan,
    tensor: PlannedTensor,
    sources: list[Source],
    writer: ShardWriter,
    workers: Workers,
    *,
    seed: int,
    frugal: bool,
) -> dict[str, Any]:
    if tensor.copy:
        _copy(tensor, writer)
        return {}
    blocks = Blocks(
        tensor.name, sources, workers,
        has_base=tensor.has_base, whole_rows=todo.method.whole_rows, seed=seed, frugal=frugal,
    )  # fmt: skip
    try:
        combine = todo.method.prepare(blocks, tensor.values)
    except ValueError as error:
        raise RecipeError(f"{tensor.name}: {error}") from error
    stored = DTYPES[tensor.dtype]

    def work(block: Block) -> bool:
        n = block.x.shape[1]
        result = workers.buffer("result", (n,))
        combine(block, result)
        data = workers.buffer("stored", (n,), stored)
        bad = encode(result, tensor.dtype, data)
        writer.write(tensor.name, block.start * stored.itemsize, data.data.cast("B"))
        return bad

    if any(blocks.map(work)):
        raise _diagnose(tensor, blocks)
    return blocks.notes


def _copy(tensor: PlannedTensor, writer: ShardWriter) -> None:
    """Pass bytes through; integer tensors must be the same in all models."""
    arrays = [parent.checkpoint.file(name).array(name) for parent, name in tensor.inputs]
    for (parent, name), array in zip(tensor.inputs[1:], arrays[1:], strict=True):
        if not np.array_equal(arrays[0], array):
            raise InputError(
                f"tensor '{name}' holds {tensor.dtype} and differs between {tensor.inputs[0][0].reference} "
                f"and {parent.reference}; only equal ones can be merged"
            )
    step = BLOCK * 16
    for start in range(0, arrays[0].size, step):
        piece = np.ascontiguousarray(arrays[0][start : start + step])
        writer.write(tensor.name, start * piece.itemsize, piece.data.cast("B"))


def _diagnose(tensor: PlannedTensor, blocks: Blocks) -> InputError:
    """Say where the NaN or Inf of a merged tensor comes from."""
    counts = blocks.sum(lambda block: np.sum(~np.isfinite(block.x), axis=1))
    for (parent, name), number in zip(tensor.inputs, counts, strict=True):
        if number:
            return InputError(
                f"{parent.path(name)}: tensor '{name}' has {int(number)} values that are NaN or infinite; "
                "merge a sound model"
            )
    return InputError(
        f"tensor '{tensor.name}': merged values do not fit {tensor.dtype}; choose out_dtype: bfloat16 or float32"
    )

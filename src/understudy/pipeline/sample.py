"""A sample of the documentation, read while planning: what the stages make of some of its files tells what they make of
all. Offline and without a model: a teacher that is one is not asked."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from understudy.artifact import Artifact, digest_file, digest_json
from understudy.config import StageConfig
from understudy.errors import UnderstudyError
from understudy.generate.config import GenerateConfig
from understudy.ingest.base import Skipped
from understudy.ingest.config import IngestConfig
from understudy.ingest.walk import Found
from understudy.kept import Kept
from understudy.models.resolve import at_hand
from understudy.pipeline.steps import Step
from understudy.stage import Inputs, RunContext, execute

_SIZES = (50_000, 200_000, 800_000)  # bytes of files: a sample is made larger until it tells enough
_FEWEST = 12  # files of a sample: a teacher reads a handful otherwise than many
_FACTS = 200  # facts that tell enough: their number is then known to about a fifth
READ = ("ingest", "chunk", "generate")
_COUNTED = (
    "documents", "characters", "chunks", "tokens", "facts", "pairs", "taught", "watched", "items", "tried",
)  # fmt: skip
_quiet = logging.getLogger("understudy.plan.sample")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # the run itself says what is wrong with a page

Steps = Sequence[tuple[Step, StageConfig]]
Sample = dict[str, float]
"""Counts of the sample under the names that estimates take: `files` and `bytes` as they lie there, `documents`,
`characters`, `chunks`, `tokens`, `facts`, `pairs`, `taught` (trained on), `watched` (held out for early stopping),
`items`, `tried` (questions for which wrong options were looked for), `whole` where these are all files."""


class _Some(IngestConfig):
    """The settings of ingest for some of the files."""

    _chosen: list[Found] = PrivateAttr(default_factory=list)

    def walk(self) -> tuple[list[Found], list[Skipped]]:
        return self._chosen, []


def look(steps: Steps, base_model: str | None, seed: int, root: Path) -> Sample:
    """The counts of a sample of the files; of all of them where these are few. Empty where nothing can be read.

    root: the `.understudy` folder, where there is one: what was counted is kept there by content.
    """
    configs = {step.name: config for step, config in steps}
    ingest = configs.get("ingest")
    if not isinstance(ingest, IngestConfig) or ingest.pending():
        return {}
    found, _ = ingest.walk()
    seen: Sample = {}
    for most in (_SIZES if _is_read(configs.get("generate")) else _SIZES[-1:]) if found else ():
        chosen = _spread(found, most)
        seen = _kept(chosen, configs, steps, base_model, seed, root)
        if len(chosen) == len(found):
            return {**seen, "whole": 1.0}
        if seen.get("facts", 0) >= _FACTS:
            break
    return seen


def counted(artifacts: Mapping[str, Artifact]) -> Sample:
    """The same counts of whole documentation whose artifacts are there, for an estimate of what they took."""
    counts: dict[str, Any] = {}
    for name in READ:
        counts |= artifacts[name].counts if name in artifacts else {}
    splits = counts.get("splits", {})
    if splits:
        tried = counts["items"] + sum(counts["items_skipped"].values())
        counts |= {"taught": splits.get("train", 0), "watched": splits.get("dev", 0), "tried": tried}
    return {name: float(counts[name]) for name in _COUNTED if name in counts}


def _spread(found: Sequence[Found], most: int) -> list[Found]:
    """Files from all over the folder of `most` bytes together, or a little more, and of no fewer than `_FEWEST`; all
    where these are no more."""
    sizes = [file.path.stat().st_size for file in found]
    if sum(sizes) <= 1.5 * most or len(found) <= _FEWEST:
        return list(found)
    step = max(1, sum(sizes) // most)
    chosen: list[Found] = []
    size = 0
    for start in sorted(range(step), key=lambda i: f"{i:032b}"[::-1]):  # between those chosen before
        for place in range(start, len(found), step):
            if size >= most and len(chosen) >= _FEWEST:
                return sorted(chosen, key=lambda file: file.doc_id)
            if sizes[place] <= most or not chosen:
                chosen.append(found[place])
                size += sizes[place]
    return sorted(chosen, key=lambda file: file.doc_id)


def _kept(
    chosen: Sequence[Found],
    configs: Mapping[str, StageConfig],
    steps: Steps,
    base_model: str | None,
    seed: int,
    root: Path,
) -> Sample:
    how = [[name, configs[name].VERSION, configs[name].identity()] for name in READ if name in configs]
    key = digest_json([how, base_model, seed, [[f.doc_id, digest_file(f.path)] for f in chosen]])
    kept = Kept(root, "samples")
    if (said := kept.get([key]).get(key)) is not None:
        found: Sample = json.loads(said)
        return found
    read = {"files": float(len(chosen)), "bytes": float(sum(f.path.stat().st_size for f in chosen))}
    with tempfile.TemporaryDirectory(prefix="understudy-") as folder:
        read |= counted(_read(chosen, steps, base_model, seed, Path(folder)))
    if root.is_dir():
        kept.put({key: json.dumps(read).encode()})
    return read


def _read(
    chosen: Sequence[Found], steps: Steps, base_model: str | None, seed: int, folder: Path
) -> dict[str, Artifact]:
    """What the stages make of some files, up to the first that cannot be run here."""
    done: dict[str, Artifact] = {}
    for step, config in steps:
        if step.name not in READ:
            continue
        if isinstance(config, IngestConfig):
            some = _Some.model_construct(**dict(config))
            some._chosen, some._kept = list(chosen), config.kept
            config = some
        if isinstance(config, GenerateConfig):
            if not _is_read(config):
                break
            config = config.model_copy(update={"pairs": None, "decisions": None})
        try:
            if step.name == "chunk" and not _known_tokenizer(config, base_model):
                break
            work = folder / step.name
            ctx = RunContext(out=work / "out", work=work, root=folder, seed=seed, device="cpu", logger=_quiet)
            inputs = Inputs(dict(done), model=base_model or "", base_model=base_model or "")
            target = folder / f"{step.name}-made"
            done[step.name] = execute(step.load(), config, inputs, key=step.name, key_fields={}, target=target, ctx=ctx)
        except (UnderstudyError, OSError):  # the run itself says what is wrong
            break
    return done


def _is_read(config: StageConfig | None) -> bool:
    """Whether what the offline teacher makes of the pages is used."""
    if not isinstance(config, GenerateConfig) or config.asks:
        return False
    return config.questions == "docs" or config.keep_generated


def _known_tokenizer(config: StageConfig, base_model: str | None) -> bool:
    reference = getattr(config, "tokenizer", None) or base_model
    return bool(reference) and at_hand(str(reference))

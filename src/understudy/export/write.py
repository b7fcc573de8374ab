"""Write an arm's model in a format, run what was written, and give it out only where it is the model measured."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata, util
from pathlib import Path
from typing import Any

from understudy.answer import ModelAnswerer
from understudy.artifact import atomic_path, digest_file, to_plain, write_json, write_text
from understudy.errors import InputError, ModelError
from understudy.export import gguf_file, ollama, parity, quantise, vocabulary
from understudy.export.card import card, licence_of
from understudy.export.config import GGUF_FORMATS, LIMITS, check_format, check_quants
from understudy.export.exam import Exam
from understudy.export.measured import Measured, Runtime
from understudy.export.parity import Check, Material
from understudy.export.runtime import LlamaCpp, need_runtime
from understudy.models.adapter import attach, check_adapter, merge_adapter
from understudy.models.chat import PLAIN_TEMPLATE
from understudy.models.load import load_model, load_tokenizer, open_model
from understudy.models.resolve import local_folder
from understudy.models.save import save_model

logger = logging.getLogger(__name__)
_WINDOW = 4096  # tokens of llama.cpp's window while it is compared, at most


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported. label, arm: of the run. sentence: its verdict, None where it has none."""

    label: str
    arm: str
    reference: str
    adapter: Path | None
    sentence: str | None = None

    @property
    def name(self) -> str:
        """The model's name in file names: the run's, and the arm's where it is not the fine-tuned one."""
        return "".join(c if c.isalnum() or c in "-_." else "-" for c in f"{self.label.partition('@')[0]}-{self.arm}")


@dataclass(frozen=True, slots=True)
class Written:
    """One file or folder that was written, and the checks it went through (none: not checked)."""

    file: str
    quant: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if not c.passed)


@dataclass(frozen=True, slots=True)
class Exported:
    """An export as it lies on disk. proven: every check of every file passed."""

    path: Path
    format: str
    files: tuple[Written, ...]
    proven: bool


Say = Callable[[str], None]


def export(
    source: Source,
    out: Path,
    *,
    format: str = "hf",
    quants: Sequence[str] = (),
    force: bool = False,
    material: Callable[[Measured], tuple[Material, ModelAnswerer]],
    say: Say = lambda text: None,
) -> Exported:
    """Write the source to the folder `out` with parity.json, complete or not at all.

    material: measured model → what it is compared on, and the arm that sits the exam with it. force: give it out
    though a check failed or could not be made; parity.json and the card then say that it is unproven.
    Raises InputError for an output that is there already, a format or a model that cannot be written,
    MissingExtraError, and ModelError where a check failed.
    """
    check_format(format)
    kinds = check_quants(quants)
    if format not in GGUF_FORMATS and quants:
        raise InputError(f"--quant belongs to {', '.join(GGUF_FORMATS)}, not to --format {format}")
    need_new(out)
    if format == "adapter" and source.adapter is None:
        raise InputError(f"arm '{source.arm}' has no adapter; --format hf writes its whole model")
    if format in GGUF_FORMATS:
        gguf_file.need_gguf()
        for kind in kinds:
            quantise.need_quantiser(kind)
        if not force:
            need_runtime()
    say("loading the measured model")
    model, tokenizer = open_model(source.reference, device="cpu")
    if source.adapter is not None:
        model = merge_adapter(model, source.adapter)
    measured = Measured(model, tokenizer, name=f"{source.label}:{source.arm}")
    with atomic_path(out) as folder, tempfile.TemporaryDirectory(prefix="understudy-export-") as scratch:
        folder.mkdir(parents=True)
        asked, answerer = material(measured)
        exam = Exam(answerer, asked.questions, asked.base)
        job = _Job(source, measured, format, folder, Path(scratch), force, asked, exam, say)
        files = job.gguf(kinds) if format in GGUF_FORMATS else [job.adapter() if format == "adapter" else job.whole()]
        proven = _proven(files)
        if not proven and not force:
            raise ModelError(refusal(files))
        finish(source, folder, format, files)
        if out.is_dir():
            out.rmdir()  # empty, or it would have been refused
    return Exported(out, format, tuple(files), proven)


def need_new(out: Path) -> None:
    """Raise InputError where something lies at the output already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there already; name a folder that is not, or remove it")


def finish(source: Source, folder: Path, format: str, files: Sequence[Written]) -> None:
    """Write parity.json and the card beside what was written."""
    write_json(folder / "parity.json", _record(source, format, files, _proven(files), folder))
    licence = licence_of(local_folder(source.reference))
    listed = [to_plain(w) for w in files]
    write_text(folder / "README.md", card(source.label, source.arm, _base(source), licence, source.sentence, listed))


def _base(source: Source) -> str:
    """The base model's name, never a path of this machine."""
    return source.reference if not Path(source.reference).is_absolute() else Path(source.reference).name


def _proven(files: Sequence[Written]) -> bool:
    return all(w.checks and not w.failed for w in files)


@dataclass
class _Job:
    source: Source
    measured: Measured
    format: str
    folder: Path
    scratch: Path
    force: bool
    material: Material
    exam: Exam
    say: Say

    def whole(self) -> Written:
        """Merged safetensors, tokenizer, template and generation settings; loaded again and compared."""
        target = self.folder
        self._save(self.scratch / "model")
        shutil.copytree(self.scratch / "model", target, dirs_exist_ok=True)
        again = Measured(load_model(target, device=self.measured.device), load_tokenizer(target), name="written")
        return Written(".", "none", tuple(self._compare(again, "f16")))

    def adapter(self) -> Written:
        """The PEFT adapter alone, put on its base again and compared."""
        assert self.source.adapter is not None
        check_adapter(self.source.adapter)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            shutil.copyfile(self.source.adapter / name, self.folder / name)
        self.measured.tokenizer.save_pretrained(self.folder)
        base, _ = open_model(self.source.reference, device="cpu")
        again = Measured(attach(base, self.folder), load_tokenizer(self.folder), name="written")
        return Written(".", "none", tuple(self._compare(again, "f16")))

    def gguf(self, kinds: Sequence[str]) -> list[Written]:
        """GGUF files, each run by llama.cpp and compared."""
        whole = self.scratch / "model"
        self._save(whole)
        tokenizer = self.measured.tokenizer
        config = json.loads((whole / "config.json").read_text(encoding="utf-8"))
        found = vocabulary.read(whole, tokenizer, config, self.measured.end_tokens())
        found = self._with_rule(found)
        if found.prefix == "first":
            self.material = parity.as_chats(self.measured, self.material)
        parts = ollama.take_apart(self.measured.render) if self.format == "ollama" else None
        plain = self.scratch / "f16.gguf"
        if any(kind in quantise.BY_QUANTISER for kind in kinds):
            gguf_file.write(whole, found, plain, name=self.source.name)
        written = []
        for kind in kinds:
            self.say(f"writing {kind}")
            place = self._place(kind)
            place.parent.mkdir(parents=True, exist_ok=True)
            if kind in quantise.BY_QUANTISER:
                quantise.quantise(plain, place, kind)
            else:
                gguf_file.write(whole, found, place, name=self.source.name, kind=kind)
            if parts is not None:
                text = ollama.modelfile(place.name, parts, window=min(self.measured.window, 8192))
                write_text(place.parent / f"Modelfile{'' if len(kinds) == 1 else '.' + kind}", text)
            if self.format == "jan":
                self._describe_for_jan(place)
            written.append(Written(place.relative_to(self.folder).as_posix(), kind, tuple(self._run(place, kind))))
        return written

    def _save(self, target: Path) -> None:
        save_model(
            self.measured.model, self.measured.tokenizer, target, dtype=next(self.measured.model.parameters()).dtype
        )

    def _place(self, kind: str) -> Path:
        name = f"{self.source.name}-{kind}"
        if self.format == "jan":
            return self.folder / "llamacpp" / "models" / name / "model.gguf"
        return self.folder / f"{name}.gguf"

    def _describe_for_jan(self, file: Path) -> None:
        place = file.relative_to(self.folder).as_posix()
        lines = ["embedding: false", f"model_path: {place}", f"name: {file.parent.name}",
                 f"size_bytes: {file.stat().st_size}", f"sha256: {digest_file(file)}"]  # fmt: skip
        write_text(file.parent / "model.yml", "\n".join(lines) + "\n")

    def _with_rule(self, found: vocabulary.Vocabulary) -> vocabulary.Vocabulary:
        """A tokenizer with rules of its own under the rule of llama.cpp that comes nearest."""
        if found.pre is not None:
            return found
        if self.force and util.find_spec("xllamacpp") is None:
            return replace(found, pre="gpt-2")
        texts = [*self.material.corpus, *(self.measured.render(m) for m in self.material.shown)]
        expected = [self.measured.tokens(text) for text in texts]

        def cut(tried: vocabulary.Vocabulary) -> list[list[int]]:
            file = self.scratch / "tokenizer.gguf"
            gguf_file.write_tokenizer(tried, file)
            with LlamaCpp(file) as runtime:
                return [runtime.tokens(text) for text in texts]

        self.say("finding llama.cpp's rule for the tokenizer")
        return vocabulary.choose(found, texts, expected, cut)

    def _run(self, file: Path, kind: str) -> list[Check]:
        if self.force and util.find_spec("xllamacpp") is None:
            return []
        blank = " " if self.measured.tokenizer.chat_template == PLAIN_TEMPLATE else ""
        try:
            with LlamaCpp(file, window=min(self.measured.window, _WINDOW), blank=blank) as runtime:
                return self._compare(runtime, kind)
        except ModelError as error:
            return [Check("runs", False, 1, {"said": str(error)}, "llama.cpp loads and answers")]

    def _compare(self, written: Runtime, kind: str) -> list[Check]:
        self.say(f"comparing {kind}")
        bos = self.measured.tokenizer.bos_token_id
        found = parity.check(self.measured, written, self.material, LIMITS[kind], bos=bos)
        found += self.exam.sit(written)
        return found


def refusal(files: Sequence[Written]) -> str:
    """Why an export is refused: the checks that failed."""
    failed = [(w, c) for w in files for c in w.failed]
    said = "; ".join(
        f"{w.quant}: {c.name} ({', '.join(f'{k} {v}' for k, v in c.found.items() if v is not None)}; asked: {c.limit})"
        for w, c in failed[:4]
    )
    return (
        f"what was written is not the measured model, and is not given out: {said}. --force writes it marked as "
        "unproven"
    )


def _record(source: Source, format: str, files: Sequence[Written], proven: bool, folder: Path) -> dict[str, Any]:
    return {
        "understudy": metadata.version("understudy"),
        "run": source.label,
        "arm": source.arm,
        "base_model": _base(source),
        "format": format,
        "proven": proven,
        "runtime": "llama.cpp (xllamacpp)" if format in GGUF_FORMATS else "transformers",
        "files": [
            {**to_plain(w), "sha256": digest_file(folder / w.file) if (folder / w.file).is_file() else None}
            for w in files
        ],
    }

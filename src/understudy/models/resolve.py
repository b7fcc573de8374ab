"""Where a model's files are, and which digest or revision stands for their content. Light: no torch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from understudy.artifact import MANIFEST, digest_file, digest_json, walk_files, write_text
from understudy.errors import InputError, ModelError, UnderstudyError
from understudy.models import bundled, gguf
from understudy.models.ref import ModelRef
from understudy.models.weights import count_parameters

MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
DATA_FILES = ("*.jsonl", "*.json", "*.parquet", "*.csv", "README.md")
_NOT_OURS = ("consolidated*", "*/*")  # second copies of the weights, and other engines' folders
_NOT_OURS_NESTED = ("consolidated*", "onnx/*", "openvino/*")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGE = 8 << 20


def local_folder(ref: str, *, nested: bool = False) -> Path:
    """The folder with the model's files; a hub model is downloaded unless its revision is in the cache.

    nested: with the files in its subfolders, where sentence-transformers keep their pooling and projection.
    Raises InputError for a folder or bundled model that is not there, ModelError where the hub refuses or
    cannot be reached. A `gguf:` file is multiplied out into the cache on first use. An `openai:` model has no such
    folder: InputError.
    """
    parsed = ModelRef.parse(ref)
    if parsed.scheme == "folder":
        return _existing_folder(parsed)
    if parsed.scheme == "lab":
        return bundled.whole(bundled.source(parsed.name))
    if parsed.scheme == "hf":
        return _download(parsed, "model", MODEL_FILES, skip=_NOT_OURS_NESTED if nested else _NOT_OURS)
    if parsed.scheme == "gguf":
        file = gguf.find(parsed.name)
        return gguf.folder_of(file, _digest_cached(file))
    raise InputError(
        f"model '{ref}': has no folder of weights that can be trained or read here; "
        "use ./folder, hf:org/name, gguf:./x.gguf or lab:reader"
    )


def at_hand(ref: str) -> bool:
    """Whether a model's files are here as they are read: nothing is to be downloaded or multiplied out."""
    parsed = ModelRef.parse(ref)
    if parsed.scheme == "gguf":
        file = gguf.find(parsed.name)
        return gguf.unpacked(file, _digest_cached(file))
    return identity(ref) is not None


def dataset_folder(ref: str) -> Path:
    """The folder with the files of a hub data set `hf:org/name@revision` (JSON lines, JSON, CSV or Parquet)."""
    parsed = ModelRef.parse(ref)
    if parsed.scheme != "hf":
        raise InputError(f"data set '{ref}': write it as hf:org/name or as the path of a .jsonl file")
    return _download(parsed, "dataset", DATA_FILES, skip=())


def identity(ref: str) -> str | None:
    """What stands for the model's content in a cache key: a digest, or a hub commit.

    None for a hub model whose commit is not known yet: neither written in the reference, nor in the cache.
    Raises InputError for a folder, file or bundled model that is not there. Never holds a secret.
    """
    parsed = ModelRef.parse(ref)
    if parsed.scheme == "folder":
        return _digest_files(_existing_folder(parsed))
    if parsed.scheme == "lab":
        folder = bundled.source(parsed.name)
        base = bundled.base_of(folder)
        own = _digest_files(folder)
        return own if base is None else digest_json([_digest_files(base), own])
    if parsed.scheme == "gguf":
        return _digest_cached(gguf.find(parsed.name))
    if parsed.scheme == "hf":
        commit = _known_commit(parsed)
        return f"hf:{parsed.name}@{commit}" if commit else None
    return str(parsed)


def tokenizer_identity(ref: str) -> str | None:
    """What stands for the model's tokenizer in a cache key; models with equal tokenizer files share it."""
    parsed = ModelRef.parse(ref)
    if parsed.scheme not in ("folder", "lab"):
        return identity(ref)
    folder = _existing_folder(parsed) if parsed.scheme == "folder" else _tokenizer_folder(parsed)
    files = [folder / name for name in _TOKENIZER_FILES if (folder / name).is_file()]
    # tokenizer.json says everything; the others are what it was made from.
    return digest_json([[f.name, digest_file(f)] for f in files[:1] or files])


def _existing_folder(parsed: ModelRef) -> Path:
    folder = Path(parsed.name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        hint = f"; write gguf:{parsed.name}" if folder.suffix == ".gguf" else "; name the folder that holds it"
        raise InputError(f"model '{parsed.name}': is a file, not a folder{hint}")
    hub = bool(re.fullmatch(r"[\w.-]+/[\w.-]+", parsed.name)) and not parsed.name.startswith(".")
    hint = f" For a model of the hub write hf:{parsed.name}." if hub else ""
    raise InputError(f"model '{parsed.name}': no such folder (looked at {folder.absolute()}).{hint}")


def _tokenizer_folder(parsed: ModelRef) -> Path:
    """Where a bundled model's tokenizer stands: an adapter has its base's."""
    folder = bundled.source(parsed.name)
    return bundled.base_of(folder) or folder


# ── digests ─────────────────────────────────────────────────────────────────────────────────────────────


def _digest_files(folder: Path) -> str:
    """The digest of a model folder; inside a finished artifact it is read from the manifest."""
    manifest = folder.parent / MANIFEST
    if manifest.is_file():
        listed = json.loads(manifest.read_text(encoding="utf-8")).get("files", [])
        prefix = f"{folder.name}/"
        own = [[f["path"].removeprefix(prefix), f["sha256"]] for f in listed if f["path"].startswith(prefix)]
        if own:
            return digest_json(sorted(own))
    files = [p for p in walk_files(folder) if p.name != MANIFEST]
    return digest_json([[p.relative_to(folder).as_posix(), _digest_cached(p)] for p in files])


def _digest_cached(file: Path) -> str:
    """Digest of a file; that of a large one is remembered while its size and time stay the same."""
    stat = file.stat()
    if stat.st_size < _LARGE:
        return digest_file(file)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "understudy" / "digests.json"
    name, stamp = str(file.resolve()), [stat.st_size, stat.st_mtime_ns]
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    entry = known.get(name) if isinstance(known, dict) else None
    if isinstance(entry, list) and entry[:2] == stamp:
        return str(entry[2])
    digest = digest_file(file)
    try:
        write_text(cache, json.dumps({**(known if isinstance(known, dict) else {}), name: [*stamp, digest]}))
    except OSError:  # the cache only saves time: a read-only home must not stop a run
        return digest
    return digest


# ── the hub ─────────────────────────────────────────────────────────────────────────────────────────────


def _known_commit(parsed: ModelRef) -> str | None:
    """The commit of a hub model as written in the reference or noted in the hub's cache."""
    revision = parsed.revision or "main"
    if _COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / ("models--" + parsed.name.replace("/", "--"))
    try:
        commit = (folder / "refs" / revision).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return commit if _COMMIT.fullmatch(commit) else None


def _download(parsed: ModelRef, kind: str, patterns: Sequence[str], skip: Sequence[str] = _NOT_OURS) -> Path:
    """The folder of a hub snapshot. What is complete in the cache is taken as it is: no request, same commit."""
    from huggingface_hub import constants as hub
    from huggingface_hub import errors, snapshot_download

    what = f"{kind} '{parsed}'"
    revision = parsed.revision or "main"

    def fetch(*, offline: bool) -> Path:
        return Path(
            str(
                snapshot_download(
                    parsed.name,
                    repo_type=kind,
                    revision=revision,
                    allow_patterns=list(patterns),
                    ignore_patterns=list(skip),
                    local_files_only=offline,
                )
            )
        )

    try:
        return fetch(offline=True)
    except (errors.LocalEntryNotFoundError, errors.IncompleteSnapshotError):
        pass
    page = f"{hub.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{parsed.name}"
    try:
        return fetch(offline=False)
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{what}: its owner asks every user to accept a licence first. Accept it at {page}, then set HF_TOKEN "
            "to a token of that account (https://huggingface.co/settings/tokens) and run again"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{what}: no revision '{revision}'; {page}/tree/main lists branches and tags") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"{what}: not on {hub.ENDPOINT}, or private. Check the spelling at {page}; for a private one set HF_TOKEN"
        ) from error
    except errors.DisabledRepoError as error:
        raise ModelError(f"{what}: disabled by the hub; see {page}") from error
    except (errors.LocalEntryNotFoundError, errors.IncompleteSnapshotError, errors.HfHubHTTPError) as error:
        raise ModelError(_unreachable(what, hub.ENDPOINT, offline=hub.is_offline_mode())) from error
    except OSError as error:
        raise ModelError(f"{what}: the download from {hub.ENDPOINT} failed: {error}; run again to resume it") from error


def _unreachable(what: str, endpoint: str, *, offline: bool) -> str:
    if offline:
        return (
            f"{what}: not complete in the local cache, and HF_HUB_OFFLINE forbids the network. Unset it for one run "
            "to download the files, or copy them and name the folder (./folder)"
        )
    return (
        f"{what}: {endpoint} cannot be reached and the local cache does not hold the files. Check the network, set "
        "HF_ENDPOINT to a mirror, or copy the files and name the folder (./folder)"
    )


def parameters(ref: str) -> int | None:
    """Parameters of a model: counted in the headers of weights that are here, else as its name says (`…-7B`).

    None where neither tells. Never downloads.
    """
    parsed = ModelRef.parse(ref)
    try:
        if parsed.scheme == "lab":
            return count_parameters(_tokenizer_folder(parsed))
        if parsed.scheme == "folder":
            return count_parameters(local_folder(ref))
        if parsed.scheme == "gguf" and (counted := gguf.parameters(gguf.find(parsed.name))):
            return counted
    except UnderstudyError:
        return None
    said = re.search(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", parsed.name.casefold())
    return round(float(said.group(1)) * (1e9 if said.group(2) == "b" else 1e6)) if said else None

"""Pages and stage inputs for this folder's tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from understudy.artifact import Artifact, seal, write_records
from understudy.generate.base import Page
from understudy.stage import Inputs, RunContext
from understudy.types import Chunk, Document


def make_page(text: str, doc_id: str = "guide.md", title: str = "Guide", size: int = 1200, overlap: int = 120) -> Page:
    """A page cut into overlapping slices of `size` characters."""
    document = Document(doc_id, text, title, "markdown", "0" * 64)
    chunks = []
    for n, start in enumerate(range(0, max(len(text) - overlap, 1), size - overlap)):
        end = min(len(text), start + size)
        line = text.count("\n", 0, start) + 1
        chunks.append(
            Chunk(f"{doc_id}#{n}", doc_id, text[start:end], start, end, line, line, (end - start) // 4, title)
        )
    return Page(document, tuple(chunks))


@pytest.fixture
def page() -> Callable[..., Page]:
    return make_page


@pytest.fixture
def stage_inputs(tmp_path: Path) -> Callable[[Mapping[str, str]], tuple[Inputs, RunContext]]:
    """Artifacts of ingest and chunk for a mapping of doc_id to Markdown, and a context to run in."""

    def build(texts: Mapping[str, str], **page_settings: int) -> tuple[Inputs, RunContext]:
        pages = [
            make_page(text, doc_id, doc_id.removesuffix(".md").replace("-", " ").capitalize(), **page_settings)
            for doc_id, text in texts.items()
        ]
        artifacts = {}
        for name, records in {
            "ingest": {"documents": [p.document for p in pages]},
            "chunk": {"chunks": [c for p in pages for c in p.chunks]},
        }.items():
            folder = tmp_path / "store" / name
            folder.mkdir(parents=True, exist_ok=True)
            for kind, rows in records.items():
                write_records(folder / f"{kind}.jsonl", rows)
            artifacts[name] = Artifact(folder, seal(folder, {"stage": name, "key": name}))
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        return Inputs(artifacts), RunContext(out=out, work=tmp_path / "work", root=tmp_path / "root", seed=7)

    return build


MANUAL = {
    "relay.md": """# Relay

The relay is the part that forwards messages between sites. It is small.

## Settings

| Parameter | Type | Default | Description |
|---|---|---|---|
| `relay_port` | Integer | 7411 | The port that the relay listens on. |
| `relay_host` | String | 127.0.0.1 | The address that the relay binds to. |
| `max_batch` | Integer | 32 | The largest number of messages in one batch. |
| `idle_time` | Integer | 90 | The seconds before an idle link is closed. |
| `log_file` | String | /var/log/relay.log | The file that log lines are written to. |

## Start the relay

To start the relay, run:

```bash title="Start the relay"
relayd --config /etc/relay.toml
```

## How to update the relay

1. Stop the relay service.
2. Copy the new binary.
3. Start the relay again.
""",
    "store.md": """# Store

The store is a database that keeps every message on disk. It compresses its data with zstd.
The store listens on port 9200. The store keeps records for 14 days.

The retry limit of the store is 5. The cache size of the store is 64 MB. The store is maintained by Ada Brook.

- **--compact**: Removes deleted records from disk. Default: `off`.
- **--snapshot-dir**: The folder that snapshots are written to. Default: `/srv/snapshots`.
- **--max-open**: Limits the number of open files. Default: `512`.

Key features:

- Crash safety
- Live backups
- Small memory use

If the disk is full, the store refuses new messages.
""",
    "console.md": """# Console

The console is a web page that shows the state of every relay. The console listens on port 8080.
The console was released on 3 May 2021. The console is written in Rust.

The retry limit of the console is 9. The cache size of the console is 16 MB. The console is maintained by Nils Hart.

| Shortcut | Description |
|---|---|
| Ctrl+B | Opens the list of relays. |
| Ctrl+K | Clears the selected queue. |
| Alt+H | Shows the help page. |
| Alt+Q | Leaves the console. |
""",
    "agent.md": """# Agent

The agent is a process that collects figures from every machine. The agent listens on port 6100.
The agent is written in Go. The agent is maintained by Rosa Lind.

The retry limit of the agent is 7. The cache size of the agent is 128 MB.

Use `agentctl pause` to pause the collection of figures. Use `agentctl drain --all` to empty the local queue.
""",
}


@pytest.fixture
def manual() -> dict[str, str]:
    """A small manual with facts of many forms."""
    return dict(MANUAL)

"""What several rooms' tests share: a tiny real model, a small documentation folder, the Nitro material."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The same examples in every run, and none that fails because the machine was busy.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parents[1]
# What the tests start runs this checkout too, wherever the package is installed from.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))

GUIDE = """\
---
title: Kestrel guide
---

# Kestrel

Kestrel is a queue server for small teams. It keeps every message on disk.

## Configuration

| Parameter | Default | Description |
|---|---|---|
| `--port` | 7411 | The port that Kestrel listens on. |
| `max_batch` | 32 | The largest number of messages in one batch. |
| `log_level` | `info` | How much is written to the log. |
| `data_dir` | `/var/lib/kestrel` | The folder of the message files. |

## Start the server

1. Install the package.
2. Run the command below.

```bash title="Start Kestrel"
kestrel serve --port 7411
```

The health endpoint is `GET /v1/health`.
"""

LIMITS = """\
# Limits

A message may be at most 256 KB. A queue holds up to 10000 messages.

## Retention

Messages are deleted after 14 days. The retention period is set with `retention_days`.

## Clients

The Python client is called `kestrel-py`. It needs Python 3.9 or newer.
"""

OPTIONS = """\
# Options

| Option | Description |
|---|---|
| `--bind` | Sets the address that the server listens on. |
| `--backlog` | Limits the number of waiting connections. |
| `--compress` | Compresses messages before they are written. |
| `--encrypt` | Encrypts the files of every queue. |
| `--follow` | Prints new messages as they arrive. |
| `--journal` | Names the folder of the journal. |
| `--mirror` | Copies every message to a second server. |
| `--quiet` | Prints errors and nothing else. |
| `--replay` | Sends the messages of a queue once more. |
| `--verify` | Checks the files of every queue. |
"""


@pytest.fixture
def docs_folder(tmp_path: Path) -> Path:
    """Three small Markdown documents; the options are enough of one kind for an exam."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "guide.md").write_text(GUIDE, encoding="utf-8")
    (folder / "limits.md").write_text(LIMITS, encoding="utf-8")
    (folder / "options.md").write_text(OPTIONS, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised Mistral of 30 thousand parameters with a byte-level tokenizer and chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny") / "model"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|system|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([GUIDE, LIMITS] * 4, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=1024
    )
    fast.chat_template = (
        "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>' }}\n{{ m['content'] }}"
        "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
    )
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=True,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def nitro() -> Path:
    """The Nitro documentation and teacher pairs; skips where they are not there."""
    folder = ROOT.parent / "shared" / "data" / "nitro"
    if not folder.is_dir():
        pytest.skip("the Nitro material is not at ../shared/data/nitro")
    return folder

"""Publishing a lab model: a Hugging Face folder in bfloat16, every file replaced whole."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import MistralForCausalLM

from tools.lab_models import tokenizer as tk

GENERATION = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "do_sample": False, "max_new_tokens": 64}


def publish(model: MistralForCausalLM, tokenizer: Tokenizer, folder: Path, card: str) -> None:
    """Write config.json, model.safetensors (bfloat16), the tokenizer and the model card into `folder`.

    Files are written beside it first and moved in one by one, the weights last, so that a reader of the
    folder never meets half a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        out = Path(temporary)
        config = json.loads(model.config.to_json_string())
        config["dtype"] = "bfloat16"
        config["architectures"] = ["MistralForCausalLM"]
        (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (out / "generation_config.json").write_text(json.dumps(GENERATION, indent=2) + "\n", encoding="utf-8")
        tk.save(tokenizer, out, model.config.max_position_embeddings)
        (out / "README.md").write_text(card, encoding="utf-8")
        weights = {
            name: p.detach().to(torch.bfloat16).contiguous()
            for name, p in model.state_dict().items()
            if name != "lm_head.weight"  # tied to the embeddings
        }
        save_file(weights, str(out / "model.safetensors"), metadata={"format": "pt"})
        for file in sorted(out.iterdir(), key=lambda p: p.name == "model.safetensors"):
            file.chmod(0o644)
            file.replace(folder / file.name)

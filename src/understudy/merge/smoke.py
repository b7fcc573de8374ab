"""A smoke test: the merged model is loaded and made to speak once, so that a broken merge is found here."""

from __future__ import annotations

from pathlib import Path

from understudy.errors import StageError

PROMPT = "The"


def smoke_test(folder: Path, max_bytes: int) -> str | None:
    """Generate a few tokens greedily. Returns the text; None where the weights would not fit `max_bytes`.

    Raises StageError where the model cannot be loaded, or its scores are not numbers.
    """
    if sum(p.stat().st_size for p in folder.glob("*.safetensors")) * 2 > max_bytes:
        return None
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        tokenizer = None
        if (folder / "tokenizer.json").is_file() or (folder / "tokenizer.model").is_file():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        ids = tokenizer(PROMPT, return_tensors="pt").input_ids if tokenizer else torch.tensor([[1, 2, 3]])
        with torch.no_grad():
            scores = model(ids).logits
            if not torch.isfinite(scores).all():
                raise StageError(
                    f"{folder}: the merged model's scores are NaN or infinite; its parents do not fit together"
                )
            made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)
    except StageError:
        raise
    except Exception as error:
        raise StageError(f"{folder}: the merged model does not run: {type(error).__name__}: {error}") from error
    return tokenizer.decode(made[0], skip_special_tokens=True) if tokenizer else str(made[0].tolist())

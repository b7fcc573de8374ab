"""Telling a reader where to look: a loss on two attention heads, where the answer's place is known.

Generated data knows which statement answers a question. One head of the last layer but one is taught to attend
from the token before the answer to that statement, one of the last layer to the first token of the answer in it
and, while the answer is written, to the next.
Without it, choosing among paraphrased statements is found late or never by a model of this size; the loss is
used in training only and adds nothing to the model. (Supervised attention: Liu et al. 2016, arXiv:1609.04186.)
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from transformers import MistralForCausalLM
from transformers.models.mistral.modeling_mistral import apply_rotary_pos_emb

HEAD = 2  # the heads 0 and 1 begin as matching heads of their own (`init.py`)


class Looking:
    """Records queries and keys of the last two layers while it is entered; `loss` compares them with the truth."""

    def __init__(self, model: MistralForCausalLM) -> None:
        self.model = model
        self.layers = model.model.layers[-2:]
        self.width = model.config.hidden_size // model.config.num_attention_heads
        self._seen: dict[tuple[int, str], Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> Looking:
        for n, layer in enumerate(self.layers):
            for name in ("q_proj", "k_proj"):
                projection = getattr(layer.self_attn, name)

                def keep(module: Any, given: Any, out: Tensor, key: tuple[int, str] = (n, name)) -> None:
                    self._seen[key] = out

                self._hooks.append(projection.register_forward_hook(keep))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """[3]: mean nats of looking at the statement (last layer but one), the answer, its next token (last layer)."""
        row, query, first, last, exact = batch["looks"].unbind(-1)
        columns = torch.arange(batch["ids"].shape[1])
        branch = batch["branch"][row]
        mine = batch["branch"][row, query][:, None]
        allowed = ((branch == 0) | (branch == mine)) & (columns <= query[:, None])
        said = (columns >= first[:, None]) & (columns <= last[:, None])
        begins = first >= 0
        losses = []
        for layer, some, places in ((0, begins, said), (1, begins, None), (1, ~begins, None)):
            wanted = (columns == exact[:, None])[some] if places is None else places[some]
            scores = self._scores(layer, batch, row[some], query[some]).masked_fill(~allowed[some], float("-inf"))
            log_share = scores.log_softmax(-1).masked_fill(~wanted, float("-inf")).logsumexp(-1)
            known = wanted.any(-1)
            losses.append(-(log_share[known].clamp_min(-20).mean()) if known.any() else scores.new_zeros(()))
        return torch.stack(losses)

    def _scores(self, n: int, batch: dict[str, Tensor], row: Tensor, query: Tensor) -> Tensor:
        """[looks, length]: the head's attention logits of each query."""
        part = slice(HEAD * self.width, (HEAD + 1) * self.width)
        q, k = (self._seen[n, name][..., part].float()[:, None] for name in ("q_proj", "k_proj"))
        cos, sin = self.model.model.rotary_emb(q, batch["position"])
        q, k = apply_rotary_pos_emb(q, k, cos, sin)
        return torch.einsum("nd,ntd->nt", q[row, 0, query], k[row, 0]) * self.width**-0.5

"""Initial weights in which copying and matching are near: attention that already looks, nothing that knows.

A random transformer of this size needs tens of millions of tokens before it finds the circuits of reading
(look one token back, find the equal token, copy it). Here a few heads begin close to them:

- tokens that differ only in a leading space or in capitals share most of their embedding;
- one embedding dimension is the same for all tokens, and the first layer's heads turn it, through the
  rotary phase, into attention to the previous token, the one before, and a window of neighbours
  (after "Mimetic Initialization", Trockman & Kolter 2023, arXiv:2305.09828, and the induction heads of
  Olsson et al. 2022, arXiv:2209.11895);
- later heads begin with equal query and key projections in the slow rotary dimensions, and with value and
  output projections whose product is a positive projection: they attend to what resembles, and copy it.

Nothing about language, the documentation or any task's content is put in.
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import MistralConfig, MistralForCausalLM

from tools.lab_models.tokenizer import SPECIAL


def config(vocab_size: int = 4096, hidden: int = 256, layers: int = 5, heads: int = 4, mlp: int = 384) -> MistralConfig:
    """The architecture of the lab models: Mistral with tied embeddings and 2,048 positions."""
    return MistralConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=mlp,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=hidden // heads,
        max_position_embeddings=2048,
        rope_theta=1_000_000.0,
        sliding_window=None,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        attention_dropout=0.0,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        dtype="float32",
    )


def embeddings(tokenizer: Tokenizer, hidden: int, rng: torch.Generator, scale: float = 0.05) -> Tensor:
    """[vocab, hidden]: spellings of one word (space, capitals) share a direction; dimension 0 is constant."""
    vocab = tokenizer.get_vocab()
    out = torch.zeros(len(vocab), hidden)
    stems: dict[str, Tensor] = {}
    space, capital, upper = (torch.randn(hidden, generator=rng) * 0.5 for _ in range(3))
    for token, i in sorted(vocab.items(), key=lambda item: item[1]):
        bare = token.lstrip("\u0120") if token not in SPECIAL and len(token) > 1 else token
        stem = bare.lower() if bare.isalpha() else bare
        if stem not in stems:
            stems[stem] = torch.randn(hidden, generator=rng)
        vector = stems[stem] + 0.15 * torch.randn(hidden, generator=rng)
        if bare != token:
            vector = vector + space
        if bare != stem:
            vector = vector + (capital if bare[1:].islower() or len(bare) == 1 else upper)
        out[i] = vector
    out[:, 0] = 0
    out *= scale * hidden**0.5 / out.norm(dim=-1, keepdim=True)
    out[:, 0] = 4 * scale
    return out


def _orthonormal(rows: int, columns: int, rng: torch.Generator) -> Tensor:
    """[rows, columns] with orthonormal rows (rows <= columns)."""
    q, _ = torch.linalg.qr(torch.randn(columns, rows, generator=rng))
    return q.T.contiguous()


@torch.no_grad()
def initialise(
    model: MistralForCausalLM,
    tokenizer: Tokenizer,
    seed: int = 0,
    scale: float = 0.5,
    final: float = 0.12,
    match: float = 2.4,
    near: float = 1.0,
    same: float = 0.8,
    copy: float = 4.0,
    weak: float = 0.6,
) -> None:
    """Set all weights of `model` in place."""
    cfg = model.config
    hidden, heads = cfg.hidden_size, cfg.num_attention_heads
    width = hidden // heads
    half, slow = width // 2, width // 4  # rotary pairs; the first `slow` ones turn fast enough for positions
    rng = torch.Generator().manual_seed(seed)
    model.model.embed_tokens.weight.copy_(embeddings(tokenizer, hidden, rng, scale))
    model.model.norm.weight.fill_(final)
    theta = cfg.rope_parameters["rope_theta"] ** (-torch.arange(half).double() / half)
    table = model.model.embed_tokens.weight
    axis = torch.eye(hidden)[:1]
    centre = torch.cat([axis, table.mean(0, keepdim=True), (table - table.mean(0)).svd().V[:, :2].T])
    common = torch.linalg.qr(centre.T)[0].T
    content = torch.cat([torch.arange(slow, half), torch.arange(half + slow, width)])
    writes: list[Tensor] = []  # what each head of the first layer reads (rows) and where it writes (columns)
    reads: list[Tensor] = []
    for n, layer in enumerate(model.model.layers):
        attention, mlp = layer.self_attn, layer.mlp
        for p in (attention.q_proj.weight, attention.k_proj.weight, mlp.gate_proj.weight, mlp.up_proj.weight):
            p.copy_(torch.randn(p.shape, generator=rng) * 0.02)
        mlp.down_proj.weight.copy_(torch.randn(mlp.down_proj.weight.shape, generator=rng) * 0.1 * scale)
        for h in range(heads):
            rows = slice(h * width, (h + 1) * width)
            read = _orthonormal(width, hidden, rng)
            read = read - (read @ common.T) @ common  # what all tokens share says nothing of any
            q, k = attention.q_proj.weight[rows], attention.k_proj.weight[rows]
            if n == 0:
                q.mul_(0.1)
                k.mul_(0.1)
                # score(distance d) = sum_i cos((d - back) * theta_i): highest `back` tokens ago
                back, gain = ((1, 3.0), (2, 2.4), (4, 0.5), (9, 0.4))[h % 4]
                n_fast = slow // 2
                turn = back * theta[:n_fast]
                q[:n_fast, 0] += gain
                k[:n_fast, 0] += gain * torch.cos(turn).float()
                k[half : half + n_fast, 0] += gain * torch.sin(turn).float()
                write = _orthonormal(width, hidden, rng)
                write[:, 0] = 0
                attention.v_proj.weight[rows] = read
                attention.o_proj.weight[:, rows] = write.T * (1.6 * scale)
                reads.append(read)
                writes.append(write)
                continue
            # Equal things attend to each other: h 0 looks for the current token among "previous token"
            # marks (induction), the others compare neighbourhoods or contents with themselves.
            base = _orthonormal(width, hidden, rng)[: len(content)]
            if h == 0:
                q[content] += reads[0][: len(content)] * match
                k[content] += writes[0][: len(content)] * match
            elif h == 1:
                q[content] += writes[2 + n % 2][: len(content)] * near
                k[content] += writes[2 + n % 2][: len(content)] * near
            else:
                q[content] += base * same
                k[content] += base * same
            attention.v_proj.weight[rows] = read
            attention.o_proj.weight[:, rows] = read.T * (copy if h == 0 else weak)


def build(
    tokenizer: Tokenizer, seed: int = 0, mimetic: bool = True, gains: dict[str, float] | None = None, **shape: int
) -> MistralForCausalLM:
    """A new float32 model for `tokenizer`; `mimetic=False` keeps the library's initial weights."""
    torch.manual_seed(seed)
    model = MistralForCausalLM(config(tokenizer.get_vocab_size(), **shape))
    if mimetic:
        initialise(model, tokenizer, seed, **(gains or {}))
    return model

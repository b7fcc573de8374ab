"""Aligning vocabularies: for each row of the result, the row of every model that stands for the same token.

A model that lacks a token gets the row of the base, else the mean of the models that have it, else what the
configuration says (tokenizer.tokens). Padding rows, which stand for no token, are kept as padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import InputError, RecipeError, did_you_mean
from understudy.merge.block import Float32
from understudy.merge.parents import Parent
from understudy.merge.schema import Merge, TokenConfig, TokenSource
from understudy.merge.sources import Stored
from understudy.merge.tokenizer import Vocabulary, add_tokens, need_vocabulary, read_vocabulary, rows_of, union

ZERO, MEAN = -1, -2  # in place of a model: no row at all; the mean of `means[row]`


@dataclass(frozen=True)
class Alignment:
    """The result's vocabulary. models: references, in the numbering of `origin`.

    origin[m][r], row[m][r]: from which model and which of its rows model m takes row r of the result.
    means: result row → the (model, row) pairs whose mean stands in for it. donor: whose tokenizer files are
    copied. document: the tokenizer.json to write instead of the donor's, None where that one fits.
    """

    models: list[str]
    rows: int
    origin: NDArray[np.int16]
    row: NDArray[np.int64]
    means: dict[int, list[tuple[int, int]]]
    donor: Parent
    document: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)


def align(config: Merge, parents: dict[str, Parent], reference: Parent) -> Alignment | None:
    """Match the vocabularies of all models; None where they are the same row by row.

    Raises InputError naming a token or model that does not fit, RecipeError for a wrong tokenizer section.
    """
    source = config.tokenizer.source if config.tokenizer else config.tokenizer_source
    sizes = {r: rows_of(p) for r, p in parents.items()}
    if source is None:
        found = [read_vocabulary(p) for p in parents.values()]
        if any(v is None for v in found) or all(v and v.tokens == found[0].tokens for v in found if found[0]):
            if len(set(sizes.values())) == 1:
                return None
            if any(v is None for v in found):
                listed = ", ".join(f"{n} in {r}" for r, n in sizes.items())
                raise InputError(f"the models have different vocabularies (rows: {listed}); set tokenizer_source: base")
        return _automatic(config, parents, reference, sizes)
    vocabularies = [need_vocabulary(p) for p in parents.values()]
    if source == "union":
        first = next(v for v in vocabularies if v.reference == reference.reference)
        document, tokens = union(first, [v for v in vocabularies if v is not first])
        return _build(
            config, parents, vocabularies, reference, tokens, document if tokens != first.tokens else None, []
        )
    donor = reference if source == "base" else parents[source]
    tokens = next(v for v in vocabularies if v.reference == donor.reference).tokens
    return _build(config, parents, vocabularies, donor, tokens, None, [])


def _automatic(config: Merge, parents: dict[str, Parent], reference: Parent, sizes: dict[str, int]) -> Alignment:
    """No tokenizer_source, and the vocabularies differ: by their names where nothing is lost, else refused."""
    vocabularies = [need_vocabulary(p) for p in parents.values()]
    base = next(v for v in vocabularies if v.reference == reference.reference)
    warnings = []
    for other in vocabularies:
        differing = [t for t, n in other.tokens.items() if base.tokens.get(t) != n]
        if not differing:
            continue
        if sizes[other.reference] != base.rows:
            raise InputError(
                f"{other.reference} and {base.reference} have different vocabularies ({sizes[other.reference]} and "
                f"{base.rows} rows; {len(differing)} tokens differ, such as {differing[0]!r}): set tokenizer_source "
                "to base, union or a model"
            )
        warnings.append(
            f"{len(differing)} tokens of {other.reference} have other rows in {base.reference}, such as "
            f"{differing[0]!r}: rows are matched by token, as with tokenizer_source: base"
        )
    return _build(config, parents, vocabularies, reference, base.tokens, None, warnings)


def _build(
    config: Merge,
    parents: dict[str, Parent],
    vocabularies: Sequence[Vocabulary],
    donor: Parent,
    tokens: dict[str, int],
    document: dict[str, Any] | None,
    warnings: list[str],
) -> Alignment:
    names = list(parents)
    special = config.tokenizer.tokens if config.tokenizer else {}
    multiple = config.tokenizer.pad_to_multiple_of if config.tokenizer else None
    new = [wanted for wanted in special if wanted not in tokens]
    for wanted in new:
        if not isinstance(special[wanted].source, TokenSource):
            raise RecipeError(
                f"tokenizer.tokens: no model has the token {wanted!r}; a new one needs a source with kind: zero or "
                f"kind: model_token.{did_you_mean(wanted, tokens)}"
            )
    if new:
        own = document or next(v for v in vocabularies if v.reference == donor.reference).document
        document, tokens = add_tokens(own, tokens, new)
    last = max(tokens.values(), default=-1) + 1
    rows = -(-last // multiple) * multiple if multiple else max(last, rows_of(donor))
    texts: list[str | None] = [None] * rows
    for token, number in tokens.items():
        texts[number] = token
    base = names.index(config.base_model) if config.base_model in names else None
    origin = np.full((len(names), rows), ZERO, np.int16)
    row = np.zeros((len(names), rows), np.int64)
    means: dict[int, list[tuple[int, int]]] = {}
    taken = [set(v.tokens.values()) for v in vocabularies]
    homeless = 0
    for r, text in enumerate(texts):
        have: list[tuple[int, int]] = []
        for m, vocabulary in enumerate(vocabularies):
            number = r if text is None else vocabulary.tokens.get(text, -1)
            if 0 <= number < vocabulary.rows and not (text is None and number in taken[m]):
                have.append((m, number))
        if text in special:
            fill, force = (
                _configured(special[str(text)], str(text), names, vocabularies, have),
                special[str(text)].force,
            )
        else:
            fill, force = _default(have, base), False
        if isinstance(fill, list):
            means[r] = fill
        homeless += not have and text is not None
        for m in range(len(names)):
            mine = next((n for model, n in have if model == m), None)
            if mine is not None and not force:
                origin[m, r], row[m, r] = m, mine
            elif isinstance(fill, tuple):
                origin[m, r], row[m, r] = fill
            elif isinstance(fill, list):
                origin[m, r] = MEAN
    if homeless:
        warnings.append(f"{homeless} tokens have a row in no model; their rows are zero")
    return Alignment(names, rows, origin, row, means, donor, document, warnings)


Fill = tuple[int, int] | list[tuple[int, int]] | None


def _default(have: list[tuple[int, int]], base: int | None) -> Fill:
    """The row for models that lack a token: the base's, the only one there is, or the mean."""
    for m, number in have:
        if m == base or len(have) == 1:
            return m, number
    return have or None


def _configured(
    token: TokenConfig, text: str, names: list[str], vocabularies: Sequence[Vocabulary], have: list[tuple[int, int]]
) -> Fill:
    source = token.source
    if source is None:
        return _default(have, None)
    if isinstance(source, TokenSource) and source.kind == "zero":
        return None
    reference = source.model if isinstance(source, TokenSource) else source
    if reference not in names:
        raise RecipeError(f"tokenizer.tokens: {text!r}: {reference} is not a model of this merge")
    m = names.index(str(reference))
    number = source.token_id if isinstance(source, TokenSource) else None
    if number is None:
        wanted = str(source.token) if isinstance(source, TokenSource) else text
        number = vocabularies[m].tokens.get(wanted, -1)
        if number < 0:
            raise RecipeError(f"tokenizer.tokens: {text!r}: {reference} has no token {wanted!r}")
    if not 0 <= number < vocabularies[m].rows:
        raise RecipeError(f"tokenizer.tokens: {text!r}: {reference} has no row {number}")
    return m, number


class AlignedRows:
    """One model's vocabulary tensor in the result's numbering, gathered row by row as it is read."""

    def __init__(self, alignment: Alignment, model: str, tensors: dict[str, Stored]) -> None:
        self._alignment, self._me = alignment, alignment.models.index(model)
        self._tensors = {alignment.models.index(r): t for r, t in tensors.items()}
        mine = tensors[model]
        self.shape = (alignment.rows, *mine.shape[1:])
        self._width = int(np.prod(mine.shape[1:], dtype=np.int64))

    def read(self, start: int, stop: int, out: Float32) -> None:
        first, last = start // self._width, stop // self._width
        origin = self._alignment.origin[self._me, first:last]
        row = self._alignment.row[self._me, first:last]
        target = out.reshape(-1, self._width)
        target[origin == ZERO] = 0.0
        for m, tensor in self._tensors.items():
            places = np.flatnonzero(origin == m)
            if len(places):
                target[places] = tensor.rows(row[places])
        for place in np.flatnonzero(origin == MEAN):
            pairs = self._alignment.means[first + int(place)]
            found = [self._tensors[m].rows(np.array([n]))[0] for m, n in pairs if m in self._tensors]
            target[place] = np.mean(found, axis=0) if found else 0.0

    def fetch(self) -> None:
        self._tensors[self._me].fetch()

    def release(self) -> None:
        for tensor in self._tensors.values():
            tensor.release()

    def nbytes(self) -> int:
        return self._tensors[self._me].nbytes()

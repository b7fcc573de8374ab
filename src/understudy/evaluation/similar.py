"""Texts that say nearly the same: cosine of their words, weighted by how rare a word is among the texts compared."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from understudy.normal import words

_BLOCK = 512
_MARGIN = 1e-6  # what sums in another order may differ by, many times over


def similar_pairs(left: Sequence[str], right: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """(i, j, cosine) of all texts `left[i]` and `right[j]` whose cosine is at least `least`, by i, then j.

    Weights are log(1 + n / n_t) over all texts given, n_t of which hold the word; a word's count is its root.

    Compared are only texts that share a word of which `left[i]` cannot do without: its other, more frequent words alone
    are too short a vector to reach `least` (prefix filtering; Bayardo, Ma and Srikant, "Scaling Up All Pairs Similarity
    Search", 2007). No pair is lost by it. Texts are read twice and not held as words: of each stays its row of numbers,
    twelve bytes a word. left and right may be one sequence.
    """
    if not left or not right:
        return
    same = left is right  # each text stands once, and every share of the texts is what it is with each twice
    held: Counter[str] = Counter()
    for text in left if same else chain(left, right):
        held.update(set(words(text)))
    count = len(left) if same else len(left) + len(right)
    number = {word: n for n, word in enumerate(sorted(held))}
    weight = {word: math.log(1 + count / n) for word, n in held.items()}
    starts, columns, values = array("q", [0]), array("i"), array("d")
    needed_starts, needed = array("q", [0]), array("i")
    for place, text in enumerate(left if same else chain(left, right)):
        counts = Counter(words(text))
        row = {number[word]: math.sqrt(n) * weight[word] for word, n in counts.items()}
        norm = math.sqrt(sum(value * value for value in row.values())) or 1.0
        columns.extend(row)
        values.extend(value / norm for value in row.values())
        starts.append(len(columns))
        if place < len(left):
            shares = [(held[word], number[word], (row[number[word]] / norm) ** 2) for word in counts]
            needed.extend(_needed(shares, least - _MARGIN))
            needed_starts.append(len(needed))
    matrix = csr_matrix((_numbers(values), _numbers(columns), _numbers(starts)), (count, len(number)))
    telling = csr_matrix(
        (np.ones(len(needed), dtype=np.int32), _numbers(needed), _numbers(needed_starts)), (len(left), len(number))
    )
    others = matrix if same else matrix[len(left) :]
    ones = np.ones(len(others.indices), dtype=np.int32)
    holding = csr_matrix((ones, others.indices, others.indptr), others.shape).T.tocsr()
    for start in range(0, len(left), _BLOCK):
        stop = min(start + _BLOCK, len(left))
        near = np.unique((telling[start:stop] @ holding).indices)
        product = (matrix[start:stop] @ others[near].T.tocsr()).tocoo()
        found = product.data >= least - 1e-9
        rows, cols, data = product.row[found] + start, near[product.col[found]], product.data[found]
        for k in np.lexsort((cols, rows)):
            yield int(rows[k]), int(cols[k]), float(data[k])


def _numbers(values: array[Any]) -> Any:
    return np.frombuffer(values, dtype=values.typecode) if values else np.empty(0, dtype=values.typecode)


def _needed(shares: list[tuple[int, int, float]], least: float) -> list[int]:
    """Words of a text, the rarest first, without which the length of what is left is below `least`.

    shares: of each word how many texts hold it, its number, and its part of the squared length.
    """
    shares.sort()
    rest = sum(share for _, _, share in shares)
    found = []
    for _, word, share in shares:
        if least > 0 and rest < least * least:
            break
        found.append(word)
        rest -= share
    return found

"""Texts that say nearly the same: cosine of their words, weighted by how rare a word is among the texts compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

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
    Search", 2007). No pair is lost by it.
    """
    if not left or not right:
        return
    texts = [Counter(words(text)) for text in (*left, *right)]
    held = Counter(word for counts in texts for word in counts)
    number = {word: n for n, word in enumerate(sorted(held))}
    weight = {word: math.log(1 + len(texts) / n) for word, n in held.items()}
    starts: list[int] = [0]
    columns: list[int] = []
    values: list[float] = []
    needed_starts: list[int] = [0]
    needed: list[int] = []
    for place, counts in enumerate(texts):
        row = {number[word]: math.sqrt(n) * weight[word] for word, n in counts.items()}
        norm = math.sqrt(sum(value * value for value in row.values())) or 1.0
        columns += row.keys()
        values += [value / norm for value in row.values()]
        starts.append(len(columns))
        if place < len(left):
            shares = [(held[word], number[word], (row[number[word]] / norm) ** 2) for word in counts]
            needed += _needed(shares, least - _MARGIN)
            needed_starts.append(len(needed))
    matrix = csr_matrix(
        (np.array(values), np.array(columns, dtype=np.int64), np.array(starts)), (len(texts), len(number))
    )
    telling = csr_matrix(
        (np.ones(len(needed), dtype=np.int32), np.array(needed, dtype=np.int64), np.array(needed_starts)),
        (len(left), len(number)),
    )
    others = matrix[len(left) :]
    holding = (others != 0).astype(np.int32).T.tocsr()
    for start in range(0, len(left), _BLOCK):
        stop = min(start + _BLOCK, len(left))
        near = np.unique((telling[start:stop] @ holding).indices)
        product = (matrix[start:stop] @ others[near].T.tocsr()).tocoo()
        found = product.data >= least - 1e-9
        rows, cols, data = product.row[found] + start, near[product.col[found]], product.data[found]
        for k in np.lexsort((cols, rows)):
            yield int(rows[k]), int(cols[k]), float(data[k])


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

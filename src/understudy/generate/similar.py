"""Texts that say nearly the same: cosine of their words, weighted by how rare a word is among the texts compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from understudy.normal import words

_BLOCK = 512


def similar_pairs(left: Sequence[str], right: Sequence[str], least: float) -> Iterator[tuple[int, int, float]]:
    """(i, j, cosine) of all texts `left[i]` and `right[j]` whose cosine is at least `least`, by i, then j.

    Weights are log(1 + n / n_t) over all texts given, n_t of which hold the word; a word's count is its root.
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
    for counts in texts:
        row = {number[word]: math.sqrt(n) * weight[word] for word, n in counts.items()}
        norm = math.sqrt(sum(value * value for value in row.values())) or 1.0
        columns += row.keys()
        values += [value / norm for value in row.values()]
        starts.append(len(columns))
    matrix = csr_matrix(
        (np.array(values), np.array(columns, dtype=np.int64), np.array(starts)), (len(texts), len(number))
    )
    other = matrix[len(left) :].T.tocsr()
    for start in range(0, len(left), _BLOCK):
        product = (matrix[start : min(start + _BLOCK, len(left))] @ other).tocoo()
        found = product.data >= least - 1e-9
        rows, cols, data = product.row[found] + start, product.col[found], product.data[found]
        for k in np.lexsort((cols, rows)):
            yield int(rows[k]), int(cols[k]), float(data[k])

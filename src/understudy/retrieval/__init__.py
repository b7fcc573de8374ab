"""An index and a question in, passages out.

`open.open_index` opens what the index stage built; BM25, dense vectors, their fusion and a reranker are one file each.
"""

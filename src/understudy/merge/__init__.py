"""Models in, model out: merging checkpoints exactly, tensor by tensor, in bounded memory.

`understudy.merge.engine.merge(config, out)` merges; `understudy.merge.search.search` looks for the best `t`
or weight by a development score. One method, one file: `slerp.py`, `ties.py`, …
"""

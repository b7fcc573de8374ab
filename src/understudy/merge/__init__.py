"""Models in, model out: merging checkpoints exactly, tensor by tensor, in bounded memory.

    understudy.merge("merge.yaml", "merged/")

merges as a mergekit YAML says: the package itself can be called. `engine.merge(config, out)` is one merge,
`series.merge_series` several in a row, `search.search` looks for the best `t` or weight by a development score. One
method, one file in `methods/`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.merge.engine import MergeReport


class _Room(ModuleType):
    """`understudy.merge` is a package, and the function of the Python interface at once."""

    def __call__(self, config: str | Path, out: str | Path, **options: Any) -> MergeReport:
        """Merge the models that a YAML file names and write the result to the folder `out`.

        options: max_memory (bytes), threads, seed, progress, as `series.merge_series` takes them. Raises RecipeError
        for a mistake in the file, ModelError for models that cannot be merged.
        """
        from understudy.merge.document import load
        from understudy.merge.series import merge_series
        from understudy.models.resolve import local_folder

        return merge_series(load(Path(config)), Path(out), **{"resolve": local_folder, **options})


sys.modules[__name__].__class__ = _Room

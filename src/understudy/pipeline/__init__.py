"""A recipe in, artifacts and a run's record out.

`steps` is the list of stages, `keys` what can change each result, `store` where artifacts lie, `runs` the records,
`loop` plans and runs.
"""

from understudy.pipeline.loop import Pipeline, Planned
from understudy.pipeline.runs import OpenedRun, RunRecord, artifacts_of, find_run, list_runs, open_run
from understudy.pipeline.steps import STAGES, Step, steps_of
from understudy.pipeline.store import Store

__all__ = [
    "STAGES",
    "OpenedRun",
    "Pipeline",
    "Planned",
    "RunRecord",
    "Step",
    "Store",
    "artifacts_of",
    "find_run",
    "list_runs",
    "open_run",
    "steps_of",
]

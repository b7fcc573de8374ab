"""What a budget of hours leaves for the training: with how many rows a recipe is expected to end in time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy.artifact import digest_json
from understudy.config import StageConfig
from understudy.errors import RecipeError
from understudy.kept import Kept
from understudy.pipeline.steps import Step
from understudy.pipeline.timings import Timings
from understudy.sft.config import SftConfig
from understudy.stage import hardware

Steps = Sequence[tuple[Step, StageConfig]]


class Hours:
    """A recipe's hours: the stages before and after the training take what they take, the training what is left.

    What was decided from the real inputs of a training is kept in the store, so that a run that goes on, or is looked
    at again when more is known of this machine's speed, has the same rows.
    """

    def __init__(self, root: Path, hours: float) -> None:
        self._hours = hours
        self._kept = Kept(root, "budgets")
        self._timings = Timings(root)

    def settled(
        self,
        config: StageConfig,
        steps: Steps,
        upstream: Mapping[str, Mapping[str, Any]],
        spent: float,
        fields: Mapping[str, Any] | None,
    ) -> StageConfig:
        """The settings of a stage within the hours.

        steps: all of the recipe. upstream: counts by stage, as estimates take them. spent: seconds of the stages
        before. fields: of the stage's key; None where they are not known yet. Raises RecipeError where the other
        stages alone take longer.
        """
        if not isinstance(config, SftConfig):
            return config
        key = None if fields is None else digest_json([self._hours, dict(fields), hardware()])
        if key is not None and (said := self._kept.get([key]).get(key)) is not None:
            rows = json.loads(said)
        else:
            rows = self._rows(config, steps, upstream, spent)
            if key is not None:
                self._kept.put({key: json.dumps(rows).encode()})
        return config if rows is None else config.model_copy(update={"rows": rows})

    def _rows(
        self, config: SftConfig, steps: Steps, upstream: Mapping[str, Mapping[str, Any]], spent: float
    ) -> int | None:
        """With how many rows the recipe ends in time; None where it does as it is, or nothing is known of its time."""
        names = [step.name for step, _ in steps]
        at = names.index("sft")
        training = steps[at][0]
        whole = training.estimate(config, upstream)
        rows = whole.counts.get("rows")
        if whole.seconds is None or not rows:
            return None
        later = 0.0
        counts = {**upstream, "sft": whole.counts}
        for step, after in steps[at + 1 :]:
            later += self._timings.scaled(after, step.estimate(after, counts)).seconds or 0.0
        left = self._hours * 3600 - spent - later

        def fits(rows: int | None) -> bool:
            some = config if rows is None else config.model_copy(update={"rows": rows})
            seconds = self._timings.scaled(some, training.estimate(some, upstream)).seconds
            return seconds is not None and seconds <= left

        if fits(None):
            return None
        if not fits(1):
            raise RecipeError(
                f"budget.hours: {self._hours:g} leaves nothing for the training: the stages before and after it take "
                f"about {(spent + later) / 3600:.2g} hours, and it loads libraries and looks at held-out questions "
                "however little it is taught; give more, or ask less (benchmark.max_items, fewer arms)"
            )
        most, beyond = 1, int(rows)
        while beyond - most > 1:
            middle = (most + beyond) // 2
            most, beyond = (middle, beyond) if fits(middle) else (most, middle)
        return _rounded(most)


def _rounded(number: int) -> int:
    """Down to two digits that count, so that a plan reads well."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return number // unit * unit

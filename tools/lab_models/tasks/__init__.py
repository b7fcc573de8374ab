"""Training tasks, from repeated tokens to reading manuals and real documentation; each draws one row.

Every task is a function (rng, packer, limit in tokens, level in 0..1) → Row. Values are fresh each time, so
nothing can be answered without the context.
"""

from __future__ import annotations

from collections.abc import Callable

from tools.lab_models.packing import Row
from tools.lab_models.tasks.bare import closed, skills
from tools.lab_models.tasks.documentation import cloze, define, language
from tools.lab_models.tasks.lookup import pairs, recall, repeat
from tools.lab_models.tasks.statements import facts, manual

Task = Callable[..., Row]
TASKS: dict[str, Task] = {
    "repeat": repeat, "pairs": pairs, "recall": recall, "facts": facts, "manual": manual,
    "cloze": cloze, "define": define,
    "language": language, "closed": closed, "skills": skills,
}  # fmt: skip
NEEDS_TEXT = {"cloze", "define", "language"}

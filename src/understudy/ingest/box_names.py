"""What components and shortcodes that frame a note are called."""

from __future__ import annotations

import re

BOX = re.compile(
    r"(?:note|tip|hint|info|important|warning|warn|caution|danger|check|success|error|notice|aside|callout|admonition|alert)\Z",
    re.IGNORECASE,
)
GENERIC = frozenset({"aside", "callout", "admonition", "alert", "notice", "hint"})  # whose attributes say the kind

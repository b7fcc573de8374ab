"""What fonts say of a text, for the readers of PDF and Office files."""

from __future__ import annotations

import re

MONOSPACE = re.compile(r"mono|courier|consol|menlo|typewriter|cmtt|fixed|terminal", re.IGNORECASE)

"""Names that are derived, never chosen at random."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def make_revision_name(model: str, template: Mapping[str, Any]) -> str:
    """Name a revision `<model>-<8 hex digits of its template's hash>`.

    `template` is the pod template without name and without the annotations that may change on a running
    revision: two templates that make the same pods have the same name.
    """
    canonical = json.dumps(template, sort_keys=True, separators=(",", ":")).encode()
    return f"{model}-{hashlib.sha256(canonical).hexdigest()[:8]}"

"""Process settings: read once from the environment, then frozen."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator is told when it starts.

    Attributes
    ----------
    runtime_image
        Image of the model server for specs with a model file.
    port
        Where /healthz, /readyz and /metrics answer.
    workers
        Reconciles at the same time.
    log_level
        debug, info, warning or error.
    """

    runtime_image: str
    port: int = 8080
    workers: int = 20
    log_level: str = "info"

    @classmethod
    def from_environment(cls) -> Settings:
        """Read TORPOR_RUNTIME_IMAGE, TORPOR_PORT, TORPOR_WORKERS and TORPOR_LOG_LEVEL."""
        return cls(
            runtime_image=os.environ.get("TORPOR_RUNTIME_IMAGE", "torpor/runtime:0.1.0"),
            port=int(os.environ.get("TORPOR_PORT", "8080")),
            workers=int(os.environ.get("TORPOR_WORKERS", "20")),
            log_level=os.environ.get("TORPOR_LOG_LEVEL", "info"),
        )

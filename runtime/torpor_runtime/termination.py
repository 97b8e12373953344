"""The last words of the process: where the kubelet, and through it the operator, reads why it ended."""

import sys
from pathlib import Path

from torpor_runtime.failures import ModelServerError

DEFAULT_PATH = "/dev/termination-log"


def write_termination(error: ModelServerError, path: str | None) -> None:
    """Write the error's line to stderr and to the termination log.

    Parameters
    ----------
    error
        Why the process ends.
    path
        A file to create or overwrite; None means Kubernetes' own one, which is used only where it exists.
    """
    print(error.line, file=sys.stderr, flush=True)  # noqa: T201 - the contract is a plain line, not JSON
    target = Path(path or DEFAULT_PATH)
    if path is None and not target.exists():
        return
    try:
        target.write_text(error.line + "\n", encoding="utf-8")
    except OSError as cause:
        print(f"cannot write {target}: {cause}", file=sys.stderr, flush=True)  # noqa: T201 - the log is what failed

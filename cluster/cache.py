"""The cache of built things: keyed by a hash of what they are built from, complete or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

KEY_LENGTH = 16


def make_key(*parts: object) -> str:
    """Hash values that JSON can hold, and files (given as paths) by their content."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        # The length keeps ("ab", "c") apart from ("a", "bc").
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()[:KEY_LENGTH]


def make_tree_key(folders: Iterable[Path], ignore: Iterable[str] = ("__pycache__",)) -> str:
    """Hash the names, modes and content of every file below `folders`."""
    ignored = set(ignore)
    entries: list[tuple[str, bool, str]] = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if ignored.isdisjoint(relative.parts) and path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                entries.append((str(relative), os.access(path, os.X_OK), content))
    return make_key(entries)


@contextmanager
def half_made(target: Path) -> Generator[Path]:
    """Give a folder to build in, which becomes `target` only when the block ends well.

    An interrupted build leaves at most a folder named ``.new-*``, which the next one removes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f".new-{target.name}-*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".new-{target.name}-", dir=target.parent))
    work.chmod(0o755)
    try:
        yield work
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

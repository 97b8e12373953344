r"""The digest of a model: of a file its SHA-256, of a directory that of its list of files.

For a directory, one line `<sha256>  <relative path>` and a line feed per file, the lines sorted by their
bytes, hashed again; in a shell:

    find . -type f -printf '%P\0' | xargs -0 sha256sum | LC_ALL=C sort | sha256sum
"""

import hashlib
from pathlib import Path

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.storage.files import model_files


def model_digest(path: Path) -> str:
    """Return `sha256:` and 64 hexadecimal digits."""
    if path.is_file():
        return "sha256:" + _file_digest(path)
    lines = sorted(
        f"{_file_digest(file)}  {file.relative_to(path).as_posix()}\n".encode() for file in model_files(path)
    )
    return "sha256:" + hashlib.sha256(b"".join(lines)).hexdigest()


def verify_digest(path: Path, expected: str) -> None:
    """Compare a model with the digest it should have.

    Raises
    ------
    ModelServerError
        DigestMismatch, with both digests.
    """
    found = model_digest(path)
    if found != expected:
        kind = "file" if path.is_file() else "directory"
        raise ModelServerError(
            Reason.DigestMismatch, f"expected digest {expected}, found {found} for {kind} {path.name}"
        )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""The files of a model directory, as everything that counts, hashes or searches them sees them."""

from pathlib import Path


def model_files(directory: Path) -> list[Path]:
    """Return every file below a directory, sorted.

    Names that start with two dots are left out: the kubelet keeps the data of a mounted ConfigMap in such
    directories and links to it, so each file would appear twice.
    """
    return sorted(
        file
        for file in directory.rglob("*")
        if file.is_file() and not any(part.startswith("..") for part in file.relative_to(directory).parts)
    )

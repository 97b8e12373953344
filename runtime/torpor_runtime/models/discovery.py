"""Which file of a directory is the model."""

from pathlib import Path

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.storage.files import model_files

_SUFFIXES = {"onnx": (".onnx",), "sklearn": (".skops", ".pkl", ".pickle", ".joblib")}
_LISTED_FILES = 20


def find_model_file(path: Path, model_format: str) -> Path:
    """Return the file to load.

    Parameters
    ----------
    path
        A file, which is the model whatever its name, or a directory.
    model_format
        `onnx` or `sklearn`.

    Returns
    -------
    Path
        In a directory `model.<suffix>`, the suffixes tried in order, else the only file with one of them.

    Raises
    ------
    ModelServerError
        ModelNotFound, listing what there is.
    """
    if path.is_file():
        return path
    suffixes = _SUFFIXES[model_format]
    files = model_files(path)
    for suffix in suffixes:
        if path / f"model{suffix}" in files:
            return path / f"model{suffix}"
    candidates = [file for file in files if file.suffix in suffixes]
    if len(candidates) == 1:
        return candidates[0]
    names = [file.relative_to(path).as_posix() for file in files[:_LISTED_FILES]]
    wanted = " or ".join(f"model{suffix}" for suffix in suffixes)
    found = f"{len(candidates)} files that might be it" if candidates else "no such file"
    raise ModelServerError(
        Reason.ModelNotFound,
        f"expected {wanted}, or a single file with such a suffix, found {found} among {names}",
    )

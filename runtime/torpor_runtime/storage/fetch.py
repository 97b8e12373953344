"""From a location to a verified path; a mounted path costs no import and no copy."""

from pathlib import Path

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.settings import Settings
from torpor_runtime.storage.files import model_files
from torpor_runtime.storage.location import LocalPath, parse_uri


def fetch_model(settings: Settings) -> Path:
    """Bring the model to this machine and check its size and digest.

    Returns
    -------
    Path
        A file or a directory.

    Raises
    ------
    ModelServerError
        The model is not there, not readable, too large or not the expected one; or its store is unreachable.
    """
    location = parse_uri(settings.uri)
    if isinstance(location, LocalPath):
        path = location.path
        _check_local(path, settings.max_model_bytes)
    else:
        # obstore is imported for remote models only.
        from torpor_runtime.storage.remote import download  # noqa: PLC0415

        path = download(location, settings)
    if settings.digest is not None:
        # hashlib is imported only when there is a digest.
        from torpor_runtime.storage.digest import verify_digest  # noqa: PLC0415

        verify_digest(path, settings.digest)
    return path


def check_size(found_bytes: int, max_bytes: int | None) -> None:
    """Hold a model's size against TORPOR_MAX_MODEL_BYTES.

    Raises
    ------
    ModelServerError
        ModelTooLarge.
    """
    if max_bytes is not None and found_bytes > max_bytes:
        raise ModelServerError(
            Reason.ModelTooLarge,
            f"expected at most {max_bytes} bytes (TORPOR_MAX_MODEL_BYTES), found {found_bytes}",
        )


def _check_local(path: Path, max_bytes: int | None) -> None:
    if not path.exists():
        raise ModelServerError(Reason.ModelNotFound, f"expected a file or a directory at {path}, found nothing")
    if max_bytes is not None:
        files = [path] if path.is_file() else model_files(path)
        check_size(sum(file.stat().st_size for file in files), max_bytes)

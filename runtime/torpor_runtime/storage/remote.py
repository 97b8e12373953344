"""Downloading from object stores and web servers, by obstore, with explicit timeouts and bounded retries."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath
from shutil import rmtree
from typing import TYPE_CHECKING

import obstore
from obstore.store import HTTPStore, S3Store

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.settings import S3Settings, Settings
from torpor_runtime.storage.fetch import check_size
from torpor_runtime.storage.location import HttpFile, S3Objects, printable
from torpor_runtime.storage.store_errors import translate

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

_FILE_SUFFIXES = (".onnx", ".skops", ".pkl", ".pickle", ".joblib")
_CHUNK_BYTES = 8 * 1024 * 1024
_RETRY: "RetryConfig" = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
}


@dataclass(frozen=True, slots=True)
class _Source:
    """One object to fetch: its path in the store, and where it goes under the model directory."""

    key: str
    relative: str


def download(location: HttpFile | S3Objects, settings: Settings) -> Path:
    """Fetch a model into an emptied TORPOR_MODEL_DIR.

    Returns
    -------
    Path
        The file, or for a prefix the directory.

    Raises
    ------
    ModelServerError
        ModelNotFound, CredentialsInvalid, StorageUnavailable or ModelTooLarge, in the store's own words.
    """
    directory = Path(settings.directory)
    try:
        # A container that restarts in its pod finds what it fetched before, perhaps in part.
        rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, exist_ok=True)
        if isinstance(location, HttpFile):
            return _download_http(location, directory, settings)
        return _download_s3(location, directory, settings)
    except ModelServerError:
        raise
    except Exception as error:
        secrets = settings.s3.secrets if isinstance(location, S3Objects) else _url_secrets(location)
        raise translate(error, printable(settings.uri), secrets) from error


def _download_http(location: HttpFile, directory: Path, settings: Settings) -> Path:
    options = _client_options(allow_http=location.url.startswith("http://"), verify_tls=True)
    if location.user_info is not None:
        token = b64encode(location.user_info.encode()).decode()
        options["default_headers"] = {"authorization": f"Basic {token}"}
    store = HTTPStore(location.url, client_options=options, retry_config=_RETRY)
    # The whole URL is the store's root, so that a query (a signed URL) is sent as it was given.
    return _fetch(store, [_Source("", location.file_name)], directory, settings.max_model_bytes)[0]


def _download_s3(location: S3Objects, directory: Path, settings: Settings) -> Path:
    store = S3Store(
        location.bucket,
        config=_s3_config(settings.s3),
        client_options=_client_options(
            allow_http=(settings.s3.endpoint or "").startswith("http://"), verify_tls=settings.s3.verify_tls
        ),
        retry_config=_RETRY,
    )
    single = _Source(location.key, PurePosixPath(location.key).name)
    looks_like_file = not location.is_prefix and location.key.endswith(_FILE_SUFFIXES)
    if looks_like_file:
        # No listing: one round trip less, and no right to list is needed.
        return _fetch(store, [single], directory, settings.max_model_bytes)[0]
    sources = list(_list_prefix(store, location.key))
    if sources:
        _fetch(store, sources, directory, settings.max_model_bytes)
        return directory
    if location.is_prefix:
        raise ModelServerError(
            Reason.ModelNotFound, f"expected objects under {printable(settings.uri)}, found none"
        )
    return _fetch(store, [single], directory, settings.max_model_bytes)[0]


def _list_prefix(store: S3Store, prefix: str) -> Iterable[_Source]:
    root = PurePosixPath(prefix)
    # The overloads for arrow name a package that is not installed.
    pages = obstore.list(store, prefix=prefix or None)  # pyright: ignore[reportUnknownMemberType]
    for page in pages:
        for item in page:
            # Consoles create empty objects that end in a slash to show folders; obstore drops the slash.
            relative = PurePosixPath(item["path"]).relative_to(root)
            if relative.parts and not (item["size"] == 0 and not relative.suffix):
                yield _Source(item["path"], relative.as_posix())


def _fetch(
    store: HTTPStore | S3Store, sources: list[_Source], directory: Path, max_bytes: int | None
) -> list[Path]:
    total_bytes = 0
    paths: list[Path] = []
    for source in sources:
        path = (directory / source.relative).resolve()
        if not path.is_relative_to(directory.resolve()):
            raise ModelServerError(
                Reason.ModelLoadFailed, f"object {source.key!r} would be written outside {directory}"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        result = obstore.get(store, source.key)
        with path.open("wb") as file:
            for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
                total_bytes += len(chunk)
                check_size(total_bytes, max_bytes)
                file.write(chunk)
        paths.append(path)
    return paths


def _client_options(*, allow_http: bool, verify_tls: bool) -> "ClientConfig":
    return {
        "allow_http": allow_http,
        "allow_invalid_certificates": not verify_tls,
        "connect_timeout": timedelta(seconds=5),
        # Bounds a stall; the whole download of a large model may take long.
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(hours=1),
        "user_agent": "torpor-runtime",
    }


def _s3_config(s3: S3Settings) -> "S3Config":
    config: S3Config = {"region": s3.region}
    if s3.endpoint is not None:
        config["endpoint"] = s3.endpoint
    if s3.anonymous:
        config["skip_signature"] = True
    if s3.access_key_id is not None and s3.secret_access_key is not None:
        config["access_key_id"] = s3.access_key_id
        config["secret_access_key"] = s3.secret_access_key
        if s3.session_token is not None:
            config["session_token"] = s3.session_token
    return config


def _url_secrets(location: HttpFile) -> tuple[str, ...]:
    query = location.url.partition("?")[2]
    return tuple(secret for secret in (location.user_info, query) if secret)

"""Where a model lies: the parsed form of TORPOR_MODEL_URI."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from torpor_runtime.failures import ModelServerError, Reason


@dataclass(frozen=True, slots=True)
class LocalPath:
    """A mounted file or directory; it is loaded where it is."""

    path: Path


@dataclass(frozen=True, slots=True)
class HttpFile:
    """One file behind a URL, which may hold a password or a signature and is never printed whole.

    Attributes
    ----------
    url
        Without user name and password.
    user_info
        `user:password`, decoded; None when the URL holds none.
    """

    url: str
    user_info: str | None

    @property
    def file_name(self) -> str:
        """The last segment of the path."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2]) or "model"


@dataclass(frozen=True, slots=True)
class S3Objects:
    """An object, or all objects under a prefix.

    Attributes
    ----------
    key
        Without slashes at its ends; empty for the whole bucket.
    is_prefix
        The URI ended in a slash, so no object is meant.
    """

    bucket: str
    key: str
    is_prefix: bool


Location = LocalPath | HttpFile | S3Objects


def parse_uri(uri: str) -> Location:
    """Parse a model URI.

    Raises
    ------
    ModelServerError
        SettingsInvalid: no such scheme, or a part is missing.
    """
    parts = urlsplit(uri)
    match parts.scheme:
        case "":
            return LocalPath(Path(uri))
        case "file":
            return LocalPath(Path(unquote(parts.path)))
        case "http" | "https" if parts.hostname:
            user_info, _, host = parts.netloc.rpartition("@")
            url = parts._replace(netloc=host, fragment="").geturl()
            return HttpFile(url, unquote(user_info) or None)
        case "s3" if parts.netloc:
            key = uri.partition("://")[2].partition("/")[2]
            return S3Objects(parts.netloc, key.strip("/"), is_prefix=not key or key.endswith("/"))
        case _:
            raise ModelServerError(
                Reason.SettingsInvalid,
                f"TORPOR_MODEL_URI is {printable(uri)!r}, expected s3://bucket/key, http(s)://host/file, "
                "file:///path or a path",
            )


def printable(uri: str) -> str:
    """Return a URI without password and query, where signatures stand."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()

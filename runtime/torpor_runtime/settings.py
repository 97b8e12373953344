"""The settings of one model server, read once from the environment and frozen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import overload

from torpor_runtime.cgroup import cpu_limit
from torpor_runtime.failures import ModelServerError, Reason

FORMATS = ("onnx", "sklearn")
MEBIBYTE = 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off", "")


@dataclass(frozen=True, kw_only=True)
class S3Settings:
    """How to reach an S3-compatible object store; `repr` shows no secret.

    Attributes
    ----------
    access_key_id, secret_access_key, session_token
        None leaves the choice to obstore: web identity, container or instance credentials.
    endpoint
        A full URL; None means AWS.
    anonymous
        Send unsigned requests.
    verify_tls
        False accepts any certificate.
    """

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    region: str = "us-east-1"
    endpoint: str | None = None
    anonymous: bool = False
    verify_tls: bool = True

    def __repr__(self) -> str:
        return f"S3Settings(endpoint={self.endpoint!r}, region={self.region!r}, anonymous={self.anonymous})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that must not be printed."""
        values = (self.access_key_id, self.secret_access_key, self.session_token)
        return tuple(value for value in values if value)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One model and how to serve it; docs/model-server.md describes each setting.

    Attributes
    ----------
    digest
        `sha256:` and 64 hexadecimal digits; None accepts any content.
    threads
        For inference: worker threads, and threads inside one inference.
    queue_limit
        Inference requests that may wait for a worker or for readiness; more are refused with 503.
    max_model_bytes
        None means no limit.
    trusted_types
        Fully qualified names that a skops file may hold beside what skops trusts itself.
    termination_log
        None means Kubernetes' own path, where it exists.
    """

    name: str
    uri: str
    format: str
    version: str = "1"
    digest: str | None = None
    port: int = 8080
    allow_pickle: bool = False
    trusted_types: tuple[str, ...] = ()
    threads: int = 1
    queue_limit: int = 256
    directory: str = "/tmp/torpor-model"  # noqa: S108 - a pod's own /tmp, where its emptyDir is mounted
    max_body_bytes: int = 64 * MEBIBYTE
    max_model_bytes: int | None = None
    request_timeout_seconds: float = 300
    grace_seconds: int = 25
    warm_up: bool = True
    termination_log: str | None = None
    s3: S3Settings = S3Settings()


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Parse the environment.

    Raises
    ------
    ModelServerError
        SettingsInvalid, naming the variable, what it holds and what it may hold.
    """
    read = _Reader(environment)
    chosen = read.required("TORPOR_MODEL_FORMAT").lower()
    if chosen not in FORMATS:
        raise ModelServerError(
            Reason.FormatRefused,
            f"TORPOR_MODEL_FORMAT is {chosen!r}; this server loads {' and '.join(FORMATS)}",
        )
    digest = read.text("TORPOR_MODEL_DIGEST")
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise read.invalid("TORPOR_MODEL_DIGEST", "sha256: and 64 lower-case hexadecimal digits")
    name = read.required("TORPOR_MODEL_NAME")
    if "/" in name:
        raise read.invalid("TORPOR_MODEL_NAME", "a name without '/'")
    return Settings(
        name=name,
        uri=read.required("TORPOR_MODEL_URI"),
        format=chosen,
        version=read.text("TORPOR_MODEL_VERSION") or "1",
        digest=digest,
        port=read.integer("PORT", default=8080, least=0, most=65535),
        allow_pickle=read.flag("TORPOR_ALLOW_PICKLE", default=False),
        trusted_types=tuple(read.words("TORPOR_TRUSTED_TYPES")),
        threads=read.integer("TORPOR_THREADS", default=None, least=1) or cpu_limit(),
        queue_limit=read.integer("TORPOR_QUEUE_LIMIT", default=256, least=0),
        directory=read.text("TORPOR_MODEL_DIR") or Settings.directory,
        max_body_bytes=read.integer("TORPOR_MAX_BODY_BYTES", default=64 * MEBIBYTE, least=1),
        max_model_bytes=read.integer("TORPOR_MAX_MODEL_BYTES", default=None, least=1),
        request_timeout_seconds=read.integer("TORPOR_REQUEST_TIMEOUT_SECONDS", default=300, least=1),
        grace_seconds=read.integer("TORPOR_GRACE_SECONDS", default=25, least=0),
        warm_up=read.flag("TORPOR_WARMUP", default=True),
        termination_log=termination_log(environment),
        s3=_read_s3(read),
    )


def termination_log(environment: Mapping[str, str]) -> str | None:
    """Return the termination log's path; apart from the rest, since invalid settings are reported there."""
    return environment.get("TERMINATION_LOG") or None


def _read_s3(read: "_Reader") -> S3Settings:
    endpoint = read.text("AWS_ENDPOINT_URL_S3") or read.text("AWS_ENDPOINT_URL") or read.text("S3_ENDPOINT")
    if endpoint is not None and "://" not in endpoint:
        # KServe's annotation holds host[:port] and the scheme apart.
        scheme = "https" if read.flag("S3_USE_HTTPS", default=True) else "http"
        endpoint = f"{scheme}://{endpoint}"
    access_key_id = read.text("AWS_ACCESS_KEY_ID")
    asked = any(
        read.flag(name, default=False)
        for name in ("AWS_ANONYMOUS", "AWS_SKIP_SIGNATURE", "awsAnonymousCredential", "S3_ANONYMOUS")
    )
    web_identity = read.text("AWS_WEB_IDENTITY_TOKEN_FILE") is not None
    return S3Settings(
        access_key_id=access_key_id,
        secret_access_key=read.text("AWS_SECRET_ACCESS_KEY"),
        session_token=read.text("AWS_SESSION_TOKEN"),
        region=read.text("AWS_REGION") or read.text("AWS_DEFAULT_REGION") or "us-east-1",
        endpoint=endpoint,
        # A store of one's own knows no instance credentials: asking the metadata service for them costs
        # seconds and ends in an error about an address the user never wrote.
        anonymous=asked or (endpoint is not None and access_key_id is None and not web_identity),
        verify_tls=read.flag("S3_VERIFY_SSL", default=True),
    )


class _Reader:
    """Typed access to the environment; an empty value counts as absent."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str | None:
        return self._environment.get(name, "").strip() or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise ModelServerError(Reason.SettingsInvalid, f"{name} is not set")
        return value

    def words(self, name: str) -> list[str]:
        return [word.strip() for word in (self.text(name) or "").split(",") if word.strip()]

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise self.invalid(name, "true or false")

    @overload
    def integer(self, name: str, *, default: int, least: int, most: int | None = None) -> int: ...
    @overload
    def integer(self, name: str, *, default: None, least: int, most: int | None = None) -> int | None: ...
    def integer(self, name: str, *, default: int | None, least: int, most: int | None = None) -> int | None:
        value = self.text(name)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise self.invalid(name, f"a whole number of at least {least}" + (f", at most {most}" if most else ""))
        return number

    def invalid(self, name: str, wanted: str) -> ModelServerError:
        return ModelServerError(Reason.SettingsInvalid, f"{name} is {self.text(name)!r}, expected {wanted}")

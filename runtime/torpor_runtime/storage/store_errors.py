"""An object store's error in one clear line: its status, code and message, and no secret."""

import re

from torpor_runtime.failures import ModelServerError, Reason

_STATUS = re.compile(r"non-2xx status code: (\d{3})([ A-Za-z]*)")
_FIELD = re.compile(r"<(Code|Message)>(.*?)</\1>", re.DOTALL)
_TRANSPORT = re.compile(r".* - (?:HTTP error: )?(.+)")
_CREDENTIAL_CODES = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AccessDenied",
)
_DEBUG = "\n\nDebug source:"


def translate(error: Exception, uri: str, secrets: tuple[str, ...]) -> ModelServerError:
    """Turn what obstore or the file system raised into the reason to give up.

    Parameters
    ----------
    error
        obstore's text holds URL, timing, the response's whole body and a debug dump.
    uri
        The model's, printable.
    secrets
        Values to blot out, should the store have echoed one.
    """
    text = str(error)
    status_match = _STATUS.search(text)
    status = int(status_match[1]) if status_match else None
    fields = dict(_FIELD.findall(text))
    code = fields.get("Code", "")
    if status_match is not None:
        said = " ".join(
            part for part in (status_match[1] + status_match[2].rstrip(), code, fields.get("Message")) if part
        )
    else:
        said = _transport_words(text)
    reason = _reason(error, status, code)
    wanted = {
        Reason.ModelNotFound: "there is no such object",
        Reason.CredentialsInvalid: "the credentials were refused",
    }.get(reason, "it cannot be fetched")
    return ModelServerError(reason, _blot_out(f"{uri}: {wanted}: {said}", secrets))


def _reason(error: Exception, status: int | None, code: str) -> Reason:
    if status in (401, 403) or code in _CREDENTIAL_CODES:
        return Reason.CredentialsInvalid
    if status == 404 or isinstance(error, FileNotFoundError):
        return Reason.ModelNotFound
    return Reason.StorageUnavailable


def _transport_words(text: str) -> str:
    """Return the innermost cause; the URL, the retries and the time before it would only repeat or vary."""
    head = " ".join(text.partition(_DEBUG)[0].split())
    match = _TRANSPORT.match(head)
    return match[1] if match else head


def _blot_out(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text

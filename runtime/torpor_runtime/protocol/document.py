"""Reading JSON requests field by field, with errors that name the field."""

from typing import Any, cast

import orjson

from torpor_runtime.protocol.errors import RequestError

_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    type(None): "null",
}


def parse(body: bytes | memoryview) -> dict[str, Any]:
    """Parse a body that must be a JSON object.

    Raises
    ------
    RequestError
        It is none; the message says where the JSON breaks.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"malformed JSON: {error}") from None
    return as_object(value, "the request")


def as_object(value: Any, where: str) -> dict[str, Any]:
    """Return `value` as an object."""
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    return cast("dict[str, Any]", value)


def optional_object(fields: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """Return an optional object; absent and null, which some clients write for it, are empty."""
    value = fields.get(name)
    return {} if value is None else as_object(value, f"{where}: {name}")


def as_list(value: Any, where: str) -> list[Any]:
    """Return `value` as an array."""
    if not isinstance(value, list):
        raise _wrong(where, "an array", value)
    return cast("list[Any]", value)


def as_string(value: Any, where: str) -> str:
    """Return `value` as a string."""
    if not isinstance(value, str):
        raise _wrong(where, "a string", value)
    return value


def required(fields: dict[str, Any], name: str, where: str) -> Any:
    """Return a field that must be there."""
    if name not in fields:
        raise RequestError(f"{where}: expected field {name!r}, given {sorted(fields)}")
    return fields[name]


def _wrong(where: str, wanted: str, value: Any) -> RequestError:
    return RequestError(f"{where}: expected {wanted}, given {_NAMES[type(value)]}")

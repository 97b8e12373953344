"""JSON tensor data to arrays and back, strictly: what a cast would silently change is an error.

numpy turns true into 1, 1.5 into 1 and 1e300 into infinity; a model that answers such a request answers
another question than the one that was asked.
"""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any, cast

import numpy as np

from torpor_runtime.protocol.datatypes import DTYPES, Array
from torpor_runtime.protocol.errors import RequestError

_FLOATS = ("FP16", "FP32", "FP64")


def _element_types(datatype: str) -> set[type]:
    match datatype:
        case "BOOL":
            return {bool}
        case "BYTES":
            return {str}
        case "FP16" | "FP32" | "FP64":
            return {float, int}
        case _:
            return {int}


_ELEMENT_TYPES = {datatype: _element_types(datatype) for datatype in DTYPES}
_JSON_NAMES = {
    bool: "a boolean",
    str: "a string",
    float: "a number with a fraction",
    int: "an integer",
    type(None): "null",
    list: "an array",
    dict: "an object",
}


def array_from_json(name: str, datatype: str, shape: Sequence[int], data: list[Any]) -> Array:
    """Convert the data of one JSON tensor.

    Parameters
    ----------
    name
        The tensor's name, for messages.
    datatype
        A key of `DTYPES`.
    shape
        Not negative, any number of axes.
    data
        Flat in row-major order, or nested as `shape` has it.

    Returns
    -------
    ndarray
        C-contiguous, of `shape`.

    Raises
    ------
    RequestError
        The data has another shape, a wrong type, or a value outside the datatype.
    """
    flat = _flatten(name, shape, data)
    _check_types(name, datatype, flat)
    try:
        # Overflow is reported below, by the infinity that it leaves.
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype=DTYPES[datatype])
    except OverflowError:
        raise RequestError(f"input {name!r}: expected {datatype} values, given one out of its range") from None
    if datatype in _FLOATS and not np.isfinite(array).all():
        raise RequestError(f"input {name!r}: expected {datatype} values, given one out of its range")
    return array.reshape(tuple(shape))


def json_from_array(array: Array) -> Any:
    """Return flat, row-major data that orjson can write; NaN and infinities become null there."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.dtype.kind in "OUS":
        return [_text(value) for value in flat.tolist()]
    return flat if flat.dtype.isnative else flat.astype(flat.dtype.newbyteorder("="))


def nested_shape(data: Any) -> list[int]:
    """Return the shape of nested lists, read along the first element of each; a ragged rest shows later."""
    shape: list[int] = []
    while isinstance(data, list):
        items = cast("list[Any]", data)
        shape.append(len(items))
        data = items[0] if items else None
    return shape


def _flatten(name: str, shape: Sequence[int], data: list[Any]) -> list[Any]:
    flat = data
    if data and type(data[0]) is list:
        if len(flat) != (shape[0] if shape else 1):
            raise _mismatch(name, shape, f"{len(flat)} elements on axis 0")
        for axis, length in enumerate(shape[1:], start=1):
            if set(map(type, flat)) - {list} or set(map(len, flat)) - {length}:
                raise _mismatch(name, shape, f"something else than arrays of {length} elements on axis {axis}")
            flat = list(chain.from_iterable(flat))
    size = prod(shape)
    if len(flat) != size:
        raise RequestError(
            f"input {name!r}: expected {size} elements for shape {list(shape)}, given {len(flat)} elements"
        )
    return flat


def _mismatch(name: str, shape: Sequence[int], given: str) -> RequestError:
    return RequestError(f"input {name!r}: expected data nested as shape {list(shape)}, given {given}")


def _check_types(name: str, datatype: str, flat: list[Any]) -> None:
    wrong = set(map(type, flat)) - _ELEMENT_TYPES[datatype]
    if not wrong:
        return
    given = min(_JSON_NAMES[kind] for kind in wrong)
    hint = "; NaN can be sent as binary data" if given == "null" and datatype in _FLOATS else ""
    raise RequestError(f"input {name!r}: expected {datatype} values, given {given}{hint}")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

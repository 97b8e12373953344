"""The binary tensor data extension: little-endian, row-major, no padding; BYTES carry their length."""

import struct
from collections.abc import Sequence
from itertools import pairwise
from math import prod

import numpy as np

from torpor_runtime.protocol.datatypes import DTYPES, Array
from torpor_runtime.protocol.errors import RequestError

EXTENSION = "binary_tensor_data"
HEADER = b"inference-header-content-length"
_LENGTH = struct.Struct("<I")


def array_from_binary(name: str, datatype: str, shape: Sequence[int], data: memoryview) -> Array:
    """Convert the bytes of one tensor; numbers are a read-only view on the request's body.

    Raises
    ------
    RequestError
        The byte count does not fit the shape, or a BYTES element is cut short or no UTF-8.
    """
    size = prod(shape)
    if datatype == "BYTES":
        return np.array(_strings(name, size, data), dtype=object).reshape(tuple(shape))
    dtype = DTYPES[datatype].newbyteorder("<")
    if len(data) != size * dtype.itemsize:
        raise RequestError(
            f"input {name!r}: expected {size * dtype.itemsize} bytes of {datatype} for shape {list(shape)}, "
            f"given binary_data_size {len(data)}"
        )
    if datatype == "BOOL":
        # Any other byte than 0 and 1 would be a boolean that is neither true nor false.
        return (np.frombuffer(data, dtype=np.uint8) != 0).reshape(tuple(shape))
    array = np.frombuffer(data, dtype=dtype).reshape(tuple(shape))
    # The JSON part may end at any byte; frameworks read unaligned memory slowly or not at all.
    return array if array.flags.aligned else array.copy()


def binary_from_array(array: Array) -> bytes:
    """Return the bytes of one output tensor."""
    if array.dtype.kind not in "OUS":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    elements = (value if isinstance(value, bytes) else str(value).encode() for value in array.ravel().tolist())
    return b"".join(_LENGTH.pack(len(element)) + element for element in elements)


def split_body(body: bytes, json_length: int, sizes: Sequence[int]) -> list[memoryview]:
    """Cut the binary part of a body into its tensors.

    Parameters
    ----------
    body
        The whole request.
    json_length
        Bytes of JSON at its start.
    sizes
        `binary_data_size` of each binary input, in order.

    Raises
    ------
    RequestError
        The sizes do not add up to what follows the JSON.
    """
    given = len(body) - json_length
    if sum(sizes) != given:
        raise RequestError(
            f"expected {sum(sizes)} bytes after the JSON, the sum of binary_data_size, given {given} bytes"
        )
    offsets = [json_length]
    for size in sizes:
        offsets.append(offsets[-1] + size)
    view = memoryview(body)
    return [view[start:end] for start, end in pairwise(offsets)]


def _strings(name: str, size: int, data: memoryview) -> list[str]:
    strings: list[str] = []
    offset = 0
    while offset < len(data):
        start = offset + _LENGTH.size
        end = start + _LENGTH.unpack_from(data, offset)[0] if start <= len(data) else start
        if end > len(data):
            raise RequestError(
                f"input {name!r}: expected {end - len(data)} more bytes for BYTES element {len(strings)}"
            )
        try:
            strings.append(str(data[start:end], "utf-8"))
        except UnicodeDecodeError:
            raise RequestError(
                f"input {name!r}: expected UTF-8 text, given other bytes in BYTES element {len(strings)}"
            ) from None
        offset = end
    if len(strings) != size:
        raise RequestError(f"input {name!r}: expected {size} BYTES elements, given {len(strings)}")
    return strings

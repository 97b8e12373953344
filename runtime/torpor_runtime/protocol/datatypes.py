"""The datatypes of the Open Inference Protocol and the numpy dtypes that carry them."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    # Strings: Python str objects, which is what onnxruntime and scikit-learn take.
    "BYTES": np.dtype(object),
}
NUMBERS = frozenset(DTYPES) - {"BYTES"}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def datatype_of(array: Array) -> str:
    """Return the protocol's name for an array's element type.

    Raises
    ------
    TypeError
        The protocol has no such type (complex numbers, dates).
    """
    if array.dtype.kind in "OUS":
        return "BYTES"
    try:
        return _NAMES[array.dtype.newbyteorder("=")]
    except KeyError:
        raise TypeError(f"the Open Inference Protocol has no datatype for {array.dtype}") from None

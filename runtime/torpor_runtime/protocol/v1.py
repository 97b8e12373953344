"""The V1 protocol: `instances` or `inputs` in, `predictions` out, the model's first output only."""

from typing import Any

import numpy as np
import orjson

from torpor_runtime.models.signature import Model, TensorSpec
from torpor_runtime.protocol.datatypes import Array
from torpor_runtime.protocol.document import as_list, as_object, parse
from torpor_runtime.protocol.endpoint_port import Answer
from torpor_runtime.protocol.errors import RequestError
from torpor_runtime.protocol.signature_check import check_names, check_tensor
from torpor_runtime.protocol.tensors import array_from_json, nested_shape


def parse_request(model: Model, body: bytes) -> dict[str, Array]:
    """Read and check one V1 request.

    `instances` holds one element per row: the row's value or, keyed by input name, its values. `inputs` holds
    whole tensors: the only input's value or, keyed by name, all of them.

    Returns
    -------
    dict
        One array per input of the model, in the model's datatype.

    Raises
    ------
    RequestError
        A field is missing, or the values do not fit the model.
    """
    document = parse(body)
    given = [field for field in ("instances", "inputs") if field in document]
    if len(given) != 1:
        raise RequestError(f"the request: expected field 'instances' or 'inputs', given {sorted(document)}")
    value = document[given[0]]
    columns = _rows(model, as_list(value, "instances")) if given == ["instances"] else _columns(model, value)
    check_names(model.inputs, list(columns))
    return {spec.name: _array(spec, columns[spec.name]) for spec in model.inputs}


def encode_response(array: Array) -> Answer:
    """Write the predictions, nested as the output's shape."""
    value: Any = array.tolist() if array.dtype.kind in "OUS" else np.ascontiguousarray(array)
    return Answer(200, orjson.dumps({"predictions": value}, option=orjson.OPT_SERIALIZE_NUMPY))


def _rows(model: Model, instances: list[Any]) -> dict[str, Any]:
    if not instances:
        raise RequestError("instances: expected at least one element, given none")
    if not isinstance(instances[0], dict):
        return _columns(model, instances)
    rows = [as_object(row, f"instances[{index}]") for index, row in enumerate(instances)]
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise RequestError(f"instances[{index}]: expected inputs {sorted(rows[0])}, given {sorted(row)}")
    return {name: [row[name] for row in rows] for name in rows[0]}


def _columns(model: Model, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return as_object(value, "inputs")
    if len(model.inputs) != 1:
        names = [spec.name for spec in model.inputs]
        raise RequestError(f"expected values keyed by input name {names}, given an array")
    return {model.inputs[0].name: value}


def _array(spec: TensorSpec, value: Any) -> Array:
    data = as_list(value, f"input {spec.name!r}")
    shape = nested_shape(data)
    check_tensor(spec, spec.datatype, shape)
    return array_from_json(spec.name, spec.datatype, shape, data)

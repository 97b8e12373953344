"""Open Inference Protocol V2 over REST: the metadata, and one inference's request and response."""

from dataclasses import dataclass
from typing import Any

import orjson

from torpor_runtime.models.signature import Model, TensorSpec
from torpor_runtime.protocol.binary import HEADER, array_from_binary, binary_from_array, split_body
from torpor_runtime.protocol.datatypes import DTYPES, Array, datatype_of
from torpor_runtime.protocol.document import as_list, as_object, as_string, optional_object, parse, required
from torpor_runtime.protocol.endpoint_port import Answer
from torpor_runtime.protocol.errors import RequestError
from torpor_runtime.protocol.signature_check import check_names, check_outputs, check_tensor
from torpor_runtime.protocol.tensors import array_from_json, json_from_array


@dataclass(frozen=True, kw_only=True)
class InferRequest:
    """A request that fits the model.

    Attributes
    ----------
    id
        To be given back; None when the client sent none.
    inputs
        One array per input of the model.
    outputs
        The asked outputs, in the client's order.
    binary_outputs
        Those of them to be sent as binary data.
    """

    id: str | None
    inputs: dict[str, Array]
    outputs: tuple[str, ...]
    binary_outputs: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One input as the JSON describes it; `binary_bytes` is None when the data stands in the JSON."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any]
    binary_bytes: int | None


def parse_request(model: Model, body: bytes, json_length: int | None) -> InferRequest:
    """Read and check one inference request.

    Raises
    ------
    RequestError
        Anything about it is wrong; the message says what was expected and what was given.
    """
    if json_length is not None and not 0 < json_length <= len(body):
        raise RequestError(
            f"expected {HEADER.decode()} from 1 to {len(body)}, the body's length, given {json_length}"
        )
    document = parse(body if json_length is None else memoryview(body)[:json_length])
    request_id = document.get("id")
    parameters = optional_object(document, "parameters", "the request")
    tensors = [_read_tensor(item, index) for index, item in enumerate(as_list(_inputs(document), "inputs"))]
    check_names(model.inputs, [tensor.name for tensor in tensors])
    outputs, binary_outputs = _read_outputs(model, document.get("outputs"), parameters)
    return InferRequest(
        id=None if request_id is None else as_string(request_id, "id"),
        inputs=_arrays(model, tensors, body, json_length),
        outputs=outputs,
        binary_outputs=binary_outputs,
    )


def encode_response(*, name: str, version: str, request: InferRequest, arrays: list[Array]) -> Answer:
    """Write one inference's response; JSON unless the client asked for binary outputs.

    Parameters
    ----------
    name, version
        The model's.
    request
        What it answers.
    arrays
        One array per asked output.
    """
    outputs: list[dict[str, Any]] = []
    chunks: list[bytes] = []
    for output, array in zip(request.outputs, arrays, strict=True):
        entry: dict[str, Any] = {"name": output, "shape": array.shape, "datatype": datatype_of(array)}
        if output in request.binary_outputs:
            chunks.append(binary_from_array(array))
            entry["parameters"] = {"binary_data_size": len(chunks[-1])}
        else:
            entry["data"] = json_from_array(array)
        outputs.append(entry)
    document: dict[str, Any] = {"model_name": name, "model_version": version}
    if request.id is not None:
        document["id"] = request.id
    document["outputs"] = outputs
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not chunks:
        return Answer(200, head)
    headers = ((b"content-type", b"application/octet-stream"), (HEADER, str(len(head)).encode()))
    return Answer(200, b"".join([head, *chunks]), headers)


def encode_metadata(model: Model, *, name: str, version: str) -> Answer:
    """Write the model's metadata."""
    document = {
        "name": name,
        "versions": [version],
        "platform": model.platform,
        "inputs": [_spec_document(spec) for spec in model.inputs],
        "outputs": [_spec_document(spec) for spec in model.outputs],
    }
    return Answer(200, orjson.dumps(document))


def _spec_document(spec: TensorSpec) -> dict[str, object]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": [-1] if spec.shape is None else spec.shape}


def _inputs(document: dict[str, Any]) -> Any:
    return required(document, "inputs", "the request")


def _read_tensor(item: Any, index: int) -> _Tensor:
    fields = as_object(item, f"inputs[{index}]")
    name = as_string(required(fields, "name", f"inputs[{index}]"), f"inputs[{index}].name")
    where = f"input {name!r}"
    datatype = as_string(required(fields, "datatype", where), f"{where}: datatype")
    if datatype not in DTYPES:
        raise RequestError(f"{where}: expected a datatype of {list(DTYPES)}, given {datatype!r}")
    shape = as_list(required(fields, "shape", where), f"{where}: shape")
    if any(type(length) is not int or length < 0 for length in shape):
        raise RequestError(f"{where}: expected a shape of integers from 0, given {shape}")
    size = optional_object(fields, "parameters", where).get("binary_data_size")
    if size is None:
        return _Tensor(name, datatype, shape, as_list(required(fields, "data", where), f"{where}: data"), None)
    if type(size) is not int or size < 0:
        raise RequestError(f"{where}: expected binary_data_size to be an integer from 0, given {size!r}")
    if "data" in fields:
        raise RequestError(f"{where}: expected either data or binary_data_size, given both")
    return _Tensor(name, datatype, shape, [], size)


def _arrays(model: Model, tensors: list[_Tensor], body: bytes, json_length: int | None) -> dict[str, Array]:
    sizes = [tensor.binary_bytes for tensor in tensors if tensor.binary_bytes is not None]
    if sizes and json_length is None:
        raise RequestError(f"expected header {HEADER.decode()} with binary_data_size, given none")
    chunks = iter([] if json_length is None else split_body(body, json_length, sizes))
    specs = {spec.name: spec for spec in model.inputs}
    arrays: dict[str, Array] = {}
    for tensor in tensors:
        check_tensor(specs[tensor.name], tensor.datatype, tensor.shape)
        if tensor.binary_bytes is None:
            arrays[tensor.name] = array_from_json(tensor.name, tensor.datatype, tensor.shape, tensor.data)
        else:
            arrays[tensor.name] = array_from_binary(tensor.name, tensor.datatype, tensor.shape, next(chunks))
    return arrays


def _read_outputs(model: Model, value: Any, parameters: dict[str, Any]) -> tuple[tuple[str, ...], frozenset[str]]:
    all_binary = bool(parameters.get("binary_data_output", False))
    if not value:
        # Absent, null and [] all ask for the default outputs.
        names = model.default_outputs
        return names, frozenset(names if all_binary else ())
    asked: list[str] = []
    binary: set[str] = set()
    for index, item in enumerate(as_list(value, "outputs")):
        fields = as_object(item, f"outputs[{index}]")
        name = as_string(required(fields, "name", f"outputs[{index}]"), f"outputs[{index}].name")
        asked.append(name)
        if optional_object(fields, "parameters", f"output {name!r}").get("binary_data", all_binary):
            binary.add(name)
    check_outputs(model.outputs, asked)
    return tuple(asked), frozenset(binary)

"""ONNX models on ONNX Runtime."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.models.signature import DYNAMIC, TensorSpec
from torpor_runtime.protocol.datatypes import Array
from torpor_runtime.settings import Settings

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
# skl2onnx wraps class probabilities so by default: one map per row, from class to probability.
_PROBABILITY_MAPS = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
_LOG_ERRORS_ONLY = 3


class _Argument(Protocol):
    name: str
    type: str
    shape: list[int | str | None]


class _Session(Protocol):
    def get_inputs(self) -> list[_Argument]: ...
    def get_outputs(self) -> list[_Argument]: ...
    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Array]) -> list[Any]: ...


class _Options(Protocol):
    intra_op_num_threads: int
    inter_op_num_threads: int
    log_severity_level: int

    def add_session_config_entry(self, key: str, value: str, /) -> None: ...


class _OnnxRuntime(Protocol):
    """The part of onnxruntime used here; the package carries no types."""

    def SessionOptions(self) -> _Options: ...  # noqa: N802 - its name
    def InferenceSession(  # noqa: N802 - its name
        self, path: str, sess_options: _Options, *, providers: list[str]
    ) -> _Session: ...


_onnxruntime = cast("_OnnxRuntime", import_module("onnxruntime"))


class OnnxModel:
    """A session; see `Model`. ONNX Runtime allows concurrent runs of one session."""

    platform = "onnxruntime_onnx"

    def __init__(self, session: _Session) -> None:
        self._session = session
        self.inputs = tuple(_input_spec(argument) for argument in session.get_inputs())
        arguments = session.get_outputs()
        self.outputs = tuple(_output_spec(argument) for argument in arguments)
        self.default_outputs = tuple(spec.name for spec in self.outputs)
        self._has_maps = any(argument.type in _PROBABILITY_MAPS for argument in arguments)

    def predict(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """See `Model`."""
        values = self._session.run(outputs, inputs)
        if self._has_maps:
            return [_table(cast("list[Any]", value)) if isinstance(value, list) else value for value in values]
        return values


def load_model(path: Path, settings: Settings) -> OnnxModel:
    """See `Loader`."""
    options = _onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS_ONLY
    # Spinning threads burn the CPU quota that the next inference needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = _onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # Its exceptions share no base class but Exception.
        raise ModelServerError(Reason.ModelLoadFailed, f"ONNX Runtime cannot load {path.name}: {error}") from error
    return OnnxModel(session)


def _input_spec(argument: _Argument) -> TensorSpec:
    if argument.type not in _DATATYPES:
        raise _unsupported("input", argument)
    return TensorSpec(name=argument.name, datatype=_DATATYPES[argument.type], shape=_shape(argument))


def _output_spec(argument: _Argument) -> TensorSpec:
    if argument.type in _PROBABILITY_MAPS:
        return TensorSpec(name=argument.name, datatype="FP32", shape=(DYNAMIC, DYNAMIC))
    if argument.type not in _DATATYPES:
        raise _unsupported("output", argument)
    return TensorSpec(name=argument.name, datatype=_DATATYPES[argument.type], shape=_shape(argument))


def _shape(argument: _Argument) -> tuple[int, ...]:
    # A named or unknown length reads as a string or None.
    return tuple(length if isinstance(length, int) else DYNAMIC for length in argument.shape)


def _table(rows: list[Any]) -> Array:
    """Return class probabilities, float32, shape (batch, classes); the classes in ascending order."""
    return np.array([[row[key] for key in sorted(row)] for row in rows], dtype=np.float32)


def _unsupported(kind: str, argument: _Argument) -> ModelServerError:
    return ModelServerError(
        Reason.FormatRefused,
        f"{kind} {argument.name!r} is a {argument.type}, which the Open Inference Protocol cannot carry",
    )

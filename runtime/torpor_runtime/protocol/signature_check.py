"""Holding the tensors of a request against what the model takes."""

from collections.abc import Iterable, Sequence

from torpor_runtime.models.signature import DYNAMIC, TensorSpec
from torpor_runtime.protocol.errors import RequestError


def check_names(specs: Sequence[TensorSpec], given: Sequence[str]) -> None:
    """Require every input of the model once, and nothing else.

    Raises
    ------
    RequestError
        An input is unknown, missing or there twice.
    """
    expected = [spec.name for spec in specs]
    for name in given:
        if name not in expected:
            raise RequestError(f"unknown input {name!r}: expected {expected}, given {list(given)}")
    if len(set(given)) != len(given):
        raise RequestError(f"input given twice: expected {expected}, given {list(given)}")
    missing = [name for name in expected if name not in given]
    if missing:
        raise RequestError(f"missing input {missing[0]!r}: expected {expected}, given {list(given)}")


def check_tensor(spec: TensorSpec, datatype: str, shape: Sequence[int]) -> None:
    """Require the datatype, the rank and the fixed axes of a spec.

    Raises
    ------
    RequestError
        One of them differs.
    """
    if datatype != spec.datatype and datatype not in spec.converts:
        raise RequestError(f"input {spec.name!r}: expected datatype {spec.datatype}, given {datatype}")
    if spec.shape is None:
        return
    fits = len(shape) == len(spec.shape) and all(
        wanted in (DYNAMIC, found) for wanted, found in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise RequestError(f"input {spec.name!r}: expected shape {list(spec.shape)}, given {list(shape)}")


def check_outputs(specs: Iterable[TensorSpec], asked: Sequence[str]) -> None:
    """Require that the model has every output asked for.

    Raises
    ------
    RequestError
        It lacks one, or one is asked for twice.
    """
    expected = [spec.name for spec in specs]
    for name in asked:
        if name not in expected:
            raise RequestError(f"unknown output {name!r}: expected some of {expected}, given {list(asked)}")
    if len(set(asked)) != len(asked):
        raise RequestError(f"output asked for twice: expected each once, given {list(asked)}")

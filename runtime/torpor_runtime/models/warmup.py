"""The first inference, made before readiness, so that no client pays for lazy initialisation."""

import numpy as np

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.models.signature import DYNAMIC, Model, TensorSpec
from torpor_runtime.protocol.datatypes import DTYPES, Array


def warm_up(model: Model) -> None:
    """Run one inference on `blank_tensor` inputs and every default output.

    Raises
    ------
    ModelServerError
        WarmUpFailed, with the model's own words.
    """
    inputs = {spec.name: blank_tensor(spec) for spec in model.inputs}
    try:
        model.predict(inputs, model.default_outputs)
    except Exception as error:
        shapes = {name: list(array.shape) for name, array in inputs.items()}
        raise ModelServerError(
            Reason.WarmUpFailed,
            f"the model fails on blank inputs of shape {shapes}: {type(error).__name__}: {error}; "
            "if it cannot take such inputs, set TORPOR_WARMUP=false",
        ) from error


def blank_tensor(spec: TensorSpec) -> Array:
    """Return zeros, or empty strings, of a spec's shape; an axis of any length gets the length 1."""
    shape = tuple(1 if length == DYNAMIC else length for length in spec.shape or (1,))
    if spec.datatype == "BYTES":
        return np.full(shape, "", dtype=object)
    return np.zeros(shape, dtype=DTYPES[spec.datatype])

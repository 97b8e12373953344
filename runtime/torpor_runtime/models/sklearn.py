"""scikit-learn models: skops files, whose types are checked before any of it runs; pickles on demand."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.models.signature import DYNAMIC, TensorSpec
from torpor_runtime.protocol.datatypes import NUMBERS, Array, datatype_of
from torpor_runtime.settings import Settings

PROBABILITIES = "probabilities"
_SKOPS_SUFFIX = ".skops"


class _SkopsIO(Protocol):
    """The part of skops.io used here; the package carries no types."""

    def get_untrusted_types(self, *, file: str) -> list[str]: ...
    def load(self, file: str, trusted: list[str]) -> Any: ...


class _Joblib(Protocol):
    def load(self, filename: str) -> Any: ...


class _SklearnBase(Protocol):
    def is_classifier(self, estimator: Any) -> bool: ...
    def is_regressor(self, estimator: Any) -> bool: ...


# skops.io imports scikit-learn; a pickle needs only the classes that it names, which its load imports.
_sklearn_base = cast("_SklearnBase", import_module("sklearn.base"))


class SklearnModel:
    """An estimator; see `Model`.

    Names and shapes are those that skl2onnx gives the converted model, so a client need not change when a
    model is converted: input `X`; a classifier's `label` (batch) and `probabilities` (batch, classes), a
    regressor's `variable` (batch, targets).
    """

    def __init__(self, estimator: Any, platform: str) -> None:
        self.platform = platform
        self._estimator = estimator
        self._is_regressor = _sklearn_base.is_regressor(estimator)
        features = cast("int | None", getattr(estimator, "n_features_in_", None))
        # Any number converts to what estimators compute with. Text goes through too, for pipelines that
        # encode it themselves.
        self.inputs = (
            TensorSpec(
                name="X",
                datatype="FP64",
                shape=(DYNAMIC, DYNAMIC if features is None else features),
                converts=NUMBERS | {"BYTES"},
            ),
        )
        self.outputs = self._output_specs()
        self.default_outputs = (self.outputs[0].name,)

    def predict(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """See `Model`."""
        features = _as_numbers(inputs["X"])
        return [
            self._probabilities(features) if name == PROBABILITIES else self._prediction(features)
            for name in outputs
        ]

    def _prediction(self, features: Array) -> Array:
        values: Array = np.asarray(self._estimator.predict(features))
        if not self._is_regressor:
            return values
        return np.asarray(values.reshape(-1, 1) if values.ndim == 1 else values, dtype=np.float64)

    def _probabilities(self, features: Array) -> Array:
        return np.asarray(self._estimator.predict_proba(features), dtype=np.float64)

    def _output_specs(self) -> tuple[TensorSpec, ...]:
        if self._is_regressor:
            return (TensorSpec(name="variable", datatype="FP64", shape=(DYNAMIC, DYNAMIC)),)
        classes = getattr(self._estimator, "classes_", None)
        if classes is None or isinstance(classes, list):
            # A clusterer or an outlier detector; or a classifier with several targets, a list of classes.
            return (TensorSpec(name="label", datatype="INT64", shape=None),)
        label = TensorSpec(name="label", datatype=datatype_of(np.asarray(classes)), shape=(DYNAMIC,))
        if not hasattr(self._estimator, "predict_proba"):
            return (label,)
        return label, TensorSpec(name=PROBABILITIES, datatype="FP64", shape=(DYNAMIC, len(classes)))


def load_model(path: Path, settings: Settings) -> SklearnModel:
    """See `Loader`."""
    if path.suffix == _SKOPS_SUFFIX:
        estimator, platform = _load_skops(path, settings.trusted_types), "sklearn_skops"
    elif settings.allow_pickle:
        estimator, platform = _load_pickle(path), "sklearn_pickle"
    else:
        raise ModelServerError(
            Reason.FormatRefused,
            f"{path.name} is no .skops file; it would be read as a pickle, which runs code when loaded; "
            "save the model with skops, or set TORPOR_ALLOW_PICKLE=true if you trust its origin",
        )
    if not hasattr(estimator, "predict"):
        raise ModelServerError(
            Reason.ModelLoadFailed, f"{path.name} holds a {type(estimator).__name__}, which has no predict"
        )
    return SklearnModel(estimator, platform)


def _as_numbers(features: Array) -> Array:
    """Return float64, so that the outputs' datatypes do not depend on the client's; text stays text."""
    return features if features.dtype.kind == "O" else features.astype(np.float64, copy=False)


def _load_skops(path: Path, trusted: Sequence[str]) -> Any:
    skops_io = cast("_SkopsIO", import_module("skops.io"))
    try:
        untrusted = [name for name in skops_io.get_untrusted_types(file=str(path)) if name not in trusted]
    except Exception as error:
        raise _unreadable(path, error) from error
    if untrusted:
        raise ModelServerError(
            Reason.FormatRefused,
            f"{path.name} holds types that are not trusted: {', '.join(untrusted)}; "
            "list them in TORPOR_TRUSTED_TYPES if you trust them",
        )
    try:
        return skops_io.load(str(path), trusted=list(trusted))
    except Exception as error:
        raise _unreadable(path, error) from error


def _load_pickle(path: Path) -> Any:
    # joblib reads its own files and plain pickles alike.
    joblib = cast("_Joblib", import_module("joblib"))
    try:
        return joblib.load(str(path))
    except Exception as error:
        # Unpickling runs the file's own code, which may raise anything.
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ModelServerError:
    return ModelServerError(Reason.ModelLoadFailed, f"cannot load {path.name}: {type(error).__name__}: {error}")

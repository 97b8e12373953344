"""The module that loads each format. Nothing here imports a framework; `import_loader` does."""

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from torpor_runtime.models.signature import Model
from torpor_runtime.settings import Settings

_MODULES = {"onnx": "torpor_runtime.models.onnx", "sklearn": "torpor_runtime.models.sklearn"}


class Loader(Protocol):
    """What each format's module offers."""

    def load_model(self, path: Path, settings: Settings) -> Model:
        """Load a model file.

        Raises
        ------
        ModelServerError
            FormatRefused or ModelLoadFailed, with the framework's own words.
        """
        ...


def import_loader(model_format: str) -> Loader:
    """Import the framework of one format and nothing of the others."""
    return cast("Loader", import_module(_MODULES[model_format]))

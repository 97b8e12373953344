"""What every API model shares: names, strictness, and the rules that reach the CRD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

GROUP = "torpor.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MODEL_LABEL = f"{GROUP}/model"
"""On every child, with the name of the ServerlessModel; children are watched by it."""

FIELD_MANAGER = "torpor"


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule (`x-kubernetes-validations`) on the object that carries it.

    The API server and `torpor check` evaluate the same expression, so it uses only the CEL standard library.

    Attributes
    ----------
    field
        The field to blame, in YAML spelling; None blames the object that carries the rule.
    """

    expression: str
    message: str
    field: str | None = None


class ApiModel(BaseModel):
    """A part of a Torpor object: camelCase in YAML, unknown fields refused, immutable once parsed."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()


FreeObject = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""A Kubernetes object that Knative's own webhook checks; passed on as it is."""

QUANTITY_PATTERN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"

Quantity = Annotated[
    int | Annotated[str, Field(max_length=32, pattern=QUANTITY_PATTERN)],
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 32, "pattern": QUANTITY_PATTERN}),
]
"""A Kubernetes quantity: 250m, 1, 512Mi."""


def keyed_by(*fields: str) -> dict[str, Any]:
    """Mark a list as a map: server-side apply merges its entries by these fields, and they must be unique.

    Goes into `Field(json_schema_extra=...)`, with fields in YAML spelling. Other lists are atomic.
    """
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(fields)}


Text = Annotated[str, Field(max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=253)]
StringMap = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]],
    Field(max_length=64),
]

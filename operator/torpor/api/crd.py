"""The CustomResourceDefinitions, made from the models: values in, dictionaries out.

pydantic's JSON schema becomes a structural one: references inlined, null unions collapsed, defaults kept, and
the models' CEL rules attached. A construct that a CRD cannot carry raises here, not in the API server.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from torpor.api.base import GROUP, VERSION, ApiModel, Rule
from torpor.api.modelstatus import ServerlessModelStatus
from torpor.api.serverlessmodel import MODEL_RULES, ServerlessModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

Json = dict[str, Any]

# Every keyword that the models may use, in the order they are written.
_KEYWORDS = (
    "description",
    "type",
    "format",
    "default",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "items",
    "properties",
    "additionalProperties",
    "required",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; a wide one shows with `-o wide` only."""

    name: str
    path: str
    description: str
    type: Literal["string", "integer", "date"] = "string"
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the group."""

    name: str
    plural: str
    short_names: tuple[str, ...]
    description: str
    spec: type[ApiModel]
    status: type[ApiModel]
    rules: tuple[Rule, ...]
    columns: tuple[Column, ...]


def _ready(part: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{part}'


KINDS = (
    Kind(
        name="ServerlessModel",
        plural="serverlessmodels",
        short_names=("slm",),
        description="A model that is served while it is called and sleeps when it is not.",
        spec=ServerlessModelSpec,
        status=ServerlessModelStatus,
        rules=MODEL_RULES,
        columns=(
            Column("State", ".status.state", "One word for people"),
            Column("Replicas", ".status.serving.replicas", "Replicas that run now", "integer"),
            Column("URL", ".status.url", "Where the model answers from outside"),
            Column("Ready", _ready("status"), "Whether the wanted revision serves, or sleeps and would"),
            Column("Age", ".metadata.creationTimestamp", "Time since the object was made", "date"),
            Column("Revision", ".status.serving.revision", "The revision that answers", is_wide=True),
            Column("Reason", _ready("reason"), "Why the model is ready or not", is_wide=True),
            Column("Message", _ready("message"), "What is wrong and what to do", is_wide=True),
        ),
    ),
)


class _ModelSchema(GenerateJsonSchema):
    """pydantic's generator, with rules attached and without null."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        if issubclass(model, ApiModel) and model.rules:
            made["x-kubernetes-validations"] = _make_validations(model.rules)
        return made

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        # An absent field says the same as null, which the API server prunes anyway.
        return self.generate_inner(schema["schema"])

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        made = super().literal_schema(schema)
        if "const" in made:
            made["enum"] = [made.pop("const")]
        return made

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            # In full: the API server evaluates rules on a default before it fills in the fields' own.
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        return super().encode_default(dft)


def make_crds() -> list[Json]:
    """Make the CRD of every kind."""
    return [_make_crd(kind) for kind in KINDS]


def crd_file_name(crd: Mapping[str, Any]) -> str:
    """Give the file name of a CRD as controller-gen spells it: group_plural.yaml."""
    return f"{crd['spec']['group']}_{crd['spec']['names']['plural']}.yaml"


def _make_crd(kind: Kind) -> Json:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": list(kind.short_names),
                "categories": ["torpor"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_make_column(column) for column in kind.columns],
                    "schema": {"openAPIV3Schema": _make_root(kind)},
                },
            ],
        },
    }


def _make_root(kind: Kind) -> Json:
    status = make_schema(kind.status)
    # kstatus: an object without status would read as done; this one reads as in progress.
    status = _in_order(status | {"default": {"observedGeneration": -1}})
    root: Json = {
        "description": kind.description,
        "type": "object",
        "properties": {
            "apiVersion": {"description": f"{GROUP}/{VERSION}.", "type": "string", "maxLength": 253},
            "kind": {"description": f"{kind.name}.", "type": "string", "maxLength": 63},
            # The API server describes metadata itself: it takes no description, and the name for rules alone.
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": make_schema(kind.spec),
            "status": status,
        },
        "required": ["spec"],
    }
    if kind.rules:
        root["x-kubernetes-validations"] = _make_validations(kind.rules)
    return _in_order(root)


def _make_column(column: Column) -> Json:
    made: Json = {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
        "description": column.description,
    }
    return made | ({"priority": 1} if column.is_wide else {})


def _make_validations(rules: tuple[Rule, ...]) -> list[Json]:
    return [
        {"rule": rule.expression, "message": rule.message} | ({"fieldPath": f".{rule.field}"} if rule.field else {})
        for rule in rules
    ]


def make_schema(model: type[ApiModel]) -> Json:
    """Make the structural schema of a model.

    Raises
    ------
    TypeError
        A field has a type that no structural schema can express.
    """
    schema = model.model_json_schema(by_alias=True, schema_generator=_ModelSchema)
    definitions = schema.pop("$defs", {})
    return _make_structural(schema, definitions, model.__name__, ())


def _make_structural(schema: Json, definitions: Json, path: str, parents: tuple[str, ...]) -> Json:
    """Inline references and keep only what a structural schema may hold."""
    if reference := schema.get("$ref"):
        name = str(reference).rpartition("/")[2]
        if name in parents:
            raise TypeError(f"{path}: {name} contains itself, and a CRD cannot recurse")
        parents = (*parents, name)
        # A field's own description and default go before those of its type.
        schema = {**definitions[name], **{key: part for key, part in schema.items() if key != "$ref"}}
    schema = _tidy(schema)
    if unknown := schema.keys() - set(_KEYWORDS):
        raise TypeError(f"{path}: a structural schema cannot hold {', '.join(sorted(unknown))}")
    if "properties" in schema and "additionalProperties" in schema:
        raise TypeError(f"{path}: properties exclude additionalProperties")

    if "properties" in schema:
        schema["properties"] = {
            name: _make_structural(part, definitions, f"{path}.{name}", parents)
            for name, part in schema["properties"].items()
        }
    if "items" in schema:
        schema["items"] = _make_structural(schema["items"], definitions, f"{path}[]", parents)
        schema.setdefault("x-kubernetes-list-type", "atomic")
    if "additionalProperties" in schema:
        schema["additionalProperties"] = _make_structural(
            schema["additionalProperties"], definitions, f"{path}{{}}", parents
        )
    return _in_order(schema)


def _tidy(schema: Json) -> Json:
    """Copy one level of a schema without what says nothing in a CRD."""
    made = copy.deepcopy(schema)
    made.pop("title", None)
    if made.get("default", ...) is None:
        del made["default"]
    if made.get("additionalProperties") is False:
        # Unknown fields of a structural schema are refused or pruned by the API server.
        del made["additionalProperties"]
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if rules := made.get("x-kubernetes-validations"):
        # pydantic sorts keys; a rule reads best before its message.
        order = ("rule", "message", "fieldPath")
        made["x-kubernetes-validations"] = [{key: rule[key] for key in order if key in rule} for rule in rules]
    return made


def _in_order(schema: Json) -> Json:
    return {key: schema[key] for key in _KEYWORDS if key in schema}

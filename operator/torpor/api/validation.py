"""Offline validation: what the API server would refuse, found without one.

A manifest is checked against the CRDs' own schema and CEL rules, in the API server's order: nulls pruned,
defaults filled in, schema, rules. Text in, problems out; reading files is the caller's part. It never contacts
a cluster, and so leaves what needs one (ownership, quotas, transition rules) to the API server.
"""

from __future__ import annotations

import copy
import difflib
import functools
import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import yaml
from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs] (typed, but without py.typed)

from torpor.api.base import GROUP, QUANTITY_PATTERN
from torpor.api.crd import make_crds
from torpor.api.durations import DURATION_PATTERN
from torpor.api.serverlessmodel import URI_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
Path = tuple[str | int, ...]

MAX_VALUES = 100_000
"""Aliases expand; a document with more values than this is a mistake or an attack."""

_PATTERN_HINTS = {
    DURATION_PATTERN: "is not a duration such as 90s, 5m or 1h30m",
    QUANTITY_PATTERN: "is not a quantity such as 250m, 2 or 512Mi",
    URI_PATTERN: "is not a URI such as s3://bucket/path, https://host/path or pvc://claim/path",
}

_LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
_TEXT: Json = {"type": "string"}
_ANYTHING: Json = {"x-kubernetes-preserve-unknown-fields": True}
_METADATA: Json = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "generateName": _TEXT,
        "namespace": {"type": "string", "maxLength": 63, "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 63, "pattern": _LABEL_VALUE},
        },
        "annotations": {"type": "object", "additionalProperties": _TEXT},
        "finalizers": {"type": "array", "items": _TEXT},
        "ownerReferences": {"type": "array", "items": _ANYTHING},
        "managedFields": {"type": "array", "items": _ANYTHING},
        "uid": _TEXT,
        "resourceVersion": _TEXT,
        "selfLink": _TEXT,
        "generation": {"type": "integer"},
        "creationTimestamp": _TEXT,
        "deletionTimestamp": _TEXT,
        "deletionGracePeriodSeconds": {"type": "integer"},
    },
}
"""What of ObjectMeta can be checked without a cluster; a CRD may not describe metadata."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that the API server would refuse."""

    file: str
    line: int
    """Line of the offending key, from 1."""
    object: str
    """Kind, namespace and name, as far as they are known."""
    field: str
    """Path of the field, such as spec.scaling.minReplicas; empty for the whole document."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return where + (f"{self.field}: {self.message}" if self.field else self.message)


@dataclass(slots=True)
class Report:
    """What checking one text found."""

    checked: int = 0
    """Objects of our group."""
    skipped: int = 0
    """Other documents."""
    problems: list[Problem] = field(default_factory=list[Problem])
    unreadable: Problem | None = None
    """Why the text, or its rest, is not YAML."""


def check_text(text: str, file: str) -> Report:
    """Check every document of a YAML or JSON text.

    Parameters
    ----------
    file
        Name that the problems carry.
    """
    report = Report()
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                _check_document(_Document(node, file), report)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        said = " ".join(part for part in (error.context, error.problem) if part)
        report.unreadable = Problem(file, line, "", "", f"not YAML: {said}")
    except yaml.YAMLError as error:
        report.unreadable = Problem(file, 1, "", "", f"not YAML: {' '.join(str(error).split())}")
    except RecursionError:
        report.unreadable = Problem(file, 1, "", "", "nested too deeply")
    except _TooLargeError as error:
        report.unreadable = Problem(file, error.line, "", "", str(error))
    return report


# --- from YAML to values ------------------------------------------------------------------------------------


class _TooLargeError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _make_resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Give the patterns of plain scalars by first character, as PyYAML wants them."""
    kinds = (
        ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        (
            "bool",
            r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$",
            [*"yYnNtTfFoO"],
        ),
        (
            "int",
            r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)$",
            [*"-+0123456789"],
        ),
        (
            "float",
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"
            r"|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$",
            [*"-+0123456789."],
        ),
        ("merge", r"<<$", ["<"]),
    )
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for kind, pattern, firsts in kinds:
        for first in firsts:
            resolvers.setdefault(first, []).append((f"tag:yaml.org,2002:{kind}", re.compile(pattern)))
    return resolvers


class _Loader(yaml.SafeLoader):
    """Reads plain scalars as kubectl does: YAML 1.1 without dates and sexagesimal numbers, 1e3 a number."""

    yaml_implicit_resolvers = _make_resolvers()


_TRUE = ("yes", "true", "on")


class _Document:
    """The value of one YAML document, and the line of each of its keys."""

    def __init__(self, node: yaml.Node, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.problems: list[tuple[Path, int, str]] = []
        """What strict decoding refuses: path, line, message."""
        self._values = 0
        self._open: set[int] = set()
        self.value = self._convert(node, ())

    def line(self, path: Path) -> int:
        """Give the line of a path, or of the nearest thing above it that the text holds."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def _convert(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._values += 1
        if self._values > MAX_VALUES:
            raise _TooLargeError(line, f"more than {MAX_VALUES} values in one document")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            raise _TooLargeError(line, "an alias contains itself")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._convert(item, (*path, i)) for i, item in enumerate(_children(node))]
            return self._mapping(cast("yaml.MappingNode", node), path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Json:
        value: Json = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            line = key_node.start_mark.line + 1
            if key_node.tag.endswith(":merge"):
                merged += _children(value_node) if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append((path, line, "a key must be a string"))
                continue
            key = str(key_node.value)
            if key in value:
                self.problems.append(((*path, key), line, "the key is given twice"))
            self.lines[(*path, key)] = line
            value[key] = self._convert(value_node, (*path, key))
        for other in merged:
            if isinstance(other, yaml.MappingNode):
                # The mapping's own keys go before merged ones.
                value = self._convert(other, path) | value
            else:
                self.problems.append((path, other.start_mark.line + 1, "only a mapping can be merged"))
        return value

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        match node.tag.rpartition(":")[2]:
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "int":
                return _integer(text)
            case "float":
                return self._float(text, path, node.start_mark.line + 1)
            case _:
                return text

    def _float(self, text: str, path: Path, line: int) -> Any:
        try:
            number = float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            return text
        if not math.isfinite(number):
            self.problems.append((path, line, f"{text} is not a number in JSON"))
            return 0
        # JSON has one kind of number: 2.0 is an integer to the API server.
        return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _children(node: yaml.Node) -> list[yaml.Node]:
    return cast("list[yaml.Node]", node.value)


def _integer(text: str) -> Any:
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-").lower()
    try:
        if digits.startswith(("0b", "0o", "0x")):
            return sign * int(digits, 0)
        return sign * int(digits, 8 if digits.startswith("0") else 10)
    except ValueError:
        return text


# --- objects ------------------------------------------------------------------------------------------------


@functools.cache
def _schemas() -> dict[str, dict[str, Json]]:
    """Give the schema of each kind and version, with metadata described."""
    schemas: dict[str, dict[str, Json]] = {}
    for crd in make_crds():
        versions = schemas.setdefault(crd["spec"]["names"]["kind"], {})
        for version in crd["spec"]["versions"]:
            schema = copy.deepcopy(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = _METADATA
            versions[version["name"]] = schema
    return schemas


def _check_document(document: _Document, report: Report) -> None:
    value = document.value
    if value is None:
        return
    before = report.checked
    if isinstance(value, dict) and _is_list(cast("Json", value)):
        for i, item in enumerate(cast("Json", value)["items"]):
            _check_object(document, item, ("items", i), report)
    else:
        _check_object(document, value, (), report)
    if report.checked > before:
        # A manifest of somebody else's may be as sloppy as its owner likes; ours is decoded strictly.
        name = _describe(cast("Json", value)) if isinstance(value, dict) else ""
        report.problems += [
            Problem(document.file, line, name, _spell(path), message) for path, line, message in document.problems
        ]
    report.problems.sort(key=lambda problem: problem.line)


def _is_list(value: Json) -> bool:
    return value.get("apiVersion") == "v1" and value.get("kind") == "List" and isinstance(value.get("items"), list)


def _check_object(document: _Document, value: Any, base: Path, report: Report) -> None:
    if not isinstance(value, dict) or not _is_ours(cast("Json", value)):
        report.skipped += 1
        return
    value = cast("Json", value)
    report.checked += 1
    name = _describe(value)
    found = sorted(set(_find_problems(value)), key=lambda fault: document.line((*base, *fault.path)))
    for fault in found:
        path = (*base, *fault.path)
        report.problems.append(Problem(document.file, document.line(path), name, _spell(path), fault.message))


def _is_ours(value: Json) -> bool:
    version, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(version, str) and version:
        return version == GROUP or version.startswith(f"{GROUP}/")
    # apiVersion is missing or misspelt.
    return (isinstance(kind, str) and kind in _schemas()) or any(
        isinstance(part, str) and part.startswith(f"{GROUP}/") for part in value.values()
    )


def _describe(value: Json) -> str:
    metadata = value.get("metadata")
    parts: list[str] = []
    if isinstance(metadata, dict):
        metadata = cast("Json", metadata)
        name = metadata.get("name") or metadata.get("generateName")
        parts = [part for part in (metadata.get("namespace"), name) if isinstance(part, str)]
    return " ".join(part for part in (str(value.get("kind") or "?"), "/".join(parts)) if part)


# --- the API server's part ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fault:
    path: Path
    message: str
    is_unknown_field: bool = False


def _find_problems(value: Json) -> Iterator[_Fault]:
    """Yield all that is wrong with one object of our group."""
    version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(version, str) or not version:
        yield _Fault(("apiVersion",), f"required: {_versions(kind)}")
        return
    if not isinstance(kind, str) or kind not in _schemas():
        kinds = ", ".join(sorted(_schemas()))
        what = f"unknown kind {kind!r}" if kind else "required"
        yield _Fault(
            ("kind",), f"{what}; the kinds of {GROUP} are {kinds}{_did_you_mean(str(kind), list(_schemas()))}"
        )
        return
    schema = _schemas()[kind].get(version.rpartition("/")[2] if "/" in version else "")
    if schema is None:
        yield _Fault(("apiVersion",), f"unknown version {version!r}: use {_versions(kind)}")
        return

    status = value.get("status")
    value = {key: part for key, part in value.items() if key != "status"}
    if status is not None:
        # The API server drops a status that comes with the spec, but decodes it first.
        for fault in _check_schema(status, schema["properties"]["status"], ("status",), schema):
            if fault.is_unknown_field:
                yield fault
    value = _complete(value, schema)
    faults = [*_check_name(value), *_check_schema(value, schema, (), schema)]
    yield from faults
    yield from _check_rules(_with_name(value), schema, (), frozenset(fault.path for fault in faults))


def _versions(kind: object) -> str:
    names = {version for name, versions in _schemas().items() if kind in {name, None} for version in versions}
    return " or ".join(f"{GROUP}/{name}" for name in sorted(names)) or f"{GROUP}/…"


def _complete(value: Any, schema: Json) -> Any:
    """Prune nulls and fill in defaults, as the API server does before it validates."""
    if isinstance(value, list):
        items = schema.get("items")
        given_items = cast("list[Any]", value)
        return [_complete(item, items) for item in given_items] if items else given_items
    if not isinstance(value, dict):
        return value
    given = cast("Json", value)
    properties: Json = schema.get("properties", {})
    additional = schema.get("additionalProperties")
    made: Json = {}
    for key, part in given.items():
        known = properties.get(key, additional)
        if known is None:
            made[key] = part
        elif part is not None or known.get("nullable"):
            made[key] = _complete(part, known)
    for key, known in properties.items():
        if key not in made and "default" in known:
            made[key] = _complete(copy.deepcopy(known["default"]), known)
    return made


def _check_name(value: Json) -> Iterator[_Fault]:
    metadata = value.get("metadata")
    if metadata is None:
        yield _Fault(("metadata",), "required")
    elif isinstance(metadata, dict):
        metadata = cast("Json", metadata)
        if not (metadata.get("name") or metadata.get("generateName")):
            yield _Fault(("metadata", "name"), "required")


def _with_name(value: Json) -> Json:
    """Give the object the name that the API server would make from generateName, as far as rules can tell."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return value
    metadata = cast("Json", metadata)
    prefix = metadata.get("generateName")
    if metadata.get("name") or not isinstance(prefix, str):
        return value
    return value | {"metadata": metadata | {"name": f"{prefix[:58]}xxxxx"}}


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}


def _check_schema(value: Any, schema: Json, path: Path, root: Json) -> Iterator[_Fault]:
    """Yield where a value breaks its structural schema."""
    if schema.get("x-kubernetes-int-or-string"):
        wanted, types = "a string or an integer", (str, int)
    elif "type" in schema:
        wanted, types = schema["type"], _TYPES[schema["type"]]
        wanted = f"{'an' if wanted[0] in 'aio' else 'a'} {wanted}"
    else:
        return
    is_bool_by_mistake = isinstance(value, bool) and bool not in types
    if not isinstance(value, types) or is_bool_by_mistake:
        yield _Fault(path, f"must be {wanted}, not {_show(value)}{_quote_it(value, types)}")
        return
    if "enum" in schema and value not in schema["enum"]:
        choice = schema["enum"]
        near = _did_you_mean(str(value), choice)
        yield _Fault(
            path,
            f"must be {'one of ' if len(choice) > 1 else ''}{', '.join(choice)}, not {_show(value)}{near}",
        )
    if isinstance(value, str):
        yield from _check_string(value, schema, path)
    elif isinstance(value, dict):
        yield from _check_mapping(cast("Json", value), schema, path, root)
    elif isinstance(value, list):
        yield from _check_array(cast("list[Any]", value), schema, path, root)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _check_number(value, schema, path)


def _check_string(value: str, schema: Json, path: Path) -> Iterator[_Fault]:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if len(value) < low:
        yield _Fault(path, "must not be empty" if not value else f"must have at least {low} characters")
    if high is not None and len(value) > high:
        yield _Fault(path, f"must have at most {high} characters, not {len(value)}")
    pattern = schema.get("pattern")
    if pattern is not None and value and not _matches(value, pattern):
        yield _Fault(path, f"{_show(value)} {_PATTERN_HINTS.get(pattern, f'does not match {pattern}')}")


def _check_number(value: float, schema: Json, path: Path) -> Iterator[_Fault]:
    if "minimum" in schema and value < schema["minimum"]:
        yield _Fault(path, f"must be at least {schema['minimum']}, not {_show(value)}")
    if "maximum" in schema and value > schema["maximum"]:
        yield _Fault(path, f"must be at most {schema['maximum']}, not {_show(value)}")
    if "maximum" not in schema and not -(2**63) <= value < 2**63:
        yield _Fault(path, "does not fit 64 bits")


def _check_mapping(value: Json, schema: Json, path: Path, root: Json) -> Iterator[_Fault]:
    properties: Json = schema.get("properties", {})
    additional = schema.get("additionalProperties")
    for key in schema.get("required", ()):
        if key not in value:
            yield _Fault((*path, key), "required")
    if len(value) > schema.get("maxProperties", len(value)):
        yield _Fault(path, f"must have at most {schema['maxProperties']} entries, not {len(value)}")
    for key, part in value.items():
        if key in properties:
            yield from _check_schema(part, properties[key], (*path, key), root)
        elif additional is not None:
            yield from _check_schema(part, additional, (*path, key), root)
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield _Fault(
                (*path, key),
                f"unknown field{_near_field(key, path, properties, root)}",
                is_unknown_field=True,
            )


def _check_array(value: list[Any], schema: Json, path: Path, root: Json) -> Iterator[_Fault]:
    high = schema.get("maxItems", len(value))
    if len(value) > high:
        yield _Fault(path, f"must have at most {high} {'entry' if high == 1 else 'entries'}, not {len(value)}")
    for i, item in enumerate(value):
        yield from _check_schema(item, schema.get("items", {}), (*path, i), root)
    keys = schema.get("x-kubernetes-list-map-keys")
    if not keys:
        return
    seen: set[str] = set()
    for i, item in enumerate(value):
        if not isinstance(item, dict):
            continue
        identity = {key: cast("Json", item).get(key) for key in keys}
        text = json.dumps(identity, default=str)
        if text in seen:
            yield _Fault(
                (*path, i),
                "given twice: " + ", ".join(f"{key} {_show(part)}" for key, part in identity.items()),
            )
        seen.add(text)


def _check_rules(value: Any, schema: Json, path: Path, faulty: frozenset[Path]) -> Iterator[_Fault]:
    """Yield the CEL rules that do not hold, here and below."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" in rule["rule"]:
            # A transition rule needs the object that the cluster has.
            continue
        blamed = (*path, *rule.get("fieldPath", "").split(".")[1:])
        error = _evaluate(rule["rule"], value)
        if error is None or (blamed != path and _has_fault(blamed, faulty)):
            # What is wrong with the field itself says more than the rule.
            continue
        if not error:
            yield _Fault(blamed, rule["message"])
        elif not _has_fault(path, faulty):
            # Otherwise a fault that is reported already keeps the rule from being evaluated.
            yield _Fault(blamed, f"cannot be checked ({error}): {rule['message']}")
    for step, part, known in _parts(value, schema):
        yield from _check_rules(part, known, (*path, step), faulty)


def _has_fault(path: Path, faulty: frozenset[Path]) -> bool:
    return any(part[: len(path)] == path for part in faulty)


def _parts(value: Any, schema: Json) -> Iterator[tuple[str | int, Any, Json]]:
    """Yield the parts of a value that the schema describes, each with its key and schema."""
    if isinstance(value, dict):
        properties: Json = schema.get("properties", {})
        for key, part in cast("Json", value).items():
            known = properties.get(key, schema.get("additionalProperties"))
            if known is not None:
                yield key, part, known
    elif isinstance(value, list):
        for i, item in enumerate(cast("list[Any]", value)):
            yield i, item, schema.get("items", {})


# --- CEL ----------------------------------------------------------------------------------------------------


@functools.cache
def _compile(expression: str) -> cel.Expression:
    dynamic = cel.Type.DYN
    return cel.NewEnv(variables={"self": dynamic, "pattern": dynamic}).compile(expression)


def _evaluate(expression: str, value: Any, **variables: Any) -> str | None:
    """Evaluate a rule: None when it holds, empty text when not, otherwise why it cannot be evaluated."""
    try:
        result = _compile(expression).eval(data={"self": value, **variables}).value()
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        result = str(error)
    if isinstance(result, bool):
        return None if result else ""
    # The library gives an error as a value; its first words are a status code.
    return re.sub(r"^[A-Z_]+: ", "", str(result).partition("\n")[0]) or "no result"


def _matches(value: str, pattern: str) -> bool:
    """Match as the API server does: RE2, which differs from Python's engine."""
    return _evaluate("self.matches(pattern)", value, pattern=pattern) is None


# --- words --------------------------------------------------------------------------------------------------


def _spell(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_$][\w$-]*", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _quote_it(value: Any, types: tuple[type, ...]) -> str:
    if types == (str,) and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if str not in types and isinstance(value, str) and _integer_text(value):
        return "; leave the quotes out"
    return ""


def _integer_text(value: str) -> bool:
    return re.fullmatch(r"-?[0-9]+", value) is not None


def _did_you_mean(word: str, choice: list[str]) -> str:
    lowered = {name.lower(): name for name in choice}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.7)
    return f"; did you mean {lowered[near[0]]}?" if near else ""


def _near_field(key: str, path: Path, properties: Json, root: Json) -> str:
    """Suggest a sibling of like spelling, or the place where a field of this name belongs."""
    if near := _did_you_mean(key, list(properties)):
        return near
    places = [place for place in _field_paths(root["properties"]["spec"], ("spec",)) if place[-1] == key]
    top = tuple(part for part in path if isinstance(part, str))[:2]
    places.sort(key=lambda place: (place[:2] != top, len(place)))
    return f"; did you mean {_spell(places[0])}?" if places else ""


def _field_paths(schema: Json, path: Path) -> Iterator[Path]:
    for key, part in schema.get("properties", {}).items():
        yield (*path, key)
        yield from _field_paths(part, (*path, key))

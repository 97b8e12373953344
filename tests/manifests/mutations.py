"""Manifests gone wrong in one to three random places."""

import copy
import random
from typing import Any

import yaml

from tests.manifests.cases import FOLDER, GOOD_FILES

_VALUES = (
    None, "", "x", "é" * 5000, "5", "1h", "0s", "999999h", "true", 0, 1, -1, 7, 10**9, 2**63, 10**30, 0.5, 2.0, -1e300,
    True, [], {}, [None], [{}], [[]], [1], {"name": "A"}, {"": ""}, {"a": None}, [{"name": "A"}, {"name": "A"}],
)  # fmt: skip
_KEYS = ("", "name", "minReplicas", "model", "container", "a b", "ключ", "x" * 300, "env", "status", "value")


def mutate(seed: int) -> dict[str, Any]:
    """Make the same manifest for the same seed."""
    pick = random.Random(seed)
    made = yaml.safe_load((FOLDER / pick.choice(GOOD_FILES)).read_text())
    for _ in range(pick.randint(1, 3)):
        _break_one(made, pick)
    return made


def _break_one(manifest: dict[str, Any], pick: random.Random) -> None:
    places = [place for place in _places(manifest) if place[1] not in ("apiVersion", "kind")]
    owner, key = pick.choice(places)
    match pick.randrange(5):
        case 0:
            del owner[key]
        case 1 if isinstance(owner, dict):
            owner[pick.choice(_KEYS)] = owner.pop(key)
        case 2 if isinstance(owner, list):
            owner.append(copy.deepcopy(owner[key]))
        case 3 if isinstance(owner, dict):
            owner[pick.choice(_KEYS)] = copy.deepcopy(pick.choice(_VALUES))
        case _:
            owner[key] = copy.deepcopy(pick.choice(_VALUES))


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every entry of every mapping and list, as its owner and key."""
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        found += [(value, key), *_places(part)]
    return found

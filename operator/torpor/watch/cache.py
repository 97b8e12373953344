"""The watched objects in memory; nothing here is state of our own, all of it can be listed again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from torpor.api.observed import (
    Key,
    Kind,
    Observed,
    ObservedCrd,
    ObservedModel,
    ObservedPod,
    ObservedRevision,
    ObservedService,
    model_of,
)


class Cache:
    """Objects by kind and key, revisions and pods also by their model."""

    def __init__(self) -> None:
        self._models: dict[Key, ObservedModel] = {}
        self._services: dict[Key, ObservedService] = {}
        self._crds: dict[Key, ObservedCrd] = {}
        self._revisions: defaultdict[Key, dict[str, ObservedRevision]] = defaultdict(dict)
        self._pods: defaultdict[Key, dict[str, ObservedPod]] = defaultdict(dict)

    def model(self, key: Key) -> ObservedModel | None:
        """Give a ServerlessModel."""
        return self._models.get(key)

    def service(self, key: Key) -> ObservedService | None:
        """Give the Knative Service of a model's name."""
        return self._services.get(key)

    def revisions(self, key: Key) -> Mapping[str, ObservedRevision]:
        """Give the revisions of a model by name."""
        return self._revisions.get(key, {})

    def pods(self, key: Key) -> Iterable[ObservedPod]:
        """Give the pods of a model."""
        return self._pods.get(key, {}).values()

    def crd(self, name: str) -> ObservedCrd | None:
        """Give a CustomResourceDefinition."""
        return self._crds.get(Key("", name))

    def model_keys(self) -> Sequence[Key]:
        """Give the keys of all ServerlessModels."""
        return list(self._models)

    def states(self) -> Counter[str]:
        """Count the models by the state in their status."""
        return Counter(str(model.status.get("state", "Pending")) for model in self._models.values())

    def put(self, kind: Kind, observed: Observed) -> bool:
        """Take an object in; False when the same or something newer is known already.

        A write's answer and the watch event of the same change arrive in any order, so the version decides.
        """
        bucket = self._bucket(kind, observed)
        name = _slot(kind, observed)
        known = bucket.get(name)
        if known is not None and known.uid == observed.uid and known.resource_version >= observed.resource_version:
            return False
        bucket[name] = observed
        return True

    def remove(self, kind: Kind, observed: Observed) -> bool:
        """Forget an object, unless another one has taken its name."""
        bucket = self._bucket(kind, observed)
        name = _slot(kind, observed)
        known = bucket.get(name)
        if known is None or known.uid != observed.uid:
            return False
        del bucket[name]
        return True

    def replace(self, kind: Kind, listed: Iterable[Observed]) -> set[Key]:
        """Take in a fresh list and drop what it lacks; give the models whose objects changed.

        Watches miss deletions after a 410 Gone, so ghosts are only found this way.
        """
        alive = list(listed)
        uids = {observed.uid for observed in alive}
        changed = {model_of(o) for o in alive if self.put(kind, o)}
        ghosts = [o for o in self._all(kind) if o.uid not in uids]
        changed |= {model_of(o) for o in ghosts if self.remove(kind, o)}
        return {key for key in changed if key is not None}

    def _bucket(self, kind: Kind, observed: Observed) -> dict[object, Observed]:
        buckets: dict[Kind, object] = {
            Kind.MODEL: self._models,
            Kind.SERVICE: self._services,
            Kind.CRD: self._crds,
        }
        if kind in buckets:
            return buckets[kind]  # pyright: ignore[reportReturnType] - one dict type per kind, chosen by kind
        key = model_of(observed) or observed.key
        grouped = self._revisions if kind is Kind.REVISION else self._pods
        return grouped[key]  # pyright: ignore[reportReturnType] - as above

    def _all(self, kind: Kind) -> list[Observed]:
        match kind:
            case Kind.MODEL:
                return list(self._models.values())
            case Kind.SERVICE:
                return list(self._services.values())
            case Kind.CRD:
                return list(self._crds.values())
            case Kind.REVISION:
                return [o for group in self._revisions.values() for o in group.values()]
            case Kind.POD:
                return [o for group in self._pods.values() for o in group.values()]


def _slot(kind: Kind, observed: Observed) -> object:
    return observed.key.name if kind in (Kind.REVISION, Kind.POD) else observed.key

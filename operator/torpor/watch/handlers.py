"""Kopf's part: watch, and turn every event into a cache entry and a key. No handler keeps state."""

from __future__ import annotations

from typing import Any

import kopf

from torpor.api.base import GROUP, MODEL_LABEL, VERSION
from torpor.api.observed import Kind, model_of, observe
from torpor.watch.cache import Cache
from torpor.watch.queue import WorkQueue

KNATIVE_CRD = "services.serving.knative.dev"


def make_registry(cache: Cache, queue: WorkQueue) -> kopf.OperatorRegistry:
    """Make the registry of event handlers, and of a login from the pod's account or a kubeconfig."""
    registry = kopf.OperatorRegistry()

    def take(kind: Kind, event: Any) -> None:
        observed = observe(kind, event["object"])
        is_new = cache.remove(kind, observed) if event["type"] == "DELETED" else cache.put(kind, observed)
        if not is_new:
            return
        if kind is Kind.CRD:
            if observed.key.name == KNATIVE_CRD:
                for key in cache.model_keys():
                    queue.add(key)
        elif (key := model_of(observed)) is not None:
            queue.add(key)

    def watch(kind: Kind, group: str, version: str, plural: str) -> None:
        async def handler(event: Any, **_: Any) -> None:
            take(kind, event)

        decorate: Any = kopf.on.event(group, version, plural, id=plural, registry=registry)
        decorate(handler)

    watch(Kind.MODEL, GROUP, VERSION, "serverlessmodels")
    watch(Kind.SERVICE, "serving.knative.dev", "v1", "services")
    watch(Kind.REVISION, "serving.knative.dev", "v1", "revisions")
    watch(Kind.POD, "", "v1", "pods")
    watch(Kind.CRD, "apiextensions.k8s.io", "v1", "customresourcedefinitions")

    def login(**kwargs: Any) -> Any:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    decorate: Any = kopf.on.login(registry=registry)
    decorate(login)
    return registry


def make_settings() -> kopf.OperatorSettings:
    """Make Kopf's settings: no posting, no peering, children selected on the server."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.networking.request_timeout = 30
    settings.process.ultimate_exiting_timeout = 5
    selectors: Any = settings.watching.label_selectors
    selectors["serving.knative.dev", "v1", "services"] = MODEL_LABEL
    selectors["serving.knative.dev", "v1", "revisions"] = MODEL_LABEL
    selectors["", "v1", "pods"] = MODEL_LABEL
    return settings

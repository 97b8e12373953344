"""Raw objects as the API server would give them, for the operator's unit tests."""

from datetime import UTC, datetime

from torpor.api.observed import Kind, observe

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SPEC = {
    "model": {"format": "onnx", "uri": "s3://models/fraud/1/model.onnx"},
    "resources": {"limits": {"memory": "64Mi"}},
}


def model(spec=SPEC, status=None, generation=1):
    meta = {"name": "fraud", "namespace": "ns", "uid": "m1", "resourceVersion": "10", "generation": generation}
    return observe(Kind.MODEL, {"metadata": meta, "spec": spec, "status": status or {}})


def condition(type_, status, reason="", message=""):
    return {"type": type_, "status": status, "reason": reason, "message": message}


def service(template, routed, owner="m1", routes=("True", "", "")):
    meta = {
        "name": "fraud",
        "namespace": "ns",
        "uid": "s1",
        "resourceVersion": "11",
        "generation": 1,
        "ownerReferences": [{"uid": owner, "controller": True}],
    }
    status = {
        "observedGeneration": 1,
        "url": "http://fraud.ns.example.com",
        "address": {"url": "http://fraud.ns.svc.cluster.local"},
        "conditions": [condition("RoutesReady", *routes)],
    }
    spec = {
        "template": {"metadata": {"name": template}},
        "traffic": [{"revisionName": routed, "percent": 100}],
    }
    return observe(Kind.SERVICE, {"metadata": meta, "spec": spec, "status": status})


def revision(name, ready="True", reason="", message="", replicas=0, annotations=None):
    meta = {
        "name": name,
        "namespace": "ns",
        "uid": f"r-{name}",
        "resourceVersion": "12",
        "generation": 1,
        "creationTimestamp": "2026-11-25T11:59:00Z",
        "labels": {"torpor.dev/model": "fraud"},
        "annotations": annotations or {},
    }
    status = {
        "observedGeneration": 1,
        "actualReplicas": replicas,
        "conditions": [condition("Ready", ready, reason, message)],
    }
    return observe(Kind.REVISION, {"metadata": meta, "status": status})


def pod(revision_name, container=None, conditions=()):
    meta = {
        "name": f"{revision_name}-pod",
        "namespace": "ns",
        "uid": "p1",
        "resourceVersion": "13",
        "labels": {"torpor.dev/model": "fraud", "serving.knative.dev/revision": revision_name},
    }
    status = {
        "conditions": list(conditions),
        "containerStatuses": [{"name": "user-container", **(container or {})}],
    }
    return observe(Kind.POD, {"metadata": meta, "status": status})

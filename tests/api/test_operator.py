"""The operator against a real API server and Knative's own webhook and controller (no kubelet: nothing gets Ready)."""

import json
import signal
import time

import pytest
import yaml


def manifest(name="fraud", **spec):
    model = {"format": "onnx", "uri": "s3://models/fraud/1/model.onnx"}
    return {
        "apiVersion": "torpor.dev/v1alpha1",
        "kind": "ServerlessModel",
        "metadata": {"name": name},
        "spec": {"model": model, **spec},
    }


def until(check, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if (value := check()) is not None:
                return value
        except RuntimeError:
            pass
        time.sleep(0.2)
    pytest.fail("it did not happen in time")


def get(kubectl, namespace, kind, name="fraud"):
    return json.loads(kubectl("-n", namespace, "get", kind, name, "-o", "json"))


def test_a_deployment_is_few_writes_and_rest_is_none(operator, kubectl, namespace):
    mark = operator.mark()
    kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(manifest()))
    service = until(lambda: get(kubectl, namespace, "ksvc"))
    name = service["spec"]["template"]["metadata"]["name"]
    assert service["spec"]["traffic"] == [{"latestRevision": False, "percent": 100, "revisionName": name}]
    until(lambda: get(kubectl, namespace, "revision", name))
    time.sleep(5)
    writes = operator.writes(mark, namespace)
    assert writes.count(("create", "services", "", "fraud")) == 1
    assert len(writes) <= 3, writes
    status = get(kubectl, namespace, "slm")["status"]
    assert status["observedGeneration"] == 1
    assert status["state"] == "Pending"

    mark = operator.mark()
    time.sleep(5)
    assert operator.writes(mark, namespace) == []

    mark = operator.mark()
    code, seconds = operator.stop()
    assert code == 0
    assert seconds < 5
    operator.start()
    time.sleep(6)
    assert operator.writes(mark, namespace) == [], "a restart writes nothing"

    kubectl(
        "-n", namespace, "patch", "slm", "fraud", "--type=merge", "-p", '{"spec":{"scaling":{"maxReplicas":3}}}'
    )
    until(
        lambda: (
            get(kubectl, namespace, "revision", name)["metadata"]["annotations"].get(
                "autoscaling.knative.dev/max-scale"
            )
            == "3"
            or None
        )
    )
    revisions = json.loads(kubectl("-n", namespace, "get", "revision", "-o", "json"))["items"]
    assert [r["metadata"]["name"] for r in revisions] == [name]

    kubectl("-n", namespace, "delete", "slm", "fraud")
    until(
        lambda: (
            True
            if not json.loads(kubectl("-n", namespace, "get", "ksvc,revision", "-o", "json"))["items"]
            else None
        )
    )


def test_a_kill_at_any_moment_ends_in_the_same_objects(operator, kubectl, namespace):
    kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(manifest()))
    for delay in (0.0, 0.8, 1.0):
        time.sleep(delay)
        operator.stop(signal.SIGKILL)
        operator.start()
    service = until(lambda: get(kubectl, namespace, "ksvc"))
    until(lambda: True if get(kubectl, namespace, "slm").get("status", {}).get("observedGeneration") == 1 else None)
    assert len(json.loads(kubectl("-n", namespace, "get", "ksvc", "-o", "json"))["items"]) == 1
    assert service["metadata"]["ownerReferences"][0]["name"] == "fraud"


def test_a_foreign_service_is_left_alone(operator, kubectl, namespace):
    foreign = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "fraud"},
        "spec": {"template": {"spec": {"containers": [{"image": "dev.local/other:1"}]}}},
    }
    kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(foreign))
    before = get(kubectl, namespace, "ksvc")["spec"]
    kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(manifest()))

    def conflict():
        conditions = get(kubectl, namespace, "slm")["status"].get("conditions", [])
        return next((c for c in conditions if c["type"] == "Stalled" and c["reason"] == "NameConflict"), None)

    assert "not this model's" in until(conflict)["message"]
    assert get(kubectl, namespace, "ksvc")["spec"] == before

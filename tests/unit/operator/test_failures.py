"""Every way a revision fails has a reason and says what to do."""

import objects
import pytest

from torpor.api.conditions import Reason
from torpor.api.serverlessmodel import parse_spec
from torpor.rollout.failures import explain_failure


def terminated(reason="Error", code=1, message="", restarts=0):
    ended = {"reason": reason, "exitCode": code, "message": message}
    return {"state": {"terminated": ended}, "restartCount": restarts}


CASES = [
    (
        "pull",
        {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
        "ImagePullFailed",
        "no such image",
    ),
    ("oom", terminated("OOMKilled", 137), "OutOfMemory", "memory limit of 64Mi"),
    (
        "load",
        terminated(message="reason=ModelNotFound message=s3://models/x: there is no such object"),
        "ModelLoadFailed",
        "s3://models/x: there is no such object (ModelNotFound)",
    ),
    (
        "crash",
        terminated(message="one\nValueError: bad\n", restarts=2),
        "ContainerCrashed",
        "code 1 again and again: ValueError: bad",
    ),
    (
        "config",
        {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}},
        "RevisionFailed",
        'secret "x" not found',
    ),
]


@pytest.mark.parametrize(("container", "reason", "message"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_pod_failures(container, reason, message):
    revision = objects.revision("fraud-1", "Unknown")
    failure = explain_failure(
        parse_spec(objects.SPEC),
        revision,
        [objects.pod("fraud-1", container)],
        objects.service("fraud-1", "fraud-1"),
        objects.NOW,
    )
    assert failure.reason == Reason(reason)
    assert message in failure.message
    assert failure.is_final


@pytest.mark.parametrize(
    "container",
    [
        {"state": {"running": {}}},
        {"state": {"waiting": {"reason": "ContainerCreating"}}},
        {"state": {"waiting": {"reason": "ErrImagePull"}}},
        terminated(restarts=1),
        terminated(code=0, restarts=5),
    ],
)
def test_what_may_pass_is_no_failure(container):
    revision = objects.revision("fraud-1", "Unknown")
    service = objects.service("fraud-1", "fraud-1")
    pods = [objects.pod("fraud-1", container)]
    assert explain_failure(parse_spec(objects.SPEC), revision, pods, service, objects.NOW) is None


def test_unschedulable_is_final_only_after_the_startup_time():
    unscheduled = objects.condition("PodScheduled", "False", "Unschedulable", "0/1 nodes: Insufficient memory")
    pods = [objects.pod("fraud-1", {}, [unscheduled])]
    revision, service = objects.revision("fraud-1", "Unknown"), objects.service("fraud-1", "fraud-1")
    patient = {**objects.SPEC, "resources": {"requests": {"memory": "1Ti"}}}
    failure = explain_failure(parse_spec(patient), revision, pods, service, objects.NOW)
    assert (failure.reason, failure.is_final) == (Reason.UNSCHEDULABLE, False)
    assert "memory 1Ti" in failure.message
    hasty = {**patient, "timeouts": {"startup": "30s"}}
    assert explain_failure(parse_spec(hasty), revision, pods, service, objects.NOW).is_final


def test_image_that_knative_cannot_resolve():
    revision = objects.revision("fraud-1", "False", "ContainerMissing", "unable to fetch image")
    service = objects.service("fraud-1", "fraud-1")
    failure = explain_failure(parse_spec(objects.SPEC), revision, [], service, objects.NOW)
    assert failure.reason == Reason.IMAGE_PULL_FAILED

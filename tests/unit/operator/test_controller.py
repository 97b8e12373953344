"""A reconcile as a table: what is there, what is written, what the status says."""

import fakes
import objects
import pytest

from torpor.api.observed import Key, Kind
from torpor.api.serverlessmodel import parse_spec
from torpor.builders.names import make_revision_name
from torpor.builders.revision import make_revision_annotations
from torpor.builders.template import make_template
from torpor.errors import TerminalError

KEY = Key("ns", "fraud")
IMAGE = "torpor/runtime@sha256:abc"
CRD = (
    Kind.CRD,
    objects.observe(
        Kind.CRD,
        {
            "metadata": {
                "name": "services.serving.knative.dev",
                "uid": "c",
                "resourceVersion": "1",
                "labels": {"app.kubernetes.io/version": "1.23.0"},
            },
            "status": {"conditions": [objects.condition("Established", "True")]},
        },
    ),
)


def name_of(spec):
    return make_revision_name("fraud", make_template(KEY, parse_spec(spec), IMAGE))


def annotations_of(spec):
    return make_revision_annotations(parse_spec(spec))


def conditions(status):
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


NAME = name_of(objects.SPEC)
OTHER = {**objects.SPEC, "model": {**objects.SPEC["model"], "uri": "s3://models/fraud/2/model.onnx"}}
NEXT = name_of(OTHER)


async def settle(model, *others):
    """Reconcile, then again with the status that came out: the second time writes nothing."""
    controller, cluster = fakes.make_controller(CRD, (Kind.MODEL, model), *others)
    await controller.reconcile(KEY)
    status = cluster.status
    again, quiet = fakes.make_controller(
        CRD, (Kind.MODEL, objects.model(model.spec, status, model.generation)), *others
    )
    await again.reconcile(KEY)
    return cluster, status, quiet


async def test_first_deployment_is_one_create_and_one_status():
    controller, cluster = fakes.make_controller(CRD, (Kind.MODEL, objects.model()))
    await controller.reconcile(KEY)
    assert [w[0] for w in cluster.writes] == ["create", "status"]
    created = cluster.writes[0][1]
    assert created["spec"]["traffic"] == [{"revisionName": NAME, "percent": 100}]
    assert cluster.status["state"] == "Pending"
    assert conditions(cluster.status)["Ready"] == ("Unknown", "Loading")
    assert cluster.events == []


@pytest.mark.parametrize(("replicas", "state", "reason"), [(0, "Asleep", "Asleep"), (2, "Serving", "Serving")])
async def test_ready_at_any_number_of_replicas(replicas, state, reason):
    revision = objects.revision(NAME, replicas=replicas, annotations=annotations_of(objects.SPEC))
    cluster, status, quiet = await settle(
        objects.model(), (Kind.SERVICE, objects.service(NAME, NAME)), (Kind.REVISION, revision)
    )
    assert [w[0] for w in cluster.writes] == ["status"]
    assert (status["state"], status["serving"]["replicas"]) == (state, replicas)
    assert conditions(status)["Ready"] == ("True", reason)
    assert "Reconciling" not in conditions(status)
    assert "Stalled" not in conditions(status)
    assert quiet.writes == []


async def test_scaling_edit_patches_the_revision_only():
    spec = {**objects.SPEC, "scaling": {"maxReplicas": 3}}
    revision = objects.revision(NAME, annotations=annotations_of(objects.SPEC))
    controller, cluster = fakes.make_controller(
        CRD,
        (Kind.MODEL, objects.model(spec)),
        (Kind.SERVICE, objects.service(NAME, NAME)),
        (Kind.REVISION, revision),
    )
    await controller.reconcile(KEY)
    assert cluster.writes[0] == ("annotate", NAME, {"autoscaling.knative.dev/max-scale": "3"})
    assert name_of(spec) == NAME


async def test_new_template_leaves_traffic_where_it_is():
    revision = objects.revision(NAME, replicas=4, annotations=annotations_of(objects.SPEC))
    controller, cluster = fakes.make_controller(
        CRD,
        (Kind.MODEL, objects.model(OTHER)),
        (Kind.SERVICE, objects.service(NAME, NAME)),
        (Kind.REVISION, revision),
    )
    await controller.reconcile(KEY)
    values = {entry["path"]: entry["value"] for entry in cluster.writes[0][1]}
    assert values["/spec/template"]["metadata"]["name"] == NEXT
    assert values["/spec/template"]["metadata"]["annotations"]["autoscaling.knative.dev/initial-scale"] == "4"
    assert "/spec/traffic" not in values


async def test_ready_candidate_takes_all_traffic():
    revisions = [
        (Kind.REVISION, objects.revision(name, annotations=annotations_of(OTHER))) for name in (NAME, NEXT)
    ]
    controller, cluster = fakes.make_controller(
        CRD, (Kind.MODEL, objects.model(OTHER)), (Kind.SERVICE, objects.service(NEXT, NAME)), *revisions
    )
    await controller.reconcile(KEY)
    assert cluster.writes[0][1][1:] == [
        {"op": "add", "path": "/spec/traffic", "value": [{"revisionName": NEXT, "percent": 100}]}
    ]


async def test_bad_candidate_is_reported_and_the_stable_one_serves_on():
    container = {
        "state": {"terminated": {"exitCode": 1, "message": "reason=DigestMismatch message=digest differs"}},
    }
    others = [
        (Kind.SERVICE, objects.service(NEXT, NAME)),
        (Kind.REVISION, objects.revision(NAME, annotations=annotations_of(OTHER))),
        (Kind.REVISION, objects.revision(NEXT, "Unknown", annotations=annotations_of(OTHER))),
    ]
    cluster, status, quiet = await settle(objects.model(OTHER), *others, (Kind.POD, objects.pod(NEXT, container)))
    assert [w[0] for w in cluster.writes] == ["status"]
    assert status["state"] == "Degraded"
    assert status["serving"]["revision"] == NAME
    assert status["candidate"]["revision"] == NEXT
    told = conditions(status)
    assert told["Available"][0] == "True"
    assert told["Ready"] == ("False", "ModelLoadFailed")
    assert told["Stalled"] == ("True", "ModelLoadFailed")
    assert ("Warning", "ModelLoadFailed") in cluster.events
    assert quiet.writes == []
    # The pod goes away; the revision is no better for it.
    gone, silent = fakes.make_controller(CRD, (Kind.MODEL, objects.model(OTHER, status)), *others)
    await gone.reconcile(KEY)
    assert silent.writes == []


async def test_suspended_writes_no_child():
    spec = {**OTHER, "suspend": True}
    revision = objects.revision(NAME, annotations={})
    cluster, status, quiet = await settle(
        objects.model(spec), (Kind.SERVICE, objects.service(NAME, NAME)), (Kind.REVISION, revision)
    )
    assert [w[0] for w in cluster.writes] == ["status"]
    assert status["state"] == "Suspended"
    assert quiet.writes == []


async def test_foreign_service_is_left_alone():
    controller, cluster = fakes.make_controller(
        CRD, (Kind.MODEL, objects.model()), (Kind.SERVICE, objects.service(NAME, NAME, owner="someone"))
    )
    with pytest.raises(TerminalError):
        await controller.reconcile(KEY)
    assert [w[0] for w in cluster.writes] == ["status"]
    assert conditions(cluster.status)["Stalled"] == ("True", "NameConflict")


async def test_knative_missing_is_told_by_name():
    controller, cluster = fakes.make_controller((Kind.MODEL, objects.model()))
    with pytest.raises(TerminalError, match="Knative Serving is not installed"):
        await controller.reconcile(KEY)
    assert conditions(cluster.status)["PlatformReady"] == ("False", "KnativeMissing")


async def test_feature_flag_is_told_by_name():
    spec = {**objects.SPEC, "pod": {"nodeSelector": {"disk": "ssd"}}}
    controller, cluster = fakes.make_controller(CRD, (Kind.MODEL, objects.model(spec)))
    with pytest.raises(TerminalError, match=r"kubernetes\.podspec-nodeselector"):
        await controller.reconcile(KEY)
    assert conditions(cluster.status)["PlatformReady"] == ("False", "FeatureDisabled")

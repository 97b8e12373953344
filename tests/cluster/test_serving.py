"""Real requests on the full cluster, with the operator in its pod: `python -m demo` has installed it."""

import json
import subprocess
import threading
import uuid

import pytest

from demo.local import ROOT, Platform, make_infer_request


@pytest.fixture(scope="module")
def platform():
    platform = Platform()
    assert platform.status["running"], "run `make demo` first"
    return platform


@pytest.fixture(scope="module")
def holdout(platform, tmp_path_factory):
    directory = tmp_path_factory.mktemp("train")
    python = ROOT / ".venv" / "runtime" / "bin" / "python"
    subprocess.run([str(python), str(ROOT / "demo" / "train.py"), str(directory)], check=True)
    platform.upload("tests/model.onnx", (directory / "model.onnx").read_bytes())
    return json.loads((directory / "holdout.json").read_text())


@pytest.fixture
def served(platform, holdout):
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    platform.kubectl("create", "namespace", namespace)
    platform.make_credentials(namespace)
    spec = {
        "model": {
            "format": "onnx",
            "uri": "s3://models/tests/model.onnx",
            "credentials": {"secretName": "s3-models"},
        },
        "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "scaling": {"minReplicas": 1},
    }
    metadata = {"name": "fraud", "namespace": namespace}
    platform.apply(
        {"apiVersion": "torpor.dev/v1alpha1", "kind": "ServerlessModel", "metadata": metadata, "spec": spec}
    )
    platform.wait_for_state("fraud", "Serving", namespace=namespace)
    yield namespace
    platform.kubectl("delete", "namespace", namespace, "--wait=false")


def edit(platform, namespace, spec):
    platform.kubectl("-n", namespace, "patch", "slm", "fraud", "--type=merge", "-p", json.dumps({"spec": spec}))


def ask_many(platform, namespace, rows, number, codes):
    with platform.client("fraud", namespace) as client:
        for _ in range(number):
            codes.append(client.post("/v2/models/fraud/infer", json=make_infer_request(rows)).status_code)


BAD = [
    ("load", {"model": {"uri": "s3://models/tests/absent.onnx"}}, "ModelLoadFailed", "absent.onnx"),
    ("digest", {"model": {"digest": "sha256:" + "0" * 64}}, "ModelLoadFailed", "DigestMismatch"),
    (
        "memory",
        {"resources": {"limits": {"memory": "20Mi"}, "requests": {"memory": "20Mi"}}},
        "OutOfMemory",
        "20Mi",
    ),
    (
        "image",
        {"model": None, "container": {"image": "10.99.0.1:5000/torpor/absent:1"}},
        "ImagePullFailed",
        "absent",
    ),
    (
        "node",
        {
            "resources": {"requests": {"memory": "900Gi"}, "limits": {"memory": "900Gi"}},
            "timeouts": {"startup": "10s"},
        },
        "Unschedulable",
        "900Gi",
    ),
]


@pytest.mark.parametrize(("spec", "reason", "text"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_a_bad_change_is_told_while_the_stable_revision_answers(platform, holdout, served, spec, reason, text):
    stable = platform.model("fraud", served)["status"]["serving"]["revision"]
    codes = []
    asking = threading.Thread(target=ask_many, args=(platform, served, holdout["rows"][:1], 200, codes))
    asking.start()
    edit(platform, served, spec)
    status = platform.wait_for_state("fraud", "Degraded", namespace=served)
    asking.join()
    assert codes == [200] * 200
    stalled = next(c for c in status["conditions"] if c["type"] == "Stalled")
    assert stalled["reason"] == reason
    assert text in stalled["message"]
    assert status["serving"]["revision"] == stable


def test_a_good_change_loses_no_request_and_scaling_makes_no_revision(platform, holdout, served):
    first = platform.model("fraud", served)["status"]["serving"]["revision"]
    codes = []
    asking = threading.Thread(target=ask_many, args=(platform, served, holdout["rows"][:1], 200, codes))
    asking.start()
    edit(platform, served, {"pod": {"env": [{"name": "COLOUR", "value": "blue"}]}})
    status = platform.wait_for_state("fraud", "Serving", namespace=served)
    asking.join()
    assert codes == [200] * 200
    second = status["serving"]["revision"]
    assert second != first
    edit(platform, served, {"scaling": {"maxReplicas": 2}})
    assert platform.wait_for_state("fraud", "Serving", namespace=served)["serving"]["revision"] == second
    # Back to what was: the same name again, no third revision.
    edit(platform, served, {"pod": {"env": None}})
    assert platform.wait_for_state("fraud", "Serving", namespace=served)["serving"]["revision"] == first
    revisions = json.loads(platform.kubectl("-n", served, "get", "revision", "-o", "json"))["items"]
    assert {r["metadata"]["name"] for r in revisions} == {first, second}


def test_predictions_equal_scikit_learns(platform, holdout, served):
    with platform.client("fraud", served) as client:
        answer = client.post("/v2/models/fraud/infer", json=make_infer_request(holdout["rows"]))
    outputs = {o["name"]: o["data"] for o in answer.json()["outputs"]}
    assert outputs["label"] == holdout["labels"]

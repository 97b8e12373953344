"""What the API server itself makes of the CRD and of manifests; the table is the one of `torpor check`."""

import json

import pytest
import yaml

from tests.manifests.cases import CASES, FOLDER, GOOD_FILES, MODEL, make_manifest
from torpor.api.modelstatus import ServerlessModelStatus
from torpor.api.serverlessmodel import parse_spec


def by_id(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])


def try_to_create(kubectl, manifest):
    kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(manifest))


@by_id(CASES)
def test_good_side_passes(kubectl, case):
    try_to_create(kubectl, case.good)


@by_id(CASES)
def test_bad_side_is_refused_with_a_message(kubectl, case):
    with pytest.raises(RuntimeError) as error:
        try_to_create(kubectl, case.bad)
    assert (case.server or case.message) in str(error.value)
    if not case.server:
        # A rule: the API server blames the same field as `torpor check`.
        assert f"{case.field}: Invalid value" in str(error.value)


@pytest.mark.parametrize("file", GOOD_FILES)
def test_round_trip_and_a_second_apply(kubectl, namespace, file):
    text = (FOLDER / file).read_text()
    manifest = yaml.safe_load(text)
    name = manifest["metadata"]["name"]

    def apply():
        kubectl("-n", namespace, "apply", "--validate=strict", "-f", "-", stdin=text)
        return json.loads(kubectl("-n", namespace, "get", "slm", name, "-o", "json"))

    stored = apply()
    spec = parse_spec(stored["spec"])
    assert spec == parse_spec(manifest["spec"])
    # The API server has filled in exactly the defaults that the models have.
    assert spec.model_dump(mode="json", by_alias=True, exclude_none=True) == stored["spec"]
    assert apply()["metadata"]["generation"] == stored["metadata"]["generation"] == 1


def test_a_fresh_object_reads_as_in_progress(kubectl, namespace):
    made = kubectl(
        "-n", namespace, "create", "-o", "json", "-f", "-", stdin=yaml.safe_dump(make_manifest({"model": MODEL}))
    )
    assert json.loads(made)["status"] == {"observedGeneration": -1}
    read = json.loads(kubectl("-n", namespace, "get", "slm", "fraud", "-o", "json"))
    assert read["status"] == {"observedGeneration": -1}
    assert ServerlessModelStatus.model_validate(read["status"]) == ServerlessModelStatus()


def test_server_side_apply_merges_entries_by_name(kubectl, namespace):
    def apply(manager, *entries):
        manifest = make_manifest({"model": MODEL, "pod": {"env": list(entries)}})
        arguments = ["apply", "--server-side", f"--field-manager={manager}", "-f", "-"]
        kubectl("-n", namespace, *arguments, stdin=yaml.safe_dump(manifest))

    apply("one", {"name": "A", "value": "1"})
    apply("two", {"name": "B", "value": "2"})
    stored = json.loads(kubectl("-n", namespace, "get", "slm", "fraud", "-o", "json"))
    assert {entry["name"] for entry in stored["spec"]["pod"]["env"]} == {"A", "B"}


def test_columns(kubectl, namespace):
    kubectl("-n", namespace, "create", "-f", str(FOLDER / "minimal.yaml"))
    status = {
        "state": "Asleep",
        "url": "http://minimal.example.com",
        "serving": {"revision": "minimal-1", "replicas": 0},
        "conditions": [
            {"type": "Available", "status": "True", "reason": "No", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {
                "type": "Ready",
                "status": "True",
                "reason": "Asleep",
                "message": "rests",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            },
        ],
    }
    patch = [
        "patch",
        "slm",
        "minimal",
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps({"status": status}),
    ]
    kubectl("-n", namespace, *patch)

    def table(*arguments):
        head, row = kubectl("-n", namespace, "get", *arguments).splitlines()
        return dict(zip(head.split(), row.split(), strict=True))

    narrow = table("slm")
    assert list(narrow) == ["NAME", "STATE", "REPLICAS", "URL", "READY", "AGE"]
    assert narrow | {"AGE": ""} == {
        "NAME": "minimal",
        "STATE": "Asleep",
        "REPLICAS": "0",
        "URL": "http://minimal.example.com",
        "READY": "True",
        "AGE": "",
    }
    wide = table("torpor", "-o", "wide")
    assert list(wide)[-3:] == ["REVISION", "REASON", "MESSAGE"]
    assert (wide["REVISION"], wide["REASON"], wide["MESSAGE"]) == ("minimal-1", "Asleep", "rests")


def test_the_crd_is_structural_and_accepted(kubectl):
    crd = json.loads(kubectl("get", "crd", "serverlessmodels.torpor.dev", "-o", "json"))
    conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions


def test_explain_teaches(kubectl):
    said = " ".join(kubectl("explain", "serverlessmodel.spec.scaling").split())
    assert "How many replicas, and when none." in said
    assert "0 lets the model sleep" in said

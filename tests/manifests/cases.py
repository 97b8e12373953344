"""Manifests that pass and that are refused: one table for the API server and for `torpor check`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
GOOD_FILES = ("minimal.yaml", "full.yaml", "container.yaml")

MODEL = {"format": "onnx", "uri": "s3://models/fraud/1/model.onnx"}
CONTAINER = {"image": "ghcr.io/example/app:1"}


def make_manifest(spec: Any, name: str = "fraud", **root: Any) -> dict[str, Any]:
    return {
        "apiVersion": "torpor.dev/v1alpha1",
        "kind": "ServerlessModel",
        "metadata": {"name": name},
        "spec": spec,
    } | root


def model(**spec: Any) -> dict[str, Any]:
    return make_manifest({"model": MODEL, **spec})


def container(**fields: Any) -> dict[str, Any]:
    return make_manifest({"container": {**CONTAINER, **fields}})


@dataclass(frozen=True)
class Case:
    """A constraint: a manifest on its good side, and one on its bad side."""

    id: str
    good: dict[str, Any]
    bad: dict[str, Any]
    field: str
    """Where `torpor check` puts the blame."""
    message: str
    """What it says, in part; of a rule the API server says the same."""
    server: str = ""
    """What the API server says instead."""


def env(*entries: Any) -> dict[str, Any]:
    return model(pod={"env": list(entries)})


CASES = (
    # --- rules ---
    Case("name-length", make_manifest({"model": MODEL}, "a" * 45), make_manifest({"model": MODEL}, "a" * 46),
         "metadata.name", "must be at most 45 characters"),
    Case("name-letters", make_manifest({"model": MODEL}, "a-1"), make_manifest({"model": MODEL}, "1abc"),
         "metadata.name", "start with a letter (DNS-1035)"),
    Case("neither", container(), make_manifest({}), "spec", "give exactly one of spec.model"),
    Case("both", model(), make_manifest({"model": MODEL, "container": CONTAINER}),
         "spec", "give exactly one of spec.model"),
    Case("protocol", make_manifest({"container": CONTAINER, "protocol": "openai"}), model(protocol="openai"),
         "spec.protocol", "a model file is served over protocol v2 or v1"),
    Case("replicas", model(scaling={"minReplicas": 2, "maxReplicas": 2}),
         model(scaling={"minReplicas": 5, "maxReplicas": 2}),
         "spec.scaling.minReplicas", "minReplicas must not be above maxReplicas (0 means no limit)"),
    Case("replicas-default", model(scaling={"minReplicas": 50, "maxReplicas": 0}), model(scaling={"minReplicas": 11}),
         "spec.scaling.minReplicas", "minReplicas must not be above maxReplicas"),
    Case("activation", model(scaling={"activationReplicas": 10}), model(scaling={"activationReplicas": 11}),
         "spec.scaling.activationReplicas", "activationReplicas must not be above maxReplicas"),
    Case("window-short", model(scaling={"idleWindow": "6s"}), model(scaling={"idleWindow": "5s"}),
         "spec.scaling.idleWindow", "idleWindow must be from 6s to 1h"),
    Case("window-long", model(scaling={"idleWindow": "1h"}), model(scaling={"idleWindow": "60m1s"}),
         "spec.scaling.idleWindow", "idleWindow must be from 6s to 1h"),
    Case("retention", model(scaling={"retention": "3600s"}), model(scaling={"retention": "1h1s"}),
         "spec.scaling.retention", "retention must be from 0s to 1h"),
    Case("request-short", model(timeouts={"request": "1s"}), model(timeouts={"request": "0s"}),
         "spec.timeouts.request", "request must be from 1s to 10m"),
    Case("request-long", model(timeouts={"request": "10m"}), model(timeouts={"request": "601s"}),
         "spec.timeouts.request", "request must be from 1s to 10m"),
    Case("startup-short", model(timeouts={"startup": "10s"}), model(timeouts={"startup": "9s"}),
         "spec.timeouts.startup", "startup must be from 10s to 24h"),
    Case("startup-long", model(timeouts={"startup": "24h"}), model(timeouts={"startup": "24h1s"}),
         "spec.timeouts.startup", "startup must be from 10s to 24h"),
    Case("port-reserved", container(ports=[{"containerPort": 8080}]), container(ports=[{"containerPort": 8012}]),
         "spec.container.ports[0].containerPort", "this port belongs to Knative's queue-proxy"),
    Case("env-reserved", container(env=[{"name": "PORTS"}]), container(env=[{"name": "PORT"}]),
         "spec.container.env[0].name", "the names PORT and K_* belong to Knative"),
    Case("env-prefix", env({"name": "KK_"}), env({"name": "A"}, {"name": "K_SERVICE"}),
         "spec.pod.env[1].name", "the names PORT and K_* belong to Knative"),
    Case("env-value", env({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
         env({"name": "A", "value": "", "valueFrom": {}}), "spec.pod.env[0]", "give value or valueFrom, not both"),
    Case("annotations", model(pod={"annotations": {"knative.example/x": "1"}}),
         model(pod={"annotations": {"autoscaling.knative.dev/min-scale": "1"}}),
         "spec.pod.annotations", "annotations of Knative are set by the operator"),
    Case("labels", model(pod={"labels": {"app": "x"}}), model(pod={"labels": {"torpor.dev/model": "x"}}),
         "spec.pod.labels", "labels under serving.knative.dev/ and torpor.dev/"),
    # --- required, unknown, null ---
    Case("spec-missing", model(), {k: v for k, v in model().items() if k != "spec"},
         "spec", "required", "spec: Required value"),
    Case("uri-missing", model(), make_manifest({"model": {"format": "onnx"}}),
         "spec.model.uri", "required", "spec.model.uri: Required value"),
    Case("uri-null", model(scaling=None, protocol=None), make_manifest({"model": {"format": "onnx", "uri": None}}),
         "spec.model.uri", "required", "spec.model.uri: Required value"),
    Case("image-missing", container(), make_manifest({"container": {}}),
         "spec.container.image", "required", "spec.container.image: Required value"),
    Case("unknown", model(scaling={"minReplicas": 1}), model(scaling={"minReplica": 1}),
         "spec.scaling.minReplica", "unknown field; did you mean minReplicas?", 'unknown field "spec.scaling.minReplica"'),
    Case("misplaced", model(), model(idleWindow="60s"),
         "spec.idleWindow", "unknown field; did you mean spec.scaling.idleWindow?", 'unknown field "spec.idleWindow"'),
    Case("unknown-root", model(), make_manifest({"model": MODEL}, sepc={}),
         "sepc", "unknown field; did you mean spec?", 'unknown field "sepc"'),
    # --- types ---
    Case("type-integer", model(scaling={"target": 5.0}), model(scaling={"target": "5"}),
         "spec.scaling.target", 'must be an integer, not "5"; leave the quotes out', "must be of type integer"),
    Case("type-fraction", model(scaling={"target": 5}), model(scaling={"target": 5.5}),
         "spec.scaling.target", "must be an integer, not 5.5", "must be of type integer"),
    Case("type-boolean", model(suspend=True), model(suspend="true"),
         "spec.suspend", "must be a boolean", "must be of type boolean"),
    Case("type-string", env({"name": "A", "value": "1"}), env({"name": "A", "value": 1}),
         "spec.pod.env[0].value", "must be a string, not 1; put it in quotes", "must be of type string"),
    Case("type-object", model(), model(pod=[]), "spec.pod", "must be an object, not a list", "must be of type object"),
    Case("type-array", container(args=["a"]), container(args="a"),
         "spec.container.args", "must be an array", "must be of type array"),
    Case("type-item", container(args=["8080"]), container(args=[8080]),
         "spec.container.args[0]", "must be a string, not 8080; put it in quotes", "must be of type string"),
    Case("quantity", model(resources={"limits": {"cpu": 1, "memory": "1.5Gi"}}),
         model(resources={"limits": {"memory": "512MB"}}),
         "spec.resources.limits.memory", '"512MB" is not a quantity', "spec.resources.limits.memory"),
    Case("quantity-type", model(resources={"limits": {"cpu": "0.5"}}), model(resources={"limits": {"cpu": 0.5}}),
         "spec.resources.limits.cpu", "must be a string or an integer", "spec.resources.limits.cpu in body must be of type integer,string"),
    # --- enums and patterns ---
    Case("format", model(), make_manifest({"model": {**MODEL, "format": "onxx"}}),
         "spec.model.format", 'must be one of onnx, sklearn, not "onxx"; did you mean onnx?', "Unsupported value"),
    Case("protocol-unknown", model(protocol="v1"), model(protocol="soap"),
         "spec.protocol", "must be one of v2, v1, openai, http", "Unsupported value"),
    Case("metric", model(scaling={"metric": "rps"}), model(scaling={"metric": "cpu"}),
         "spec.scaling.metric", "must be one of concurrency, rps", "Unsupported value"),
    Case("port-name", container(ports=[{"containerPort": 80, "name": "h2c"}]),
         container(ports=[{"containerPort": 80, "name": "grpc"}]),
         "spec.container.ports[0].name", "must be one of http1, h2c", "Unsupported value"),
    Case("port-protocol", container(ports=[{"containerPort": 80, "protocol": "TCP"}]),
         container(ports=[{"containerPort": 80, "protocol": "UDP"}]),
         "spec.container.ports[0].protocol", "must be TCP", "Unsupported value"),
    Case("pull-policy", container(imagePullPolicy="Never"), container(imagePullPolicy="never"),
         "spec.container.imagePullPolicy", "did you mean Never?", "Unsupported value"),
    Case("uri", make_manifest({"model": {**MODEL, "uri": "pvc://claim"}}),
         make_manifest({"model": {**MODEL, "uri": "ftp://x/y"}}),
         "spec.model.uri", '"ftp://x/y" is not a URI such as s3://bucket/path', "spec.model.uri in body should match"),
    Case("digest", make_manifest({"model": {**MODEL, "digest": "sha256:" + "0" * 64}}),
         make_manifest({"model": {**MODEL, "digest": "sha256:" + "0" * 63}}),
         "spec.model.digest", "does not match", "spec.model.digest in body should match"),
    Case("duration", model(scaling={"idleWindow": "0h1m0s"}), model(scaling={"idleWindow": "1m 30s"}),
         "spec.scaling.idleWindow", "is not a duration such as 90s", "spec.scaling.idleWindow in body should match"),
    Case("duration-digits", model(timeouts={"startup": "086400s"}), model(timeouts={"startup": "9999999h"}),
         "spec.timeouts.startup", "is not a duration such as 90s", "spec.timeouts.startup in body should match"),
    Case("env-name", env({"name": "_A.b-1"}), env({"name": "1A"}),
         "spec.pod.env[0].name", "does not match", "spec.pod.env[0].name in body should match"),
    # --- bounds ---
    Case("min-replicas", model(scaling={"minReplicas": 0}), model(scaling={"minReplicas": -1}),
         "spec.scaling.minReplicas", "must be at least 0, not -1", "should be greater than or equal to 0"),
    Case("max-replicas", model(scaling={"maxReplicas": 10000}), model(scaling={"maxReplicas": 10001}),
         "spec.scaling.maxReplicas", "must be at most 10000", "should be less than or equal to 10000"),
    Case("target", model(scaling={"target": 1}), model(scaling={"target": 0}),
         "spec.scaling.target", "must be at least 1", "should be greater than or equal to 1"),
    Case("concurrency", model(scaling={"concurrencyLimit": 1000}), model(scaling={"concurrencyLimit": 1001}),
         "spec.scaling.concurrencyLimit", "must be at most 1000", "should be less than or equal to 1000"),
    Case("activation-none", model(scaling={"activationReplicas": 1}), model(scaling={"activationReplicas": 0}),
         "spec.scaling.activationReplicas", "must be at least 1", "should be greater than or equal to 1"),
    Case("burst", model(scaling={"burst": -1}), model(scaling={"burst": -2}),
         "spec.scaling.burst", "must be at least -1", "should be greater than or equal to -1"),
    Case("history", model(historyLimit=100), model(historyLimit=101),
         "spec.historyLimit", "must be at most 100", "should be less than or equal to 100"),
    Case("history-none", model(historyLimit=1), model(historyLimit=0),
         "spec.historyLimit", "must be at least 1", "should be greater than or equal to 1"),
    Case("port-number", container(ports=[{"containerPort": 65535}]), container(ports=[{"containerPort": 65536}]),
         "spec.container.ports[0].containerPort", "must be at most 65535", "should be less than or equal to 65535"),
    Case("ports", container(ports=[{"containerPort": 1}]), container(ports=[{"containerPort": 1}, {"containerPort": 2}]),
         "spec.container.ports", "must have at most 1 entry, not 2", "must have at most 1 item"),
    Case("args", container(args=["a"] * 256), container(args=["a"] * 257),
         "spec.container.args", "must have at most 256 entries", "must have at most 256 items"),
    Case("image-empty", container(image="a"), container(image=""),
         "spec.container.image", "must not be empty", "should be at least 1 chars long"),
    Case("text-length", container(args=["é" * 4096]), container(args=["é" * 4097]),
         "spec.container.args[0]", "must have at most 4096 characters, not 4097", "may not be more than 4096"),
    Case("map-size", model(pod={"nodeSelector": {f"k{i}": "" for i in range(64)}}),
         model(pod={"nodeSelector": {f"k{i}": "" for i in range(65)}}),
         "spec.pod.nodeSelector", "must have at most 64 entries", "must have at most 64 items"),
    # --- lists that are maps ---
    Case("env-twice", env({"name": "A"}, {"name": "B"}), env({"name": "A"}, {"name": "A"}),
         "spec.pod.env[1]", 'given twice: name "A"', "Duplicate value"),
    Case("mount-twice", container(volumeMounts=[{"name": "a", "mountPath": "/a"}, {"name": "a", "mountPath": "/b"}]),
         container(volumeMounts=[{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/a"}]),
         "spec.container.volumeMounts[1]", 'given twice: mountPath "/a"', "Duplicate value"),
    # --- metadata ---
    Case("label-value", make_manifest({"model": MODEL}, metadata={"name": "a", "labels": {"a": "b"}}),
         make_manifest({"model": MODEL}, metadata={"name": "a", "labels": {"a": "b c"}}),
         "metadata.labels.a", "does not match", "a valid label must be"),
    Case("name-missing", make_manifest({"model": MODEL}, metadata={"name": "a"}),
         make_manifest({"model": MODEL}, metadata={"labels": {}}),
         "metadata.name", "required", "name or generateName is required"),
    Case("name-generated", make_manifest({"model": MODEL}, metadata={"generateName": "a" * 40}),
         make_manifest({"model": MODEL}, metadata={"generateName": "a" * 41}),
         "metadata.name", "must be at most 45 characters"),
)  # fmt: skip

"""The pod template of a revision: all that makes its pods what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torpor.api.base import MODEL_LABEL, ApiModel
from torpor.api.container import Container
from torpor.api.durations import duration_seconds
from torpor.api.observed import Key
from torpor.api.serverlessmodel import Model, ServerlessModelSpec

_MODEL_PORT = 8080
_CLAIM_VOLUME = "torpor-model"
_CLAIM_PATH = "/mnt/model"
_SCRATCH_VOLUME = "torpor-scratch"

# What Pod Security "restricted" asks for, and a root file system that nothing can be written to.
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}

_READINESS = {
    "v2": {"httpGet": {"path": "/v2/health/ready"}},
    "v1": {"httpGet": {"path": "/"}},
    "openai": {"httpGet": {"path": "/v1/models"}},
    "http": None,
}


def make_template(key: Key, spec: ServerlessModelSpec, runtime_image: str) -> dict[str, Any]:
    """Make the `spec.template` of a Knative Service, without name and without patchable annotations.

    Parameters
    ----------
    runtime_image
        Image of Torpor's model server, for a spec with a model file.
    """
    pod = spec.pod
    volumes: list[Mapping[str, Any]] = list(pod.volumes or ())
    if spec.model is not None:
        container = _model_container(key, spec, spec.model, runtime_image)
        volumes += _model_volumes(spec.model)
    else:
        # The API server admits exactly one of the two.
        assert spec.container is not None  # noqa: S101 - narrows the type; the CEL rule holds it
        container = _user_container(spec, spec.container)
    if spec.resources is not None:
        container["resources"] = _plain(spec.resources)
    annotations = {"annotations": pod.annotations} if pod.annotations else {}
    return {
        "metadata": {"labels": {**(pod.labels or {}), MODEL_LABEL: key.name}, **annotations},
        "spec": {
            "containers": [container],
            "containerConcurrency": spec.scaling.concurrency_limit,
            "timeoutSeconds": duration_seconds(spec.timeouts.request),
            # Knative defaults it on the Revision alone, and then takes a return to that revision for a conflict.
            "enableServiceLinks": False,
            **_optional("volumes", volumes),
            **_optional("serviceAccountName", pod.service_account_name),
            **_optional("imagePullSecrets", [_plain(s) for s in pod.image_pull_secrets or ()]),
            **_optional("nodeSelector", pod.node_selector),
            **_optional("tolerations", pod.tolerations),
            **_optional("affinity", pod.affinity),
            **_optional("securityContext", pod.security_context),
            **_optional("priorityClassName", pod.priority_class_name),
            **_optional("runtimeClassName", pod.runtime_class_name),
        },
    }


def _model_container(key: Key, spec: ServerlessModelSpec, model: Model, image: str) -> dict[str, Any]:
    variables = {
        "TORPOR_MODEL_NAME": key.name,
        "TORPOR_MODEL_FORMAT": model.format,
        "TORPOR_MODEL_URI": _mounted_path(model.uri) or model.uri,
        "TORPOR_REQUEST_TIMEOUT_SECONDS": str(duration_seconds(spec.timeouts.request)),
    }
    if model.digest is not None:
        variables["TORPOR_MODEL_DIGEST"] = model.digest
    env: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in variables.items()]
    env += [_plain(variable) for variable in spec.pod.env or ()]
    mounts: list[dict[str, Any]] = [{"name": _SCRATCH_VOLUME, "mountPath": "/tmp"}]  # noqa: S108 - the pod's own emptyDir
    if _mounted_path(model.uri):
        mounts.append({"name": _CLAIM_VOLUME, "mountPath": _CLAIM_PATH, "readOnly": True})
    secret = model.credentials.secret_name if model.credentials else None
    return {
        "image": image,
        "env": env,
        **_optional("envFrom", [{"secretRef": {"name": secret}}] if secret else None),
        "ports": [{"containerPort": _MODEL_PORT}],
        "readinessProbe": _READINESS["v2"],
        "securityContext": _RESTRICTED,
        "volumeMounts": mounts,
    }


def _model_volumes(model: Model) -> Sequence[Mapping[str, Any]]:
    volumes: list[Mapping[str, Any]] = [{"name": _SCRATCH_VOLUME, "emptyDir": {}}]
    if model.uri.startswith("pvc://"):
        claim = model.uri.removeprefix("pvc://").split("/", 1)[0]
        source = {"claimName": claim, "readOnly": True}
        volumes.append({"name": _CLAIM_VOLUME, "persistentVolumeClaim": source})
    return volumes


def _mounted_path(uri: str) -> str | None:
    if not uri.startswith("pvc://"):
        return None
    _, _, path = uri.removeprefix("pvc://").partition("/")
    return f"{_CLAIM_PATH}/{path}".rstrip("/")


def _user_container(spec: ServerlessModelSpec, container: Container) -> dict[str, Any]:
    made: dict[str, Any] = _plain(container)
    if spec.pod.env:
        made["env"] = [*made.get("env", ()), *(_plain(variable) for variable in spec.pod.env)]
    readiness = _READINESS[spec.protocol]
    if container.readiness_probe is None and readiness is not None:
        made["readinessProbe"] = readiness
    if container.liveness_probe is not None and container.startup_probe is None:
        # Without it the liveness probe kills a server that is still loading.
        made["startupProbe"] = _startup_probe(spec, container, made.get("readinessProbe"))
    return made


def _startup_probe(
    spec: ServerlessModelSpec, container: Container, readiness: Mapping[str, Any] | None
) -> dict[str, Any]:
    port = container.ports[0].container_port if container.ports else _MODEL_PORT
    # Knative fills in the port of a readiness probe only; a startup probe without one makes no pod and no error.
    probe: Mapping[str, Any] = (readiness or {}).get("httpGet") or {}
    path = probe.get("path")
    check: dict[str, Any] = {"httpGet": {"path": path, "port": port}} if path else {"tcpSocket": {"port": port}}
    return {**check, "periodSeconds": 1, "failureThreshold": duration_seconds(spec.timeouts.startup)}


def _plain(value: ApiModel) -> dict[str, Any]:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


def _optional(name: str, value: object) -> dict[str, Any]:
    return {name: value} if value else {}

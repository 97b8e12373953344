"""A container of the user's own: the subset of core/v1 Container that Knative takes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torpor.api.base import ApiModel, FreeObject, Name, Quantity, Rule, Text, keyed_by

RESERVED_PORTS = (8008, 8012, 8013, 8022, 9090, 9091)
"""Ports of Knative's queue-proxy."""


class EnvVar(ApiModel):
    """One environment variable."""

    rules = (
        Rule(
            "self.name != 'PORT' && !self.name.startsWith('K_')",
            "the names PORT and K_* belong to Knative; choose another name",
            field="name",
        ),
        Rule("!(has(self.value) && has(self.valueFrom))", "give value or valueFrom, not both"),
    )

    name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
    """Name of the variable. PORT and K_* belong to Knative."""
    value: Text | None = None
    """Its value."""
    value_from: FreeObject | None = None
    """Where the value comes from: secretKeyRef, configMapKeyRef, fieldRef or resourceFieldRef
    (core/v1 EnvVarSource)."""


class EnvFromSource(ApiModel):
    """A ConfigMap or Secret whose keys all become variables."""

    prefix: Annotated[str, Field(max_length=253)] | None = None
    """Put in front of each key."""
    config_map_ref: FreeObject | None = None
    """The ConfigMap: name, optional."""
    secret_ref: FreeObject | None = None
    """The Secret: name, optional."""


class ContainerPort(ApiModel):
    """The port that the container listens on."""

    rules = (
        Rule(
            f"!(self.containerPort in [{', '.join(map(str, RESERVED_PORTS))}])",
            "this port belongs to Knative's queue-proxy; choose another one, such as 8080",
            field="containerPort",
        ),
    )

    container_port: Annotated[int, Field(ge=1, le=65535)]
    """Number of the port. 8008, 8012, 8013, 8022, 9090 and 9091 belong to Knative."""
    name: Literal["http1", "h2c"] | None = None
    """h2c for HTTP/2 without TLS (gRPC); default http1."""
    protocol: Literal["TCP"] | None = None
    """Always TCP."""


class VolumeMount(ApiModel):
    """Where a volume of `pod.volumes` appears."""

    name: Name
    """Name of the volume."""
    mount_path: Annotated[str, Field(min_length=1, max_length=1024)]
    """Path in the container."""
    read_only: bool | None = None
    """Mount it read-only. Knative makes true the default for secrets and ConfigMaps."""
    sub_path: Annotated[str, Field(max_length=1024)] | None = None
    """Path inside the volume."""


class Resources(ApiModel):
    """CPU, memory and devices of one replica."""

    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What the scheduler reserves."""
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = None
    """What a replica may use at most; over its memory limit it is killed."""


class Container(ApiModel):
    """Any HTTP server in an image: FastAPI, Flask, BentoML, vLLM, Triton and so on."""

    image: Annotated[str, Field(min_length=1, max_length=1024)]
    """The image, by tag or, better, by digest. Knative pins a tag to its digest when a revision is made."""
    command: Annotated[list[Text], Field(max_length=64)] | None = None
    """Replaces the image's entry point."""
    args: Annotated[list[Text], Field(max_length=256)] | None = None
    """Arguments to the entry point."""
    env: Annotated[list[EnvVar], Field(max_length=128, json_schema_extra=keyed_by("name"))] | None = None
    """Environment variables."""
    env_from: Annotated[list[EnvFromSource], Field(max_length=32)] | None = None
    """ConfigMaps and Secrets whose keys become variables."""
    ports: Annotated[list[ContainerPort], Field(max_length=1)] | None = None
    """The one port that requests go to; default 8080, told to the container as PORT."""
    volume_mounts: (
        Annotated[list[VolumeMount], Field(max_length=64, json_schema_extra=keyed_by("mountPath"))] | None
    ) = None
    """Mounts of `pod.volumes`."""
    readiness_probe: FreeObject | None = None
    """When the container can take requests (core/v1 Probe); default from `protocol`."""
    liveness_probe: FreeObject | None = None
    """When the container must be restarted (core/v1 Probe); default none."""
    startup_probe: FreeObject | None = None
    """Holds the liveness probe back until it passes (core/v1 Probe); its port must be given."""
    working_dir: Annotated[str, Field(max_length=1024)] | None = None
    """Working directory; default the image's."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled; default IfNotPresent."""

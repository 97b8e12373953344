"""ServerlessModel: the one object a person writes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torpor.api.base import ApiModel, Name, Rule
from torpor.api.container import Container, Resources
from torpor.api.durations import Duration
from torpor.api.pod import Pod
from torpor.api.scaling import Scaling

NAME_MAX_LENGTH = 45
"""Knative names a core Service `<model>-<8 hex>-private`, and a DNS label ends at 63."""

URI_PATTERN = r"^(s3://[^/]+/.+|https?://[^/]+/.+|pvc://[^/]+(/.*)?)$"

MODEL_RULES = (
    Rule(
        f"self.metadata.name.size() <= {NAME_MAX_LENGTH}",
        f"metadata.name must be at most {NAME_MAX_LENGTH} characters, "
        "so that the names Knative derives from it fit DNS",
        field="metadata.name",
    ),
    Rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "metadata.name must be lower-case letters, digits and '-', and start with a letter (DNS-1035)",
        field="metadata.name",
    ),
)


class Credentials(ApiModel):
    """How the model server reaches a private store."""

    secret_name: Name
    """Secret whose keys become environment variables of the model server: AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION and so on."""


class Model(ApiModel):
    """A model file, served by Torpor's own model server."""

    format: Literal["onnx", "sklearn"]
    """Format of the file: onnx, or sklearn (skops; pickle only when the pod's env sets
    TORPOR_ALLOW_PICKLE)."""
    uri: Annotated[str, Field(min_length=1, max_length=2048, pattern=URI_PATTERN)]
    """Where the model lies: s3://bucket/path, https://host/path or pvc://claim/path."""
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)] | None = None
    """Checked before the model is loaded; a model with another digest never serves."""
    credentials: Credentials | None = None
    """Access to a private store."""


class Timeouts(ApiModel):
    """How long things may take."""

    rules = (
        Rule(
            "duration(self.request) >= duration('1s') && duration(self.request) <= duration('10m')",
            "request must be from 1s to 10m, Knative's own limit",
            field="request",
        ),
        Rule(
            "duration(self.startup) >= duration('10s') && duration(self.startup) <= duration('24h')",
            "startup must be from 10s to 24h",
            field="startup",
        ),
    )

    request: Duration = "300s"
    """Longest answer to one request, the wait for a waking replica included (1s to 10m)."""
    startup: Duration = "10m"
    """How long a replica may take to pull, load and warm up before its revision counts as failed."""


class ServerlessModelSpec(ApiModel):
    """What is wanted."""

    rules = (
        Rule(
            "has(self.model) != has(self.container)",
            "give exactly one of spec.model (a model file) and spec.container (an image of your own)",
        ),
        Rule(
            "!has(self.model) || self.protocol in ['v1', 'v2']",
            "a model file is served over protocol v2 or v1; openai and http are for spec.container",
            field="protocol",
        ),
    )

    model: Model | None = None
    """A model file, served by Torpor's model server. Exactly one of model and container."""
    container: Container | None = None
    """A container image of your own. Exactly one of model and container."""
    protocol: Literal["v2", "v1", "openai", "http"] = "v2"
    """What the server speaks; the readiness probe follows it. v2: Open Inference Protocol; v1: KServe's first
    protocol; openai: /v1/models answers when ready; http: ready when the port is open."""
    resources: Resources | None = None
    """CPU, memory and devices of one replica."""
    pod: Pod = Pod()
    """Settings of the pod."""
    scaling: Scaling = Scaling()
    """How many replicas, and when none."""
    timeouts: Timeouts = Timeouts()
    """How long things may take."""
    history_limit: Annotated[int, Field(ge=1, le=100)] = 10
    """How many past revisions status.history shows."""
    suspend: bool = False
    """True: the operator leaves everything as it is and says so."""


def parse_spec(spec: object) -> ServerlessModelSpec:
    """Parse the `spec` of an object as the API server stores it.

    Raises
    ------
    pydantic.ValidationError
        The spec does not fit the schema; each error carries the field path.
    """
    return ServerlessModelSpec.model_validate(spec)

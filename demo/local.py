"""The demo's hands: the local cluster, kubectl, the S3 store and the model's address."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import obstore
import yaml
from obstore.store import S3Store
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

ROOT = Path(__file__).parent.parent


class Platform:
    """A running local cluster with Torpor on it."""

    def __init__(self) -> None:
        self.status = cluster_status()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl; its complaint becomes the exception's text."""
        command = ["kubectl", "--kubeconfig", self.status["kubeconfig"], *arguments]
        path = Path(sys.executable).parent / "kubectl"
        done = subprocess.run([str(path), *command[1:]], input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects."""
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def install(self) -> None:
        """Apply manifests/base with the images of the local registry, and wait until the operator is Ready."""
        images = self.status["images"]
        names = {name: image["reference"] for name, image in images.items()}
        operator, _, digest = names["operator"].partition("@")
        with tempfile.TemporaryDirectory(dir=ROOT / "manifests", prefix=".local-") as directory:
            patch = [
                {"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": names["runtime"]}
            ]
            overlay = {
                "resources": ["../base"],
                "images": [{"name": "torpor/operator", "newName": operator, "digest": digest}],
                "patches": [{"target": {"kind": "Deployment"}, "patch": json.dumps(patch)}],
            }
            (Path(directory) / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
            self.kubectl("apply", "--server-side", "--force-conflicts", "-k", directory)
        self.kubectl("-n", "torpor-system", "rollout", "status", "deployment/torpor-operator", "--timeout=120s")

    def upload(self, key: str, content: bytes) -> None:
        """Put an object into the bucket `models`."""
        s3 = self.status["s3"]
        store = S3Store(
            s3["bucket"],
            endpoint=s3["endpoint"],
            access_key_id=s3["accessKey"],
            secret_access_key=s3["secretKey"],
            region="us-east-1",
            client_options={"allow_http": True},
            virtual_hosted_style_request=False,
        )
        obstore.put(store, key, content)

    def make_credentials(self, namespace: str, name: str = "s3-models") -> None:
        """Make the Secret that models reach the bucket with."""
        s3 = self.status["s3"]
        data = {
            "AWS_ACCESS_KEY_ID": s3["accessKey"],
            "AWS_SECRET_ACCESS_KEY": s3["secretKey"],
            "AWS_ENDPOINT_URL": s3["endpointInside"],
            "AWS_REGION": "us-east-1",
        }
        metadata = {"name": name, "namespace": namespace}
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})

    def model(self, name: str, namespace: str = "default") -> dict[str, Any]:
        """Read a ServerlessModel."""
        return json.loads(self.kubectl("-n", namespace, "get", "slm", name, "-o", "json"))

    def wait_for_state(
        self, name: str, *states: str, namespace: str = "default", seconds: float = 120
    ) -> dict[str, Any]:
        """Wait until a model that the operator has caught up with is in one of the states; give its status."""

        def elsewhere(found: dict[str, Any]) -> bool:
            status = found.get("status", {})
            behind = status.get("observedGeneration") != found["metadata"]["generation"]
            return behind or status.get("state") not in states

        read = retry(
            retry=retry_if_result(elsewhere),
            stop=stop_after_delay(seconds),
            wait=wait_fixed(0.3),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else {},
        )(self.model)
        found = read(name, namespace)
        if elsewhere(found):
            raise TimeoutError(f"{name} is not {' or '.join(states)}: {json.dumps(found.get('status'), indent=1)}")
        return found["status"]

    def client(self, name: str, namespace: str = "default") -> httpx.Client:
        """Make an HTTP client that reaches a model through the ingress."""
        host = f"{name}.{namespace}.{self.status['domain']}"
        ingress = f"http://{self.status['ingress']}"
        return httpx.Client(base_url=ingress, headers={"Host": host}, timeout=60, trust_env=False)


def cluster_status() -> dict[str, Any]:
    """Read the local cluster's status."""
    command = [sys.executable, "-m", "cluster", "status", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def bring_up() -> None:
    """Bring the local cluster up and build the images; each step shows its own progress."""
    for step in ("up", "images"):
        subprocess.run([sys.executable, "-m", "cluster", step], check=True, cwd=ROOT)


def make_infer_request(rows: list[list[float]], name: str = "X") -> dict[str, Any]:
    """Make a V2 request of float32 rows."""
    flat = [value for row in rows for value in row]
    tensor = {"name": name, "shape": [len(rows), len(rows[0])], "datatype": "FP32", "data": flat}
    return {"inputs": [tensor]}

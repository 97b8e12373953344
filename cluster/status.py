"""What runs and how to reach it: the contract between the cluster and the tests, the demo and the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.lifecycle import is_up, programs_of
from cluster.processes import Processes
from cluster.registry import read_pushed_images
from cluster.s3 import find_credentials
from cluster.settings import BUCKET, DOMAIN, NODE_IP, REGISTRY, S3_PORT

if TYPE_CHECKING:
    from cluster.settings import Settings


def make_status(settings: Settings) -> dict[str, Any]:
    """Return what ``status --json`` prints."""
    processes = Processes(settings).running()
    status: dict[str, Any] = {
        "name": settings.name,
        "tier": settings.tier,
        "running": is_up(settings),
        "kubeconfig": str(settings.kubeconfig),
        "operatorKubeconfig": str(settings.operator_kubeconfig),
        "auditLog": str(settings.audit_log),
        "api": f"https://127.0.0.1:{settings.api_port}",
        "nodeIP": NODE_IP,
        "namespace": settings.name,
        # None and empty in tier api, which has no node.
        "ingress": None,
        "domain": None,
        "registry": None,
        "registryInside": None,
        "s3": None,
        "images": {},
        "processes": processes,
        "missing": [name for name in programs_of(settings) if name not in processes],
        "logs": str(settings.logs),
    }
    if settings.tier == "full":
        credentials = find_credentials(settings)
        status |= {
            "ingress": f"127.0.0.1:{settings.ingress_port}",
            "domain": DOMAIN,
            "registry": f"127.0.0.1:{settings.registry_port}",
            "registryInside": REGISTRY,
            "s3": {
                "endpoint": f"http://127.0.0.1:{settings.s3_port}",
                "endpointInside": f"http://{NODE_IP}:{S3_PORT}",
                "accessKey": credentials.access_key if credentials else None,
                "secretKey": credentials.secret_key if credentials else None,
                "bucket": BUCKET,
            },
            "images": {
                name: {key: image[key] for key in ("reference", "digest", "sizeBytes", "compressedBytes")}
                for name, image in read_pushed_images(settings).items()
            },
        }
    return status


def describe(status: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what ``status`` shows to people, line by line."""
    if not status["running"]:
        state = "down"
        if status["missing"] and status["processes"]:
            state = f"not whole: {', '.join(status['missing'])} missing"
        elif status["processes"]:
            state = "not ready: it is still starting, or its API server does not answer"
        return [("Cluster", f"{status['name']} (tier {status['tier']}) is {state}")]
    lines = [
        ("Cluster", f"{status['name']} (tier {status['tier']}) is up: {len(status['processes'])} programs"),
        ("API server", status["api"]),
        ("Kubeconfig", status["kubeconfig"]),
    ]
    if status["tier"] == "full":
        s3 = status["s3"]
        lines += [
            ("Ingress", f"http://{status['ingress']} (Host: NAME.NAMESPACE.{status['domain']})"),
            ("Registry", f"{status['registry']}, inside the cluster {status['registryInside']}"),
            ("S3 store", f"{s3['endpoint']}, inside the cluster {s3['endpointInside']}"),
            ("S3 bucket", f"{s3['bucket']}, key {s3['accessKey']}, secret {s3['secretKey']}"),
        ]
        lines += [(f"Image {name}", image["reference"]) for name, image in status["images"].items()]
    return [*lines, ("Logs", status["logs"])]

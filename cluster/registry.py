"""The registry: docker-registry on the node's address, its blobs kept between clusters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from cluster.cache import write_atomically
from cluster.settings import REGISTRY
from cluster.waiting import fail_if_ended, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.processes import Processes
    from cluster.settings import Settings


def make_registry_config(settings: Settings) -> dict[str, Any]:
    """Render docker-registry's configuration."""
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(settings.registry_storage)},
            "delete": {"enabled": True},
        },
        "http": {"addr": REGISTRY},
    }


def start_registry(settings: Settings, processes: Processes) -> None:
    """Start the registry and wait until it answers on the host's port."""
    settings.registry_storage.mkdir(parents=True, exist_ok=True)
    config = settings.data / "registry.yaml"
    write_atomically(config, yaml.safe_dump(make_registry_config(settings), sort_keys=False))
    processes.start("registry", ["docker-registry", "serve", config])


def wait_for_registry(settings: Settings, processes: Processes) -> None:
    """Wait until the registry answers on the host's port."""

    def is_answering() -> bool:
        fail_if_ended(settings, processes, ["registry"])
        url = f"http://127.0.0.1:{settings.registry_port}/v2/"
        return httpx.get(url, trust_env=False, timeout=2.0).is_success

    wait_until(is_answering, "the registry does not answer", seconds=30)


def read_pushed_images(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what was pushed, by the image's name; the record lies with the blobs and shares their life."""
    try:
        return json.loads(_record_file(settings).read_text())
    except (OSError, ValueError):
        return {}


def record_pushed_image(settings: Settings, name: str, record: dict[str, Any]) -> None:
    """Remember what was pushed under a short name."""
    records = {**read_pushed_images(settings), name: record}
    write_atomically(_record_file(settings), json.dumps(records, indent=2))


def has_image(settings: Settings, repository: str, digest: str) -> bool:
    """Say whether the registry's storage holds an image, without asking the registry."""
    repositories = settings.registry_storage / "docker" / "registry" / "v2" / "repositories"
    algorithm, _, value = digest.partition(":")
    return (repositories / repository / "_manifests" / "revisions" / algorithm / value / "link").exists()


def _record_file(settings: Settings) -> Path:
    return settings.registry_storage / "torpor-images.json"

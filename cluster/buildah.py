"""buildah with a storage of its own in the cache: builds on the local bases and pushes to the registry."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from cluster.commands import run
from cluster.errors import ClusterError
from cluster.mounts import unmount_below
from cluster.rootfs import BASES, BUILD_BASE, FINAL_BASE
from cluster.settings import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from cluster.settings import Settings

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# Where wheels come from and how to get there; never part of an image.
PASSED_ARGUMENTS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
MANIFEST_TYPES = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Pushed:
    """An image in the registry."""

    reference: str
    """Its name in the cluster, by digest."""
    digest: str
    tag: str
    """Its name in the cluster, by tag."""
    compressed_bytes: int


@contextlib.contextmanager
def opened_storage(settings: Settings) -> Generator[Buildah]:
    """Use buildah's storage, and leave none of its mounts behind."""
    folder = settings.cache / "buildah"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield Buildah(settings, folder)
    finally:
        unmount_below(folder)


class Buildah:
    """Commands on one storage."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._program = [
            "buildah",
            f"--root={folder / 'storage'}",
            f"--runroot={folder / 'run'}",
            "--storage-driver=overlay",
        ]

    def __call__(self, *words: str | Path) -> str:
        """Run buildah and return what it printed."""
        return run([*self._program, *words]).stdout

    def has(self, image: str) -> bool:
        """Say whether the storage holds an image."""
        return not run([*self._program, "inspect", "--type=image", image], check=False).returncode

    def ensure_bases(self) -> None:
        """Load the local base images into the storage."""
        for base in BASES:
            if not self.has(base.reference):
                image = self("pull", "-q", f"oci-archive:{base.path(self._settings.cache)}").strip()
                self("tag", image, base.reference)

    def build(self, file: Path, context: Path, tag: str, target: str | None = None) -> None:
        """Build a Dockerfile on the local bases.

        The host's certificate authorities are lent to the build's commands, so that they pass through a proxy
        that opens TLS; the image keeps its own.
        """
        self.ensure_bases()
        arguments = {"BASE": FINAL_BASE.reference, "BUILD_BASE": BUILD_BASE.reference}
        arguments |= {name: os.environ[name] for name in PASSED_ARGUMENTS if os.environ.get(name)}
        bundle = os.environ.get("SSL_CERT_FILE") or CA_BUNDLE
        self(
            "bud",
            "--layers",
            "--isolation=chroot",
            "--network=host",
            *([f"--volume={bundle}:{CA_BUNDLE}:ro"] if Path(bundle).exists() else []),
            *(word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")),
            *(["--target", target] if target else []),
            "--tag",
            tag,
            "--file",
            file,
            context,
        )

    def size_bytes(self, image: str) -> int:
        """Return an image's size, uncompressed."""
        identity = json.loads(self("inspect", "--type=image", image))["FromImageID"]
        listed = json.loads(self("images", "--json", "--no-trunc"))
        sizes = {item["id"].removeprefix("sha256:"): item["size"] for item in listed}
        return _parse_size(sizes[identity])

    def push(self, image: str, repository: str, tag: str) -> Pushed:
        """Push an image to the registry."""
        return _push(
            self._settings,
            [*self._program, "push", "-q", "--tls-verify=false"],
            [image],
            repository,
            tag,
        )


def copy_to_registry(settings: Settings, source: str, repository: str, tag: str) -> Pushed:
    """Copy an image from anywhere that skopeo reads (an archive, a storage) into the registry."""
    return _push(settings, ["skopeo", "copy", "-q", "--dest-tls-verify=false"], [source], repository, tag)


def read_manifest(settings: Settings, repository: str, digest: str) -> dict[str, Any]:
    """Read an image's manifest from the registry."""
    url = f"http://127.0.0.1:{settings.registry_port}/v2/{repository}/manifests/{digest}"
    answer = httpx.get(url, headers={"Accept": MANIFEST_TYPES}, trust_env=False, timeout=10.0)
    if not answer.is_success:
        raise ClusterError(f"the registry answered {answer.status_code} for {repository}@{digest}")
    return answer.json()


def _push(settings: Settings, command: Sequence[str], source: Sequence[str], repository: str, tag: str) -> Pushed:
    with tempfile.NamedTemporaryFile("r") as digest_file:
        target = f"docker://127.0.0.1:{settings.registry_port}/{repository}:{tag}"
        run([*command, f"--digestfile={digest_file.name}", *source, target], env={"NO_PROXY": "127.0.0.1"})
        digest = Path(digest_file.name).read_text().strip()
    manifest = read_manifest(settings, repository, digest)
    return Pushed(
        reference=f"{REGISTRY}/{repository}@{digest}",
        digest=digest,
        tag=f"{REGISTRY}/{repository}:{tag}",
        compressed_bytes=sum(layer["size"] for layer in manifest["layers"]),
    )


def _parse_size(text: str) -> int:
    number, unit = text.split()
    return round(float(number) * {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}[unit.upper()])

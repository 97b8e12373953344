"""The project's own images, and a user's: built when their content changed, pushed, known by digest."""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster import registry
from cluster.build import build_missing
from cluster.buildah import Pushed, copy_to_registry, opened_storage
from cluster.cache import make_key, make_tree_key
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.lifecycle import is_up
from cluster.rootfs import BASES
from cluster.settings import ROOT

if TYPE_CHECKING:
    from cluster.console import Steps
    from cluster.settings import Settings

MEGABYTE = 10**6
# Where a user's own buildah or podman keeps images.
MACHINE_STORAGE = Path("/var/lib/containers/storage")
NAME_PATTERN = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")


@dataclass(frozen=True)
class ProjectImage:
    """One target of the Dockerfile."""

    name: str
    requirements: Path
    sources: Path

    @property
    def repository(self) -> str:
        """Its repository in the registry."""
        return f"torpor/{self.name}"

    @property
    def key(self) -> str:
        """A hash of everything that the image is built from."""
        return make_key(
            self.name,
            ROOT / "Dockerfile",
            ROOT / ".dockerignore",
            self.requirements,
            make_tree_key([self.sources]),
            [base.key for base in BASES],
        )


PROJECT_IMAGES = (
    ProjectImage("operator", ROOT / "requirements" / "operator.txt", ROOT / "operator" / "torpor"),
    ProjectImage("runtime", ROOT / "requirements" / "runtime.txt", ROOT / "runtime" / "torpor_runtime"),
)


def push_project_images(settings: Settings, steps: Steps) -> dict[str, dict[str, Any]]:
    """Build and push the project's images whose content changed, and return all of them.

    Raises
    ------
    ClusterError
        Something changed and the cluster is down, or a build fails.
    """
    known = registry.read_pushed_images(settings)
    stale = [image for image in PROJECT_IMAGES if not _is_current(settings, image, known.get(image.name))]
    if stale:
        _check_up(settings)
        build_missing(settings, steps)
        with opened_storage(settings) as buildah:
            for image in stale:
                local = f"localhost/{image.repository}:{image.key}"
                with steps.step(f"build {image.name}"):
                    buildah.build(ROOT / "Dockerfile", ROOT, local, image.name)
                    size_bytes = buildah.size_bytes(local)
                with steps.step(f"push {image.name}"):
                    pushed = buildah.push(local, image.repository, image.key)
                _record(settings, image.name, pushed, size_bytes, image.key)
    records = registry.read_pushed_images(settings)
    return {image.name: records[image.name] for image in PROJECT_IMAGES}


def load_images(settings: Settings, sources: list[str], tag: str | None, steps: Steps) -> list[Pushed]:
    """Push archives and images of buildah's storages into the registry.

    Parameters
    ----------
    tag
        The name in the registry, ``NAME`` or ``NAME:TAG``; taken from each source when None.
    """
    _check_up(settings)
    loaded = []
    for source in sources:
        with steps.step(f"load {source}"):
            loaded.append(_load(settings, source, tag))
    return loaded


def build_image(settings: Settings, file: Path, context: Path, tag: str, steps: Steps) -> Pushed:
    """Build a user's Containerfile on the local Python base and push it."""
    _check_up(settings)
    build_missing(settings, steps)
    repository, version = split_tag(tag)
    local = f"localhost/{repository}:{version}"
    with opened_storage(settings) as buildah:
        with steps.step(f"build {tag}"):
            buildah.build(file, context, local)
            size_bytes = buildah.size_bytes(local)
        with steps.step(f"push {tag}"):
            pushed = buildah.push(local, repository, version)
    _record(settings, repository, pushed, size_bytes, None)
    return pushed


def split_tag(tag: str) -> tuple[str, str]:
    """Split ``NAME:TAG`` into a repository and a tag, which is ``latest`` when there is none.

    Raises
    ------
    ClusterError
        It is no image name.
    """
    repository, _, version = tag.partition(":")
    if not NAME_PATTERN.fullmatch(repository):
        raise ClusterError(f"{tag!r} is no image name: use lower case letters, digits and / . - _ between them")
    return repository, version or "latest"


def name_of_source(source: str) -> str:
    """Derive a name for the registry from an archive's file name, or from an image's name."""
    for ending in (".tar.gz", ".tgz", ".tar"):
        if source.endswith(ending):
            return source.removesuffix(ending).rpartition("/")[2].lower()
    name = source.partition("@")[0]
    first, slash, rest = name.partition("/")
    # A registry's own address is not part of the name in another one.
    return rest if slash and ("." in first or ":" in first or first == "localhost") else name


def describe_image(name: str, record: dict[str, Any]) -> str:
    """Say where an image is and how large."""
    sizes = f"{record['sizeBytes'] / MEGABYTE:.0f} MB, {record['compressedBytes'] / MEGABYTE:.0f} MB compressed"
    return f"{name}: {record['reference']} ({sizes})"


def _load(settings: Settings, source: str, tag: str | None) -> Pushed:
    repository, version = split_tag(tag or name_of_source(source))
    path = Path.cwd() / source
    if path.is_file():
        pushed = copy_to_registry(settings, f"{archive_kind(path)}:{path}", repository, version)
    else:
        with opened_storage(settings) as buildah:
            if buildah.has(source):
                pushed = buildah.push(source, repository, version)
            elif _is_in_machine_storage(source):
                pushed = copy_to_registry(settings, f"containers-storage:{source}", repository, version)
            else:
                raise ClusterError(f"{source!r} is neither an archive nor an image that buildah knows here")
    _record(settings, repository, pushed, None, None)
    return pushed


def _is_in_machine_storage(image: str) -> bool:
    # Only to ask would make the storage, and a mount of it, where the machine has none.
    if not MACHINE_STORAGE.exists():
        return False
    return not run(["skopeo", "inspect", f"containers-storage:{image}"], check=False).returncode


def archive_kind(path: Path) -> str:
    """Say what skopeo calls an image archive: ``oci-archive`` or ``docker-archive``.

    Raises
    ------
    ClusterError
        It is neither.
    """
    try:
        with tarfile.open(path) as tar:
            for entry in tar:
                name = entry.name.removeprefix("./")
                if name in {"oci-layout", "index.json"}:
                    return "oci-archive"
                if name in {"manifest.json", "repositories"}:
                    return "docker-archive"
    except tarfile.TarError:
        pass
    raise ClusterError(f"{path} is no image archive: write one with `buildah push IMAGE oci-archive:FILE`")


def _is_current(settings: Settings, image: ProjectImage, record: dict[str, Any] | None) -> bool:
    return (
        record is not None
        and record["key"] == image.key
        and registry.has_image(settings, image.repository, record["digest"])
    )


def _record(settings: Settings, name: str, pushed: Pushed, size_bytes: int | None, key: str | None) -> None:
    record = {
        "reference": pushed.reference,
        "digest": pushed.digest,
        "tag": pushed.tag,
        "sizeBytes": size_bytes or pushed.compressed_bytes,
        "compressedBytes": pushed.compressed_bytes,
        "key": key,
    }
    registry.record_pushed_image(settings, name, record)


def _check_up(settings: Settings) -> None:
    if not is_up(settings):
        raise ClusterError(f"the registry is part of the cluster {settings.name}, which is down: run `up` first")

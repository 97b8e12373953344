"""Debian packages that the cluster needs: installed once, without any of their services being started."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.commands import run
from cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from cluster.settings import Tier

API_PACKAGES = ("haproxy", "iproute2", "mount", "procps", "python3-venv")
FULL_PACKAGES = (
    *API_PACKAGES,
    "buildah",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "docker-registry",
    "ethtool",
    "ipset",
    "iptables",
    "runc",
    "skopeo",
    "socat",
)
# Their packages would run these as services of the machine; the cluster starts its own.
SERVICES = ("containerd", "docker-registry", "haproxy")
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE_STARTS = "#!/bin/sh\n# Written by torpor's local cluster for the time of an installation.\nexit 101\n"
NONINTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def packages_of(tier: Tier) -> Sequence[str]:
    """Return the packages that a tier needs."""
    return FULL_PACKAGES if tier == "full" else API_PACKAGES


def missing_packages(wanted: Sequence[str]) -> list[str]:
    """Return the packages of `wanted` that are not installed.

    Raises
    ------
    ClusterError
        This is no Debian.
    """
    if not shutil.which("dpkg-query"):
        raise ClusterError("the cluster takes its parts from Debian packages: run it on Debian 12")
    listed = run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted], check=False).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def install_packages(missing: Sequence[str]) -> None:
    """Install packages and leave no service of theirs running or enabled."""
    with starts_refused():
        # A source of the user's own may fail: what matters is whether the packages come.
        run(["apt-get", "update", "-qq"], env=NONINTERACTIVE, check=False)
        run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
            env=NONINTERACTIVE,
        )
    services = [service for service in SERVICES if service in missing]
    # Where systemd runs, an installed service would start at the next boot.
    if services and Path("/run/systemd/system").exists():
        run(["systemctl", "disable", "--now", "--quiet", *services], check=False)


@contextlib.contextmanager
def starts_refused(policy: Path = POLICY) -> Generator[None]:
    """Forbid packages to start services while they are installed; a policy of the machine's own stays."""
    if policy.exists():
        yield
        return
    policy.write_text(REFUSE_STARTS)
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)

"""Bringing a cluster up and taking it down."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cluster import (
    checks,
    controlplane,
    gateway,
    host,
    hostports,
    knative,
    network,
    node,
    registry,
    remains,
    s3,
)
from cluster.build import build_missing
from cluster.cgroups import remove_cgroups
from cluster.errors import ClusterError
from cluster.kube import Kubectl, is_api_ready, wait_for_api
from cluster.locks import cluster_lock
from cluster.manifests import dump
from cluster.mounts import unmount_below
from cluster.parallel import side_by_side
from cluster.pki import make_pki
from cluster.processes import Processes

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.console import Steps
    from cluster.settings import Settings

COMMON_PROGRAMS = ("etcd", "haproxy", "kube-apiserver", "kube-controller-manager")
API_PROGRAMS = (*COMMON_PROGRAMS, "knative-controller", "knative-webhook")
FULL_PROGRAMS = (
    *COMMON_PROGRAMS,
    "containerd",
    "coredns",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
    "registry",
    "s3",
)
# Ended first: they would see the API server go and complain, or start pods again.
ENDED_FIRST = (
    "kubelet",
    "kube-proxy",
    "coredns",
    "kube-scheduler",
    "kube-controller-manager",
    "knative-controller",
    "knative-webhook",
)
# Killed outright: their data goes with the cluster, so nothing is gained by waiting for an orderly end.
KILLED = ("kube-apiserver", "etcd", "s3")
# What `down` removes holds this file: a folder that the user names by mistake does not.
OWNER_MARK = ".torpor-cluster"


def programs_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of the programs that a running cluster consists of."""
    return FULL_PROGRAMS if settings.tier == "full" else API_PROGRAMS


def is_up(settings: Settings) -> bool:
    """Say whether `up` has finished, every program runs and the API server is ready."""
    running = Processes(settings).running()
    return (
        _ready_mark(settings).exists()
        and all(name in running for name in programs_of(settings))
        and is_api_ready(settings)
    )


def up(settings: Settings, steps: Steps) -> bool:
    """Bring the cluster up; False when it ran already.

    Raises
    ------
    ClusterError
        Something is missing or did not start. What has started is left for a look at its logs, and the next
        `up` or `down` removes it.
    """
    checks.check_root()
    with cluster_lock(settings):
        if is_up(settings):
            return False
        build_missing(settings, steps)
        if is_anything_left(settings):
            with steps.step("remove what an earlier cluster left"):
                _remove(settings)
        network.check_ports_free(settings)
        host.remember_host(settings)
        _claim_folders(settings)
        checks.check_kernel(settings.tier)
        if settings.tier == "full":
            _start_full(settings, steps)
        else:
            _start_api(settings, steps)
        _ready_mark(settings).touch()
    return True


def down(settings: Settings) -> bool:
    """Take the cluster down and put back all that it changed; False when there was none."""
    checks.check_root()
    with cluster_lock(settings):
        if not is_anything_left(settings):
            return False
        _remove(settings)
    return True


def _start_api(settings: Settings, steps: Steps) -> None:
    processes, kubectl = Processes(settings), Kubectl(settings)
    with steps.step("control plane"):
        pki = _start_control_plane(settings, processes)
        wait_for_api(settings, processes)
        controlplane.start_controller_manager(settings, processes, pki)
    with steps.step("Knative"):
        knative.apply_definitions(settings, kubectl)
        knative.apply_host_core(settings, kubectl)
        knative.start_host_programs(settings, processes, pki)
        knative.wait_for_webhook(kubectl)


def _start_full(settings: Settings, steps: Steps) -> None:
    processes, kubectl = Processes(settings), Kubectl(settings)

    def control_plane() -> None:
        with steps.step("control plane"):
            wait_for_api(settings, processes)
            controlplane.start_controller_manager(settings, processes, pki)
            controlplane.start_scheduler(settings, processes, pki)
        with steps.step("Knative's definitions"):
            knative.apply_definitions(settings, kubectl)
            kubectl.apply(dump(node.make_dns_service()))

    def images() -> None:
        with steps.step("import system images"):
            node.import_system_images(settings, processes)

    def stores() -> None:
        with steps.step("registry and S3 store"):
            registry.wait_for_registry(settings, processes)
            s3.wait_for_bucket(settings, processes)

    def node_and_knative() -> None:
        side_by_side(control_plane, images)
        with steps.step("node"):
            node.start_kubelet(settings, processes, pki)
            node.start_service_network(settings, processes, pki)
            knative.apply_core(settings, kubectl)
            gateway.apply_gateway(kubectl)
            node.wait_for_node(settings, processes, kubectl)
        with steps.step("Knative and gateway"):
            for namespace in (knative.NAMESPACE, gateway.NAMESPACE):
                kubectl.wait_for_deployments(namespace)
            knative.wait_for_webhook(kubectl)

    pki = _start_control_plane(settings, processes)
    node.start_containerd(settings, processes)
    registry.start_registry(settings, processes)
    s3.start_s3(settings, processes)
    side_by_side(stores, node_and_knative)


def _start_control_plane(settings: Settings, processes: Processes) -> Path:
    pki = make_pki(settings)
    network.make_namespace(settings)
    controlplane.start_etcd(settings, processes)
    controlplane.start_api_server(settings, processes, pki)
    hostports.start_host_ports(settings, processes)
    return pki


def _remove(settings: Settings) -> None:
    processes = Processes(settings)
    processes.stop(ENDED_FIRST, grace_seconds=2)
    if settings.tier == "full":
        remains.end_pods(settings, processes)
    processes.stop(KILLED, grace_seconds=0)
    processes.stop(processes.names(), grace_seconds=3)
    unmount_below(settings.run, settings.data)
    if settings.tier == "full":
        remains.remove_pod_networks(settings)
        remains.remove_log_links(settings)
        remove_cgroups(settings.name)
    network.remove_namespace(settings)
    # The process records go last: until then an interrupted `down` can be taken up again.
    _remove_folder(settings.data)
    _remove_folder(settings.run)
    host.restore_host(settings)


def _claim_folders(settings: Settings) -> None:
    for folder in (settings.run, settings.data):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / OWNER_MARK).write_text(f"{settings.name}\n")


def _read_owner(folder: Path) -> str | None:
    try:
        return (folder / OWNER_MARK).read_text().strip()
    except OSError:
        return None


def _remove_folder(folder: Path) -> None:
    if not folder.exists():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != OWNER_MARK:
            path.unlink(missing_ok=True)
    if left := [path for path in folder.iterdir() if path.name != OWNER_MARK]:
        raise ClusterError(f"{left[0]} cannot be removed: end what uses it and run `down` again")
    # Last, for the same reason.
    (folder / OWNER_MARK).unlink(missing_ok=True)
    folder.rmdir()


def is_anything_left(settings: Settings) -> bool:
    """Say whether an earlier cluster of this name has left anything.

    Raises
    ------
    ClusterError
        Something is in our way that is nobody's cluster: it is not ours to remove.
    """
    folders = [folder for folder in (settings.run, settings.data) if folder.exists()]
    for folder in folders:
        if any(folder.iterdir()) and _read_owner(folder) != settings.name:
            raise ClusterError(
                f"{folder} exists and is not this cluster's: remove it, or set TORPOR_CLUSTER_RUN or _DATA"
            )
    if settings.netns.exists() and not folders:
        raise ClusterError(
            f"a network namespace {settings.name} exists and is not this cluster's: set TORPOR_CLUSTER_NAME"
        )
    return bool(folders)


def _ready_mark(settings: Settings) -> Path:
    return settings.run / "ready"

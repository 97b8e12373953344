"""A second cluster beside the one under test: it comes up, recovers and goes without a trace."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from cluster.cgroups import pod_processes
from cluster.host import SYSCTLS
from cluster.mounts import mount_points
from cluster.remains import CNI_RESULTS
from cluster.settings import ROOT

NAME = "torpor-test"
PROC_SYS = Path("/proc/sys")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Second:
    """The second cluster, by its commands."""

    def __init__(self, tier, data):
        self.tier = tier
        self.run_folder = Path("/run") / NAME
        self.data = data
        ports = {
            f"TORPOR_CLUSTER_{name}_PORT": str(port)
            for name, port in zip(("API", "INGRESS", "S3", "REGISTRY"), free_ports(4), strict=True)
        }
        self.environment = {
            **os.environ,
            **ports,
            "TORPOR_CLUSTER_NAME": NAME,
            "TORPOR_CLUSTER_RUN": str(self.run_folder),
            "TORPOR_CLUSTER_DATA": str(data),
        }

    def command(self, name, *words):
        return [sys.executable, "-m", "cluster", name, "--tier", self.tier, *words]

    def call(self, name, *words):
        done = subprocess.run(
            self.command(name, *words),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def status(self):
        return json.loads(
            subprocess.run(
                self.command("status", "--json"),
                cwd=ROOT,
                env=self.environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )

    def processes(self):
        """Every process that is the cluster's, by its environment, command line or cgroup."""
        marks = (str(self.data), str(self.run_folder))
        found = []
        for process in psutil.process_iter(["cmdline", "environ", "status"]):
            words = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
            # The tests and the commands name the folders in variables of their own.
            is_test = "TORPOR_CLUSTER_NAME" in (process.info["environ"] or {}) or process.pid == os.getpid()
            is_zombie = process.info["status"] == psutil.STATUS_ZOMBIE
            if not is_test and not is_zombie and any(mark in word for word in words for mark in marks):
                found.append(process.pid)
        return sorted({*found, *pod_processes(NAME)})

    def trace(self):
        """Everything of the cluster that the machine would show."""
        return {
            "processes": self.processes(),
            "mounts": [point for point in mount_points() if NAME in point or str(self.data) in point],
            "folders": [str(folder) for folder in (self.run_folder, self.data) if folder.exists()],
            "namespaces": [path.name for path in Path("/run/netns").glob(NAME)],
            "pods": [path.name for path in CNI_RESULTS.glob(f"{NAME}-*")],
            "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{NAME}")],
            "locks": [str(path) for path in Path("/run").glob(f"{NAME}*.lock")],
        }


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def host_values():
    """What belongs to the host and must be the same before and after."""
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    sysctls = {name: (PROC_SYS / name).read_text() for name in SYSCTLS if (PROC_SYS / name).exists()}
    return {"links": links, "routes": routes, "sysctls": sysctls}


def is_open(address):
    host, port = address.removeprefix("https://").removeprefix("http://").split(":")
    with closing(socket.socket()) as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, int(port))) == 0


@pytest.fixture(params=["api", "full"])
def second(request, tmp_path):
    cluster = Second(request.param, tmp_path / "data")
    yield cluster
    subprocess.run(cluster.command("down"), cwd=ROOT, env=cluster.environment, capture_output=True, check=False)


def test_up_recovers_and_down_leaves_no_trace(second):
    before = host_values()
    nothing = second.trace()
    assert not any(nothing.values())

    second.call("up")
    status = second.status()
    assert status["running"]
    assert is_open(status["api"])
    assert second.trace()["namespaces"] == [NAME]

    # A second `up` changes nothing.
    began = time.monotonic()
    assert "Already up" in second.call("up")
    assert time.monotonic() - began < 5
    assert second.status()["processes"] == status["processes"]

    # As after a crash of the machine: nothing had the time to clean up.
    for pid in second.processes():
        os.kill(pid, signal.SIGKILL)
    assert not second.status()["running"]
    second.call("up")
    assert second.status()["running"]
    assert second.call("kubectl", "get", "--raw", "/readyz").strip() == "ok"

    second.call("down")
    assert second.trace() == nothing
    assert host_values() == before
    assert not is_open(status["api"])


@pytest.mark.parametrize("second", ["api"], indirect=True)
def test_an_interrupted_up_leaves_a_state_from_which_down_works(second):
    for seconds in (0.8, 2.5):
        up = subprocess.Popen(
            second.command("up"),
            cwd=ROOT,
            env=second.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # A shell's background job ignores SIGINT and hands that on: the tests may be one.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
        )
        time.sleep(seconds)
        up.send_signal(signal.SIGINT)
        _, said = up.communicate(timeout=60)
        assert up.returncode != 0
        assert b"interrupted" in said
    second.call("down")
    assert not any(second.trace().values())

"""The real API server of tier api, brought up by `python -m cluster up --tier api`."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cluster():
    command = [sys.executable, "-m", "cluster", "status", "--tier", "api", "--json"]
    status = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    assert status["running"], "run `python -m cluster up --tier api` first"
    return status


@pytest.fixture(scope="session")
def kubectl(cluster):
    def run(*arguments, stdin=None):
        program = Path(sys.executable).parent / "kubectl"
        command = [str(program), "--kubeconfig", cluster["kubeconfig"], *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    run("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    run("wait", "--for=condition=Established", "crd/serverlessmodels.torpor.dev", "--timeout=30s")
    return run


@pytest.fixture
def namespace(kubectl):
    name = f"t-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


class Operator:
    """The operator as a process of its own, with an identity that the audit log tells apart."""

    def __init__(self, cluster):
        self.audit = Path(cluster["auditLog"])
        self._kubeconfig = cluster["operatorKubeconfig"]
        self.process = None

    def start(self):
        env = {
            **os.environ,
            "KUBECONFIG": self._kubeconfig,
            "TORPOR_PORT": "18091",
            # Knative looks for no digest under dev.local.
            "TORPOR_RUNTIME_IMAGE": "dev.local/runtime:1",
            "PYTHONPATH": str(ROOT / "operator"),
        }
        self.process = subprocess.Popen([sys.executable, "-m", "torpor.cli", "run"], env=env)

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        started = time.monotonic()
        code = self.process.wait(timeout=20)
        return code, time.monotonic() - started

    def mark(self):
        return self.audit.stat().st_size

    def writes(self, since, namespace):
        with self.audit.open() as file:
            file.seek(since)
            events = [json.loads(line) for line in file if line.endswith("\n")]
        return [
            (
                e["verb"],
                e.get("objectRef", {}).get("resource", ""),
                e.get("objectRef", {}).get("subresource", ""),
                e.get("objectRef", {}).get("name", ""),
            )
            for e in events
            if e["user"]["username"] == "torpor-operator"
            and e.get("objectRef", {}).get("namespace") == namespace
            and e["verb"] not in ("get", "list", "watch")
        ]


@pytest.fixture
def operator(cluster, kubectl):
    rules = (ROOT / "manifests" / "base" / "rbac.yaml").read_text().split("\n---\n")
    kubectl("apply", "-f", "-", stdin=rules[1])
    binding = kubectl(
        "create", "clusterrolebinding", "torpor-operator-user", "--clusterrole=torpor-operator",
        "--user=torpor-operator", "--dry-run=client", "-o", "yaml",
    )  # fmt: skip
    kubectl("apply", "-f", "-", stdin=binding)
    operator = Operator(cluster)
    operator.start()
    yield operator
    if operator.process.poll() is None:
        operator.stop()

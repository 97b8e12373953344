"""Writing a container image as a tar file in OCI layout, from files alone."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MEDIA_TYPE = "application/vnd.oci.image"
USER = 65532
EPOCH = "1970-01-01T00:00:00Z"
PATH_VARIABLE = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FOLDERS = {"tmp": 0o1777, "etc": 0o755, "proc": 0o755, "sys": 0o755, "dev": 0o755}
ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532::/:/bin/false\n",
    "etc/group": b"root:x:0:\nnonroot:x:65532:\n",
}


def write_program_image(target: Path, reference: str, program: Path) -> None:
    """Write an image that holds one static program, which it runs as a user without rights."""

    def executable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mode = 0o755
        return _undated(entry)

    def fill(tar: tarfile.TarFile) -> None:
        for name, mode in FOLDERS.items():
            tar.addfile(_entry(name, mode, tarfile.DIRTYPE))
        for name, data in ACCOUNTS.items():
            _add_bytes(tar, name, data)
        tar.add(program, arcname="app", filter=executable)

    config = {"Entrypoint": ["/app"], "Env": [PATH_VARIABLE], "User": str(USER)}
    _write(target, reference, fill, config)


def write_tree_image(target: Path, reference: str, tree: Path, config: Mapping[str, Any]) -> None:
    """Write an image that holds a whole root folder.

    Parameters
    ----------
    config
        The image's configuration: variables, command.
    """

    def fill(tar: tarfile.TarFile) -> None:
        for path in sorted(tree.iterdir()):
            tar.add(path, arcname=path.name, filter=_undated)

    _write(target, reference, fill, {"Env": [PATH_VARIABLE], **config})


def _write(
    target: Path, reference: str, fill: Callable[[tarfile.TarFile], None], container: Mapping[str, Any]
) -> None:
    with tempfile.TemporaryFile(dir=target.parent) as layer:
        with tarfile.open(fileobj=layer, mode="w", format=tarfile.GNU_FORMAT) as tar:
            fill(tar)
        size = layer.tell()
        layer.seek(0)
        layer_digest = "sha256:" + hashlib.file_digest(layer, "sha256").hexdigest()
        config = _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "created": EPOCH,
                "config": container,
                "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
                # buildah refuses a layer that no step made.
                "history": [{"created": EPOCH, "created_by": "torpor's local cluster"}],
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": f"{MEDIA_TYPE}.manifest.v1+json",
                "config": _descriptor("config.v1+json", _digest(config), len(config)),
                "layers": [_descriptor("layer.v1.tar", layer_digest, size)],
            }
        )
        index = _json(
            {
                "schemaVersion": 2,
                "manifests": [
                    {
                        **_descriptor("manifest.v1+json", _digest(manifest), len(manifest)),
                        "platform": {"architecture": "amd64", "os": "linux"},
                        "annotations": {"io.containerd.image.name": reference},
                    }
                ],
            }
        )
        with tarfile.open(target, "w") as tar:
            _add_bytes(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            for blob in (config, manifest):
                _add_bytes(tar, _blob(_digest(blob)), blob)
            layer.seek(0)
            entry = _entry(_blob(layer_digest), 0o644)
            entry.size = size
            tar.addfile(entry, layer)
            _add_bytes(tar, "index.json", index)


def _entry(name: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.type = kind
    return entry


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = _entry(name, 0o644)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def _undated(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    # The same bytes whoever built it and when.
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": f"{MEDIA_TYPE}.{kind}", "digest": digest, "size": size}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _blob(digest: str) -> str:
    return "blobs/sha256/" + digest.removeprefix("sha256:")

"""The S3 store: SeaweedFS on the node's address, with credentials of this cluster's own."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import obstore
from obstore.store import S3Store

from cluster.cache import write_atomically
from cluster.settings import BUCKET, NODE_IP, S3_PORT, python_tool
from cluster.waiting import fail_if_ended, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.processes import Processes
    from cluster.settings import Settings

REGION = "us-east-1"


@dataclass(frozen=True)
class Credentials:
    """What opens the store."""

    access_key: str
    secret_key: str


def make_s3_config(credentials: Credentials) -> dict[str, Any]:
    """Render SeaweedFS's list of identities."""
    return {
        "identities": [
            {
                "name": "torpor",
                "credentials": [{"accessKey": credentials.access_key, "secretKey": credentials.secret_key}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
        ]
    }


def find_credentials(settings: Settings) -> Credentials | None:
    """Return the cluster's credentials, None when it has none yet or this user may not read them."""
    try:
        return Credentials(**json.loads(_credentials_file(settings).read_text()))
    except OSError:
        return None


def make_credentials(settings: Settings) -> Credentials:
    """Return the cluster's credentials, made at random when there are none."""
    found = find_credentials(settings)
    if found is None:
        found = Credentials(secrets.token_hex(10), secrets.token_hex(20))
        write_atomically(_credentials_file(settings), json.dumps(asdict(found)), mode=0o600)
    return found


def start_s3(settings: Settings, processes: Processes) -> None:
    """Start the store."""
    folder: Path = settings.data / "s3"
    folder.mkdir(parents=True, exist_ok=True)
    config = settings.data / "s3.json"
    write_atomically(config, json.dumps(make_s3_config(make_credentials(settings))), mode=0o600)
    processes.start(
        "s3",
        [
            python_tool("weed"),
            "server",
            f"-dir={folder}",
            f"-ip={NODE_IP}",
            "-ip.bind=0.0.0.0",
            "-filer",
            "-s3",
            f"-s3.port={S3_PORT}",
            f"-s3.config={config}",
            "-master.volumeSizeLimitMB=64",
            # A bucket takes seven volumes at once; with the default of eight a second bucket finds none.
            "-volume.max=100",
        ],
    )


def wait_for_bucket(settings: Settings, processes: Processes) -> None:
    """Make the bucket and wait until it takes a write."""
    credentials = make_credentials(settings)
    store = S3Store(
        BUCKET,
        endpoint=f"http://127.0.0.1:{settings.s3_port}",
        access_key_id=credentials.access_key,
        secret_access_key=credentials.secret_key,
        region=REGION,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True, "timeout": "5s"},
        retry_config={"max_retries": 0},
    )

    def takes_write() -> bool:
        fail_if_ended(settings, processes, ["s3"])
        obstore.put(store, ".ready", b"")
        obstore.delete(store, ".ready")
        return True

    wait_until(takes_write, "the S3 store takes no write", seconds=60, every_seconds=0.3)


def _credentials_file(settings: Settings) -> Path:
    return settings.data / "s3-credentials.json"

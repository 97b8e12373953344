"""Keys and certificates of one cluster, and the kubeconfigs that carry them."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster.cache import half_made, write_atomically
from cluster.settings import API_PORT, API_SERVICE_IP, NODE_IP, NODE_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.settings import Settings

DAYS = 365
API_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True)
class Client:
    """A client certificate: the user and group that the API server will see."""

    user: str
    group: str | None = None


CLIENTS = {
    "admin": Client("admin", "system:masters"),
    "operator": Client("torpor-operator"),
    "apiserver-kubelet-client": Client("apiserver-kubelet-client", "system:masters"),
    "controller-manager": Client("system:kube-controller-manager"),
    "scheduler": Client("system:kube-scheduler"),
    "proxy": Client("system:kube-proxy"),
    "kubelet": Client(f"system:node:{NODE_NAME}", "system:nodes"),
    "dns": Client("torpor-cluster-dns", "system:masters"),
    "knative": Client("torpor-cluster-knative", "system:masters"),
    "front-proxy": Client("front-proxy"),
}
HOST_KUBECONFIGS = ("admin", "operator")
INSIDE_KUBECONFIGS = ("admin", "controller-manager", "scheduler", "proxy", "kubelet", "dns", "knative")


class Authority:
    """A certificate authority that lives as long as one cluster."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=True,
                    crl_sign=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )

    def write(self, folder: Path) -> None:
        """Write ``ca.crt`` and ``ca.key``."""
        _write_pair(folder, "ca", self.certificate, self._key)

    def issue_client(self, folder: Path, name: str, client: Client) -> None:
        """Write a certificate and key that log in as `client`."""
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, client.user)]
        if client.group:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, client.group))
        self._issue(folder, name, x509.Name(attributes), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def issue_server(self, folder: Path, name: str, names: tuple[str, ...], addresses: tuple[str, ...]) -> None:
        """Write a certificate and key that prove to be one of `names` or `addresses`."""
        alternatives: list[x509.GeneralName] = [x509.DNSName(text) for text in names]
        alternatives += [x509.IPAddress(ipaddress.ip_address(text)) for text in addresses]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._issue(folder, name, subject, ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def _issue(
        self,
        folder: Path,
        name: str,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        alternatives: list[x509.GeneralName],
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, self._name, key.public_key()).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        _write_pair(folder, name, builder.sign(self._key, hashes.SHA256()), key)


def make_pki(settings: Settings) -> Path:
    """Make every key, certificate and kubeconfig of a cluster, unless they exist; return their folder."""
    folder = settings.data / "pki"
    if folder.exists():
        return folder
    settings.data.mkdir(parents=True, exist_ok=True)
    with half_made(folder) as work:
        work.chmod(0o700)
        authority = Authority(f"{settings.name}-ca")
        authority.write(work)
        _write_service_account_keys(work)
        authority.issue_server(work, "apiserver", API_SERVER_NAMES, ("127.0.0.1", NODE_IP, API_SERVICE_IP))
        authority.issue_server(work, "kubelet-server", (NODE_NAME,), ("127.0.0.1", NODE_IP))
        for name, client in CLIENTS.items():
            authority.issue_client(work, name, client)
        for name in INSIDE_KUBECONFIGS:
            server = f"https://{NODE_IP}:{API_PORT}"
            _write_kubeconfig(work / f"{name}.conf", work, name, settings.name, server)
        for name in HOST_KUBECONFIGS:
            server = f"https://127.0.0.1:{settings.api_port}"
            _write_kubeconfig(settings.data / f"{name}.conf", work, name, settings.name, server)
    return folder


def make_kubeconfig(
    cluster: str, server: str, authority: bytes, certificate: bytes, key: bytes
) -> dict[str, object]:
    """Render a kubeconfig that carries its certificates, so that it works from any folder."""

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": text(authority)}}
        ],
        "users": [
            {
                "name": "user",
                "user": {"client-certificate-data": text(certificate), "client-key-data": text(key)},
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "user"}}],
        "current-context": cluster,
    }


def _write_kubeconfig(path: Path, folder: Path, name: str, cluster: str, server: str) -> None:
    config = make_kubeconfig(
        cluster,
        server,
        (folder / "ca.crt").read_bytes(),
        (folder / f"{name}.crt").read_bytes(),
        (folder / f"{name}.key").read_bytes(),
    )
    write_atomically(path, yaml.safe_dump(config, sort_keys=False), mode=0o600)


def _write_service_account_keys(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    _write_key(folder / "sa.key", key)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "sa.pub").write_bytes(public)


def _write_pair(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    _write_key(folder / f"{name}.key", key)
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # An hour's grace: clocks of virtual machines step back.
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=DAYS))
    )

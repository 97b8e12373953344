"""The node: containerd, kubelet, kube-proxy and DNS as processes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import yaml

from cluster import golang
from cluster.cache import write_atomically
from cluster.cgroups import make_cgroups
from cluster.commands import run
from cluster.settings import (
    CLUSTER_CIDR,
    DNS_IP,
    NODE_IP,
    NODE_NAME,
    POD_CIDR,
    REGISTRY,
)
from cluster.systemimages import SystemImage, system_images
from cluster.waiting import fail_if_ended, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.kube import Kubectl
    from cluster.processes import Processes
    from cluster.settings import Settings

CNI_PLUGINS = "/usr/lib/cni"
NAMESPACE = "k8s.io"
DNS_PORT = 53


def make_containerd_config(settings: Settings) -> str:
    """Render containerd's configuration: its own folders, our pause image, our registry over plain HTTP."""
    return f"""version = 2
root = "{settings.data}/containerd"
state = "{settings.run}/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "{containerd_socket(settings)}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "dev.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  max_container_log_line_size = 262144

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{settings.data}/registries"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{CNI_PLUGINS}"
  conf_dir = "{settings.data}/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = "{settings.run}/runc"
"""


def make_registry_hosts() -> str:
    """Render how containerd reaches the registry: containerd itself would insist on HTTPS."""
    return f"""server = "http://{REGISTRY}"

[host."http://{REGISTRY}"]
  capabilities = ["pull", "resolve"]
"""


def make_cni_config(settings: Settings) -> dict[str, Any]:
    """Render the pods' network: a bridge with the cluster's name, so that `down` knows its own pods."""
    return {
        "cniVersion": "1.0.0",
        "name": settings.name,
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "isDefaultGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": POD_CIDR}]],
                    "dataDir": f"{settings.run}/ipam",
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        ],
    }


def make_kubelet_config(settings: Settings, pki: Path) -> dict[str, Any]:
    """Render the kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{settings.name}",
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{containerd_socket(settings)}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{pki}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{pki}/kubelet-server.key",
        "clusterDNS": [DNS_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": f"{settings.data}/resolv.conf",
        "podLogsDir": f"{settings.data}/pods",
        "volumePluginDir": f"{settings.data}/volume-plugins",
        "oomScoreAdj": 0,
        "maxPods": 110,
        "enforceNodeAllocatable": ["pods"],
        # CPU requests run out first: none is set aside.
        "kubeReserved": {"cpu": "0", "memory": "1Gi"},
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        # A collected system image could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "nodeStatusUpdateFrequency": "5s",
        "registerNode": True,
        "serializeImagePulls": False,
    }


def make_proxy_config(pki: Path) -> dict[str, Any]:
    """Render kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{pki}/proxy.conf"},
        "mode": "iptables",
        "clusterCIDR": CLUSTER_CIDR,
        "hostnameOverride": NODE_NAME,
        # The connection table's size is the whole machine's: left as it is.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "bindAddressHardFail": False,
    }


def make_corefile(pki: Path) -> str:
    """Render CoreDNS's configuration: the cluster's names, and a quick no to every other."""
    return f"""cluster.local:53 in-addr.arpa:53 {{
  bind {NODE_IP}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {pki}/dns.conf
    ttl 2
  }}
}}
.:53 {{
  bind {NODE_IP}
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""


def make_dns_service() -> list[dict[str, Any]]:
    """Render the Service that gives the DNS process its cluster address."""
    ports = [{"name": "dns", "protocol": "UDP"}, {"name": "dns-tcp", "protocol": "TCP"}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system"},
            "spec": {"clusterIP": DNS_IP, "ports": [{**port, "port": DNS_PORT} for port in ports]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kube-dns-host",
                "namespace": "kube-system",
                "labels": {"kubernetes.io/service-name": "kube-dns"},
            },
            "addressType": "IPv4",
            "ports": [{**port, "port": DNS_PORT} for port in ports],
            "endpoints": [{"addresses": [NODE_IP], "conditions": {"ready": True}}],
        },
    ]


def containerd_socket(settings: Settings) -> Path:
    """Return containerd's socket."""
    return settings.run / "containerd.sock"


def start_containerd(settings: Settings, processes: Processes) -> None:
    """Start containerd."""
    config = settings.data / "containerd.toml"
    write_atomically(config, make_containerd_config(settings))
    write_atomically(settings.data / "registries" / REGISTRY / "hosts.toml", make_registry_hosts())
    write_atomically(settings.data / "cni" / "10-pods.conflist", json.dumps(make_cni_config(settings)))
    processes.start("containerd", ["containerd", "-c", config])


def import_system_images(settings: Settings, processes: Processes) -> None:
    """Import the images of the cluster's own pods, once containerd answers."""
    ctr = ["ctr", "--address", containerd_socket(settings), "--namespace", NAMESPACE]

    def is_answering() -> bool:
        fail_if_ended(settings, processes, ["containerd"])
        return run([*ctr, "version"], check=False).returncode == 0

    def load(image: SystemImage) -> None:
        run([*ctr, "images", "import", image.path(settings.cache)])

    wait_until(is_answering, "containerd does not answer", seconds=30)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(load, system_images(settings.cache)))


def start_kubelet(settings: Settings, processes: Processes, pki: Path) -> None:
    """Start the kubelet; the API server must be ready and the images imported."""
    make_cgroups(settings.name)
    write_atomically(settings.data / "resolv.conf", "nameserver 127.0.0.1\n")
    config = settings.data / "kubelet.yaml"
    write_atomically(config, yaml.safe_dump(make_kubelet_config(settings, pki), sort_keys=False))
    processes.start(
        "kubelet",
        [
            golang.KUBELET.path(settings.cache),
            f"--config={config}",
            f"--kubeconfig={pki}/kubelet.conf",
            f"--root-dir={settings.data}/kubelet",
            f"--cert-dir={pki}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_IP}",
            "--v=2",
        ],
    )


def start_service_network(settings: Settings, processes: Processes, pki: Path) -> None:
    """Start kube-proxy and CoreDNS."""
    config = settings.data / "proxy.yaml"
    write_atomically(config, yaml.safe_dump(make_proxy_config(pki), sort_keys=False))
    processes.start("kube-proxy", [golang.PROXY.path(settings.cache), f"--config={config}", "--v=2"])
    corefile = settings.data / "Corefile"
    write_atomically(corefile, make_corefile(pki))
    processes.start("coredns", [golang.COREDNS.path(settings.cache), "-conf", corefile])


def wait_for_node(settings: Settings, processes: Processes, kubectl: Kubectl) -> None:
    """Wait until the node is Ready."""

    def is_ready() -> bool:
        fail_if_ended(settings, processes, ["kubelet", "kube-proxy", "coredns"])
        condition = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        return kubectl("get", "node", NODE_NAME, "-o", condition, check=False) == "True"

    wait_until(is_ready, "the node is not Ready", seconds=90, every_seconds=0.3)

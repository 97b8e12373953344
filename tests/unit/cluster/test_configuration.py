import tomllib
from pathlib import Path

import pytest

from cluster import controlplane, gateway, hostports, node, registry, remains, s3
from cluster.settings import GATEWAY_IP, load_settings


@pytest.fixture
def settings():
    return load_settings("full", {"HOME": "/home/u", "TORPOR_CLUSTER_NAME": "second"})


def test_every_host_port_is_on_loopback_and_leads_into_the_namespace(settings):
    lines = hostports.make_config(settings.name, settings.ports).splitlines()
    binds = [line.split()[1] for line in lines if line.startswith("  bind")]
    servers = [line.split()[2:] for line in lines if line.startswith("  server")]
    assert binds == ["127.0.0.1:16443", "127.0.0.1:18080", "127.0.0.1:18333", "127.0.0.1:15000"]
    assert all(words[1:] == ["namespace", "second"] for words in servers)
    assert [f"{GATEWAY_IP}:80"] == [words[0] for words in servers if words[0].endswith(":80")]


def test_containerd_keeps_to_the_clusters_folders_and_reaches_the_registry_over_http(settings):
    config = tomllib.loads(node.make_containerd_config(settings))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert config["root"].startswith(str(settings.data))
    assert config["state"].startswith(str(settings.run))
    assert cri["registry"]["config_path"].startswith(str(settings.data))
    assert cri["containerd"]["runtimes"]["runc"]["options"]["Root"].startswith(str(settings.run))
    assert tomllib.loads(node.make_registry_hosts())["server"] == "http://10.99.0.1:5000"


def test_pods_of_two_clusters_are_told_apart(settings):
    assert node.make_cni_config(settings)["name"] == "second"
    assert node.make_kubelet_config(settings, Path("/pki"))["cgroupRoot"] == "/second"


def test_kubelet_never_collects_images(settings):
    assert node.make_kubelet_config(settings, Path("/pki"))["imageGCHighThresholdPercent"] == 100


def test_audit_log_holds_all_writes_and_the_operators_reads_alone():
    rules = controlplane.make_audit_policy()["rules"]
    assert set(rules[0]["verbs"]) == {"create", "update", "patch", "delete", "deletecollection"}
    assert "users" not in rules[0]
    assert rules[1]["users"] == ["torpor-operator"]
    assert rules[2]["userGroups"] == ["system:serviceaccounts:torpor-system"]
    assert rules[-1] == {"level": "None"}


@pytest.mark.parametrize(("tier", "routed"), [("api", True), ("full", False)])
def test_webhooks_are_reached_by_endpoint_only_without_a_service_network(tier, routed):
    flags = controlplane.make_api_server_flags(load_settings(tier, {"HOME": "/h"}), Path("/p"), Path("/a"))
    assert ("--enable-aggregator-routing=true" in flags) == routed


def test_registry_outlives_the_cluster(settings):
    storage = registry.make_registry_config(settings)["storage"]["filesystem"]["rootdirectory"]
    assert not Path(storage).is_relative_to(settings.data)


def test_registry_knows_what_it_holds_without_being_asked(settings, tmp_path):
    settings = load_settings("full", {"XDG_CACHE_HOME": str(tmp_path)})
    link = (
        settings.registry_storage
        / "docker/registry/v2/repositories/torpor/operator/_manifests/revisions/sha256/abc/link"
    )
    assert not registry.has_image(settings, "torpor/operator", "sha256:abc")
    link.parent.mkdir(parents=True)
    link.touch()
    assert registry.has_image(settings, "torpor/operator", "sha256:abc")


def test_s3_credentials_are_the_clusters_own(tmp_path):
    first = load_settings("full", {"HOME": "/h", "TORPOR_CLUSTER_DATA": str(tmp_path / "a")})
    second = load_settings("full", {"HOME": "/h", "TORPOR_CLUSTER_DATA": str(tmp_path / "b")})
    assert s3.find_credentials(first) is None
    made = s3.make_credentials(first)
    assert s3.make_credentials(first) == made == s3.find_credentials(first)
    assert s3.make_credentials(second) != made
    assert made.secret_key in str(s3.make_s3_config(made))


def test_gateway_has_the_address_that_the_host_port_leads_to():
    services = [item for item in gateway.make_gateway() if item["kind"] == "Service"]
    assert services[0]["spec"]["clusterIP"] == GATEWAY_IP


def test_sandboxes_are_those_of_the_pod_not_of_the_host():
    record = {"result": {"interfaces": [{"name": "cni0"}, {"name": "eth0", "sandbox": "/run/netns/cni-1"}]}}
    assert remains.sandboxes_of(record) == {"/run/netns/cni-1"}
    assert remains.sandboxes_of({}) == set()

import json
import socket
import subprocess
import sys

import pytest

from cluster import golang, images, kube, lifecycle, logs, network, packages, status
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.ocitar import write_program_image
from cluster.processes import BOOT_ID, Processes, read_start_ticks, wait_until_gone
from cluster.settings import load_settings
from cluster.waiting import wait_until

CONTRACT = {
    "name",
    "tier",
    "running",
    "kubeconfig",
    "operatorKubeconfig",
    "auditLog",
    "api",
    "ingress",
    "domain",
    "registry",
    "registryInside",
    "s3",
    "nodeIP",
    "namespace",
    "images",
    "processes",
}


@pytest.fixture
def settings(tmp_path):
    return load_settings(
        "full",
        {
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "TORPOR_CLUSTER_NAME": "unit-test",
            "TORPOR_CLUSTER_RUN": str(tmp_path / "run"),
            "TORPOR_CLUSTER_DATA": str(tmp_path / "data"),
        },
    )


def test_a_program_is_known_by_its_start_and_ended_by_its_record(settings):
    processes = Processes(settings)
    pid = processes.start("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], on_host=True)
    assert processes.start("sleeper", ["false"], on_host=True) == pid
    assert processes.running() == {"sleeper": pid}
    processes.stop(["sleeper"], grace_seconds=5)
    assert processes.running() == {}
    assert processes.names() == []


def test_another_process_with_a_recorded_id_is_not_ours(settings):
    processes = Processes(settings)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    record = settings.run / "processes" / "etcd.json"
    record.parent.mkdir(parents=True)
    boot = BOOT_ID.read_text().strip()
    record.write_text(json.dumps({"pid": stranger.pid, "start_ticks": 1, "boot_id": boot}))
    processes.stop(["etcd"], grace_seconds=1)
    assert stranger.poll() is None
    record.write_text(
        json.dumps({"pid": stranger.pid, "start_ticks": read_start_ticks(stranger.pid), "boot_id": "before"})
    )
    assert processes.find("etcd") is None
    stranger.kill()
    stranger.wait()


def test_a_process_that_does_not_listen_is_killed(settings):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    processes = Processes(settings)
    pid = processes.start("stubborn", [sys.executable, "-c", code], on_host=True)
    wait_until(lambda: "ready" in (settings.logs / "stubborn.log").read_text(), "it starts", seconds=10)
    processes.stop(["stubborn"], grace_seconds=0.2)
    assert wait_until_gone([pid], 0)


def test_a_taken_port_is_named_with_its_user_and_its_setting(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        settings = load_settings("api", {"HOME": "/h", "TORPOR_CLUSTER_API_PORT": str(port)})
        with pytest.raises(ClusterError, match=rf"port {port} .* set TORPOR_CLUSTER_API_PORT") as caught:
            network.check_ports_free(settings)
    assert "\n" not in str(caught.value)


def test_a_failed_command_shows_the_end_of_what_it_said():
    with pytest.raises(ClusterError, match="failed with code 3:\nthe reason"):
        run([sys.executable, "-c", "import sys; print('the reason', file=sys.stderr); sys.exit(3)"])


def test_a_missing_program_is_named():
    with pytest.raises(ClusterError, match="no-such-program is missing"):
        run(["no-such-program"])


def test_waiting_ends_with_what_was_wanted_and_why_it_failed():
    def fails():
        raise OSError("refused")

    with pytest.raises(ClusterError, match=r"the store is not up: not within 0 s \(refused\)"):
        wait_until(fails, "the store is not up", seconds=0.05, every_seconds=0.01)


def test_status_of_a_cluster_that_is_down_keeps_the_contract(settings):
    found = json.loads(json.dumps(status.make_status(settings)))
    assert set(found) >= CONTRACT
    assert found["running"] is False
    assert found["processes"] == {}
    assert found["s3"].keys() == {"endpoint", "endpointInside", "accessKey", "secretKey", "bucket"}
    assert status.describe(found) == [("Cluster", "unit-test (tier full) is down")]


def test_status_of_tier_api_has_the_same_keys():
    settings = load_settings("api", {"HOME": "/h", "TORPOR_CLUSTER_NAME": "unit-test"})
    assert set(status.make_status(settings)) >= CONTRACT


@pytest.mark.parametrize("part", ["run", "data"])
def test_a_folder_that_is_no_clusters_is_never_removed(settings, part):
    folder = getattr(settings, part)
    folder.mkdir()
    (folder / "thesis.txt").touch()
    with pytest.raises(ClusterError, match="is not this cluster's"):
        lifecycle.is_anything_left(settings)
    (folder / lifecycle.OWNER_MARK).write_text("another\n")
    with pytest.raises(ClusterError, match="is not this cluster's"):
        lifecycle.is_anything_left(settings)
    (folder / lifecycle.OWNER_MARK).write_text("unit-test\n")
    assert lifecycle.is_anything_left(settings)


@pytest.mark.parametrize(
    ("conditions", "served"),
    [
        (None, False),
        ([], False),
        ([{"type": "Established", "status": "False"}], False),
        ([{"type": "Established", "status": "True"}], True),
    ],
)
def test_a_young_definition_is_not_served_yet(conditions, served):
    assert kube.is_definition_served({"status": {"conditions": conditions}}) is served
    assert kube.is_definition_served({}) is False


@pytest.mark.parametrize(("text", "version"), [("go1.26.8", (1, 26)), ("go1.27rc1\n", (1, 27)), ("devel", (0, 0))])
def test_go_version(text, version):
    assert golang.parse_go_version(text) == version


def test_services_may_not_start_while_packages_are_installed(tmp_path):
    policy = tmp_path / "policy-rc.d"
    with packages.starts_refused(policy):
        assert subprocess.run([policy], check=False).returncode == 101
    assert not policy.exists()


def test_a_policy_of_the_machines_own_stays(tmp_path):
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    with packages.starts_refused(policy):
        pass
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/tmp/My-Model.tar", "my-model"),
        ("localhost/examples/fastapi:2", "examples/fastapi:2"),
        ("docker.io/library/python:3.11", "library/python:3.11"),
        ("examples/fastapi", "examples/fastapi"),
        ("model@sha256:abc", "model"),
    ],
)
def test_names_in_the_registry(source, name):
    assert images.name_of_source(source) == name


def test_an_image_name_is_split_into_repository_and_tag():
    assert images.split_tag("examples/fastapi") == ("examples/fastapi", "latest")
    assert images.split_tag("examples/fastapi:2") == ("examples/fastapi", "2")
    with pytest.raises(ClusterError, match="no image name"):
        images.split_tag("Examples/FastAPI")


def test_image_archives_are_told_apart(tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/true\n")
    write_program_image(tmp_path / "a.tar", "dev.local/a:1", program)
    write_program_image(tmp_path / "b.tar", "dev.local/a:1", program)
    assert images.archive_kind(tmp_path / "a.tar") == "oci-archive"
    # The same bytes whenever it is built.
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with pytest.raises(ClusterError, match="is no image archive"):
        images.archive_kind(program)


def test_logs_are_found_by_name(settings):
    settings.logs.mkdir(parents=True)
    (settings.logs / "etcd.log").write_text("".join(f"line {number}\n" for number in range(9)))
    assert logs.last_lines(logs.find_log(settings, "etcd"), 2) == ["line 7", "line 8"]
    with pytest.raises(ClusterError, match=r"no log 'etcdd'; there are: etcd"):
        logs.find_log(settings, "etcdd")

from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.settings import load_settings

HOME = {"HOME": "/home/u"}


def test_tiers_share_no_name_folder_or_port():
    full, api = load_settings("full", HOME), load_settings("api", HOME)
    assert full.name != api.name
    assert full.run != api.run
    assert full.data != api.data
    assert not set(full.ports.values()) & set(api.ports.values())


def test_tier_api_needs_the_api_port_alone():
    assert load_settings("api", HOME).ports == {"API": 17443}


def test_environment_overrides():
    settings = load_settings(
        "full",
        {
            "XDG_CACHE_HOME": "/cache",
            "TORPOR_CLUSTER_NAME": "second",
            "TORPOR_CLUSTER_RUN": "/run/elsewhere",
            "TORPOR_CLUSTER_S3_PORT": "28333",
        },
    )
    assert settings.name == "second"
    assert settings.cache == Path("/cache/torpor")
    assert settings.run == Path("/run/elsewhere")
    assert settings.data == Path("/var/lib/torpor/second")
    assert settings.ports["S3"] == 28333
    assert settings.netns == Path("/run/netns/second")


@pytest.mark.parametrize("name", ["Torpor", "a/b", "9lives", "a" * 40, "../up"])
def test_a_name_that_no_namespace_can_have_is_refused(name):
    with pytest.raises(ClusterError, match="TORPOR_CLUSTER_NAME"):
        load_settings("full", {**HOME, "TORPOR_CLUSTER_NAME": name})


@pytest.mark.parametrize("port", ["0", "70000", "-1", "http"])
def test_a_port_that_cannot_be_is_refused(port):
    with pytest.raises(ClusterError, match="TORPOR_CLUSTER_API_PORT"):
        load_settings("full", {**HOME, "TORPOR_CLUSTER_API_PORT": port})

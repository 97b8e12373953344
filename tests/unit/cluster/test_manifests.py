import yaml

from cluster.knative import NAMESPACE
from cluster.manifests import CONFIG, arrange, dump, fit_object, make_webhook_endpoint

DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {
        "name": "activator",
        "namespace": NAMESPACE,
        "labels": {"app.kubernetes.io/version": "devel"},
    },
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {
                        "image": "ko://knative.dev/serving/cmd/activator",
                        "resources": {"requests": {"cpu": "300m", "memory": "60Mi"}},
                    }
                ]
            }
        }
    },
}


def item(kind, name):
    return {"kind": kind, "metadata": {"name": name}}


def test_programs_get_local_images_small_requests_and_a_real_version():
    fitted = fit_object(DEPLOYMENT)
    container = fitted["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "dev.local/kn-activator:1"
    assert container["resources"]["requests"] == {"cpu": "20m", "memory": "60Mi"}
    assert fitted["metadata"]["labels"]["app.kubernetes.io/version"] == "1.23.0"


def test_configuration_is_added_and_the_rest_of_a_config_map_stays():
    fitted = fit_object({**item("ConfigMap", "config-observability"), "data": {"_example": "kept"}})
    assert fitted["data"] == {"_example": "kept", **CONFIG["config-observability"]}


def test_a_config_map_without_data_is_fitted():
    assert fit_object(item("ConfigMap", "config-network"))["data"] == CONFIG["config-network"]


def test_only_system_images_skip_tag_resolution():
    assert CONFIG["config-deployment"]["registries-skipping-tag-resolving"] == "dev.local"


def test_arrangement_drops_doubles_and_scalers_and_puts_namespaces_first():
    manifests = arrange(
        [
            item("Service", "webhook"),
            item("HorizontalPodAutoscaler", "activator"),
            item("CustomResourceDefinition", "services"),
            item("CustomResourceDefinition", "services"),
            item("ConfigMap", "config-gc"),
            item("Namespace", NAMESPACE),
            item("PodDisruptionBudget", "activator-pdb"),
        ]
    )
    assert [each["kind"] for each in manifests.definitions] == ["CustomResourceDefinition"]
    assert [each["kind"] for each in manifests.core] == ["Namespace", "ConfigMap", "Service"]


def test_without_a_node_there_are_no_pods_and_the_webhook_is_a_process():
    manifests = arrange(
        [DEPLOYMENT, item("Image", "queue-proxy"), item("Service", "webhook"), item("Service", "other")]
    )
    assert [each["metadata"]["name"] for each in manifests.host_only()] == ["other"]
    service, endpoints = make_webhook_endpoint("10.0.0.1")
    assert "selector" not in service["spec"]
    assert endpoints["endpoints"][0]["addresses"] == ["10.0.0.1"]
    assert endpoints["metadata"]["labels"]["kubernetes.io/service-name"] == service["metadata"]["name"]


def test_dump_writes_one_document_for_each_object():
    assert list(yaml.safe_load_all(dump([item("A", "a"), item("B", "b")]))) == [
        item("A", "a"),
        item("B", "b"),
    ]

"""Alerts need the Prometheus operator's definition: an update without it names it and spares the autoscaler."""

from collections.abc import Iterator

import pytest
from kubernetes import client

from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack

CLUSTER = "sandbox"
GROUP, PLURAL = "monitoring.coreos.com", "prometheusrules"
SETTINGS = {"alerts": True, "dashboard": True, "namespace": "kube-system"}


@pytest.fixture
def api(sandbox: Sandbox, stack: Stack) -> Iterator[client.ApiClient]:
    with sandbox.kubernetes(CLUSTER) as made:
        yield made
    stack.up()


def define_prometheus_rules(api: client.ApiClient) -> None:
    """The operator's definition, without its schema."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
    names = {"kind": "PrometheusRule", "plural": PLURAL, "singular": "prometheusrule"}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    client.ApiextensionsV1Api(api).create_custom_resource_definition(body)


@pytest.mark.full
def test_alerts_without_their_definition_fail_by_name_and_work_with_it(stack: Stack, api: client.ApiClient) -> None:
    with stack.edited(monitoring=SETTINGS):
        output = stack.up(check=False)
        assert "PrometheusRule" in output
        assert "error" in output
        assert stack.outputs()["releaseStatus"] == "deployed"
        define_prometheus_rules(api)
        stack.up()
        (rule,) = client.CustomObjectsApi(api).list_namespaced_custom_object(GROUP, "v1", "kube-system", PLURAL)[
            "items"
        ]
        assert len(rule["spec"]["groups"][0]["rules"]) == 7
        found = client.CoreV1Api(api).list_namespaced_config_map("kube-system", label_selector="grafana_dashboard=1")
        assert [each.metadata.name for each in found.items] == ["cluster-autoscaler-dashboard"]
        assert stack.planned() == []
    client.ApiextensionsV1Api(api).delete_custom_resource_definition(f"{PLURAL}.{GROUP}")

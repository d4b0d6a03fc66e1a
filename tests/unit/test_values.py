"""Values of the chart."""

import pytest

from components import values
from components.values import (
    SAFE_TO_EVICT,
    chart_values,
    extra_values_faults,
    merge,
    service_account_annotations,
    settings_faults,
)


def of(settings=None, extra=None, role_arn="arn:aws:iam::1:role/x"):
    return chart_values(
        cluster_name="series-api",
        cluster_key="k8s.io/cluster-autoscaler/series-api",
        region="us-east-1",
        service_account="cluster-autoscaler",
        credentials="irsa" if role_arn else "podIdentity",
        role_arn=role_arn,
        image_repository=values.IMAGE_REPOSITORY,
        image_tag="v1.35.0",
        settings=settings or {},
        extra=extra,
    )


def test_the_settings_of_the_manually_created_deployment_are_the_defaults():
    arguments = of()["extraArgs"]
    assert arguments["balance-similar-node-groups"] == "true"
    assert arguments["skip-nodes-with-system-pods"] == "false"
    assert arguments["scale-down-unneeded-time"] == "2m"
    assert arguments["scale-down-delay-after-add"] == "1m"
    assert of()["podAnnotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_pods_are_recreated_when_their_credentials_change():
    key = "eks-cluster-autoscaler/credentials"
    assert of()["podAnnotations"][key] == "arn:aws:iam::1:role/x"
    assert of(role_arn="arn:aws:iam::1:role/y")["podAnnotations"][key] == "arn:aws:iam::1:role/y"
    assert of(role_arn=None)["podAnnotations"][key] == "podIdentity"


def test_groups_are_discovered_by_both_tags():
    assert of()["autoDiscovery"] == {
        "clusterName": "series-api",
        "tags": ["k8s.io/cluster-autoscaler/enabled", "k8s.io/cluster-autoscaler/series-api"],
    }


def test_pods_are_found_by_the_label_that_people_type():
    assert of()["podLabels"] == {"app": "cluster-autoscaler"}


def test_the_chart_names_the_service_account_and_does_not_make_it():
    assert of()["rbac"] == {"create": True, "serviceAccount": {"create": False, "name": "cluster-autoscaler"}}


def test_the_service_account_carries_the_role_only_where_there_is_one():
    role = "arn:aws:iam::1:role/x"
    assert service_account_annotations(role)["eks.amazonaws.com/role-arn"] == role
    assert "eks.amazonaws.com/role-arn" not in service_account_annotations(None)


def test_helm_keeps_a_service_account_that_an_earlier_release_made():
    assert service_account_annotations(None)["helm.sh/resource-policy"] == "keep"


def test_balancing_ignores_the_labels_that_differ_between_any_two_managed_groups():
    arguments = of({"flags": {"balancing-ignore-label": "example.com/rack, nodegroup-name"}})["extraArgs"]
    ignored = [value for flag, value in arguments.items() if flag.startswith("balancing-ignore-label_")]
    assert ignored == [*values.BALANCING_IGNORED_LABELS, "example.com/rack"]


def test_labels_to_balance_by_exclude_labels_to_ignore():
    arguments = of({"flags": {"balancing-label": "tier"}})["extraArgs"]
    assert not [flag for flag in arguments if flag.startswith("balancing-ignore-label")]
    assert arguments["balancing-label_1"] == "tier"


def test_without_balancing_nothing_is_ignored():
    arguments = of({"balance_similar_node_groups": False})["extraArgs"]
    assert arguments["balance-similar-node-groups"] == "false"
    assert not [flag for flag in arguments if flag.startswith("balancing-ignore-label")]


def test_two_replicas_are_spread_over_zones_and_nodes_with_a_disruption_budget():
    rendered = of()
    assert rendered["replicaCount"] == 2
    assert [item["topologyKey"] for item in rendered["topologySpreadConstraints"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    assert rendered["podDisruptionBudget"] == {"maxUnavailable": 1}


def test_a_minimum_of_available_pods_is_what_the_others_leave():
    """The chart rejects minAvailable next to its default maxUnavailable, which no null can take back."""
    assert of({"min_available": 1})["podDisruptionBudget"] == {"maxUnavailable": 1}
    assert of({"min_available": 1, "replicas": 3})["podDisruptionBudget"] == {"maxUnavailable": 2}
    assert of({"min_available": 0})["podDisruptionBudget"] == {"maxUnavailable": 2}


def test_no_value_of_ours_is_null():
    """pulumi-kubernetes drops null before Helm sees it."""
    assert list(values._nulls(of({"min_available": 1}, role_arn=None), "values")) == []


def test_a_null_among_the_extra_values_is_refused_because_it_would_be_dropped():
    extra = {"resources": {"limits": {"memory": None}}, "dnsPolicy": None, "affinity": {}, "hostNetwork": False}
    found = extra_values_faults(extra)
    assert [(fault.path, fault.got) for fault in found] == [
        ("values.resources.limits.memory", "null"),
        ("values.dnsPolicy", "null"),
    ]
    assert all("the chart's default would stay" in fault.expected for fault in found)


def test_memory_is_asked_for_and_limited_alike():
    assert of({"resources": {"memory": "1Gi"}})["resources"] == {
        "requests": {"cpu": "100m", "memory": "1Gi"},
        "limits": {"memory": "1Gi"},
    }


def test_priorities_go_to_the_chart_in_order():
    settings = {"expander": "priority,least-waste", "expander_priorities": {"50": [".*spot.*"], "10": [".*"]}}
    assert of(settings)["expanderPriorities"] == {"10": [".*"], "50": [".*spot.*"]}


def test_a_service_monitor_is_made_when_configured():
    assert "serviceMonitor" not in of()
    assert of({"service_monitor": {"interval": "15s"}})["serviceMonitor"] == {
        "enabled": True,
        "namespace": "monitoring",
        "interval": "15s",
        "selector": {"release": "prometheus-operator"},
    }


def test_extra_values_are_merged_last_and_deeply():
    rendered = of(
        extra={"image": {"pullSecrets": ["registry"]}, "dnsPolicy": "Default", "resources": {"limits": {"cpu": "1"}}}
    )
    assert rendered["image"]["pullSecrets"] == ["registry"]
    assert rendered["image"]["tag"] == "v1.35.0"
    assert rendered["resources"]["limits"] == {"memory": "600Mi", "cpu": "1"}
    assert rendered["dnsPolicy"] == "Default"


@pytest.mark.parametrize(("replicas", "expected"), [(1, []), (2, ["flags.leader-elect"])])
@pytest.mark.parametrize("spelled", ["false", "0", "F"])
def test_without_leader_election_only_one_replica_may_run(replicas, expected, spelled):
    faults = settings_faults({"replicas": replicas, "flags": {"leader-elect": spelled}})
    assert [fault.path for fault in faults] == expected


def test_merging_leaves_its_inputs_alone():
    base = {"a": {"b": 1}}
    assert merge(base, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert base == {"a": {"b": 1}}


@pytest.mark.parametrize("path", [*values.OWNED, *values.FIXED])
def test_a_value_that_a_setting_decides_is_refused_as_an_extra_one(path):
    extra = "x"
    for key in reversed(path.split(".")):
        extra = {key: extra}
    assert [fault.path for fault in extra_values_faults(extra)] == [f"values.{path}"]


@pytest.mark.parametrize(
    ("extra", "path"),
    [
        ({"podLabels": None}, "values.podLabels"),
        ({"podLabels": "x"}, "values.podLabels"),
        ({"image": None}, "values.image"),
        ({"rbac": None}, "values.rbac"),
        ({"rbac": []}, "values.rbac"),
    ],
)
def test_nothing_but_a_map_may_stand_above_what_settings_decide(extra, path):
    (fault,) = extra_values_faults(extra)
    assert fault.path == path
    assert "a map" in fault.expected


@pytest.mark.parametrize(
    ("extra", "path"),
    [
        ({"podAnnotations": {SAFE_TO_EVICT: "true"}}, "values.podAnnotations"),
        ({"podAnnotations": None}, "values.podAnnotations"),
        ({"rbac": {"create": False}}, "values.rbac.create"),
        ({"rbac": {"serviceAccount": None}}, "values.rbac.serviceAccount"),
    ],
)
def test_the_service_account_and_the_annotations_are_left_to_settings(extra, path):
    assert [fault.path for fault in extra_values_faults(extra)] == [path]


def test_other_values_than_the_decided_ones_are_free():
    extra = {"image": {"pullSecrets": []}, "podLabels": {"team": "x"}, "rbac": {"additionalRules": []}, "podlabels": 1}
    assert extra_values_faults(extra) == []


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "on-completion", "", "False"])
def test_the_autoscaler_may_not_evict_itself(value):
    """Cluster Autoscaler takes the annotation at its letter: anything but ``false`` leaves the pod unprotected."""
    (fault,) = settings_faults({"pod_annotations": {SAFE_TO_EVICT: value}})
    assert fault.got == f"{SAFE_TO_EVICT}={value}"
    assert "must not evict itself" in fault.expected


def test_that_the_autoscaler_must_not_be_evicted_may_be_set_again():
    annotations = {"example.com/team": "platform", SAFE_TO_EVICT: "false"}
    assert settings_faults({"pod_annotations": annotations}) == []
    assert of({"pod_annotations": annotations})["podAnnotations"][SAFE_TO_EVICT] == "false"


def test_the_annotation_of_the_credentials_cannot_be_set():
    (fault,) = settings_faults({"pod_annotations": {values.CREDENTIALS_ANNOTATION: "mine"}})
    assert fault.got == "eks-cluster-autoscaler/credentials"


def test_the_pods_run_on_linux_nodes_whatever_else_they_ask_for():
    assert of()["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert of({"node_selector": {"pool": "system"}})["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "system"}


def test_the_pods_fit_the_restricted_pod_security_standard():
    """The controls of the standard (kubernetes.io, "Pod Security Standards", restricted)."""
    pod, container = of()["securityContext"], of()["containerSecurityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] != 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert container["readOnlyRootFilesystem"] is True


def test_extra_values_can_change_the_security_context():
    assert of(extra={"securityContext": {"runAsUser": 1000}})["securityContext"]["runAsUser"] == 1000


def test_the_autoscaler_gets_the_name_of_its_cluster():
    assert of()["extraArgs"]["cluster-name"] == "series-api"

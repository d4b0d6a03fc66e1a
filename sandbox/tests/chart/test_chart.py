"""The sandbox's stand-in for the public chart, rendered by the real helm."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from sandbox import versions
from sandbox.layout import PROJECT

CHART = PROJECT / "sandbox" / "chart" / "cluster-autoscaler"


@pytest.fixture
def render(tools, tmp_path):
    """Renders the chart with the given values: {kind: object}, or the words with which helm refused."""

    def render(values, release="cluster-autoscaler", namespace="kube-system"):
        given = tmp_path / "values.json"
        given.write_text(json.dumps(values))
        run = subprocess.run(
            [tools / "helm", "template", release, str(CHART), "--namespace", namespace, "--values", str(given)],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            return run.stderr
        return {document["kind"]: document for document in yaml.safe_load_all(run.stdout)}

    return render


VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
DEMO = {"autoDiscovery": {"clusterName": "demo"}}


def container(objects):
    return objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]


def test_without_a_cluster_name_there_is_no_deployment_but_the_release_succeeds(render):
    objects = render({})

    assert "Deployment" not in objects
    assert "ServiceAccount" in objects


def test_names_follow_the_release_unless_the_full_name_is_given(render):
    def names(**given):
        values, release = given.get("values", {}), given.get("release", "cluster-autoscaler")
        return {o["metadata"]["name"] for o in render(DEMO | values, release=release).values()}

    assert names() == {"cluster-autoscaler-aws-cluster-autoscaler"}
    assert names(release="aws-cluster-autoscaler") == {"aws-cluster-autoscaler"}
    assert names(values={"fullnameOverride": "cluster-autoscaler"}) == {"cluster-autoscaler"}


def test_every_object_carries_the_labels_by_which_the_public_chart_is_known(render):
    objects = render(DEMO | {"additionalLabels": {"team": "platform"}})

    for kind, document in objects.items():
        assert document["metadata"]["labels"] == {
            "app.kubernetes.io/instance": "cluster-autoscaler",
            "app.kubernetes.io/name": "aws-cluster-autoscaler",
            "app.kubernetes.io/managed-by": "Helm",
            "helm.sh/chart": f"cluster-autoscaler-{VERSION}",
            "team": "platform",
        }, kind


def test_pod_labels_enter_the_selector_too(render):
    spec = render(DEMO | {"podLabels": {"app": "cluster-autoscaler"}})["Deployment"]["spec"]

    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"]["app"] == "cluster-autoscaler"


def test_the_container_is_what_a_kubelet_of_the_public_chart_would_see(render):
    values = {"awsRegion": "eu-west-1", "extraEnv": {"AWS_MAX_ATTEMPTS": 5}, "image": {"tag": "v1.36.0"}}
    its = container(render(DEMO | values))

    assert its["name"] == "aws-cluster-autoscaler"
    assert its["image"] == "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0"
    assert its["ports"] == [{"containerPort": 8085}]
    assert its["livenessProbe"] == {"httpGet": {"path": "/health-check", "port": 8085}}
    assert {entry["name"]: entry.get("value") for entry in its["env"]} == {
        "POD_NAMESPACE": None,
        "SERVICE_ACCOUNT": None,
        "AWS_REGION": "eu-west-1",
        "AWS_MAX_ATTEMPTS": "5",
    }


def test_without_a_region_the_container_gets_none(render):
    assert "AWS_REGION" not in {entry["name"] for entry in container(render(DEMO))["env"]}


def test_default_arguments_are_those_of_the_public_chart(render):
    assert container(render(DEMO))["command"] == [
        "./cluster-autoscaler",
        "--cloud-provider=aws",
        "--namespace=kube-system",
        "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/demo",
        "--logtostderr=true",
        "--stderrthreshold=info",
        "--v=4",
    ]


def test_given_discovery_tags_replace_the_default_ones(render):
    command = container(render({"autoDiscovery": {"clusterName": "demo", "tags": ["a", "b=c"]}}))["command"]

    assert "--node-group-auto-discovery=asg:tag=a,b=c" in command


def test_extra_arguments_without_value_are_bare_and_numbered_ones_repeat(render):
    extra = {
        "skip-nodes-with-local-storage": False,
        "balancing-ignore-label_1": "a",
        "balancing-ignore-label_2": "b",
        "regional": None,
        "cluster-name": "",
        "v": None,
    }
    command = container(render(DEMO | {"extraArgs": extra}))["command"]

    assert command[4:] == [
        "--balancing-ignore-label=a",
        "--balancing-ignore-label=b",
        "--cluster-name=",
        "--logtostderr=true",
        "--regional",
        "--skip-nodes-with-local-storage=false",
        "--stderrthreshold=info",
    ], "a null for a default of the chart removes the flag instead"


def test_the_service_account_is_named_by_value_or_release_and_made_only_with_rbac(render):
    def account(**rbac):
        objects = render(DEMO | {"rbac": rbac})
        made = objects.get("ServiceAccount", {}).get("metadata", {}).get("name")
        return made, objects["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"]

    full = "cluster-autoscaler-aws-cluster-autoscaler"
    assert account() == (full, full)
    assert account(serviceAccount={"name": "ca"}) == ("ca", "ca")
    assert account(serviceAccount={"create": False}) == (None, "default")
    assert account(serviceAccount={"create": False, "name": "mine"}) == (None, "mine")
    assert account(create=False) == (None, full)


def test_service_account_annotations_are_printed_unquoted_as_chart_9_46_6_began_to(render):
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/ca", "eks.amazonaws.com/token-expiration": "3600"}
    its = render(DEMO | {"rbac": {"serviceAccount": {"annotations": annotations}}})["ServiceAccount"]["metadata"]

    assert its["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/ca",
        "eks.amazonaws.com/token-expiration": 3600,
    }


# (API group, resource): what the informers of Cluster Autoscaler 1.36 list and watch.
INFORMED = {
    "": "namespaces nodes persistentvolumeclaims persistentvolumes pods replicationcontrollers services",
    "apps": "daemonsets replicasets statefulsets",
    "batch": "jobs",
    "policy": "poddisruptionbudgets",
    "resource.k8s.io": "deviceclasses resourceclaims resourceslices",
    "storage.k8s.io": "csidrivers csinodes csistoragecapacities storageclasses volumeattachments",
}


@pytest.mark.parametrize("group", INFORMED)
def test_the_cluster_role_lets_every_informer_of_1_36_list_and_watch(render, group):
    granted = {
        (resource, verb)
        for rule in render(DEMO)["ClusterRole"]["rules"]
        if group in rule["apiGroups"] and "resourceNames" not in rule
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert {(resource, verb) for resource in INFORMED[group].split() for verb in ("list", "watch")} <= granted


def test_roles_are_bound_to_the_service_account_of_the_release(render):
    objects = render(DEMO | {"rbac": {"serviceAccount": {"name": "ca"}}}, namespace="ops")

    for binding, role in (("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")):
        assert objects[binding]["subjects"] == [{"kind": "ServiceAccount", "name": "ca", "namespace": "ops"}]
        assert objects[binding]["roleRef"]["name"] == objects[role]["metadata"]["name"]
    assert not {"ClusterRole", "Role", "RoleBinding"} & set(render(DEMO | {"rbac": {"create": False}}))


def test_the_priority_map_needs_the_expander_by_its_exact_name(render):
    def rendered(expander):
        values = {"extraArgs": {"expander": expander}, "expanderPriorities": {"50": ["spot-.*"], "10": [".*"]}}
        return render(DEMO | values)

    objects = rendered("least-waste,priority")
    assert objects["ConfigMap"]["metadata"]["name"] == "cluster-autoscaler-priority-expander"
    assert yaml.safe_load(objects["ConfigMap"]["data"]["priorities"]) == {50: ["spot-.*"], 10: [".*"]}
    assert objects["Role"]["rules"][0]["verbs"] == ["create", "list", "watch"]
    assert "ConfigMap" not in rendered("least-waste, priority"), "the space after the comma hides it"
    assert rendered("random")["Role"]["rules"][0]["verbs"] == ["create"]


def test_the_disruption_budget_is_one_of_max_min_and_none(render):
    def budget(value):
        objects = render(DEMO | {"podDisruptionBudget": value})
        return objects if isinstance(objects, str) else objects.get("PodDisruptionBudget", {}).get("spec")

    def sizes(value):
        return {name: size for name, size in budget(value).items() if name != "selector"}

    assert sizes({}) == {"maxUnavailable": 1}
    assert sizes({"minAvailable": 2, "maxUnavailable": None}) == {"minAvailable": 2}
    assert budget(None) is None
    assert "Only one of podDisruptionBudget" in budget({"minAvailable": 2})


def test_scheduling_and_security_values_reach_the_pod_as_given(render):
    given = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone"}],
        "securityContext": {"runAsNonRoot": True},
    }
    objects = render(
        DEMO
        | given
        | {
            "priorityClassName": "",
            "podAnnotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
            "resources": {"requests": {"cpu": "100m"}},
            "containerSecurityContext": {"readOnlyRootFilesystem": True},
            "image": {"pullSecrets": ["mirror"]},
            "replicaCount": 2,
            "updateStrategy": {"type": "Recreate"},
        }
    )
    spec = objects["Deployment"]["spec"]
    pod = spec["template"]["spec"]

    assert {name: pod[name] for name in given} == given
    assert "priorityClassName" not in pod
    assert pod["imagePullSecrets"] == [{"name": "mirror"}]
    assert pod["containers"][0]["resources"] == {"requests": {"cpu": "100m"}}
    assert pod["containers"][0]["securityContext"] == {"readOnlyRootFilesystem": True}
    assert spec["replicas"] == 2
    assert spec["strategy"] == {"type": "Recreate"}
    assert spec["template"]["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_the_service_monitor_finds_the_service_of_the_release(render):
    objects = render(DEMO | {"serviceMonitor": {"enabled": True, "namespace": "watch", "selector": {"release": "kps"}}})
    monitor, service = objects["ServiceMonitor"], objects["Service"]

    assert monitor["metadata"]["namespace"] == "watch"
    assert monitor["metadata"]["labels"]["release"] == "kps"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["kube-system"]}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert "ServiceMonitor" not in render(DEMO)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"vpa": {"enabled": True}}, "'vpa'"),
        ({"rbac": {"additionalRules": []}}, "'additionalRules'"),
        ({"rbac": {"serviceAccount": {"nmae": "x"}}}, "'nmae'"),
        ({"autoDiscovery": {"labels": []}}, "'labels'"),
        ({"deployment": {"selector": {}}}, "'deployment'"),
        ({"extraArgs": {"nodes": ["1:2:a"]}}, "/extraArgs/nodes"),
        ({"cloudProvider": "gce"}, "/cloudProvider"),
        ({"replicaCount": "two"}, "/replicaCount"),
    ],
)
def test_a_value_that_the_stand_in_does_not_honour_is_refused_by_name(render, values, named):
    assert named in render(values)


def test_the_chart_is_marked_as_a_stand_in():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert "STAND-IN" in chart["description"]
    assert "STAND-IN" in Path(CHART / "templates" / "NOTES.txt").read_text()
    assert {"chart": VERSION, "appVersion": chart["appVersion"]}.items() <= versions.rows("charts.tsv")[-1].items()

"""What each component registers: types, parents, providers, dependencies and options, planned and made."""

import json
import re
from contextlib import nullcontext
from datetime import timedelta

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest

from components import (
    AutoscalerMonitoring,
    AutoscalerRelease,
    AutoscalerTags,
    ClusterAutoscaler,
    ClusterNetwork,
    ClusterOidcProvider,
    EksCluster,
    ExistingNodeGroup,
    ExistingScalingGroup,
    FaultsError,
    Headroom,
    ManagedNodeGroup,
    SelfManagedNodeGroup,
    autoscaler_release,
    autoscaler_tags,
    cluster_arguments,
    cluster_autoscaler,
)
from components import node_group as node_group_component
from components.pure import compatibility
from tests.cloud import ACCOUNT, CLUSTER, CLUSTER_ARN, ISSUER, PROVIDER_ARN, Cloud, Graph, run
from tests.versions import NEWER_CHART, NEWER_MINOR, NEWEST_CHART, NEWEST_MINOR, newest_image

TAG = "aws:autoscaling/tag:Tag"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
RELEASE = "kubernetes:helm.sh/v3:Release"
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
GET_OIDC_PROVIDER = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"


@pytest.fixture
def local_chart(tmp_path, monkeypatch):
    """The Chart.yaml of ./mirror/chart, seen from the program's folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mirror" / "chart" / "Chart.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("name: cluster-autoscaler\nversion: 9.58.0\n")
    return file


def providers():
    return pulumi.ResourceOptions(
        providers=[aws.Provider("named", region="us-east-1"), kubernetes.Provider("api", kubeconfig="{}")]
    )


def node_group(**args):
    base = {"cluster_name": CLUSTER, "min_size": 0, "max_size": 3, "subnet_ids": ["subnet-0000000a"]}
    return ManagedNodeGroup("general", {**base, **args}, providers())


def autoscaler(**args):
    base = {"cluster_arn": CLUSTER_ARN, "cluster_name": CLUSTER, "kubernetes_version": "1.35"}
    irsa = {"oidc_provider_arn": PROVIDER_ARN, "oidc_issuer": ISSUER}
    chosen = irsa if args.get("credentials", "irsa") == "irsa" else {}
    return ClusterAutoscaler("cluster-autoscaler", {**base, **chosen, **args}, providers())


def headroom(**args):
    return Headroom("web", {"name": "web", "cpu": "1", "memory": "2Gi", **args}, providers())


def monitoring(**args):
    return AutoscalerMonitoring("monitoring", args, providers())


EVERY_COMPONENT = {
    "network": lambda: ClusterNetwork(
        "net", {"cluster_name": CLUSTER, "zones": ["us-east-1a", "us-east-1b"]}, providers()
    ),
    "cluster": lambda: EksCluster(
        "cluster",
        {
            "name": CLUSTER,
            "create": {
                "kubernetes_version": "1.35",
                "vpc_id": "vpc-00000001",
                "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"],
            },
        },
        providers(),
    ),
    "node group": node_group,
    "existing node group": lambda: ExistingNodeGroup(
        "workers", {"cluster_name": CLUSTER, "node_group_name": "workers"}, providers()
    ),
    "self-managed group": lambda: ExistingScalingGroup(
        "mixed", {"cluster_name": CLUSTER, "asg_name": "spot-and-on-demand"}, providers()
    ),
    "created self-managed group": lambda: SelfManagedNodeGroup(
        "mixed",
        {"cluster_name": CLUSTER, "min_size": 0, "max_size": 3, "subnet_ids": ["subnet-0000000a"]},
        providers(),
    ),
    "oidc provider": lambda: ClusterOidcProvider("oidc", {"issuer": ISSUER}, providers()),
    "headroom": lambda: headroom(),
    "monitoring": lambda: monitoring(alerts=True, dashboard=True),
    "irsa": autoscaler,
    "pod identity": lambda: autoscaler(credentials="podIdentity"),
    "node role": lambda: autoscaler(credentials="nodeRole", node_role_names={"general": "nodes"}),
}


@pytest.mark.parametrize("build", EVERY_COMPONENT.values(), ids=EVERY_COMPONENT)
def test_every_resource_has_a_parent_of_the_component_and_the_named_provider(build, cloud):
    graph = run(build, cloud)
    (top,) = [found for found in graph.registrations if found.parent.count("$") == 0 and not found.custom]
    inside = [
        found for found in graph.registrations if found is not top and not found.type.startswith("pulumi:providers")
    ]
    assert inside
    for found in inside:
        assert "pulumi:pulumi:Stack::" not in found.parent.split("$")[-1], f"{found.name} hangs on the stack"
        if found.custom:
            expected = "::api::" if found.type.startswith("kubernetes:") else "::named::"
            assert expected in found.provider, f"{found.name} uses {found.provider!r}"


@pytest.mark.parametrize("build", EVERY_COMPONENT.values(), ids=EVERY_COMPONENT)
def test_the_same_resources_are_planned_at_preview_as_are_made(build):
    planned, made = (run(build, Cloud(preview=preview)) for preview in (True, False))
    assert sorted((f.type, f.name) for f in planned.registrations) == sorted(
        (f.type, f.name) for f in made.registrations
    )


@pytest.mark.parametrize("build", EVERY_COMPONENT.values(), ids=EVERY_COMPONENT)
def test_every_component_registers_its_outputs(build):
    graph = run(build)
    for component in (f for f in graph.registrations if f.type.startswith("eks-cluster-autoscaler:")):
        assert graph.outputs.get(component.urn), f"{component.name} registered no outputs"


def test_only_the_desired_size_is_ignored_and_in_the_spelling_that_works(cloud):
    group = run(node_group, cloud).one(NODE_GROUP)
    assert group.ignore_changes == ("scalingConfig.desiredSize",)
    head, leaf = group.ignore_changes[0].split(".")
    assert leaf in group.inputs[head], "the ignored path must be one that is set"


@pytest.mark.parametrize("key", ["min_size", "max_size", "desired_size"])
def test_each_size_may_be_an_output_and_reaches_the_group(key, cloud):
    sizes = {"min_size": 1, "max_size": 4, "desired_size": 2}

    def program():
        node_group(**{**sizes, key: pulumi.Output.from_input(sizes[key])})

    scaling = run(program, cloud).one(NODE_GROUP).inputs["scalingConfig"]
    assert scaling == {"minSize": 1, "maxSize": 4, "desiredSize": 2}


def test_a_group_starts_with_the_minimum_that_another_resource_names(cloud):
    group = run(lambda: node_group(min_size=pulumi.Output.from_input(2)), cloud).one(NODE_GROUP)
    assert group.inputs["scalingConfig"]["desiredSize"] == 2


def test_nodes_require_imdsv2_and_encrypt_their_disks(cloud):
    template = run(node_group, cloud).one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    (disk,) = template["blockDeviceMappings"]
    assert disk["ebs"] == {"volumeType": "gp3", "volumeSize": 50, "encrypted": "true", "deleteOnTermination": "true"}


@pytest.mark.parametrize(
    ("ami_type", "device"),
    [
        ("AL2023_x86_64_STANDARD", "/dev/xvda"),
        ("BOTTLEROCKET_x86_64", "/dev/xvdb"),
        ("WINDOWS_CORE_2022_x86_64", "/dev/sda1"),
    ],
)
def test_the_disk_is_the_one_that_holds_the_pods(ami_type, device):
    template = run(lambda: node_group(ami_type=ami_type)).one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["blockDeviceMappings"][0]["deviceName"] == device


def test_both_volumes_of_bottlerocket_are_encrypted():
    template = run(lambda: node_group(ami_type="BOTTLEROCKET_x86_64")).one("aws:ec2/launchTemplate:LaunchTemplate")
    disks = {each["deviceName"]: each["ebs"] for each in template.inputs["blockDeviceMappings"]}
    assert {device: ebs["encrypted"] for device, ebs in disks.items()} == {"/dev/xvda": "true", "/dev/xvdb": "true"}
    assert "volumeSize" not in disks["/dev/xvda"], "the system's volume has the size of the image"


def test_graviton_nodes_get_an_arm_image():
    assert run(lambda: node_group(instance_types=["m7g.large"])).one(NODE_GROUP).inputs["amiType"] == (
        "AL2023_ARM_64_STANDARD"
    )


def test_an_image_that_ends_before_the_cluster_s_version_is_refused_when_the_version_is_known():
    with pytest.raises(FaultsError, match=r"ami_type: got AL2_x86_64 for Kubernetes 1\.36"):
        run(lambda: node_group(ami_type="AL2_x86_64", kubernetes_version=pulumi.Output.from_input("1.36")))


def test_a_startup_taint_reaches_the_nodes_and_no_tag():
    taint = {"key": "node.cilium.io/agent-not-ready", "value": "true", "effect": "NoExecute"}
    graph = run(lambda: node_group(taints=[taint]))
    assert [each["key"] for each in graph.one(NODE_GROUP).inputs["taints"]] == [taint["key"]]
    assert not [key for key in graph.tags() if "/taint/" in key]


@pytest.mark.parametrize(
    ("name", "by_zone", "fits"),
    [("n" * 55, False, True), ("n" * 56, False, False), ("n" * 44, True, True), ("n" * 45, True, False)],
)
def test_the_name_of_a_group_leaves_space_for_what_pulumi_and_zones_append(name, by_zone, fits):
    where = (
        {"subnet_ids_by_zone": {"us-east-1a": ["subnet-0000000a"]}} if by_zone else {"subnet_ids": ["subnet-0000000a"]}
    )
    args = {"cluster_name": CLUSTER, "min_size": 0, "max_size": 3, **where}
    with nullcontext() if fits else pytest.raises(FaultsError, match="letters, digits"):
        run(lambda: ManagedNodeGroup(name, args, providers()))


def test_a_namespace_that_may_not_exist_is_created_and_kube_system_is_left_alone():
    assert run(lambda: autoscaler(namespace="autoscaling")).one(RELEASE).inputs["createNamespace"] is True
    assert "createNamespace" not in run(autoscaler).one(RELEASE).inputs


def test_the_node_role_has_the_three_policies_of_a_node_and_nothing_else():
    graph = run(node_group)
    assert sorted(found.inputs["policyArn"] for found in graph.of(ATTACHMENT)) == [
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
    ]
    attachments = {found.urn for found in graph.of(ATTACHMENT)}
    assert attachments <= graph.one(NODE_GROUP).depends_on


def test_a_given_node_role_is_used_and_none_is_made(cloud):
    graph = run(lambda: node_group(node_role_arn="arn:aws:iam::123456789012:role/path/nodes"), cloud)
    assert graph.of(ROLE) == []
    assert graph.one(NODE_GROUP).inputs["nodeRoleArn"] == "arn:aws:iam::123456789012:role/path/nodes"


def test_what_is_declared_once_reaches_the_nodes_and_the_tags(cloud):
    graph = run(
        lambda: node_group(
            labels={"workload": "batch"},
            taints=[
                {"key": "dedicated", "value": "batch", "effect": "NoSchedule"},
                {"key": "spot", "effect": "PreferNoSchedule"},
            ],
            instance_types=["g4dn.xlarge"],
            gpu={"accelerator": "nvidia-tesla-t4"},
            disk_size_gib=80,
            resources={"example.com/fpga": "2"},
            autoscaling_options={"scaledownunneededtime": "5m"},
        ),
        cloud,
    )
    inputs = graph.one(NODE_GROUP).inputs
    assert inputs["labels"] == {"workload": "batch", "k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"}
    assert inputs["taints"] == [
        {"key": "dedicated", "value": "batch", "effect": "NO_SCHEDULE"},
        {"key": "spot", "value": "", "effect": "PREFER_NO_SCHEDULE"},
    ]
    template = "k8s.io/cluster-autoscaler/node-template"
    assert graph.tags() == {
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{CLUSTER}": "owned",
        f"{template}/label/workload": "batch",
        f"{template}/label/k8s.amazonaws.com/accelerator": "nvidia-tesla-t4",
        f"{template}/taint/dedicated": "batch:NoSchedule",
        f"{template}/taint/spot": ":PreferNoSchedule",
        f"{template}/resources/ephemeral-storage": "80Gi",
        f"{template}/resources/pods": "29",
        f"{template}/resources/nvidia.com/gpu": "1",
        f"{template}/resources/example.com/fpga": "2",
        f"{template}/autoscaling-options/scaledownunneededtime": "5m",
    }


def test_tags_are_not_propagated_to_instances(cloud):
    assert {found.inputs["tag"]["propagateAtLaunch"] for found in run(node_group, cloud).of(TAG)} == {False}


def test_one_group_per_zone_is_planned_before_anything_is_made(cloud):
    def build():
        by_zone = {"us-east-1b": ["subnet-0000000b"], "us-east-1a": ["subnet-0000000a"]}
        return ManagedNodeGroup(
            "data", {"cluster_name": CLUSTER, "min_size": 1, "max_size": 2, "subnet_ids_by_zone": by_zone}, providers()
        )

    groups = run(build, cloud).of(NODE_GROUP)
    assert {found.name: found.inputs["subnetIds"] for found in groups} == {
        "data-us-east-1a": ["subnet-0000000a"],
        "data-us-east-1b": ["subnet-0000000b"],
    }


def test_an_existing_group_is_tagged_and_nothing_else_of_it_is_touched(cloud):
    graph = run(EVERY_COMPONENT["existing node group"], cloud)
    assert {found.type for found in graph.registrations if found.custom and "providers" not in found.type} == {TAG}
    assert {found.name: found.retain_on_delete for found in graph.of(TAG)} == {
        "workers-enabled": True,
        "workers-cluster": True,
    }
    assert {found.inputs["autoscalingGroupName"] for found in graph.of(TAG)} == {"eks-workers-uuid"}


def test_node_template_tags_of_an_existing_group_are_ours_and_go_on_destroy():
    def build():
        args = {"cluster_name": CLUSTER, "node_group_name": "workers", "labels": {"tier": "web"}}
        return ExistingNodeGroup("workers", args, providers())

    kept = {found.name: found.retain_on_delete for found in run(build).of(TAG)}
    assert kept["workers-label/tier"] is False


def test_the_tags_of_a_group_with_another_owner_are_those_that_the_component_would_put_there():
    offered = {
        "labels": {"workload": "batch"},
        "taints": [{"key": "a", "effect": "NoSchedule"}],
        "resources": {"x": "1"},
    }
    options = {"scaledownunneededtime": "5m"}

    def build():
        args = {"asg_name": "a", "cluster_name": CLUSTER, "autoscaling_options": options, **offered}
        AutoscalerTags("tags", args, providers())

    assert autoscaler_tags(CLUSTER, options=options, **offered) == run(build).tags()
    wrongs = {
        "taints[0].effect": {"taints": [{"key": "a", "effect": "No"}]},
        "labels['a b']": {"labels": {"a b": "c"}},
        "options.x": {"options": {"x": "y"}},
        "options['x']": {"options": {"x": 1}},
        "cluster_name": {"cluster_name": ""},
    }
    for path, wrong in wrongs.items():
        with pytest.raises(FaultsError) as refused:
            autoscaler_tags(**{"cluster_name": CLUSTER, **wrong})
        assert [fault.path for fault in refused.value.faults] == [path]
    with pytest.raises(FaultsError, match="cluster_name: got an Output; expected the name as a string"):
        autoscaler_tags(object.__new__(pulumi.Output))


def test_a_self_managed_group_loses_its_tags_with_the_component(cloud):
    def build():
        return AutoscalerTags("others", {"asg_name": "self-managed", "cluster_name": CLUSTER}, providers())

    assert [found.retain_on_delete for found in run(build, cloud).of(TAG)] == [False, False]


def test_a_self_managed_group_is_found_and_tagged_and_loses_its_tags_on_destroy(cloud):
    def build():
        args = {
            "cluster_name": CLUSTER,
            "asg_name": "mixed",
            "labels": {"workload": "mixed"},
            "resources": {"pods": "58"},
        }
        return ExistingScalingGroup("mixed", args, providers())

    graph = run(build, cloud)
    assert {found.type for found in graph.registrations if found.custom and "providers" not in found.type} == {TAG}
    assert {found.retain_on_delete for found in graph.of(TAG)} == {False}
    assert {found.inputs["autoscalingGroupName"] for found in graph.of(TAG)} == {"mixed"}
    assert graph.tags()["k8s.io/cluster-autoscaler/node-template/resources/pods"] == "58"
    assert [args["name"] for token, args, _ in graph.invokes if "getGroup" in token] == ["mixed"]


def test_the_oidc_provider_is_made_for_the_one_audience(cloud):
    inputs = (
        run(EVERY_COMPONENT["oidc provider"], cloud).one("aws:iam/openIdConnectProvider:OpenIdConnectProvider").inputs
    )
    assert inputs == {"url": ISSUER, "clientIdLists": ["sts.amazonaws.com"]}


def test_an_existing_oidc_provider_is_adopted_and_left_alone(cloud):
    cloud.has_oidc_provider = True
    graph = run(lambda: ClusterOidcProvider("oidc", {"issuer": ISSUER, "create": False}, providers()), cloud)
    assert [found.type for found in graph.registrations if found.custom and "providers" not in found.type] == []
    ((_, arguments, provider),) = graph.invokes
    assert arguments == {"url": ISSUER}
    assert "::named::" in provider, "an invoke without a parent would go to the default provider"


def test_an_oidc_provider_of_another_issuer_or_audience_is_refused():
    cloud = Cloud()
    cloud.has_oidc_provider = True
    cloud.oidc_url, cloud.oidc_audiences = "oidc.example/other", ["other"]
    with pytest.raises(FaultsError) as refused:
        run(lambda: ClusterOidcProvider("oidc", {"issuer": ISSUER, "create": False}, providers()), cloud)
    assert "oidc.example/other" in str(refused.value)
    assert "add-client-id-to-open-id-connect-provider" in str(refused.value)


def documents(graph):
    (role,) = graph.of(ROLE)
    return json.loads(graph.one("aws:iam/policy:Policy").inputs["policy"]), json.loads(role.inputs["assumeRolePolicy"])


def test_irsa_makes_one_role_for_one_service_account(cloud):
    graph = run(autoscaler, cloud)
    policy, trust = documents(graph)
    issuer = ISSUER.removeprefix("https://")
    assert trust["Statement"][0]["Condition"]["StringEquals"] == {
        f"{issuer}:aud": "sts.amazonaws.com",
        f"{issuer}:sub": "system:serviceaccount:kube-system:cluster-autoscaler",
    }
    assert policy["Statement"][-1]["Condition"]["StringEquals"] == {
        "aws:ResourceTag/k8s.io/cluster-autoscaler/series-api": "owned"
    }
    assert graph.one("aws:iam/policy:Policy").inputs["name"] == "AmazonEKSClusterAutoscalerPolicy-series-api-us-east-1"


def test_namespace_and_service_account_are_given_once_and_agree_everywhere(cloud):
    graph = run(lambda: autoscaler(namespace="scaling", service_account="scaler"), cloud)
    _, trust = documents(graph)
    release = graph.one(RELEASE).inputs
    (subject,) = [
        value for key, value in trust["Statement"][0]["Condition"]["StringEquals"].items() if key.endswith(":sub")
    ]
    account = release["values"]["rbac"]["serviceAccount"]["name"]
    made = graph.one(SERVICE_ACCOUNT).inputs["metadata"]
    assert (made["namespace"], made["name"]) == (release["namespace"], account) == ("scaling", "scaler")
    assert subject == "system:serviceaccount:scaling:scaler"


def test_the_service_account_is_made_before_the_release_and_carries_the_role(cloud):
    graph = run(autoscaler, cloud)
    account, release = graph.one(SERVICE_ACCOUNT), graph.one(RELEASE)
    assert "eks.amazonaws.com/role-arn" in account.inputs["metadata"]["annotations"]
    assert graph.one(ROLE).urn in account.depends_on
    assert account.urn in release.depends_on


def test_pod_identity_makes_the_association_and_the_agent(cloud):
    graph = run(EVERY_COMPONENT["pod identity"], cloud)
    association = graph.one("aws:eks/podIdentityAssociation:PodIdentityAssociation").inputs
    assert (association["namespace"], association["serviceAccount"]) == ("kube-system", "cluster-autoscaler")
    assert graph.one("aws:eks/addon:Addon").inputs["addonName"] == "eks-pod-identity-agent"
    assert "eks.amazonaws.com/role-arn" not in graph.one(SERVICE_ACCOUNT).inputs["metadata"]["annotations"]


def test_an_agent_that_is_there_is_not_made_again(cloud):
    assert (
        run(lambda: autoscaler(credentials="podIdentity", install_agent=False), cloud).of("aws:eks/addon:Addon") == []
    )


def test_node_role_attaches_the_scoped_policy_to_the_nodes_roles_and_makes_none(cloud):
    graph = run(EVERY_COMPONENT["node role"], cloud)
    assert graph.of(ROLE) == []
    assert [found.inputs["role"] for found in graph.of(ATTACHMENT)] == ["nodes"]


@pytest.mark.parametrize("mode", ["irsa", "node role"])
def test_the_running_autoscaler_keeps_its_permissions_until_their_successors_exist(mode, cloud):
    graph = run(EVERY_COMPONENT[mode], cloud)
    # Without the option the provider deletes a policy with a given name, and an attachment, before it makes another.
    assert graph.one("aws:iam/policy:Policy").delete_before_replace is False
    (attachment,) = graph.of(ATTACHMENT)
    assert attachment.delete_before_replace is False


def test_boundary_path_and_prefix_reach_the_role_and_the_policy(cloud):
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    graph = run(lambda: autoscaler(permissions_boundary_arn=boundary, path="/platform/", name_prefix="org-"), cloud)
    (role,) = graph.of(ROLE)
    policy = graph.one("aws:iam/policy:Policy")
    assert role.inputs["permissionsBoundary"] == boundary
    assert role.inputs["path"] == policy.inputs["path"] == "/platform/"
    assert role.inputs["namePrefix"] == "org-cluster-autoscaler-"
    assert policy.inputs["name"].startswith("org-AmazonEKSClusterAutoscalerPolicy-")


def test_windows_nodes_are_advertised_as_such_by_tag_alone(cloud):
    graph = run(lambda: node_group(ami_type="WINDOWS_CORE_2022_x86_64"), cloud)
    assert graph.tags()["k8s.io/cluster-autoscaler/node-template/label/kubernetes.io/os"] == "windows"
    # The kubelet sets it, and EKS takes no label of kubernetes.io.
    assert graph.one(NODE_GROUP).inputs["labels"] == {}
    assert not any(key.endswith("kubernetes.io/os") for key in run(node_group, cloud).tags())


def test_administrators_of_the_same_name_get_an_access_entry_each():
    arns = [f"arn:aws:iam::123456789012:{kind}/admin" for kind in ("role", "user")]
    subnets = ["subnet-0000000a", "subnet-0000000b"]
    create = {"kubernetes_version": "1.35", "vpc_id": "vpc-0000000a", "private_subnet_ids": subnets}
    graph = run(
        lambda: EksCluster("c", {"name": CLUSTER, "create": {**create, "admin_principal_arns": arns}}, providers())
    )
    entries = graph.one("eks:index:Cluster").inputs["accessEntries"]
    assert sorted(entry["principalArn"] for entry in entries.values()) == arns


@pytest.mark.parametrize("mode", ["irsa", "pod identity", "node role"])
def test_permissions_exist_before_the_pod_starts_and_outlive_it(mode):
    graph = run(EVERY_COMPONENT[mode])
    release = graph.one(RELEASE)
    must_outlive = graph.reached_from(release.urn)
    types = (
        ROLE,
        ATTACHMENT,
        "aws:iam/policy:Policy",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:eks/addon:Addon",
    )
    permissions = {found.urn for found in graph.registrations if found.type in types}
    assert permissions <= must_outlive


def test_the_release_is_one_of_a_fixed_name_and_all_or_nothing(cloud):
    release = run(autoscaler, cloud).one(RELEASE)
    assert release.inputs["name"] == "cluster-autoscaler"
    assert release.inputs["namespace"] == "kube-system"
    assert release.inputs["atomic"] is True
    assert release.inputs["cleanupOnFail"] is True
    assert release.inputs["timeout"] == 300
    assert release.inputs["repositoryOpts"] == {"repo": "https://kubernetes.github.io/autoscaler"}
    assert release.inputs["version"] == NEWEST_CHART
    assert release.inputs["values"]["image"]["tag"] == newest_image("1.35")
    assert release.delete_before_replace


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        (
            {"repository": "https://charts.example/stable"},
            {"chart": "cluster-autoscaler", "repositoryOpts": {"repo": "https://charts.example/stable"}},
        ),
        (
            {"location": "oci://registry.example/charts/cluster-autoscaler"},
            {"chart": "oci://registry.example/charts/cluster-autoscaler", "version": NEWEST_CHART},
        ),
        ({"location": "./mirror/chart"}, {"chart": "./mirror/chart"}),
    ],
)
def test_the_chart_comes_from_where_the_user_can_reach_it(chart, expected, cloud, local_chart):
    inputs = run(lambda: autoscaler(chart=chart), cloud).one(RELEASE).inputs
    assert {key: inputs[key] for key in expected} == expected
    assert ("repositoryOpts" in inputs) is ("repository" in chart)
    assert ("version" in inputs) is not chart.get("location", "").startswith("./")


def test_the_version_of_a_local_chart_is_read_from_the_chart(cloud, local_chart):
    graph = run(lambda: autoscaler(chart={"location": "./mirror/chart"}), cloud)
    assert graph.outputs[graph.one(cluster_autoscaler.TOKEN).urn]["chartVersion"] == "9.58.0"


def test_a_local_chart_too_old_for_a_version_that_only_the_cluster_knows_is_refused_at_preview(local_chart):
    local_chart.write_text(local_chart.read_text().replace("9.58.0", "9.46.0"))

    def build():
        cluster = EksCluster("cluster", {"name": CLUSTER}, providers())
        autoscaler(kubernetes_version=cluster.version, chart={"location": "./mirror/chart"})

    with pytest.raises(FaultsError, match=r"chart\.location: got chart 9\.46\.0 with Cluster Autoscaler 1\.36\.1"):
        run(build, Cloud(preview=True, cluster_version="1.36"))


def test_a_version_that_only_the_cluster_knows_is_fitted_at_preview():
    planned = run(_adopting(), Cloud(preview=True, cluster_version="1.33"))
    assert planned.one(RELEASE).inputs["values"]["image"]["tag"] == newest_image("1.33")
    with pytest.raises(FaultsError, match=r"got Kubernetes 1\.28"):
        run(_adopting(), Cloud(preview=True, cluster_version="1.28"))


def _adopting(**changes):
    def build():
        cluster = EksCluster("cluster", {"name": CLUSTER}, providers())
        return ClusterAutoscaler(
            "cluster-autoscaler",
            {
                "cluster_arn": cluster.arn,
                "cluster_name": cluster.name,
                "kubernetes_version": cluster.version,
                "oidc_provider_arn": PROVIDER_ARN,
                "oidc_issuer": cluster.oidc_issuer,
                **changes,
            },
            pulumi.ResourceOptions(providers=[kubernetes.Provider("api", kubeconfig=cluster.kubeconfig)]),
        )

    return build


@pytest.mark.parametrize(
    ("pinned", "image", "chart"),
    [
        ({}, newest_image(NEWEST_MINOR), NEWEST_CHART),
        ({"image": {"tag": newest_image(NEWEST_MINOR)}}, newest_image(NEWEST_MINOR), NEWEST_CHART),
        (
            {"image": {"tag": f"v{NEWER_MINOR}.0"}, "chart": {"version": NEWER_CHART}},
            f"v{NEWER_MINOR}.0",
            NEWER_CHART,
        ),
    ],
    ids=["nothing pinned", "image pinned", "image and chart pinned"],
)
def test_an_importing_stack_goes_on_with_a_warning_when_its_cluster_is_newer_than_the_tables(pinned, image, chart):
    planned = run(_adopting(**pinned), Cloud(preview=True, cluster_version=NEWER_MINOR))
    release = planned.one(RELEASE).inputs
    assert (release["values"]["image"]["tag"], release["version"]) == (image, chart)
    (warning,) = planned.warnings
    assert f"Kubernetes {NEWER_MINOR} is newer than Cluster Autoscaler" in warning


def test_an_importing_stack_may_give_a_newer_image_a_flag_that_the_tables_lack():
    settings = {"flags": {"invented-by-a-newer-release": "true"}}
    pinned = {"image": {"tag": f"v{NEWER_MINOR}.0"}, "settings": settings}
    planned = run(_adopting(**pinned), Cloud(preview=True, cluster_version=NEWER_MINOR))
    assert planned.one(RELEASE).inputs["values"]["extraArgs"]["invented-by-a-newer-release"] == "true"
    assert any("flags.invented-by-a-newer-release" in warning for warning in planned.warnings)
    with pytest.raises(FaultsError, match="a flag that Cluster Autoscaler does not know"):
        run(_adopting(settings=settings), Cloud(preview=True, cluster_version=NEWER_MINOR))


def test_a_cluster_of_a_version_newer_than_the_tables_is_created_with_a_warning():
    create = {
        "kubernetes_version": NEWER_MINOR,
        "vpc_id": "vpc-00000001",
        "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"],
    }
    cloud = Cloud()
    cloud.has_cluster = False
    graph = run(lambda: EksCluster("cluster", {"name": CLUSTER, "create": create}, providers()), cloud)
    expected = f"Kubernetes {NEWER_MINOR} is newer than"
    assert any(expected in warning for warning in graph.warnings), graph.warnings


def test_the_age_of_old_tables_is_reported_at_preview(monkeypatch):
    monkeypatch.setattr(autoscaler_release, "today", lambda: compatibility.READ_ON + timedelta(days=99))
    planned = run(_adopting(), Cloud(preview=True, cluster_version="1.33"))
    (warning,) = planned.warnings
    assert "The version tables are 99 days old" in warning


def test_a_created_cluster_is_private_unless_networks_are_named(cloud):
    inputs = run(EVERY_COMPONENT["cluster"], cloud).one("eks:index:Cluster").inputs
    assert inputs["endpointPublicAccess"] is False
    assert inputs["endpointPrivateAccess"] is True
    assert inputs["authenticationMode"] == "API"
    assert inputs["skipDefaultNodeGroup"] is True


def test_administrators_get_access_entries():
    def build():
        create = {
            "kubernetes_version": "1.35",
            "vpc_id": "vpc-00000001",
            "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"],
            "public_access_cidrs": ["203.0.113.0/24"],
            "admin_principal_arns": ["arn:aws-cn:iam::123456789012:role/sso/admin"],
        }
        return EksCluster("cluster", {"name": CLUSTER, "create": create}, providers())

    inputs = run(build).one("eks:index:Cluster").inputs
    assert inputs["publicAccessCidrs"] == ["203.0.113.0/24"]
    entry = inputs["accessEntries"]["admin-admin"]
    assert entry["principalArn"] == "arn:aws-cn:iam::123456789012:role/sso/admin"
    assert entry["accessPolicies"]["admin"]["policyArn"].startswith("arn:aws-cn:eks::aws:cluster-access-policy/")


@pytest.mark.parametrize("create", [False, True], ids=["adopted", "created"])
def test_a_kubeconfig_asks_for_tokens_and_holds_none(create):
    seen = {}

    def build():
        args = {"name": CLUSTER}
        if create:
            args["create"] = {
                "kubernetes_version": "1.35",
                "vpc_id": "vpc-00000001",
                "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"],
            }
        cluster = EksCluster("cluster", args, providers())
        pulumi.Output.all(cluster.kubeconfig, cluster.arn, cluster.version, cluster.oidc_issuer).apply(
            lambda known: seen.update(zip(("kubeconfig", "arn", "version", "issuer"), known, strict=True))
        )

    run(build)
    user = json.loads(seen["kubeconfig"])["users"][0]["user"]
    assert list(user) == ["exec"]
    assert user["exec"]["args"] == [
        "eks",
        "get-token",
        "--cluster-name",
        CLUSTER,
        "--region",
        "us-east-1",
        "--output",
        "json",
    ]
    assert (seen["arn"], seen["version"], seen["issuer"]) == (CLUSTER_ARN, "1.35", ISSUER)


def test_a_network_has_a_private_and_a_public_subnet_per_zone_and_one_nat(cloud):
    graph = run(EVERY_COMPONENT["network"], cloud)
    subnets = {found.name: found.inputs["cidrBlock"] for found in graph.of("aws:ec2/subnet:Subnet")}
    assert subnets == {
        "net-private-us-east-1a": "10.0.0.0/20",
        "net-private-us-east-1b": "10.0.16.0/20",
        "net-public-us-east-1a": "10.0.128.0/20",
        "net-public-us-east-1b": "10.0.144.0/20",
    }
    assert len(graph.of("aws:ec2/natGateway:NatGateway")) == 1


def test_every_zone_gets_its_own_nat_when_configured():
    def build():
        args = {"cluster_name": CLUSTER, "zones": ["us-east-1a", "us-east-1b"], "nat_per_zone": True}
        return ClusterNetwork("net", args, providers())

    assert len(run(build).of("aws:ec2/natGateway:NatGateway")) == 2


def test_two_instances_of_a_component_live_side_by_side():
    def build():
        for name in ("blue", "green"):
            ManagedNodeGroup(
                name, {"cluster_name": CLUSTER, "min_size": 0, "max_size": 1, "subnet_ids": ["subnet-0000000a"]}
            )

    graph = run(build)
    urns = [found.urn for found in graph.registrations]
    assert len(urns) == len(set(urns))
    assert len(graph.of(NODE_GROUP)) == 2


@pytest.mark.parametrize("build", EVERY_COMPONENT.values(), ids=EVERY_COMPONENT)
def test_protection_and_aliases_are_left_to_the_caller(build):
    assert [f.name for f in run(build).registrations if f.protect is not None or f.aliases] == []


def test_the_callers_protection_reaches_all_that_a_component_makes_and_its_alias_the_component():
    def build():
        args = {"cluster_name": CLUSTER, "min_size": 0, "max_size": 1, "subnet_ids": ["subnet-0000000a"]}
        opts = pulumi.ResourceOptions(protect=True, aliases=[pulumi.Alias(name="workers")])
        ManagedNodeGroup("general", args, opts)

    graph = run(build)
    assert {found.protect for found in graph.registrations} == {True}
    assert {found.type: found.aliases for found in graph.registrations if found.aliases} == {
        node_group_component.TOKEN: ("workers",)
    }


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (
            lambda: node_group(instance_type=["m6i.large"]),
            "instance_type: got an unknown key; expected a known key, such as instance_types",
        ),
        (
            lambda: node_group(instanceTypes=["m6i.large"]),
            "instanceTypes: got an unknown key; expected the key instance_",
        ),
        (lambda: node_group(min_size=None), "min_size: got nothing; expected a value: this key is required"),
        (lambda: autoscaler(settings={"scale_down_uneeded_time": "1m"}), "such as scale_down_unneeded_time"),
        (lambda: autoscaler(tags=pulumi.Output.from_input({})), "tags: got an Output; expected a plain value"),
        (lambda: node_group(min_size=5), "min_size: got 5; expected at most max_size (3)"),
        (
            lambda: node_group(min_size=pulumi.Output.from_input(1), desired_size=5),
            "desired_size: got 5; expected at most max_size (3)",
        ),
        (
            lambda: node_group(min_size=2, max_size=pulumi.Output.from_input(3), desired_size=1),
            "desired_size: got 1; expected min_size (2) or more",
        ),
        (lambda: autoscaler(credentials="keys"), "credentials: got 'keys'"),
        (lambda: autoscaler(cluster_arn="series-api"), "cluster_arn: got 'series-api'"),
        (lambda: autoscaler(kubernetes_version="1.20"), "kubernetes_version: got Kubernetes 1.20"),
        (
            lambda: ClusterOidcProvider("o", {"issuer": ISSUER, "look_up": True}),
            "look_up: got an unknown key; expected create: false",
        ),
    ],
)
def test_a_component_refuses_bad_arguments_before_it_registers_anything(build, expected):
    graph = Graph()
    with pytest.raises(FaultsError) as refused:
        run(build, graph=graph)
    assert expected in str(refused.value)
    assert refused.value.errors
    assert [found for found in graph.registrations if not found.type.startswith("pulumi:providers:")] == []


def test_what_need_not_be_known_at_preview_may_be_an_output(cloud):
    later = pulumi.Output.from_input

    def build():
        EksCluster(
            "cluster",
            {
                "name": CLUSTER,
                "create": {
                    "kubernetes_version": "1.35",
                    "vpc_id": later("vpc-00000001"),
                    "private_subnet_ids": later(["subnet-0000000a", "subnet-0000000b"]),
                    "public_subnet_ids": [later("subnet-0000000c")],
                    "public_access_cidrs": later(["203.0.113.0/24"]),
                    "admin_principal_arns": [later("arn:aws:iam::123456789012:role/admin")],
                    "tags": {"team": later("platform")},
                },
            },
            providers(),
        )
        node_group(
            subnet_ids=later(["subnet-0000000a"]),
            labels={"workload": later("batch")},
            tags={"team": later("platform")},
            permissions_boundary_arn=later("arn:aws:iam::123456789012:policy/boundary"),
        )
        ExistingNodeGroup("workers", {"cluster_name": CLUSTER, "node_group_name": later("workers")}, providers())
        autoscaler(tags={"team": later("platform")}, chart=None, settings={"flags": None})

    graph = run(build, cloud)
    cluster = graph.one("eks:index:Cluster").inputs
    assert cluster["privateSubnetIds"] == ["subnet-0000000a", "subnet-0000000b"]
    assert cluster["endpointPublicAccess"] is True
    assert cluster["accessEntries"]["admin-0"]["principalArn"] == "arn:aws:iam::123456789012:role/admin"
    group = graph.one(NODE_GROUP).inputs
    assert group["labels"] == {"workload": "batch"}
    assert graph.tags()["k8s.io/cluster-autoscaler/node-template/label/workload"] == "batch"
    assert graph.one(ROLE, "general-node").inputs["permissionsBoundary"].endswith("boundary")


def test_the_autoscaler_reports_faults_of_role_and_release_together():
    faults = cluster_autoscaler.faults(
        {
            "cluster_arn": CLUSTER_ARN,
            "cluster_name": CLUSTER,
            "kubernetes_version": "1.35",
            "path": "platform",
            "timeout_seconds": 1,
            "chart": {"version": "9.46.0"},
        }
    )
    assert [fault.path for fault in faults] == ["path", "timeoutSeconds", "chart.version"]


def test_the_name_of_the_cluster_is_enough(cloud):
    graph = run(lambda: ClusterAutoscaler("autoscaler", {"cluster_name": CLUSTER}, providers()), cloud)
    ((token, arguments, provider),) = [i for i in graph.invokes if i[0] != GET_OIDC_PROVIDER]
    assert (token, arguments) == ("aws:eks/getCluster:getCluster", {"name": CLUSTER})
    assert "::named::" in provider
    oidc = graph.one("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
    assert oidc.inputs["url"] == ISSUER
    assert oidc.parent.endswith("ClusterOidcProvider::autoscaler")
    given = {"cluster_arn": CLUSTER_ARN, "cluster_name": CLUSTER, "kubernetes_version": "1.35"}
    full = run(lambda: ClusterAutoscaler("autoscaler", {**given, "oidc_issuer": ISSUER}, providers()), cloud)
    assert {i[0] for i in full.invokes} == {GET_OIDC_PROVIDER}
    if not cloud.preview:  # where the ARN of the provider is not known yet
        assert documents(full) == documents(graph)
        assert full.one(RELEASE).inputs == graph.one(RELEASE).inputs


def test_an_oidc_provider_that_exists_is_found_by_the_issuer(cloud):
    cloud.has_oidc_provider = True
    args = {"cluster_name": CLUSTER, "create_oidc_provider": False}
    graph = run(lambda: ClusterAutoscaler("autoscaler", args, providers()), cloud)
    assert (GET_OIDC_PROVIDER, {"url": ISSUER}) in [i[:2] for i in graph.invokes]
    assert graph.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == []


def test_pod_identity_and_node_role_need_no_oidc_provider(cloud):
    for mode in ({"credentials": "podIdentity"}, {"credentials": "nodeRole", "node_role_names": {"n": "nodes"}}):
        graph = run(
            lambda mode=mode: ClusterAutoscaler("autoscaler", {"cluster_name": CLUSTER, **mode}, providers()), cloud
        )
        assert graph.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == []


@pytest.mark.parametrize("later", [False, True], ids=["plain", "an Output"])
def test_the_arn_of_another_cluster_is_refused(later):
    def build():
        arn = pulumi.Output.from_input(CLUSTER_ARN) if later else CLUSTER_ARN
        autoscaler(cluster_arn=arn, cluster_name="other")

    with pytest.raises(Exception, match="cluster_name: got 'other'; expected 'series-api', the name in cluster_arn"):
        run(build)


class WithCluster(Cloud):
    """A cloud that makes clusters of pulumi_aws, too."""

    def new_resource(self, args):
        if args.typ == "aws:eks/cluster:Cluster":
            issuer = [{"oidcs": [{"issuer": ISSUER}]}]
            return CLUSTER, {"name": CLUSTER, "arn": CLUSTER_ARN, "version": "1.35", "identities": issuer}
        return super().new_resource(args)


def test_a_cluster_of_this_package_and_one_of_pulumi_aws_describe_themselves():
    seen = []

    def build():
        ours = EksCluster("cluster", {"name": CLUSTER}, providers())
        theirs = aws.eks.Cluster("theirs", role_arn="arn:aws:iam::123456789012:role/x", vpc_config={"subnet_ids": []})
        for cluster in (ours, theirs):
            arguments = cluster_arguments(cluster, create_oidc_provider=False)
            assert arguments.pop("create_oidc_provider") is False
            pulumi.Output.all(**arguments).apply(seen.append)

    run(build, WithCluster())
    about = {"cluster_name": CLUSTER, "cluster_arn": CLUSTER_ARN, "kubernetes_version": "1.35", "oidc_issuer": ISSUER}
    assert seen == [about, about]


@pytest.mark.parametrize("known", [True, False], ids=["known", "read from the cluster"])
@pytest.mark.parametrize(
    ("given", "refused"),
    [
        (
            {"region": "eusc-de-east-1", "role_arn": "arn:aws-eusc:iam::123456789012:role/autoscaler"},
            "region: got eusc-de-east-1 with Cluster Autoscaler 1.34",
        ),
        ({"credentials": "podIdentity", "image": {"tag": "v1.28.2"}}, "image.tag: got Cluster Autoscaler 1.28.2 with"),
        ({"chart": {"version": "9.9.0"}}, "chart.version: got"),
        ({"settings": {"flags": {"no-such-flag": "1"}}}, "settings.flags.no-such-flag: got"),
    ],
    ids=["region", "credentials", "chart", "flags"],
)
def test_release_arguments_are_checked_against_the_cluster_version(given, refused, known):
    base = {"cluster_name": CLUSTER, "region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/autoscaler"}

    def build():
        version = "1.34" if known else pulumi.Output.from_input("1.34")
        AutoscalerRelease("r", {**base, "kubernetes_version": version, **given}, providers())

    with pytest.raises(Exception, match=re.escape(refused)):
        run(build)


def created(**create):
    subnets = {"vpc_id": "vpc-00000001", "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"]}
    return EksCluster("cluster", {"name": CLUSTER, "create": {"kubernetes_version": "1.35", **subnets, **create}})


@pytest.mark.parametrize("path", ["", "platform/"])
def test_the_creator_is_refused_among_the_administrators_because_eks_adds_it(path):
    creator = f"arn:aws:iam::{ACCOUNT}:role/{path}deployer"
    with pytest.raises(FaultsError, match=r"admin_principal_arns\[1\].*deployer"):
        run(lambda: created(admin_principal_arns=[f"arn:aws:iam::{ACCOUNT}:role/admins", creator]))
    run(lambda: created(admin_principal_arns=[f"arn:aws:iam::{ACCOUNT}:role/admins"]))


def test_a_private_api_server_is_warned_about_because_helm_must_reach_it():
    (warning,) = run(created).warnings
    assert warning.startswith("publicAccessCidrs is not set")
    assert run(lambda: created(public_access_cidrs=["203.0.113.0/24"])).warnings == []


def test_a_node_group_without_resources_yet_is_an_error_with_a_hint():
    with pytest.raises(pulumi.RunError, match="health issues"):
        node_group_component._asg_name([])


DEPLOYMENT = "kubernetes:apps/v1:Deployment"
PRIORITY_CLASS = "kubernetes:scheduling.k8s.io/v1:PriorityClass"


def test_pause_pods_are_of_the_new_priority_class_and_pass_the_restricted_pod_security_standard(cloud):
    graph = run(headroom, cloud)
    made, deployment = graph.one(PRIORITY_CLASS).inputs, graph.one(DEPLOYMENT).inputs
    pod = deployment["spec"]["template"]["spec"]
    assert (made["value"], made["preemptionPolicy"]) == (-10, "Never")
    assert pod["priorityClassName"] == made["metadata"]["name"] == "headroom-web-10"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert container["resources"]["requests"] == {"cpu": "1", "memory": "2Gi"}
    assert container["image"] == "registry.k8s.io/pause:3.10.2"
    assert deployment["spec"]["selector"]["matchLabels"].items() <= (
        deployment["spec"]["template"]["metadata"]["labels"].items()
    )


def test_another_priority_is_another_priority_class(cloud):
    first, second = (run(lambda p=p: headroom(priority=p), cloud).one(PRIORITY_CLASS) for p in (-10, -5))
    assert first.inputs["metadata"]["name"] != second.inputs["metadata"]["name"]


def test_pending_pause_pods_neither_fail_an_update_nor_keep_a_node(cloud):
    deployment = run(headroom, cloud).one(DEPLOYMENT).inputs
    assert deployment["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0
    pod = deployment["spec"]["template"]
    assert pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "true"
    assert pod["spec"]["terminationGracePeriodSeconds"] == 0


POD_TEMPLATE = "kubernetes:core/v1:PodTemplate"
BUFFER = "kubernetes:autoscaling.x-k8s.io/v1beta1:CapacityBuffer"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
CLUSTER_ROLE = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole"
CLUSTER_ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"


def test_a_capacity_buffer_names_a_pod_template_and_has_no_pods(cloud):
    graph = run(lambda: headroom(kind="CapacityBuffer", replicas=3, node_selector={"workload": "web"}), cloud)
    template, buffer = graph.one(POD_TEMPLATE).inputs, graph.one(BUFFER).inputs
    assert {found.type for found in graph.registrations if found.type.startswith("kubernetes:")} == {
        POD_TEMPLATE,
        BUFFER,
    }
    assert buffer["spec"] == {
        "provisioningStrategy": "buffer.x-k8s.io/active-capacity",
        "podTemplateRef": {"name": template["metadata"]["name"]},
        "replicas": 3,
    }
    assert buffer["metadata"]["namespace"] == template["metadata"]["namespace"] == "kube-system"
    pod = template["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux", "workload": "web"}
    assert pod["containers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "2Gi"}
    assert "priorityClassName" not in pod


def test_the_release_waits_for_the_rights_and_the_definition_of_capacity_buffers(cloud):
    graph = run(lambda: autoscaler(capacity_buffers={"install_definition": True}, namespace="scaling"), cloud)
    release, binding, definition = graph.one(RELEASE), graph.one(CLUSTER_ROLE_BINDING), graph.one(DEFINITION)
    assert {binding.urn, definition.urn} <= release.depends_on
    assert binding.inputs["roleRef"]["name"] == graph.one(CLUSTER_ROLE).inputs["metadata"]["name"]
    assert binding.inputs["subjects"] == [
        {"kind": "ServiceAccount", "name": "cluster-autoscaler", "namespace": "scaling"}
    ]
    version = definition.inputs["spec"]["versions"][1]
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert (version["name"], version["storage"]) == ("v1beta1", True)
    assert status == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.34", {"kube-api-content-type": "application/json"}),
        ("1.35", {"kube-api-content-type": "application/json"}),
        ("1.36", {"capacity-buffer-pod-dry-run-enabled": "false"}),
    ],
)
def test_capacity_buffers_set_the_flags_of_the_version(version, expected, cloud):
    arguments = {"capacity_buffers": {}, "kubernetes_version": version, "startup_taints": ["node.example.com/agent"]}
    graph = run(lambda: autoscaler(**arguments), cloud)
    given = graph.one(RELEASE).inputs["values"]["extraArgs"]
    both = {"capacity-buffer-controller-enabled": "true", "capacity-buffer-pod-injection-enabled": "true"}
    new = {key: value for key, value in given.items() if "buffer" in key or "content-type" in key}
    assert new == {**both, **expected}
    assert given["startup-taint_1"] == "node.example.com/agent"
    assert not graph.of(DEFINITION)


@pytest.mark.parametrize(("args", "retained"), [({}, True), ({"retain_definition": False}, False)])
def test_an_installed_definition_stays_by_default(args, retained, cloud):
    graph = run(lambda: autoscaler(capacity_buffers={"install_definition": True, **args}), cloud)
    assert graph.one(DEFINITION).retain_on_delete is retained


RULE = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


@pytest.mark.parametrize(("args", "types"), [({"alerts": True}, {RULE}), ({"dashboard": True}, {CONFIG_MAP})])
def test_alerts_and_dashboard_are_created_one_without_the_other(args, types, cloud):
    graph = run(lambda: monitoring(**args), cloud)
    assert {found.type for found in graph.registrations if found.type.startswith("kubernetes:")} == types


def test_rules_and_dashboard_have_the_labels_by_which_they_are_found(cloud):
    labels = {"rule_labels": {"team": "a"}, "dashboard_labels": {"grafana": "b"}}
    graph = run(lambda: monitoring(alerts=True, dashboard=True, **labels), cloud)
    assert graph.one(RULE).inputs["metadata"]["labels"] == {"team": "a"}
    assert graph.one(CONFIG_MAP).inputs["metadata"]["labels"] == {"grafana": "b"}
    assert json.loads(graph.one(CONFIG_MAP).inputs["data"]["cluster-autoscaler.json"])["panels"]

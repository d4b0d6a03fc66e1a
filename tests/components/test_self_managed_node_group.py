"""What SelfManagedNodeGroup registers for its Auto Scaling group, what it asks of AWS, and what it refuses."""

import base64
import email
import tomllib
from types import MappingProxyType

import pulumi
import pulumi_aws as aws
import pytest
import yaml

from components import EksCluster, FaultsError, SelfManagedNodeGroup
from tests.cloud import ACCOUNT, CLUSTER, Cloud, run, unknown_instance_type

GROUP = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
PREFIX = "k8s.io/cluster-autoscaler"
BASE = {"cluster_name": CLUSTER, "min_size": 0, "max_size": 3, "subnet_ids": ["subnet-0000000a", "subnet-0000000b"]}
MIX = {
    "instance_types": ["m6i.large", "m5.large"],
    "instances_distribution": {"on_demand_base_capacity": 1, "on_demand_percentage_above_base_capacity": 25},
}


def group(cloud=None, later=MappingProxyType({}), **args):
    """Run a program with one group; ``later`` holds arguments that are Outputs."""

    def program():
        provider = aws.Provider("named", region="us-east-1")
        outputs = {key: pulumi.Output.from_input(value) for key, value in later.items()}
        SelfManagedNodeGroup("mixed", {**BASE, **args, **outputs}, pulumi.ResourceOptions(providers=[provider]))

    return run(program, cloud)


def user_data(graph):
    return base64.b64decode(graph.one(TEMPLATE).inputs["userData"]).decode()


def parts(graph):
    message = email.message_from_string(user_data(graph))
    return [(part.get_content_type(), part.get_payload()) for part in message.get_payload()]


def tags(graph):
    return {tag["key"]: tag["value"] for tag in graph.one(GROUP).inputs["tags"]}


def test_on_demand_and_spot_nodes_are_mixed_as_declared():
    inputs = group(**MIX).one(GROUP).inputs
    policy = inputs["mixedInstancesPolicy"]
    assert policy["instancesDistribution"] == {
        "onDemandAllocationStrategy": "prioritized",
        "onDemandBaseCapacity": 1,
        "onDemandPercentageAboveBaseCapacity": 25,
        "spotAllocationStrategy": "price-capacity-optimized",
        "spotInstancePools": 0,
    }
    assert policy["launchTemplate"] == {
        "launchTemplateSpecification": {"launchTemplateId": "mixed-id", "version": "1"},
        "overrides": [{"instanceType": "m6i.large"}, {"instanceType": "m5.large"}],
    }
    assert "launchTemplate" not in inputs
    assert "instanceType" not in group(**MIX).one(TEMPLATE).inputs


@pytest.mark.parametrize(("strategy", "pools"), [("lowest-price", 2), ("capacity-optimized", 0)])
def test_a_move_between_spot_strategies_leaves_no_number_of_pools_that_auto_scaling_rejects(strategy, pools):
    policy = group(instances_distribution={"spot_allocation_strategy": strategy}).one(GROUP).inputs
    assert policy["mixedInstancesPolicy"]["instancesDistribution"]["spotInstancePools"] == pools


def test_several_types_alone_are_on_demand():
    distribution = group(instance_types=["m6i.large", "m5.large"]).one(GROUP).inputs["mixedInstancesPolicy"]
    assert distribution["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 100


def test_one_type_needs_no_policy():
    graph = group()
    assert graph.one(GROUP).inputs["launchTemplate"] == {"id": "mixed-id", "version": "1"}
    assert "mixedInstancesPolicy" not in graph.one(GROUP).inputs
    assert graph.one(TEMPLATE).inputs["instanceType"] == "m6i.large"


def test_auto_scaling_neither_moves_nodes_between_zones_nor_makes_the_program_wait_for_a_number_of_them(cloud):
    made = group(cloud).one(GROUP)
    assert made.inputs["suspendedProcesses"] == ["AZRebalance"]
    assert made.inputs["waitForCapacityTimeout"] == "0"


def test_the_number_of_nodes_is_sent_at_creation_only_and_only_if_given(cloud):
    made = group(cloud).one(GROUP)
    assert made.ignore_changes == ("desiredCapacity",)
    assert "desiredCapacity" not in made.inputs
    made = group(cloud, desired_size=2).one(GROUP)
    assert (made.ignore_changes, made.inputs["desiredCapacity"]) == (("desiredCapacity",), 2)


@pytest.mark.parametrize("key", ["min_size", "max_size", "desired_size"])
def test_each_size_may_be_an_output(key, cloud):
    sizes = {"min_size": 1, "max_size": 4, "desired_size": 2}
    inputs = group(cloud, {key: sizes.pop(key)}, **sizes).one(GROUP).inputs
    assert (inputs["minSize"], inputs["maxSize"], inputs["desiredCapacity"]) == (1, 4, 2)


def test_nodes_require_imdsv2_encrypt_their_disks_and_are_in_the_cluster_s_security_group():
    template = group().one(TEMPLATE).inputs
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    (disk,) = template["blockDeviceMappings"]
    assert (disk["deviceName"], disk["ebs"]["encrypted"], disk["ebs"]["volumeSize"]) == ("/dev/xvda", "true", 50)
    assert template["vpcSecurityGroupIds"] == ["sg-cluster"]
    assert template["iamInstanceProfile"] == {"arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/mixed"}


def test_disks_network_and_key_reach_the_template():
    given = {"iops": 4000, "throughput": 500, "key_pair": "ops", "security_group_ids": ["sg-00000001"], "hop_limit": 2}
    template = group(**given, disk_size_gib=80).one(TEMPLATE).inputs
    ebs = template["blockDeviceMappings"][0]["ebs"]
    assert (ebs["iops"], ebs["throughput"], ebs["volumeSize"]) == (4000, 500, 80)
    assert (template["keyName"], template["vpcSecurityGroupIds"]) == ("ops", ["sg-00000001"])
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 2


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({}, "eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended"),
        ({"instance_types": ["m7g.large"]}, "eks/optimized-ami/1.35/amazon-linux-2023/arm64/standard/recommended"),
        ({"instance_types": ["g5.xlarge"]}, "eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia/recommended"),
        ({"kubernetes_version": "1.34"}, "eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended"),
        ({"ami_type": "BOTTLEROCKET_x86_64"}, "bottlerocket/aws-k8s-1.35/x86_64/latest"),
    ],
)
def test_the_image_is_the_newest_for_version_cpu_and_accelerators(given, parameter):
    image = group(**given).one(TEMPLATE).inputs["imageId"]
    assert image == f"ami-of-/aws/service/{parameter}/image_id"


def test_an_image_of_the_user_s_is_not_looked_up():
    graph = group(image_id="ami-0123456789abcdef0")
    assert graph.one(TEMPLATE).inputs["imageId"] == "ami-0123456789abcdef0"
    assert not [token for token, *_ in graph.invokes if "ssm" in token]


def test_a_node_of_amazon_linux_joins_with_the_labels_taints_and_pods_that_are_advertised():
    taints = [
        {"key": "dedicated", "value": "web", "effect": "NoSchedule"},
        {"key": "node.cilium.io/agent-not-ready", "effect": "NoExecute"},
    ]
    graph = group(labels={"workload": "web", "tier": "front"}, taints=taints)
    ((kind, text),) = parts(graph)
    assert kind == "application/node.eks.aws"
    assert yaml.safe_load(text) == {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {
            "cluster": {
                "name": CLUSTER,
                "apiServerEndpoint": "https://EXAMPLE.eks.amazonaws.com",
                "certificateAuthority": "Q0E=",
                "cidr": "172.20.0.0/16",
            },
            "kubelet": {
                "config": {"maxPods": 29},
                "flags": [
                    "--node-labels=tier=front,workload=web",
                    "--register-with-taints=dedicated=web:NoSchedule,node.cilium.io/agent-not-ready=:NoExecute",
                ],
            },
        },
    }
    template = f"{PREFIX}/node-template"
    assert tags(graph) == {
        f"kubernetes.io/cluster/{CLUSTER}": "owned",
        f"{PREFIX}/enabled": "true",
        f"{PREFIX}/{CLUSTER}": "owned",
        f"{template}/label/workload": "web",
        f"{template}/label/tier": "front",
        f"{template}/taint/dedicated": "web:NoSchedule",
        f"{template}/resources/ephemeral-storage": "50Gi",
        f"{template}/resources/pods": "29",
    }


def test_a_node_of_an_ipv6_cluster_gets_the_ipv6_network_of_the_services():
    cloud = Cloud()
    cloud.ip_family = "ipv6"
    assert yaml.safe_load(parts(group(cloud))[0][1])["spec"]["cluster"]["cidr"] == "fd00::/108"


def test_a_node_of_bottlerocket_joins_by_its_settings():
    taints = [{"key": "dedicated", "value": "web", "effect": "NoSchedule"}, {"key": "spot", "effect": "NoExecute"}]
    own = '[settings.kernel]\nlockdown = "integrity"\n'
    graph = group(ami_type="BOTTLEROCKET_x86_64", labels={"workload": "web"}, taints=taints, max_pods=40, user_data=own)
    assert tomllib.loads(user_data(graph))["settings"] == {
        "kubernetes": {
            "cluster-name": CLUSTER,
            "api-server": "https://EXAMPLE.eks.amazonaws.com",
            "cluster-certificate": "Q0E=",
            "cluster-dns-ip": "172.20.0.10",
            "max-pods": 40,
            "node-labels": {"workload": "web"},
            "node-taints": {"dedicated": ["web:NoSchedule"], "spot": [":NoExecute"]},
        },
        "kernel": {"lockdown": "integrity"},
    }
    assert [disk["deviceName"] for disk in graph.one(TEMPLATE).inputs["blockDeviceMappings"]] == [
        "/dev/xvdb",
        "/dev/xvda",
    ]


def test_a_node_of_bottlerocket_in_an_ipv6_cluster_gets_the_address_of_its_dns_which_it_cannot_find():
    cloud = Cloud()
    cloud.ip_family = "ipv6"
    settings = tomllib.loads(user_data(group(cloud, ami_type="BOTTLEROCKET_x86_64")))["settings"]
    assert settings["kubernetes"]["cluster-dns-ip"] == "fd00::a"


def test_toml_without_tables_stays_outside_of_those_that_join_the_node():
    args = {"ami_type": "BOTTLEROCKET_x86_64", "labels": {"workload": "web"}}
    settings = tomllib.loads(user_data(group(**args, user_data='settings.kernel.lockdown = "integrity"\n')))["settings"]
    assert settings["kernel"] == {"lockdown": "integrity"}
    assert settings["kubernetes"]["node-labels"] == {"workload": "web"}


def test_user_data_comes_after_what_joins_the_node_so_that_it_wins():
    script = group(user_data="#!/bin/bash\necho hello\n")
    assert [kind for kind, _ in parts(script)] == ["application/node.eks.aws", "text/x-shellscript"]
    config = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {kubelet: {flags: [--v=9]}}\n"
    assert "--v=9" in parts(group(later={"user_data": config}))[1][1]


def test_the_number_of_pods_that_is_declared_is_the_one_that_is_advertised():
    for given, pods in ((({"max_pods": 40}), 40), ({"prefix_delegation": True}, 110)):
        graph = group(**given)
        assert yaml.safe_load(parts(graph)[0][1])["spec"]["kubelet"]["config"] == {"maxPods": pods}
        assert tags(graph)[f"{PREFIX}/node-template/resources/pods"] == str(pods)


def test_only_the_tag_of_the_cluster_reaches_the_instances_from_the_group(cloud):
    graph = group(cloud, tags={"owner": "platform"}, autoscaling_options={"scaledownunneededtime": "5m"})
    propagated = [tag["key"] for tag in graph.one(GROUP).inputs["tags"] if tag["propagateAtLaunch"]]
    assert propagated == [f"kubernetes.io/cluster/{CLUSTER}"]
    assert tags(graph)["owner"] == "platform"
    assert tags(graph)[f"{PREFIX}/node-template/autoscaling-options/scaledownunneededtime"] == "5m"
    specifications = graph.one(TEMPLATE).inputs["tagSpecifications"]
    assert [(each["resourceType"], each["tags"]) for each in specifications] == [
        (kind, {"Name": "mixed", "owner": "platform"}) for kind in ("instance", "volume")
    ]


def test_the_role_of_the_nodes_may_enter_the_cluster_before_a_node_starts(cloud):
    arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    graph = group(cloud, node_role_policies=[arn], path="/platform/", name_prefix="team-")
    entry = graph.one(ENTRY)
    assert (entry.inputs["clusterName"], entry.inputs["type"]) == (CLUSTER, "EC2_LINUX")
    attachments = {found.urn for found in graph.of(ATTACHMENT)}
    assert len(attachments) == 4
    assert attachments | {entry.urn} <= graph.one(GROUP).depends_on
    assert graph.one(ROLE).inputs["description"] == "Nodes of the self-managed group mixed"
    profile = graph.one("aws:iam/instanceProfile:InstanceProfile").inputs
    assert (profile["path"], profile["namePrefix"]) == ("/platform/", graph.one(ROLE).inputs["namePrefix"])


def test_the_component_s_own_provider_is_asked():
    asked = [provider for _, _, provider in group().invokes]
    assert len(asked) == 5
    assert all("::named::" in provider for provider in asked)


def test_nothing_is_asked_of_a_cluster_that_does_not_exist_yet():
    creation = {"kubernetes_version": "1.35", "vpc_id": "vpc-00000001", "private_subnet_ids": BASE["subnet_ids"]}

    def program():
        cluster = EksCluster("cluster", {"name": "new", "create": creation})
        SelfManagedNodeGroup("mixed", {**BASE, "cluster_name": cluster.name})

    cloud = Cloud(preview=True)
    cloud.has_cluster = False
    graph = run(program, cloud)
    assert graph.one(GROUP).inputs["maxSize"] == 3
    assert not [token for token, *_ in graph.invokes if "autoscaling" in token or "ssm" in token]


def live(template="mixed-id", *, policy=False, name="mixed-0a1b2c3"):
    named = {"launchTemplateId": template, "launchTemplateName": "t", "version": "1"}
    templates = [{"launchTemplateSpecifications": [named], "overrides": []}]
    return {
        "name": name,
        "minSize": 0,
        "maxSize": 9,
        "desiredCapacity": 5,
        "launchTemplates": [] if policy else [{"id": template, "name": "t", "version": "1"}],
        "mixedInstancesPolicies": [{"launchTemplates": templates}] if policy else [],
    }


def warned(cloud=None, *found, **args):
    cloud = cloud or Cloud()
    cloud.live_scaling_groups = {each["name"]: each for each in found}
    return group(cloud, **args).warnings


@pytest.mark.parametrize("policy", [False, True])
def test_a_maximum_below_the_live_size_is_reported_with_the_number_of_nodes_that_go(policy):
    (warning,) = warned(None, live(policy=policy), max_size=3)
    assert warning == "Group mixed-0a1b2c3 has 5 nodes and maxSize is now 3: Auto Scaling terminates 2 of them."


def test_a_maximum_that_leaves_all_nodes_is_no_reason_to_warn():
    assert warned(None, live(), max_size=5) == []
    assert warned(None, live(template="of-another-stack"), max_size=3) == []
    assert warned(None, live(name="other-0a1b2c3"), max_size=3) == []


class Refusing(Cloud):
    def call(self, args):
        if "getAmiIds" in args.token:
            return {}, [("", "AccessDenied: autoscaling:DescribeAutoScalingGroups")]
        return super().call(args)


def test_without_permission_to_read_the_live_size_a_warning_names_it():
    (warning,) = warned(Refusing())
    assert "Allow autoscaling:DescribeAutoScalingGroups" in warning


class Unequal(Cloud):
    def instance_type(self, name):
        if name == "m6i.huge":
            return unknown_instance_type(name)
        return {**super().instance_type(name), **({"defaultVcpus": 4} if "xlarge" in name else {})}


def test_types_of_unequal_size_are_refused_unless_they_are_meant():
    types = {"instance_types": ["m6i.large", "m6i.xlarge"]}
    with pytest.raises(FaultsError, match=r"instance_types\[1\]: got m6i.xlarge with 4 vCPU"):
        group(Unequal(preview=True), **types)
    assert group(Unequal(preview=True), **types, allow_unequal_types=True).of(GROUP)
    with pytest.raises(FaultsError, match="an instance type that the region has"):
        group(Unequal(preview=True), instance_types=["m6i.huge"])


def test_arns_of_another_place_than_the_cluster_are_refused_at_preview():
    with pytest.raises(FaultsError, match="2 errors") as refused:
        group(
            Cloud(preview=True),
            kms_key_arn=f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/x",
            permissions_boundary_arn=f"arn:aws-cn:iam::{ACCOUNT}:policy/x",
        )
    assert {fault.path for fault in refused.value.faults} == {"kms_key_arn", "permissions_boundary_arn"}


def test_a_cluster_without_access_entries_is_refused_with_what_to_do():
    cloud = Cloud(preview=True)
    cloud.authentication_mode = "CONFIG_MAP"
    with pytest.raises(FaultsError, match=r"cluster_name: got series-api with authenticationMode CONFIG_MAP"):
        group(cloud)


def test_user_data_that_is_too_large_with_what_joins_the_node_is_refused():
    with pytest.raises(FaultsError, match=r"user_data: got \d+ bytes in all; expected 16384 at most"):
        group(user_data="#!/bin/bash\n" + "#" * 16300)


@pytest.mark.parametrize(
    ("args", "later", "refused"),
    [
        ({}, {"user_data": "echo hello"}, "user_data: got 'echo hello'; expected a script"),
        ({"ami_type": "BOTTLEROCKET_x86_64"}, {"user_data": "[settings.kubernetes]"}, "expected tables other than"),
        ({"labels": {"team": pulumi.Output.from_input("a,b=c")}}, {}, r"labels\['team'\]: got 'a,b=c'"),
    ],
)
def test_an_output_is_judged_as_a_plain_value_once_it_is_known(args, later, refused):
    with pytest.raises(FaultsError, match=refused):
        group(Cloud(preview=True), later, **args)


MIME = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="B"\n\n--B--\n'
TOML = {"ami_type": "BOTTLEROCKET_x86_64"}


@pytest.mark.parametrize(
    ("args", "refused"),
    [
        ({"min_size": 4}, "min_size: got 4; expected at most max_size"),
        ({"subnet_ids": []}, "subnet_ids: got no subnet"),
        ({"instance_types": ["m6i"]}, r"instance_types\[0\]: got 'm6i'"),
        ({"instance_types": ["m6i.large"] * 41}, "instance_types: got 41 instance types; expected 1 to 40"),
        (
            {"instances_distribution": {"on_demand_percentage_above_base_capacity": 101}},
            "instances_distribution.on_demand_percentage_above_base_capacity: got 101; expected 0 to 100",
        ),
        ({"instances_distribution": {"on_demand_base_capacity": -1}}, "on_demand_base_capacity: got -1"),
        ({"instances_distribution": {"spot_allocation_strategy": "cheap"}}, "spot_allocation_strategy: got 'cheap'"),
        ({"ami_type": "AL2_x86_64"}, "ami_type: got 'AL2_x86_64'; expected one of AL2023_x86_64_STANDARD"),
        ({"ami_type": "CUSTOM"}, "ami_type: got 'CUSTOM'"),
        ({"ami_type": "AL2023_ARM_64_STANDARD"}, "ami_type: got AL2023_ARM_64_STANDARD with m6i.large"),
        ({"image_id": "latest"}, "image_id: got 'latest'; expected the ID of an image"),
        ({"image_id": "ami-0123456789abcdef0", "kubernetes_version": "1.35"}, "kubernetes_version: got one with image"),
        ({"disk_size_gib": 10}, "disk_size_gib: got 10; expected 20"),
        ({"throughput": 1000}, "throughput: got 1000"),
        ({"resources": {"pods": "500"}}, r"resources\['pods'\]: got '500'; expected none: set max_pods"),
        ({"max_pods": 0}, "max_pods: got 0; expected 1 to 1000"),
        ({"hop_limit": 3}, "hop_limit: got 3"),
        ({"labels": {"kubernetes.io/role": "web"}}, r"labels\['kubernetes.io/role'\]"),
        ({"user_data": "echo hello"}, "user_data: got 'echo hello'; expected a script"),
        ({"user_data": MIME}, "user_data: got 'MIME-Version: 1.0'"),
        ({**TOML, "user_data": "echo hello"}, "user_data: got .echo hello.; expected TOML"),
        ({**TOML, "user_data": "[settings.kubernetes]\na = 9"}, "user_data: got .*expected tables other than"),
        (
            {**TOML, "user_data": "[settings.kubernetes]\nmax-pods = 9"},
            "user_data: got 'max-pods = 9'; expected no number",
        ),
        ({"node_role_policies": ["x"]}, r"node_role_policies\[0\]: got 'x'"),
        ({"tags": {f"{PREFIX}/enabled": "false"}}, r"tags\['k8s.io/cluster-autoscaler/enabled'\]: got"),
        ({"tags": {f"kubernetes.io/cluster/{CLUSTER}": "shared"}}, "the group gets these tags by itself"),
        ({"tags": {f"key{i}": "x" for i in range(46)}}, "resources: got 4 tags in addition to the 47 of the owning"),
    ],
)
def test_what_cannot_work_is_refused_at_preview(args, refused):
    with pytest.raises(FaultsError, match=refused):
        group(Cloud(preview=True), **args)


def test_all_errors_are_reported_together():
    with pytest.raises(FaultsError) as found:
        group(Cloud(preview=True), min_size=9, hop_limit=3, iops=1)
    assert [fault.path for fault in found.value.faults] == ["min_size", "iops", "hop_limit"]


def test_a_name_that_is_too_long_for_the_role_is_refused():
    for name, fits in (("n" * 51, True), ("n" * 52, False)):
        if fits:
            run(lambda name=name: SelfManagedNodeGroup(name, BASE))
        else:
            with pytest.raises(FaultsError, match="1 to 51 letters"):
                run(lambda name=name: SelfManagedNodeGroup(name, BASE))

"""The component ``eks:index:Cluster``, made by the real engine; what it is made of is only echoed, not real."""

import json
import os
import sys
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.eks import aws_cli
from sandbox.providers.eks.arguments import failures
from sandbox.providers.eks.provider import EksPackage, EksServicer
from sandbox.providers.rpc import Servicer
from sandbox.tests.providers.eks.echo_aws import ISSUER, Echo
from sandbox.tests.providers.program import Program
from sandbox.tests.providers.protocol_client import connected, serving

OURS = """
import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
private = [aws.ec2.Subnet(f"private-{zone}", vpc_id=vpc.id) for zone in "ab"]
public = aws.ec2.Subnet("public", vpc_id=vpc.id)
made = eks.Cluster(
    "main",
    name="demo",
    version="1.36",
    vpc_id=vpc.id,
    private_subnet_ids=[each.id for each in private],
    public_subnet_ids=[public.id],
    endpoint_private_access=True,
    endpoint_public_access=True,
    public_access_cidrs=["192.0.2.0/24"],
    authentication_mode=eks.AuthenticationMode.API,
    access_entries={
        "admin": eks.AccessEntryArgs(
            principal_arn="arn:aws:iam::123456789012:role/admin",
            access_policies={
                "all": eks.AccessPolicyAssociationArgs(
                    policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                )
            },
        )
    },
    skip_default_node_group=True,
    skip_default_security_groups=True,
    use_default_vpc_cni=True,
    coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
    kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
    create_oidc_provider=False,
    tags={"team": "TEAM"},
)
pulumi.export("name", made.eks_cluster.name)
pulumi.export("issuer", made.oidc_issuer)
pulumi.export("provider url", made.oidc_provider_url)
pulumi.export("provider arn", made.oidc_provider_arn)
pulumi.export("group", made.cluster_security_group_id)
pulumi.export("kubeconfig", made.kubeconfig)
pulumi.export("kubeconfig text", made.kubeconfig_json)
pulumi.export("core", {"vpc": made.core.vpc_id, "subnets": made.core.subnet_ids, "endpoint": made.core.endpoint})
pulumi.export("no node group", made.default_node_group.apply(lambda found: found is None))
"""


@pytest.fixture
def aws():
    return Echo("aws")


@pytest.fixture
def kubernetes():
    return Echo("kubernetes")


@pytest.fixture
def eks_port(monkeypatch):
    # The package demands an AWS CLI; the sandbox's is next to its Python.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with serving(EksServicer(EksPackage())) as port:
        yield port


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("aws-cli/2.7.0 Python/3.9", None),
        ("aws-cli/1.24.0 Python/3.9", None),
        ("aws-cli/1.23.9 Python/3.9", "At least v1.24.0 of aws-cli is required. Current version is: 1.23.9."),
        ("aws-cli/2.6.4 Python/3.9", "At least v2.7.0 of aws-cli is required. Current version is: 2.6.4."),
        ("nothing", "which names no version"),
    ],
)
def test_an_aws_cli_that_is_too_old_is_refused(answer, expected):
    found = aws_cli.fault_of(answer)
    assert found is None if expected is None else expected in found


def test_a_missing_aws_cli_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Could not find aws CLI for EKS" in aws_cli.fault()


@pytest.fixture
def program(sandbox, tools, tmp_path, aws, kubernetes, eks_port):
    with serving(Servicer(aws)) as aws_port, serving(Servicer(kubernetes)) as kubernetes_port:
        ports = {"aws": aws_port, "kubernetes": kubernetes_port, "eks": eks_port}
        yield Program(sandbox.layout, tmp_path / "program", ports)


def test_the_cluster_of_a_program_is_planned_made_changed_and_removed(program, aws):
    program.write(OURS.replace("TEAM", "red"))
    planned = program.run("preview", "--diff")
    assert "+ eks:index:Cluster: (create)" in planned
    assert "+ aws:eks/cluster:Cluster: (create)" in planned

    aws.made.clear()
    program.up()
    assert {name: kind for name, (kind, _) in aws.made.items()} == {
        "vpc": "aws:ec2/vpc:Vpc",
        "private-a": "aws:ec2/subnet:Subnet",
        "private-b": "aws:ec2/subnet:Subnet",
        "public": "aws:ec2/subnet:Subnet",
        "main-eksRole-role": "aws:iam/role:Role",
        "main-eksRole-4b490823": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "main-eksCluster": "aws:eks/cluster:Cluster",
        "main-admin": "aws:eks/accessEntry:AccessEntry",
        "main-admin-all": "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    }
    _, cluster = aws.made["main-eksCluster"]
    assert cluster == {
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        "bootstrapSelfManagedAddons": True,
        "name": "demo",
        "roleArn": "arn:aws-cn:service:cn-north-1:123456789012:main-eksRole-role",
        "tags": {"Name": "main-eksCluster", "team": "red"},
        "version": "1.36",
        "vpcConfig": {
            "endpointPrivateAccess": True,
            "endpointPublicAccess": True,
            "publicAccessCidrs": ["192.0.2.0/24"],
            "subnetIds": ["public-id", "private-a-id", "private-b-id"],
        },
    }
    _, attachment = aws.made["main-eksRole-4b490823"]
    assert attachment["policyArn"] == "arn:aws-cn:iam::aws:policy/AmazonEKSClusterPolicy"
    _, role = aws.made["main-eksRole-role"]
    assert json.loads(role["assumeRolePolicy"])["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    _, association = aws.made["main-admin-all"]
    assert association == {
        "accessScope": {"type": "cluster"},
        "clusterName": "demo",
        "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        "principalArn": "arn:aws:iam::123456789012:role/admin",
    }

    outputs = program.outputs()
    kubeconfig = outputs.pop("kubeconfig")
    assert json.loads(outputs.pop("kubeconfig text")) == kubeconfig
    assert kubeconfig["clusters"][0]["cluster"] == {
        "server": "https://endpoint.invalid",
        "certificate-authority-data": "Q0E=",
    }
    login = kubeconfig["users"][0]["user"]["exec"]
    assert [login["command"], *login["args"]] == (
        ["aws", "--region", "cn-north-1", "eks", "get-token", "--cluster-name", "demo", "--output", "json"]
    )
    assert outputs == {
        "core": {
            "endpoint": "https://endpoint.invalid",
            "subnets": ["public-id", "private-a-id", "private-b-id"],
            "vpc": "vpc-id",
        },
        "group": "sg-of-eks",
        "issuer": ISSUER.removeprefix("https://"),
        "name": "demo",
        "no node group": True,
        "provider arn": "",
        "provider url": ISSUER,
    }

    program.run("preview", "--expect-no-changes")
    program.write(OURS.replace("TEAM", "blue"))
    changed = program.run("preview", "--diff")
    assert "~ aws:eks/cluster:Cluster: (update)" in changed
    assert "replace" not in changed
    program.up()
    program.run("destroy", "--yes", "--skip-preview")
    assert aws.made == {}


def test_the_oidc_provider_is_made_on_request_and_kube_proxy_unless_refused(program, aws):
    kube_proxy = "kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),"
    program.write(OURS.replace("create_oidc_provider=False", "create_oidc_provider=True").replace(kube_proxy, ""))
    program.up()
    assert aws.made["main-kube-proxy"][1]["addonVersion"] == "v1-of-kube-proxy"
    assert aws.made["main-oidcProvider"][1] == {"clientIdLists": ["sts.amazonaws.com"], "url": ISSUER}
    assert program.outputs()["provider arn"].endswith(":main-oidcProvider")
    program.run("destroy", "--yes", "--skip-preview")


def test_two_clusters_are_made_at_once_in_one_program(program, aws):
    program.write(
        "import pulumi_eks as eks\n"
        "for name in ('one', 'two'):\n"
        "    eks.Cluster(name, vpc_id='vpc', subnet_ids=['s'], skip_default_node_group=True,\n"
        "        skip_default_security_groups=True, use_default_vpc_cni=True, authentication_mode='API',\n"
        "        coredns_addon_options={'enabled': False}, kube_proxy_addon_options={'enabled': False})\n"
    )
    program.up()
    urns = {name: each["urn"] for name, each in program.resources().items()}
    assert {name for name in aws.made if name.endswith("eksCluster")} == {"one-eksCluster", "two-eksCluster"}
    assert "eks:index:Cluster$aws:eks/cluster:Cluster" in urns["two-eksCluster"]


def test_what_is_not_done_stops_the_preview_by_name_without_a_traceback(program):
    program.write(
        "import pulumi_eks as eks\n"
        "eks.Cluster('main', vpc_id='vpc', subnet_ids=['s'], instance_type='t3.medium', fargate=True)\n"
    )
    output = program.run("preview", fails=True)
    for name in ("instanceType", "fargate", "skipDefaultNodeGroup"):
        assert name in output
    assert "the default node group; make node groups of your own" in output
    assert "Traceback" not in output
    assert "File " not in output


SWITCHED_OFF = {"enabled": False, "resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "OVERWRITE"}
RIGHT = {
    "authenticationMode": "API",
    "skipDefaultNodeGroup": True,
    "skipDefaultSecurityGroups": True,
    "subnetIds": ["s"],
    "useDefaultVpcCni": True,
    "vpcId": "vpc",
}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (RIGHT, {}),
        ({}, RIGHT.keys()),
        (RIGHT | {"privateSubnetIds": ["p"]}, {"subnetIds"}),
        (RIGHT | {"skipDefaultNodeGroup": False}, {"skipDefaultNodeGroup"}),
        (RIGHT | {"corednsAddonOptions": {"enabled": False}, "kubeProxyAddonOptions": {"enabled": True}}, {}),
        # What the SDK sends with `enabled=False`.
        (RIGHT | dict.fromkeys(("corednsAddonOptions", "kubeProxyAddonOptions"), SWITCHED_OFF), {}),
        (RIGHT | {"corednsAddonOptions": {"enabled": True}}, {"corednsAddonOptions.enabled"}),
        (RIGHT | {"kubeProxyAddonOptions": {"version": "v9"}}, {"kubeProxyAddonOptions.version"}),
        (RIGHT | {"publicAccessCidrs": ["192.0.2.0/24"], "endpointPublicAccess": False}, {"publicAccessCidrs"}),
        (RIGHT | {"authenticationMode": "NONE"}, {"authenticationMode"}),
        (RIGHT | {"authenticationMode": "API_AND_CONFIG_MAP"}, {"authenticationMode"}),
        (RIGHT | {"accessEntries": {"a": {}}}, {"accessEntries.a.principalArn"}),
        (RIGHT | {"instanceRoles": [{}], "clusterTags": {"a": "b"}}, {"instanceRoles", "clusterTags"}),
        (RIGHT | {"roleMappings": [], "userMappings": []}, {"roleMappings", "userMappings"}),
        (RIGHT | {"versoin": "1.36", "version": 1.36}, {"versoin", "version"}),
        (RIGHT | {"storageClasses": {"gp3": {}}, "autoMode": {"enabled": True}}, {"storageClasses", "autoMode"}),
        (RIGHT | {"gpu": False, "fargate": None}, {}),
    ],
)
def test_wrong_arguments_are_reported_together(inputs, expected):
    assert {each.property for each in failures(inputs)} == set(expected)


def test_everything_else_in_the_package_is_refused_by_name(eks_port):
    with connected(eks_port, "eks") as engine:
        for call, request, name in (
            (
                "Construct",
                provider_pb2.ConstructRequest(type="eks:index:ManagedNodeGroup", name="x"),
                "ManagedNodeGroup",
            ),
            ("Call", provider_pb2.CallRequest(tok="eks:index:Cluster/getKubeconfig"), "Call"),
        ):
            with pytest.raises(grpc.RpcError) as error:
                getattr(engine.stub, call)(request)
            assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
            assert name in error.value.details()

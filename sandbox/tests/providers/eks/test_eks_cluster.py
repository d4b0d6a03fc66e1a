"""The component ``eks:index:Cluster``: what it refuses before it makes anything, and how a user of it logs in.

What it makes, the end-to-end tests of the program and of the example with pulumi-eks see.
"""

import os
import sys
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.providers.eks import aws_cli
from sandbox.providers.eks.arguments import failures
from sandbox.providers.eks.kubeconfig import kubeconfig
from sandbox.providers.eks.provider import EksPackage, EksServicer
from sandbox.providers.values import encode
from sandbox.tests.providers.protocol_client import connected, serving


@pytest.fixture
def engine(monkeypatch):
    # The package demands an AWS CLI; the sandbox's is next to its Python.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with serving(EksServicer(EksPackage())) as port, connected(port, "eks") as engine:
        yield engine


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


SWITCHED_OFF = {"enabled": False, "resolveConflictsOnCreate": "OVERWRITE", "resolveConflictsOnUpdate": "OVERWRITE"}
RIGHT = {
    "authenticationMode": "API",
    "privateSubnetIds": ["s"],
    "skipDefaultNodeGroup": True,
    "skipDefaultSecurityGroups": True,
    "useDefaultVpcCni": True,
    "vpcId": "vpc",
}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (RIGHT, {}),
        ({}, RIGHT.keys()),
        (RIGHT | {"subnetIds": ["p"]}, {"subnetIds"}),
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


def test_wrong_arguments_stop_the_program_by_name_without_a_traceback(engine):
    inputs = encode({"vpcId": "vpc", "privateSubnetIds": ["s"], "fargate": True})
    request = provider_pb2.ConstructRequest(type="eks:index:Cluster", name="main", inputs=inputs)
    with pytest.raises(grpc.RpcError) as error:
        engine.stub.Construct(request)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "eks:index:Cluster 'main' cannot be made" in error.value.details()
    status = dict(error.value.trailing_metadata())["grpc-status-details-bin"]
    for text in (b"fargate", b"the default node group; create separate node groups"):
        assert text in status
    assert b"Traceback" not in status


@pytest.mark.parametrize(
    ("call", "asked", "name"),
    [
        ("Construct", provider_pb2.ConstructRequest(type="eks:index:ManagedNodeGroup"), "ManagedNodeGroup"),
        ("Call", provider_pb2.CallRequest(tok="eks:index:Cluster/getKubeconfig"), "Call"),
    ],
)
def test_everything_else_in_the_package_is_refused_by_name(engine, call, asked, name):
    with pytest.raises(grpc.RpcError) as error:
        getattr(engine.stub, call)(asked)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert name in error.value.details()


def test_the_user_of_the_kubeconfig_logs_in_by_the_aws_cli_in_the_region_of_the_cluster():
    made = kubeconfig("demo", "arn:aws-cn:eks:cn-north-1:123456789012:cluster/demo", "https://endpoint.invalid", "Q0E=")
    assert made["clusters"][0]["cluster"] == {
        "server": "https://endpoint.invalid",
        "certificate-authority-data": "Q0E=",
    }
    login = made["users"][0]["user"]["exec"]
    assert [login["command"], *login["args"]] == (
        ["aws", "--region", "cn-north-1", "eks", "get-token", "--cluster-name", "demo", "--output", "json"]
    )

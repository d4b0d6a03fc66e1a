"""One emulated AWS for all tests of a worker: its own process, port and state. Names are unique, so order is free."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.tests.aws.support import NODE_TRUST, REGION, SUBNETS, Aws, Cluster, Emulator, trust


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("aws") / "state")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def aws(emulator: Emulator) -> Aws:
    """Makes clients of the emulator."""
    return emulator.client


_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"n{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def node_role(aws: Aws, name: str) -> str:
    """ARN of a role for nodes."""
    iam = aws("iam")
    role = iam.create_role(RoleName=f"{name}-node", AssumeRolePolicyDocument=trust(NODE_TRUST))["Role"]
    iam.attach_role_policy(RoleName=f"{name}-node", PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")
    return str(role["Arn"])


@pytest.fixture
def creating_cluster(aws: Aws, name: str) -> Cluster:
    """A cluster that waits for its control plane."""
    role = aws("iam").create_role(
        RoleName=f"{name}-cluster",
        AssumeRolePolicyDocument=trust({"Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}),
    )["Role"]["Arn"]
    cluster = aws("eks").create_cluster(
        name=name,
        roleArn=role,
        version="1.34",
        resourcesVpcConfig={"subnetIds": SUBNETS},
        accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"},
    )["cluster"]
    return Cluster(name, cluster["arn"], cluster["identity"]["oidc"]["issuer"])


@pytest.fixture
def cluster(emulator: Emulator, creating_cluster: Cluster) -> Cluster:
    """An active cluster."""
    emulator.private(
        "POST",
        f"clusters/{REGION}/{creating_cluster.name}",
        {"endpoint": "https://127.0.0.1:6443", "certificateAuthority": "Q0E=", "jwks": creating_cluster.jwks},
    )
    return creating_cluster


@pytest.fixture
def node_group(aws: Aws, cluster: Cluster, node_role: str) -> dict[str, Any]:
    """A managed node group of two instances, at most five."""
    aws("eks").create_nodegroup(
        clusterName=cluster.name,
        nodegroupName="workers",
        subnets=SUBNETS,
        nodeRole=node_role,
        instanceTypes=["m5.large"],
        scalingConfig={"minSize": 1, "maxSize": 5, "desiredSize": 2},
        tags={"team": "platform"},
    )
    group: dict[str, Any] = aws("eks").describe_nodegroup(clusterName=cluster.name, nodegroupName="workers")[
        "nodegroup"
    ]
    return group


@pytest.fixture
def scaling_group(aws: Aws, name: str) -> Callable[..., str]:
    """Makes self-managed Auto Scaling groups; returns their names."""
    template = aws("ec2").create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"ImageId": "ami-0c2023a1b2c3d4e5f", "InstanceType": "m5.large"},
    )["LaunchTemplate"]["LaunchTemplateId"]

    def create(suffix: str = "", **settings: Any) -> str:
        tags = settings.pop("tags", {})
        group = name + suffix
        sizes = {"MinSize": 0, "MaxSize": 5, "DesiredCapacity": 2}
        aws("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=group,
            LaunchTemplate={"LaunchTemplateId": template},
            VPCZoneIdentifier=",".join(SUBNETS),
            Tags=[
                {
                    "ResourceId": group,
                    "ResourceType": "auto-scaling-group",
                    "Key": key,
                    "Value": value,
                    "PropagateAtLaunch": True,
                }
                for key, value in tags.items()
            ],
            **(sizes | settings),
        )
        return group

    return create

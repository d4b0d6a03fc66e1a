"""A stack of the program in the sandbox, edited and driven by the plain commands that a user would type."""

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from sandbox.tests.harness import Sandbox

PROJECT = "eks-cluster-autoscaler"

AGENT = "eks-pod-identity-agent"


class Step(NamedTuple):
    """One operation of a preview."""

    op: str
    type: str
    name: str


class Stack:
    """One stack, with its settings in a file of the test's own."""

    def __init__(self, sandbox: Sandbox, environment: str, name: str | None = None) -> None:
        self.sandbox = sandbox
        self.name = name or environment
        self.project = sandbox.layout.project
        self._file = sandbox.layout.root / f"Pulumi.{self.name}.yaml"
        self.document: dict[str, Any] = yaml.safe_load((self.project / f"Pulumi.{environment}.yaml").read_text())
        settings_file = self.project / f"Pulumi.{self.name}.yaml"
        shipped = settings_file.exists()
        self.pulumi("stack", "select", "--create", self.name)
        if not shipped:
            # The command writes a salt next to the program; the settings of tests are elsewhere.
            settings_file.unlink(missing_ok=True)

    @property
    def config(self) -> dict[str, Any]:
        """The settings, value by full key."""
        return self.document["config"]  # type: ignore[no-any-return]

    def set(self, key: str, value: object) -> None:
        """Set one setting of the project."""
        self.config[f"{PROJECT}:{key}"] = value

    def get(self, key: str) -> Any:
        """One setting of the project."""
        return self.config[f"{PROJECT}:{key}"]

    def edited(self, **changes: object) -> "Edited":
        """The stack with other settings for the length of a with-block."""
        return Edited(self, changes)

    def pulumi(self, *arguments: str, check: bool = True) -> str:
        """Run a command that takes no settings."""
        return self.sandbox.pulumi(*arguments, check=check)

    def up(self, *options: str, check: bool = True) -> str:
        """`pulumi up`, without asking."""
        return self._with_settings("up", "--yes", "--skip-preview", *options, check=check)

    def refresh(self, *options: str, check: bool = True) -> str:
        """`pulumi refresh`, without asking."""
        return self._with_settings("refresh", "--yes", "--skip-preview", *options, check=check)

    def destroy(self, *options: str, check: bool = True) -> str:
        """`pulumi destroy`, without asking."""
        return self._with_settings("destroy", "--yes", "--skip-preview", *options, check=check)

    def import_(self, file: Path) -> str:
        """`pulumi import` of the resources in a file, unprotected."""
        options = ["--yes", "--skip-preview", "--protect=false", "--generate-code=false", "--file", str(file)]
        return self._with_settings("import", *options)

    def preview(self, *options: str, check: bool = True) -> str:
        """What `pulumi preview --diff` prints."""
        return self._with_settings("preview", "--diff", *options, check=check)

    def planned(self, *options: str) -> list[Step]:
        """The operations that a preview plans, without those that change nothing."""
        self._write()
        plan = self.sandbox.pulumi_json(
            "preview", "--json", "--stack", self.name, "--config-file", str(self._file), *options
        )
        return [
            Step(step["op"], step["urn"].split("::")[2].split("$")[-1], step["urn"].split("::")[-1])
            for step in plan.get("steps", [])
            if step["op"] not in ("same", "refresh")
        ]

    def counted(self, *options: str) -> Counter[tuple[str, str]]:
        """How many operations of each kind and type a preview plans, components left out."""
        return Counter((s.op, s.type) for s in self.planned(*options) if not s.type.startswith(f"{PROJECT}:"))

    def outputs(self) -> Any:
        """The outputs of the stack."""
        return self.sandbox.pulumi_json("stack", "output", "--json", "--stack", self.name)

    def command(self, *arguments: str) -> list[str | Path]:
        """The command line of a command that takes settings, for another process to run."""
        self._write()
        return self.sandbox.pulumi_command(*arguments, *self._settings())

    def _with_settings(self, *arguments: str, check: bool = True) -> str:
        self._write()
        return self.pulumi(*arguments, *self._settings(), check=check)

    def _settings(self) -> list[str]:
        return ["--stack", self.name, "--config-file", str(self._file)]

    def _write(self) -> None:
        self._file.write_text(yaml.safe_dump(self.document))


class Edited:
    """Settings changed for the length of a with-block; `document` of the stack is put back afterwards."""

    def __init__(self, stack: Stack, changes: dict[str, object]) -> None:
        self._stack, self._changes = stack, changes
        self._before = copy.deepcopy(stack.document)

    def __enter__(self) -> Stack:
        for key, value in self._changes.items():
            self._stack.set(key, value)
        return self._stack

    def __exit__(self, *_: object) -> None:
        self._stack.document = self._before


def inventory(sandbox: Sandbox) -> dict[str, list[str]]:
    """What there is in the emulated AWS, by kind: to compare before and after."""
    eks, iam, ec2, asg = (sandbox.client(service) for service in ("eks", "iam", "ec2", "autoscaling"))
    clusters = sorted(eks.list_clusters()["clusters"])
    return {
        "clusters": clusters,
        "node groups": sorted(n for c in clusters for n in eks.list_nodegroups(clusterName=c)["nodegroups"]),
        "roles": sorted(role["RoleName"] for role in iam.list_roles()["Roles"]),
        "policies": sorted(policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]),
        "providers": sorted(p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]),
        "groups": sorted(g["AutoScalingGroupName"] for g in asg.describe_auto_scaling_groups()["AutoScalingGroups"]),
        "tags of groups": sorted(f"{t['ResourceId']} {t['Key']}" for t in asg.describe_tags()["Tags"]),
        "addresses": sorted(a["AllocationId"] for a in ec2.describe_addresses()["Addresses"]),
        "internet gateways": sorted(
            g["InternetGatewayId"] for g in ec2.describe_internet_gateways()["InternetGateways"]
        ),
        "egress-only gateways": sorted(
            g["EgressOnlyInternetGatewayId"]
            for g in ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
        ),
        "NAT gateways": sorted(
            g["NatGatewayId"] for g in ec2.describe_nat_gateways()["NatGateways"] if g["State"] != "deleted"
        ),
        "route tables": sorted(t["RouteTableId"] for t in ec2.describe_route_tables()["RouteTables"]),
        "security groups": sorted(g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]),
        "VPC endpoints": sorted(e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]),
        "network interfaces": sorted(
            i["NetworkInterfaceId"] for i in ec2.describe_network_interfaces()["NetworkInterfaces"]
        ),
        "vpcs": sorted(v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]),
        "subnets": sorted(s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]),
        "launch templates": sorted(t["LaunchTemplateId"] for t in ec2.describe_launch_templates()["LaunchTemplates"]),
        "instances": sorted(
            i["InstanceId"]
            for r in ec2.describe_instances()["Reservations"]
            for i in r["Instances"]
            if i["State"]["Name"] not in ("terminated", "shutting-down")
        ),
    }


def remove_shared(sandbox: Sandbox, cluster: str) -> None:
    """Remove what the workloads of an adopted cluster share, and a stack therefore leaves: provider and add-ons."""
    eks, iam = sandbox.client("eks"), sandbox.client("iam")
    issuer = eks.describe_cluster(name=cluster)["cluster"]["identity"]["oidc"]["issuer"].removeprefix("https://")
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        if provider["Arn"].endswith(issuer):
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    for name in eks.list_addons(clusterName=cluster)["addons"]:
        eks.delete_addon(clusterName=cluster, addonName=name)


def remove_agent(sandbox: Sandbox, cluster: str) -> None:
    """Remove the agent of EKS Pod Identity, if there is one."""
    eks = sandbox.client("eks")
    if AGENT in eks.list_addons(clusterName=cluster)["addons"]:
        eks.delete_addon(clusterName=cluster, addonName=AGENT)


def read_json(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())

"""What a killed `pulumi up` made in AWS without being able to record it, as a file for `pulumi import`.

    pulumi stack export --stack dev | python scripts/pending_creates.py > interrupted.json

The engine writes down what it begins to create; if it dies before AWS answers, it cannot know whether that exists, and
the next `up` makes it again. This searches each such resource by its inputs, in the AWS account of
the environment. It changes nothing: it prints what to run next on stderr.

(`pulumi refresh --import-pending-creates`, made for this, forgets the resource instead: seen with Pulumi 3.259.0.)
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

Inputs = Mapping[str, Any]
Clients = Callable[[str], Any]
"""Service -> boto3 client."""

_NOT_THERE = {"NoSuchEntity", "ResourceNotFoundException"}


class Pending(NamedTuple):
    """A creation whose end is not known."""

    urn: str
    type: str
    inputs: Inputs
    parent: str
    provider: str


class Finding(NamedTuple):
    """What is known of the pending creations of one resource.

    Attributes:
        pending: The creation, as it was tried last.
        ids: What AWS has that fits and that the stack does not own; None for a type that may be made again.
        owned: The ID under which the stack owns it: a later `up` made it once more.
    """

    pending: Pending
    ids: list[str] | None
    owned: str | None


def pending_creates(export: Mapping[str, Any]) -> list[Pending]:
    """The creations under way when the engine died, from `pulumi stack export`; components are not in AWS."""
    operations = export["deployment"].get("pending_operations") or []
    resources = [
        each["resource"] for each in operations if each["type"] == "creating" and each["resource"].get("custom")
    ]
    return [
        Pending(
            urn=each["urn"],
            type=each["type"],
            inputs=each.get("inputs") or {},
            parent=each.get("parent", ""),
            provider=each.get("provider", "").rpartition("::")[0],
        )
        for each in resources
    ]


def search(export: Mapping[str, Any], clients: Clients) -> list[Finding]:
    """Search each resource whose creation is pending, with the inputs of each time that it was tried."""
    resources = export["deployment"].get("resources") or []
    owned = {each["urn"]: each["id"] for each in resources if each.get("id")}
    tried: dict[str, list[Pending]] = {}
    for each in pending_creates(export):
        tried.setdefault(each.urn, []).append(each)
    findings = []
    for urn, tries in tried.items():
        find = _FINDERS.get(tries[0].type)
        ids = {i: None for each in tries for i in find(clients, each.inputs)} if find else None
        fitting = None if ids is None else [i for i in ids if i not in owned.values()]
        findings.append(Finding(tries[-1], fitting, owned.get(urn)))
    return findings


def import_file(findings: list[Finding]) -> dict[str, Any]:
    """What `pulumi import --file` reads: the findings that the stack should own, each at its place in the program."""
    names: dict[str, str] = {}

    def name(urn: str) -> str:
        return names.setdefault(urn, f"n{len(names)}")

    entries = []
    for pending, ids, owned in findings:
        if ids and not owned:
            entry = {"type": pending.type, "name": pending.urn.split("::")[-1], "id": ids[0]}
            places = {"parent": pending.parent, "provider": pending.provider}
            entries.append(entry | {role: name(urn) for role, urn in places.items() if urn})
    return {"nameTable": {short: urn for urn, short in names.items()}, "resources": entries}


def advice(findings: list[Finding]) -> str:
    """What the user reads: each finding with its evidence, then what to do."""
    if not findings:
        return "No creation was interrupted; nothing to do.\n"
    lines = [f"Interrupted creations: {len(findings)}"]
    lines += [f"  {each.pending.type} {each.pending.urn.split('::')[-1]}: {_outcome(each)}" for each in findings]
    lines += ["", "If what was found is this stack's own, and no other `up` of it runs:", ""]
    importable = [each for each in findings if each.ids and not each.owned]
    lines += [f"  {command}" for each in importable if (command := _wait(each))]
    if importable:
        lines += ["  pulumi import --file interrupted.json --protect=false --generate-code=false"]
    return "\n".join([*lines, "  pulumi refresh --clear-pending-creates", "  pulumi up"]) + "\n"


def _wait(finding: Finding) -> str | None:
    """The command that waits until AWS has created what was found: the provider's Read does not wait."""
    wait = _WAITS.get(finding.pending.type)
    return wait.format(**finding.pending.inputs, id=(finding.ids or [""])[0]) if wait else None


def _outcome(finding: Finding) -> str:
    ids, evidence = finding.ids, _evidence(finding.pending.inputs)
    if ids is None:
        return "creating it again does no harm"
    if not ids:
        return "nothing is left of it" if finding.owned else "was not made"
    if finding.owned:
        return f"{finding.owned} was made since; delete what is left over: {', '.join(ids)}{evidence}"
    if len(ids) > 1:
        return f"{' and '.join(ids)} fit{evidence}: have the stack's own in the file, and delete what is left over"
    return f"made, as {ids[0]}{evidence}"


def _evidence(inputs: Inputs) -> str:
    tags = inputs.get("tags")
    return f" (by its tags {', '.join(f'{key}={value}' for key, value in tags.items())})" if tags else ""


# -- how to search: type -> the IDs of what fits the inputs ------------------------------------------------------------


def _by_tags(operation: str, key: str, id_key: str, **filters: str) -> Callable[[Clients, Inputs], list[str]]:
    """Of EC2, whose resources have no names: all tags fit, and so do the inputs behind further filters."""

    def find(clients: Clients, inputs: Inputs) -> list[str]:
        wanted = {f"tag:{name}": value for name, value in (inputs.get("tags") or {}).items()}
        wanted |= {name: inputs[source] for name, source in filters.items() if source in inputs}
        if not wanted:
            return []
        asked = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        answer = getattr(clients("ec2"), operation)(Filters=asked)
        return [each[id_key] for each in answer[key] if each.get("State") not in ("deleted", "deleting", "failed")]

    return find


def _there(ask: Callable[[], object], resource_id: str) -> list[str]:
    try:
        ask()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _NOT_THERE:
            return []
        raise
    return [resource_id]


def _role(clients: Clients, inputs: Inputs) -> list[str]:
    if "name" not in inputs:
        return _roles_behind(clients, inputs)
    return _there(lambda: clients("iam").get_role(RoleName=inputs["name"]), inputs["name"])


def _roles_behind(clients: Clients, inputs: Inputs) -> list[str]:
    """Return the roles that a `namePrefix` may have become, with the tags that they were to get.

    The provider chooses 26 hexadecimal digits at creation (PrefixedUniqueId of terraform-plugin-sdk's helper/id), so
    neither the inputs nor the engine's record hold the name.
    """
    name = re.compile(re.escape(inputs["namePrefix"]) + "[0-9a-f]{26}")
    iam, tags = clients("iam"), (inputs.get("tags") or {}).items()
    pages = iam.get_paginator("list_roles").paginate(PathPrefix=inputs.get("path") or "/")
    found = [each["RoleName"] for page in pages for each in page["Roles"] if name.fullmatch(each["RoleName"])]

    def tagged(role: str) -> bool:
        pages = iam.get_paginator("list_role_tags").paginate(RoleName=role)
        return tags <= {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}.items()

    return [role for role in found if tagged(role)]


def _policy(clients: Clients, inputs: Inputs) -> list[str]:
    pages = clients("iam").get_paginator("list_policies").paginate(Scope="Local")
    return [each["Arn"] for page in pages for each in page["Policies"] if each["PolicyName"] == inputs["name"]]


def _oidc_provider(clients: Clients, inputs: Inputs) -> list[str]:
    arns = [each["Arn"] for each in clients("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    return [arn for arn in arns if arn.endswith(f":oidc-provider/{inputs['url'].removeprefix('https://')}")]


def _cluster(clients: Clients, inputs: Inputs) -> list[str]:
    return _there(lambda: clients("eks").describe_cluster(name=inputs["name"]), inputs["name"])


def _node_group(clients: Clients, inputs: Inputs) -> list[str]:
    cluster, name = inputs["clusterName"], inputs["nodeGroupName"]
    return _there(
        lambda: clients("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name), f"{cluster}:{name}"
    )


def _addon(clients: Clients, inputs: Inputs) -> list[str]:
    cluster, name = inputs["clusterName"], inputs["addonName"]
    return _there(lambda: clients("eks").describe_addon(clusterName=cluster, addonName=name), f"{cluster}:{name}")


def _access_entry(clients: Clients, inputs: Inputs) -> list[str]:
    cluster, arn = inputs["clusterName"], inputs["principalArn"]
    return _there(
        lambda: clients("eks").describe_access_entry(clusterName=cluster, principalArn=arn), f"{cluster}:{arn}"
    )


def _association(clients: Clients, inputs: Inputs) -> list[str]:
    cluster = inputs["clusterName"]
    found = clients("eks").list_pod_identity_associations(
        clusterName=cluster, namespace=inputs["namespace"], serviceAccount=inputs["serviceAccount"]
    )
    return [f"{cluster},{each['associationId']}" for each in found["associations"]]


def _launch_template(clients: Clients, inputs: Inputs) -> list[str]:
    asked = [{"Name": "launch-template-name", "Values": [inputs["name"]]}]
    answer = clients("ec2").describe_launch_templates(Filters=asked)
    return [each["LaunchTemplateId"] for each in answer["LaunchTemplates"]]


def _route_table_association(clients: Clients, inputs: Inputs) -> list[str]:
    asked = [{"Name": "association.subnet-id", "Values": [inputs["subnetId"]]}]
    tables = clients("ec2").describe_route_tables(Filters=asked)["RouteTables"]
    return [
        f"{inputs['subnetId']}/{inputs['routeTableId']}"
        for table in tables
        for each in table["Associations"]
        if (each.get("SubnetId"), table["RouteTableId"]) == (inputs["subnetId"], inputs["routeTableId"])
    ]


_FINDERS: Mapping[str, Callable[[Clients, Inputs], list[str]]] = {
    "aws:ec2/eip:Eip": _by_tags("describe_addresses", "Addresses", "AllocationId"),
    "aws:ec2/internetGateway:InternetGateway": _by_tags(
        "describe_internet_gateways", "InternetGateways", "InternetGatewayId", **{"attachment.vpc-id": "vpcId"}
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "aws:ec2/natGateway:NatGateway": _by_tags(
        "describe_nat_gateways", "NatGateways", "NatGatewayId", **{"subnet-id": "subnetId"}
    ),
    "aws:ec2/routeTable:RouteTable": _by_tags(
        "describe_route_tables", "RouteTables", "RouteTableId", **{"vpc-id": "vpcId"}
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _route_table_association,
    "aws:ec2/securityGroup:SecurityGroup": _by_tags(
        "describe_security_groups", "SecurityGroups", "GroupId", **{"group-name": "name", "vpc-id": "vpcId"}
    ),
    "aws:ec2/subnet:Subnet": _by_tags(
        "describe_subnets", "Subnets", "SubnetId", **{"vpc-id": "vpcId", "cidr-block": "cidrBlock"}
    ),
    "aws:ec2/vpc:Vpc": _by_tags("describe_vpcs", "Vpcs", "VpcId", **{"cidr": "cidrBlock"}),
    "aws:eks/accessEntry:AccessEntry": _access_entry,
    "aws:eks/addon:Addon": _addon,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _association,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc_provider,
    "aws:iam/policy:Policy": _policy,
    "aws:iam/role:Role": _role,
}
"""All that the program makes, but what may be made twice to the same effect: attachments, tags, policy associations."""


_WAITS: Mapping[str, str] = {
    "aws:ec2/natGateway:NatGateway": "aws ec2 wait nat-gateway-available --nat-gateway-ids {id}",
    "aws:eks/addon:Addon": "aws eks wait addon-active --cluster-name {clusterName} --addon-name {addonName}",
    "aws:eks/cluster:Cluster": "aws eks wait cluster-active --name {name}",
    "aws:eks/nodeGroup:NodeGroup": (
        "aws eks wait nodegroup-active --cluster-name {clusterName} --nodegroup-name {nodeGroupName}"
    ),
}
"""What AWS creates in minutes, so that it may still be CREATING."""


def main(arguments: list[str]) -> int:
    """Read `pulumi stack export` from stdin, print the file and the advice; exit code 2 when that or AWS fails."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python scripts/pending_creates.py", description=__doc__, formatter_class=form
    )
    parser.parse_args(arguments)
    try:
        findings = search(json.load(sys.stdin), lambda service: boto3.client(service))  # type: ignore[call-overload]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"pending_creates: got no `pulumi stack export` on stdin ({error!r})", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"pending_creates: AWS could not be asked: {error}", file=sys.stderr)
        return 2
    print(json.dumps(import_file(findings), indent=2))
    print(advice(findings), end="", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Security groups."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import Ec2Resource, delete_when_unused, tag_specifications
from sandbox.providers.aws.resource import AutoName, Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs
from sandbox.providers.rpc import State

_GONE = "InvalidGroup.NotFound"


class SecurityGroup(Ec2Resource):
    """``aws.ec2.SecurityGroup``. ID: ``sg-...``."""

    resource = aws.ec2.SecurityGroup
    naming = AutoName("name", 255)
    defaults = MappingProxyType({"description": "Managed by Pulumi", "revokeRulesOnDelete": False})
    computed = frozenset({"egress", "ingress", "vpcId"})
    kept = frozenset({"revokeRulesOnDelete"})
    replaces = frozenset({"description", "name", "namePrefix", "vpcId"})

    def alike(self, path: str, actual: Any, wanted: Any) -> bool:
        """Protocol ``all`` is ``-1``."""
        return path in ("egress.protocol", "ingress.protocol") and {actual, wanted} == {"all", "-1"}

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the group."""
        request: dict[str, Any] = {
            "GroupName": inputs["name"],
            "Description": inputs["description"],
            "TagSpecifications": tag_specifications("security-group", inputs["tags"]),
        }
        if inputs.get("vpcId"):
            request["VpcId"] = inputs["vpcId"]
        return cloud.ec2.create_security_group(**request)["GroupId"]

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Sets the rules. The one that AWS makes, everything out, goes unless it is among them."""
        self._set_rules(cloud, resource_id, inputs, frozenset({"egress", "ingress"}))

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The group with its rules."""
        group = self._describe(cloud, old.id)
        if group is None:
            return None
        return {
            "arn": cloud.arn("ec2", f"security-group/{old.id}"),
            "description": group["Description"],
            "egress": [_rule(each, old.id) for each in _permissions(group, "egress")],
            "ingress": [_rule(each, old.id) for each in _permissions(group, "ingress")],
            "name": group["GroupName"],
            "ownerId": group.get("OwnerId"),
            "tags": from_pairs(group.get("Tags")),
            "vpcId": group.get("VpcId"),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets the rules that changed."""
        self._set_rules(cloud, old.id, inputs, changed)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the group, once nothing uses it."""
        if old.outputs.get("revokeRulesOnDelete"):
            self._set_rules(cloud, old.id, {}, frozenset({"egress", "ingress"}))
        delete_when_unused(
            cloud, lambda: cloud.ec2.delete_security_group(GroupId=old.id), f"security group {old.id}", _GONE
        )

    @staticmethod
    def _describe(cloud: Cloud, group_id: str) -> Any:
        answer = found(lambda: cloud.ec2.describe_security_groups(GroupIds=[group_id]), _GONE)
        return answer["SecurityGroups"][0] if answer and answer["SecurityGroups"] else None

    def _set_rules(self, cloud: Cloud, group_id: str, inputs: Properties, which: frozenset[str]) -> None:
        group, ec2 = self._describe(cloud, group_id), cloud.ec2
        if group is None:
            return
        calls: Any = {
            "egress": (ec2.revoke_security_group_egress, ec2.authorize_security_group_egress),
            "ingress": (ec2.revoke_security_group_ingress, ec2.authorize_security_group_ingress),
        }
        for direction in sorted(which & calls.keys()):
            revoke, authorize = calls[direction]
            wanted = [_permission(rule, group_id) for rule in inputs.get(direction) or ()]
            present = [_permission(_rule(each, group_id), group_id) for each in _permissions(group, direction)]
            surplus = [each for each in present if each not in wanted]
            missing = [each for each in wanted if each not in present]
            if surplus:
                revoke(GroupId=group_id, IpPermissions=surplus)
            if missing:
                authorize(GroupId=group_id, IpPermissions=missing)


def _permissions(group: Any, direction: str) -> list[Any]:
    return list(group.get("IpPermissionsEgress" if direction == "egress" else "IpPermissions") or [])


def _rule(permission: Any, group_id: str) -> dict[str, Any]:
    """A permission of EC2 as a rule of the official provider."""
    peers = [each.get("GroupId") for each in permission.get("UserIdGroupPairs") or []]
    sources = [*(permission.get("IpRanges") or []), *(permission.get("UserIdGroupPairs") or [])]
    descriptions = [each["Description"] for each in sources if each.get("Description")]
    rule = {
        "cidrBlocks": [each["CidrIp"] for each in permission.get("IpRanges") or []],
        "description": descriptions[0] if descriptions else "",
        "fromPort": permission.get("FromPort", 0),
        "ipv6CidrBlocks": [each["CidrIpv6"] for each in permission.get("Ipv6Ranges") or []],
        "prefixListIds": [each["PrefixListId"] for each in permission.get("PrefixListIds") or []],
        "protocol": permission["IpProtocol"],
        "securityGroups": [peer for peer in peers if peer and peer != group_id],
        "self": group_id in peers,
        "toPort": permission.get("ToPort", 0),
    }
    if rule["protocol"] == "-1":
        rule |= {"fromPort": 0, "toPort": 0}
    return rule


def _permission(rule: Properties, group_id: str) -> dict[str, Any]:
    """A rule of the official provider as a permission of EC2, in a form that is the same for the same rule."""
    protocol = "-1" if rule["protocol"] in ("-1", "all") else rule["protocol"]
    permission: dict[str, Any] = {"IpProtocol": protocol}
    if protocol != "-1":
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    description = {"Description": rule["description"]} if rule.get("description") else {}
    peers = [*(rule.get("securityGroups") or []), *([group_id] if rule.get("self") else [])]
    sources = {
        "IpRanges": [{"CidrIp": each, **description} for each in sorted(rule.get("cidrBlocks") or [])],
        "Ipv6Ranges": [{"CidrIpv6": each, **description} for each in sorted(rule.get("ipv6CidrBlocks") or [])],
        "PrefixListIds": [{"PrefixListId": each} for each in sorted(rule.get("prefixListIds") or [])],
        "UserIdGroupPairs": [{"GroupId": each, **description} for each in sorted(peers)],
    }
    return permission | {name: values for name, values in sources.items() if values}

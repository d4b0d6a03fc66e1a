"""Security groups with the rules that they declare.

Imitates terraform-provider-aws internal/service/ec2/vpc_security_group.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2.common import Ec2Resource
from sandbox.providers.aws.resource import AutoName, Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.validators import cidr, length, matching
from sandbox.providers.rpc import Failure, State

_RULE = frozenset({"cidrBlocks", "fromPort", "protocol", "toPort"})

_EVERYWHERE: Any = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
"""The egress rule with which AWS makes every group."""


class SecurityGroup(Ec2Resource):
    """``aws.ec2.SecurityGroup`` with ingress rules from networks. ID: ``sg-...``."""

    resource = aws.ec2.SecurityGroup
    thing, kind, gone = "SecurityGroup", "security-group", ("InvalidGroup.NotFound", "InvalidGroupId.Malformed")
    supported = frozenset({"description", "ingress", "name", "namePrefix", "tags", "vpcId"})
    naming = AutoName("name", 255, matching("(?!sg-).*", "cannot begin with sg-"))
    # pulumi-aws provider/resources.go: Pulumi's own name instead of Terraform's.
    defaults = MappingProxyType({"description": "Managed by Pulumi"})
    computed = frozenset({"egress", "ingress", "vpcId"})
    replaces = frozenset({"description", "name", "namePrefix", "vpcId"})
    validators = MappingProxyType({"description": length(0, 255), "ingress.cidrBlocks": cidr})

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """Of a rule the stand-in knows networks only."""
        rules = inputs.get("ingress")
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            given = {name for name, value in rule.items() if value is not None}
            if given != _RULE:
                expected = f"{', '.join(sorted(_RULE))}: the sandbox's stand-in knows no others"
                yield Failure(f"ingress[{index}]", f"has {', '.join(sorted(given))}, expected {expected}")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Make it."""
        answer = cloud.ec2.create_security_group(
            GroupName=inputs["name"],
            Description=inputs["description"],
            **({"VpcId": inputs["vpcId"]} if inputs.get("vpcId") else {}),
            **self.tag_specifications(inputs),
        )
        return answer["GroupId"]

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Takes away the rule that AWS gives every group, then adds those of the program."""
        cloud.ec2.revoke_security_group_egress(GroupId=resource_id, IpPermissions=[_EVERYWHERE])
        if rules := [_permission(each) for each in inputs.get("ingress") or []]:
            cloud.ec2.authorize_security_group_ingress(GroupId=resource_id, IpPermissions=rules)

    def describe(self, cloud: Cloud, resource_id: str) -> Any:
        """The group; requests call it by another name than answers."""
        answer = found(lambda: cloud.ec2.describe_security_groups(GroupIds=[resource_id]), *self.gone)
        return next(iter(answer["SecurityGroups"]), None) if answer else None

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The group with its rules."""
        return {
            "description": thing["Description"],
            "egress": [_rule(each) for each in thing["IpPermissionsEgress"]],
            "ingress": [_rule(each) for each in thing["IpPermissions"]],
            "name": thing["GroupName"],
            "ownerId": thing["OwnerId"],
            "vpcId": thing["VpcId"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Removes rules, then adds rules (``updateSecurityGroupRules``)."""
        if "ingress" not in changed:
            return
        before, after = old.outputs.get("ingress") or [], inputs.get("ingress") or []
        if surplus := [_permission(each) for each in before if each not in after]:
            cloud.ec2.revoke_security_group_ingress(GroupId=old.id, IpPermissions=surplus)
        if missing := [_permission(each) for each in after if each not in before]:
            cloud.ec2.authorize_security_group_ingress(GroupId=old.id, IpPermissions=missing)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes it, once no network interface uses it any more."""
        self.when_unused(cloud, old, lambda: cloud.ec2.delete_security_group(GroupId=old.id))


def _permission(rule: Properties) -> Any:
    return {
        "IpProtocol": rule["protocol"],
        "FromPort": int(rule["fromPort"]),
        "ToPort": int(rule["toPort"]),
        "IpRanges": [{"CidrIp": network} for network in rule["cidrBlocks"]],
    }


def _rule(permission: Any) -> dict[str, Any]:
    return {
        "cidrBlocks": [each["CidrIp"] for each in permission["IpRanges"]],
        "fromPort": permission.get("FromPort", 0),
        "protocol": permission["IpProtocol"],
        "toPort": permission.get("ToPort", 0),
    }

"""Security groups, with rules of their own or with single rules beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.ec2 import security_rules
from sandbox.providers.aws.ec2.common import Ec2Resource, delete_when_unused, tag_specifications
from sandbox.providers.aws.resource import AutoName, Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs
from sandbox.providers.rpc import Failure, ProviderError, State

_GONE = "InvalidGroup.NotFound"
_DIRECTIONS = ("egress", "ingress")


class SecurityGroup(Ec2Resource):
    """``aws.ec2.SecurityGroup``. ID: ``sg-...``."""

    resource = aws.ec2.SecurityGroup
    naming = AutoName("name", 255)
    defaults = MappingProxyType({"description": "Managed by Pulumi", "revokeRulesOnDelete": False})
    computed = frozenset({"egress", "ingress", "vpcId"})
    kept = frozenset({"revokeRulesOnDelete"})
    replaces = frozenset({"description", "name", "namePrefix", "vpcId"})

    def alike(self, path: str, actual: Any, wanted: Any) -> bool:
        """Rules are the same if they open the same, however they are grouped and ordered."""
        if path not in _DIRECTIONS:
            return False
        ours, theirs = (
            frozenset().union(*(security_rules.of_rule(rule, "itself") for rule in rules)) for rules in (actual, wanted)
        )
        return bool(ours == theirs)

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
        for direction in _DIRECTIONS:
            _set_rules(cloud, resource_id, direction, inputs.get(direction) or [])

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The group with its rules."""
        group = _describe(cloud, old.id)
        if group is None:
            return None
        rules = {
            direction: [security_rules.to_rule(each, old.id) for each in security_rules.permissions(group, direction)]
            for direction in _DIRECTIONS
        }
        return {
            **rules,
            "arn": cloud.arn("ec2", f"security-group/{old.id}"),
            "description": group["Description"],
            "name": group["GroupName"],
            "ownerId": group.get("OwnerId"),
            "tags": from_pairs(group.get("Tags")),
            "vpcId": group.get("VpcId"),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets the rules that changed."""
        for direction in _DIRECTIONS:
            if direction in changed:
                _set_rules(cloud, old.id, direction, inputs.get(direction) or [])

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the group, once nothing uses it."""
        if old.outputs.get("revokeRulesOnDelete"):
            for direction in _DIRECTIONS:
                _set_rules(cloud, old.id, direction, [])
        delete_when_unused(
            cloud, lambda: cloud.ec2.delete_security_group(GroupId=old.id), f"security group {old.id}", _GONE
        )


class SecurityGroupRule(Ec2Resource):
    """``aws.ec2.SecurityGroupRule``: one rule of a group. ID: ``sgrule-<digest of what it opens>``.

    An import takes ``<group>_<type>_<protocol>_<from>_<to>_<source>`` with one or more sources.
    """

    resource = aws.ec2.SecurityGroupRule
    delete_before_replace = True
    replaces = frozenset(
        {
            "cidrBlocks",
            "fromPort",
            "ipv6CidrBlocks",
            "prefixListIds",
            "protocol",
            "securityGroupId",
            "self",
            "sourceSecurityGroupId",
            "toPort",
            "type",
        }
    )

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """A known direction, and somebody to open it for."""
        if isinstance(inputs["type"], str) and inputs["type"] not in _DIRECTIONS:
            yield Failure("type", f"{inputs['type']!r} is not one of {', '.join(_DIRECTIONS)}")
        peers = ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds", "self", "sourceSecurityGroupId")
        if not any(inputs.get(name) for name in peers):
            yield Failure("cidrBlocks", f"a rule needs at least one of {', '.join(peers)}")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Adds the rule to its group."""
        group_id, openings = inputs["securityGroupId"], self._openings(inputs)
        security_rules.authorize(cloud, group_id, inputs["type"], [security_rules.to_permission(openings)])
        text = repr((group_id, inputs["type"], sorted(security_rules.without_descriptions(openings))))
        return f"sgrule-{int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)}"

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The rule, if its group still has all of it."""
        rule = old.outputs if old.outputs.get("securityGroupId") else self._from_import(old.id)
        wanted = security_rules.without_descriptions(self._openings(rule))
        group = _describe(cloud, rule["securityGroupId"])
        live = {each for openings in _live(group, rule["type"]) for each in openings}
        mine = [each for each in live if security_rules.without_descriptions([each]) <= wanted]
        if len(mine) < len(wanted):
            return None
        same = self.arguments().fields.keys() - {"region"}
        return {**{name: rule.get(name) for name in same}, "description": sorted(mine)[0].description}

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Gives it another description, by adding it anew: ministack cannot change one in place."""
        self._remove(cloud, old.outputs)
        openings = self._openings(inputs)
        security_rules.authorize(
            cloud, inputs["securityGroupId"], inputs["type"], [security_rules.to_permission(openings)]
        )

    def delete(self, cloud: Cloud, old: State) -> None:
        """Takes the rule from its group."""
        if self.read(cloud, old):
            self._remove(cloud, old.outputs)

    def _remove(self, cloud: Cloud, rule: Properties) -> None:
        permission = security_rules.to_permission(self._openings(rule))
        security_rules.revoke(cloud, rule["securityGroupId"], rule["type"], [permission])

    @staticmethod
    def _openings(rule: Properties) -> frozenset[security_rules.Opening]:
        source = rule.get("sourceSecurityGroupId")
        return security_rules.of_rule({**rule, "securityGroups": [source] if source else []}, rule["securityGroupId"])

    @staticmethod
    def _from_import(resource_id: str) -> dict[str, Any]:
        parts = resource_id.split("_")
        if len(parts) < 6 or not (parts[3] + parts[4]).isdigit():
            form = "<group>_<type>_<protocol>_<from>_<to>_<source>"
            raise ProviderError(f"the ID {resource_id!r} is not of the form {form}")
        group_id, direction, protocol, first, last, *sources = parts
        groups = [each for each in sources if each.startswith("sg-")]
        blocks = [each for each in sources if "/" in each]
        return {
            "cidrBlocks": [each for each in blocks if ":" not in each],
            "fromPort": int(first),
            "ipv6CidrBlocks": [each for each in blocks if ":" in each],
            "prefixListIds": [each for each in sources if each.startswith("pl-")],
            "protocol": protocol,
            "securityGroupId": group_id,
            "self": "self" in sources,
            "sourceSecurityGroupId": groups[0] if groups else None,
            "toPort": int(last),
            "type": direction,
        }


def _describe(cloud: Cloud, group_id: str) -> Any:
    answer = found(lambda: cloud.ec2.describe_security_groups(GroupIds=[group_id]), _GONE)
    return answer["SecurityGroups"][0] if answer and answer["SecurityGroups"] else None


def _live(group: Any, direction: str) -> list[frozenset[security_rules.Opening]]:
    """The openings of a group, permission by permission."""
    return [security_rules.of_permission(each) for each in security_rules.permissions(group or {}, direction)]


def _set_rules(cloud: Cloud, group_id: str, direction: str, rules: list[Properties]) -> None:
    """Makes the rules of a group in one direction be these and no others."""
    group = _describe(cloud, group_id)
    if group is None:
        return
    wanted = frozenset().union(*(security_rules.of_rule(rule, group_id) for rule in rules))
    live = _live(group, direction)
    surplus = [openings for openings in live if openings - wanted]
    missing = wanted - frozenset().union(*(openings for openings in live if openings <= wanted))
    if surplus:
        security_rules.revoke(cloud, group_id, direction, [security_rules.to_permission(each) for each in surplus])
    if missing:
        permissions = [security_rules.to_permission([each]) for each in sorted(missing)]
        security_rules.authorize(cloud, group_id, direction, permissions)

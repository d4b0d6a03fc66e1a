"""Who may enter an EKS cluster (access entries), and which pods have which role (Pod Identity associations).

Imitates terraform-provider-aws internal/service/eks/access_entry.go, access_policy_association.go and
pod_identity_association.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.eks.common import GONE, EksResource, given, once_role_is_known
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.validators import CLUSTER_NAME, arn
from sandbox.providers.rpc import State


class AccessEntry(EksResource):
    """``aws.eks.AccessEntry``. ID: ``<cluster>:<principal ARN>``."""

    resource = aws.eks.AccessEntry
    supported = frozenset({"clusterName", "kubernetesGroups", "principalArn", "tags", "type", "userName"})
    parts = MappingProxyType({"clusterName": "cluster name", "principalArn": "principal ARN"})
    arn_output = "accessEntryArn"
    defaults = MappingProxyType({"type": "STANDARD"})
    computed = frozenset({"kubernetesGroups", "userName"})
    replaces = frozenset({"clusterName", "principalArn", "type"})
    validators = MappingProxyType({"clusterName": CLUSTER_NAME, "principalArn": arn})
    volatile = frozenset({"modifiedAt"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the entry."""
        request = given(inputs, "clusterName", "principalArn", "type", "kubernetesGroups", "tags")
        request |= _user(inputs)
        cloud.eks.create_access_entry(**request)
        return f"{inputs['clusterName']}:{inputs['principalArn']}"

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The entry."""
        answer = found(lambda: cloud.eks.describe_access_entry(**self.named(old.id)), GONE)
        if answer is None:
            return None
        entry = answer["accessEntry"]
        return {
            **{name: entry.get(name) for name in ("accessEntryArn", "clusterName", "principalArn", "tags", "type")},
            "kubernetesGroups": entry.get("kubernetesGroups") or [],
            "userName": entry.get("username"),
            "createdAt": entry["createdAt"].isoformat(),
            "modifiedAt": entry["modifiedAt"].isoformat(),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets groups and user name."""
        request: dict[str, Any] = _user(inputs)
        if "kubernetesGroups" in changed:
            request["kubernetesGroups"] = inputs.get("kubernetesGroups") or []
        cloud.eks.update_access_entry(**self.named(old.id), **request)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the entry and its policies."""
        found(lambda: cloud.eks.delete_access_entry(**self.named(old.id)), GONE)


class AccessPolicyAssociation(EksResource):
    """``aws.eks.AccessPolicyAssociation``. ID: ``<cluster>#<principal ARN>#<policy ARN>``."""

    resource = aws.eks.AccessPolicyAssociation
    supported = frozenset({"accessScope", "clusterName", "policyArn", "principalArn"})
    separator = "#"
    parts = MappingProxyType({**AccessEntry.parts, "policyArn": "policy ARN"})
    replaces = frozenset({"accessScope", "clusterName", "policyArn", "principalArn"})
    validators = MappingProxyType({"clusterName": CLUSTER_NAME, "policyArn": arn, "principalArn": arn})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Gives the entry a policy."""
        request = given(inputs, *self.parts)
        request["accessScope"] = given(inputs["accessScope"], "type", "namespaces")
        cloud.eks.associate_access_policy(**request)
        return self.separator.join(inputs[name] for name in self.parts)

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The association."""
        named = self.named(old.id)
        entry = {name: named[name] for name in AccessEntry.parts}
        answer = found(lambda: cloud.eks.list_associated_access_policies(**entry), GONE)
        policies = answer["associatedAccessPolicies"] if answer else []
        association = next((each for each in policies if each["policyArn"] == named["policyArn"]), None)
        if association is None:
            return None
        return {
            **named,
            "accessScope": dict(association["accessScope"]),
            "associatedAt": association["associatedAt"].isoformat(),
            "modifiedAt": association["modifiedAt"].isoformat(),
        }

    def delete(self, cloud: Cloud, old: State) -> None:
        """Takes the policy away."""
        found(lambda: cloud.eks.disassociate_access_policy(**self.named(old.id)), GONE)


class PodIdentityAssociation(EksResource):
    """``aws.eks.PodIdentityAssociation``. ID: the association's; an import takes ``<cluster>,<association ID>``."""

    resource = aws.eks.PodIdentityAssociation
    supported = frozenset({"clusterName", "disableSessionTags", "namespace", "roleArn", "serviceAccount", "tags"})
    separator = ","
    parts = MappingProxyType({"clusterName": "cluster name", "associationId": "association ID"})
    arn_output = "associationArn"
    computed = frozenset({"disableSessionTags"})
    replaces = frozenset({"clusterName", "namespace", "serviceAccount"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the association."""
        request = given(inputs, *self.supported)
        answer = once_role_is_known(cloud, lambda: cloud.eks.create_pod_identity_association(**request))
        return answer["association"]["associationId"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The association."""
        answer = found(lambda: cloud.eks.describe_pod_identity_association(**self._recorded(old)), GONE)
        if answer is None:
            return None
        association: Any = answer["association"]
        same = self.output_names() - {"region", "tagsAll"}
        return {"id": association["associationId"], **{name: association.get(name) for name in same}}

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets the role, and whether sessions are tagged."""
        request: dict[str, Any] = {"roleArn": inputs["roleArn"]} if "roleArn" in changed else {}
        if "disableSessionTags" in changed:
            request["disableSessionTags"] = bool(inputs.get("disableSessionTags"))
        cloud.eks.update_pod_identity_association(**self._recorded(old), **request)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the association."""
        found(lambda: cloud.eks.delete_pod_identity_association(**self._recorded(old)), GONE)

    def _recorded(self, old: State) -> Any:
        if "," not in old.id and old.outputs.get("clusterName"):
            return {"clusterName": old.outputs["clusterName"], "associationId": old.id}
        return self.named(old.id)


def _user(inputs: Properties) -> dict[str, str]:
    return {"username": inputs["userName"]} if inputs.get("userName") else {}

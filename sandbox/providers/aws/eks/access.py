"""Who may enter an EKS cluster (access entries), and which pods have which role (Pod Identity associations).

Imitates terraform-provider-aws internal/service/eks/access_entry.go, access_policy_association.go and
pod_identity_association.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.eks.common import GONE, EksResource, given, once_role_is_known, split_id
from sandbox.providers.aws.resource import Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.validators import CLUSTER_NAME, arn
from sandbox.providers.rpc import State


class AccessEntry(EksResource):
    """``aws.eks.AccessEntry``. ID: ``<cluster>:<principal ARN>``."""

    resource = aws.eks.AccessEntry
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
        cluster, principal = self._parts(old.id)
        answer = found(lambda: cloud.eks.describe_access_entry(clusterName=cluster, principalArn=principal), GONE)
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
        cluster, principal = self._parts(old.id)
        request: dict[str, Any] = _user(inputs)
        if "kubernetesGroups" in changed:
            request["kubernetesGroups"] = inputs.get("kubernetesGroups") or []
        cloud.eks.update_access_entry(clusterName=cluster, principalArn=principal, **request)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the entry and its policies."""
        cluster, principal = self._parts(old.id)
        found(lambda: cloud.eks.delete_access_entry(clusterName=cluster, principalArn=principal), GONE)

    @staticmethod
    def _parts(resource_id: str) -> tuple[str, str]:
        cluster, principal = split_id(resource_id, ":", "cluster name", "principal ARN")
        return cluster, principal


class AccessPolicyAssociation(EksResource):
    """``aws.eks.AccessPolicyAssociation``. ID: ``<cluster>#<principal ARN>#<policy ARN>``."""

    resource = aws.eks.AccessPolicyAssociation
    replaces = frozenset({"accessScope", "clusterName", "policyArn", "principalArn"})
    validators = MappingProxyType({"clusterName": CLUSTER_NAME, "policyArn": arn, "principalArn": arn})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Gives the entry a policy."""
        request = given(inputs, "clusterName", "principalArn", "policyArn")
        request["accessScope"] = given(inputs["accessScope"], "type", "namespaces")
        cloud.eks.associate_access_policy(**request)
        return "#".join(inputs[name] for name in ("clusterName", "principalArn", "policyArn"))

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The association."""
        cluster, principal, policy = self._parts(old.id)
        answer = found(
            lambda: cloud.eks.list_associated_access_policies(clusterName=cluster, principalArn=principal), GONE
        )
        policies = answer["associatedAccessPolicies"] if answer else []
        association = next((each for each in policies if each["policyArn"] == policy), None)
        if association is None:
            return None
        return {
            "accessScope": dict(association["accessScope"]),
            "associatedAt": association["associatedAt"].isoformat(),
            "clusterName": cluster,
            "modifiedAt": association["modifiedAt"].isoformat(),
            "policyArn": policy,
            "principalArn": principal,
        }

    def delete(self, cloud: Cloud, old: State) -> None:
        """Takes the policy away."""
        cluster, principal, policy = self._parts(old.id)
        found(
            lambda: cloud.eks.disassociate_access_policy(clusterName=cluster, principalArn=principal, policyArn=policy),
            GONE,
        )

    @staticmethod
    def _parts(resource_id: str) -> tuple[str, str, str]:
        cluster, principal, policy = split_id(resource_id, "#", "cluster name", "principal ARN", "policy ARN")
        return cluster, principal, policy


class PodIdentityAssociation(EksResource):
    """``aws.eks.PodIdentityAssociation``. ID: the association's; an import takes ``<cluster>,<association ID>``."""

    resource = aws.eks.PodIdentityAssociation
    arn_output = "associationArn"
    computed = frozenset({"disableSessionTags"})
    replaces = frozenset({"clusterName", "namespace", "serviceAccount"})
    documents = frozenset({"policy"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the association."""
        names = ("clusterName", "namespace", "serviceAccount", "roleArn", "disableSessionTags", "targetRoleArn")
        request = given(inputs, *names, "policy", "tags")
        answer = once_role_is_known(cloud, lambda: cloud.eks.create_pod_identity_association(**request))
        return answer["association"]["associationId"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The association."""
        cluster, association_id = self._parts(old)
        answer = found(
            lambda: cloud.eks.describe_pod_identity_association(clusterName=cluster, associationId=association_id),
            GONE,
        )
        if answer is None:
            return None
        association: Any = answer["association"]
        same = self.output_names() - {"region", "tagsAll"}
        return {"id": association_id, **{name: association.get(name) for name in same}}

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Sets the role and how it is used."""
        cluster, association_id = self._parts(old)
        request: dict[str, Any] = {
            name: inputs.get(name) or "" for name in ("policy", "roleArn", "targetRoleArn") if name in changed
        }
        if "disableSessionTags" in changed:
            request["disableSessionTags"] = bool(inputs.get("disableSessionTags"))
        cloud.eks.update_pod_identity_association(clusterName=cluster, associationId=association_id, **request)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the association."""
        cluster, association_id = self._parts(old)
        found(
            lambda: cloud.eks.delete_pod_identity_association(clusterName=cluster, associationId=association_id), GONE
        )

    @staticmethod
    def _parts(old: State) -> tuple[str, str]:
        if "," not in old.id and old.outputs.get("clusterName"):
            return old.outputs["clusterName"], old.id
        cluster, association_id = split_id(old.id, ",", "cluster name", "association ID")
        return cluster, association_id


def _user(inputs: Properties) -> dict[str, str]:
    return {"username": inputs["userName"]} if inputs.get("userName") else {}

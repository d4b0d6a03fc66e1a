"""IAM: roles, instance profiles, managed and inline policies, attachments and OIDC providers.

Imitates terraform-provider-aws internal/service/iam/role.go, instance_profile.go, policy.go, role_policy.go,
role_policy_attachment.go, openid_connect_provider.go and openid_connect_provider_data_source.go, as of v6 (the base of
pulumi-aws 7.51).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws import documents
from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import AutoName, Properties, ResourceType, split_id
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs, to_pairs
from sandbox.providers.aws.validators import arn, iam_name, length
from sandbox.providers.rpc import ProviderError, State

_GONE = "NoSuchEntity"


class Role(ResourceType):
    """``aws.iam.Role``. ID: the role's name."""

    resource = aws.iam.Role
    supported = frozenset(
        {"assumeRolePolicy", "description", "name", "namePrefix", "path", "permissionsBoundary", "tags"}
    )
    naming = AutoName("name", 64, iam_name(64))
    defaults = MappingProxyType({"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False})
    computed = frozenset({"managedPolicyArns"})
    kept = frozenset({"forceDetachPolicies"})
    replaces = frozenset({"name", "namePrefix", "path"})
    documents = frozenset({"assumeRolePolicy"})
    validators = MappingProxyType(
        {
            "description": length(0, 1000),
            "path": length(0, 512),
            "permissionsBoundary": arn,
        }
    )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the role."""
        request = {
            "RoleName": inputs["name"],
            "Path": inputs["path"],
            "AssumeRolePolicyDocument": documents.text(inputs["assumeRolePolicy"]),
            "Tags": to_pairs(inputs["tags"]),
        }
        for name, member in (("description", "Description"), ("permissionsBoundary", "PermissionsBoundary")):
            if inputs.get(name):
                request[member] = inputs[name]
        return cloud.iam.create_role(**request)["Role"]["RoleName"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The role."""
        answer = found(lambda: cloud.iam.get_role(RoleName=old.id), _GONE)
        if answer is None:
            return None
        role = answer["Role"]
        return {
            "arn": role["Arn"],
            "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
            "createDate": role["CreateDate"].isoformat(),
            "description": role.get("Description"),
            "managedPolicyArns": _attached_policies(cloud, old.id),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "name": role["RoleName"],
            "path": role["Path"],
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "tags": from_pairs(role.get("Tags")),
            "uniqueId": role["RoleId"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """One call for each kind of change, as the API has them."""
        iam = cloud.iam
        if "assumeRolePolicy" in changed:
            document = documents.text(inputs["assumeRolePolicy"])
            iam.update_assume_role_policy(RoleName=old.id, PolicyDocument=document)
        if "description" in changed:
            iam.update_role(RoleName=old.id, Description=inputs.get("description") or "")
        if "permissionsBoundary" in changed and inputs.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=old.id, PermissionsBoundary=inputs["permissionsBoundary"])
        elif "permissionsBoundary" in changed:
            iam.delete_role_permissions_boundary(RoleName=old.id)

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        cloud.iam.tag_role(RoleName=old.id, Tags=to_pairs(tags))

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        cloud.iam.untag_role(RoleName=old.id, TagKeys=keys)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Remove it, with all attached policies if a refresh recorded any.

        As ``deleteRole`` of role.go does. Others stop it: IAM refuses a role that still has policies.
        """
        if found(lambda: cloud.iam.get_role(RoleName=old.id), _GONE) is None:
            return
        for profile in cloud.iam.list_instance_profiles_for_role(RoleName=old.id)["InstanceProfiles"]:
            cloud.iam.remove_role_from_instance_profile(
                RoleName=old.id, InstanceProfileName=profile["InstanceProfileName"]
            )
        if old.outputs.get("managedPolicyArns"):
            for arn in _attached_policies(cloud, old.id):
                cloud.iam.detach_role_policy(RoleName=old.id, PolicyArn=arn)
        found(lambda: cloud.iam.delete_role(RoleName=old.id), _GONE)


class InstanceProfile(ResourceType):
    """``aws.iam.InstanceProfile``. ID: the profile's name."""

    resource = aws.iam.InstanceProfile
    supported = frozenset({"name", "namePrefix", "path", "role", "tags"})
    naming = AutoName("name", 128, iam_name(128))
    defaults = MappingProxyType({"path": "/"})
    replaces = frozenset({"name", "namePrefix", "path"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the profile."""
        request = {"InstanceProfileName": inputs["name"], "Path": inputs["path"], "Tags": to_pairs(inputs["tags"])}
        return cloud.iam.create_instance_profile(**request)["InstanceProfile"]["InstanceProfileName"]

    def complete(self, cloud: Cloud, resource_id: str, inputs: Properties) -> None:
        """Puts the role into it."""
        if inputs.get("role"):
            cloud.iam.add_role_to_instance_profile(InstanceProfileName=resource_id, RoleName=inputs["role"])

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The profile with its role."""
        answer = found(lambda: cloud.iam.get_instance_profile(InstanceProfileName=old.id), _GONE)
        if answer is None:
            return None
        profile = answer["InstanceProfile"]
        return {
            "arn": profile["Arn"],
            "createDate": profile["CreateDate"].isoformat(),
            "name": profile["InstanceProfileName"],
            "path": profile["Path"],
            "role": next((role["RoleName"] for role in profile["Roles"]), None),
            "tags": from_pairs(profile.get("Tags")),
            "uniqueId": profile["InstanceProfileId"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Another role: first the old one leaves, since a profile has one."""
        if "role" in changed:
            self._remove_role(cloud, old)
            self.complete(cloud, old.id, inputs)

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        cloud.iam.tag_instance_profile(InstanceProfileName=old.id, Tags=to_pairs(tags))

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        cloud.iam.untag_instance_profile(InstanceProfileName=old.id, TagKeys=keys)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Takes the recorded role out, and removes it."""
        self._remove_role(cloud, old)
        found(lambda: cloud.iam.delete_instance_profile(InstanceProfileName=old.id), _GONE)

    @staticmethod
    def _remove_role(cloud: Cloud, old: State) -> None:
        if role := old.outputs.get("role"):
            found(lambda: cloud.iam.remove_role_from_instance_profile(InstanceProfileName=old.id, RoleName=role), _GONE)


class Policy(ResourceType):
    """``aws.iam.Policy``, a managed policy of the account. ID: its ARN."""

    resource = aws.iam.Policy
    supported = frozenset({"description", "name", "namePrefix", "path", "policy", "tags"})
    naming = AutoName("name", 128, iam_name(128))
    defaults = MappingProxyType({"path": "/"})
    replaces = frozenset({"name", "namePrefix", "path", "description"})
    documents = frozenset({"policy"})

    _MOST_VERSIONS = 5

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the policy."""
        answer = cloud.iam.create_policy(
            PolicyName=inputs["name"],
            Path=inputs["path"],
            PolicyDocument=documents.text(inputs["policy"]),
            Description=inputs.get("description") or "",
            Tags=to_pairs(inputs["tags"]),
        )
        return answer["Policy"]["Arn"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The policy with the document of its default version."""
        answer = found(lambda: cloud.iam.get_policy(PolicyArn=old.id), _GONE)
        if answer is None:
            return None
        policy = answer["Policy"]
        version = cloud.iam.get_policy_version(PolicyArn=old.id, VersionId=policy["DefaultVersionId"])
        return {
            "arn": policy["Arn"],
            "attachmentCount": policy["AttachmentCount"],
            "description": policy.get("Description"),
            "name": policy["PolicyName"],
            "path": policy["Path"],
            "policy": json.dumps(version["PolicyVersion"]["Document"]),
            "policyId": policy["PolicyId"],
            "tags": from_pairs(policy.get("Tags")),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Makes a new default version, in the place of the oldest if AWS keeps no more."""
        if "policy" not in changed:
            return
        others = [each for each in self._versions(cloud, old.id) if not each["IsDefaultVersion"]]
        if len(others) + 1 >= self._MOST_VERSIONS:
            oldest = min(others, key=lambda each: int(each["VersionId"].removeprefix("v")))
            cloud.iam.delete_policy_version(PolicyArn=old.id, VersionId=oldest["VersionId"])
        cloud.iam.create_policy_version(
            PolicyArn=old.id, PolicyDocument=documents.text(inputs["policy"]), SetAsDefault=True
        )

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        cloud.iam.tag_policy(PolicyArn=old.id, Tags=to_pairs(tags))

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        cloud.iam.untag_policy(PolicyArn=old.id, TagKeys=keys)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the other versions, then the policy. One that is attached somewhere stays, as on AWS."""
        if found(lambda: cloud.iam.get_policy(PolicyArn=old.id), _GONE) is None:
            return
        for version in self._versions(cloud, old.id):
            if not version["IsDefaultVersion"]:
                cloud.iam.delete_policy_version(PolicyArn=old.id, VersionId=version["VersionId"])
        found(lambda: cloud.iam.delete_policy(PolicyArn=old.id), _GONE)

    @staticmethod
    def _versions(cloud: Cloud, arn: str) -> list[Any]:
        return list(cloud.iam.list_policy_versions(PolicyArn=arn)["Versions"])


class RolePolicyAttachment(ResourceType):
    """``aws.iam.RolePolicyAttachment``. ID: ``<role>/<policy ARN>``, also for imports."""

    resource = aws.iam.RolePolicyAttachment
    supported = frozenset({"policyArn", "role"})
    replaces = frozenset({"role", "policyArn"})
    validators = MappingProxyType({"policyArn": arn})
    # Create-then-delete would remove what it just made whenever both halves are the same.
    delete_before_replace = True

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Attaches the policy."""
        cloud.iam.attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """Both halves, if the role has the policy."""
        role, policy_arn = self._halves(old.id)
        attached = found(lambda: _attached_policies(cloud, role), _GONE)
        return {"role": role, "policyArn": policy_arn} if policy_arn in (attached or ()) else None

    def delete(self, cloud: Cloud, old: State) -> None:
        """Detaches the policy."""
        role, policy_arn = self._halves(old.id)
        found(lambda: cloud.iam.detach_role_policy(RoleName=role, PolicyArn=policy_arn), _GONE)

    @staticmethod
    def _halves(resource_id: str) -> list[str]:
        return split_id(resource_id, "/", "role name", "policy ARN")


class RolePolicy(ResourceType):
    """``aws.iam.RolePolicy``, an inline policy. ID: ``<role>:<name>``, also for imports."""

    resource = aws.iam.RolePolicy
    supported = frozenset({"name", "namePrefix", "policy", "role"})
    naming = AutoName("name", 128, iam_name(128))
    replaces = frozenset({"name", "namePrefix", "role"})
    documents = frozenset({"policy"})

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Puts the policy."""
        self._put(cloud, inputs["role"], inputs["name"], inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The policy."""
        role, name = self._halves(old.id)
        answer = found(lambda: cloud.iam.get_role_policy(RoleName=role, PolicyName=name), _GONE)
        return {"name": name, "policy": json.dumps(answer["PolicyDocument"]), "role": role} if answer else None

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Puts the policy again."""
        role, name = self._halves(old.id)
        self._put(cloud, role, name, inputs)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the policy."""
        role, name = self._halves(old.id)
        found(lambda: cloud.iam.delete_role_policy(RoleName=role, PolicyName=name), _GONE)

    @staticmethod
    def _put(cloud: Cloud, role: str, name: str, inputs: Properties) -> None:
        cloud.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=documents.text(inputs["policy"]))

    @staticmethod
    def _halves(resource_id: str) -> list[str]:
        return split_id(resource_id, ":", "role name", "policy name")


class OpenIdConnectProvider(ResourceType):
    """``aws.iam.OpenIdConnectProvider``. ID: its ARN."""

    resource = aws.iam.OpenIdConnectProvider
    supported = frozenset({"clientIdLists", "tags", "url"})
    computed = frozenset({"thumbprintLists"})
    replaces = frozenset({"url"})
    validators = MappingProxyType({"clientIdLists": length(1, 255)})

    def alike(self, path: str, actual: Any, wanted: Any) -> bool:
        """AWS returns the URL without its scheme."""
        return path == "url" and without_scheme(actual) == without_scheme(wanted)

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the provider."""
        request = {"Url": inputs["url"], "ClientIDList": inputs["clientIdLists"], "Tags": to_pairs(inputs["tags"])}
        return cloud.iam.create_open_id_connect_provider(**request)["OpenIDConnectProviderArn"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The provider."""
        provider = found(lambda: cloud.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=old.id), _GONE)
        if provider is None:
            return None
        return {
            "arn": old.id,
            "clientIdLists": provider.get("ClientIDList", []),
            "tags": from_pairs(provider.get("Tags")),
            "thumbprintLists": provider.get("ThumbprintList", []),
            "url": without_scheme(provider["Url"]),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Adds and removes client IDs."""
        iam = cloud.iam
        present, wanted = set(old.outputs.get("clientIdLists") or ()), set(inputs["clientIdLists"])
        for client_id in sorted(wanted - present):
            iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=old.id, ClientID=client_id)
        for client_id in sorted(present - wanted):
            iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=old.id, ClientID=client_id)

    def tag(self, cloud: Cloud, old: State, tags: Mapping[str, str]) -> None:
        """Adds or overwrites tags."""
        cloud.iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=old.id, Tags=to_pairs(tags))

    def untag(self, cloud: Cloud, old: State, keys: list[str]) -> None:
        """Removes tags."""
        cloud.iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=old.id, TagKeys=keys)

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the provider."""
        found(lambda: cloud.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=old.id), _GONE)


def get_open_id_connect_provider(cloud: Cloud, args: Properties) -> Properties:
    """``aws.iam.get_open_id_connect_provider``, by ARN or by URL."""
    arn, url = args.get("arn"), args.get("url")
    if bool(arn) == bool(url):
        raise ProviderError("getOpenIdConnectProvider: give either an arn or a url")
    if url:
        listed = cloud.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        arns = [each["Arn"] for each in listed]
        arn = next((each for each in arns if each.split(":oidc-provider/", 1)[-1] == without_scheme(url)), None)
        if arn is None:
            raise ProviderError(f"finding IAM OIDC Provider by url ({url}): not found")
    found_provider = OpenIdConnectProvider().read(cloud, State(str(arn), {}))
    if found_provider is None:
        raise ProviderError(f"reading IAM OIDC Provider ({arn}): couldn't find resource")
    return {**found_provider, "id": arn}


def without_scheme(url: str) -> str:
    """A URL without ``https://``, as IAM names OIDC providers."""
    return re.sub(r"^https?://", "", url)


def _attached_policies(cloud: Cloud, role: str) -> list[str]:
    pages = cloud.iam.get_paginator("list_attached_role_policies").paginate(RoleName=role)
    return sorted(each["PolicyArn"] for page in pages for each in page["AttachedPolicies"])


RESOURCES: list[ResourceType] = [
    InstanceProfile(),
    OpenIdConnectProvider(),
    Policy(),
    Role(),
    RolePolicy(),
    RolePolicyAttachment(),
]
FUNCTIONS = [
    Function(
        "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider",
        aws.iam.get_open_id_connect_provider,
        get_open_id_connect_provider,
        frozenset({"arn", "url"}),
    )
]

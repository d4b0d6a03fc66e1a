"""Launch templates.

Imitates terraform-provider-aws internal/service/ec2/ec2_launch_template.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.api_shapes import from_api, nameless, shape, to_api
from sandbox.providers.aws.ec2.common import Ec2Resource, tag_specifications
from sandbox.providers.aws.resource import AutoName, Properties
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.aws.tags import from_pairs
from sandbox.providers.aws.validators import between, matching
from sandbox.providers.rpc import Failure, State

_SHAPE = "RequestLaunchTemplateData"
# EC2 returns the former, ministack the latter.
_GONE = ("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.NotFoundException")

# Inputs that are about the template itself; all others are the data of a version.
_NOT_DATA = frozenset({"defaultVersion", "description", "name", "namePrefix", "region", "tags", "updateDefaultVersion"})
_NO_NEW_DEFAULT = frozenset({"name", "namePrefix", "description"})
_NO_NEW_LATEST = _NO_NEW_DEFAULT | {"defaultVersion", "updateDefaultVersion"}
_RENAMES = {
    "securityGroupNames": "SecurityGroups",
    "securityGroups": "Groups",
    "vpcSecurityGroupIds": "SecurityGroupIds",
}


class LaunchTemplate(Ec2Resource):
    """``aws.ec2.LaunchTemplate``. ID: ``lt-...``. Each change of its data makes a version."""

    resource = aws.ec2.LaunchTemplate
    naming = AutoName("name", 128, matching(r"[a-zA-Z0-9()./_-]*", "must contain letters, digits and ()./_-"))
    computed = frozenset(
        {
            "defaultVersion",
            "metadataOptions",
            "metadataOptions.httpEndpoint",
            "metadataOptions.httpProtocolIpv6",
            "metadataOptions.httpPutResponseHopLimit",
            "metadataOptions.httpTokens",
            "metadataOptions.instanceMetadataTags",
        }
    )
    kept = frozenset({"updateDefaultVersion"})
    # TypeList upstream.
    ordered = frozenset({"blockDeviceMappings", "networkInterfaces", "tagSpecifications"})
    enums = MappingProxyType(
        {
            "blockDeviceMappings.ebs.volumeType": ("ec2", "VolumeType"),
            "metadataOptions.httpEndpoint": ("ec2", "LaunchTemplateInstanceMetadataEndpointState"),
            "metadataOptions.httpTokens": ("ec2", "LaunchTemplateHttpTokensState"),
            "tagSpecifications.resourceType": ("ec2", "ResourceType"),
        }
    )
    validators = MappingProxyType({"metadataOptions.httpPutResponseHopLimit": between(1, 64)})
    replaces = frozenset({"name", "namePrefix"})
    volatile = frozenset({"defaultVersion", "latestVersion"})

    def unsettled(self, changed: frozenset[str], inputs: Properties) -> frozenset[str]:
        """Any change but that of a few inputs, so also one of the tags, leaves the latest version open.

        ``CustomizeDiff`` of the official resource does so, although tags make no version.
        """
        unknown = {"latestVersion"} if changed - _NO_NEW_LATEST else set()
        if inputs.get("updateDefaultVersion") and changed - _NO_NEW_DEFAULT:
            unknown.add("defaultVersion")
        return frozenset(unknown)

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """Names what the API calls so differently that the stand-in would leave it out."""
        for path in nameless(_data(inputs), shape("ec2", _SHAPE), _RENAMES):
            yield Failure(path, f"the sandbox's stand-in for the aws provider does not do {path!r} of launch templates")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        """Makes the template with its first version."""
        request: dict[str, Any] = {
            "LaunchTemplateName": inputs["name"],
            "LaunchTemplateData": _request(inputs),
            "TagSpecifications": tag_specifications("launch-template", inputs["tags"]),
        }
        if inputs.get("description"):
            request["VersionDescription"] = inputs["description"]
        return cloud.ec2.create_launch_template(**request)["LaunchTemplate"]["LaunchTemplateId"]

    def read(self, cloud: Cloud, old: State) -> dict[str, Any] | None:
        """The template with the data of its latest version."""
        answer = found(lambda: cloud.ec2.describe_launch_templates(LaunchTemplateIds=[old.id]), *_GONE)
        if not answer or not answer["LaunchTemplates"]:
            return None
        template = answer["LaunchTemplates"][0]
        versions = cloud.ec2.describe_launch_template_versions(LaunchTemplateId=old.id, Versions=["$Latest"])
        latest = versions["LaunchTemplateVersions"][0]
        return {
            **from_api(latest["LaunchTemplateData"], self.arguments(), _RENAMES),
            "arn": cloud.arn("ec2", f"launch-template/{old.id}"),
            "defaultVersion": template["DefaultVersionNumber"],
            "description": latest.get("VersionDescription"),
            "latestVersion": template["LatestVersionNumber"],
            "name": template["LaunchTemplateName"],
            "tags": from_pairs(template.get("Tags")),
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Makes a version with all of the data, and sets the default version."""
        default = inputs.get("defaultVersion") if "defaultVersion" in changed else None
        if changed - _NOT_DATA or "description" in changed:
            request: dict[str, Any] = {"LaunchTemplateId": old.id, "LaunchTemplateData": _request(inputs)}
            if inputs.get("description"):
                request["VersionDescription"] = inputs["description"]
            answer = cloud.ec2.create_launch_template_version(**request)
            if inputs.get("updateDefaultVersion"):
                default = answer["LaunchTemplateVersion"]["VersionNumber"]
        elif inputs.get("updateDefaultVersion") and "updateDefaultVersion" in changed:
            default = old.outputs["latestVersion"]
        if default is not None:
            cloud.ec2.modify_launch_template(LaunchTemplateId=old.id, DefaultVersion=str(default))

    def delete(self, cloud: Cloud, old: State) -> None:
        """Removes the template with all versions."""
        found(lambda: cloud.ec2.delete_launch_template(LaunchTemplateId=old.id), *_GONE)


def _data(inputs: Properties) -> Properties:
    """The inputs that are the data of a version."""
    return {name: value for name, value in inputs.items() if name not in _NOT_DATA and not name.startswith("__")}


def _request(inputs: Properties) -> Any:
    return to_api(_data(inputs), shape("ec2", _SHAPE), _RENAMES)

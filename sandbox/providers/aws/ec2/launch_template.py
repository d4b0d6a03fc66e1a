"""Launch templates.

Imitates terraform-provider-aws internal/service/ec2/ec2_launch_template.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pulumi_aws as aws

from sandbox.providers.aws.api_shapes import from_api, nameless, shape, to_api
from sandbox.providers.aws.ec2.common import Ec2Resource
from sandbox.providers.aws.resource import AutoName, Properties
from sandbox.providers.aws.session import Cloud
from sandbox.providers.aws.validators import between, matching
from sandbox.providers.rpc import Failure, State

_SHAPE = "RequestLaunchTemplateData"

# Inputs that are about the template itself; all others are the data of a version.
_NOT_DATA = frozenset({"defaultVersion", "description", "name", "namePrefix", "region", "tags", "updateDefaultVersion"})
_NO_NEW_LATEST = frozenset({"name", "namePrefix", "description"})
_RENAMES = {"securityGroups": "Groups", "vpcSecurityGroupIds": "SecurityGroupIds"}


class LaunchTemplate(Ec2Resource):
    """``aws.ec2.LaunchTemplate``. ID: ``lt-...``. Each change of its data makes a version."""

    resource = aws.ec2.LaunchTemplate
    thing, kind = "LaunchTemplate", "launch-template"
    # EC2 returns the former, ministack the latter.
    gone = ("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.NotFoundException")
    supported = frozenset(
        [
            "blockDeviceMappings",
            "capacityReservationSpecification",
            "description",
            "ebsOptimized",
            "iamInstanceProfile",
            "imageId",
            "instanceMarketOptions",
            "instanceType",
            "keyName",
            "metadataOptions",
            "monitoring",
            "name",
            "namePrefix",
            "networkInterfaces",
            "placement",
            "tagSpecifications",
            "tags",
            "userData",
            "vpcSecurityGroupIds",
        ]
    )
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
    volatile = frozenset({"latestVersion"})

    def unsettled(self, changed: frozenset[str], inputs: Properties) -> frozenset[str]:
        """Any change but that of a few inputs, so also one of the tags, leaves the latest version open.

        ``CustomizeDiff`` of the official resource does so, although tags make no version.
        """
        return self.volatile if changed - _NO_NEW_LATEST else frozenset()

    def check(self, inputs: Properties) -> Iterator[Failure]:
        """Names what the API calls so differently that the stand-in would leave it out."""
        for path in nameless(_data(inputs), shape("ec2", _SHAPE), _RENAMES):
            yield Failure(path, f"the sandbox's stand-in for the aws provider does not do {path!r} of launch templates")

    def request(self, inputs: Properties) -> dict[str, Any]:
        """The first version."""
        return {"LaunchTemplateName": inputs["name"], **_version(inputs)}

    def outputs(self, cloud: Cloud, old: State, thing: Any) -> dict[str, Any]:
        """The template with the data of its latest version."""
        versions = cloud.ec2.describe_launch_template_versions(LaunchTemplateId=old.id, Versions=["$Latest"])
        latest = versions["LaunchTemplateVersions"][0]
        return {
            **from_api(latest["LaunchTemplateData"], self.arguments(), _RENAMES),
            "defaultVersion": thing["DefaultVersionNumber"],
            "description": latest.get("VersionDescription"),
            "latestVersion": thing["LatestVersionNumber"],
            "name": thing["LaunchTemplateName"],
        }

    def update(self, cloud: Cloud, old: State, inputs: Properties, changed: frozenset[str]) -> None:
        """Makes a version with all of the data; the default version stays the first."""
        cloud.ec2.create_launch_template_version(LaunchTemplateId=old.id, **_version(inputs))


def _data(inputs: Properties) -> Properties:
    """The inputs that are the data of a version."""
    return {name: value for name, value in inputs.items() if name not in _NOT_DATA and not name.startswith("__")}


def _version(inputs: Properties) -> dict[str, Any]:
    """The members of a request that describe a version."""
    described = {"VersionDescription": inputs["description"]} if inputs.get("description") else {}
    return {"LaunchTemplateData": to_api(_data(inputs), shape("ec2", _SHAPE), _RENAMES), **described}

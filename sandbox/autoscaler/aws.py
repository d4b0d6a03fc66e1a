"""Cluster Autoscaler's calls to AWS, with credentials and region from where its SDK would look, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import InstanceMetadataRegionFetcher

from sandbox.autoscaler import log
from sandbox.autoscaler.groups import Group
from sandbox.autoscaler.options import Options
from sandbox.autoscaler.releases import Release
from sandbox.autoscaler.sdk_errors import PodIdentityUnknownError, describe
from sandbox.autoscaler.templates import InstanceType, ManagedNodeGroup
from sandbox.aws.instance_types import catalog

_T = TypeVar("_T")
_SERVICES = {"autoscaling": "Auto Scaling", "ec2": "EC2", "eks": "EKS"}
_ARCHITECTURES = {"arm64": "arm64"}


class AwsError(Exception):
    """A call to AWS failed; the message is what the played release would log."""


class TemplateError(Exception):
    """The node that a group would add cannot be known; the message says why."""


class Aws:
    """The Auto Scaling groups of one cluster.

    Args:
        release: The played release: which SDK, and what it asks where.
        tags: What a group must be tagged with to be ours, value ``""`` for any.
        options: The command line.
    """

    def __init__(self, release: Release, tags: Mapping[str, str], options: Options) -> None:
        self._release = release
        self._tags = tags
        self._session = botocore.session.Session()
        region = _region(release)
        if region:
            self._session.set_config_variable("region", region)
        self._clients: dict[str, Any] = {}
        self._types: Mapping[str, InstanceType] = {}
        self._static_types = options.aws_use_static_instance_list

    def load_instance_types(self) -> None:
        """Fetches the catalogue of instance types; on failure, or if told so, the one built in has to do."""
        built_in = {
            kind.name: InstanceType(
                kind.name, kind.vcpus, kind.memory_mib, kind.gpus, _ARCHITECTURES.get(kind.architecture, "amd64")
            )
            for kind in catalog().values()
        }
        if self._static_types:
            log.warning("Using static EC2 Instance Types, this list could be outdated. Last update time: unknown")
            self._types = built_in
            return
        try:
            pages = self._call("ec2", "DescribeInstanceTypes", lambda ec2: _all_pages(ec2, "describe_instance_types"))
            self._types = {
                kind["InstanceType"]: _instance_type(kind) for page in pages for kind in page["InstanceTypes"]
            }
        except AwsError as error:
            log.error(f"Failed to generate AWS EC2 Instance Types: {error}, falling back to static list")
            self._types = built_in
        log.info(f"Successfully load {len(self._types)} EC2 Instance Types", v=1)

    def groups(self) -> list[Group]:
        """The discovered groups, sorted by name.

        Raises:
            AwsError: The call failed.
        """
        filters = [
            {"Name": f"tag:{key}", "Values": [value]} if value else {"Name": "tag-key", "Values": [key]}
            for key, value in self._tags.items()
        ]
        log.info("Regenerating instance to ASG map for ASG names: []", v=4)
        log.info(f"Regenerating instance to ASG map for ASG tags: {dict(self._tags)}", v=4)
        if not filters:
            return []
        pages = self._call(
            "autoscaling",
            "DescribeAutoScalingGroups",
            lambda client: _all_pages(client, "describe_auto_scaling_groups", Filters=filters),
        )
        groups = [Group.of(description) for page in pages for description in page["AutoScalingGroups"]]
        return sorted(groups, key=lambda group: group.name)

    def instance_type(self, group: Group) -> InstanceType:
        """What the next instance of the group will be.

        Raises:
            TemplateError: That is not known.
        """
        name = group.instance_types[0] if group.instance_types else self._launch_template_type(group)
        if name not in self._types:
            raise TemplateError(f'ASG "{group.name}" uses the unknown EC2 instance type "{name}"')
        return self._types[name]

    def managed_node_group(self, group: Group) -> ManagedNodeGroup | None:
        """What EKS tells of the node group that the group belongs to; ``None`` when it tells nothing."""
        if not group.managed_by:
            return None
        cluster, name = group.managed_by
        try:
            answer = self._call(
                "eks", "DescribeNodegroup", lambda eks: eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)
            )
        except AwsError as error:
            log.error(
                f"Failed to query the managed nodegroup {name} for the cluster {cluster} "
                f"while looking for labels/taints/tags: {error}"
            )
            return None
        return ManagedNodeGroup.of(answer["nodegroup"], self._release)

    def set_target(self, group: str, size: int) -> None:
        """Sets a group's desired capacity.

        Raises:
            AwsError: The call failed.
        """
        self._call(
            "autoscaling",
            "SetDesiredCapacity",
            lambda client: client.set_desired_capacity(
                AutoScalingGroupName=group, DesiredCapacity=size, HonorCooldown=False
            ),
        )

    def terminate(self, instance: str) -> None:
        """Terminates an instance and shrinks its group by it.

        Raises:
            AwsError: The call failed.
        """
        self._call(
            "autoscaling",
            "TerminateInstanceInAutoScalingGroup",
            lambda client: client.terminate_instance_in_auto_scaling_group(
                InstanceId=instance, ShouldDecrementDesiredCapacity=True
            ),
        )

    def _launch_template_type(self, group: Group) -> str:
        if not group.launch_template:
            raise TemplateError(
                f'ASG "{group.name}" has no launch template: launch configurations and instance requirements are not '
                "played by the sandbox's stand-in"
            )
        wanted = dict(group.launch_template)
        version = wanted.pop("Version", "$Default")
        try:
            answer = self._call(
                "ec2",
                "DescribeLaunchTemplateVersions",
                lambda ec2: ec2.describe_launch_template_versions(Versions=[version], **wanted),
            )
        except AwsError as error:
            raise TemplateError(f"Unable to build proper template node for {group.name}: {error}") from None
        versions = answer["LaunchTemplateVersions"]
        kind: str = versions[0]["LaunchTemplateData"].get("InstanceType", "") if versions else ""
        return kind

    def _call(self, service: str, operation: str, call: Callable[[Any], _T]) -> _T:
        try:
            if _depends_on_agent(os.environ) and not self._release.knows_pod_identity:
                raise PodIdentityUnknownError
            if service not in self._clients:
                self._clients[service] = self._session.create_client(
                    service, config=Config(retries={"total_max_attempts": 3})
                )
            return call(self._clients[service])
        except (BotoCoreError, ClientError, PodIdentityUnknownError) as error:
            raise AwsError(describe(error, self._release, _SERVICES[service], operation)) from None


def _region(release: Release) -> str | None:
    """Where the release looks for its region."""
    named = os.environ.get("AWS_REGION")
    if named or release.uses_sdk_v2:
        return named or os.environ.get("AWS_DEFAULT_REGION")
    config = {"ec2_metadata_service_endpoint": os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")}
    region: str | None = InstanceMetadataRegionFetcher(config=config).retrieve_region()
    return region


def _depends_on_agent(environment: Mapping[str, str]) -> bool:
    """Whether the EKS Pod Identity agent is the first in the chain of credential sources to have any."""
    earlier = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")
    return "AWS_CONTAINER_CREDENTIALS_FULL_URI" in environment and not any(name in environment for name in earlier)


def _all_pages(client: Any, operation: str, **arguments: Any) -> list[Mapping[str, Any]]:
    return list(client.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 100}))


def _instance_type(described: Mapping[str, Any]) -> InstanceType:
    architectures = described.get("ProcessorInfo", {}).get("SupportedArchitectures", ["x86_64"])
    return InstanceType(
        name=described["InstanceType"],
        cpus=described["VCpuInfo"]["DefaultVCpus"],
        memory=described["MemoryInfo"]["SizeInMiB"],
        gpus=sum(gpu["Count"] for gpu in described.get("GpuInfo", {}).get("Gpus", ())),
        architecture=_ARCHITECTURES.get(architectures[0], "amd64"),
    )

"""Calls to AWS, with credentials and region only from where Cluster Autoscaler's SDK reads them.

After cloudprovider/aws (auto_scaling_groups.go, aws_wrapper.go, aws_manager.go); errors as in the AWS SDK for Go v2.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError, NoRegionError

from sandbox.autoscaler import log
from sandbox.aws.instance_types import catalog

_SERVICES = {"autoscaling": "Auto Scaling", "ec2": "EC2", "eks": "EKS"}
_ATTEMPTS = Config(retries={"total_max_attempts": 3})
_PREFIX = "asg:tag="


class AwsError(Exception):
    """A call to AWS failed, or its answer is of no use; the message is what Cluster Autoscaler would log."""


@dataclass(frozen=True)
class Group:
    """An Auto Scaling group; ``instance_types`` are those of its mixed-instances policy."""

    name: str
    min_size: int
    max_size: int
    target: int
    instances: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    launch_template: Mapping[str, str] = field(default_factory=dict)
    instance_types: tuple[str, ...] = ()

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Group:
        """Read an entry of ``DescribeAutoScalingGroups``."""
        mixed = description.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
        running = [i for i in description.get("Instances", ()) if not i["LifecycleState"].startswith("Terminat")]
        return cls(
            name=description["AutoScalingGroupName"],
            min_size=description["MinSize"],
            max_size=description["MaxSize"],
            target=description["DesiredCapacity"],
            instances=tuple(instance["InstanceId"] for instance in running),
            zones=tuple(description["AvailabilityZones"]),
            tags={tag["Key"]: tag.get("Value", "") for tag in description.get("Tags", ())},
            launch_template=description.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification", {}),
            instance_types=tuple(o["InstanceType"] for o in mixed.get("Overrides", ()) if "InstanceType" in o),
        )


class Aws:
    """The Auto Scaling groups of one cluster: those with all of ``tags``, value ``""`` for any.

    Each call raises an ``AwsError`` when AWS refuses it or cannot be reached.
    """

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._tags, self._clients = tags, dict[str, Any]()
        self._session = botocore.session.Session()
        if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
            self._session.set_config_variable("region", region)

    def groups(self) -> list[Group]:
        """Return the discovered groups, sorted by name."""
        filters = [
            {"Name": f"tag:{key}", "Values": [value]} if value else {"Name": "tag-key", "Values": [key]}
            for key, value in self._tags.items()
        ]
        tags = " ".join(f"{key}:{value}" for key, value in self._tags.items())
        log.info("Regenerating instance to ASG map for ASG names: []", v=4)
        log.info(f"Regenerating instance to ASG map for ASG tags: map[{tags}]", v=4)
        if not filters:
            return []
        try:
            found = self._call("autoscaling", "DescribeAutoScalingGroups", Filters=filters).get("AutoScalingGroups", [])
        except AwsError as error:
            log.error(f"Failed to regenerate ASG cache: {error}")
            raise
        return sorted((Group.of(each) for each in found), key=lambda group: group.name)

    def instance_type(self, group: Group) -> str:
        """Return the instance type that the group launches next."""
        name = group.instance_types[0] if group.instance_types else self._launch_template_type(group)
        if name not in catalog():
            raise AwsError(f'ASG "{group.name}" uses the unknown EC2 instance type "{name}"')
        return name

    def managed_node_group(self, cluster: str, name: str) -> Mapping[str, Any]:
        """Return what EKS knows of a managed node group; empty when it may not be asked."""
        try:
            found = self._call("eks", "DescribeNodegroup", clusterName=cluster, nodegroupName=name)
        except AwsError as error:
            what = "while looking for labels/taints/tags"
            log.error(f"Failed to query the managed nodegroup {name} for the cluster {cluster} {what}: {error}")
            return {}
        return dict(found["nodegroup"])

    def set_target(self, group: str, size: int) -> None:
        """Set a group's desired capacity."""
        sizes = {"AutoScalingGroupName": group, "DesiredCapacity": size, "HonorCooldown": False}
        self._call("autoscaling", "SetDesiredCapacity", **sizes)

    def terminate(self, instance: str) -> None:
        """Terminate an instance and shrink its group by it."""
        which = {"InstanceId": instance, "ShouldDecrementDesiredCapacity": True}
        self._call("autoscaling", "TerminateInstanceInAutoScalingGroup", **which)

    def _launch_template_type(self, group: Group) -> str:
        names = ("LaunchTemplateId", "LaunchTemplateName")  # AWS returns both and accepts one
        which = [{name: group.launch_template[name]} for name in names if name in group.launch_template]
        if not which:
            raise AwsError(f"{group.name}: the sandbox's stand-in knows groups with a launch template only")
        versions = [group.launch_template.get("Version", "$Default")]
        answer = self._call("ec2", "DescribeLaunchTemplateVersions", Versions=versions, **which[0])
        return str(answer["LaunchTemplateVersions"][0]["LaunchTemplateData"].get("InstanceType", ""))

    def _call(self, service: str, operation: str, **parameters: Any) -> Any:
        """Make one call; the pages of a list come as one answer."""
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        try:
            client = self._clients.get(service) or self._session.create_client(service, config=_ATTEMPTS)
            self._clients[service] = client
            if client.can_paginate(method):
                return client.get_paginator(method).paginate(**parameters).build_full_result()
            return getattr(client, method)(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise AwsError(describe(error, _SERVICES[service], operation)) from None


def discovery_tags(specifications: Sequence[str]) -> dict[str, str]:
    """Return the tags that a group must have, from every ``--node-group-auto-discovery`` together (buildAsgTags).

    Nothing is trimmed: `` key`` is another tag than ``key``.
    """
    wanted: dict[str, str] = {}
    for specification in specifications:
        tags = specification.removeprefix(_PREFIX)
        if not tags or tags == specification:
            flag = "--node-group-auto-discovery"
            raise AwsError(f"invalid node group auto discovery spec specified via {flag}: {specification}")
        wanted |= {key: value for key, _, value in (tag.partition("=") for tag in tags.split(","))}
    return wanted


def describe(error: Exception, service: str, operation: str) -> str:
    """Return the text of an error of botocore as the AWS SDK for Go v2 words it."""
    called = f"operation error {service}: {operation}"
    no_credentials = f"{called}, get identity: get credentials: failed to refresh cached credentials"
    match error:
        case ClientError(operation_name="AssumeRoleWithWebIdentity"):
            refused = f"operation error STS: AssumeRoleWithWebIdentity, {_api_error(error)}"
            return f"{no_credentials}, failed to retrieve credentials, {refused}"
        case ClientError():
            return f"{called}, {_api_error(error)}"
        case NoCredentialsError():
            cause = "operation error ec2imds: GetMetadata, canceled, context deadline exceeded"
            return f"{no_credentials}, no EC2 IMDS role found, {cause}"
        case CredentialRetrievalError():
            answer = re.search(r"Received non 200 response \d+ from container metadata: (.*)", str(error), re.DOTALL)
            cause = f": {answer[1]}" if answer else "exceeded maximum number of attempts, 3, request send failed"
            return f"{no_credentials}, failed to load credentials, {cause}"
        case NoRegionError():
            return f"{called}, failed to resolve service endpoint, an AWS region is required, but was not found"
    return f"{called}, exceeded maximum number of attempts, 3, request send failed, {error}"


def _api_error(error: ClientError) -> str:
    answer, metadata = error.response["Error"], error.response.get("ResponseMetadata", {})
    status, request = metadata.get("HTTPStatusCode", 0), metadata.get("RequestId", "")
    problem = f"api error {answer.get('Code', 'Unknown')}: {answer.get('Message', '')}"
    return f"https response error StatusCode: {status}, RequestID: {request}, {problem}"

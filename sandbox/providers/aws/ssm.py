"""Parameters of Systems Manager, as a function only.

Imitates terraform-provider-aws internal/service/ssm/parameter_data_source.go, as of v6 (the base of pulumi-aws 7.51).
"""

from __future__ import annotations

import pulumi_aws as aws

from sandbox.providers.aws.function import Function
from sandbox.providers.aws.resource import Properties, ResourceType
from sandbox.providers.aws.session import Cloud, found
from sandbox.providers.rpc import ProviderError


def get_parameter(cloud: Cloud, args: Properties) -> Properties:
    """``aws.ssm.get_parameter``: also the value of what is no secret, as ``insecureValue``."""
    name = args["name"]
    # Upstream decrypts unless it is asked not to.
    answer = found(lambda: cloud.ssm.get_parameter(Name=name, WithDecryption=True), "ParameterNotFound")
    if answer is None:
        raise ProviderError(f"reading SSM Parameter ({name}): couldn't find resource")
    parameter = answer["Parameter"]
    return {
        "arn": parameter["ARN"],
        "id": parameter["Name"],
        "insecureValue": "" if parameter["Type"] == "SecureString" else parameter["Value"],
        "name": parameter["Name"],
        "region": cloud.region,
        "type": parameter["Type"],
        "value": parameter["Value"],
        "version": parameter["Version"],
        "withDecryption": True,
    }


RESOURCES: list[ResourceType] = []
FUNCTIONS = [
    Function("aws:ssm/getParameter:getParameter", aws.ssm.get_parameter, get_parameter, required=frozenset({"name"}))
]

"""Errors of AWS in the words of the Go SDK that the played release is built with, for the log and the events."""

from __future__ import annotations

import re

from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError, NoRegionError

from sandbox.autoscaler.releases import Release

_OLD_SDK_REFUSES_AGENT = (
    'CredentialsEndpointError: invalid endpoint host, "169.254.170.23", only loopback hosts are allowed'
)


class PodIdentityUnknownError(Exception):
    """The release's SDK is too old for the EKS Pod Identity agent's address."""


def describe(error: Exception, release: Release, service: str, operation: str) -> str:
    """The text that the release would log for an error.

    Args:
        error: What botocore raised.
        release: The played release.
        service: The called service as the SDK spells it, such as ``Auto Scaling``.
        operation: The called operation.
    """
    if isinstance(error, PodIdentityUnknownError):
        return f"NoCredentialProviders: no valid providers in chain\ncaused by: {_OLD_SDK_REFUSES_AGENT}"
    return _by_sdk_v2(error, service, operation) if release.uses_sdk_v2 else _by_sdk_v1(error)


def _by_sdk_v1(error: Exception) -> str:
    match error:
        case ClientError(operation_name="AssumeRoleWithWebIdentity"):
            return f"WebIdentityErr: failed to retrieve credentials\ncaused by: {_api_error_v1(error)}"
        case ClientError():
            return _api_error_v1(error)
        case NoCredentialsError():
            return (
                "NoCredentialProviders: no valid providers in chain. Deprecated.\n"
                "\tFor verbose messaging see aws.Config.CredentialsChainVerboseErrors"
            )
        case CredentialRetrievalError():
            return f"CredentialsEndpointError: failed to load credentials\ncaused by: {_of_agent(error)}"
        case NoRegionError():
            return "MissingRegion: could not find region configuration"
        case BotoCoreError():
            return f"RequestError: send request failed\ncaused by: {error}"
    return str(error)


def _by_sdk_v2(error: Exception, service: str, operation: str) -> str:
    called = f"operation error {service}: {operation}"
    no_credentials = f"{called}, get identity: get credentials: failed to refresh cached credentials"
    match error:
        case ClientError(operation_name="AssumeRoleWithWebIdentity"):
            refused = f"operation error STS: AssumeRoleWithWebIdentity, {_api_error_v2(error)}"
            return f"{no_credentials}, failed to retrieve credentials, {refused}"
        case ClientError():
            return f"{called}, {_api_error_v2(error)}"
        case NoCredentialsError():
            return (
                f"{no_credentials}, no EC2 IMDS role found, operation error ec2imds: GetMetadata, "
                "canceled, context deadline exceeded"
            )
        case CredentialRetrievalError():
            return f"{no_credentials}, failed to load credentials, {_of_agent(error)}"
        case NoRegionError():
            return f"{called}, failed to resolve service endpoint, an AWS region is required, but was not found"
        case BotoCoreError():
            return f"{called}, exceeded maximum number of attempts, 3, request send failed, {error}"
    return str(error)


def _of_agent(error: CredentialRetrievalError) -> str:
    """What the container credentials endpoint answered, or why it did not, out of botocore's sentence."""
    answer = re.search(r"Received non 200 response \d+ from container metadata: (.*)", str(error), re.DOTALL)
    return f": {answer[1]}" if answer else f"exceeded maximum number of attempts, 3, request send failed, {error}"


def _api_error_v1(error: ClientError) -> str:
    code, message, status, request = _facts(error)
    return f"{code}: {message}\n\tstatus code: {status}, request id: {request}"


def _api_error_v2(error: ClientError) -> str:
    code, message, status, request = _facts(error)
    return f"https response error StatusCode: {status}, RequestID: {request}, api error {code}: {message}"


def _facts(error: ClientError) -> tuple[str, str, int, str]:
    response = error.response
    metadata = response.get("ResponseMetadata", {})
    code, message = response["Error"].get("Code", "Unknown"), response["Error"].get("Message", "")
    return code, message, metadata.get("HTTPStatusCode", 0), metadata.get("RequestId", "")

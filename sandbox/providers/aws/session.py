"""One provider instance: whose credentials, which region, which tags on everything, and the way to the cloud."""

from __future__ import annotations

import importlib.metadata
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pulumi_aws.provider import ProviderArgs

from sandbox.providers.rpc import Checked, Failure, ProviderError
from sandbox.providers.schema import STRING, object_type, validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_iam import IAMClient

T = TypeVar("T")

POLL_SECONDS = 0.2
"""How often a waiter asks. The emulated AWS is on this machine: asking costs nothing."""

# Of the official provider's settings, those that mean something here. The skip... ones ask for less checking than the
# stand-in does anyway, so they change nothing.
_SETTINGS = frozenset(
    {
        "accessKey",
        "allowedAccountIds",
        "defaultTags",
        "forbiddenAccountIds",
        "profile",
        "region",
        "secretKey",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
        "token",
    }
)

USER_AGENT = "pulumi-aws-stand-in"
"""What the ``User-Agent`` of its calls holds, by which they are distinguished from those of others."""

# Throttled, failed (5xx), unanswered and cut-off calls are tried again, as the official provider's SDK does. That one
# tries 25 times, for minutes; here four times, with pauses of 7 s in all at most, and ten seconds for an answer are
# plenty: the sandbox's cloud is on this machine.
_CLIENT = Config(
    connect_timeout=5,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent_extra=USER_AGENT,
)


# It keeps the service models that it parsed, which takes longer than all calls of a small stack.
_LOADER = botocore.loaders.create_loader()


@dataclass(frozen=True)
class Session:
    """One configured provider instance.

    Attributes:
        region: Region of resources that do not name their own.
        account: Account of the credentials.
        partition: Partition of the region, such as ``aws``.
        default_tags: Tags that every taggable resource gets.
    """

    region: str
    account: str
    partition: str
    default_tags: Mapping[str, str]
    _boto: boto3.Session = field(repr=False)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(cls, config: Mapping[str, Any]) -> Session:
        """Opens a session with a provider resource's inputs, or a stack's ``aws:`` configuration.

        What they do not set comes from the standard AWS environment.

        Raises:
            ProviderError: A setting is wrong, the credentials do not work, or the account is not an allowed one.
        """
        settings = _settings(config)
        faults = [f"{each.property}: {each.reason}" for each in check_settings(settings).failures]
        if faults:
            raise ProviderError("the aws provider's configuration is wrong: " + "; ".join(faults))
        with explained("opening the aws provider"):
            core = botocore.session.get_session()
            core.register_component("data_loader", _LOADER)
            boto = boto3.Session(
                botocore_session=core,
                aws_access_key_id=settings.get("accessKey"),
                aws_secret_access_key=settings.get("secretKey"),
                aws_session_token=settings.get("token"),
                profile_name=settings.get("profile"),
                # botocore itself knows only AWS_DEFAULT_REGION.
                region_name=settings.get("region") or os.environ.get("AWS_REGION"),
            )
            if not boto.region_name:
                raise ProviderError("the aws provider has no region: set aws:region, or AWS_REGION in the environment")
            caller = boto.client("sts", config=_CLIENT).get_caller_identity()
        _check_account(caller["Account"], settings)
        return cls(
            region=boto.region_name,
            account=caller["Account"],
            partition=boto.get_partition_for_region(boto.region_name),
            default_tags=(settings.get("defaultTags") or {}).get("tags") or {},
            _boto=boto,
        )

    def client(self, service: str, region: str) -> Any:
        """The client of a service in a region. Clients may be shared by threads; only their making may not."""
        with self._lock:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = self._boto.client(service, region, config=_CLIENT)  # type: ignore[call-overload]
            return self._clients[key]


@dataclass(frozen=True)
class Cloud:
    """The cloud as one operation sees it.

    Attributes:
        session: The provider instance.
        region: Region of the resource in question.
        pause: Sleeps, unless the user has given up.
        timeout: Seconds that the user allows for it, or None.
    """

    session: Session
    region: str
    pause: Callable[[float], None] = time.sleep
    timeout: float | None = None

    @property
    def iam(self) -> IAMClient:
        """Client of IAM."""
        client: IAMClient = self.session.client("iam", self.region)
        return client

    @property
    def eks(self) -> EKSClient:
        """Client of EKS."""
        client: EKSClient = self.session.client("eks", self.region)
        return client

    @property
    def ec2(self) -> EC2Client:
        """Client of EC2."""
        client: EC2Client = self.session.client("ec2", self.region)
        return client

    @property
    def autoscaling(self) -> AutoScalingClient:
        """Client of Auto Scaling."""
        client: AutoScalingClient = self.session.client("autoscaling", self.region)
        return client

    @property
    def ssm(self) -> Any:
        """Client of Systems Manager."""
        return self.session.client("ssm", self.region)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:{self.session.partition}:{service}:{self.region}:{self.session.account}:{resource}"

    def wait(self, done: Callable[[], bool], what: str, seconds: float) -> None:
        """Waits until ``done()``.

        Args:
            done: Asks the cloud. May raise to end the wait.
            what: What is waited for, for the message: "cluster x to become ACTIVE".
            seconds: How long, unless the user allows another time.

        Raises:
            ProviderError: It took too long, or the user gave up.
        """
        limit = self.timeout or seconds
        deadline = time.monotonic() + limit
        while not done():
            if time.monotonic() > deadline:
                raise ProviderError(f"timed out after {limit:g} s waiting for {what}")
            self.pause(POLL_SECONDS)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turns the AWS SDK's errors into ones with the operation and the AWS error code."""
    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        code, message = details.get("Code", "Unknown"), details.get("Message", "no message")
        raise ProviderError(f"{doing}: {code} ({error.operation_name}): {message}") from error
    except BotoCoreError as error:
        raise ProviderError(f"{doing}: {type(error).__name__}: {error}") from error


def found(ask: Callable[[], T], *gone: str) -> T | None:
    """What ``ask()`` returns, or None when it fails with one of the AWS error codes ``gone``."""
    try:
        return ask()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in gone:
            return None
        raise


def check_settings(config: Mapping[str, Any]) -> Checked:
    """Judges a provider resource's inputs: unknown, mistyped, and those that the stand-in would have to ignore."""
    settings = _settings(config)
    expected = object_type(ProviderArgs)
    failures = list(validate(settings, expected))
    failures += [
        Failure(name, f"the sandbox's stand-in for the aws provider does not do the setting {name!r}")
        for name in settings
        if name in expected.fields and name not in _SETTINGS
    ]
    return Checked(config, failures)


def plugin_version() -> str:
    """The version of the official provider that the stand-in stands for: the installed SDK's."""
    return importlib.metadata.version("pulumi-aws")


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Provider settings, with those that are not strings parsed: the wire carries them as JSON text."""
    fields = object_type(ProviderArgs).fields
    settings: dict[str, Any] = {}
    for name, value in config.items():
        if value is None or name == "version" or name.startswith("__"):
            continue
        settings[name] = value
        if isinstance(value, str) and fields.get(name, STRING) is not STRING:
            try:
                settings[name] = json.loads(value)
            except ValueError:
                continue  # Left as text, which the type check then names.
    return settings


def _check_account(account: str, settings: Mapping[str, Any]) -> None:
    allowed, forbidden = settings.get("allowedAccountIds"), settings.get("forbiddenAccountIds") or []
    if allowed and account not in allowed:
        raise ProviderError(f"AWS account ID not allowed: {account}. allowedAccountIds has {', '.join(allowed)}")
    if account in forbidden:
        raise ProviderError(f"AWS account ID not allowed: {account}. forbiddenAccountIds has it")

"""boto3 clients of the sandbox's own services."""

from __future__ import annotations

from typing import Any

import boto3


class AwsClients:
    """Makes clients with the credentials with which the process began.

    The file of credentials belongs to the user, and a test writes another user's keys into it. The sandbox's services
    must not follow: where they ask, AWS itself would need no credentials.

    Args:
        endpoint: URL of the emulated AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        found = boto3.Session().get_credentials()
        self._keys = found.get_frozen_credentials() if found else None

    def client(self, service: str, region: str) -> Any:
        """A client of a service in a region."""
        # A separate session: the default one may not be shared by the threads of several clusters.
        keys = self._keys
        session = (
            boto3.Session(keys.access_key, keys.secret_key, keys.token, region)
            if keys
            else boto3.Session(region_name=region)
        )
        return session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

"""What the tests of the emulated AWS share: the running process, the policies and tokens that they hand to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

Aws = Callable[..., Any]
"""Makes boto3 clients: service name, and keys if not the person's own."""

PROJECT = Path(__file__).parents[3]
REGION = "us-east-1"
ACCOUNT = "123456789012"
SUBNETS = ["subnet-00000001", "subnet-00000002", "subnet-00000003"]
NODE_TRUST = {"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


_session = boto3.session.Session()  # One for all: each session parses the service models again.


class Emulator:
    """A running ``python -m sandbox.aws``."""

    def __init__(self, state: Path, port: int = 0) -> None:
        self.state = state
        self._clients: dict[Any, Any] = {}
        self.log = state.parent / f"{state.name}.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.aws", "--port", str(port), "--state", str(state)],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), self.log.read_text()
        self.url = line.split()[1]

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables that point AWS tools here."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_SHARED_CREDENTIALS_FILE": str(self.state / "credentials"),
        }

    def user_keys(self) -> dict[str, str]:
        """The keys of the credentials file, as boto3 arguments."""
        lines = (self.state / "credentials").read_text().splitlines()
        pairs = dict(line.split(" = ") for line in lines if " = " in line)
        return {name: pairs[name] for name in ("aws_access_key_id", "aws_secret_access_key")}

    def client(self, service: str, keys: dict[str, str] | None = None, **config: Any) -> Any:
        """A boto3 client of the person, or of the holder of ``keys``."""
        identity = self.user_keys() if keys is None else keys
        wanted = (service, tuple(identity.values()), tuple(config.items()))
        if wanted not in self._clients:
            settings = Config(retries={"total_max_attempts": 1}, **config)
            make: Any = _session.client
            self._clients[wanted] = make(
                service, region_name=REGION, endpoint_url=self.url, config=settings, **identity
            )
        return self._clients[wanted]

    def private(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Calls the private API; an error answer raises ``urllib.error.HTTPError``."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data=data, method=method)
        with urllib.request.urlopen(request) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        """Ends it as its supervisor would; returns the exit code."""
        self.process.terminate()
        return self._reap()

    def _reap(self) -> int:
        assert self.process.stdout is not None
        code = self.process.wait(10)
        self.process.stdout.close()
        return code


def trust(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def policy(*statements: dict[str, Any]) -> str:
    return trust(*({"Resource": "*", **one} for one in statements))


@cache
def _signing_key(number: int) -> rsa.RSAPrivateKey:
    """The same key for the same number: making one costs more than most tests."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


FORGERS_KEY = partial(_signing_key, 1)
"""A key that no cluster has."""


@dataclass
class Cluster:
    """A cluster whose control plane is a key pair of the test: it signs service-account tokens."""

    name: str
    arn: str
    issuer: str
    key: Any = field(default_factory=lambda: _signing_key(0))

    @property
    def host(self) -> str:
        return self.issuer.removeprefix("https://")

    @property
    def provider_arn(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.host}"

    @property
    def jwks(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "key-1", "use": "sig", "alg": "RS256"}]}

    def token(self, key: Any = None, **claims: Any) -> str:
        """What ``kubectl create token cluster-autoscaler`` would give, with ``claims`` changed."""
        namespace, account = claims.pop("namespace", "kube-system"), claims.pop("account", "cluster-autoscaler")
        standard = {
            "iss": self.issuer,
            "sub": f"system:serviceaccount:{namespace}:{account}",
            "aud": ["sts.amazonaws.com"],
            "exp": int(time.time()) + 3600,
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": account, "uid": "uid-of-the-account"},
                "pod": {"name": "cluster-autoscaler-0", "uid": "uid-of-the-pod"},
            },
        }
        return jwt.encode(standard | claims, key or self.key, algorithm="RS256", headers={"kid": "key-1"})


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """AWS's code of a refusal."""
    return str(error.value.response["Error"]["Code"])

"""An emulated account and its EKS clusters as their users see them."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.kubernetes.files import ClusterFiles
from sandbox.layout import REGION
from sandbox.tests.harness import Sandbox
from sandbox.tools.catalog import KUBERNETES_MINOR


def eventually(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value that ``what`` returns within so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        assert time.monotonic() < deadline, f"still {value!r} after {seconds:g} s"
        time.sleep(0.1)
    return value


class Cluster:
    """A cluster of the account that serves."""

    def __init__(self, sandbox: Sandbox, eks: Any, name: str) -> None:
        self.name = name
        self.files = ClusterFiles.of(sandbox.layout.kubernetes, REGION, name)
        self._sandbox = sandbox
        self._eks = eks

    def describe(self) -> dict[str, Any]:
        """What EKS returns about it."""
        described: dict[str, Any] = self._eks.describe_cluster(name=self.name)["cluster"]
        return described

    def kubectl(self, *arguments: str, token: str | None = None, stdin: Any = None, check: bool = True) -> str:
        """Runs kubectl as the control plane's administrator, or as the holder of a token.

        Args:
            arguments: What kubectl gets; ``-`` stands for ``stdin``, an object.
            token: Bearer token to log in with instead.
            stdin: Object for ``-f -``.
            check: Whether a failure fails the test.
        """
        login = ["--kubeconfig", str(self.files.admin_kubeconfig)]
        if token:
            server = [
                "--server",
                self.describe()["endpoint"],
                "--certificate-authority",
                str(self.files.pki / "ca.crt"),
            ]
            login = ["--kubeconfig", "/dev/null", *server, "--token", token]
        manifest = self.files.folder / "manifest.json"
        manifest.write_text(json.dumps(stdin))
        words = [str(manifest) if word == "-" else word for word in arguments]
        return self._sandbox.run([self._sandbox.layout.bin / "kubectl", *login, *words], check=check)

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """Objects of a kind."""
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "-o", "json", *arguments))["items"]
        return items

    def pids(self) -> dict[str, int]:
        """Process id of each component that runs."""
        found = {}
        for path in self.files.pid("any").parent.glob("*.pid"):
            with suppress(FileNotFoundError, ValueError):  # A component that stops or starts at this moment.
                found[path.stem] = int(path.read_text())
        return found

    def whoami(self, token: str) -> dict[str, Any]:
        """User name and groups of the holder of a token; the refusal as ``error`` if it is not let in."""
        answer = self.kubectl("auth", "whoami", "-o", "json", token=token, check=False)
        if not answer.startswith("{"):
            return {"error": answer}
        info: dict[str, Any] = json.loads(answer)["status"]["userInfo"]
        return info


class Account:
    """The emulated account: a network and roles to make clusters with, users and their tokens."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.eks = sandbox.client("eks")
        self.ec2 = sandbox.client("ec2")
        self.iam = sandbox.client("iam")
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")[
                "Subnet"
            ]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        self.cluster_role = self.create_role("control-plane", {"Service": "eks.amazonaws.com"})
        self.node_role = self.create_role("nodes", {"Service": "ec2.amazonaws.com"})
        for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKS_CNI_Policy"):
            self.iam.attach_role_policy(RoleName="nodes", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")

    def create_role(self, name: str, principal: dict[str, str], action: str = "sts:AssumeRole", **extra: Any) -> str:
        """A role that ``principal`` may assume; returns its ARN."""
        statement = {"Effect": "Allow", "Principal": principal, "Action": action} | extra.pop("statement", {})
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **extra)["Role"]["Arn"]
        return arn

    def create_cluster(self, name: str, version: str = KUBERNETES_MINOR, mode: str = "API") -> Cluster:
        """Creates a cluster and waits until it is ACTIVE."""
        self.eks.create_cluster(
            name=name,
            version=version,
            roleArn=self.cluster_role,
            resourcesVpcConfig={"subnetIds": self.subnets},
            accessConfig={"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": True},
        )
        eventually(lambda: self.eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE")
        cluster = Cluster(self.sandbox, self.eks, name)
        # The controllers start with the API server's readiness: this is one of their first works, which pods wait for.
        eventually(lambda: "default" in cluster.kubectl("get", "serviceaccount", "default", check=False).split())
        return cluster

    def delete_cluster(self, name: str) -> None:
        """Deletes a cluster and its node groups, and waits until nothing of its control plane is left."""
        for group in self.eks.list_nodegroups(clusterName=name)["nodegroups"]:
            self.eks.delete_nodegroup(clusterName=name, nodegroupName=group)
        eventually(lambda: not self.eks.list_nodegroups(clusterName=name)["nodegroups"])
        self.eks.delete_cluster(name=name)
        eventually(lambda: not ClusterFiles.of(self.sandbox.layout.kubernetes, REGION, name).folder.exists())

    def create_user(self, name: str) -> dict[str, str]:
        """An IAM user without any permission; returns its keys."""
        self.iam.create_user(UserName=name)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def assume(self, role: str, session: str) -> dict[str, str]:
        """Keys of a session of a role."""
        found = self.sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
        return {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }

    def token(self, keys: dict[str, str], cluster: str, endpoint: str | None = None) -> str:
        """The token that ``aws eks get-token`` would make with these keys."""
        url = f"{endpoint or self.sandbox.layout.aws_endpoint}/?Action=GetCallerIdentity&Version=2011-06-15"
        request = AWSRequest("GET", url, headers={"x-k8s-aws-id": cluster})
        SigV4QueryAuth(Credentials(*keys.values()), "sts", REGION, expires=60).add_auth(request)
        return "k8s-aws-v1." + base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")

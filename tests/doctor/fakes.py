"""A cloud and an API server of plain data: real boto3 clients on top, every call recorded, any of them deniable."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import botocore.client
import botocore.exceptions
import botocore.validate

from components.pure import discovery, iam
from doctor.facts import Source
from doctor.readings import Reading, Unreadable

from . import snapshots

PAGE = 100
INSTANCE = "i-0aa1"
AGENT = "/apis/apps/v1/namespaces/kube-system/daemonsets/eks-pod-identity-agent"


class Cloud:
    """An account with one cluster of some node groups, and one group of another cluster.

    Attributes:
        calls: Every call as ``service:Operation``, in order.
        denied: Operations that are answered by AccessDenied.
        unreachable: Operations that are answered by a broken connection.
    """

    def __init__(self, mode: Source = Source.IRSA, groups: int = 1) -> None:
        self.mode = mode
        self.calls: list[str] = []
        self.denied: set[str] = set()
        self.unreachable: set[str] = set()
        self.node_groups = {
            name: self._node_group(name) for name in ["workers", *(f"more{number}" for number in range(1, groups))]
        }
        self.groups = [self._group(name) for name in self.node_groups]
        others = {**discovery.discovery_tags("others"), "eks:cluster-name": "others"}
        self.groups.append(self._group("others", others, instance="i-0ff1"))
        self.trust = snapshots.role(mode).trust
        self.policy = iam.autoscaler_policy(iam.ClusterIdentity.from_arn(snapshots.CLUSTER_ARN))

    @property
    def count(self) -> Counter[str]:
        return Counter(self.calls)

    @contextmanager
    def attached(self) -> Iterator["Cloud"]:
        """Stand behind every boto3 client of this process."""
        cloud = self

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            return cloud.answer(client, operation, parameters)

        environment = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "none", "AWS_ENDPOINT_URL": ""}
        with (
            patch.object(botocore.client.BaseClient, "_make_api_call", call),
            patch.dict("os.environ", environment),
        ):
            yield self

    def answer(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        shape = client.meta.service_model.operation_model(operation).input_shape
        if shape is not None:
            report = botocore.validate.ParamValidator().validate(parameters, shape)
            assert not report.has_errors(), report.generate_report()
        name = f"{client.meta.service_model.signing_name}:{operation}"
        self.calls.append(name)
        if operation in self.denied:
            raise self.error("AccessDenied", operation, f"User is not authorized to perform: {name}")
        if operation in self.unreachable:
            raise botocore.exceptions.ConnectTimeoutError(endpoint_url="https://example.invalid")
        return getattr(self, f"_{operation}")(parameters)

    @staticmethod
    def error(code: str, operation: str, message: str = "gone") -> botocore.exceptions.ClientError:
        return botocore.exceptions.ClientError({"Error": {"Code": code, "Message": message}}, operation)

    # --- what exists ---

    def _node_group(self, name: str) -> dict[str, Any]:
        return {
            "nodegroupName": name,
            "nodegroupArn": snapshots.node_group_arn(name),
            "status": "ACTIVE",
            "labels": {"pool": name},
            "taints": [],
            "nodeRole": snapshots.NODE_ROLE_ARN,
            "amiType": "AL2023_x86_64_STANDARD",
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-0ac1"}]},
            "health": {"issues": []},
            "tags": {},
        }

    def _group(self, name: str, tags: dict[str, str] | None = None, instance: str = "") -> dict[str, Any]:
        own = {**snapshots.asg(f"eks-{name}-0ac1").tags} if tags is None else tags
        first = instance or (INSTANCE if name == "workers" else "")
        return {
            "AutoScalingGroupName": f"eks-{name}-0ac1",
            "AutoScalingGroupARN": snapshots.group_arn(f"eks-{name}-0ac1"),
            "MinSize": 0,
            "MaxSize": 10,
            "DesiredCapacity": 1 if first else 0,
            "AvailabilityZones": ["us-east-1a"],
            "Tags": [{"Key": key, "Value": value} for key, value in own.items()],
            "Instances": [{"InstanceId": first, "AvailabilityZone": "us-east-1a", "LifecycleState": "InService"}]
            if first
            else [],
            "SuspendedProcesses": [],
            "MixedInstancesPolicy": {"LaunchTemplate": {"Overrides": [{"InstanceType": "m6i.large"}]}},
        }

    # --- answers ---

    def _GetCallerIdentity(self, _: Any) -> Any:  # noqa: N802
        return {"Arn": f"arn:aws:iam::{snapshots.ACCOUNT}:user/reader", "Account": snapshots.ACCOUNT, "UserId": "A"}

    def _DescribeCluster(self, asked: Any) -> Any:  # noqa: N802
        if asked["name"] != snapshots.CLUSTER:
            raise self.error("ResourceNotFoundException", "DescribeCluster")
        return {
            "cluster": {
                "name": snapshots.CLUSTER,
                "arn": snapshots.CLUSTER_ARN,
                "version": "1.33",
                "status": "ACTIVE",
                "endpoint": "https://127.0.0.1:1",
                "certificateAuthority": {"data": ""},
                "identity": {"oidc": {"issuer": snapshots.ISSUER}},
            }
        }

    def _DescribeClusterVersions(self, asked: Any) -> Any:  # noqa: N802
        ends = datetime(2027, 7, 29, tzinfo=UTC)
        (version,) = asked["clusterVersions"]
        return {"clusterVersions": [{"clusterVersion": version, "endOfExtendedSupportDate": ends}]}

    def _ListNodegroups(self, asked: Any) -> Any:  # noqa: N802
        return self._page(list(self.node_groups), "nodegroups", asked.get("nextToken"), "nextToken")

    def _DescribeNodegroup(self, asked: Any) -> Any:  # noqa: N802
        if asked["nodegroupName"] not in self.node_groups:
            raise self.error("ResourceNotFoundException", "DescribeNodegroup")
        return {"nodegroup": self.node_groups[asked["nodegroupName"]]}

    def _DescribeAutoScalingGroups(self, asked: Any) -> Any:  # noqa: N802
        return self._page(self.groups, "AutoScalingGroups", asked.get("NextToken"), "NextToken")

    def _DescribeScalingActivities(self, _: Any) -> Any:  # noqa: N802
        at = datetime(2026, 9, 1, 11, tzinfo=UTC)
        done = {"AutoScalingGroupName": "eks-workers-0ac1", "StatusCode": "Successful", "StartTime": at}
        failed = {**done, "StatusCode": "Failed", "StatusMessage": "No\n capacity", "EndTime": at}
        return {"Activities": [done, failed]}

    def _DescribeAddon(self, _: Any) -> Any:  # noqa: N802
        if self.mode is not Source.POD_IDENTITY:
            raise self.error("ResourceNotFoundException", "DescribeAddon")
        return {"addon": {"status": "ACTIVE"}}

    def _ListPodIdentityAssociations(self, asked: Any) -> Any:  # noqa: N802
        assert (asked["namespace"], asked["serviceAccount"]) == (snapshots.NAMESPACE, snapshots.NAME)
        return {"associations": [{"associationId": "a-1"}] if self.mode is Source.POD_IDENTITY else []}

    def _DescribePodIdentityAssociation(self, _: Any) -> Any:  # noqa: N802
        return {"association": {"associationId": "a-1", "roleArn": snapshots.ROLE_ARN, "disableSessionTags": False}}

    def _GetOpenIDConnectProvider(self, asked: Any) -> Any:  # noqa: N802
        assert asked["OpenIDConnectProviderArn"] == snapshots.PROVIDER_ARN
        return {"Url": snapshots.ISSUER, "ClientIDList": ["sts.amazonaws.com"]}

    def _DescribeInstances(self, asked: Any) -> Any:  # noqa: N802
        assert asked["InstanceIds"] == [INSTANCE]
        hop_limit = 2 if self.mode is Source.NODE_ROLE else 1
        return {"Reservations": [{"Instances": [{"MetadataOptions": {"HttpPutResponseHopLimit": hop_limit}}]}]}

    def _GetRole(self, asked: Any) -> Any:  # noqa: N802
        role = snapshots.role(self.mode)
        if asked["RoleName"] != role.name:
            raise self.error("NoSuchEntity", "GetRole")
        return {"Role": {"RoleName": role.name, "Arn": role.arn, "AssumeRolePolicyDocument": self.trust}}

    def _ListAttachedRolePolicies(self, _: Any) -> Any:  # noqa: N802
        return {"AttachedPolicies": [{"PolicyName": "own", "PolicyArn": "arn:aws:iam::123456789012:policy/own"}]}

    def _GetPolicy(self, _: Any) -> Any:  # noqa: N802
        return {"Policy": {"DefaultVersionId": "v1"}}

    def _GetPolicyVersion(self, _: Any) -> Any:  # noqa: N802
        return {"PolicyVersion": {"Document": self.policy}}

    def _ListRolePolicies(self, _: Any) -> Any:  # noqa: N802
        return {"PolicyNames": []}

    def _SimulatePrincipalPolicy(self, asked: Any) -> Any:  # noqa: N802
        context = {each["ContextKeyName"]: each["ContextKeyValues"] for each in asked.get("ContextEntries", ())}
        owned = context.get(f"aws:ResourceTag/{discovery.cluster_key(snapshots.CLUSTER)}") == ["owned"]
        own_role = asked["PolicySourceArn"] == snapshots.role(self.mode).arn
        results = []
        for action in asked["ActionNames"]:
            allowed = own_role and (owned or action not in iam.WRITE_ACTIONS)
            decision = "allowed" if allowed else "implicitDeny"
            arns = asked.get("ResourceArns") or ["*"]
            results.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": arns[0],
                    "EvalDecision": decision,
                    "ResourceSpecificResults": [
                        {"EvalResourceName": arn, "EvalResourceDecision": decision} for arn in arns if arn != "*"
                    ],
                }
            )
        return {"EvaluationResults": results, "IsTruncated": False}

    @staticmethod
    def _page(items: list[Any], key: str, token: str | None, token_key: str) -> dict[str, Any]:
        start = int(token or 0)
        following = {token_key: str(start + PAGE)} if start + PAGE < len(items) else {}
        return {key: items[start : start + PAGE], **following}


class Cluster:
    """The API server of that cluster, as the doctor's client of Kubernetes.

    Attributes:
        calls: Every request as ``VERB path``, in order.
        denied: Parts of paths that are answered by 403.
        objects: Objects, and lists of objects, by path.
        pages: What the autoscaler's pods serve, by path.
    """

    def __init__(self, mode: Source = Source.IRSA, groups: int = 1) -> None:
        self.calls: list[str] = []
        self.denied: set[str] = set()
        self.logs: dict[str, str] = {}
        self.pages: dict[str, str] = {}
        namespace = f"/api/v1/namespaces/{snapshots.NAMESPACE}"
        annotations = {"eks.amazonaws.com/role-arn": snapshots.ROLE_ARN} if mode is Source.IRSA else {}
        stamp = f"{snapshots.ago(0.2):%Y-%m-%d %H:%M:%S} +0000 UTC"
        names = [f"eks-{name}-0ac1" for name in ["workers", *(f"more{number}" for number in range(1, groups))]]
        status = snapshots.status_text(groups=dict.fromkeys(names, ""))
        self.objects: dict[str, Any] = {
            "/version": {"gitVersion": "v1.33.5-eks-3025e55"},
            "/apis": {"groups": [{"name": "apps", "versions": [{"version": "v1"}]}]},
            "/apis/apps/v1/deployments": [deployment(), other_deployment()],
            f"{namespace}/pods": [pod(mode)],
            f"{namespace}/serviceaccounts": [{"metadata": {"name": snapshots.NAME, "annotations": annotations}}],
            f"{namespace}/configmaps/cluster-autoscaler-status": {
                "metadata": {"annotations": {"cluster-autoscaler.kubernetes.io/last-updated": stamp}},
                "data": {"status": status},
            },
            f"/apis/coordination.k8s.io/v1/namespaces/{snapshots.NAMESPACE}/leases/{snapshots.NAME}": {
                "spec": {"holderIdentity": "cluster-autoscaler-1", "renewTime": "2026-09-01T11:59:58.123456Z"}
            },
            f"{namespace}/secrets": [
                {"metadata": {"labels": {"version": "1", "status": "superseded"}}},
                {"metadata": {"labels": {"version": "2", "status": "deployed"}}},
            ],
            f"{namespace}/events": [],
            "/api/v1/events": [],
            "/api/v1/nodes": [node()],
            "/api/v1/pods": [],
            "/api/v1/persistentvolumes": [],
            AGENT: {"status": {"desiredNumberScheduled": 1, "numberReady": 1}} if mode is Source.POD_IDENTITY else None,
        }

    def _answer(self, verb: str, path: str) -> Any:
        self.calls.append(f"{verb} {path}")
        if any(part in path for part in self.denied):
            return Unreadable(f"{verb} {path}", True, "forbidden")
        return json.loads(json.dumps(self.objects.get(path)))

    def read(self, path: str, **query: str) -> Reading[Any]:
        return self._answer("get", path)

    def read_all(self, path: str, **query: str) -> Reading[list[Any]]:
        found = self._answer("list", path)
        return [] if found is None else found

    def read_labels(self, path: str, **query: str) -> Reading[list[Any]]:
        return self.read_all(path, **query)

    def read_text(self, path: str, **query: str) -> Reading[str | None]:
        found = self._answer("get", path)
        if isinstance(found, Unreadable):
            return found
        return self.logs.get("previous" if query.get("previous") else "current")

    def ask_pod(self, namespace: str, pod: str, port: int, page: str, seconds: float) -> Reading[str | None]:
        found = self._answer("get", f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{page}")
        return found if isinstance(found, Unreadable) else self.pages.get(page)

    def review(self, spec: Any) -> Reading[bool]:
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        found = self._answer("create", path)
        return found if isinstance(found, Unreadable) else spec["user"].endswith(":kube-system:cluster-autoscaler")


def deployment() -> dict[str, Any]:
    """The Deployment as ``kubectl get --output json`` shows it."""
    like = snapshots.deployment()
    return {
        "metadata": {"namespace": like.namespace, "name": like.name, "labels": dict(like.labels)},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": dict(like.selector)},
            "template": {
                "metadata": {"annotations": dict(like.pod_annotations)},
                "spec": {
                    "serviceAccountName": like.service_account,
                    "containers": [
                        {
                            "name": "aws-cluster-autoscaler",
                            "image": like.image,
                            "command": list(like.arguments),
                            "env": [
                                {"name": "AWS_REGION", "value": "us-east-1"},
                                {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {}}},
                                {"name": "DB_PASSWORD", "value": "hunter2"},
                            ],
                            "resources": {"limits": {"memory": "600Mi"}},
                        }
                    ],
                },
            },
        },
    }


def other_deployment() -> dict[str, Any]:
    """One that is no autoscaler of nodes, whatever its name."""
    image = "registry.k8s.io/cpa/cluster-proportional-autoscaler:v1.9.0"
    return {
        "metadata": {"namespace": "kube-system", "name": "coredns-autoscaler"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    }


def pod(mode: Source) -> dict[str, Any]:
    environment = [{"name": name, "value": value} for name, value in snapshots.environment(mode).items()]
    container = {**deployment()["spec"]["template"]["spec"]["containers"][0], "env": environment}
    return {
        "metadata": {"namespace": "kube-system", "name": "cluster-autoscaler-1"},
        "spec": {"nodeName": snapshots.node().name, "serviceAccountName": snapshots.NAME, "containers": [container]},
        "status": {
            "phase": "Running",
            "startTime": "2026-09-01T02:00:00Z",
            "containerStatuses": [
                {
                    "name": "aws-cluster-autoscaler",
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": "2026-09-01T02:00:05Z"}},
                }
            ],
        },
    }


def node() -> dict[str, Any]:
    like = snapshots.node()
    return {
        "metadata": {"name": like.name, "labels": dict(like.labels)},
        "spec": {"providerID": f"aws:///us-east-1a/{like.instance_id}"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }

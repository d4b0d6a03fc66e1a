"""A watch over the autoscaler while something is done to its stack: who runs, who leads, and what each pod may do.

Twice a second every running pod's own way to credentials is walked afresh (its token, its role, its node), as the pod
itself would have to after a restart, and a write is tried with what comes out. A pod that holds older credentials may
work a while longer; the watch does not count on it.
"""

import threading
import time
import urllib.error
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException

from sandbox.kubelet.identity import identity_in
from sandbox.tests.harness import Sandbox
from tests.e2e.program import identity

INTERVAL = 0.5
"""Seconds between two observations."""

_NAME = "cluster-autoscaler"
_LABEL = f"app={_NAME}"
_HOPS_TO_A_POD = 2


class Observation(NamedTuple):
    """What one observation found.

    Attributes:
        at: When, in seconds of the monotonic clock.
        pods: Each running pod that is not on its way out, and why it may not write; empty where it may.
        deployments: Every Deployment in the cluster that runs Cluster Autoscaler.
        leader: Who holds the lease; empty when no pod does.
        unreachable: Why the API server could not be asked; empty where it could.
    """

    at: float
    pods: Mapping[str, str] = {}
    deployments: tuple[str, ...] = ()
    leader: str = ""
    unreachable: str = ""

    @property
    def able(self) -> bool:
        """Whether one running pod at least may write."""
        return any(not why for why in self.pods.values())


class Watch:
    """Observes from a separate thread, from `with` to the end of the block.

    Args:
        sandbox: Where.
        cluster: The cluster.
        group: An Auto Scaling Group of size 0, which is set to 0 again and again.
    """

    def __init__(self, sandbox: Sandbox, cluster: str, group: str) -> None:
        self.observations: list[Observation] = []
        self._sandbox, self._cluster, self._group = sandbox, cluster, group
        self._ec2 = sandbox.client("ec2")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")
        self._broken: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._broken:
            raise self._broken

    @property
    def without_permissions(self) -> float:
        """The longest time, in seconds, in which pods ran and none of them could have got what it needs."""
        return longest(self.observations, lambda observation: bool(observation.pods) and not observation.able)

    @property
    def without_pods(self) -> float:
        """The longest time in which no pod ran at all."""
        return longest(self.observations, lambda observation: not observation.pods and not observation.unreachable)

    @property
    def unreachable(self) -> float:
        """The longest time in which the API server did not answer."""
        return longest(self.observations, lambda observation: bool(observation.unreachable))

    @property
    def most_deployments(self) -> int:
        """The most Deployments of Cluster Autoscaler seen at once."""
        return max(len(observation.deployments) for observation in self.observations)

    @property
    def reasons(self) -> list[str]:
        """Why a pod could not, each reason once."""
        return sorted({why for observation in self.observations for why in observation.pods.values() if why})

    def observe(self) -> Observation:
        """One observation, now."""
        at = time.monotonic()
        try:
            with self._sandbox.kubernetes(self._cluster) as api:
                api.configuration.retries = False
                running = [
                    pod
                    for pod in client.CoreV1Api(api)
                    .list_namespaced_pod(identity.NAMESPACE, label_selector=_LABEL, _request_timeout=5)
                    .items
                    if pod.metadata.deletion_timestamp is None and _ready(pod)
                ]
                return Observation(
                    at,
                    {pod.metadata.name: self._why_not(api.sanitize_for_serialization(pod)) for pod in running},
                    deployments(api),
                    _leader(api),
                )
        except (urllib3.exceptions.HTTPError, ConfigException, OSError) as error:
            return Observation(at, unreachable=str(error) or type(error).__name__)
        except ApiException as error:
            if error.status and error.status < 500:
                raise
            return Observation(at, unreachable=str(error.reason))

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self.observations.append(self.observe())
                self._ended.wait(INTERVAL)
            self.observations.append(self.observe())
        except Exception as error:
            self._broken = error

    def _why_not(self, pod: Mapping[str, Any]) -> str:
        try:
            asg = identity.as_(self._sandbox, self._credentials(pod), "autoscaling")
            asg.set_desired_capacity(AutoScalingGroupName=self._group, DesiredCapacity=0)
        except (ClientError, BotoCoreError) as error:
            return f"{identity_in(pod).kind}: {error}"
        except ApiException as error:
            return f"{identity_in(pod).kind}: no token: {error.reason}"
        except (LookupError, urllib.error.HTTPError) as error:
            return f"{identity_in(pod).kind}: {error}"
        return ""

    def _credentials(self, pod: Mapping[str, Any]) -> dict[str, str]:
        """What the pod would get, by what stands in it."""
        account, instance = pod["spec"]["serviceAccountName"], self._instance(pod["spec"]["nodeName"])
        match identity_in(pod).kind:
            case "irsa":
                (container,) = pod["spec"]["containers"]
                (role,) = [each["value"] for each in container["env"] if each["name"] == "AWS_ROLE_ARN"]
                return identity.by_web_identity(self._sandbox, self._cluster, role, account)
            case "podIdentity":
                return identity.by_pod_identity(self._sandbox, self._cluster, instance["InstanceId"], account)
            case _:
                if instance["MetadataOptions"]["HttpPutResponseHopLimit"] < _HOPS_TO_A_POD:
                    raise LookupError("the instance's metadata service does not answer pods (hop limit 1)")
                return identity.by_node(self._sandbox, instance["InstanceId"])

    def _instance(self, node: str) -> Mapping[str, Any]:
        # Addresses, and with them names, come back with the next instance.
        wanted = {"private-dns-name": node, "instance-state-name": "running"}
        filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        found = self._ec2.describe_instances(Filters=filters)["Reservations"]
        if not found:
            raise LookupError(f"no running instance is called {node}")
        return dict(found[0]["Instances"][0])


def longest(observations: list[Observation], bad: Callable[[Observation], bool]) -> float:
    """The longest time from a bad observation to the next good one, or to the last one."""
    worst, since = 0.0, None
    for observation in observations:
        if bad(observation):
            since = observation.at if since is None else since
        if since is not None:
            worst = max(worst, observation.at - since)
        if not bad(observation):
            since = None
    return worst


def _ready(pod: Any) -> bool:
    return pod.status.phase == "Running" and all(each.ready for each in pod.status.container_statuses or [])


def deployments(api: client.ApiClient) -> tuple[str, ...]:
    """Every Deployment whose container is Cluster Autoscaler, whatever it is called."""
    return tuple(
        f"{each.metadata.namespace}/{each.metadata.name}"
        for each in client.AppsV1Api(api).list_deployment_for_all_namespaces(_request_timeout=5).items
        if any("cluster-autoscaler" in container.image for container in each.spec.template.spec.containers)
    )


def _leader(api: client.ApiClient) -> str:
    try:
        lease = client.CoordinationV1Api(api).read_namespaced_lease(_NAME, identity.NAMESPACE, _request_timeout=5)
    except ApiException as error:
        if error.status == 404:
            return ""
        raise
    return str(lease.spec.holder_identity or "")

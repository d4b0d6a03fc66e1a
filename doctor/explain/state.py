"""The state of a cluster that the answers need beyond the snapshot: nodes, pods, budgets, volumes and DaemonSets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import CannotCheckError
from ..readings import Reading, Unreadable
from .addition import InstanceType
from .fit import Occupied, Surroundings
from .reserved import with_reserved
from .workload import ENDED, Budget, Machine, Workload

T = TypeVar("T")


@dataclass(frozen=True)
class ClusterState:
    """The lists of the cluster's objects. A list that could not be read stops only the answers that need it.

    Attributes:
        nodes: Every node.
        pods: Every pod.
        claim_zones: Zones in which the volume of a claim is, by ``namespace/claim``.
        budgets: Every PodDisruptionBudget.
        daemons: A pod of every DaemonSet, as its template makes it.
        instance_types: Sizes of the instance types of groups, from EC2; empty without the right to ask.
        templates: The autoscaler's own node template of each group, with the pods of DaemonSets on it; empty unless it
            runs with `--debugging-snapshot-enabled`.
        reserved: Pods that the autoscaler simulates for CapacityBuffers; empty without the flag that turns them on.
    """

    nodes: Reading[tuple[Machine, ...]]
    pods: Reading[tuple[Workload, ...]]
    claim_zones: Reading[Mapping[str, frozenset[str]]]
    budgets: Reading[tuple[Budget, ...]]
    daemons: Reading[tuple[Workload, ...]]
    instance_types: Mapping[str, InstanceType] = field(default_factory=dict)
    templates: Mapping[str, Occupied] = field(default_factory=dict)
    reserved: Reading[tuple[Workload, ...]] = ()

    def surroundings(self) -> Surroundings:
        """Return every node with its pods, and where volumes are.

        Raises:
            CannotCheckError: When nodes, pods or volumes could not be listed.
        """
        by_node: dict[str, list[Workload]] = {}
        for each in known(self.pods):
            if each.node and each.phase not in ENDED:
                by_node.setdefault(each.node, []).append(each)
        return Surroundings(
            nodes=tuple(Occupied(node, tuple(by_node.get(node.name, ()))) for node in known(self.nodes)),
            claim_zones=known(self.claim_zones),
        )

    def simulated(self) -> Surroundings:
        """Return the surroundings as the autoscaler simulates them: with the pods of CapacityBuffers on the nodes.

        Raises:
            CannotCheckError: When nodes, pods, volumes or CapacityBuffers could not be listed.
        """
        return with_reserved(self.surroundings(), known(self.reserved))

    def pod(self, namespace: str, name: str) -> Workload:
        """Return one pod.

        Raises:
            CannotCheckError: When it does not exist, or pods could not be listed.
        """
        found = next((pod for pod in known(self.pods) if (pod.namespace, pod.name) == (namespace, name)), None)
        if found is None:
            raise CannotCheckError(
                f"The pod {namespace}/{name} does not exist. To list pods: kubectl --namespace {namespace} get pods"
            )
        return found

    def listed_budgets(self) -> Sequence[Budget]:
        """Return every PodDisruptionBudget.

        Raises:
            CannotCheckError: When they could not be listed.
        """
        return known(self.budgets)

    def listed_daemons(self) -> Sequence[Workload]:
        """Return a pod of every DaemonSet.

        Raises:
            CannotCheckError: When DaemonSets could not be listed.
        """
        return known(self.daemons)


def known(reading: Reading[T]) -> T:
    """Return what was read.

    Raises:
        CannotCheckError: When it could not be read, with what to do.
    """
    if isinstance(reading, Unreadable):
        way = f"allow `{reading.call}` to your user" if reading.denied else "fix the network path to the API server"
        raise CannotCheckError(f"{reading.call}: {reading.message}. To get an answer, {way}.")
    return reading

"""Test cases made from bundles: what `ca-doctor bundle` wrote of a cluster, for checks and answers to work on."""

from pathlib import Path
from typing import NamedTuple

from doctor.bundle import archive
from doctor.case import Case
from doctor.explain.addition import PodAnswer, explain_pod
from doctor.explain.removal import NodeAnswer, explain_nodes
from doctor.explain.state import ClusterState


class Bundled(NamedTuple):
    """A cluster from a bundle."""

    case: Case
    state: ClusterState

    def nodes(self) -> list[NodeAnswer]:
        """Why each node stays."""
        return explain_nodes(self.case, self.state.simulated(), self.state.listed_budgets())

    def pod(self, namespace: str, name: str) -> PodAnswer:
        """Why a pod gets no node."""
        state = self.state
        return explain_pod(
            self.case,
            state.pod(namespace, name),
            state.surroundings(),
            state.listed_daemons(),
            state.instance_types,
            state.templates,
        )


def bundled(file: Path) -> Bundled:
    """The cluster of a bundle."""
    contents = archive.read(file)
    return Bundled(Case(contents.snapshot), contents.state)

"""Options that every command shares: the cluster, and how to reach it."""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from . import clients
from ._shared import kubeconfig as kubeconfigs
from .errors import CannotCheckError
from .facts import Cluster
from .gather import Connect
from .readings import Reading, Unreadable
from .target import Target, read_outputs, read_stack, target_of

KubeconfigOption = Annotated[
    Path | None, typer.Option(help="A kubeconfig file, instead of the stack's or one created from EKS.")
]
ContextOption = Annotated[
    str | None, typer.Option(help="A context of your kubeconfig, instead of the stack's kubeconfig.")
]
BundleOption = Annotated[
    Path | None,
    typer.Option(help="A file that `ca-doctor bundle` wrote: work offline, on its contents.", show_default=False),
]


@dataclass(frozen=True)
class Place:
    """The options that name a cluster and how to reach it, each declared once for all commands; see ``with_place``."""

    stack: Annotated[
        str | None, typer.Option(help="A stack of this project. Default: the selected one.", show_default=False)
    ] = None
    outputs: Annotated[
        Path | None, typer.Option(help="Outputs of a stack in a file, as from `pulumi stack output --json`.")
    ] = None
    cluster: Annotated[str | None, typer.Option(help="Name of any EKS cluster, however it was created.")] = None
    region: Annotated[
        str | None, typer.Option(help="Region of that cluster.", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"])
    ] = None
    project: Annotated[Path, typer.Option(help="Directory of the Pulumi project, for --stack.")] = Path()
    kubeconfig: KubeconfigOption = None
    context: ContextOption = None

    def target(self) -> Target:
        """Return the one cluster that the options name.

        Raises:
            CannotCheckError: If they name several clusters, or none and the project has no selected stack.
        """
        given = {"--stack": self.stack, "--outputs": self.outputs, "--cluster": self.cluster}
        names = [name for name, value in given.items() if value is not None]
        selected = not names and (self.project / "Pulumi.yaml").exists()
        if len(names) != 1 and not selected:
            raise CannotCheckError(
                f"Got {' and '.join(names) or 'no cluster'}; expected one of --stack STACK, --outputs FILE, "
                "or --cluster NAME --region REGION."
            )
        if self.cluster is not None:
            if not self.region:
                raise CannotCheckError(
                    f"Got --cluster {self.cluster} without a region; expected --region REGION, or AWS_REGION."
                )
            target = Target(self.cluster, self.region)
        else:
            found = read_outputs(self.outputs) if self.outputs is not None else read_stack(self.stack, self.project)
            target = target_of(found, self.stack or "")
        file = str(self.kubeconfig) if self.kubeconfig else None
        return replace(target, kubeconfig_file=file, context=self.context)

    def refuse_with_bundle(self, **others: object) -> None:
        """Refuse options that make no sense with ``--bundle``, which names its cluster itself.

        Raises:
            CannotCheckError: If one of them is given.
        """
        own = ("stack", "outputs", "cluster", "kubeconfig", "context")
        given = {name: getattr(self, name) for name in own} | others
        named = [f"--{name}" for name, value in given.items() if value]
        if named:
            raise CannotCheckError(
                f"Got --bundle and {named[0]}; expected one of them: a bundle is of one cluster and moment."
            )


def with_place(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``Place``; the command gets them as its parameter ``place``."""
    own, options = inspect.signature(command), inspect.signature(Place).parameters
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, declared in own.parameters.items()
        for parameter in (options.values() if name == "place" else (declared,))
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        place = Place(**{name: given.pop(name) for name in options})
        command(place=place, **given)

    # Typer reads the signature of a command.
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def connector(target: Target, aws: clients.Aws) -> Connect:
    """Return how to reach the API server: by the given file or context, the stack's kubeconfig, or EKS.

    The kubeconfig of this project's stacks is what EKS describes, so the token is signed here instead of by the AWS
    CLI; another one may name another role, profile or program, and is used as it is.
    """

    def connect(cluster: Reading[Cluster]) -> Reading[clients.Kubernetes]:
        if target.kubeconfig_file or target.context:
            return clients.connect_kubernetes(None, target.kubeconfig_file, target.context)
        if target.kubeconfig is not None and target.kubeconfig != _own_kubeconfig(cluster):
            return clients.connect_kubernetes(dict(target.kubeconfig), None, None)
        if isinstance(cluster, Unreadable):
            return cluster
        if not cluster.endpoint:
            return Unreadable("eks:DescribeCluster", False, f"the cluster is {cluster.status} and has no endpoint")
        return clients.connect_eks(aws, cluster)

    return connect


def _own_kubeconfig(cluster: Reading[Cluster]) -> Any:
    """The kubeconfig that a stack of this project has for a cluster; None if the cluster could not be read."""
    if isinstance(cluster, Unreadable):
        return None
    made = kubeconfigs.kubeconfig(cluster.name, cluster.endpoint, cluster.certificate_authority, cluster.region)
    return json.loads(made)

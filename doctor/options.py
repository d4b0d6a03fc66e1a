"""Options that every command shares: the cluster, and how to reach it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from . import clients
from ._shared import kubeconfig as kubeconfigs
from .errors import CannotLookError
from .facts import Cluster
from .gather import Connect
from .readings import Reading, Unreadable
from .target import Target, read_outputs, read_stack, target_of

StackOption = Annotated[
    str | None, typer.Option(help="A stack of this project. Default: the selected one.", show_default=False)
]
OutputsOption = Annotated[
    Path | None, typer.Option(help="The same outputs in a JSON file, as `pulumi stack output --json` prints them.")
]
ClusterOption = Annotated[str | None, typer.Option(help="Name of any EKS cluster, however it was created.")]
RegionOption = Annotated[
    str | None, typer.Option(help="Region of that cluster.", envvar=["AWS_REGION", "AWS_DEFAULT_REGION"])
]
ProjectOption = Annotated[Path, typer.Option(help="Directory of the Pulumi project, for --stack.")]
KubeconfigOption = Annotated[
    Path | None, typer.Option(help="A kubeconfig file, instead of the stack's or one created from EKS.")
]
ContextOption = Annotated[
    str | None, typer.Option(help="A context of your kubeconfig, instead of the stack's kubeconfig.")
]
BundleOption = Annotated[
    Path | None,
    typer.Option(help="A file that `ca-doctor bundle` wrote: work offline, on what it holds.", show_default=False),
]


def refuse_with_bundle(**given: object) -> None:
    """Refuse options that make no sense with ``--bundle``, which names its cluster itself.

    Raises:
        CannotLookError: When one of them is given.
    """
    named = [f"--{name}" for name, value in given.items() if value]
    if named:
        raise CannotLookError(
            f"Got --bundle and {named[0]}; expected one of them: a bundle is of one cluster and moment."
        )


def chosen_target(
    stack: str | None,
    outputs: Path | None,
    cluster: str | None,
    region: str | None,
    project: Path,
    kubeconfig: Path | None,
    context: str | None,
) -> Target:
    """Return the one cluster that the options name.

    Raises:
        CannotLookError: If they name several clusters, or none and the project has no selected stack.
    """
    given = {"--stack": stack, "--outputs": outputs, "--cluster": cluster}
    names = [name for name, value in given.items() if value is not None]
    selected = not names and (project / "Pulumi.yaml").exists()
    if len(names) != 1 and not selected:
        raise CannotLookError(
            f"Got {' and '.join(names) or 'no cluster'}; expected one of --stack STACK, --outputs FILE, "
            "or --cluster NAME --region REGION."
        )
    if cluster is not None:
        if not region:
            raise CannotLookError(f"Got --cluster {cluster} without a region; expected --region REGION, or AWS_REGION.")
        target = Target(cluster, region)
    else:
        found = read_outputs(outputs) if outputs is not None else read_stack(stack, project)
        target = target_of(found, stack or "")
    file = str(kubeconfig) if kubeconfig else None
    return replace(target, kubeconfig_file=file, context=context)


def connector(target: Target) -> Connect:
    """Return how to reach the API server: by the given file or context, the stack's kubeconfig, or EKS."""

    def connect(cluster: Reading[Cluster]) -> Reading[clients.Kubernetes]:
        if target.kubeconfig_file or target.context:
            return clients.connect_kubernetes(None, target.kubeconfig_file, target.context)
        if target.kubeconfig is not None:
            return clients.connect_kubernetes(dict(target.kubeconfig), None, None)
        if isinstance(cluster, Unreadable):
            return cluster
        if not cluster.endpoint:
            return Unreadable("eks:DescribeCluster", False, f"the cluster is {cluster.status} and has no endpoint")
        made = kubeconfigs.kubeconfig(cluster.name, cluster.endpoint, cluster.certificate_authority, cluster.region)
        return clients.connect_kubernetes(json.loads(made), None, None)

    return connect

"""The hop limit of the nodes' metadata service fits the way in which Cluster Autoscaler gets its credentials."""

from collections.abc import Iterator

from pulumi_policy import PolicyResource

from .model.autoscaler import (
    AUTOSCALER_TYPES,
    ROLE_ANNOTATION,
    Autoscaler,
    HelmAutoscaler,
    autoscaler_in,
)
from .model.memory import asked
from .model.properties import dig, has, peek, whole
from .model.rule import Rule, Settings, text
from .model.stack import LAUNCH_TEMPLATE, POD_IDENTITY_ASSOCIATION, SERVICE_ACCOUNT, Stack
from .model.tags import launches_nodes

_HOPS = {"irsa": 1, "podIdentity": 1, "nodeRole": 2}


def _judge(template: PolicyResource, stack: Stack, settings: Settings) -> Iterator[str]:
    if not launches_nodes(template, stack):
        return
    chosen = settings.text("credentials")
    modes = {chosen} if chosen != "auto" else _modes(stack)
    if not modes:
        return
    limit = whole(dig(asked(template), "metadataOptions", "httpPutResponseHopLimit"), 0)
    fitting = {_HOPS[mode] for mode in modes}
    if limit not in fitting:
        yield (
            f"metadataOptions.httpPutResponseHopLimit is {limit or 'not set'}; expected "
            f"{' or '.join(map(str, sorted(fitting)))} for credentials by {' and '.join(sorted(modes))}."
        )


def _modes(stack: Stack) -> set[str]:
    """Return how the autoscalers of a stack get credentials; empty if another stack runs them."""
    found = (autoscaler_in(resource) for resource in stack.of(*AUTOSCALER_TYPES))
    return {_mode(autoscaler, stack) for autoscaler in found if autoscaler}


def _mode(autoscaler: Autoscaler, stack: Stack) -> str:
    if _has_role(autoscaler, stack):
        return "irsa"
    associations = stack.of(POD_IDENTITY_ASSOCIATION)
    # A name that is not known yet may be any, so it counts as this one.
    if any(peek(one.props, "serviceAccount") in (None, autoscaler.service_account) for one in associations):
        return "podIdentity"
    return "nodeRole"


def _has_role(autoscaler: Autoscaler, stack: Stack) -> bool:
    if isinstance(autoscaler, HelmAutoscaler) and has(
        autoscaler.value("rbac", "serviceAccount", "annotations"), ROLE_ANNOTATION
    ):
        return True
    return any(
        peek(account.props, "metadata", "name") in (None, autoscaler.service_account)
        and has(dig(account.props, "metadata", "annotations"), ROLE_ANNOTATION)
        for account in stack.of(SERVICE_ACCOUNT)
    )


RULE = Rule(
    name="hop-limit-fits-credentials",
    reason=(
        "With hop limit 2 every pod can use the node's role. With hop limit 1 none can, so Cluster Autoscaler finds no "
        "credentials if it depends on the node's role."
    ),
    fix=(
        "Set metadataOptions.httpPutResponseHopLimit in the nodes' launch template: 1 with IRSA or Pod Identity, 2 "
        "with credentials from the node's role."
    ),
    types=(LAUNCH_TEMPLATE,),
    settings={
        "credentials": text(
            "auto",
            "How Cluster Autoscaler gets its credentials, for stacks that make nodes and run it elsewhere; `auto` "
            "reads it from the stack.",
            choices=("auto", *_HOPS),
        )
    },
).per_stack(_judge)

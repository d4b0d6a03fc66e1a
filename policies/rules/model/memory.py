"""What resources were asked to be, kept for the rules about the stack.

A rule about the stack is given the outputs of resources. A preview has none where the provider's own settings wait for
something that is still to be made, as the Kubernetes provider of a new cluster does: the engine then asks no provider
and hands over an empty resource (provider_plugin.go of 3.259). Its inputs went by earlier in the same process, on their
way through the rules about one resource, and an output that is missing is what was asked for, as far as is known.
"""

from collections.abc import Mapping

from pulumi_policy import PolicyResource, ResourceValidationArgs
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UnknownValueError

_inputs: dict[str, Mapping[str, object]] = {}


def remember(resource: ResourceValidationArgs) -> None:
    """Keeps the inputs of a resource."""
    _inputs[resource.urn] = resource.props


def recall(resource: PolicyResource) -> None:
    """Gives a resource without outputs its inputs back."""
    resource.props = resource.props or _inputs.get(resource.urn, {})


def asked(resource: PolicyResource) -> Mapping[str, object]:
    """Return the inputs of a resource, or its outputs where no rule about one resource has seen it.

    A preview has no output for a computed property that the program leaves out, such as a launch template's
    `metadataOptions`. A rule about what the program leaves out needs the inputs.
    """
    return _inputs.get(resource.urn, resource.props)


def forget() -> None:
    """Forgets all inputs; a pack serves one preview or update, and tests serve many."""
    _inputs.clear()


def require(resource: PolicyResource) -> None:
    """Makes sure that anything is known about a resource.

    Raises:
        UnknownValueError: It has neither outputs nor inputs that were kept.
    """
    if not resource.props:
        raise UnknownValueError(UNKNOWN_OBJECT_VALUE, [resource.name])

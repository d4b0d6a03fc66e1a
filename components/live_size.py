"""Send the number of nodes that a group has, whenever an update must send one (docs/decisions/0007)."""

from collections.abc import Mapping
from typing import Any

import pulumi

from .invoking import Refused, ask
from .pure import sizes
from .pure.sizes import LiveGroup, Sizes

DESIRED_SIZE = "scalingConfig.desiredSize"
"""Path of the desired size for ``ignore_changes``.

In camelCase: the engine finds nothing under ``scaling_config.desired_size``. Only this path: all of ``scalingConfig``
would freeze the minimum and the maximum too.
"""

LIST = "aws:eks/getNodeGroups:getNodeGroups"
DESCRIBE = "aws:eks/getNodeGroup:getNodeGroup"
NO_CLUSTER = "ResourceNotFoundException"
"""What EKS answers while the cluster of the program does not exist."""


class LiveSize:
    """A resource transform for a managed node group that ignores changes of its desired size.

    While the program changes neither limits nor anything that replaces the group, the desired size stays ignored:
    nothing is sent, and a preview shows nothing of what Cluster Autoscaler does. Otherwise the transform sends the live
    size, kept within the requested minimum and maximum.
    """

    def __init__(self, owner: pulumi.Resource, group: str) -> None:
        """Prepare the transform.

        Args:
            owner: Component whose AWS provider describes the group.
            group: Name of the node group's resource.
        """
        self._owner = owner
        self._group = group

    async def __call__(self, args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        """Return the inputs with the live size, or None to leave the inputs and the ignored change alone."""
        # The engine hands over Outputs; what is not known before the update stays an Unknown.
        requested: Any = await pulumi.Output.from_input(dict(args.props)).future(with_unknowns=True) or {}
        scaling = requested["scalingConfig"]
        if pulumi.contains_unknowns(scaling) or (live := await self._live(requested)) is None:
            return None
        minimum, maximum = int(scaling["minSize"]), int(scaling["maxSize"])
        desired = sizes.desired_size(live, minimum, maximum, requested)
        if desired is None:
            return None
        if desired < live.sizes.desired:
            pulumi.log.warn(
                f"Node group {live.name} has {live.sizes.desired} nodes and maxSize is now {maximum}: "
                f"EKS terminates {live.sizes.desired - desired} of them.",
                self._owner,
            )
        # By apply: limits that are Outputs keep their dependencies.
        sent = pulumi.Output.from_input(args.props["scalingConfig"]).apply(lambda it: {**it, "desiredSize": desired})
        inputs = {**args.props, "scalingConfig": sent}
        args.opts.ignore_changes = [path for path in args.opts.ignore_changes or [] if path != DESIRED_SIZE]
        return pulumi.ResourceTransformResult(inputs, args.opts)

    async def _live(self, requested: Mapping[str, Any]) -> LiveGroup | None:
        """Return the node group that the resource stands for, or None if there is none or it cannot be read."""
        cluster, template = requested["clusterName"], requested["launchTemplate"]["id"]
        if pulumi.contains_unknowns([cluster, template]):
            return None
        try:
            names = (await ask(self._owner, LIST, clusterName=cluster))["names"]
            found = [
                await ask(self._owner, DESCRIBE, clusterName=cluster, nodeGroupName=name)
                for name in names
                if sizes.may_be_of(self._group, name)
            ]
        except Refused as error:
            if NO_CLUSTER not in str(error):
                pulumi.log.warn(
                    f"Cannot read the live size of node group {self._group}, so a change of minSize or maxSize sends "
                    "the size in Pulumi's state. Allow eks:ListNodegroups and eks:DescribeNodegroup, or run "
                    f"`pulumi up --refresh`. {error}",
                    self._owner,
                )
            return None
        candidates = [group for group in map(_live_group, found) if group.template_id == template]
        return sizes.current(sizes.own(self._group, candidates), requested)


def _live_group(found: Mapping[str, Any]) -> LiveGroup:
    """Return a node group as ``getNodeGroup`` answers, which spells blocks in the plural."""
    scaling = found["scalingConfigs"][0]
    return LiveGroup(
        name=found["nodeGroupName"],
        sizes=Sizes(*(int(scaling[key]) for key in ("minSize", "maxSize", "desiredSize"))),
        template_id=next((template["id"] for template in found["launchTemplates"]), ""),
        properties=found,
    )

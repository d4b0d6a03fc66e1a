"""The Helm release has a name of the program's choice."""

import re
from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model.autoscaler import is_autoscaler_chart
from .model.properties import dig
from .model.rule import Rule, Settings
from .model.stack import RELEASE


def _judge(release: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    if not is_autoscaler_chart(release):
        return
    name = str(dig(release.props, "name") or "")
    # The provider fills in a name before policies see the inputs: the resource's own and eight hexadecimal digits.
    if not name or re.fullmatch(re.escape(release.name) + "-[0-9a-f]{7,8}", name):
        yield f"The release's name is {name or 'not set'}, made up by the provider; expected one from the program."


RULE = Rule(
    name="release-name-fixed",
    reason=(
        "A made-up release name changes when the release is replaced, and with it every object the chart names after "
        "it. The new release then runs beside the old one, under another service account than the role trusts."
    ),
    fix='Set name of the Release, for example to "cluster-autoscaler".',
    types=(RELEASE,),
).per_resource(_judge)

"""The image knows every flag and expander that the program gives it."""

from collections.abc import Iterator

from pulumi_policy import ResourceValidationArgs

from .model.autoscaler import AUTOSCALER_TYPES, autoscaler_in
from .model.flags import EXPANDERS, minors_with
from .model.rule import Rule, Settings


def _judge(resource: ResourceValidationArgs, _: Settings) -> Iterator[str]:
    autoscaler = autoscaler_in(resource)
    if autoscaler is None:
        return
    flags = autoscaler.flags
    for value in flags.get("expander", ()):
        for name in value.split(","):
            if name not in EXPANDERS:
                expected = f"{', '.join(EXPANDERS)}, or several joined by commas without spaces"
                yield f"expander is {name!r}; expected {expected}."
    minor = autoscaler.image.minor
    if minor is None:
        return
    for flag in flags:
        if minors := minors_with(flag, minor):
            known = ", ".join(map(_dotted, minors))
            yield f"Cluster Autoscaler {_dotted(minor)} does not have the flag {flag}, which exists in {known}."


def _dotted(minor: tuple[int, int]) -> str:
    return ".".join(map(str, minor))


RULE = Rule(
    name="flags-fit-image",
    reason=(
        "Cluster Autoscaler exits at once on a flag that its version does not have, on the expander price (AWS has "
        "no prices), and on an unknown expander name, which a space after a comma also creates."
    ),
    fix="Remove the flag, or run the image that has it. Set expander to one that works on AWS, such as least-waste.",
    types=AUTOSCALER_TYPES,
).per_resource(_judge)

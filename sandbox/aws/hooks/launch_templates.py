"""EC2 launch templates as Auto Scaling and EKS use them, and with the tags that they have now."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import ec2

from sandbox.aws.errors import ApiError
from sandbox.aws.hooking import Hook, wrap
from sandbox.aws.query_protocol import EC2, Response, parse, render

Data = dict[str, Any]


@dataclass(frozen=True)
class LaunchTemplate:
    """One version of a launch template.

    Attributes:
        id: Such as ``lt-0abc``.
        name: Its name.
        version: The number that a specification's ``$Latest``, ``$Default`` or number stands for now.
        data: Its ``LaunchTemplateData``; a copy.
    """

    id: str
    name: str
    version: int
    data: Data


def resolve(specification: Mapping[str, str]) -> LaunchTemplate:
    """The version that a specification (``LaunchTemplateId`` or ``-Name``, ``Version``) stands for.

    Raises:
        ApiError: ``ValidationError``, in Auto Scaling's words: no such template or version.
    """
    wanted = specification.get("LaunchTemplateId") or specification.get("LaunchTemplateName")
    record = next(
        (
            one
            for one in ec2._launch_templates.values()
            if wanted in (one["LaunchTemplateId"], one["LaunchTemplateName"])
        ),
        None,
    )
    if record is None:
        raise ApiError(
            "ValidationError",
            "You must use a valid fully-formed launch template. "
            f"The specified launch template, with template ID {wanted}, does not exist.",
        )
    asked = specification.get("Version") or "$Default"
    aliases = {"$Latest": record["LatestVersionNumber"], "$Default": record["DefaultVersionNumber"]}
    for version in record["Versions"]:
        if str(version["VersionNumber"]) == str(aliases.get(asked, asked)):
            data = copy.deepcopy(version["LaunchTemplateData"])
            return LaunchTemplate(
                record["LaunchTemplateId"], record["LaunchTemplateName"], version["VersionNumber"], data
            )
    raise ApiError(
        "ValidationError",
        "You must use a valid fully-formed launch template. "
        f"Could not find launch template version {asked} of launch template {record['LaunchTemplateId']}.",
    )


def create(name: str, data: Data, tags: Mapping[str, str]) -> LaunchTemplate:
    """Makes a launch template with these data as its version 1."""
    ec2._create_launch_template({"LaunchTemplateName": name})
    template = resolve({"LaunchTemplateName": name})
    record = ec2._launch_templates[template.id]
    record["Versions"][0]["LaunchTemplateData"] = data
    ec2._tags[template.id] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return resolve({"LaunchTemplateId": template.id})


def add_version(template_id: str, data: Data) -> LaunchTemplate:
    """Adds a version with these data, and makes it the default."""
    ec2._create_launch_template_version({"LaunchTemplateId": template_id})
    record = ec2._launch_templates[template_id]
    record["Versions"][-1]["LaunchTemplateData"] = data
    ec2._modify_launch_template(
        {"LaunchTemplateId": template_id, "SetDefaultVersion": str(record["LatestVersionNumber"])}
    )
    return resolve({"LaunchTemplateId": template_id, "Version": "$Latest"})


def delete(template_id: str) -> None:
    """Removes a launch template, if it is still there."""
    ec2._delete_launch_template({"LaunchTemplateId": template_id})


def create_launch_template(original: Any, raw: Mapping[str, Any]) -> Response:
    """Ministack keeps a template's first tags twice, and shows the copy that later tag calls do not reach."""
    response: Response = original(raw)
    for record in ec2._launch_templates.values():
        record.pop("Tags", None)
    return response


def read_data(original: Any, raw: Mapping[str, Any], prefix: str = "LaunchTemplateData") -> Data:
    """Read what ministack drops of a template's data, too: KMS keys of volumes, Capacity Blocks."""
    data: Data = original(raw, prefix)
    given = parse({key: value for key, value in raw.items() if key.startswith(f"{prefix}.")}).get(prefix, {})
    for mapping, asked in zip(data.get("BlockDeviceMappings", []), given.get("BlockDeviceMapping", []), strict=False):
        if key := asked.get("Ebs", {}).get("KmsKeyId"):
            mapping.setdefault("Ebs", {})["KmsKeyId"] = key
    return data | {member: given[member] for member in _DROPPED if member in given}


def write_data(original: Any, data: Data) -> str:
    """Write what ministack drops of a template's data, too."""
    volumes = [each["Ebs"] for each in data.get("BlockDeviceMappings", []) if "Ebs" in each]
    *parts, rest = str(original(data)).split("</ebs>")
    keys = (render({"kmsKeyId": volume["KmsKeyId"]}, "item") if "KmsKeyId" in volume else "" for volume in volumes)
    disks = "".join(f"{part}{key}</ebs>" for part, key in zip(parts, keys, strict=True))
    further = {_lower(member): _lowered(data[member]) for member in _DROPPED if member in data}
    return f"{disks}{rest}{render(further, 'item')}"


def _lowered(value: Any) -> Any:
    return {_lower(key): _lowered(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _lower(member: str) -> str:
    return member[0].lower() + member[1:]


_DROPPED = ("InstanceMarketOptions", "CapacityReservationSpecification")

HOOKS: tuple[Hook, ...] = (
    EC2.wrap("CreateLaunchTemplate", create_launch_template),
    wrap(ec2, "_parse_lt_data", read_data),
    wrap(ec2, "_lt_data_xml", write_data),
)

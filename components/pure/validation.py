"""Forms that Kubernetes and AWS give to names, labels, taints, sizes and ARNs, and the faults of what misses them."""

import ipaddress
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence

from . import durations, tables
from .discovery import MAX_TAGS, PREFIX, TAINT_EFFECTS, WRONG_PREFIX, Taint
from .faults import Fault
from .iam import MAX_NAME_PREFIX_LENGTH

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_CLUSTER_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_ZONE = re.compile(r"([a-z]{2,4}(?:-[a-z]+)+-\d)([a-z]|(?:-[a-z]+\d*)+-\d+[a-z]?)")
"""Region and rest: us-east-1a, the local zone us-west-2-lax-1a, the wavelength zone us-east-1-wl1-bos-wlz-1."""
_INSTANCE_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_QUANTITY = re.compile(r"(\d+(\.\d+)?|\.\d+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE]\d+)?")
_CIDR = re.compile(r"\d+(\.\d+){3}/\d+")
_IPV6_CIDR = re.compile(r"[0-9a-fA-F:.]+/\d+")
_KUBERNETES_VERSION = re.compile(r"\d+\.\d+")
_ADDON_VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_POD_IDENTITY_ASSOCIATION = re.compile(r"a-[0-9a-z]+")
_VPC = re.compile(r"vpc-[0-9a-f]{8,17}")
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_LAUNCH_TEMPLATE = re.compile(r"lt-[0-9a-f]{8,17}")
_IMAGE = re.compile(r"ami-[0-9a-f]{8,17}")
_CAPACITY_RESERVATION = re.compile(r"cr-[0-9a-f]{8,17}")
_KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key|alias)/\S+")
_ASG_NAME = re.compile(r"[ -9;-~]{1,255}")
_KEY_PAIR = re.compile(r"[ -~]{1,255}")
_ROLE_PREFIX = re.compile(rf"[A-Za-z0-9+=,.@_-]{{0,{MAX_NAME_PREFIX_LENGTH}}}")
_IAM_PATH = re.compile(r"/|/[!-~]{1,510}/")
_IMAGE_REPOSITORY = re.compile(r"[A-Za-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*")
_NOT_IN_RE2 = re.compile(r"\(\?(<?[=!]|P=|\(|>|#)|\\[1-9]|(?<!\\)[*+?}]\+")
_TAG_TEXT = re.compile(r"[\w .:/=+@-]*")
_IAM_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|aws):([a-z-]+)/\S+")

CAPACITY_TYPES = ("ON_DEMAND", "SPOT", "CAPACITY_BLOCK")
AMI_TYPES = tuple(row["type"] for row in tables.records("ami-types.tsv"))
"""AMI types of the EKS API."""


def form_faults(path: str, value: object, form: re.Pattern[str], expected: str) -> list[Fault]:
    """One fault when ``value`` is plain text and misses ``form``; an Output is left to AWS."""
    return [Fault(path, repr(value), expected)] if isinstance(value, str) and not form.fullmatch(value) else []


def dns_label(path: str, value: object) -> list[Fault]:
    """Check a name such as a namespace's (RFC 1123 label)."""
    return form_faults(path, value, _DNS_LABEL, "lower-case letters, digits and dashes, 63 at most")


def dns_subdomain(path: str, value: object) -> list[Fault]:
    """Check a name such as a service account's (RFC 1123 subdomain)."""
    faults = form_faults(path, value, _DNS_SUBDOMAIN, "lower-case letters, digits, dashes and dots")
    if isinstance(value, str) and len(value) > 253:
        faults.append(Fault(path, f"{len(value)} characters", "253 at most"))
    return faults


def cluster_name(path: str, value: object) -> list[Fault]:
    """Check an EKS cluster's name."""
    return form_faults(path, value, _CLUSTER_NAME, "an EKS cluster name: letters, digits, - and _, 100 at most")


def node_group_name(path: str, value: object, most: int = 63) -> list[Fault]:
    """Check an EKS node group's name; ``most`` is less where EKS gets it with a suffix."""
    expected = f"1 to {most} letters, digits, - and _, a letter or digit first"
    return form_faults(path, value, re.compile(rf"[0-9A-Za-z][0-9A-Za-z_-]{{0,{most - 1}}}"), expected)


def asg_name(path: str, value: object) -> list[Fault]:
    """Check an Auto Scaling group's name."""
    return form_faults(path, value, _ASG_NAME, "the name of an Auto Scaling group: 1 to 255 characters, no colon")


def kubernetes_version(path: str, value: object) -> list[Fault]:
    """Check a Kubernetes version as EKS spells it, major and minor."""
    return form_faults(path, value, _KUBERNETES_VERSION, "a Kubernetes version such as 1.35")


def addon_version(path: str, value: object, words: Sequence[str]) -> list[Fault]:
    """Check the version of an EKS add-on, for which one of a few words may stand."""
    expected = " or ".join([*words, "a version such as v1.3.8-eksbuild.2"])
    return [] if value in words else form_faults(path, value, _ADDON_VERSION, expected)


def region(path: str, value: object) -> list[Fault]:
    """Check an AWS region."""
    return form_faults(path, value, _REGION, "an AWS region such as us-east-1")


def zone(path: str, value: object) -> list[Fault]:
    """Check an availability zone's name."""
    return form_faults(path, value, _ZONE, "an availability zone such as us-east-1a")


def is_edge_zone(zone: str) -> bool:
    """Return whether a zone is a local or wavelength zone, not an availability zone."""
    match = _ZONE.fullmatch(zone)
    return match is not None and len(match[2]) > 1


def zones_of(region: str, path: str, values: Sequence[str]) -> list[Fault]:
    """Check zones that are zones, but of another region."""
    expected = f"a zone of {region}, such as {region}a"
    return [
        Fault(f"{path}[{i}]", repr(v), expected)
        for i, v in enumerate(values)
        if (match := _ZONE.fullmatch(v)) and match[1] != region
    ]


def instance_types(
    path: str, values: Sequence[str], *, most: int = 20, of: str = "a managed node group"
) -> list[Fault]:
    """Check a list of EC2 instance types: none at all, too many for the kind of group, or not types."""
    expected = "an instance type such as m6i.large"
    faults = [f for i, v in enumerate(values) for f in form_faults(f"{path}[{i}]", v, _INSTANCE_TYPE, expected)]
    if not 1 <= len(values) <= most:
        faults.append(Fault(path, f"{len(values)} instance types", f"1 to {most}, the limits of {of}"))
    return faults


def pod_identity_association(path: str, value: object) -> list[Fault]:
    """Check the ID of a Pod Identity association."""
    return form_faults(path, value, _POD_IDENTITY_ASSOCIATION, "the ID of a Pod Identity association: a-…")


def vpc_id(path: str, value: object) -> list[Fault]:
    """Check a VPC's ID."""
    return form_faults(path, value, _VPC, "a VPC's ID: vpc-…")


def subnet_ids(path: str, values: object, *, in_two_zones: bool = False) -> list[Fault]:
    """Check a list of subnet IDs; Outputs in it, and whether two are of two zones, are left to AWS."""
    if not isinstance(values, list | tuple):
        return []
    faults = [f for i, v in enumerate(values) for f in form_faults(f"{path}[{i}]", v, _SUBNET, "a subnet ID: subnet-…")]
    if len(values) < (2 if in_two_zones else 1):
        expected = "two subnets at least, in two zones" if in_two_zones else "one subnet at least"
        faults.append(Fault(path, "one subnet" if values else "no subnet", expected))
    return faults


def security_group_ids(path: str, values: object) -> list[Fault]:
    """Check a list of security groups; Outputs in it are left to AWS."""
    if not isinstance(values, list | tuple):
        return []
    expected = "a security group's ID: sg-…"
    found = [f for i, v in enumerate(values) for f in form_faults(f"{path}[{i}]", v, _SECURITY_GROUP, expected)]
    return found or ([] if values else [Fault(path, "no security group", "one security group at least, or no list")])


def launch_template_id(path: str, value: object) -> list[Fault]:
    """Check a launch template's ID."""
    return form_faults(path, value, _LAUNCH_TEMPLATE, "a launch template's ID: lt-…")


def template_version(path: str, value: object) -> list[Fault]:
    """Check a launch template's version, which must be a number.

    EKS answers with the number that ``$Latest`` stands for, so that every preview would show a change
    (terraform-aws-modules/terraform-aws-eks 2087).
    """
    return form_faults(
        path, value, re.compile(r"\d+"), "the number of a version, such as 3: $Latest is a change each time"
    )


def image_id(path: str, value: object) -> list[Fault]:
    """Check the ID of a machine image."""
    return form_faults(path, value, _IMAGE, "the ID of an image: ami-…")


def capacity_reservation(path: str, value: object) -> list[Fault]:
    """Check a capacity reservation's ID."""
    return form_faults(path, value, _CAPACITY_RESERVATION, "the ID of a Capacity Block: cr-…")


def kms_key(path: str, value: object) -> list[Fault]:
    """Check the ARN of a KMS key or alias."""
    return form_faults(path, value, _KMS_KEY, "the ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/…")


def key_pair(path: str, value: object) -> list[Fault]:
    """Check the name of an EC2 key pair."""
    return form_faults(path, value, _KEY_PAIR, "the name of an EC2 key pair, 1 to 255 characters")


def quantity(path: str, value: object) -> list[Fault]:
    """Check a Kubernetes quantity."""
    return form_faults(path, value, _QUANTITY, "a Kubernetes quantity such as 100m, 600Mi or 20Gi")


def duration(path: str, value: object) -> list[Fault]:
    """Check a Go duration."""
    bad = isinstance(value, str) and not durations.is_duration(value)
    return [Fault(path, repr(value), durations.EXPECTED)] if bad else []


def iam_arn(path: str, value: object, kind: str) -> list[Fault]:
    """Check an IAM ARN of the given kind (``role``, ``policy``, ``oidc-provider``)."""
    match = _IAM_ARN.fullmatch(value) if isinstance(value, str) else None
    if not isinstance(value, str) or (match and match[2] == kind):
        return []
    return [Fault(path, repr(value), f"the ARN of an IAM {kind}: arn:aws:iam::ACCOUNT:{kind}/…")]


def iam_path(path: str, value: str) -> list[Fault]:
    """Check an IAM path."""
    return form_faults(path, value, _IAM_PATH, "an IAM path: / or /…/, 512 characters at most")


def role_prefix(path: str, value: str) -> list[Fault]:
    """Check what the names of roles and policies are to begin with; the rest of a role's name is behind it."""
    expected = f"letters, digits and +=,.@_-, {MAX_NAME_PREFIX_LENGTH} characters at most"
    return form_faults(path, value, _ROLE_PREFIX, expected)


def image_repository(path: str, value: object) -> list[Fault]:
    """Check an image's repository."""
    expected = "an image's repository without a tag, such as registry.example/cluster-autoscaler"
    return form_faults(path, value, _IMAGE_REPOSITORY, expected)


def regular_expression(path: str, value: str) -> list[Fault]:
    r"""Check a regular expression that Cluster Autoscaler must read.

    Cluster Autoscaler compiles it by Go's RE2, which no library of ours has, and on an error drops all priorities with
    no more than a warning. Python's engine stands in: what RE2 alone reads (``\pN``, ``\Q…\E``) is refused, too:
    the names of groups can always be matched without, and a refusal is seen while a drop is not.
    """
    expected = "a regular expression that Cluster Autoscaler (Go's RE2) can read"
    if found := _NOT_IN_RE2.search(value):
        return [Fault(path, repr(value), f"{expected}: it knows no {found[0]}")]
    try:
        with warnings.catch_warnings(action="ignore"):  # of what Python may read otherwise some day: RE2 will not
            re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return [Fault(path, repr(value), f"{expected} ({error})")]
    return []


def cidr(path: str, value: object, *, ipv6: bool = False) -> list[Fault]:
    """Check a network in CIDR notation: an IPv4 network, or an IPv6 network too."""
    expected = "a network such as 10.0.0.0/16" + (" or 2001:db8::/32" if ipv6 else "")
    is_ipv6 = ipv6 and ":" in str(value)
    try:
        ipaddress.IPv6Network(str(value)) if is_ipv6 else ipaddress.IPv4Network(str(value))
    except ValueError as error:
        return [Fault(path, repr(value), f"{expected} ({error})")]
    # Python reads a single address and a netmask too; AWS does not.
    return form_faults(path, value, _IPV6_CIDR if is_ipv6 else _CIDR, expected)


def choice(path: str, value: str, choices: Iterable[str]) -> list[Fault]:
    """Check a value that must be one of a few."""
    return [] if value in (known := tuple(choices)) else [Fault(path, repr(value), f"one of {', '.join(known)}")]


def bounds(path: str, value: int, low: int, high: int) -> list[Fault]:
    """Check a number outside its bounds, both included."""
    return [] if low <= value <= high else [Fault(path, str(value), f"{low} to {high}")]


def sizes(minimum: object, desired: object, maximum: object) -> list[Fault]:
    """Check the sizes of a group: minSize <= desiredSize <= maxSize, and a maximum of one node at least.

    A size that is not a whole number, such as an Output, is checked against nothing.
    """
    least = minimum if isinstance(minimum, int) else None
    most = maximum if isinstance(maximum, int) else None
    faults = []
    if least is not None and least < 0:
        faults.append(Fault("minSize", str(least), "0 or more"))
    if most is not None and most < 1:
        faults.append(Fault("maxSize", str(most), "1 or more: a group with maxSize 0 never gets a node"))
    if least is not None and most is not None and least > most:
        faults.append(Fault("minSize", str(least), f"at most maxSize ({most})"))
    if isinstance(desired, int):
        faults += _desired_faults(desired, least, most)
    return faults


def _desired_faults(desired: int, least: int | None, most: int | None) -> list[Fault]:
    if (least is None or least <= desired) and (most is None or desired <= most):
        return []
    if least is None:
        expected = f"at most maxSize ({most})"
    elif most is None:
        expected = f"minSize ({least}) or more"
    else:
        expected = f"minSize to maxSize ({least} to {most})"
    return [Fault("desiredSize", str(desired), expected)]


def qualified_name(path: str, key: str) -> list[Fault]:
    """Check the key of a label or taint: ``name`` or ``prefix.example/name``."""
    prefix, slash, name = key.rpartition("/")
    fits = _QUALIFIED_NAME.fullmatch(name) and (not slash or (len(prefix) <= 253 and _DNS_SUBDOMAIN.fullmatch(prefix)))
    return (
        [] if fits else [Fault(path, repr(key), "a Kubernetes key: [prefix/]name, the name of 63 characters at most")]
    )


def label_value(path: str, value: object) -> list[Fault]:
    """Check the value of a label."""
    return form_faults(path, value, _LABEL_VALUE, "a label value: 63 letters, digits, -, _, . at most")


def labels(path: str, values: Mapping[str, object]) -> list[Fault]:
    """Check node labels, of any kind of group."""
    faults = []
    for key, value in values.items():
        faults += qualified_name(f"{path}[{key!r}]", key)
        faults += label_value(f"{path}[{key!r}]", value)
    return faults


def taints(path: str, values: Sequence[Taint]) -> list[Fault]:
    """Check taints: keys, values, effects (with EKS's spelling explained), and the same taint twice."""
    kubernetes_spelling = {eks: kubernetes for kubernetes, eks in TAINT_EFFECTS.items()}
    faults = []
    seen = set()
    for index, taint in enumerate(values):
        where = f"{path}[{index}]"
        faults += qualified_name(f"{where}.key", taint["key"])
        faults += form_faults(
            f"{where}.value", taint.get("value", ""), _LABEL_VALUE, "a taint value: 63 characters at most"
        )
        effect = taint["effect"]
        if effect in kubernetes_spelling:
            faults.append(
                Fault(f"{where}.effect", repr(effect), f"Kubernetes' spelling, {kubernetes_spelling[effect]}")
            )
        else:
            faults += choice(f"{where}.effect", effect, TAINT_EFFECTS)
        if taint["key"] in seen:
            faults.append(
                Fault(
                    f"{where}.key",
                    f"{taint['key']!r} again",
                    "each taint key once: a tag can hold one effect of it",
                )
            )
        seen.add(taint["key"])
    return faults


def tags(path: str, values: Mapping[str, object]) -> list[Fault]:
    """Check the AWS tags of a resource: each by itself, and how many they are."""
    faults = [fault for key, value in values.items() for fault in tag(f"{path}[{key!r}]", key, value)]
    if len(values) > MAX_TAGS:
        faults.append(Fault(path, f"{len(values)} tags", f"{MAX_TAGS} at most, the quota of AWS"))
    seen: dict[str, str] = {}
    for key in values:
        # IAM, which gets them too: "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        if (first := seen.setdefault(key.lower(), key)) != key:
            faults.append(Fault(f"{path}[{key!r}]", f"{key!r} and {first!r}", "one of them: IAM ignores case"))
    return faults


def tag(path: str, key: str, value: object) -> list[Fault]:
    """Check one AWS tag, by the rules that all services keep (tagging of AWS resources, naming limits)."""
    characters = "letters, digits, spaces and _ . : / = + - @, as every service of AWS takes them"
    faults = []
    if key.startswith(WRONG_PREFIX):
        faults.append(
            Fault(
                path,
                f"the prefix {WRONG_PREFIX}",
                f"the prefix {PREFIX}/, which the node groups here get by themselves: Cluster Autoscaler does not "
                "discover by the other",
            )
        )
    if key.lower().startswith("aws:"):
        faults.append(Fault(path, repr(key), "another prefix: AWS keeps aws: to itself"))
    faults += form_faults(path, key, _TAG_TEXT, f"a tag key of {characters}")
    faults += form_faults(path, value, _TAG_TEXT, f"a tag value of {characters}")
    if not 1 <= len(key) <= 128:
        faults.append(Fault(path, f"a tag key of {len(key)} characters", "1 to 128"))
    if isinstance(value, str) and len(value) > 256:
        faults.append(Fault(path, f"a tag value of {len(value)} characters", "256 at most"))
    return faults

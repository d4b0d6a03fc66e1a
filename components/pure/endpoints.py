"""Which VPC endpoints nodes and the autoscaler need without the internet, and what AWS calls them."""

import re
from collections.abc import Sequence

from .faults import Fault

NODE_SERVICES = ("autoscaling", "ec2", "ecr.api", "ecr.dkr", "eks", "s3", "sts")
"""Services of nodes, of the images of EKS and of Cluster Autoscaler with ``irsa`` or ``nodeRole``.

"Deploy private clusters with limited internet access" of the EKS user guide: ECR and the layers of its images in S3,
EC2 for the VPC CNI and nodeadm, STS for IRSA. Auto Scaling, EC2 and EKS are what Cluster Autoscaler calls.
"""

POD_IDENTITY_SERVICE = "eks-auth"
"""Service that the EKS Pod Identity agent calls ("Amazon EKS Pod Identity Agent" of the EKS user guide)."""

GATEWAY = "Gateway"
INTERFACE = "Interface"
_GATEWAYS = frozenset({"dynamodb", "s3"})
"""Services with an endpoint of this type, which costs nothing ("Gateway endpoints" of the PrivateLink guide)."""

_COMMON_PREFIX = "com.amazonaws"
_SERVICE = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")


def services(further: Sequence[str]) -> list[str]:
    """Return every service that gets an endpoint, sorted.

    Args:
        further: Services in addition to those that nodes and the autoscaler need.
    """
    return sorted({*NODE_SERVICES, *further})


def kind(service: str) -> str:
    """Return the type of the endpoint of a service."""
    return GATEWAY if service in _GATEWAYS else INTERFACE


def possible_names(reverse_dns_prefix: str, region: str, service: str) -> list[str]:
    """Return the names that the service may have in a region.

    In China some services have the prefix of the partition and others, such as S3, the common one
    (``chinaPartitionServiceHasChinaPrefix`` in pkg/cfn/builder/vpc_endpoint.go of eksctl-io/eksctl).

    Args:
        reverse_dns_prefix: ``com.amazonaws``, or that of the partition.
        region: Region of the network.
        service: Service, such as ``ecr.api``.
    """
    prefixes = dict.fromkeys([reverse_dns_prefix, _COMMON_PREFIX])
    return [f"{prefix}.{region}.{service}" for prefix in prefixes]


def resource_name(service: str) -> str:
    """Return a service as the name of a Pulumi resource has it."""
    return service.replace(".", "-")


def faults(path: str, further: Sequence[str]) -> list[Fault]:
    """Find services that are not spelled as the end of an endpoint's name, and those whose resources had one name."""
    known = {resource_name(service): service for service in (*NODE_SERVICES, POD_IDENTITY_SERVICE)}
    found = []
    for index, service in enumerate(further):
        if _COMMON_PREFIX in service or not _SERVICE.fullmatch(service):
            expected = "the part of the endpoint's name after the region, such as logs or elasticloadbalancing"
            found.append(Fault(f"{path}[{index}]", repr(service), expected))
        elif (other := known.setdefault(resource_name(service), service)) != service:
            expected = f"{other!r}, or another service: both name one resource"
            found.append(Fault(f"{path}[{index}]", repr(service), expected))
    return found

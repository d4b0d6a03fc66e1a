"""Which size and speed EC2 accepts for a gp3 volume ("General Purpose SSD volumes" of the EBS user guide)."""

from .faults import Fault

BASE_IOPS = 3000
MOST_IOPS = 80000
IOPS_PER_GIB = 500
BASE_THROUGHPUT = 125
MOST_THROUGHPUT = 2000
IOPS_PER_MIB = 4
"""A volume gets 0.25 MiB/s at most for each of its IOPS."""


def faults(
    iops_path: str, throughput_path: str, size_gib: int, iops: int | None, throughput: int | None
) -> list[Fault]:
    """Find speeds that no gp3 volume of the size can have.

    Args:
        iops_path: Path of the IOPS.
        throughput_path: Path of the throughput.
        size_gib: Size of the volume.
        iops: IOPS to provision; None for the 3000 of every volume.
        throughput: Throughput to provision in MiB/s; None for the 125 of every volume.
    """
    found = []
    if iops is not None:
        most = max(BASE_IOPS, min(MOST_IOPS, size_gib * IOPS_PER_GIB))
        if not BASE_IOPS <= iops <= most:
            expected = f"{BASE_IOPS} to {most}: gp3 has {IOPS_PER_GIB} for each GiB at most, {MOST_IOPS} in all"
            found.append(Fault(iops_path, str(iops), expected))
    if throughput is not None:
        most = min(MOST_THROUGHPUT, (iops or BASE_IOPS) // IOPS_PER_MIB)
        if not BASE_THROUGHPUT <= throughput <= most:
            expected = f"{BASE_THROUGHPUT} to {most} MiB/s for {iops or BASE_IOPS} IOPS, {MOST_THROUGHPUT} in all"
            found.append(Fault(throughput_path, str(throughput), expected))
    return found

"""Which flags and expanders end Cluster Autoscaler, by version, from `data/ca-flags.tsv`."""

from functools import cache

from . import charts

EXPANDERS = ("least-waste", "priority", "most-pods", "least-nodes", "random", "grpc")
"""Expanders that work on AWS. Any other name ends the program: `price` because AWS gives no prices (main.go asks the
provider's `Pricing()`, which is not implemented), the rest as not supported (expander/factory/expander_factory.go)."""

# Flags of klog, which has them in every version, though the table has them only since 1.36 declares them itself.
_KLOG = ("legacy_stderr_threshold_behavior", "stderrthreshold")


@cache
def _minors_with() -> dict[str, tuple[tuple[int, int], ...]]:
    """The minors that have a flag, oldest first, by flag."""
    return {
        row["flag"]: tuple(
            charts.minor(version)
            for version, default in row.items()
            if version not in ("flag", "type") and default != "-"
        )
        for row in charts.rows("ca-flags.tsv")
        if row["flag"] not in _KLOG
    }


@cache
def _covered() -> frozenset[tuple[int, int]]:
    return frozenset(minor for minors in _minors_with().values() for minor in minors)


def minors_with(flag: str, image: tuple[int, int]) -> tuple[tuple[int, int], ...] | None:
    """Return the minors that have a flag which an image of this minor lacks.

    None if the image has it, or if the table does not cover the image or the flag.
    """
    minors = _minors_with().get(flag)
    return minors if minors and image in _covered() and image not in minors else None

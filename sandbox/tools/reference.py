"""How long each tool took to build on the reference machine, for the progress that a first ``make sandbox`` shows.

Measured from empty caches, in the order of :data:`SECONDS`. A tool whose modules another one compiled before is quick.
To measure again: empty the cache and Go's caches, run ``make sandbox-tools`` and copy the seconds that it prints.
"""

MEASURED = "2026-11-29"
"""The day of the measurement."""

MACHINE = "2 busy cores"
"""The reference machine. Other work ran on it at the same time, so an idle machine is faster."""

SECONDS = {
    "pulumi": 333,
    "etcd": 30,
    "kube-apiserver": 560,
    "kube-scheduler": 175,
    "kube-controller-manager": 390,
    "kubectl": 175,
    "kwok": 498,
    "pulumi-resource-kubernetes": 1010,
    "pulumi-language-yaml": 9,
    "helm": 47,
}
"""Tool -> seconds."""

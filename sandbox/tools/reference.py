"""How long each tool took to build on the reference machine, for the progress that a first ``make sandbox`` shows.

Measured from empty caches, in the order of :data:`SECONDS`. A tool whose modules another one compiled before is quick.
To measure again: empty the cache and Go's caches, run ``make sandbox-tools`` and copy the seconds that it prints.
"""

MEASURED = "2026-11-30"
"""The day of the measurement."""

MACHINE = "2 cores"
"""The reference machine. Other work ran on it for about a third of the time."""

SECONDS = {
    "pulumi": 250,
    "pulumi-resource-kubernetes": 159,
    "etcd": 37,
    "kube-apiserver": 272,
    "kube-scheduler": 21,
    "kube-controller-manager": 65,
    "kubectl": 32,
    "pulumi-language-yaml": 24,
    "helm": 9,
    "kwok": 158,
}
"""Tool -> seconds."""

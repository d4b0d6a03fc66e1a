"""The sandbox's stand-in for the process of Cluster Autoscaler on AWS, after kubernetes/autoscaler 1.36.1.

It accepts the same command line, gets its credentials through the same chain, reads and writes the same objects of the
Kubernetes and AWS APIs, and reports errors in the same words, so that a broken link stops it as it would stop Cluster
Autoscaler. It is NOT Cluster Autoscaler, and it states that in its log, its events and its status.

What it does: discovery by tag, node templates from living nodes or from tags and ``DescribeNodegroup``, scale-up by the
expander least-waste, backoff after a failed scale-up, removal of empty nodes, the status, leader election.

What it does not do, each reported in its log, its events or its refusal: draining of nodes (only empty ones go),
``--nodes``, expanders and their chains, balancing, launch configurations, instance requirements, provisioning requests,
capacity buffers, limits of cores and memory, instances that never join; placement of pods with affinity, topology
spread, volumes, resource claims or host ports; the HTTP server. It plays 1.29 and later, with the words and the form of
the status of 1.36 whatever the release.

Each module names the upstream files that it follows, at tag cluster-autoscaler-1.36.1. Its words are tested against
recordings of the real program (``tests/doctor/recordings``).
"""

RELEASE_VARIABLE = "SANDBOX_CLUSTER_AUTOSCALER_RELEASE"
"""Environment variable by which the kubelet names the release to play, such as ``1.36.1``: that of the pod's image."""

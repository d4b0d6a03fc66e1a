"""The sandbox's stand-in for the process of Cluster Autoscaler on AWS.

It obeys the same command line, gets its credentials through the same chain, reads and writes the same objects of the
Kubernetes and AWS APIs and fails with the same words, so that a broken link of the installation stops it as it would
stop Cluster Autoscaler. It is NOT Cluster Autoscaler: its simulation is small, it says so in its log, its events and
its status, and names what it was given but does not do.

Decisions are pure (``flags``, ``releases``, ``objects``, ``predicates``, ``simulation``, ``templates``, ``expander``,
``balancing``, ``scale_up``, ``scale_down``, ``backoff``, ``status``, ``sdk_errors``); ``aws``, ``cluster``, ``leader``
and ``server`` touch the world; ``loop`` joins them.

What it does not do, each said in its log, its events or its refusal where it would matter: ``--nodes``, the expanders
``price`` and ``grpc``, launch configurations, instance requirements, provisioning requests and capacity buffers;
places for pods with required pod affinity, hard topology spread, volumes, resource claims or host ports; limits of
cores, memory and GPUs; failed launches (``ScaleUpTimedOut``); soft taints; the hour after which 1.33 and later evict
system pods. It looks at the groups in every loop, not once a minute, and begins its first loop at once.
"""

RELEASE_VARIABLE = "SANDBOX_CLUSTER_AUTOSCALER_RELEASE"
"""Environment variable by which the kubelet tells the release to play, such as ``1.36.1``: that of the pod's image."""

"""Rules of the sixth link: the autoscaler's loop runs over its groups, and reaches Kubernetes and AWS."""

from ..findings import Link, RuleBook

BOOK = RuleBook(
    Link.AUTOSCALER,
    "The autoscaler's loop",
    "The sixth link: the autoscaler's own loop. The autoscaler writes its state into the ConfigMap "
    "`cluster-autoscaler-status` (YAML since 1.30, free text before), and the reasons of its decisions into events "
    "and its log.",
)

PRIORITIES = BOOK.rule(
    "priorities",
    "The priorities can be read and match groups",
    "Without a valid map the priority expander chooses between groups at random and skips groups that match no "
    "pattern.",
    "The autoscaler chooses between groups at random; `PriorityConfigMapInvalid` or "
    "`PriorityConfigMapNotMatchedGroup`. The key is `priorities`, not `priority`; the patterns match names of Auto "
    "Scaling Groups, `eks-<node group>-<id>`.",
    "Correct the ConfigMap `cluster-autoscaler-priority-expander` in the autoscaler's namespace. The autoscaler reads "
    "it at each decision; no restart is needed.",
)
PROCESS = BOOK.rule(
    "process",
    "The autoscaler's process keeps running",
    "A process that keeps exiting scales nothing.",
    "`CrashLoopBackOff`, and no link before this one names a cause.",
    "Read the log of the previous container.",
)
STATUS = BOOK.rule(
    "status",
    "The autoscaler publishes its status",
    "The autoscaler writes a ConfigMap at its start and after every loop; without one it never started.",
    "The ConfigMap `cluster-autoscaler-status` does not exist, or its format is unknown.",
    "Read the autoscaler's log.",
)
INITIALIZING = BOOK.rule(
    "initializing",
    "The autoscaler finished its initialization",
    "From 1.33 on it waits for all its lists first: the pod is Running, and nothing is scaled.",
    "The status is `Initializing` for minutes. The pod is Running, and `/health-check` returns 200.",
    "Search the log for `is forbidden`: the autoscaler waits for a list. If the log has none, the autoscaler cannot "
    "reach the API server or AWS.",
)
FRESH = BOOK.rule(
    "fresh",
    "The main loop is running",
    "A status older than three minutes means that the loop has stopped.",
    "The annotation `last-updated` of the status is older than three minutes.",
    "Read the autoscaler's log; a restart helps if the loop hangs.",
)
LEADER = BOOK.rule(
    "leader",
    "One of the autoscaler's pods is the leader",
    "Only the holder of the lease works; an unknown holder is another autoscaler.",
    "The holder of the Lease `cluster-autoscaler` is not one of the autoscaler's pods, or the lease has expired.",
    "Find the other autoscaler (one installed without Helm, or an older release) and remove it.",
)
NODE_GROUPS = BOOK.rule(
    "node-groups",
    "The autoscaler manages the groups it should",
    "The autoscaler does not scale a group that its status does not list.",
    "The status lists fewer groups than have the tags.",
    "Wait one minute after a change of tags; then read the autoscaler's log.",
)
BACKOFF = BOOK.rule(
    "backoff",
    "No group is in backoff",
    "After a failed scale-up the autoscaler skips a group for 5 minutes, then longer, up to 30.",
    "`scaleUp.status: Backoff` with an error (since 1.30), or `in backoff after failed scale-up`.",
    "Fix what the error or the group's scaling activities show. The autoscaler then tries again by itself.",
)
HEALTH = BOOK.rule(
    "health",
    "The autoscaler considers the cluster healthy",
    "With too many unready nodes the autoscaler stops scaling.",
    "`Unhealthy` in the status, or `ClusterUnhealthy` events; nothing is scaled.",
    "Repair or remove the nodes that are not ready.",
)
CACHED = BOOK.rule(
    "cached-template",
    "The node templates of empty groups are up to date",
    "The autoscaler caches the template of a group's last node while it runs: new labels are not seen.",
    "An empty group is rejected for a pod that fits the labels and taints you have just changed.",
    "Restart the autoscaler.",
)
RECURRING = BOOK.rule(
    "recurring-error",
    "No iteration of the main loop ends with an error",
    "When the loop ends early it scales nothing, while the pod is ready and its status is fresh.",
    "The log repeats a line that begins with `E`, such as `static_autoscaler.go:368] Failed to refresh cloud provider "
    "config`.",
    "Read the error: it names the call that fails.",
)
LEFTOVER_TAINTS = BOOK.rule(
    "leftover-taints",
    "No node keeps a taint of an unfinished scale-down",
    "Such a node accepts no pods, and the autoscaler does not count its capacity.",
    "`kubectl describe node` shows the taint `ToBeDeletedByClusterAutoscaler` with a time of hours ago. Pods stay "
    "pending although the node is ready.",
    "Remove the taint with the `kubectl taint` command of the finding.",
)
SCALE_DOWN = BOOK.rule(
    "scale-down",
    "Unneeded nodes can be removed",
    "One pod that the autoscaler may not move keeps a whole node.",
    "`Node ... cannot be removed: pod with local storage present`, or `non-daemonset, non-mirrored, non-pdb-assigned "
    "kube-system pod present`, for ten minutes or more.",
    "Allow it for all pods (`--skip-nodes-with-local-storage=false`, `--skip-nodes-with-system-pods=false`), or for "
    'one pod with the annotation `cluster-autoscaler.kubernetes.io/safe-to-evict: "true"`.',
)
DNS = BOOK.rule(
    "dns",
    "The pod can resolve the names of AWS endpoints",
    "When CoreDNS waits for the node that the autoscaler should add, neither of them starts.",
    "`dial tcp: lookup sts.us-east-1.amazonaws.com on 172.20.0.10:53: ... i/o timeout`.",
    "Set `dnsPolicy: Default` for the autoscaler's pods, or find out why CoreDNS does not answer.",
)
TLS_INTERCEPTED = BOOK.rule(
    "tls-intercepted",
    "The pod trusts the certificates of AWS",
    "A proxy or firewall that re-signs TLS presents a certificate that the image does not know.",
    "`x509: certificate signed by unknown authority`.",
    "Exclude AWS from TLS inspection, or mount the proxy's certificate in the pod.",
)
PROXY = BOOK.rule(
    "proxy",
    "The pod's proxy works",
    "With HTTPS_PROXY set every call to AWS goes through the proxy.",
    "`proxyconnect tcp: ...`, or `Proxy Authentication Required`.",
    "Correct HTTPS_PROXY and NO_PROXY of the pod.",
)
AWS_UNREACHABLE = BOOK.rule(
    "aws-unreachable",
    "The pod can reach AWS",
    "In a private subnet without a route to AWS every call times out.",
    "`dial tcp 52.x.x.x:443: i/o timeout` for sts, ec2, eks or autoscaling.",
    "Add a NAT gateway, or interface endpoints for these services. Their security groups must allow the nodes.",
)
API_SERVER_UNREACHABLE = BOOK.rule(
    "api-server-unreachable",
    "The pod can reach the API server",
    "Without the API server the autoscaler exits, or loses its lease and exits.",
    "`Failed to get nodes from apiserver: ... i/o timeout`, or `lost master`.",
    "Check the CNI, kube-proxy, and the cluster's security group. A rare `lost master` during an upgrade of the "
    "control plane is harmless.",
)
THROTTLED = BOOK.rule(
    "throttled",
    "AWS does not throttle the autoscaler",
    "Throttled calls delay or skip scaling; all clusters of the account and region share the quota.",
    "`Throttling: Rate exceeded`.",
    "Raise `--scan-interval`, or make fewer calls to the same API from other programs of the account.",
)
COUNTERS = BOOK.rule(
    "counters",
    "The autoscaler's counters show no lasting failure",
    "Its metrics count failed iterations, failed scale-ups and rejected AWS requests that the recent log may not have.",
    "`/metrics` of the leader counts at least three failures, and at least half of the attempts failed: "
    "`cluster_autoscaler_errors_total`, `cluster_autoscaler_aws_request_duration_seconds_count` with a status other "
    "than `success`, or `cluster_autoscaler_failed_scale_ups_total` while no scale-up succeeded. Without the right to "
    "`get` pods/proxy this is not checked.",
    "Read the log around the last failure. If AWS denies a request that the role's policy allows, a service control "
    "policy of the organization denies it.",
)

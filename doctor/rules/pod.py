"""Rules of the first link: one Deployment of Cluster Autoscaler, in a version and with flags that fit the cluster."""

from ..findings import Link, RuleBook

BOOK = RuleBook(
    Link.POD,
    "The autoscaler's pod",
    "The first link: the cluster has one Deployment of Cluster Autoscaler, and its version, flags and Kubernetes "
    "rights fit the cluster. Most errors here are silent: the pod runs, its probe succeeds, and nothing is scaled.",
)

DEPLOYMENT = BOOK.rule(
    "deployment",
    "Cluster Autoscaler has a Deployment",
    "Without a Deployment nothing scales. The chart renders none unless autoDiscovery.clusterName is set.",
    "`kubectl get deployments --all-namespaces` shows no Cluster Autoscaler, although `helm list` shows `deployed`.",
    "Set `autoDiscovery.clusterName`, or run `pulumi up`. Without that value the release succeeds and has no "
    "Deployment.",
)
SINGLE = BOOK.rule(
    "single",
    "Only one Cluster Autoscaler manages each group",
    "Two autoscalers undo each other's decisions: what one scales up, the other scales down.",
    "Nodes are added and removed at the same time. Two Deployments in different namespaces run an image of "
    "cluster-autoscaler, and each holds its own lease.",
    "Remove the Deployment that you do not need: run `helm uninstall`, or the `kubectl delete deployment` of the "
    "finding.",
)
RELEASE = BOOK.rule(
    "release",
    "The Helm release is deployed",
    "After a failed upgrade the cluster runs a mixture of two releases.",
    "`helm history` ends with `failed` or `pending-upgrade`. Search the output of the deployment with `--log FILE`: "
    "`Only one of podDisruptionBudget.minAvailable or podDisruptionBudget.maxUnavailable` means that the chart's "
    "default `maxUnavailable: 1` is still set; `spec.selector ... field is immutable` means that `podLabels` changed.",
    "Read the reason in `helm history`, correct it, and upgrade again. Run `helm rollback` if a release stays "
    "pending. Set the other field of the disruption budget to null. Restore the pod labels, or delete the Deployment "
    "once and install again. The doctor needs the right to list Secrets for this check.",
)
REPLICAS = BOOK.rule(
    "replicas",
    "The Deployment requests replicas",
    "A Deployment with no replicas scales nothing.",
    "`kubectl get deployment` shows `0/0`; or two replicas run with `--leader-elect=false`.",
    "Scale the Deployment to one or two replicas, and leave leader election on.",
)
STARTED = BOOK.rule(
    "started",
    "The autoscaler's pods are scheduled and their image is pulled",
    "A pod without a node or an image scales nothing, and no autoscaler adds a node for it.",
    "`ImagePullBackOff`, `Pending` or `CreateContainerConfigError`; or a Deployment without any pod.",
    "Run `kubectl describe` on the pod or the ReplicaSet. Check the registry, tolerations, node selectors and quotas. "
    "The autoscaler's pod must fit on nodes that the autoscaler does not remove.",
)
ROLLOUT = BOOK.rule(
    "rollout",
    "Every pod of the newest version starts",
    "When the pods of a new version do not start, Kubernetes keeps the old ones running, and the change has no effect.",
    "`kubectl get pods` shows a pod in `ImagePullBackOff` or `ErrImagePull` next to older pods that run.",
    "Correct the image. If a stack deployed it, the finding gives the command that restores the stack's image.",
)
STACK_IMAGE = BOOK.rule(
    "stack-image",
    "The Deployment runs the stack's image",
    "An image that was changed outside the stack stays until the Helm release itself changes.",
    "The image tag of `kubectl get deployment` differs from `pulumi stack output imageTag`.",
    "Run the `kubectl set image` command of the finding. `pulumi up` does not restore the image, because Helm "
    "compares releases, not live objects.",
)
MEMORY = BOOK.rule(
    "memory",
    "The memory limit is high enough",
    "After an OOM kill the autoscaler loses its state. Large clusters need more than 600Mi.",
    "`OOMKilled`, exit code 137, or restarts when the cluster grows.",
    "Raise `resources.limits.memory`. 600Mi was too little for about 340 nodes (kubernetes/autoscaler issue 7873).",
)
VERSION = BOOK.rule(
    "version",
    "The autoscaler's minor version is the cluster's",
    "Upstream tests no other pairs; some hang because the cluster does not serve an API that the autoscaler waits for.",
    "A warning for every other pair. The pair is broken if the cluster lacks an API that this version waits for, such "
    "as Cluster Autoscaler 1.35 on Kubernetes 1.33.",
    "Set `image.tag` to the newest patch of the cluster's minor version. The newest chart fits every image.",
)
SUPPORT = BOOK.rule(
    "kubernetes-support",
    "EKS supports the cluster's Kubernetes version",
    "At the end of a support period EKS upgrades the cluster, and then the autoscaler's minor version must follow.",
    "A warning from 60 days before the end of standard support, and again before the end of extended support. The "
    "doctor calls `eks:DescribeClusterVersions`; without that permission it uses its own table, as the finding shows.",
    "Upgrade the cluster one minor version at a time. The next `pulumi up` chooses the Cluster Autoscaler that fits.",
)
RBAC = BOOK.rule(
    "rbac",
    "Kubernetes grants the autoscaler the rights it needs",
    "From 1.33 on the autoscaler waits for every list before its first loop; the pod is Running and idle.",
    "The log repeats `... is forbidden: User ... cannot list`, the status stays `Initializing`, and the pod is "
    "Running. This happens when only `image.tag` is raised on an old chart: `volumeattachments` needs chart 9.46.3; "
    "`resourceclaims`, `resourceslices` and `deviceclasses` need 9.54.0.",
    "Upgrade the chart, or grant the rights of the finding if you use your own manifest. The autoscaler continues by "
    "itself once the rights are granted.",
)
COMPETITORS = BOOK.rule(
    "competitors",
    "No other autoscaler adds nodes for the same pods",
    "Karpenter and EKS Auto Mode react to the same pending pods: nodes are added twice.",
    "More nodes than the pods need; new nodes are removed soon after they join.",
    "Keep one autoscaler, or separate their nodes by taints, tolerations and node selectors.",
)
SAFE_TO_EVICT = BOOK.rule(
    "safe-to-evict",
    "The autoscaler does not remove its own node",
    "Without the annotation its own pod can be evicted in the middle of a scale-down.",
    "The autoscaler's pod moves to another node during a scale-down.",
    'Set `podAnnotations` `cluster-autoscaler.kubernetes.io/safe-to-evict: "false"`.',
)
FLAGS = BOOK.rule(
    "flags",
    "The flags exist, are well-formed and agree",
    "The autoscaler exits on a flag that it does not know, and Kubernetes restarts it indefinitely.",
    "`unknown flag: --max-empty-bulk-delete`, or `CrashLoopBackOff` after an upgrade. 1.32 removed `parallel-drain`; "
    "1.33 removed `max-empty-bulk-delete` and the node-autoprovisioning flags; AWS never supported "
    "`--expander=price`; 1.35 rejects `--enable-dynamic-resource-allocation=false`. Or the pod is Running and the log "
    "repeats `failed to list *v1beta1.CapacityBuffer: the server could not find the requested resource`.",
    "Remove or correct the flag. Separate expanders by commas without spaces.",
)
DISCOVERY = BOOK.rule(
    "discovery-flag",
    "The discovery flag matches the cluster's groups",
    "With a flag that matches no group the autoscaler idles without an error; one space is enough.",
    "The status lists no groups, the log has no error, and pods stay pending. A folded YAML line puts a space before "
    "the second key; a copied manifest names another cluster.",
    "Let the chart write the flag: set `autoDiscovery.clusterName`.",
)
REGION = BOOK.rule(
    "region",
    "AWS_REGION is the cluster's region",
    "From 1.35 on the autoscaler no longer reads the region from the node; in a wrong region it finds no groups.",
    "`MissingRegion` or `could not find region configuration` in the log; or no groups, because the autoscaler "
    "searches another region (charts before 9.46.4 set `us-east-1`).",
    "Set `awsRegion`. If the region is set and the log still shows the error, restart the pods.",
)
BALANCING = BOOK.rule(
    "balancing",
    "Groups that differ only in their zone count as similar",
    "Groups are balanced only when the labels of their nodes match; otherwise one zone grows alone.",
    "`... are not similar, labels do not match` in the log; one of three groups in three zones grows alone.",
    "Set `--balancing-ignore-label` for each label that differs. EKS adds such labels to every group with a custom "
    "launch template.",
)

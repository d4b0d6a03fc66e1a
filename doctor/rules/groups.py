"""Rules of the fifth link: the autoscaler finds the cluster's Auto Scaling Groups, and the groups can grow."""

from ..findings import Link, RuleBook

BOOK = RuleBook(
    Link.GROUPS,
    "Groups and nodes",
    "The fifth link: the Auto Scaling Groups. The autoscaler discovers groups by their tags, builds the node template "
    "of an empty group from its tags and from EKS, and changes the desired capacity. AWS launches the instances, "
    "which join the cluster as nodes.",
)

TAGS = BOOK.rule(
    "tags",
    "Every group of the cluster is discovered",
    "The autoscaler ignores a group without both tags, and logs no error.",
    "The status lists fewer groups than the cluster has, or none; `no node group config` in the log. The autoscaler "
    "ignores `eks:cluster-autoscaler/...`, which some tutorials use.",
    "Put `k8s.io/cluster-autoscaler/enabled` and `k8s.io/cluster-autoscaler/<cluster>` on the group. EKS adds them to "
    "managed node groups; tags of the node group do not reach its Auto Scaling Group.",
)
FOREIGN = BOOK.rule(
    "foreign",
    "No group of another cluster is discovered",
    "The autoscaler would scale in the machines of the other cluster, because it cannot see their nodes.",
    "The autoscaler scales a group whose nodes are in another cluster, or terminates its instances as unregistered.",
    "Remove this cluster's tag from the group.",
)
SIZES = BOOK.rule(
    "sizes",
    "Every group's maxSize is above its minSize",
    "A group whose minSize equals its maxSize cannot be scaled.",
    "No group grows: every group's minSize equals its maxSize.",
    "Raise the maxSize of a group.",
)
WEIGHTS = BOOK.rule(
    "weights",
    "The sizes of every group count instances",
    "Cluster Autoscaler reads the desired capacity as a number of instances: with weights it waits for instances that "
    "AWS never launches, and removes too many.",
    "A group has `WeightedCapacity`, or a `DesiredCapacityType` other than `units`; pods stay pending although the "
    "group is below its maxSize.",
    "Use instance types of equal size, and remove the weights from the overrides.",
)
ABOVE_MAX = BOOK.rule(
    "above-max",
    "No group has more instances than its maxSize",
    "Cluster Autoscaler never scales up a group that is above its maxSize, and AWS may terminate the surplus.",
    "The group has more instances `InService` than its maxSize.",
    "Raise the maxSize, or drain and terminate the surplus.",
)
HEADROOM = BOOK.rule(
    "headroom",
    "No pending pod is blocked by a group at its maxSize",
    "The autoscaler skips a group at its maxSize, and the pods stay pending.",
    "`pod didn't trigger scale-up: 1 max node group size reached`.",
    "Raise the maxSize; for a group of `--nodes`, raise it in that flag.",
)
PROCESSES = BOOK.rule(
    "processes",
    "The groups can launch and terminate instances",
    "With these processes suspended AWS accepts a new size, and nothing happens.",
    "The desired capacity rises, and the number of instances does not.",
    "Resume `Launch` and `Terminate`.",
)
REBALANCE = BOOK.rule(
    "rebalance",
    "AWS does not move nodes between zones",
    "AZRebalance terminates nodes without draining them, and undoes the autoscaler's decisions.",
    "AWS terminates nodes without draining them, at times that match no scale-down.",
    "Suspend `AZRebalance`, or use one group for each zone. EKS drains the nodes of managed node groups.",
)
ZONES = BOOK.rule(
    "zones",
    "Pods with zonal volumes have groups of one zone",
    "A group that spans several zones may launch the node in a zone where the volume is not.",
    "`node(s) had volume node affinity conflict`. The group grows and the pod stays pending, or the group does not "
    "grow, because the node template is in the first zone of the group.",
    "Use one group for each zone (`onePerZone` in this project) with `--balance-similar-node-groups=true`.",
)
LAUNCHING = BOOK.rule(
    "launching",
    "AWS launches the instances that groups request",
    "Without capacity or quota, or with a broken launch template, the size grows and no instance starts.",
    "`Could not launch Spot Instances`, `VcpuLimitExceeded`, `InvalidLaunchTemplate`, or a launch template that does "
    "not exist, in the scaling activities of the group. The group is in backoff.",
    "Use more instance types, On-Demand instances, a higher quota, or a launch template that exists, as the message "
    "shows.",
)
JOINING = BOOK.rule(
    "joining",
    "New instances become nodes",
    "An instance that never joins (subnet, security group, access entry) costs money until it is replaced.",
    "`ScaleUpTimedOut`, or `Failed to find readiness information`; instances in service are not nodes. After 15 "
    "minutes the autoscaler terminates them and tries again.",
    "Read the console output of an instance: no route to the API server, a security group, or a node role without an "
    "access entry. If the nodes are only slow, raise `--max-node-provision-time`.",
)
HEALTH = BOOK.rule(
    "health",
    "EKS reports no health issue of a node group",
    "A degraded node group may not launch, join or update nodes.",
    "`aws eks describe-nodegroup --query nodegroup.health` lists issues.",
    "Follow the issue; AWS documents each code.",
)
TAG_LIMIT = BOOK.rule(
    "tag-limit",
    "The groups have space for the tags they need",
    "AWS allows 50 tags on a group; labels and taints beyond that cannot be advertised.",
    "Labels or taints of a group are not advertised, and the group has 50 tags.",
    "Declare fewer labels and taints, or remove tags that no tool reads.",
)
TEMPLATE_TAGS = BOOK.rule(
    "template-tags",
    "Node-template tags are spelled as the autoscaler reads them",
    "The autoscaler ignores a misspelled tag without an error.",
    "The autoscaler ignores a label or taint that you tagged: `taints/` instead of `taint/`, a value without "
    "`:<Effect>`, or an option that does not exist on AWS.",
    "Use `k8s.io/cluster-autoscaler/node-template/{label,taint,resources,autoscaling-options}/<name>`.",
)
LABELS = BOOK.rule(
    "labels",
    "The labels of a group's future nodes are advertised",
    "Scale-from-zero uses tags: a label without a tag matches no pod that selects it.",
    "`node(s) didn't match Pod's node affinity/selector` for a pod whose group is empty. It worked while the group "
    "had a node, and stopped after the autoscaler restarted.",
    "Tag the group with each label of its nodes. For managed node groups EKS reports the labels, and its values win.",
)
TAINTS = BOOK.rule(
    "taints",
    "The taints of a group's future nodes are advertised",
    "The autoscaler adds nodes for pods that an unknown taint then repels, again and again.",
    "An empty group is scaled up again and again for pods that cannot use it. Before 1.31 the autoscaler misreads the "
    "effects of EKS (`NO_SCHEDULE`); every version drops a taint without a value.",
    "Tag the group with each taint as `<value>:<Effect>`, or `:NoSchedule` without a value; or use 1.31 or later.",
)
WINDOWS = BOOK.rule(
    "windows",
    "Windows groups are advertised as Windows",
    "From zero the autoscaler expects every node to run Linux, so a Windows pod never fits.",
    "An empty group is not scaled up for Windows pods.",
    "Tag the group with the label `kubernetes.io/os` = `windows`.",
)
INSTANCE_TYPE_UNKNOWN = BOOK.rule(
    "instance-type-unknown",
    "The autoscaler knows the instance types",
    "The autoscaler skips a group whose instance type it does not know.",
    '`ASG "..." uses the unknown EC2 instance type "..."`.',
    "Do not use the static list, or use a newer image: the list is built into the image.",
)

"""Rules of the fourth link: the role may make the autoscaler's calls on this cluster's groups, and nothing beyond."""

from ..findings import Link, RuleBook

BOOK = RuleBook(
    Link.PERMISSIONS,
    "The role's permissions",
    "The fourth link: what the role may do. The doctor uses IAM's policy simulator with each group's real tags, so "
    "that conditions, permissions boundaries and service control policies count as they do in AWS.",
)

_ENDPOINT = "If the policy is correct and the log still shows a denial, check the policy of the VPC endpoint for"

READS = BOOK.rule(
    "reads",
    "The role allows the reads that the autoscaler needs",
    "Without the list of groups the autoscaler exits; without launch templates it cannot scale from zero.",
    "`Failed to regenerate ASG cache: AccessDenied`, `Failed to create AWS Manager`, or `Unable to build proper "
    "template node`. `Failed to generate AWS EC2 Instance Types: UnauthorizedOperation` is a warning: the autoscaler "
    "falls back to its built-in list.",
    'Give the role the policy in the finding, then restart the pods. These reads need `Resource: "*"` and no '
    "condition. "
    f"{_ENDPOINT} autoscaling or ec2.",
)
NODE_GROUPS = BOOK.rule(
    "node-groups",
    "The role can read the managed node groups",
    "Labels and taints of an empty managed node group come from eks:DescribeNodegroup, or from tags.",
    "`Failed to query the managed nodegroup ... AccessDeniedException`; an empty group is not scaled up for pods with "
    "a node selector. A condition on `autoscaling:ResourceTag/...` never matches here.",
    "Allow `eks:DescribeNodegroup` on the cluster's node groups, or put node-template tags on each group. "
    f"{_ENDPOINT} eks.",
)
WRITES = BOOK.rule(
    "writes",
    "The role can change the size of every group of the cluster",
    "The autoscaler retries a denied call indefinitely, and the pods stay pending.",
    "`FailedToScaleUpGroup ... not authorized to perform: autoscaling:SetDesiredCapacity`, then `not ready for "
    "scale-up`. The finding shows whether the policy's condition, a permissions boundary or a service control policy "
    "denies the call.",
    f"Tag the group, or correct the policy, as the finding shows. {_ENDPOINT} autoscaling.",
)
FOREIGN = BOOK.rule(
    "foreign-groups",
    "The role cannot change groups of other clusters",
    "With one wrong tag, or one stolen token, the role can scale another cluster's machines.",
    "No error, until a tag is wrong.",
    "Put the condition `aws:ResourceTag/k8s.io/cluster-autoscaler/<cluster>` = `owned` on both writes, and detach the "
    "wider policy.",
)
NARROW = BOOK.rule(
    "narrow",
    "The policies grant no more than the autoscaler calls",
    "A stolen token can do whatever the policies grant: delete groups, launch machines.",
    "`AutoScalingFullAccess`, `autoscaling:*`, or both writes on `*` without a condition.",
    "Attach the narrow policy first, then detach the wide one.",
)

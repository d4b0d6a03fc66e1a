"""Rules of the last link: each pending pod has a group that fits it."""

from ..findings import Link, RuleBook

BOOK = RuleBook(
    Link.PENDING_PODS,
    "Pending pods",
    "The last link: each pod that the scheduler could not place, the groups that the autoscaler considered for it, "
    "and why each group was rejected. If an earlier link is broken, the finding names that link instead.",
)

PLACED = BOOK.rule(
    "placed",
    "Every pod has a node, or a node is being added",
    "Scheduled pods are the purpose of the whole chain.",
    "Pods are `Pending` with `PodScheduled=False`.",
    "Wait while a scale-up is under way; otherwise fix the link that the finding names.",
)
CONSIDERED = BOOK.rule(
    "considered",
    "The autoscaler considered every pending pod",
    "The autoscaler skips pods of other schedulers, of very low priority, or with a scale-up delay.",
    "A pod is pending for minutes, with neither `TriggeredScaleUp` nor `NotTriggerScaleUp` among its events.",
    "Check `schedulerName`, a priority below -10, and the annotation `pod-scale-up-delay`.",
)
FITS = BOOK.rule(
    "fits",
    "Some group fits every pending pod",
    "A pod that fits no group's nodes stays pending: no scale-up helps it.",
    "`pod didn't trigger scale-up: ...`, with a reason for every group: labels, taints, or too little capacity.",
    "Lower the requests, tolerate the taint, remove the selector, or add a group whose nodes fit.",
)

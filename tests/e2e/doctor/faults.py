"""Faults that are planted in the deployed program, each with the rule that must name it.

Plain data: the page of first fixes and the fast tests read it without a sandbox.
"""

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

DEPLOYMENT = ("--namespace", "kube-system", "deployment/cluster-autoscaler")
ACCOUNT = ("--namespace", "kube-system", "serviceaccount/cluster-autoscaler")
OWN_POLICY = "cluster-autoscaler"
"""Name of the inline policy that a fix without a stack puts on the role."""


class Bench(Protocol):
    """The deployed program, and the commands by which faults are planted."""

    outputs: Any
    role: str
    group: str
    region: str

    def aws(self, *words: str) -> str: ...

    def kubectl(self, *words: str) -> str: ...

    def apply(self, manifest: Any) -> str: ...

    def shell(self, command: str) -> str: ...


Act = Callable[[Bench], object]


class Fault(NamedTuple):
    """One fault.

    Attributes:
        rule: The finding that must name it.
        plant: Plants it.
        clean: Removes what the fix leaves in addition to what existed before.
        typed: Whether the test types the first fix; otherwise ``clean`` removes the fault.
        stack: Whether the doctor knows the stack; otherwise it gets only the name of the cluster.
        mode: The credential mode of the stack.
        what: What distinguishes it from another fault of the same rule.
        full: Whether only the full form of the suite has it (`make fixes`): each takes half a minute.
    """

    rule: str
    plant: Act
    clean: Act | None = None
    typed: bool = True
    stack: bool = True
    mode: str = "irsa"
    what: str = ""
    full: bool = False

    @property
    def name(self) -> str:
        """Its name as a test case."""
        return "-".join(filter(None, (self.rule, self.mode, "stack" if self.stack else "cluster", self.what)))


# --- AWS --------------------------------------------------------------------------------------------------------------


def _tag(key: str, value: str) -> Act:
    def plant(bench: Bench) -> None:
        tag = (
            f"ResourceId={bench.group},ResourceType=auto-scaling-group,Key={key},Value={value},PropagateAtLaunch=false"
        )
        bench.aws("autoscaling", "create-or-update-tags", "--tags", tag)

    return plant


def _untag(bench: Bench) -> None:
    key = f"k8s.io/cluster-autoscaler/{bench.outputs['clusterName']}"
    tag = f"ResourceId={bench.group},ResourceType=auto-scaling-group,Key={key}"
    bench.aws("autoscaling", "delete-tags", "--tags", tag)


def _disown(bench: Bench) -> None:
    """Give the cluster's tag a value for which the policy allows no write."""
    _tag(f"k8s.io/cluster-autoscaler/{bench.outputs['clusterName']}", "shared")(bench)


def _suspend(bench: Bench) -> None:
    name = ("--auto-scaling-group-name", bench.group)
    bench.aws("autoscaling", "suspend-processes", *name, "--scaling-processes", "Launch")


def _trust(old: str, new: str) -> Act:
    """Change a word of the trust policy."""

    def plant(bench: Bench) -> None:
        text = bench.outputs["trustDocument"]
        assert old in text, text
        document = text.replace(old, new)
        bench.aws("iam", "update-assume-role-policy", "--role-name", bench.role, "--policy-document", document)

    return plant


def _trust_without_subject(bench: Bench) -> None:
    document = json.loads(bench.outputs["trustDocument"])
    equal = document["Statement"][0]["Condition"]["StringEquals"]
    document["Statement"][0]["Condition"]["StringEquals"] = {
        key: value for key, value in equal.items() if not key.endswith(":sub")
    }
    text = json.dumps(document)
    bench.aws("iam", "update-assume-role-policy", "--role-name", bench.role, "--policy-document", text)


def _delete_provider(bench: Bench) -> None:
    arn = bench.outputs["oidcProviderArn"]
    bench.aws("iam", "delete-open-id-connect-provider", "--open-id-connect-provider-arn", arn)


def _delete_audience(bench: Bench) -> None:
    words = ("--open-id-connect-provider-arn", bench.outputs["oidcProviderArn"], "--client-id", "sts.amazonaws.com")
    bench.aws("iam", "remove-client-id-from-open-id-connect-provider", *words)


def _detach(bench: Bench) -> None:
    bench.aws("iam", "detach-role-policy", "--role-name", bench.role, "--policy-arn", bench.outputs["policyArn"])


def _attach(bench: Bench) -> None:
    bench.aws("iam", "attach-role-policy", "--role-name", bench.role, "--policy-arn", bench.outputs["policyArn"])
    bench.aws("iam", "delete-role-policy", "--role-name", bench.role, "--policy-name", OWN_POLICY)


def _deny(action: str) -> Act:
    """Deny an action by an inline policy of the name that a fix replaces."""

    def plant(bench: Bench) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
        words = ("--role-name", bench.role, "--policy-name", OWN_POLICY, "--policy-document", json.dumps(document))
        bench.aws("iam", "put-role-policy", *words)

    return plant


def _delete_own_policy(bench: Bench) -> None:
    bench.aws("iam", "delete-role-policy", "--role-name", bench.role, "--policy-name", OWN_POLICY)


def _delete_role(bench: Bench) -> None:
    _detach(bench)
    bench.aws("iam", "delete-role", "--role-name", bench.role)


def _node_roles(bench: Bench) -> list[str]:
    """Names of the roles of the stack's nodes."""
    return sorted({group["roleName"] for group in bench.outputs["nodeGroups"]})


def _detach_from_nodes(bench: Bench) -> None:
    for role in _node_roles(bench):
        bench.aws("iam", "detach-role-policy", "--role-name", role, "--policy-arn", bench.outputs["policyArn"])


def _attach_to_nodes(bench: Bench) -> None:
    """Attach the policy of the stack again, and remove the one that the fix put on the role of the pod's node."""
    for role in _node_roles(bench):
        bench.aws("iam", "attach-role-policy", "--role-name", role, "--policy-arn", bench.outputs["policyArn"])
        inline = json.loads(bench.aws("iam", "list-role-policies", "--role-name", role, "--output", "json"))
        if OWN_POLICY in inline["PolicyNames"]:
            bench.aws("iam", "delete-role-policy", "--role-name", role, "--policy-name", OWN_POLICY)


def _attach_full_access(bench: Bench) -> None:
    arn = "arn:aws:iam::aws:policy/AutoScalingFullAccess"
    bench.aws("iam", "attach-role-policy", "--role-name", bench.role, "--policy-arn", arn)


# --- Kubernetes -------------------------------------------------------------------------------------------------------


def _annotate(annotation: str) -> Act:
    return lambda bench: bench.kubectl("annotate", "--overwrite", *ACCOUNT, annotation)


def _pods_older_than_their_role(bench: Bench) -> None:
    pods = ("--namespace", "kube-system", "pods", "--selector", "app.kubernetes.io/instance=cluster-autoscaler")
    _annotate("eks.amazonaws.com/role-arn-")(bench)
    bench.kubectl("rollout", "restart", *DEPLOYMENT)
    for _ in range(60):
        found = json.loads(bench.kubectl("get", *pods, "--output", "json"))["items"]
        if any("AWS_ROLE_ARN" not in json.dumps(pod["spec"]) for pod in found):
            break
        time.sleep(1)
    _annotate(f"eks.amazonaws.com/role-arn={bench.outputs['roleArn']}")(bench)


def _patch(*operations: Any) -> Act:
    """Patch the Deployment."""
    return lambda bench: bench.kubectl("patch", *DEPLOYMENT, "--type", "json", "--patch", json.dumps(operations))


def _flag(flag: str) -> Act:
    return _patch({"op": "add", "path": "/spec/template/spec/containers/0/command/-", "value": flag})


def _setting(path: str, value: str) -> Act:
    """Change a setting of the stack."""
    return lambda bench: bench.shell(f"pulumi config set --path {path} {value} && pulumi up")


def _without_annotation(bench: Bench) -> None:
    patch = {"metadata": {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": None}}}
    bench.kubectl("patch", *DEPLOYMENT, "--type", "merge", "--patch", json.dumps({"spec": {"template": patch}}))


def _other_region(bench: Bench) -> None:
    bench.kubectl("set", "env", *DEPLOYMENT, "AWS_REGION=eu-west-1")


def _other_image(bench: Bench) -> None:
    minor, _, patch = bench.outputs["imageTag"].rpartition(".")
    image = f"registry.k8s.io/autoscaling/cluster-autoscaler:{minor}.{'1' if patch == '0' else '0'}"
    bench.kubectl("set", "image", *DEPLOYMENT, f"*={image}")


def _upgrade(*values: str) -> Act:
    """Change values of the release."""
    chart = "autoscaler/cluster-autoscaler --namespace kube-system --reuse-values"
    return lambda bench: bench.shell(f"helm upgrade cluster-autoscaler {chart} {' '.join(values)}")


def _other_cluster(bench: Bench) -> None:
    """Discover the groups of another cluster."""
    container = json.loads(bench.kubectl("get", *DEPLOYMENT, "--output", "json"))["spec"]["template"]["spec"][
        "containers"
    ][0]
    index = next(n for n, word in enumerate(container["command"]) if word.startswith("--node-group-auto-discovery="))
    flag = "--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/another"
    _patch({"op": "replace", "path": f"/spec/template/spec/containers/0/command/{index}", "value": flag})(bench)


def _quoted_arn(bench: Bench) -> None:
    _annotate(f"eks.amazonaws.com/role-arn='{bench.outputs['roleArn']}'")(bench)


def _delete_association(bench: Bench) -> None:
    cluster = ("--cluster-name", bench.outputs["clusterName"])
    account = ("--namespace", "kube-system", "--service-account", "cluster-autoscaler")
    found = json.loads(bench.aws("eks", "list-pod-identity-associations", *cluster, *account, "--output", "json"))
    for each in found["associations"]:
        bench.aws("eks", "delete-pod-identity-association", *cluster, "--association-id", each["associationId"])


def _delete_agent(bench: Bench) -> None:
    name = ("--cluster-name", bench.outputs["clusterName"], "--addon-name", "eks-pod-identity-agent")
    bench.aws("eks", "delete-addon", *name)


def _delete_account(bench: Bench) -> None:
    bench.kubectl("delete", *ACCOUNT)


def _forbid_volume_attachments(bench: Bench) -> None:
    role = json.loads(bench.kubectl("get", "clusterrole", "cluster-autoscaler", "--output", "json"))
    for rule in role["rules"]:
        rule["resources"] = [each for each in rule.get("resources", []) if each != "volumeattachments"]
    rules = [rule for rule in role["rules"] if rule["resources"]]
    patch = json.dumps({"rules": rules})
    bench.kubectl("patch", "clusterrole", "cluster-autoscaler", "--type", "merge", "--patch", patch)


def _second_autoscaler(bench: Bench) -> None:
    first = json.loads(bench.kubectl("get", *DEPLOYMENT, "--output", "json"))
    selector = {"app": "second-autoscaler"}
    template = first["spec"]["template"]
    template["metadata"]["labels"] = selector
    # A pod that is not scheduled for this reason waits for no node, which would be a second finding.
    template["spec"]["schedulingGates"] = [{"name": "example.com/on-purpose"}]
    second = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "second-autoscaler", "namespace": "kube-system"},
        "spec": {"replicas": 1, "selector": {"matchLabels": selector}, "template": template},
    }
    bench.apply(second)


def _old_taint(bench: Bench) -> None:
    node = json.loads(bench.kubectl("get", "nodes", "--output", "json"))["items"][0]["metadata"]["name"]
    taint = f"ToBeDeletedByClusterAutoscaler={int(time.time()) - 7200}:PreferNoSchedule"
    bench.kubectl("taint", "node", node, taint)


def _delete_additional_role(bench: Bench) -> None:
    bench.kubectl("delete", "clusterrole,clusterrolebinding", "cluster-autoscaler-additional")


def _delete_priorities(bench: Bench) -> None:
    bench.kubectl("delete", "configmap", "cluster-autoscaler-priority-expander", "--namespace", "kube-system")


def reapply(bench: Bench) -> None:
    """Restore the objects of the release as its newest revision describes them."""
    name = ("cluster-autoscaler", "--namespace", "kube-system")
    history = json.loads(bench.shell(" ".join(["helm", "history", *name, "--output", "json"])))
    bench.shell(" ".join(["helm", "rollback", name[0], str(history[-1]["revision"]), *name[1:], "--wait"]))


def _undo_upgrade(bench: Bench) -> None:
    """Return to the revision of the release before the newest."""
    bench.shell("helm rollback cluster-autoscaler --namespace kube-system --wait")


def _all(*acts: Act) -> Act:
    def every(bench: Bench) -> None:
        for act in acts:
            act(bench)

    return every


# --- groups -----------------------------------------------------------------------------------------------------------

_SELF_MANAGED = "self-managed"


def _create_group(tags: dict[str, str]) -> Act:
    """Create an empty group outside of EKS, over two zones."""

    def plant(bench: Bench) -> None:
        data = json.dumps({"ImageId": "ami-12c6146b", "InstanceType": "m5.large"})
        name = ("--launch-template-name", _SELF_MANAGED)
        bench.aws("ec2", "create-launch-template", *name, "--launch-template-data", data)
        words = ["--auto-scaling-group-name", _SELF_MANAGED, "--min-size", "0", "--max-size", "3"]
        words += ["--launch-template", f"LaunchTemplateName={_SELF_MANAGED}"]
        words += ["--availability-zones", f"{bench.region}a", f"{bench.region}b", "--tags"]
        for key, value in tags.items():
            key = key.format(cluster=bench.outputs["clusterName"])
            words.append(f"ResourceId={_SELF_MANAGED},Key={key},Value={value},PropagateAtLaunch=false")
        bench.aws("autoscaling", "create-auto-scaling-group", *words)

    return plant


def _delete_group(bench: Bench) -> None:
    bench.aws("autoscaling", "delete-auto-scaling-group", "--auto-scaling-group-name", _SELF_MANAGED, "--force-delete")
    bench.aws("ec2", "delete-launch-template", "--launch-template-name", _SELF_MANAGED)


_DISCOVERED = {
    "k8s.io/cluster-autoscaler/enabled": "true",
    "k8s.io/cluster-autoscaler/{cluster}": "owned",
}


def _configure_group(index: int, *words: str) -> Act:
    """Change a managed node group of the stack."""

    def act(bench: Bench) -> None:
        name = ("--nodegroup-name", bench.outputs["nodeGroups"][index]["name"])
        bench.aws("eks", "update-nodegroup-config", "--cluster-name", bench.outputs["clusterName"], *name, *words)

    return act


def _untag_batch(key: str) -> Act:
    """Remove a tag from the second group of the stack."""

    def act(bench: Bench) -> None:
        group = bench.outputs["nodeGroups"][1]["asgName"]
        bench.aws(
            "autoscaling", "delete-tags", "--tags", f"ResourceId={group},ResourceType=auto-scaling-group,Key={key}"
        )

    return act


def _pod(name: str, **spec: Any) -> Act:
    """Create a pod."""
    pause: dict[str, Any] = {"name": "pause", "image": "registry.k8s.io/pause:3.10"}
    pause |= {"resources": {"requests": spec.pop("requests")}} if "requests" in spec else {}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [pause], **spec},
    }
    return lambda bench: bench.apply(pod)


def _delete_pod(name: str) -> Act:
    return lambda bench: bench.kubectl("delete", "pod", name, "--namespace", "default", "--now")


# --- the faults -------------------------------------------------------------------------------------------------------

_SUBJECT = (":kube-system:cluster-autoscaler", ":kube-system:another")


_WORKLOAD = "k8s.io/cluster-autoscaler/node-template/label/workload"


_LARGE = ("large-0", "large-1", "large-2")
"""Pods that fill a node of the first group each: its two nodes do not have the capacity for the third."""


def _scale(replicas: str) -> Act:
    return lambda bench: bench.kubectl("scale", *DEPLOYMENT, replicas)


FAULTS = (
    # Before any edit of the Deployment: after one, the doctor proposes to roll the release back first.
    Fault("pod.flags", _setting("autoscaler.flags.scale-down-enabled", "false"), what="setting", full=True),
    Fault("pod.safe-to-evict", _without_annotation, stack=False, full=True),
    Fault("pod.version", _upgrade("--set-string", "image.tag=v1.35.0"), stack=False, full=True),
    Fault("groups.tags", _untag),
    Fault("groups.tags", _untag, stack=False, full=True),
    Fault("groups.processes", _suspend),
    Fault(
        "groups.template-tags", _tag("k8s.io/cluster-autoscaler/node-template/taints/spot", "yes:NoSchedule"), full=True
    ),
    Fault("role.trust-subject", _trust(*_SUBJECT), full=True),
    Fault("role.trust-subject", _trust(*_SUBJECT), stack=False),
    Fault("role.trust-issuer", _trust(":oidc-provider/", ":oidc-provider/another."), stack=False, full=True),
    Fault("role.trust-audience", _trust("sts.amazonaws.com", "sts.amazonaws.com.cn"), stack=False, full=True),
    Fault("role.trust-narrow", _trust_without_subject, stack=False, full=True),
    Fault("role.oidc-provider", _delete_provider, full=True),
    Fault("role.oidc-provider", _delete_provider, stack=False, full=True),
    Fault("role.oidc-audience", _delete_audience, stack=False, full=True),
    Fault("permissions.reads", _detach, full=True),
    Fault("permissions.reads", _detach, _attach, stack=False),
    Fault("permissions.writes", _deny("autoscaling:SetDesiredCapacity"), _delete_own_policy, stack=False, full=True),
    Fault("permissions.narrow", _attach_full_access, full=True),
    Fault("permissions.narrow", _attach_full_access, _delete_own_policy, stack=False, full=True),
    Fault("pod.replicas", _scale("--replicas=0"), full=True),
    Fault("pod.rbac", _forbid_volume_attachments, full=True),
    Fault("pod.single", _second_autoscaler),
    Fault("pod.flags", _flag("--max-empty-bulk-delete=10"), full=True),
    Fault("service-account.source", _annotate("eks.amazonaws.com/role-arn-"), full=True),
    Fault(
        "pending-pods.fits",
        _pod("fits-nowhere", nodeSelector={"no-such-label": "on-purpose"}),
        _delete_pod("fits-nowhere"),
        typed=False,
    ),
    Fault("pod.replicas", _scale("--replicas=0"), reapply, stack=False, full=True),
    Fault(
        "pod.rbac",
        _forbid_volume_attachments,
        _all(_delete_additional_role, reapply),
        stack=False,
        full=True,
    ),
    Fault("pod.region", _other_region, full=True),
    Fault("pod.stack-image", _other_image, full=True),
    Fault("autoscaler.leftover-taints", _old_taint, full=True),
    Fault("groups.labels", _tag(_WORKLOAD, "elsewhere"), stack=False, full=True),
    Fault(
        "groups.foreign",
        _create_group(_DISCOVERED | {"eks:cluster-name": "another"}),
        _delete_group,
        stack=False,
        full=True,
    ),
    Fault("groups.rebalance", _create_group(_DISCOVERED), _delete_group, stack=False, full=True),
    Fault("permissions.node-groups", _deny("eks:DescribeNodegroup"), _delete_own_policy, stack=False, full=True),
    Fault("pod.flags", _flag("--max-empty-bulk-delete=10"), stack=False, full=True),
    Fault("pod.safe-to-evict", _without_annotation, full=True),
    Fault("pod.region", _other_region, stack=False, full=True),
    Fault("pod.discovery-flag", _other_cluster, full=True),
    Fault("pod.discovery-flag", _other_cluster, stack=False, full=True),
    Fault("pod.flags", _upgrade("--set", "extraArgs.scale-down-enabled=false"), stack=False, what="values", full=True),
    Fault("pod.deployment", lambda bench: bench.kubectl("delete", *DEPLOYMENT), full=True),
    Fault("service-account.source", _annotate("eks.amazonaws.com/role-arn-"), stack=False, full=True),
    Fault("service-account.role-arn", _quoted_arn, stack=False, full=True),
    Fault("service-account.exists", _delete_account, full=True),
    Fault("service-account.injected", _pods_older_than_their_role, full=True),
    Fault(
        "role.trust-pod-identity", _trust("cluster-autoscaler", "another"), stack=False, mode="podIdentity", full=True
    ),
    Fault("service-account.source", _delete_association, mode="podIdentity", full=True),
    Fault("service-account.pod-identity-agent", _delete_agent, stack=False, mode="podIdentity", full=True),
    Fault("groups.labels", _tag(_WORKLOAD, "elsewhere"), full=True),
    Fault(
        "groups.taints",
        _configure_group(1, "--taints", "addOrUpdateTaints=[{key=without-value,effect=NO_SCHEDULE}]"),
        _all(
            _configure_group(1, "--taints", "removeTaints=[{key=without-value,effect=NO_SCHEDULE}]"),
            _untag_batch("k8s.io/cluster-autoscaler/node-template/taint/without-value"),
        ),
        stack=False,
        full=True,
    ),
    Fault(
        "groups.headroom",
        _all(
            _configure_group(0, "--scaling-config", "maxSize=2"),
            *(_pod(name, nodeSelector={"workload": "general"}, requests={"cpu": "1500m"}) for name in _LARGE),
        ),
        _all(*map(_delete_pod, _LARGE), _configure_group(0, "--scaling-config", "maxSize=4")),
        stack=False,
        full=True,
    ),
    Fault(
        "autoscaler.priorities",
        _upgrade("--set-string", "extraArgs.expander=priority"),
        _all(_undo_upgrade, _delete_priorities),
        stack=False,
        full=True,
    ),
    Fault("role.exists", _delete_role, full=True),
    Fault("groups.tags", _untag, mode="nodeRole", full=True),
    Fault("groups.tags", _untag, stack=False, mode="nodeRole", full=True),
    Fault("pod.replicas", _scale("--replicas=0"), mode="nodeRole", full=True),
    Fault("permissions.writes", _disown, stack=False, mode="podIdentity", full=True),
    Fault("permissions.writes", _disown, mode="nodeRole", full=True),
    Fault("permissions.reads", _detach_from_nodes, mode="nodeRole", full=True),
    Fault("permissions.reads", _detach_from_nodes, _attach_to_nodes, stack=False, mode="nodeRole", full=True),
)

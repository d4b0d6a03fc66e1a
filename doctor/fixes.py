"""Word the fixes: each once, quoted for a shell, and as a change of the stack where a stack deployed the autoscaler.

A fix is either a command that can be typed as it stands, with a note behind ``NOTE`` where needed, or advice: a
sentence that may end with a command that reads more. Advice is for what needs a decision of the user, or a value that
the doctor does not know. A stack is fixed by the stack: it would undo a command, or report it as drift.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ._shared import discovery, flags, iam
from .facts import Access, Cluster, Document, Source

CHART = "autoscaler/cluster-autoscaler"

OWN_POLICY = "cluster-autoscaler"
"""Name of the inline policy that a fix puts on a role."""

NOTE = "   # "
"""What separates a command from a note for the reader."""

PROGRAMS = ("aws", "helm", "kubectl", "pulumi")
"""Programs with which a command of a fix begins."""

_SETTINGS = {
    "image.tag": "autoscaler.image.tag",
    "rbac.serviceAccount.name": "autoscaler.serviceAccount",
    "resources.limits.memory": "autoscaler.resources.memory",
    "dnsPolicy": "autoscaler.values.dnsPolicy",
}
"""Settings of a stack by the values of the chart that they decide; the program decides the others by itself."""


def command_of(fix: str) -> str:
    """Return the command of a fix without its note; empty if the fix is advice."""
    return fix.partition(NOTE)[0] if fix.partition(" ")[0] in PROGRAMS else ""


def lines_of(fix: str) -> list[str]:
    """Return a fix with one command per line, and its note as comments. The lines can be pasted together."""
    command = command_of(fix)
    if not command:
        return [fix]
    note = fix[len(command) :].removeprefix(NOTE)
    return [*_each(command), *(f"# {line}" for line in _each(note) if line)]


def _each(commands: str) -> list[str]:
    *before, last = commands.split(" && ")
    return [*(f"{each} &&" for each in before), last]


@dataclass(frozen=True)
class Fixer:
    """The names that fixes need, and the fixes.

    Attributes:
        release: Helm release that installed the Deployment; empty when Helm did not.
        chart_version: Version of its chart; empty when it is not known.
        revision: Number of the release's newest revision; None when it is not known.
        edited: Whether something other than Helm changed the Deployment, so that its release does not describe it.
        from_stack: Whether a stack of this project deployed it.
        stack: Name of that stack; empty for the selected one.
    """

    cluster: str
    region: str
    namespace: str = "kube-system"
    deployment: str = "cluster-autoscaler"
    service_account: str = "cluster-autoscaler"
    release: str = ""
    chart_version: str = ""
    revision: int | None = None
    edited: bool = False
    from_stack: bool = False
    stack: str = ""

    # --- the release ---

    def values(self, values: Mapping[str, str], chart_version: str = "") -> str:
        """Change values of the chart, or its version; first roll an edit of the Deployment back.

        Otherwise a value of null would render a flag that only the edit set (`deployment.yaml` of the chart,
        ``extraArgs``).
        """
        if self.edited and self.release and not chart_version:
            return self.reapply()
        version = chart_version or self.chart_version
        words = ["helm", "upgrade", self.release or "cluster-autoscaler", CHART, "--namespace", self.namespace]
        words += ["--version", version] if version else []
        # With --reuse-values a null brings the old value back (helm/helm issue 30765).
        words += ["--reset-then-reuse-values"]
        for path, value in values.items():
            # Kubernetes rejects an annotation that is no string. Flags are rendered from strings just as well.
            words += ["--set" if value == "null" else "--set-string"]
            words += [path + "=" + value.replace(",", "\\,")]
        settings = {_SETTINGS[path]: value for path, value in values.items() if path in _SETTINGS}
        if chart_version:
            settings["autoscaler.chart.version"] = chart_version
        return self._settings(settings, shlex.join(words))

    def flag(self, flag: str, value: str | None) -> str:
        """Set a flag of the autoscaler, or remove it (None); ``_1`` behind it distinguishes repeated ones."""
        name = flag.partition("_")[0]
        if self.from_stack and self.edited:
            return self.reapply()
        if self.from_stack:
            owner = flags.OWNED_BY.get(name, "")
            setting = f"autoscaler.{owner}" if owner.isidentifier() else f"autoscaler.flags.{name}"
            return self._settings({setting: value}, "")
        if self.release:
            return self.values({f"extraArgs.{flag}": "null" if value is None else value})
        change = f"Remove --{name} from" if value is None else f"Set --{name}={value} in"
        return f"{change} the Deployment: {self._kubectl('edit', f'deployment/{self.deployment}')}"

    def image(self, tag: str) -> str:
        """Run another version of the autoscaler."""
        if self.release or self.from_stack:
            return self.values({"image.tag": tag})
        image = f"*=registry.k8s.io/autoscaling/cluster-autoscaler:{tag}"
        return self._kubectl("set", "image", f"deployment/{self.deployment}", image)

    def set_image(self, image: str, tag: str) -> str:
        """Run another tag of an image, without a change of settings."""
        repository = image.partition("@")[0]
        head, slash, last = repository.rpartition("/")
        return self._kubectl(
            "set", "image", f"deployment/{self.deployment}", f"*={head}{slash}{last.partition(':')[0]}:{tag}"
        )

    def install(self) -> str:
        """Install the autoscaler; without a stack its credentials are a decision of the user."""
        if self.from_stack:
            return self.reapply()
        words = ["helm", "upgrade", "--install", "cluster-autoscaler", CHART, "--namespace", self.namespace]
        for value in (f"autoDiscovery.clusterName={self.cluster}", f"awsRegion={self.region}"):
            words += ["--set-string", value]
        return f"Install Cluster Autoscaler and give its service account a role: {shlex.join(words)}"

    def reinstall(self) -> str:
        """Create the Deployment again, when an immutable field keeps Helm from changing it."""
        return f"{self.remove_deployment(self.namespace, self.deployment)} && {self.values({})}"

    def reapply(self) -> str:
        """Restore the objects of the release as its newest revision describes them.

        `pulumi up --refresh` does not: the Kubernetes provider compares a release's values with its record in Helm, and
        reads no object (pulumi-kubernetes: provider/helm_release.go, Read and Diff).
        """
        name = self.release or "cluster-autoscaler"
        if not self.revision:
            return f"Roll the release {name} back to its newest revision (helm rollback): {self._history()}"
        words = ["helm", "rollback", name, str(self.revision), "--namespace", self.namespace, "--wait"]
        return shlex.join(words)

    def restart(self) -> str:
        """Replace its pods."""
        return self._kubectl("rollout", "restart", f"deployment/{self.deployment}")

    def scale(self, replicas: int) -> str:
        """Run a number of replicas."""
        if self.from_stack and self.revision:
            return self.reapply()
        return self._kubectl("scale", f"deployment/{self.deployment}", f"--replicas={replicas}")

    def remove_deployment(self, namespace: str, name: str) -> str:
        """Remove a second autoscaler."""
        return shlex.join(["kubectl", "--namespace", namespace, "delete", "deployment", name])

    def grant(self, rights: Iterable[Access]) -> str:
        """Give the service account rights in Kubernetes."""
        if self.from_stack:
            return self.reapply()
        missing = sorted({f"{right.resource}.{right.group}".rstrip(".") for right in rights if not right.subresource})
        subresources = sorted({f"{right.resource}/{right.subresource}" for right in rights if right.subresource})
        verbs = ",".join(sorted({right.verb for right in rights}))
        name = f"{self.deployment}-additional"
        account = f"{self.namespace}:{self.service_account}"
        role = ["kubectl", "create", "clusterrole", name, f"--verb={verbs}"]
        role += [f"--resource={','.join([*missing, *subresources])}"]
        binding = ["kubectl", "create", "clusterrolebinding", name, f"--clusterrole={name}"]
        binding += [f"--serviceaccount={account}"]
        return f"{shlex.join(role)} && {shlex.join(binding)}"

    # --- credentials ---

    def annotate(self, role_arn: str) -> str:
        """Annotate the service account with its role."""
        pair = f"eks.amazonaws.com/role-arn={role_arn}"
        command = self._kubectl("annotate", "--overwrite", f"serviceaccount/{self.service_account}", pair)
        return self._drift(command, self.restart())

    def give_role(self, source: Source | None, role_arn: str) -> str:
        """Give the service account a role in the way that is in use, or by IRSA if none is."""
        if not role_arn or source is Source.NODE_ROLE:
            return "Give the service account its own role, by IRSA or EKS Pod Identity."
        return self.associate(role_arn) if source is Source.POD_IDENTITY else self.annotate(role_arn)

    def create_service_account(self) -> str:
        """Create the service account that the Deployment names."""
        return self._drift(self._kubectl("create", "serviceaccount", self.service_account), self.restart())

    def agent_addon(self) -> str:
        """Install the agent of EKS Pod Identity."""
        return self._drift(
            self._aws("eks", "create-addon", "--cluster-name", self.cluster, "--addon-name", "eks-pod-identity-agent")
        )

    def restart_agents(self) -> str:
        """Replace the pods of the agent of EKS Pod Identity."""
        return "kubectl --namespace kube-system rollout restart daemonset/eks-pod-identity-agent"

    def associate(self, role_arn: str) -> str:
        """Associate a role with the service account."""
        words = ["eks", "create-pod-identity-association", "--cluster-name", self.cluster]
        words += ["--namespace", self.namespace, "--service-account", self.service_account, "--role-arn", role_arn]
        return self._drift(self._aws(*words), self.restart())

    def remove_annotation(self) -> str:
        """Remove the role from the service account."""
        pair = "eks.amazonaws.com/role-arn-"
        return f"{self._kubectl('annotate', f'serviceaccount/{self.service_account}', pair)} && {self.restart()}"

    def remove_association(self, association_id: str) -> str:
        """Remove the Pod Identity association."""
        words = ["eks", "delete-pod-identity-association", "--cluster-name", self.cluster]
        return f"{self._aws(*words, '--association-id', association_id)} && {self.restart()}"

    def hop_limit(self, instance_id: str) -> str:
        """Let pods reach the credentials of their node."""
        words = ["ec2", "modify-instance-metadata-options", "--instance-id", instance_id]
        words += ["--http-tokens", "required", "--http-put-response-hop-limit", "2"]
        return f"{self._aws(*words)}{NOTE}and in the launch template; better: a role for the service account (IRSA)"

    # --- IAM ---

    def create_provider(self, issuer: str) -> str:
        """Register the cluster's issuer with IAM."""
        words = ["iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", iam.AUDIENCE]
        return self._drift(shlex.join(["aws", *words]))

    def add_audience(self, provider_arn: str) -> str:
        """Register the audience of the tokens with the provider."""
        words = ["iam", "add-client-id-to-open-id-connect-provider"]
        words += ["--open-id-connect-provider-arn", provider_arn, "--client-id", iam.AUDIENCE]
        return self._drift(shlex.join(["aws", *words]))

    def trust(self, role_name: str, document: Document) -> str:
        """Replace the trust policy of a role."""
        words = ["iam", "update-assume-role-policy", "--role-name", role_name]
        words += ["--policy-document", json.dumps(document, separators=(",", ":"))]
        return self._drift(shlex.join(["aws", *words]))

    def policy(self, role_name: str, cluster: Cluster) -> str:
        """Give a role the narrowest policy that serves the autoscaler."""
        identity = iam.ClusterIdentity(cluster.partition, cluster.region, cluster.account, cluster.name)
        document = json.dumps(iam.autoscaler_policy(identity), separators=(",", ":"))
        words = ["iam", "put-role-policy", "--role-name", role_name, "--policy-name", OWN_POLICY]
        return self._drift(shlex.join(["aws", *words, "--policy-document", document]))

    def detach(self, role_name: str, policy_arn: str) -> str:
        """Detach a managed policy from a role."""
        words = ["aws", "iam", "detach-role-policy", "--role-name", role_name, "--policy-arn", policy_arn]
        return shlex.join(words)

    def delete_policy(self, role_name: str, policy_name: str) -> str:
        """Delete an inline policy of a role."""
        words = ["aws", "iam", "delete-role-policy", "--role-name", role_name, "--policy-name", policy_name]
        return shlex.join(words)

    def widen_boundary(self, role_name: str) -> str:
        """Change the permissions boundary of a role."""
        words = ["aws", "iam", "delete-role-permissions-boundary", "--role-name", role_name]
        return f"Widen the permissions boundary of role {role_name}, or remove it: {shlex.join(words)}"

    # --- groups ---

    def tag(self, group: str, tags: Mapping[str, str]) -> str:
        """Put tags on a group."""
        words = ["autoscaling", "create-or-update-tags", "--tags"]
        for key, value in tags.items():
            words.append(
                f"ResourceId={group},ResourceType=auto-scaling-group,Key={key},Value={value},PropagateAtLaunch=false"
            )
        return self._drift(self._aws(*words))

    def discovery_tags(self, group: str) -> str:
        """Put both discovery tags on a group."""
        return self.tag(group, discovery.discovery_tags(self.cluster))

    def untag(self, group: str, keys: Iterable[str]) -> str:
        """Remove tags from a group."""
        words = ["autoscaling", "delete-tags", "--tags"]
        words += [f"ResourceId={group},ResourceType=auto-scaling-group,Key={key}" for key in keys]
        return self._aws(*words)

    def resume(self, group: str, processes: Iterable[str]) -> str:
        """Resume suspended processes of a group."""
        words = ["autoscaling", "resume-processes", "--auto-scaling-group-name", group]
        return self._aws(*words, "--scaling-processes", *processes)

    def suspend(self, group: str, process: str) -> str:
        """Suspend a process of a group."""
        words = ["autoscaling", "suspend-processes", "--auto-scaling-group-name", group]
        return self._aws(*words, "--scaling-processes", process)

    def max_size(self, group: str, node_group: str, size: int) -> str:
        """Raise the maxSize of a group."""
        if self.from_stack:
            up = self._pulumi("up")
            return f"Set maxSize: {size} of node group {node_group or group} in Pulumi.<stack>.yaml, then run: {up}"
        if node_group:
            words = ["eks", "update-nodegroup-config", "--cluster-name", self.cluster]
            words += ["--nodegroup-name", node_group, "--scaling-config", f"maxSize={size}"]
        else:
            words = ["autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", group]
            words += ["--max-size", str(size)]
        return self._aws(*words)

    def refresh(self) -> str:
        """Let the stack restore what was changed outside of it."""
        return self._pulumi("up", "--refresh")

    def create_priorities(self, config_map: str, key: str) -> str:
        """Create the ConfigMap of the priority expander, with one priority for all groups."""
        if self.from_stack:
            return self.reapply()
        return self._kubectl("create", "configmap", config_map, "--from-literal", f'{key}=10: [".*"]')

    def edit_priorities(self, config_map: str, key: str) -> str:
        """Correct the ConfigMap of the priority expander."""
        if self.from_stack:
            return f"Correct autoscaler.expanderPriorities in Pulumi.<stack>.yaml, then run: {self._pulumi('up')}"
        edit = self._kubectl("edit", "configmap", config_map)
        return f"Set the key {key} to lists of patterns by priority, such as '10: [\".*\"]': {edit}"

    def remove_taint(self, node: str, key: str) -> str:
        """Remove a taint from a node."""
        return shlex.join(["kubectl", "taint", "node", node, f"{key}-"])

    # --- advice: what to read ---

    def read_log(self) -> str:
        """Read the log of the autoscaler."""
        return f"Read the log: {self._kubectl('logs', f'deployment/{self.deployment}', '--tail=200')}"

    def read_previous_log(self) -> str:
        """Read why the container exited."""
        words = ("logs", f"deployment/{self.deployment}", "--previous", "--tail=50")
        return f"Read why the container exited: {self._kubectl(*words)}"

    def describe(self, kind: str, labels: Mapping[str, str]) -> str:
        """Read the events of the autoscaler's pods or ReplicaSets."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        return f"Read the events: {self._kubectl('describe', kind, '--selector', selector)}"

    def read_history(self, then: str) -> str:
        """Read the history of the release."""
        return f"{then}: {self._history()}"

    def read_activities(self, group: str) -> str:
        """Read the scaling activities of a group."""
        words = ["autoscaling", "describe-scaling-activities", "--auto-scaling-group-name", group, "--max-items", "5"]
        return f"Read the scaling activities of {group}: {self._aws(*words)}"

    def read_console(self, instance_id: str) -> str:
        """Read why an instance did not join."""
        words = ["ec2", "get-console-output", "--latest", "--instance-id", instance_id]
        return (
            "Check subnet routes, security groups and the node role's access entry, and read the console output: "
            + self._aws(*words)
        )

    def read_health(self, node_group: str) -> str:
        """Read the health issues of a node group."""
        words = ["eks", "describe-nodegroup", "--cluster-name", self.cluster, "--nodegroup-name", node_group]
        return f"Follow the issues: {self._aws(*words, '--query', 'nodegroup.health')}"

    def upgrade_cluster(self, version: str) -> str:
        """Upgrade the control plane."""
        words = ["eks", "update-cluster-version", "--name", self.cluster, "--kubernetes-version", version]
        return "Upgrade the cluster with kubernetesVersion of the stack that created it, or with: " + self._aws(*words)

    # --- how a fix is worded ---

    def _history(self) -> str:
        return shlex.join(["helm", "history", self.release or "cluster-autoscaler", "--namespace", self.namespace])

    def _aws(self, *words: str) -> str:
        return shlex.join(["aws", *words, "--region", self.region])

    def _kubectl(self, *words: str) -> str:
        return shlex.join(["kubectl", "--namespace", self.namespace, *words])

    def _pulumi(self, *words: str) -> str:
        return shlex.join(["pulumi", *words, *(["--stack", self.stack] if self.stack else [])])

    def _drift(self, command: str, afterwards: str = "") -> str:
        """Fix a resource of the stack that was changed outside of it; what pods need afterwards goes with both ways."""
        after = f" && {afterwards}" if afterwards else ""
        return f"{self.refresh()}{after}{NOTE}or at once: {command}{after}" if self.from_stack else f"{command}{after}"

    def _settings(self, settings: Mapping[str, str | None], command: str) -> str:
        """Change what settings of the stack decide, or restore what the program itself decides."""
        if not self.from_stack:
            return command
        if not settings or self.edited:
            return self.reapply()
        changes = [
            self._pulumi("config", "rm", "--path", path)
            if value is None
            else self._pulumi("config", "set", "--path", path, value)
            for path, value in settings.items()
        ]
        return " && ".join([*changes, self._pulumi("up")])

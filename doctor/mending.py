"""Words the commands that mend: each one once, quoted for a shell, and as a change of the stack where a stack exists.

Whoever deployed by a stack should mend by the stack: a command given by hand would be undone, or would be drift.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ._shared import discovery, flags, iam
from .facts import Access, Cluster, Document, Source

CHART = "autoscaler/cluster-autoscaler"

_SETTINGS = {
    "image.tag": "autoscaler.image.tag",
    "rbac.serviceAccount.name": "autoscaler.serviceAccount",
    "resources.limits.memory": "autoscaler.resources.memory",
}
"""Settings of a stack by the values of the chart that they decide; the program decides the others by itself."""


@dataclass(frozen=True)
class Mender:
    """Knows the names that commands need.

    Attributes:
        release: Helm release that installed the Deployment; empty when Helm did not.
        chart_version: Version of its chart; empty when it is not known.
        revision: Number of the release's newest revision; None when it is not known.
        edited: Whether something other than Helm changed the Deployment, so that its release does not describe it.
        from_stack: Whether a stack of this project deployed it.
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

    # --- the release ---

    def values(self, values: Mapping[str, str], chart_version: str = "") -> str:
        """Change values of the chart, or its version."""
        version = chart_version or self.chart_version
        words = ["helm", "upgrade", self.release or "cluster-autoscaler", CHART, "--namespace", self.namespace]
        words += ["--version", version] if version else []
        words += ["--reuse-values"] if not chart_version else ["--reset-then-reuse-values"]
        for path, value in values.items():
            words += ["--set" if value in ("null", "true", "false") or value.isdigit() else "--set-string"]
            words += [path + "=" + value.replace(",", "\\,")]
        settings = {_SETTINGS[path]: value for path, value in values.items() if path in _SETTINGS}
        if chart_version:
            settings["autoscaler.chart.version"] = chart_version
        return self._settings(settings, shlex.join(words))

    def flag(self, flag: str, value: str | None) -> str:
        """Set a flag of the autoscaler, or take it away (None); ``_1`` behind it tells repeated ones apart."""
        name = flag.partition("_")[0]
        if self.from_stack and self.edited:
            return self.reapply()
        if self.from_stack:
            owner = flags.OWNED_BY.get(name, "")
            setting = f"autoscaler.{owner}" if owner.isidentifier() else f"autoscaler.flags.{name}"
            return self._settings({setting: value}, "")
        if self.release:
            return self.values({f"extraArgs.{flag}": "null" if value is None else value})
        change = f"remove --{name}" if value is None else f"set --{name}={value}"
        return f"{self._kubectl('edit', f'deployment/{self.deployment}')}   # {change}"

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
        """Install the autoscaler."""
        words = ["helm", "upgrade", "--install", self.release or "cluster-autoscaler", CHART]
        words += ["--namespace", self.namespace, "--set", f"autoDiscovery.clusterName={self.cluster}"]
        words += ["--set", f"awsRegion={self.region}"]
        return self.reapply() if self.from_stack else shlex.join(words)

    def reapply(self) -> str:
        """Make the objects of the release again as its newest revision describes them.

        `pulumi up --refresh` does not: the Kubernetes provider compares a release's values with its record in Helm, and
        reads no object (pulumi-kubernetes: provider/helm_release.go, Read and Diff).
        """
        name = self.release or "cluster-autoscaler"
        words = ["helm", "rollback", name, str(self.revision or "REVISION"), "--namespace", self.namespace, "--wait"]
        return (
            shlex.join(words) if self.revision else f"{shlex.join(words)}   # the newest revision of: {self.history()}"
        )

    def restart(self) -> str:
        """Make its pods anew."""
        return self._kubectl("rollout", "restart", f"deployment/{self.deployment}")

    def scale(self, replicas: int) -> str:
        """Run a number of replicas."""
        if self.from_stack and self.revision:
            return self.reapply()
        return self._kubectl("scale", f"deployment/{self.deployment}", f"--replicas={replicas}")

    def log(self) -> str:
        """Read what it says."""
        return self._kubectl("logs", f"deployment/{self.deployment}", "--tail=200")

    def previous_log(self) -> str:
        """Read why it ended."""
        return self._kubectl("logs", f"deployment/{self.deployment}", "--previous", "--tail=50")

    def describe_pods(self, labels: Mapping[str, str]) -> str:
        """Read why its pods do not start."""
        return self._kubectl(
            "describe", "pods", "--selector", ",".join(f"{key}={value}" for key, value in labels.items())
        )

    def remove_deployment(self, namespace: str, name: str) -> str:
        """Remove a second autoscaler."""
        return shlex.join(["kubectl", "--namespace", namespace, "delete", "deployment", name])

    def history(self) -> str:
        """Read what Helm did."""
        return shlex.join(["helm", "history", self.release or "cluster-autoscaler", "--namespace", self.namespace])

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
        """Tell EKS which role the service account has."""
        pair = f"eks.amazonaws.com/role-arn={role_arn}"
        command = self._kubectl("annotate", "--overwrite", f"serviceaccount/{self.service_account}", pair)
        return self._drift(command, self.restart())

    def give_role(self, source: Source | None, role_arn: str) -> str:
        """Give the service account a role in the way that is in use, IRSA where none is."""
        return self.associate(role_arn) if source is Source.POD_IDENTITY else self.annotate(role_arn)

    def create_service_account(self) -> str:
        """Create the service account that the Deployment names."""
        return self._drift(self._kubectl("create", "serviceaccount", self.service_account))

    def agent_addon(self) -> str:
        """Install the agent of EKS Pod Identity."""
        return self._drift(
            self._aws("eks", "create-addon", "--cluster-name", self.cluster, "--addon-name", "eks-pod-identity-agent")
        )

    def associate(self, role_arn: str) -> str:
        """Associate a role with the service account."""
        words = ["eks", "create-pod-identity-association", "--cluster-name", self.cluster]
        words += ["--namespace", self.namespace, "--service-account", self.service_account, "--role-arn", role_arn]
        return self._drift(self._aws(*words), self.restart())

    def remove_annotation(self) -> str:
        """Take the role from the service account."""
        pair = "eks.amazonaws.com/role-arn-"
        return f"{self._kubectl('annotate', f'serviceaccount/{self.service_account}', pair)} && {self.restart()}"

    def remove_association(self) -> str:
        """Take the Pod Identity association away."""
        words = ["eks", "list-pod-identity-associations", "--cluster-name", self.cluster]
        words += ["--namespace", self.namespace, "--service-account", self.service_account]
        return f"{self._aws(*words)}   # then: aws eks delete-pod-identity-association"

    def hop_limit(self, instance_id: str) -> str:
        """Let pods reach the credentials of their node."""
        words = ["ec2", "modify-instance-metadata-options", "--instance-id", instance_id]
        words += ["--http-tokens", "required", "--http-put-response-hop-limit", "2"]
        return f"{self._aws(*words)}   # and in the launch template; better: a role for the service account (IRSA)"

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

    def thumbprint(self, provider_arn: str) -> str:
        """Register the thumbprint of the issuer's certificate with the provider."""
        words = ["iam", "update-open-id-connect-provider-thumbprint"]
        words += ["--open-id-connect-provider-arn", provider_arn, "--thumbprint-list"]
        return f"{shlex.join(['aws', *words])} THUMBPRINT   # SHA-1 of the last certificate that openssl s_client shows"

    def issuer_keys(self, issuer: str) -> str:
        """Read the keys of the issuer as AWS does."""
        return shlex.join(["curl", "--fail", "--silent", "--show-error", f"{issuer}/keys"])

    def trust(self, role_name: str, document: Document) -> str:
        """Replace the trust document of a role."""
        words = ["iam", "update-assume-role-policy", "--role-name", role_name]
        words += ["--policy-document", json.dumps(document, separators=(",", ":"))]
        return self._drift(shlex.join(["aws", *words]))

    def policy(self, role_name: str, cluster: Cluster) -> str:
        """Give a role the narrowest policy that serves the autoscaler."""
        identity = iam.ClusterIdentity(cluster.partition, cluster.region, cluster.account, cluster.name)
        document = json.dumps(iam.autoscaler_policy(identity), separators=(",", ":"))
        words = ["iam", "put-role-policy", "--role-name", role_name, "--policy-name", "cluster-autoscaler"]
        return self._drift(shlex.join(["aws", *words, "--policy-document", document]))

    def detach(self, role_name: str, policy_arn: str) -> str:
        """Take a managed policy from a role."""
        words = ["aws", "iam", "detach-role-policy", "--role-name", role_name, "--policy-arn", policy_arn]
        return shlex.join(words)

    def remove_boundary(self, role_name: str) -> str:
        """Look at the boundary of a role."""
        return f"widen the permissions boundary of role {role_name}, or: " + shlex.join(
            ["aws", "iam", "delete-role-permissions-boundary", "--role-name", role_name]
        )

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
        """Take tags from a group."""
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
        """Let a group grow further."""
        if node_group:
            words = ["eks", "update-nodegroup-config", "--cluster-name", self.cluster]
            words += ["--nodegroup-name", node_group, "--scaling-config", f"maxSize={size}"]
        else:
            words = ["autoscaling", "update-auto-scaling-group", "--auto-scaling-group-name", group]
            words += ["--max-size", str(size)]
        if self.from_stack:
            return f"set maxSize: {size} of node group {node_group or group} in Pulumi.<stack>.yaml, then: pulumi up"
        return self._aws(*words)

    def activities(self, group: str) -> str:
        """Read what a group tried."""
        words = ["autoscaling", "describe-scaling-activities", "--auto-scaling-group-name", group]
        return self._aws(*words, "--max-items", "5")

    def endpoint(self, service: str) -> str:
        """Give a private cluster a way to an AWS service."""
        words = ["ec2", "create-vpc-endpoint", "--vpc-endpoint-type", "Interface"]
        words += ["--service-name", f"com.amazonaws.{self.region}.{service}"]
        return f"{self._aws(*words)} --vpc-id VPC --subnet-ids SUBNETS --security-group-ids GROUPS"

    # --- how it is said ---

    def _aws(self, *words: str) -> str:
        return shlex.join(["aws", *words, "--region", self.region])

    def _kubectl(self, *words: str) -> str:
        return shlex.join(["kubectl", "--namespace", self.namespace, *words])

    def _drift(self, command: str, afterwards: str = "") -> str:
        """Fix a resource of the stack that was changed outside of it; what pods need afterwards goes with both ways."""
        after = f" && {afterwards}" if afterwards else ""
        return (
            f"pulumi up --refresh{after}   # or at once: {command}{after}" if self.from_stack else f"{command}{after}"
        )

    def _settings(self, settings: Mapping[str, str | None], command: str) -> str:
        """Something that settings of the stack decide, or else the program itself."""
        if not self.from_stack:
            return command
        if not settings or self.edited:
            return self.reapply()
        changes = [
            ["pulumi", "config", "rm", "--path", path]
            if value is None
            else ["pulumi", "config", "set", "--path", path, value]
            for path, value in settings.items()
        ]
        return " && ".join([*map(shlex.join, changes), "pulumi up"])

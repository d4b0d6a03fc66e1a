"""What a fault looks like in the autoscaler's log and events, and which link it comes from.

The causes themselves are looked for by the checks; a symptom speaks only where no check has named its cause. The
patterns are the words of Cluster Autoscaler and of AWS (kubernetes/autoscaler 1.26 to 1.36, and the threads of users).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ._shared import compatibility, iam, versions
from .case import Case
from .facts import LogLine
from .findings import Finding, Link, Rule, RuleBook, Status
from .mending import Mender
from .readings import Unreadable

POD = RuleBook(Link.POD)
SERVICE_ACCOUNT = RuleBook(Link.SERVICE_ACCOUNT)
ROLE = RuleBook(Link.ROLE)
PERMISSIONS = RuleBook(Link.PERMISSIONS)
GROUPS = RuleBook(Link.GROUPS)
AUTOSCALER = RuleBook(Link.AUTOSCALER)
BOOKS = (POD, SERVICE_ACCOUNT, ROLE, PERMISSIONS, GROUPS, AUTOSCALER)


@dataclass(frozen=True)
class Symptom:
    """One thing that logs or events say.

    Attributes:
        rule: The rule that is broken when it is said.
        pattern: What is said. A named group is handed to ``fix``.
        expected: What would be said, or seen, instead.
        fix: Words the command that mends the cause.
        causes: Ids of rules, or links, that explain it: when one of them is broken, nothing more is said.
        fatal: Whether the autoscaler cannot be running while it is true; then it is history once the loop turns.
        grave: Whether it keeps the autoscaler from scaling. Otherwise it is a warning.
    """

    rule: Rule
    pattern: re.Pattern[str]
    expected: str
    fix: Callable[[Mender, re.Match[str], Case], str]
    causes: tuple[str, ...] = ()
    fatal: bool = False
    grave: bool = True


def _say(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _policy(mender: Mender, _: re.Match[str], case: Case) -> str:
    return mender.policy(case.role_name or "ROLE", case.cluster) if case.cluster else "attach the autoscaler's policy"


def _restart(mender: Mender, _: re.Match[str], __: Case) -> str:
    return mender.restart()


def _provider_arn(case: Case) -> str:
    provider = case.snapshot.aws.oidc_provider
    return "PROVIDER_ARN" if provider is None or isinstance(provider, Unreadable) else provider.arn


def _newest_chart() -> str:
    return versions.dotted(compatibility.newest_chart().version)


def _newest_image(mender: Mender, _: re.Match[str], case: Case) -> str:
    newest = compatibility.fitting_image(case.cluster_minor) if case.cluster_minor else None
    return mender.image(f"v{versions.dotted(newest)}" if newest else "TAG")


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        PERMISSIONS.rule(
            "listing-denied",
            "AWS lets the autoscaler list groups",
            "Without the list of groups the autoscaler exits at its start, and later skips every loop.",
        ),
        _say(
            r"(Failed to regenerate ASG cache|Failed to create AWS Manager)"
            r".*(AccessDenied|UnauthorizedOperation|not authorized to perform: autoscaling)"
        ),
        "no denial of autoscaling:DescribeAutoScalingGroups",
        _policy,
        causes=("permissions.reads", "service-account", "role"),
        fatal=True,
    ),
    Symptom(
        ROLE.rule(
            "web-identity-refused",
            "AWS lets the token assume the role",
            "Without credentials the autoscaler exits at its start.",
        ),
        _say(r"Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        "AssumeRoleWithWebIdentity to succeed",
        _restart,
        causes=("role", "service-account"),
        fatal=True,
    ),
    Symptom(
        ROLE.rule(
            "provider-unknown",
            "IAM has an OIDC provider for the token's issuer",
            "Without an OIDC provider AWS rejects every token of the cluster, and the autoscaler exits at its start.",
        ),
        _say(r"No OpenIDConnect provider found"),
        "an OIDC provider in IAM for the cluster's issuer",
        lambda mender, _, case: mender.create_provider(case.cluster.issuer if case.cluster else "ISSUER"),
        causes=("role",),
        fatal=True,
    ),
    Symptom(
        ROLE.rule(
            "audience-refused",
            "The OIDC provider accepts the token's audience",
            "AWS rejects a token whose audience the OIDC provider does not list.",
        ),
        _say(r"Incorrect token audience"),
        f"the audience {iam.AUDIENCE} in the client ID list of the OIDC provider",
        lambda mender, _, case: mender.add_audience(_provider_arn(case)),
        causes=("role.oidc-audience",),
        fatal=True,
    ),
    Symptom(
        ROLE.rule(
            "thumbprint-refused",
            "The OIDC provider has the thumbprint of the issuer's certificate",
            "AWS compares the certificate of the issuer with the thumbprints of the OIDC provider.",
        ),
        _say(r"HTTPS certificate doesn't match configured thumbprint"),
        "the thumbprint of the top certificate of the issuer's chain, in lower case without colons",
        lambda mender, _, case: mender.thumbprint(_provider_arn(case)),
        fatal=True,
    ),
    Symptom(
        ROLE.rule(
            "keys-unreachable",
            "AWS can read the issuer's keys",
            "AWS reads the issuer's keys from the internet; a cluster that was created anew has another issuer.",
        ),
        _say(r"Couldn't retrieve verification key from your identity provider"),
        "the issuer's keys at the address of the OIDC provider",
        lambda mender, _, case: mender.issuer_keys(case.cluster.issuer if case.cluster else "ISSUER"),
        causes=("role.oidc-provider",),
        fatal=True,
    ),
    Symptom(
        ROLE.rule(
            "token-refused",
            "AWS accepts the pod's token",
            "AWS rejects a token that has expired or that it cannot read.",
        ),
        _say(
            r"ExpiredTokenException: Token expired|InvalidIdentityToken(?!.*(OpenIDConnect|audience|verification key))"
        ),
        "a token that the kubelet renews; a new pod has one",
        _restart,
        causes=("role", "service-account"),
        fatal=True,
    ),
    Symptom(
        SERVICE_ACCOUNT.rule(
            "no-credentials",
            "The autoscaler finds credentials",
            "Without credentials the autoscaler exits at its start.",
        ),
        _say(
            r"NoCredentialProviders|EC2MetadataError|no EC2 IMDS role found"
            r"|failed to refresh cached credentials, (?!.*AssumeRoleWithWebIdentity)"
        ),
        "credentials from the service account's role",
        lambda mender, _, case: mender.give_role(case.source, case.snapshot.aws.role_arn or "ROLE_ARN"),
        causes=("service-account", "role"),
        fatal=True,
    ),
    Symptom(
        SERVICE_ACCOUNT.rule(
            "pod-identity-refused",
            "The autoscaler's AWS SDK supports Pod Identity",
            "An AWS SDK that is too old rejects the agent's address, so there are no credentials.",
        ),
        _say(r"invalid endpoint host, \"?169\.254\.170\.23\"?|only loopback hosts are allowed"),
        "a Cluster Autoscaler whose AWS SDK supports EKS Pod Identity",
        _newest_image,
        causes=("service-account.pod-identity-version",),
        fatal=True,
    ),
    Symptom(
        POD.rule(
            "region-missing",
            "The autoscaler has a region",
            "Without a region no AWS call can be made.",
        ),
        _say(r"MissingRegion|could not find region configuration|Region is required|an AWS region is required"),
        "the cluster's region in AWS_REGION",
        lambda mender, _, __: mender.values({"awsRegion": mender.region}),
        causes=("pod.region",),
        fatal=True,
    ),
    Symptom(
        PERMISSIONS.rule(
            "instance-types-denied",
            "AWS lets the autoscaler list instance types",
            "The autoscaler falls back to its built-in list, which lacks newer types.",
        ),
        _say(r"Failed to generate AWS EC2 Instance Types:.*(UnauthorizedOperation|AccessDenied)"),
        "no denial of ec2:DescribeInstanceTypes",
        _policy,
        causes=("permissions.reads",),
        grave=False,
    ),
    Symptom(
        SERVICE_ACCOUNT.rule(
            "clock-skew",
            "The clock of the node is right",
            "AWS rejects a request whose time differs from its own by more than five minutes.",
        ),
        _say(r"RequestExpired|RequestTimeTooSkewed|Signature (expired|not yet current)"),
        "the time of the Amazon Time Sync Service on the node",
        lambda mender, _, case: "chronyc tracking   # on the node of the autoscaler's pod; or replace the node",
        fatal=True,
    ),
    Symptom(
        SERVICE_ACCOUNT.rule(
            "key-refused",
            "AWS knows the access key in use",
            "A key that was deleted, or that belongs to another partition, is rejected.",
        ),
        _say(r"InvalidClientTokenId|UnrecognizedClientException|security token included in the request is invalid"),
        "credentials of the service account's role instead of an access key",
        lambda mender, _, case: mender.give_role(case.source, case.snapshot.aws.role_arn or "ROLE_ARN"),
        causes=("service-account.source", "pod.region"),
        fatal=True,
    ),
    Symptom(
        AUTOSCALER.rule(
            "dns",
            "The pod can resolve the names of AWS",
            "When CoreDNS waits for the node that the autoscaler should add, neither of them starts.",
        ),
        _say(
            r"lookup \S*amazonaws\.com\S*( on \S+:53)?: .*(timeout|refused|server misbehaving|no such host|unreachable)"
        ),
        "answers from the cluster's DNS; dnsPolicy Default makes the autoscaler independent of CoreDNS",
        lambda mender, _, __: mender.values({"dnsPolicy": "Default"}),
        causes=("pod.region",),
    ),
    Symptom(
        AUTOSCALER.rule(
            "tls-intercepted",
            "The pod trusts the certificates of AWS",
            "A proxy or firewall that re-signs TLS presents a certificate that the image does not know.",
        ),
        _say(r"amazonaws\.com.*x509: "),
        "AWS excepted from TLS inspection, or the proxy's certificate mounted in the pod",
        lambda mender, _, __: "except *.amazonaws.com from TLS inspection, or mount the CA certificate (extraVolumes)",
    ),
    Symptom(
        AUTOSCALER.rule(
            "proxy",
            "The pod's proxy works",
            "With HTTPS_PROXY set every call to AWS goes through the proxy.",
        ),
        _say(r"proxyconnect tcp|Proxy Authentication Required"),
        "a proxy that answers, or NO_PROXY with the endpoints of AWS",
        lambda mender, _, __: "set extraEnv.HTTPS_PROXY and extraEnv.NO_PROXY of the chart to what the network needs",
    ),
    Symptom(
        AUTOSCALER.rule(
            "aws-unreachable",
            "The pod can reach AWS",
            "In a private subnet without a route to AWS every call times out.",
        ),
        _say(
            r"^(?!.*(?:lookup |x509: |proxyconnect)).*?(?P<service>sts|ec2|eks|autoscaling)\.[\w.-]*amazonaws\.com"
            r".*(i/o timeout|connection refused|no route to host|context deadline exceeded|Client\.Timeout)"
        ),
        "answers from AWS",
        lambda mender, match, _: mender.endpoint(match["service"].lower()),
        causes=("pod.region",),
    ),
    Symptom(
        PERMISSIONS.rule(
            "launch-template-denied",
            "AWS lets the autoscaler read launch templates",
            "Without the launch template there is no node template, and an empty group is never scaled up.",
        ),
        _say(
            r"(Unable to build proper template node|Failed to query launch template)"
            r".*(UnauthorizedOperation|AccessDenied)"
        ),
        "no denial of ec2:DescribeLaunchTemplateVersions",
        _policy,
        causes=("permissions.reads",),
    ),
    Symptom(
        GROUPS.rule(
            "instance-type-unknown",
            "The autoscaler knows the instance types",
            "The autoscaler skips a group whose instance type it does not know.",
        ),
        _say(r"uses the unknown EC2 instance type \"?(?P<type>[\w.-]*)"),
        "an instance type that it knows: --aws-use-static-instance-list=false, and the newest patch of the image",
        lambda mender, match, case: (
            mender.flag("aws-use-static-instance-list", None)
            if case.arguments.is_true("aws-use-static-instance-list")
            else _newest_image(mender, match, case)
        ),
        causes=("permissions",),
    ),
    Symptom(
        PERMISSIONS.rule(
            "node-group-denied",
            "AWS lets the autoscaler read managed node groups",
            "Without it the labels and taints of an empty managed node group are unknown.",
        ),
        _say(r"Failed to query the managed nodegroup (?P<group>\S+).*AccessDenied"),
        "no denial of eks:DescribeNodegroup",
        _policy,
        causes=("permissions.node-groups",),
        grave=False,
    ),
    Symptom(
        PERMISSIONS.rule(
            "scaling-denied",
            "AWS lets the autoscaler change the size of its groups",
            "Each attempt fails, and the group is in backoff after each.",
        ),
        _say(r"not authorized to perform: autoscaling:(SetDesiredCapacity|TerminateInstanceInAutoScalingGroup)"),
        "both writes allowed on the cluster's groups",
        _policy,
        causes=("permissions.writes",),
    ),
    Symptom(
        POD.rule(
            "informer-forbidden",
            "Kubernetes lets the autoscaler list what it watches",
            "From 1.33 on the autoscaler waits for every list before its first loop, with its pod Running.",
        ),
        _say(r"(?P<resource>[a-z]+(?:\.[a-z0-9.-]+)?) is forbidden: User \S+ cannot (list|watch)"),
        "RBAC that fits the image",
        lambda mender, _, __: mender.values({}, chart_version=_newest_chart()),
        causes=("pod.rbac",),
    ),
    Symptom(
        POD.rule(
            "groups-not-similar",
            "Groups that differ only in their zone count as similar",
            "Groups are balanced only when the labels of their nodes match; otherwise one zone grows alone.",
        ),
        _say(r"are not similar, labels do not match"),
        "labels that differ between such groups given as --balancing-ignore-label",
        lambda mender, _, __: mender.flag("balancing-ignore-label_1", "eks.amazonaws.com/sourceLaunchTemplateId"),
        causes=("pod.balancing",),
        grave=False,
    ),
    Symptom(
        GROUPS.rule(
            "never-joined",
            "New instances become nodes",
            "Instances that never join cost money until they are replaced.",
        ),
        _say(r"ScaleUpTimedOut|Failed to find readiness information for (?P<group>\S+)"),
        "every new instance to register as a node within --max-node-provision-time (15m)",
        lambda mender, _, case: mender.activities(case.discovered[0].name if case.discovered else "GROUP"),
        causes=("groups.joining", "groups.launching", "groups.health"),
    ),
    Symptom(
        AUTOSCALER.rule(
            "priorities-ignored",
            "The autoscaler reads its priorities",
            "Without priorities the autoscaler chooses between groups at random.",
        ),
        _say(
            r"doesn't contain priorities key|Wrong configuration for priority expander"
            r"|PriorityConfigMap(Invalid|NotMatchedGroup|NoGroupMatched)"
        ),
        "a ConfigMap cluster-autoscaler-priority-expander with the key priorities",
        lambda mender, _, __: (
            f"kubectl --namespace {mender.namespace} edit configmap cluster-autoscaler-priority-expander"
        ),
        causes=("autoscaler.priorities",),
        grave=False,
    ),
    Symptom(
        POD.rule(
            "flag-refused",
            "The autoscaler knows its flags",
            "The autoscaler exits on a flag that it does not know, and Kubernetes restarts it indefinitely.",
        ),
        _say(r"unknown (?:shorthand )?flag: '?-*(?P<flag>[\w-]+)|couldn't (?:enable|set) the DRA feature gate"),
        "flags that this version has",
        lambda mender, match, _: mender.flag(match["flag"] or "enable-dynamic-resource-allocation", None),
        causes=("pod.flags",),
        fatal=True,
    ),
    Symptom(
        AUTOSCALER.rule(
            "api-server-unreachable",
            "The pod can reach the API server",
            "Without the API server the autoscaler exits, or loses its lease and exits.",
        ),
        _say(r"Failed to get nodes from apiserver:|lost master"),
        "answers from the API server",
        lambda mender, _, __: (
            "check the CNI, kube-proxy and the cluster's security group on the pod's node, then: " + mender.restart()
        ),
        causes=("autoscaler.aws-unreachable", "autoscaler.dns"),
        fatal=True,
    ),
    Symptom(
        POD.rule(
            "release-refused",
            "Helm can render and apply the release",
            "The cluster keeps the old release, or none.",
        ),
        _say(r"Only one of podDisruptionBudget|spec\.selector: Invalid value.*field is immutable"),
        "podDisruptionBudget with one of its two fields null, and podLabels as they were first installed",
        lambda mender, match, _: (
            mender.values({"podDisruptionBudget.maxUnavailable": "null"})
            if "podDisruptionBudget" in match[0]
            else f"{mender.remove_deployment(mender.namespace, mender.deployment)} && {mender.install()}"
        ),
    ),
    Symptom(
        AUTOSCALER.rule(
            "throttled",
            "AWS does not throttle the autoscaler",
            "Throttled calls delay or skip scaling; all clusters of the account and region share the quota.",
        ),
        _say(r"Throttling: Rate exceeded|ThrottlingException|RequestLimitExceeded"),
        "fewer calls: a scan interval of 30 seconds or more",
        lambda mender, _, __: mender.flag("scan-interval", "30s"),
        grave=False,
    ),
)


def find(case: Case, link: Link, so_far: Iterable[Finding]) -> Iterator[Finding]:
    """What the log and the events say of one link, where no broken finding so far explains it."""
    named = [finding for finding in so_far if finding.status in (Status.BROKEN, Status.WARNING)]
    explained = {finding.rule.id for finding in named}
    explained |= {str(finding.rule.link) for finding in named if finding.status is Status.BROKEN}
    for symptom in SYMPTOMS:
        if symptom.rule.link != link or explained & set(symptom.causes):
            continue
        said = [match for text in _said(case, symptom) if (match := symptom.pattern.search(text))]
        if said:
            last = said[-1]
            seen = f"Logged {len(said)} time{'s' * (len(said) > 1)} recently, last: {shortened(last.string)}"
            judge = symptom.rule.broken if symptom.grave else symptom.rule.warning
            yield judge(seen, symptom.expected, symptom.fix(case.mender, last, case))


@dataclass(frozen=True)
class RecurringError:
    """An error that the autoscaler logs again and again and that no symptom knows.

    Attributes:
        site: File and line of the autoscaler's source, ``static_autoscaler.go:368``.
        text: The error, the last time.
        count: How often the recent log has it.
    """

    site: str
    text: str
    count: int


LOOP_SOURCES = ("static_autoscaler.go", "orchestrator.go", "aws_manager.go", "auto_scaling_groups.go", "aws_wrapper.go")
"""Files of Cluster Autoscaler whose errors mean that a turn of the main loop did not do its work."""

_ERROR_LINE = re.compile(r"^E\d{4} [\d:.]+ +\d+ (?P<site>(?P<file>[\w]+\.go):\d+)\] (?P<text>.*)")
_RECURS = 3
_STILL = timedelta(minutes=3)


def recurring_errors(case: Case) -> list[RecurringError]:
    """Return the errors of the main loop that keep coming, most frequent first.

    A fresh status is no evidence against them: `RunOnce` (`static_autoscaler.go`) writes it when it returns. Only
    what fails before that one is set up, such as the refresh of the cloud provider, leaves the old status.
    """
    found: dict[str, list[tuple[datetime | None, str]]] = {}
    for line in case.recent_logs:
        match = _ERROR_LINE.match(line.text)
        known = match and any(
            symptom.pattern.search(line.text) for symptom in SYMPTOMS if not _is_history(case, symptom, line)
        )
        if match and match["file"] in LOOP_SOURCES and not known:
            found.setdefault(match["site"], []).append((line.at, match["text"]))
    errors = [
        RecurringError(site, lines[-1][1], len(lines))
        for site, lines in found.items()
        if len(lines) >= _RECURS and (lines[-1][0] is None or case.snapshot.taken_at - lines[-1][0] <= _STILL)
    ]
    return sorted(errors, key=lambda error: -error.count)


def _is_history(case: Case, symptom: Symptom, line: LogLine) -> bool:
    """Whether a line is of a process that could not run, while the one of now does."""
    return symptom.fatal and case.is_running and line.at is not None


def _said(case: Case, symptom: Symptom) -> Iterator[str]:
    for line in case.recent_logs:
        if not _is_history(case, symptom, line):
            yield line.text
    for event in case.recent_events:
        yield f"{event.reason} {event.message}"


def shortened(text: str, limit: int = 300) -> str:
    """Return a text on one line, cut to ``limit`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

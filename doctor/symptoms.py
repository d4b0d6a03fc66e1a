"""Errors in the autoscaler's log and events, and the rule that each is evidence against.

The checks find the causes themselves; a symptom counts only if no check has named its cause. The patterns are the
words of Cluster Autoscaler and of AWS (kubernetes/autoscaler 1.26 to 1.36, and reports of users).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ._shared import compatibility, flag_needs, iam, versions
from .access import PRIORITY_CONFIG_MAP, PRIORITY_KEY
from .case import Case
from .facts import LogLine, Source
from .findings import Finding, Link, Rule, Status
from .fixes import Fixer
from .readings import Unreadable
from .rules import autoscaler, groups, permissions, pod, role, service_account

Fix = Callable[[Fixer, re.Match[str], Case], str]
"""Words the fix of a symptom."""


@dataclass(frozen=True)
class Symptom:
    """One error in logs or events.

    Attributes:
        rule: The rule that it is evidence against. If that rule is already broken, the symptom adds nothing.
        pattern: The words of the error. A named group is passed to ``fix``.
        expected: What the log would show, or not show, instead.
        fix: Words the fix.
        causes: Ids of further rules, or links, that explain it: if one of them is broken, the symptom is ignored.
        fatal: Whether the autoscaler exits on it; then it is history once the loop runs.
        severe: Whether it keeps the autoscaler from scaling. Otherwise it is a warning.
    """

    rule: Rule
    pattern: re.Pattern[str]
    expected: str
    fix: Fix
    causes: tuple[str, ...] = ()
    fatal: bool = False
    severe: bool = True


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _advice(text: str) -> Fix:
    return lambda fixer, match, case: text


def _policy(fixer: Fixer, _: re.Match[str], case: Case) -> str:
    known = case.role_name and case.cluster
    return fixer.policy(case.role_name, known) if known else "Attach the autoscaler's policy to its role."


def _restart(fixer: Fixer, _: re.Match[str], __: Case) -> str:
    return fixer.restart()


def _create_provider(fixer: Fixer, _: re.Match[str], case: Case) -> str:
    return fixer.create_provider(case.cluster.issuer) if case.cluster else "Create an OIDC provider for the issuer."


def _provider_arn(case: Case) -> str:
    provider = case.snapshot.aws.oidc_provider
    return "" if provider is None or isinstance(provider, Unreadable) else provider.arn


def _add_audience(fixer: Fixer, _: re.Match[str], case: Case) -> str:
    arn = _provider_arn(case)
    return fixer.add_audience(arn) if arn else f"Add {iam.AUDIENCE} to the client ID list of the OIDC provider."


def _thumbprint(_: Fixer, __: re.Match[str], case: Case) -> str:
    return (
        f"Set the thumbprint list of {_provider_arn(case) or 'the OIDC provider'} to the SHA-1 fingerprint of the "
        "issuer's top certificate (aws iam update-open-id-connect-provider-thumbprint)."
    )


def _read_keys(_: Fixer, __: re.Match[str], case: Case) -> str:
    read = f": curl --fail {case.cluster.issuer}/keys" if case.cluster else "."
    return f"Compare the issuer with the URL of the OIDC provider, and read the issuer's keys{read}"


def _credentials(fixer: Fixer, _: re.Match[str], case: Case) -> str:
    if case.source in (None, Source.NODE_ROLE):
        return fixer.give_role(Source.NODE_ROLE, "")
    return fixer.give_role(case.source, case.snapshot.aws.role_arn)


def _newest_image(fixer: Fixer, _: re.Match[str], case: Case) -> str:
    newest = compatibility.fitting_image(case.cluster_minor) if case.cluster_minor else None
    return fixer.image(f"v{versions.dotted(newest)}") if newest else "Run the newest patch of the image."


def _instance_list(fixer: Fixer, match: re.Match[str], case: Case) -> str:
    if case.arguments.is_true("aws-use-static-instance-list"):
        return fixer.flag("aws-use-static-instance-list", None)
    return _newest_image(fixer, match, case)


def _newest_chart(fixer: Fixer, _: re.Match[str], __: Case) -> str:
    return fixer.values({}, chart_version=versions.dotted(compatibility.newest_chart().version))


def _without_resource(fixer: Fixer, match: re.Match[str], case: Case) -> str:
    """Remove the flag that needs the resource, if one of the command line does."""
    wanted = flag_needs.needs(case.arguments.last, case.image[:2]) if case.image else ()
    flag = next((need.flag for need in wanted if need.name == match["resource"]), None)
    return fixer.flag(flag, None) if flag else f"Install the CustomResourceDefinition {match['resource']}."


def _activities(fixer: Fixer, _: re.Match[str], case: Case) -> str:
    if not case.discovered:
        return "Read the scaling activities of the group."
    return fixer.read_activities(case.discovered[0].name)


def _priorities(fixer: Fixer, _: re.Match[str], __: Case) -> str:
    return fixer.edit_priorities(PRIORITY_CONFIG_MAP, PRIORITY_KEY)


def _release(fixer: Fixer, match: re.Match[str], _: Case) -> str:
    if "podDisruptionBudget" in match[0]:
        return fixer.values({"podDisruptionBudget.maxUnavailable": "null"})
    return fixer.reinstall()


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        permissions.READS,
        _words(
            r"(Failed to regenerate ASG cache|Failed to create AWS Manager)"
            r".*(AccessDenied|UnauthorizedOperation|not authorized to perform: autoscaling)"
        ),
        "a log without a denial of autoscaling:DescribeAutoScalingGroups",
        _policy,
        causes=("service-account", "role"),
        fatal=True,
    ),
    Symptom(
        role.TRUST_SUBJECT,
        _words(r"Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        "a log without a denial of sts:AssumeRoleWithWebIdentity",
        _restart,
        causes=("role", "service-account"),
        fatal=True,
    ),
    Symptom(
        role.PROVIDER,
        _words(r"No OpenIDConnect provider found"),
        "an OIDC provider in IAM for the cluster's issuer",
        _create_provider,
        causes=("role",),
        fatal=True,
    ),
    Symptom(
        role.PROVIDER_AUDIENCE,
        _words(r"Incorrect token audience"),
        f"the audience {iam.AUDIENCE} in the client ID list of the OIDC provider",
        _add_audience,
        fatal=True,
    ),
    Symptom(
        role.THUMBPRINT_REFUSED,
        _words(r"HTTPS certificate doesn't match configured thumbprint"),
        "the thumbprint of the top certificate of the issuer's chain, in lower case without colons",
        _thumbprint,
        fatal=True,
    ),
    Symptom(
        role.KEYS_UNREACHABLE,
        _words(r"Couldn't retrieve verification key from your identity provider"),
        "the issuer's keys at the address of the OIDC provider",
        _read_keys,
        causes=("role.oidc-provider",),
        fatal=True,
    ),
    Symptom(
        role.TOKEN_REFUSED,
        _words(
            r"ExpiredTokenException: Token expired|InvalidIdentityToken(?!.*(OpenIDConnect|audience|verification key))"
        ),
        "a valid token; the kubelet gives one to a new pod",
        _restart,
        causes=("role", "service-account"),
        fatal=True,
    ),
    Symptom(
        service_account.NO_CREDENTIALS,
        _words(
            r"NoCredentialProviders|EC2MetadataError|no EC2 IMDS role found"
            r"|failed to refresh cached credentials, (?!.*AssumeRoleWithWebIdentity)"
        ),
        "credentials from the service account's role",
        _credentials,
        causes=("service-account", "role"),
        fatal=True,
    ),
    Symptom(
        service_account.AGENT_VERSION,
        _words(r"invalid endpoint host, \"?169\.254\.170\.23\"?|only loopback hosts are allowed"),
        "a Cluster Autoscaler whose AWS SDK supports EKS Pod Identity",
        _newest_image,
        fatal=True,
    ),
    Symptom(
        pod.REGION,
        _words(r"MissingRegion|could not find region configuration|Region is required|an AWS region is required"),
        "the cluster's region in AWS_REGION",
        lambda fixer, _, __: fixer.values({"awsRegion": fixer.region}),
        fatal=True,
    ),
    Symptom(
        permissions.READS,
        _words(r"Failed to generate AWS EC2 Instance Types:.*(UnauthorizedOperation|AccessDenied)"),
        "a log without a denial of ec2:DescribeInstanceTypes",
        _policy,
        severe=False,
    ),
    Symptom(
        service_account.CLOCK_SKEW,
        _words(r"RequestExpired|RequestTimeTooSkewed|Signature (expired|not yet current)"),
        "a clock that the Amazon Time Sync Service sets",
        _advice("Correct the time service of the node of the autoscaler's pod, or replace the node."),
        fatal=True,
    ),
    Symptom(
        service_account.KEY_REFUSED,
        _words(r"InvalidClientTokenId|UnrecognizedClientException|security token included in the request is invalid"),
        "credentials of the service account's role instead of an access key",
        _advice("Remove the access key from the pod, and check that AWS_REGION is in the partition of the role."),
        causes=("service-account.source", "pod.region"),
        fatal=True,
    ),
    Symptom(
        autoscaler.DNS,
        _words(
            r"lookup \S*amazonaws\.com\S*( on \S+:53)?: .*(timeout|refused|server misbehaving|no such host|unreachable)"
        ),
        "answers from the cluster's DNS, or dnsPolicy Default, which does not need CoreDNS",
        lambda fixer, _, __: fixer.values({"dnsPolicy": "Default"}),
        causes=("pod.region",),
    ),
    Symptom(
        autoscaler.TLS_INTERCEPTED,
        _words(r"amazonaws\.com.*x509: "),
        "AWS excluded from TLS inspection, or the proxy's certificate mounted in the pod",
        _advice("Exclude *.amazonaws.com from TLS inspection, or mount the CA certificate (extraVolumes)."),
    ),
    Symptom(
        autoscaler.PROXY,
        _words(r"proxyconnect tcp|Proxy Authentication Required"),
        "a proxy that answers, or NO_PROXY with the endpoints of AWS",
        _advice("Correct extraEnv.HTTPS_PROXY and extraEnv.NO_PROXY of the chart."),
    ),
    Symptom(
        autoscaler.AWS_UNREACHABLE,
        _words(
            r"^(?!.*(?:lookup |x509: |proxyconnect)).*?(?P<service>sts|ec2|eks|autoscaling)\.[\w.-]*amazonaws\.com"
            r".*(i/o timeout|connection refused|no route to host|context deadline exceeded|Client\.Timeout)"
        ),
        "answers from AWS",
        lambda fixer, match, _: (
            "Add a NAT gateway, or an interface endpoint for "
            f"{match['service'].lower()} in the subnets of the nodes; its security group must allow the nodes."
        ),
        causes=("pod.region",),
    ),
    Symptom(
        permissions.READS,
        _words(
            r"(Unable to build proper template node|Failed to query launch template)"
            r".*(UnauthorizedOperation|AccessDenied)"
        ),
        "a log without a denial of ec2:DescribeLaunchTemplateVersions",
        _policy,
    ),
    Symptom(
        groups.INSTANCE_TYPE_UNKNOWN,
        _words(r"uses the unknown EC2 instance type \"?(?P<type>[\w.-]*)"),
        "an instance type that the autoscaler knows: no static list, and the newest patch of the image",
        _instance_list,
        causes=("permissions",),
    ),
    Symptom(
        permissions.NODE_GROUPS,
        _words(r"Failed to query the managed nodegroup (?P<group>\S+).*AccessDenied"),
        "a log without a denial of eks:DescribeNodegroup",
        _policy,
        severe=False,
    ),
    Symptom(
        permissions.WRITES,
        _words(r"not authorized to perform: autoscaling:(SetDesiredCapacity|TerminateInstanceInAutoScalingGroup)"),
        "a policy that allows both writes on the cluster's groups",
        _policy,
    ),
    Symptom(
        pod.RBAC,
        _words(r"(?P<resource>[a-z]+(?:\.[a-z0-9.-]+)?) is forbidden: User \S+ cannot (list|watch)"),
        "a role in Kubernetes that fits the image",
        _newest_chart,
    ),
    Symptom(
        pod.FLAGS,
        _words(
            r"failed to list \S+: the server could not find the requested resource \(get (?P<resource>[a-z0-9.-]+)\)"
        ),
        "the CustomResourceDefinition of every resource that a flag makes the autoscaler list",
        _without_resource,
        causes=("pod.version",),
    ),
    Symptom(
        pod.BALANCING,
        _words(r"are not similar, labels do not match"),
        "--balancing-ignore-label for each label that differs between such groups",
        lambda fixer, _, __: fixer.flag("balancing-ignore-label_1", "eks.amazonaws.com/sourceLaunchTemplateId"),
        severe=False,
    ),
    Symptom(
        groups.JOINING,
        _words(r"ScaleUpTimedOut|Failed to find readiness information for (?P<group>\S+)"),
        "a node for every new instance within --max-node-provision-time (15m)",
        _activities,
        causes=("groups.launching", "groups.health"),
    ),
    Symptom(
        autoscaler.PRIORITIES,
        _words(
            r"doesn't contain priorities key|Wrong configuration for priority expander"
            r"|PriorityConfigMap(Invalid|NotMatchedGroup|NoGroupMatched)"
        ),
        "a ConfigMap cluster-autoscaler-priority-expander with the key priorities",
        _priorities,
        severe=False,
    ),
    Symptom(
        pod.FLAGS,
        _words(r"unknown (?:shorthand )?flag: '?-*(?P<flag>[\w-]+)|couldn't (?:enable|set) the DRA feature gate"),
        "flags that this version has",
        lambda fixer, match, _: fixer.flag(match["flag"] or "enable-dynamic-resource-allocation", None),
        fatal=True,
    ),
    Symptom(
        autoscaler.API_SERVER_UNREACHABLE,
        _words(r"Failed to get nodes from apiserver:|lost master"),
        "answers from the API server",
        _advice("Check the CNI, kube-proxy and the cluster's security group on the node of the autoscaler's pod."),
        causes=("autoscaler.aws-unreachable", "autoscaler.dns"),
        fatal=True,
    ),
    Symptom(
        pod.RELEASE,
        _words(r"Only one of podDisruptionBudget|spec\.selector: Invalid value.*field is immutable"),
        "podDisruptionBudget with one of its two fields null, and podLabels as they were first installed",
        _release,
    ),
    Symptom(
        autoscaler.THROTTLED,
        _words(r"Throttling: Rate exceeded|ThrottlingException|RequestLimitExceeded"),
        "fewer calls: a scan interval of 30 seconds or more",
        lambda fixer, _, __: fixer.flag("scan-interval", "30s"),
        severe=False,
    ),
)


def find(case: Case, link: Link, so_far: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the evidence in the log and the events against rules of one link, unless earlier findings explain it."""
    named = [finding for finding in so_far if finding.status in (Status.BROKEN, Status.WARNING)]
    explained = {finding.rule.id for finding in named}
    explained |= {str(finding.rule.link) for finding in named if finding.status is Status.BROKEN}
    holding = {finding.rule.id for finding in so_far if finding.status is Status.OK}
    for symptom in SYMPTOMS:
        if symptom.rule.link != link or explained & {symptom.rule.id, *symptom.causes}:
            continue
        # A rule that its check finds in order is broken only by an error that still comes: it may just have been fixed.
        since = case.snapshot.taken_at - _STILL if symptom.rule.id in holding else None
        matches = [match for text in _texts(case, symptom, since) if (match := symptom.pattern.search(text))]
        if matches:
            last = matches[-1]
            times = "once" if len(matches) == 1 else f"{len(matches)} times"
            seen = f"The log or the events show this error ({times} recently): {shortened(last.string)}"
            judge = symptom.rule.broken if symptom.severe else symptom.rule.warning
            yield judge(seen, symptom.expected, symptom.fix(case.fixer, last, case))


@dataclass(frozen=True)
class RecurringError:
    """An error that the autoscaler keeps logging and that no symptom knows.

    Attributes:
        site: File and line of the autoscaler's source, ``static_autoscaler.go:368``.
        text: The error, the last time.
        count: How often the recent log has it.
    """

    site: str
    text: str
    count: int


LOOP_SOURCES = ("static_autoscaler.go", "orchestrator.go", "aws_manager.go", "auto_scaling_groups.go", "aws_wrapper.go")
"""Files of Cluster Autoscaler whose errors mean that an iteration of the main loop failed."""

_ERROR_LINE = re.compile(r"^E\d{4} [\d:.]+ +\d+ (?P<site>(?P<file>[\w]+\.go):\d+)\] (?P<text>.*)")
_RECURS = 3
_STILL = timedelta(minutes=3)


def recurring_errors(case: Case) -> list[RecurringError]:
    """Return the recurring errors of the main loop, most frequent first.

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
    """Whether a line comes from a process that exited, while the current one runs."""
    return symptom.fatal and case.is_running and line.at is not None


def _texts(case: Case, symptom: Symptom, since: datetime | None) -> Iterator[str]:
    """The lines of the log, and the events; those without a time always count."""
    for line in case.recent_logs:
        if not _is_history(case, symptom, line) and (since is None or line.at is None or line.at >= since):
            yield line.text
    for event in case.recent_events:
        if since is None or event.at is None or event.at >= since:
            yield f"{event.reason} {event.message}"


def shortened(text: str, limit: int = 300) -> str:
    """Return a text on one line, cut to ``limit`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

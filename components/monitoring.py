"""AutoscalerMonitoring: alerts for the Prometheus operator and a dashboard for Grafana."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from .errors import checked
from .pure import alerts, dashboard, validation
from .pure.faults import Fault
from .values import NAME

TOKEN = "eks-cluster-autoscaler:index:AutoscalerMonitoring"

DEFAULT_NAMESPACE = "monitoring"
DEFAULT_RULE_LABELS = {"release": "prometheus-operator"}
"""The labels of the chart's ServiceMonitor (chart 9.59.0, ``serviceMonitor.selector``)."""
DEFAULT_DASHBOARD_LABELS = {"grafana_dashboard": "1"}
"""Label by which Grafana's sidecar finds dashboards (grafana/helm-charts, ``sidecar.dashboards.label``)."""
RUNBOOKS = "https://github.com/OWNER/pulumi-eks-cluster-autoscaler/blob/main/docs/doctor"


class AutoscalerMonitoringArgs(TypedDict):
    """What is created, and how Prometheus and Grafana find it."""

    alerts: NotRequired[bool]
    """Whether to create a PrometheusRule, whose CustomResourceDefinition must be installed. Defaults to false."""
    dashboard: NotRequired[bool]
    """Whether to create a ConfigMap with a dashboard for Grafana's sidecar. Defaults to false."""
    namespace: NotRequired[str]
    """Namespace of both, which must exist. Defaults to `monitoring`."""
    rule_labels: NotRequired[dict[str, str]]
    """Labels by which Prometheus selects the rules. Defaults to `{release: prometheus-operator}`."""
    dashboard_labels: NotRequired[dict[str, str]]
    """Labels by which Grafana's sidecar selects the dashboard. Defaults to `{grafana_dashboard: "1"}`."""
    runbooks: NotRequired[str]
    """URL of the folder with the doctor's pages, for the links in alerts. Defaults to this project's own."""


def faults(args: AutoscalerMonitoringArgs) -> list[Fault]:
    """Find errors in the arguments."""
    found = [
        *validation.dns_label("namespace", args.get("namespace", DEFAULT_NAMESPACE)),
        *validation.labels("ruleLabels", args.get("rule_labels", {})),
        *validation.labels("dashboardLabels", args.get("dashboard_labels", {})),
    ]
    if not (args.get("alerts") or args.get("dashboard")):
        found.append(Fault("", "neither alerts nor dashboard", "alerts: true, dashboard: true, or both"))
    if not (runbooks := args.get("runbooks", RUNBOOKS)).startswith(("https://", "http://")):
        found.append(Fault("runbooks", repr(runbooks), "the URL of a folder, https://…"))
    return found


class AutoscalerMonitoring(pulumi.ComponentResource):
    """Alerts about Cluster Autoscaler, each with a link to the doctor's page, and a dashboard of its metrics.

    The alerts are an object of the Prometheus operator. Without its CustomResourceDefinition an update fails with an
    error that names the kind; the release of the autoscaler is not affected. Needs a Kubernetes provider.
    """

    alert_names: pulumi.Output[list[str]]
    """Names of the alerts; empty without alerts."""

    def __init__(self, name: str, args: AutoscalerMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(AutoscalerMonitoring, name, args, AutoscalerMonitoringArgs, faults)
        super().__init__(TOKEN, name, dict(args), opts)
        namespace = args.get("namespace", DEFAULT_NAMESPACE)
        if args.get("alerts"):
            kubernetes.apiextensions.CustomResource(
                name,
                api_version="monitoring.coreos.com/v1",
                kind="PrometheusRule",
                metadata={
                    "name": NAME,
                    "namespace": namespace,
                    "labels": args.get("rule_labels", DEFAULT_RULE_LABELS),
                },
                spec={"groups": [alerts.rule_group(args.get("runbooks", RUNBOOKS))]},
                opts=pulumi.ResourceOptions(parent=self),
            )
        if args.get("dashboard"):
            kubernetes.core.v1.ConfigMap(
                name,
                metadata={
                    "name": f"{NAME}-dashboard",
                    "namespace": namespace,
                    "labels": args.get("dashboard_labels", DEFAULT_DASHBOARD_LABELS),
                },
                data={dashboard.FILE: dashboard.document()},
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.alert_names = pulumi.Output.from_input(
            [alert.name for alert in alerts.ALERTS] if args.get("alerts") else []
        )
        self.register_outputs({"alertNames": self.alert_names})

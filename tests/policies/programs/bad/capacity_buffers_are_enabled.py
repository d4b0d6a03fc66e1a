"""Makes a CapacityBuffer, and deploys an autoscaler that ignores it."""

import pulumi
import pulumi_kubernetes as kubernetes

from tests.policies.programs import parts

provider = parts.kubernetes_provider()
parts.deployment(provider)
parts.disruption_budget(provider)
kubernetes.apiextensions.CustomResource(
    "web",
    api_version="autoscaling.x-k8s.io/v1beta1",
    kind="CapacityBuffer",
    metadata={"namespace": "default"},
    spec={"podTemplateRef": {"name": "web"}, "replicas": 3},
    opts=pulumi.ResourceOptions(provider=provider),
)

"""The mutating webhook ``pod-identity-webhook`` that every EKS cluster has: pods get their way to credentials by it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.kube_api import APPLY_PATCH, KubeApi, KubeApiError
from sandbox.kubernetes.emulator import Cluster, Emulator
from sandbox.kubernetes.pod_identity import injection_for, patch

if TYPE_CHECKING:
    from mypy_boto3_eks import EKSClient

PATH = "/mutate"


class IdentityWebhook:
    """Decides about the new pods of one cluster.

    Args:
        cluster: The cluster.
        emulator: Its EKS knows the associations.
        admin_kubeconfig: Where the API server is, once it serves.
    """

    def __init__(self, cluster: Cluster, emulator: Emulator, admin_kubeconfig: Path) -> None:
        self._cluster = cluster
        self._admin_kubeconfig = admin_kubeconfig
        self._eks: EKSClient = emulator.client("eks", cluster.region)

    def review(self, admission_review: Any) -> dict[str, object]:
        """Answers an AdmissionReview (admission.k8s.io/v1) of a new pod."""
        request = admission_review["request"]
        response: dict[str, object] = {"uid": request["uid"], "allowed": True}
        changes = self._changes(request["namespace"], request["object"])
        if changes:
            encoded = base64.b64encode(json.dumps(changes).encode()).decode()
            response |= {"patchType": "JSONPatch", "patch": encoded}
        return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}

    def _changes(self, namespace: str, pod: dict[str, Any]) -> list[dict[str, Any]]:
        name = pod["spec"].get("serviceAccountName") or "default"
        try:
            account = KubeApi(self._admin_kubeconfig).get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        except KubeApiError as error:
            if error.status == 404:
                return []  # The pod will be refused for it, in Kubernetes' own words.
            raise
        found = self._eks.list_pod_identity_associations(
            clusterName=self._cluster.name, namespace=namespace, serviceAccount=name
        )
        injection = injection_for(account, associated=bool(found["associations"]), region=self._cluster.region)
        return patch(pod, injection) if injection else []


def register(api: KubeApi, url: str, ca: Path) -> None:
    """Register the webhook with the API server.

    Args:
        api: The API server.
        url: Where the webhook is served.
        ca: Certificate that it is to be trusted by.
    """
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "pod-identity-webhook"},
        "webhooks": [
            {
                "name": "iam-for-pods.amazonaws.com",
                "clientConfig": {"url": url, "caBundle": base64.b64encode(ca.read_bytes()).decode()},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                # EKS sets Ignore, as its webhook may be down while the cluster is not. This one is never down alone,
                # and on a busy machine a pod that comes a moment later is better than one without credentials.
                "failurePolicy": "Fail",
                "timeoutSeconds": 30,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
    api.request(
        "PATCH",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook",
        configuration,
        content_type=APPLY_PATCH,
        query={"fieldManager": "eks", "force": "true"},
    )

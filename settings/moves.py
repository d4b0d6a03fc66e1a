"""What an edit does to the pods that run: moves between the ways to credentials that need an extra step."""

from collections.abc import Mapping

from components.autoscaler_role import DEFAULT_NAMESPACE, DEFAULT_SERVICE_ACCOUNT, NODE_ROLE, POD_IDENTITY
from settings.shapes import Settings


def move_warnings(deployed: Mapping[str, object], settings: Settings) -> list[str]:
    """Return what to change so that the autoscaler's pods have credentials at each moment (docs/credentials.md).

    Args:
        deployed: Outputs of the last update of the stack; empty before the first.
        settings: What is deployed next.
    """
    before, after = deployed.get("credentialsMode"), settings["credentials"]
    if before == after:
        return []
    autoscaler = settings["autoscaler"]
    account = autoscaler.get("namespace", DEFAULT_NAMESPACE), autoscaler.get("service_account", DEFAULT_SERVICE_ACCOUNT)
    known = deployed.get("serviceAccountNamespace"), deployed.get("serviceAccountName")
    if before == POD_IDENTITY and account == known:
        return [
            f"autoscaler.serviceAccount: {account[1]} leaves podIdentity and keeps its name. EKS gives the new pods "
            "the credentials of the association, and none once it is gone. Change the name in the same update."
        ]
    closed = [group["name"] for group in settings["node_groups"] if group.get("hop_limit", 1) == 1]
    if before == NODE_ROLE and closed:
        return [
            f"nodeGroups[].hopLimit: {', '.join(closed)} get nodes that keep pods from the node role before the new "
            "pods run, and the old pods lose their credentials. Set hopLimit: 2 for this update, and remove it in the "
            "next."
        ]
    return []

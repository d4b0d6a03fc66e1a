"""How the autoscaler that runs now comes under the program: what is imported, and the commands to type."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from ..credentials import ROLE_ANNOTATION
from ..facts import Source
from ..readings import Unreadable
from .facts import NAME, RELEASE_ANNOTATION, Account, Found, Installed

PROJECT = "eks-cluster-autoscaler"
RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"
ACCOUNT_TYPE = "kubernetes:core/v1:ServiceAccount"
ASSOCIATION_TYPE = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
_PARENT_TYPES = (f"{PROJECT}:index:ClusterAutoscaler", f"{PROJECT}:index:AutoscalerRelease")
_PROVIDER_TYPE = "pulumi:providers:kubernetes"
_DEPLOYED = "deployed"


@dataclass(frozen=True)
class Import:
    """One resource of the cluster that the stack takes up as it is.

    Attributes:
        type: Type token of Pulumi.
        id: The id that the provider imports it by.
    """

    type: str
    id: str


@dataclass(frozen=True)
class Step:
    """One of the three steps.

    Attributes:
        does: What it does, in a sentence.
        commands: What to type, joined by `&&`.
    """

    does: str
    commands: tuple[str, ...]

    @property
    def command(self) -> str:
        """One command on several lines."""
        return " && \\\n  ".join(self.commands)


@dataclass(frozen=True)
class Move:
    """The way from what runs now to the stack.

    Attributes:
        imports: Resources to import, in the order in which they depend on each other.
        steps: Three commands.
        notes: What to know before.
        afterwards: What nothing uses any more, each a sentence, or a command after ``$ ``.
    """

    imports: tuple[Import, ...]
    steps: tuple[Step, Step, Step]
    notes: tuple[str, ...] = ()
    afterwards: tuple[str, ...] = ()


def plan(found: Found, stack: str, plan_file: str, apart: str) -> Move:
    """Plan the move.

    Args:
        found: What was found.
        stack: Name of the stack.
        plan_file: Name of the file with the import plan.
        apart: Why the old autoscaler and the new one must not run together; empty when they can.
    """
    init = f"pulumi stack init {shlex.quote(stack)}"
    if not isinstance(found.installed, Installed):
        return Move((), _plain_steps(init))
    installed = found.installed
    if installed.is_ours:
        note = (
            "This program deployed the autoscaler that runs. Use the stack that owns it: a second stack would "
            "fail on the names of its policy and release. If that stack has lost the release, import it: "
            f"{_import_command(plan_file)}"
        )
        return Move(tuple(_imports(installed)), _plain_steps(init), (note,))
    return _takeover(installed, found.cluster.name, init, plan_file, apart)


def _plain_steps(init: str) -> tuple[Step, Step, Step]:
    return (
        Step("Create the stack.", (init,)),
        Step("Read what will be created. Nothing is replaced or deleted.", ("pulumi preview --diff",)),
        Step("Deploy.", ("pulumi up",)),
    )


def _takeover(installed: Installed, cluster: str, init: str, plan_file: str, apart: str) -> Move:
    deployment = installed.deployment
    imported = installed.release == NAME
    imports = tuple(_imports(installed))
    notes = [*_release_notes(installed), *_gitops_notes(installed)]
    kubectl = f"kubectl -n {shlex.quote(deployment.namespace)}"
    conflicts = () if imported else _conflicts(installed, notes)
    inherits = deployment.name == NAME or imported or bool(conflicts)
    before, after = _change_over(installed, kubectl, inherits, bool(conflicts), apart, notes)
    prepare = [
        *(_adopt(kubectl, conflicts, deployment.namespace) if conflicts else []),
        *([_import_command(plan_file)] if imports else []),
        "pulumi preview --diff",
    ]
    steps = (
        Step(
            "Create the stack with everything except the release and its service account. "
            "The running autoscaler does not change.",
            (init, f"pulumi up {_without_the_running(installed)}"),
        ),
        Step(
            "Adopt the running autoscaler, and read what will change. Nothing is replaced or deleted.",
            tuple(prepare),
        ),
        Step(_words_of_change_over(apart), (*before, "pulumi up", *after)),
    )
    return Move(imports, steps, tuple(notes), tuple(_afterwards(installed, cluster)))


def _without_the_running(installed: Installed) -> str:
    """What keeps an `up` from what the pods that run use: release, service account, and association if there is one."""
    types = [RELEASE_TYPE, ACCOUNT_TYPE]
    if installed.associations and not isinstance(installed.associations, Unreadable):
        types.append(ASSOCIATION_TYPE)
    return " ".join(f"--exclude '**{each.partition(':')[2]}::{NAME}'" for each in types)


def _import_command(plan_file: str) -> str:
    return f"pulumi import --file {shlex.quote(plan_file)} --protect=false --generate-code=false"


def _words_of_change_over(apart: str) -> str:
    if apart:
        return "Stop the old autoscaler, then deploy the new one. Until its pods run, nodes stay as they are."
    return "Deploy. The old pods run until the new pods are ready; only the pod that holds the lease scales."


def _imports(installed: Installed) -> list[Import]:
    """What can be imported safely: the import reads, and the next `up` changes it in place.

    That is the release alone. The service account is taken over by its name: after an import, `up` would remove the
    labels and annotations of its owner, as seen with the Kubernetes provider. The program itself adopts an OIDC
    provider, an add-on and an association that exist. Writing a tag that a group has already changes nothing.
    """
    return [Import(RELEASE_TYPE, f"{installed.deployment.namespace}/{NAME}")] if installed.release == NAME else []


def _release_notes(installed: Installed) -> list[str]:
    status = installed.release_status
    if not installed.release:
        return []
    name, namespace = installed.release, installed.deployment.namespace
    notes = [
        f"The release {name} may have values that are not in its Deployment, such as serviceMonitor or extraObjects. "
        f"Compare: helm -n {namespace} get values {name}. If Terraform or another tool manages the release, let it "
        "forget the release before step 3 (terraform state rm)."
    ]
    if isinstance(status, Unreadable):
        notes.append(
            f"The state of the release {name} could not be read. It must be deployed: helm -n {namespace} list --all"
        )
    elif status is None:
        notes.append(
            f"The labels of the Deployment name the Helm release {name}, but Helm has no record of that release in "
            f"the namespace {namespace}."
        )
    elif status != _DEPLOYED:
        notes.append(
            f"The release {name} is {status}. Fix it first (docs/interrupted.md): the import and the upgrade need a "
            "release that is deployed."
        )
    return notes


_GITOPS: Mapping[str, str] = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "addonmanager.kubernetes.io/mode": "the add-on manager of Kubernetes",
}


def _gitops_notes(installed: Installed) -> list[str]:
    marks = {**installed.deployment.labels, **installed.annotations}
    owner = next((owner for mark, owner in _GITOPS.items() if mark in marks), "")
    if not owner:
        return []
    return [
        f"{owner} manages the Deployment {installed.deployment.name} and would restore it. Before step 3, remove it "
        f"from {owner} without deleting its objects."
    ]


def _conflicts(installed: Installed, notes: list[str]) -> tuple[str, ...]:
    """Objects that the new release wants to create and that exist: Helm takes up those that bear its marks.

    (helm: pkg/action/validate.go, existingResourceConflict and checkOwnership)
    """
    objects = installed.objects
    if isinstance(objects, Unreadable):
        notes.append(
            f"The doctor could not read whether objects named {NAME} exist ({objects.call}). If they exist, Helm "
            "refuses to install; docs/migration.md shows how to let Helm adopt them."
        )
        return ()
    found = [f"{each.kind}/{each.name}" for each in objects]
    deployment = installed.deployment
    # Pods with the labels of the program's pods are updated in place.
    in_place = deployment.name == NAME and not old_pods(deployment.selector)
    return (*found, *([f"deployment/{NAME}"] if in_place else []))


def _adopt(kubectl: str, conflicts: tuple[str, ...], namespace: str) -> list[str]:
    targets = " ".join(conflicts)
    marks = f"meta.helm.sh/release-name={NAME} meta.helm.sh/release-namespace={shlex.quote(namespace)}"
    return [
        f"{kubectl} label --overwrite {targets} app.kubernetes.io/managed-by=Helm",
        f"{kubectl} annotate --overwrite {targets} {marks}",
    ]


def _change_over(
    installed: Installed, kubectl: str, inherits: bool, conflicts: bool, apart: str, notes: list[str]
) -> tuple[list[str], list[str]]:
    """The commands before and after the `up` that replaces the old pods by the new ones."""
    deployment = installed.deployment
    before: list[str] = []
    after: list[str] = []
    objects = () if isinstance(installed.objects, Unreadable) else installed.objects
    rebound = [each for each in objects if each.role and each.role != NAME]
    if conflicts and rebound:
        before.append(f"{kubectl} delete {' '.join(f'{each.kind}/{each.name}' for each in rebound)}")
        notes.append(
            f"{', '.join(each.kind for each in rebound)} {NAME} is bound to another role, which cannot be "
            "changed. Step 3 deletes it; the old pods lack its rights until the new pods run."
        )
    rest = old_pods(deployment.selector)
    target = f"deployment/{shlex.quote(deployment.name)}"
    if apart:
        notes.append(
            f"The old autoscaler and the new one must not run together: {apart}. Step 3 stops the old one first."
        )
        before.append(f"{kubectl} delete {target}" if inherits else f"{kubectl} scale --replicas=0 {target}")
    elif inherits and rest:
        # A Deployment's selector cannot be changed, and the program's pods carry other labels.
        before.append(f"{kubectl} delete --cascade=orphan {target}")
        after.append(f"{kubectl} delete replicaset -l {shlex.quote(rest)}")
    if installed.release and installed.release != NAME:
        release = shlex.quote(installed.release)
        if conflicts:
            # Uninstalling would delete the objects that the new release has taken up.
            after.append(f"{kubectl} delete secret -l {shlex.quote(f'owner=helm,name={installed.release}')}")
        else:
            after.append(f"helm -n {shlex.quote(deployment.namespace)} uninstall {release}")
    elif not inherits:
        after.append(f"{kubectl} delete {target}")
    return before, after


_NEW_LABELS = {"app": NAME, "app.kubernetes.io/instance": NAME, "app.kubernetes.io/name": f"aws-{NAME}"}


def old_pods(selector: Mapping[str, str]) -> str:
    """A label selector of the old pods that none of the program's pods matches; empty if there is none."""
    own = [f"{key}={value}" for key, value in sorted(selector.items())]
    if not own:
        return ""
    if any(_NEW_LABELS.get(key) != value for key, value in selector.items()):
        return ",".join(own)
    lacking = [key for key in _NEW_LABELS if key not in selector]
    return ",".join([*own, f"!{lacking[0]}"]) if lacking else ""


def _afterwards(installed: Installed, cluster: str) -> list[str]:
    account = installed.account if isinstance(installed.account, Account) else Account("")
    roles = {account.annotations.get(ROLE_ANNOTATION, "")} - {""}
    if not isinstance(installed.associations, Unreadable):
        roles |= {association.role_arn for association in installed.associations}
    lines = [
        f"After the move the autoscaler no longer uses the role {role}. Delete it where it was created."
        for role in sorted(roles)
    ]
    if installed.source is Source.NODE_ROLE:
        lines.append(
            "After the move the autoscaler no longer uses the policy that your nodes' roles have now. Remove it; the "
            "program attaches a policy where it is needed."
        )
    if account.annotations.get(RELEASE_ANNOTATION, NAME) != NAME and not isinstance(installed.associations, Unreadable):
        # It is not adopted, because the service account is uninstalled with its release.
        for association in installed.associations:
            lines += [
                f"After the move no pod uses the association {association.id}. Delete it:",
                f"$ aws eks delete-pod-identity-association --cluster-name {cluster} --association-id {association.id}",
            ]
    if account.labels.get("app.kubernetes.io/managed-by") == "eksctl":
        name = f"eksctl-{cluster}-addon-iamserviceaccount-{installed.deployment.namespace}-{account.name}"
        lines += [
            "eksctl created the service account and the role. Delete the stack of the role; `eksctl delete "
            "iamserviceaccount` would delete the service account as well:",
            f"$ aws cloudformation delete-stack --stack-name {name}",
        ]
    return lines


def import_file(imports: tuple[Import, ...], stack: str) -> str:
    """Return the plan for `pulumi import --file`, or nothing if there is nothing to import."""
    if not imports:
        return ""
    start = f"urn:pulumi:{stack}::{PROJECT}::"
    table = {
        "release": f"{start}{'$'.join(_PARENT_TYPES)}::{NAME}",
        "kubernetes": f"{start}{_PROVIDER_TYPE}::kubernetes",
    }
    resources = [
        {
            "type": each.type,
            # Names in the file are unique; in the stack both are called the same.
            "name": f"{NAME}-{each.type.rpartition(':')[2]}",
            "logicalName": NAME,
            "id": each.id,
            "parent": "release",
            "provider": "kubernetes",
        }
        for each in imports
    ]
    return json.dumps({"nameTable": table, "resources": resources}, indent=2) + "\n"

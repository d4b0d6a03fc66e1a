"""The configuration of one provider instance: what ``kubernetes.Provider(...)`` or the stack's config sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from sandbox.providers.differences import Change, Difference, compare
from sandbox.providers.kubernetes.api import Api
from sandbox.providers.kubernetes.kubeconfig import Kubeconfig, KubeconfigError
from sandbox.providers.rpc import Failure, ProviderError
from sandbox.providers.values import UNKNOWN

_TEXTS: Final = ("cluster", "clusterIdentifier", "context", "kubeconfig", "namespace")
_FLAGS: Final = (
    "deleteUnreachable",
    "enableConfigMapMutable",
    "enablePatchForce",
    "enableSecretMutable",
    "enableServerSideApply",
    "suppressDeprecationWarnings",  # This stand-in warns of nothing, so there is nothing to suppress.
    "suppressHelmHookWarnings",
    "upsertExistingObjects",
)
_ENGINES_OWN: Final = ("pluginDownloadURL", "version")
_NOT_DONE: Final = (
    "alwaysRender",
    "helmReleaseSettings",
    "kubeClientSettings",
    "renderYamlToDirectory",
    "skipUpdateUnreachable",
    "strictMode",
)
_SELECTS_CLUSTER: Final = ("cluster", "context", "kubeconfig")


@dataclass(frozen=True)
class Settings:
    """What one provider instance was told, defaults filled in.

    Attributes:
        kubeconfig: Where the cluster is; None when ``problem`` says why there is none.
        problem: Why no cluster can be reached. Previews still plan.
        namespace: Where namespaced objects go that name no namespace.
        delete_unreachable: Treat what an unreachable cluster holds as deleted.
        config_map_mutable: Change the data of a ConfigMap in place, instead of replacing it.
        secret_mutable: The same for Secrets.
        patch_force: Take fields from other field managers.
        upsert: Creating an object that is already there changes it, instead of failing.
    """

    kubeconfig: Kubeconfig | None
    problem: str = ""
    namespace: str = "default"
    delete_unreachable: bool = False
    config_map_mutable: bool = False
    secret_mutable: bool = False
    patch_force: bool = False
    upsert: bool = False

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Settings:
        """Reads the inputs of a provider resource that :func:`failures` found nothing wrong with."""
        problem = ""
        try:
            kubeconfig = _kubeconfig(config)
        except KubeconfigError as error:
            kubeconfig, problem = None, str(error)
        return cls(
            kubeconfig=kubeconfig,
            problem=problem,
            namespace=config.get("namespace") or (kubeconfig and kubeconfig.namespace) or "default",
            delete_unreachable=_flag(config, "deleteUnreachable"),
            config_map_mutable=_flag(config, "enableConfigMapMutable"),
            secret_mutable=_flag(config, "enableSecretMutable"),
            patch_force=_flag(config, "enablePatchForce"),
            upsert=_flag(config, "upsertExistingObjects"),
        )


@dataclass(frozen=True)
class Session:
    """One configured provider instance."""

    settings: Settings
    api: Api | None

    @classmethod
    def open(cls, settings: Settings) -> Session:
        """A session for these settings; connects only when it is used."""
        return cls(settings, Api(settings.kubeconfig) if settings.kubeconfig else None)

    @property
    def cluster(self) -> Api:
        """The cluster.

        Raises:
            ProviderError: There is no usable kubeconfig.
        """
        if self.api is None:
            raise ProviderError(f"no Kubernetes cluster is configured: {self.settings.problem}")
        return self.api


def failures(config: Mapping[str, Any]) -> list[Failure]:
    """All that is wrong with the inputs of a provider resource. Unknown ones (in previews) pass."""
    known = (*_TEXTS, *_FLAGS, *_ENGINES_OWN)
    found = []
    for name, value in config.items():
        if name in _NOT_DONE:
            found.append(Failure(name, f"the sandbox's stand-in for the kubernetes provider does not do `{name}`"))
        elif name not in known:
            near = get_close_matches(name, (*known, *_NOT_DONE), n=1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; it has: {', '.join((*_TEXTS, *_FLAGS))}"
            found.append(Failure(name, f"the kubernetes provider has no setting `{name}`{hint}"))
        elif name in _FLAGS and value not in (None, UNKNOWN, True, False, "true", "false", ""):
            found.append(Failure(name, f"must be true or false, not {value!r}"))
        elif name in _TEXTS and not (value is None or value is UNKNOWN or isinstance(value, str)):
            found.append(Failure(name, f"must be a text, not a {type(value).__name__}"))
    if config.get("enableServerSideApply") in (False, "false"):
        reason = "the sandbox's stand-in for the kubernetes provider knows server-side apply only; leave it on"
        found.append(Failure("enableServerSideApply", reason))
    return found


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    """What a change of the provider's inputs means: as in the official provider, another cluster replaces all objects.

    Which cluster a kubeconfig names cannot be known for sure: a changed ``clusters`` entry counts as another cluster,
    unless ``clusterIdentifier`` says that it is still the same.
    """
    changes = compare(old, new)
    identifier = new.get("clusterIdentifier")
    if identifier and old.get("clusterIdentifier") == identifier:
        return Difference(changes, of_inputs=True)
    replaces = {path for path in changes if path == "clusterIdentifier" and changes[path] is Change.UPDATE}
    selecting = {path for path in changes if path in _SELECTS_CLUSTER}
    if any(new.get(name) is UNKNOWN for name in selecting) or (selecting and _other_cluster(old, new)):
        replaces |= selecting
    return Difference(changes, frozenset(replaces), of_inputs=True)


def _other_cluster(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    try:
        before, after = _kubeconfig(old), _kubeconfig(new)
    except KubeconfigError:
        return False
    return before.cluster != after.cluster


def _kubeconfig(config: Mapping[str, Any]) -> Kubeconfig:
    return Kubeconfig.load(config.get("kubeconfig") or None, config.get("context"), config.get("cluster"))


def _flag(config: Mapping[str, Any], name: str) -> bool:
    # The SDKs send a provider's settings as JSON texts.
    return config.get(name) in (True, "true")

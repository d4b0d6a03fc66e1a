"""A stand-in for the official Pulumi ``kubernetes`` provider (version 4), for sandboxes: not the real one.

``python -m sandbox.providers.kubernetes --port P`` serves it; ``PULUMI_DEBUG_PROVIDERS=kubernetes:P`` attaches the
engine. Objects of any kind that the cluster serves go by server-side apply, ``helm.sh/v3:Release`` by the helm command
line. Where the official provider has rules of its own (replacement, made-up names, IDs, outputs), they are kept.

**What differs from the official provider:**

* Refreshing a Release also compares the live objects of the release with its manifest, and an update repairs them
  (output ``drift``). The official provider only sees that the release itself was changed or deleted: with it, a service
  account whose annotation was removed by hand stays as it is until the chart's version or values change.
* A refresh reports an object's value as changed only if the server's answer changed since the last update. What every
  write moves (``resourceVersion``, ``generation``, ``managedFields``) is not recorded.
* Of the kinds that the official provider waits for, it waits for Deployments, StatefulSets, DaemonSets and
  CustomResourceDefinitions to get ready, and for every deletion. Other kinds count as ready once they are applied.
* Inputs of a Release that the SDK does not know are refused. The official provider drops them without a word.
* Refused by name, since they are not done: ``*Patch`` and ``*List`` types, ``helm.sh/v4``, ``yaml``, ``kustomize``,
  client-side apply, rendering to a directory, functions, and the Release properties ``valueYamlFiles``, ``lint``,
  ``recreatePods``, ``disableCRDHooks`` and repository logins.
"""

"""A stand-in for the official Pulumi ``eks`` package (version 4), for sandboxes: not the real one.

``python -m sandbox.providers.eks --port P`` serves it; ``PULUMI_DEBUG_PROVIDERS=eks:P`` attaches the engine. It has one
type, ``eks:index:Cluster``, and makes the same resources as the official component, under the same names: the role,
the cluster, access entries and the OIDC provider of the ``aws`` package, and a provider of the ``kubernetes`` package.

**What differs from the official package:**

* It makes no workers, no security groups, and of the add-ons only kube-proxy: ``skipDefaultNodeGroup``,
  ``skipDefaultSecurityGroups`` and ``useDefaultVpcCni`` must be true, ``authenticationMode`` ``API``. Each property
  beyond those of ``arguments.py`` is refused by name.
* Properties that the SDK does not know or that have another type are refused.
* The OIDC provider is made without a thumbprint, as AWS allows: there is no TLS server to take one from.
* It does not poll the API server before it gives the kubeconfig out: an emulated cluster is ACTIVE once it serves.
* Any other type or method of the package is refused by name.
"""

"""A stand-in for the official Pulumi ``eks`` package (version 4), for sandboxes: not the real one.

``python -m sandbox.providers.eks --port P`` serves it; ``PULUMI_DEBUG_PROVIDERS=eks:P`` attaches the engine. It has one
type, ``eks:index:Cluster``, and makes the same resources as the official component, under the same names: the roles,
security groups, add-ons and access entries of the ``aws`` package, and a provider of the ``kubernetes`` package.

**What differs from the official package:**

* It makes no workers: ``skipDefaultNodeGroup`` must be true, and every property that shapes the default node group is
  refused by name; so are Fargate, Auto Mode, storage classes, the default VPC, ``creationRoleProvider``, ``proxy``, and
  the properties that map IAM principals in ``aws-auth`` (the sandbox's clusters know access entries only).
* Properties that the SDK does not know or that have another type are refused.
* The OIDC provider is made without a thumbprint, as AWS allows: there is no TLS server to take one from.
* It does not poll the API server before it gives the kubeconfig out: an emulated cluster is ACTIVE once it serves.
* Any other type or method of the package is refused by name.
"""

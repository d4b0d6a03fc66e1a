"""The kubelet of the autoscaler's pods: runs each as a local process, with what a pod on an EKS node would get.

``python -m sandbox.kubelet --state DIR --aws-endpoint URL [--autoscaler FILE]`` follows every cluster that has a
``DIR/clusters/<region>/<name>/admin.kubeconfig``. Pods with the image ``cluster-autoscaler`` of any registry, or that
command, that are bound to a node are its business, from the first status to the final deletion; so are those that call
the AWS CLI once (image ``aws-cli`` of any registry, ``restartPolicy: Never``), by which people see who a service
account is to AWS. kwok runs all the others.

A process gets the arguments and the environment of its pod and nothing of ours, and in addition:

- what the webhook of EKS put into the pod (:mod:`sandbox.kubernetes.pod_identity`): the projected token for IRSA or for
  the Pod Identity agent, as a file, and its path and the agent's address in the variables that name them;
- the node's link-local services, on loopback: instance metadata (answering pods only when the instance's hop limit
  lets it) and the Pod Identity agent (answering only while its add-on is active);
- ``--kubeconfig``, since a local process cannot have token and address of the API server where a container finds them:
  it holds the token of its service account, renewed before it expires; and a free port for ``--address``.

An autoscaler's process is the real ``cluster-autoscaler`` that the sandbox was started with
(``CLUSTER_AUTOSCALER_BIN``), else the stand-in :mod:`sandbox.autoscaler`. Files of a pod:
``pods/<namespace>_<name>_<uid>/`` in its cluster's folder, with one log per start of its container. ``kubectl logs``
works: the nodes that run such pods name this kubelet's port as theirs.

Not emulated: other containers, init containers, volumes, resource limits, probes, hooks. A pod has
the address of its node.
"""

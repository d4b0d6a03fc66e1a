"""The cluster controller: one real Kubernetes control plane for each emulated EKS cluster, and its nodes.

``python -m sandbox.kubernetes --aws-endpoint URL --state DIR --tools BIN_DIR`` follows the emulator's clusters. Each
gets etcd, kube-apiserver, kube-scheduler, kube-controller-manager and kwok as local processes; the EC2 instances of its
node groups join as nodes. It does the work that AWS does behind EKS: no user logs in to it.

Files below the state folder ``DIR``: the user's kubeconfig ``kubeconfigs/<region>/<name>``, which exists while the API
server serves; and in one folder ``clusters/<region>/<name>/`` for each cluster:

=========================================  ==========================================================================
``admin.kubeconfig``                       Client certificate of ``system:masters`` (mode 600). It exists exactly while
                                           the API server serves: written when it is ready, removed when it stops.
``cluster.json``                           Whose data this is (the issuer) and the ports, kept across restarts.
``pki/``, ``config/``                      Keys, certificates, the components' kubeconfigs and settings (mode 600).
``etcd/``                                  The cluster's data.
``logs/<component>.log``                   Output of each component.
``pods/``                                  Files of the autoscaler's pods (see :mod:`sandbox.kubelet`).
``run/<component>.pid``                    Process id of each component that runs.
=========================================  ==========================================================================

kwok plays the kubelet of every node. It runs every pod by setting its status, except pods that run Cluster Autoscaler,
by image or command (:mod:`sandbox.kubernetes.kubelets_pods`): of these it touches nothing. Their kubelet owns their
whole life on the node, from the first status to the final deletion of a terminating pod (grace period 0), and serves
its logs on a port that it writes into the node's status. Pods of a node whose instance was terminated are deleted with
the node, these too.
"""

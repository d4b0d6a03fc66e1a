"""Which pods the sandbox's kubelet runs, as real processes; kwok plays all the others and leaves these alone."""

AUTOSCALER_NAME = "aws-cluster-autoscaler"
"""Label ``app.kubernetes.io/name`` of the autoscaler's pods, by the chart."""

AWS_CLI_IMAGE = "(^|/)aws-cli(:|@|$)"
"""Pattern of the images of the AWS CLI, for Python and for jq. A pod of one that is never restarted is one call."""

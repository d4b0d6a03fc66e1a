"""Which pods the sandbox's kubelet runs, as real processes; kwok plays all the others and leaves these alone.

Patterns are for Python and for jq.
"""

AUTOSCALER_PROGRAM = "(^|/)cluster-autoscaler(:|@|$)"
"""Pattern of what makes a container Cluster Autoscaler: its image, or its command."""

AWS_CLI_IMAGE = "(^|/)aws-cli(:|@|$)"
"""Pattern of the images of the AWS CLI. A pod of one that is never restarted is one call."""

"""The SDKs that any program with these resources loads, and nothing else."""

import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

# Pulumi loads a service's module when it is first asked for.
LOADED = (aws.autoscaling.Tag, aws.ec2.LaunchTemplate, aws.eks.NodeGroup, aws.iam.Role, kubernetes.helm.v3.Release)

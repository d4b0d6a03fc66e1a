"""Roles by which GitHub, GitLab, Pulumi Deployments and people reach the account that runs the autoscaler's cluster."""

import json
from typing import Any

import pulumi_aws as aws

from tests.policies.programs import parts


def federated(host: str, **condition: dict[str, Any]) -> dict[str, Any]:
    """Trust of an OIDC provider that is no cluster."""
    provider = f"arn:aws:iam::{parts.ACCOUNT}:oidc-provider/{host}"
    return parts.statement(
        Action="sts:AssumeRoleWithWebIdentity", Principal={"Federated": provider}, Condition=condition
    )


GITHUB, GITLAB, PULUMI = "token.actions.githubusercontent.com", "gitlab.com", "api.pulumi.com/oidc"
aws.iam.OpenIdConnectProvider("github", url=f"https://{GITHUB}", client_id_lists=["sts.amazonaws.com"])

github = parts.role(
    "github",
    federated(
        GITHUB,
        StringEquals={f"{GITHUB}:aud": "sts.amazonaws.com"},
        StringLike={f"{GITHUB}:sub": "repo:acme/infra:*"},
    ),
)
gitlab = parts.role("gitlab", federated(GITLAB, StringLike={f"{GITLAB}:sub": "project_path:acme/infra:*"}))
pulumi_cloud = parts.role(
    "pulumi",
    federated(
        PULUMI,
        StringEquals={f"{PULUMI}:aud": "aws:acme"},
        StringLike={f"{PULUMI}:sub": "pulumi:deploy:org:acme:project:*"},
    ),
)
aws.iam.RolePolicyAttachment(
    "push", role=gitlab.name, policy_arn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
)

# A deployment makes the groups that the autoscaler later scales, so no tag of a cluster can limit it.
deploy = aws.iam.Policy(
    "deploy",
    policy=json.dumps(parts.statement(Action=["autoscaling:*", "ec2:*", "eks:*"], Resource="*")),
)
aws.iam.RolePolicyAttachment("github", role=github.name, policy_arn=deploy.arn)
aws.iam.RolePolicyAttachment("pulumi", role=pulumi_cloud.name, policy_arn=deploy.arn)
people = aws.iam.Group("platform")
aws.iam.GroupPolicyAttachment("people", group=people.name, policy_arn=deploy.arn)
aws.iam.GroupPolicyAttachment(
    "read", group=people.name, policy_arn="arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
)

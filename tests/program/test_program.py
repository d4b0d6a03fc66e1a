"""The program itself, run for every environment that ships, and its graph held against a readable snapshot.

``make snapshots`` writes the snapshots again; review the difference before you commit it.
"""

import json
import os
import runpy
from pathlib import Path

import pytest
import yaml

from tests.cloud import ISSUER, Cloud, run

ROOT = Path(__file__).parents[2]
SNAPSHOTS = Path(__file__).parent / "snapshots"
STACKS = ("adopt", "dev", "sandbox")
"""The environments that ship. Those that a user adds are checked in ``test_user_environments.py``."""
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())


def config_of(stack, folder=ROOT):
    """A stack's config with the project's defaults, as the CLI hands them over."""
    defaults = {
        f"{PROJECT['name']}:{key}": entry["default"] for key, entry in PROJECT["config"].items() if "default" in entry
    }
    return {**defaults, **yaml.safe_load((folder / f"Pulumi.{stack}.yaml").read_text())["config"]}


def run_program(stack, *, preview=False, folder=ROOT, graph=None, cloud=None, **changes):
    config = config_of(stack, folder)
    config.update({f"{PROJECT['name']}:{key}": value for key, value in changes.items()})
    cloud = cloud or Cloud(preview=preview, cluster_version="1.36")
    cloud.has_cluster = "create" not in config[f"{PROJECT['name']}:cluster"]
    cloud.has_oidc_provider = not config.get(f"{PROJECT['name']}:oidcProvider", {}).get("create", True)
    return run(lambda: runpy.run_path(str(ROOT / "__main__.py")) and None, cloud, config, stack, graph)


def rendered(graph):
    """One block per resource, sorted, with everything that makes a difference."""
    blocks = []
    for found in sorted(graph.registrations, key=lambda entry: entry.urn):
        parent = found.parent.rsplit("::", 1)[-1]
        provider = found.provider.rsplit("::", 2)[-2] if "::" in found.provider else found.provider
        lines = [f"{found.type} {found.name}", f"  parent: {parent}", f"  provider: {provider or '-'}"]
        if found.ignore_changes:
            lines.append(f"  ignoreChanges: {', '.join(found.ignore_changes)}")
        if found.replace_on_changes:
            lines.append(f"  replaceOnChanges: {', '.join(found.replace_on_changes)}")
        if found.delete_before_replace is not None:
            lines.append(f"  deleteBeforeReplace: {found.delete_before_replace}")
        if found.timeouts:
            lines.append(
                f"  timeouts: {', '.join(f'{what} {limit}' for what, limit in sorted(found.timeouts.items()))}"
            )
        if found.retain_on_delete:
            lines.append("  retainOnDelete")
        if found.import_id:
            lines.append(f"  import: {found.import_id}")
        if found.depends_on:
            lines.append(f"  dependsOn: {', '.join(sorted(map(_short, found.depends_on)))}")
        if found.custom or not found.type.startswith(f"{PROJECT['name']}:"):
            inputs = json.dumps(found.inputs, indent=2, sort_keys=True, default=_resource)
            lines += [f"  {line}" for line in inputs.splitlines()]
        blocks.append("\n".join(lines))
    outputs = json.dumps(graph.stack_outputs(), indent=2, sort_keys=True)
    warnings = "\n".join(["warnings", *sorted(f"  {' '.join(each.split())}" for each in graph.warnings)])
    return "\n\n".join([*blocks, f"outputs\n{outputs}", warnings]) + "\n"


def assert_recorded(graph, path):
    """Hold a graph against a snapshot, or write the snapshot when asked to."""
    text = rendered(graph)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), "the graph changed; make snapshots, and review the difference"


def _resource(made):
    return f"the {type(made).__name__}"


def _short(urn):
    return f"{urn.split('::')[2].split('$')[-1].split(':')[-1]} {urn.split('::')[-1]}"


@pytest.mark.parametrize("stack", STACKS)
def test_the_graph_of_each_environment_is_the_recorded_one(stack):
    assert_recorded(run_program(stack), SNAPSHOTS / f"{stack}.txt")


@pytest.mark.parametrize("stack", STACKS)
def test_the_first_preview_plans_all_that_the_up_makes(stack):
    planned, made = run_program(stack, preview=True), run_program(stack)
    assert sorted((f.type, f.name, f.parent) for f in planned.registrations) == sorted(
        (f.type, f.name, f.parent) for f in made.registrations
    )


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("credentials", ["irsa", "podIdentity", "nodeRole"])
def test_every_environment_runs_in_every_credential_mode(stack, credentials):
    graph = run_program(stack, credentials=credentials)
    outputs = graph.stack_outputs()
    assert outputs["credentialsMode"] == credentials
    assert (outputs.get("roleArn") is None) is (credentials == "nodeRole")
    # The provider of a created cluster is part of the stack in every mode.
    created = "create" in config_of(stack)["eks-cluster-autoscaler:cluster"]
    assert (outputs.get("oidcProviderArn") is None) is (credentials != "irsa" and not created)
    hops = {
        t.inputs["metadataOptions"]["httpPutResponseHopLimit"]
        for t in graph.of("aws:ec2/launchTemplate:LaunchTemplate")
    }
    assert hops <= ({2} if credentials == "nodeRole" else {1})
    assert any("every pod on the nodes" in each for each in graph.warnings) is (credentials == "nodeRole")


def test_the_outputs_are_the_documented_contract():
    documented = {
        line.split("`")[1] for line in (ROOT / "docs" / "outputs.md").read_text().splitlines() if line.startswith("| `")
    }
    assert set(run_program("dev").stack_outputs()) | {"oidcProviderArn"} == documented


def test_outputs_name_each_group_with_its_asg_role_sizes_and_tags():
    general, batch = run_program("dev").stack_outputs()["nodeGroups"]
    assert general["asgName"] == "eks-general-uuid"
    assert (general["minSize"], general["maxSize"], general["managed"]) == (2, 6, True)
    assert batch["tags"]["k8s.io/cluster-autoscaler/node-template/taint/workload"] == "batch:NoSchedule"
    assert batch["roleName"] == "batch-node"


def test_the_verify_commands_name_the_cluster_and_both_tags():
    commands = run_program("dev").stack_outputs()["verifyCommands"]
    assert commands["pods"] == "kubectl -n kube-system get pods -l app=cluster-autoscaler"
    assert "k8s.io/cluster-autoscaler/series-api" in commands["autoScalingGroups"]


@pytest.mark.parametrize(
    ("credentials", "shown_by"),
    [
        (
            "irsa",
            "kubectl -n kube-system get serviceaccount cluster-autoscaler -o jsonpath='{.metadata.annotations}'",
        ),
        (
            "podIdentity",
            "aws eks describe-pod-identity-association --region us-east-1 --cluster-name series-api --association-id "
            "$(aws eks list-pod-identity-associations --region us-east-1 --cluster-name series-api "
            "--namespace kube-system --service-account cluster-autoscaler "
            "--query 'associations[0].associationId' --output text) --query association.roleArn --output text",
        ),
        (
            "nodeRole",
            "aws iam list-entities-for-policy --region us-east-1 "
            "--policy-arn arn:aws:iam::123456789012:policy/AmazonEKSClusterAutoscalerPolicy-series-api-us-east-1 "
            "--query 'PolicyRoles[].RoleName' --output text",
        ),
    ],
)
def test_the_verify_command_of_the_service_account_shows_where_its_credentials_come_from(credentials, shown_by):
    outputs = run_program("dev", credentials=credentials).stack_outputs()
    assert outputs["verifyCommands"]["serviceAccount"] == shown_by
    # Pulumi prints the output as JSON; what is copied from there must still be the command.
    assert all(json.dumps(command) == f'"{command}"' for command in outputs["verifyCommands"].values())


def test_on_destroy_the_release_goes_before_groups_tags_and_cluster():
    graph = run_program("sandbox")
    release = graph.one("kubernetes:helm.sh/v3:Release")
    outlive = graph.reached_from(release.urn)
    for type_ in (
        "aws:eks/nodeGroup:NodeGroup",
        "aws:autoscaling/tag:Tag",
        "aws:iam/role:Role",
        "eks:index:Cluster",
        "aws:ec2/subnet:Subnet",
    ):
        assert {found.urn for found in graph.of(type_)} <= outlive, type_


def test_on_destroy_tags_and_role_go_before_groups_and_groups_before_the_cluster():
    graph = run_program("sandbox", credentials="nodeRole")
    cluster = graph.one("eks:index:Cluster").urn
    groups = {found.urn for found in graph.of("aws:eks/nodeGroup:NodeGroup")}
    assert len(groups) == 2
    for group in groups:
        assert cluster in graph.reached_from(group)
    for tag in graph.of("aws:autoscaling/tag:Tag"):
        assert graph.reached_from(tag.urn) & groups
    granted = graph.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert [found for found in granted if found.inputs["policyArn"].endswith("-sandbox-us-east-1")]
    (provider,) = graph.of("pulumi:providers:kubernetes")
    assert cluster in graph.reached_from(provider.urn)


def test_one_group_per_zone_follows_the_subnets_of_the_settings():
    groups = [
        {
            "name": "data",
            "minSize": 1,
            "maxSize": 2,
            "onePerZone": True,
            "subnetIds": ["subnet-0000000a", "subnet-0000000b"],
        }
    ]
    graph = run_program("dev", nodeGroups=groups, preview=True)
    made = {found.name for found in graph.of("aws:eks/nodeGroup:NodeGroup")}
    assert made == {"data-us-east-1a", "data-us-east-1b"}
    assert all("::aws::" in provider for token, _, provider in graph.invokes if "getSubnet" in token)


def test_one_group_per_zone_follows_a_network_made_here():
    groups = [{"name": "data", "minSize": 1, "maxSize": 2, "onePerZone": True}]
    graph = run_program("sandbox", nodeGroups=groups, preview=True)
    assert len(graph.of("aws:eks/nodeGroup:NodeGroup")) == 2


def test_a_self_managed_group_is_tagged_and_named_among_the_groups():
    taint = {"key": "example.com/cni-not-ready", "effect": "NoExecute", "startup": True}
    groups = [{"name": "mixed", "labels": {"workload": "mixed"}, "taints": [taint]}]
    graph = run_program("dev", autoScalingGroups=groups)
    (entry,) = [found for found in graph.stack_outputs()["nodeGroups"] if found["name"] == "mixed"]
    assert (entry["asgName"], entry["minSize"], entry["maxSize"], entry["managed"]) == ("mixed", 1, 9, False)
    assert entry["tags"]["k8s.io/cluster-autoscaler/series-api"] == "owned"
    release = graph.one("kubernetes:helm.sh/v3:Release")
    assert release.inputs["values"]["extraArgs"]["startup-taint_1"] == taint["key"]
    tags = {found.urn for found in graph.of("aws:autoscaling/tag:Tag") if found.name.startswith("mixed-asg")}
    assert tags <= graph.reached_from(release.urn), "tagged before the autoscaler starts"


def test_an_existing_provider_of_the_account_is_adopted():
    graph = run_program("dev", oidcProvider={"create": False})
    assert graph.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider") == []
    assert graph.stack_outputs()["oidcIssuer"] == ISSUER


def test_groups_that_share_a_given_role_share_one_attachment():
    role = "arn:aws:iam::123456789012:role/nodes"
    groups = [{"name": name, "minSize": 1, "maxSize": 2, "nodeRoleArn": role} for name in ("blue", "green")]
    graph = run_program("dev", credentials="nodeRole", nodeGroups=groups)
    assert [found.inputs["role"] for found in graph.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")] == [
        "nodes"
    ]


def test_a_given_role_that_is_named_as_another_group_gets_a_separate_attachment():
    given = {"name": "blue", "minSize": 1, "maxSize": 2, "nodeRoleArn": "arn:aws:iam::123456789012:role/green"}
    graph = run_program(
        "dev", credentials="nodeRole", nodeGroups=[given, {"name": "green", "minSize": 1, "maxSize": 2}]
    )
    assert attached_roles(graph) == {"green", "green-node"}


def attached_roles(graph):
    """Return the roles that the autoscaler's policy is attached to."""
    policy = graph.one("aws:iam/policy:Policy").name
    attachments = graph.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    return {found.inputs["role"] for found in attachments if found.name.startswith(policy)}


def test_groups_of_every_kind_whose_names_are_alike_get_separate_attachments():
    names = ("web", "web-existing", "web-asg")
    graph = run_program(
        "dev",
        credentials="nodeRole",
        nodeGroups=[{"name": name, "minSize": 1, "maxSize": 2} for name in names],
        existingNodeGroups=[{"name": "web"}],
        autoScalingGroups=[{"name": name, "create": {"minSize": 0, "maxSize": 1}} for name in names],
    )
    policy = graph.one("aws:iam/policy:Policy").name
    attachments = graph.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert len([each for each in attachments if each.name.startswith(policy)]) == 7


def test_boundary_path_and_prefix_reach_the_roles_of_nodes_and_autoscaler():
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    given_role = {"permissionsBoundaryArn": boundary, "path": "/platform/", "namePrefix": "org-"}
    graph = run_program("sandbox", role=given_role)
    roles = {found.name: found.inputs for found in graph.of("aws:iam/role:Role")}
    assert roles.keys() == {"general-node", "batch-node", "cluster-autoscaler"}
    for name, inputs in roles.items():
        assert (inputs["permissionsBoundary"], inputs["path"]) == (boundary, "/platform/"), name
        assert inputs["namePrefix"] == f"org-{name}-"


def test_tags_reach_what_ec2_makes_of_a_launch_template():
    for template in run_program("dev").of("aws:ec2/launchTemplate:LaunchTemplate"):
        specified = {each["resourceType"]: each["tags"] for each in template.inputs["tagSpecifications"]}
        assert specified.keys() == {"instance", "volume"}
        assert all(tags["owner"] == "platform" for tags in specified.values())


def test_an_account_and_tags_reach_the_provider():
    (provider,) = run_program("sandbox").of("pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["123456789012"]
    assert json.loads(provider.inputs["defaultTags"]) == {"tags": {"environment": "sandbox"}}


OWN_TEMPLATE = {"name": "own", "minSize": 0, "maxSize": 1, "launchTemplate": {"id": "lt-00000001", "version": "3"}}
OPEN_GROUP = {"name": "open", "minSize": 0, "maxSize": 1, "hopLimit": 2}
CLOSED_GROUP = {"name": "closed", "minSize": 0, "maxSize": 1}


@pytest.mark.parametrize(
    ("before", "changes", "expected"),
    [
        ("podIdentity", {"credentials": "irsa"}, "cluster-autoscaler leaves podIdentity and keeps its name"),
        ("podIdentity", {"credentials": "irsa", "autoscaler": {"serviceAccount": "cluster-autoscaler-2"}}, None),
        ("podIdentity", {"credentials": "podIdentity"}, None),
        ("irsa", {"credentials": "podIdentity"}, None),
        ("nodeRole", {"credentials": "irsa"}, "nodeGroups[].hopLimit: general, batch get nodes that keep pods"),
        ("nodeRole", {"credentials": "irsa", "nodeGroups": [OPEN_GROUP]}, None),
        (None, {"credentials": "irsa"}, None),
    ],
)
def test_a_move_that_would_leave_pods_without_credentials_is_warned_about(before, changes, expected):
    cloud = Cloud(preview=True)
    account = {"serviceAccountNamespace": "kube-system", "serviceAccountName": "cluster-autoscaler"}
    cloud.deployed = {"credentialsMode": before, **account} if before else {}
    found = [text for text in run_program("dev", cloud=cloud, **changes).warnings if "credentials" in text]
    assert [expected in text for text in found] == ([True] if expected else [])


def moved(before, after, **changes):
    """Warnings of a program that was deployed with other credentials."""
    cloud = Cloud(preview=True)
    cloud.deployed = {"credentialsMode": before} if before else {}
    return run_program("dev", cloud=cloud, credentials=after, **changes).warnings


def move(before, after, **changes):
    """Those about the nodes' hop limit."""
    return [text for text in moved(before, after, **changes) if "hopLimit" in text or "hop limit" in text]


def test_a_group_with_its_own_launch_template_is_not_asked_for_a_hop_limit_that_it_cannot_have():
    ours, theirs = move("nodeRole", "irsa", nodeGroups=[OWN_TEMPLATE, OPEN_GROUP, CLOSED_GROUP])
    assert ours.startswith("nodeGroups[].hopLimit: closed get nodes")
    assert theirs.startswith("nodeGroups[].launchTemplate: own have the metadata hop limit of their launch template")
    assert "own" not in ours


@pytest.mark.parametrize("before", [None, "irsa", "podIdentity"])
def test_a_move_to_the_node_role_names_the_groups_whose_hop_limit_the_program_does_not_set(before):
    existing = [{"name": "workers"}]
    ours, theirs = move(before, "nodeRole", nodeGroups=[OWN_TEMPLATE, CLOSED_GROUP], existingNodeGroups=existing)
    assert ours.startswith("nodeGroups[].launchTemplate: the program does not set the metadata hop limit of own.")
    assert theirs.startswith("existingNodeGroups: the program does not set the metadata hop limit of workers.")
    created = {"name": "mixed", "create": {"minSize": 1, "maxSize": 3}}
    opened = {"name": "open-mixed", "create": {"minSize": 1, "maxSize": 3, "hopLimit": 2}}
    old = move(before, "nodeRole", autoScalingGroups=[created, opened])
    assert [text.partition(" that run")[0] for text in old] == (
        ["autoScalingGroups[].create: nodes of mixed"] if before else []
    )
    assert move("nodeRole", "nodeRole", nodeGroups=[OWN_TEMPLATE], existingNodeGroups=existing) == []
    assert move(before, "nodeRole", nodeGroups=[CLOSED_GROUP, OPEN_GROUP]) == []


@pytest.mark.parametrize("before", [None, "irsa", "podIdentity"])
def test_a_move_to_the_node_role_names_the_groups_whose_role_the_program_does_not_know(before):
    groups = {"nodeGroups": [CLOSED_GROUP], "autoScalingGroups": [{"name": "theirs"}]}
    hops, policy = [text for text in moved(before, "nodeRole", **groups) if text.startswith("autoScalingGroups:")]
    assert hops.startswith("autoScalingGroups: the program does not set the metadata hop limit of theirs.")
    assert "does not know the role of the nodes of theirs. The autoscaler's pods have no permissions there" in policy
    assert not any("theirs" in text for text in moved("nodeRole", "nodeRole", **groups))
    assert not any("theirs" in text for text in moved(before, "irsa", **groups))


def test_a_move_from_the_node_role_names_the_roles_that_keep_the_policy():
    groups = {"nodeGroups": [OPEN_GROUP], "autoScalingGroups": [{"name": "theirs"}]}
    (found,) = [text for text in moved("nodeRole", "irsa", **groups) if "theirs" in text]
    assert found.startswith("autoScalingGroups: if you attached the policy of the output policyArn to the role of")


ENTRIES = [
    {"name": "general", "managed": True},
    {"name": "mixed", "managed": False},
    {"name": "theirs", "managed": False},
    {"name": "gone", "managed": False},
]
TWO_GROUPS = [{"name": "mixed", "create": {"minSize": 1, "maxSize": 3}}, {"name": "theirs"}]
OLD = {"credentialsMode": "irsa", "clusterName": "old", "region": "us-east-1"}


def test_a_move_to_another_cluster_names_what_the_old_one_loses():
    cloud = Cloud(cluster_version="1.36")
    cloud.deployed = {**OLD, "nodeGroups": ENTRIES}
    graph = run_program("adopt", cloud=cloud, region="us-east-1", cluster={"name": "new"}, autoScalingGroups=TWO_GROUPS)
    (found,) = [text for text in graph.warnings if text.startswith("cluster:")]
    assert "from old to new. Cluster Autoscaler is removed from old" in found
    assert "groups general, mixed of old are deleted" in found
    assert "groups theirs of old lose their tags" in found
    assert "gone" not in found


@pytest.mark.parametrize(
    ("deployed", "cluster", "beginning"),
    [
        ({}, {"name": "new"}, None),
        (OLD, {"name": "old"}, None),
        ({"clusterName": "old"}, {"name": "old"}, None),
        (OLD, {"name": "new"}, "cluster: the stack moves from old to new."),
        ({"clusterName": "old"}, {"name": "new"}, "cluster: the stack moves from old to new."),
        ({**OLD, "region": "eu-west-1"}, {"name": "old"}, "region: this stack has its resources in eu-west-1, and"),
        (OLD, {"stack": "organization/network/dev"}, "cluster: the stack moves from old to series-api."),
        ({**OLD, "clusterName": "series-api"}, {"stack": "organization/network/dev"}, None),
        ({**OLD, "region": "eu-west-1"}, {"stack": "organization/network/dev"}, "region: this stack has its resources"),
    ],
)
def test_only_a_stack_that_served_another_cluster_is_warned_of_the_move(deployed, cluster, beginning):
    cloud = Cloud(cluster_version="1.36")
    cloud.deployed = deployed
    cloud.other_stack = {"clusterName": "series-api"}
    graph = run_program("adopt", cloud=cloud, region="us-east-1", cluster=cluster, autoScalingGroups=[])
    found = [text for text in graph.warnings if text.startswith(("cluster:", "region:"))]
    assert [text.startswith(beginning) for text in found] == ([True] if beginning else [])


@pytest.mark.parametrize(
    ("before", "role", "names"),
    [
        ("/", {}, None),
        ("/platform/", {"path": "/platform/"}, None),
        ("/", {"path": "/platform/"}, "mixed"),
        ("/platform/", {}, "mixed"),
        ("/", {"namePrefix": "team-"}, "mixed"),
    ],
)
def test_another_role_is_warned_about_where_running_nodes_keep_the_old_one(before, role, names):
    arn = f"arn:aws:iam::123456789012:role{before}mixed-node-1a2b3c4"
    groups = [{"name": name, "roleArn": arn, "managed": name != "mixed"} for name in ("mixed", "general")]
    groups.append({"name": "theirs", "roleArn": None, "managed": False})
    cloud = Cloud(preview=True)
    cloud.deployed = {"credentialsMode": "irsa", "nodeGroups": groups}
    created = [{"name": "mixed", "create": {"minSize": 0, "maxSize": 1}}, {"name": "theirs"}]
    graph = run_program("dev", cloud=cloud, role=role, autoScalingGroups=created)
    found = [text for text in graph.warnings if text.startswith("role:")]
    assert [f"for the nodes of {names}." in text for text in found] == ([True] if names else [])


def test_the_policy_reaches_the_role_of_a_self_managed_group_and_its_outputs_name_the_role():
    created = [{"name": "mixed", "create": {"minSize": 0, "maxSize": 1}}]
    graph = run_program("dev", credentials="nodeRole", autoScalingGroups=created)
    assert "mixed-node" in attached_roles(graph)
    *_, mixed = graph.stack_outputs()["nodeGroups"]
    assert (mixed["name"], mixed["asgName"], mixed["roleName"]) == ("mixed", "mixed-abc1234", "mixed-node")
    assert (mixed["minSize"], mixed["maxSize"], mixed["managed"]) == (0, 1, False)

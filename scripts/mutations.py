"""Mutation check: breaks the code in ways that matter, and asks whether the named test notices.

Each mutation is applied to a copy of the project, so that nothing here is ever left broken. A mutation that no longer
applies is an error: it would test nothing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("components", "tests", "sandbox", "docs", "settings", "outputs.py", "__main__.py", "pyproject.toml")
GRAPH = "tests/components/test_graph.py"
HATCHES = "tests/components/test_node_group_hatches.py"


class Mutation(NamedTuple):
    """One way to break the code, and the test that must fail then."""

    what: str
    path: str
    before: str
    after: str
    test: str


MUTATIONS = (
    Mutation(
        "the trust no longer pins the audience",
        "components/pure/iam.py",
        'f"{path}:aud": AUDIENCE, ',
        "",
        "tests/unit/test_iam.py::test_irsa_trusts_one_service_account_of_one_issuer_for_one_audience",
    ),
    Mutation(
        "the audience is another one",
        "components/pure/iam.py",
        'AUDIENCE = "sts.amazonaws.com"',
        'AUDIENCE = "sts.amazonaws.com.cn"',
        f"{GRAPH}::test_the_oidc_provider_is_made_for_the_one_audience",
    ),
    Mutation(
        "a discovery tag is dropped",
        "components/pure/discovery.py",
        'return {ENABLED_KEY: "true", cluster_key(cluster): "owned"}',
        'return {ENABLED_KEY: "true"}',
        "tests/unit/test_discovery.py::test_a_group_is_found_by_two_tags",
    ),
    Mutation(
        "a discovery tag is not registered",
        "components/asg_tags.py",
        '            _tag(f"{name}-cluster", asg_name, *owned, kept),\n',
        "",
        f"{GRAPH}::test_what_is_declared_once_reaches_the_nodes_and_the_tags",
    ),
    Mutation(
        "the ignored path is in snake case",
        "components/live_size.py",
        'DESIRED_SIZE = "scalingConfig.desiredSize"',
        'DESIRED_SIZE = "scaling_config.desired_size"',
        f"{GRAPH}::test_only_the_desired_size_is_ignored_and_in_the_spelling_that_works",
    ),
    Mutation(
        "the whole scaling block is ignored",
        "components/live_size.py",
        'DESIRED_SIZE = "scalingConfig.desiredSize"',
        'DESIRED_SIZE = "scalingConfig"',
        f"{GRAPH}::test_only_the_desired_size_is_ignored_and_in_the_spelling_that_works",
    ),
    Mutation(
        "a new maximum sends the remembered size",
        "components/pure/sizes.py",
        "return max(minimum, min(live.sizes.desired, maximum))",
        "return max(minimum, min(minimum, maximum))",
        "tests/components/test_live_size.py::test_with_new_limits_the_live_size_is_sent",
    ),
    Mutation(
        "a child hangs on the stack",
        "components/pod_identity.py",
        "opts = pulumi.ResourceOptions(parent=owner, ",
        "opts = pulumi.ResourceOptions(",
        f"{GRAPH}::test_every_resource_has_a_parent_of_the_component_and_the_named_provider",
    ),
    Mutation(
        "an argument that no component declares passes",
        "components/pure/arguments.py",
        "            if key not in declared:",
        "            if key not in declared and False:",
        "tests/unit/test_arguments.py::test_a_file_in_camel_case_becomes_snake_case_arguments_and_its_errors_use_camel_case",
    ),
    Mutation(
        "an invoke goes to the default provider",
        "components/oidc_provider.py",
        "url=self.issuer, opts=pulumi.InvokeOutputOptions(parent=self)",
        "url=self.issuer, opts=pulumi.InvokeOutputOptions()",
        f"{GRAPH}::test_an_existing_oidc_provider_is_adopted_and_left_alone",
    ),
    Mutation(
        "what exists is created a second time",
        "components/adoption.py",
        "        args.opts.import_ = existing.id\n",
        "",
        "tests/components/test_adoption.py::test_a_provider_that_exists_is_adopted_with_its_tags_and_audiences",
    ),
    Mutation(
        "the OIDC provider of an adopted cluster goes with the stack",
        "components/oidc_provider.py",
        'args.get("retain", True)',
        'args.get("retain", False)',
        "tests/components/test_adoption.py::test_what_other_workloads_use_stays_unless_the_user_lets_it_go",
    ),
    Mutation(
        "the policy may write to any group",
        "components/pure/iam.py",
        '"Condition": {"StringEquals": {f"aws:ResourceTag/{discovery.cluster_key(cluster.name)}": "owned"}},',
        "",
        "tests/unit/test_iam.py::test_every_write_is_conditioned_on_the_tag_of_this_cluster",
    ),
    Mutation(
        "the policy may do more than the autoscaler calls",
        "components/pure/iam.py",
        '"autoscaling:TerminateInstanceInAutoScalingGroup")',
        '"autoscaling:TerminateInstanceInAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup")',
        "tests/unit/test_iam.py::test_the_autoscaler_policy_is_exactly_what_the_autoscaler_calls",
    ),
    Mutation(
        "the release does not wait for its permissions",
        "components/cluster_autoscaler.py",
        ", depends_on=[role, *role.grants]",
        "",
        f"{GRAPH}::test_permissions_exist_before_the_pod_starts_and_outlive_it",
    ),
    Mutation(
        "a new tag replaces every node",
        "components/launch_template.py",
        "ignore_changes=[TAGS]",
        "ignore_changes=[]",
        f"{HATCHES}::test_a_new_tag_does_not_reach_the_template_because_it_would_replace_every_node",
    ),
    Mutation(
        "the settings of updates that were removed stay in force",
        "components/node_group.py",
        'int(update.get("max_unavailable", DEFAULT_UNAVAILABLE))',
        'update.get("max_unavailable")',
        f"{HATCHES}::test_without_settings_for_updates_eks_gets_its_own_default_because_the_provider_would_keep_the_last",
    ),
    Mutation(
        "pods can reach the node's role",
        "components/node_group_args.py",
        "DEFAULT_HOP_LIMIT = 1",
        "DEFAULT_HOP_LIMIT = 2",
        f"{GRAPH}::test_nodes_require_imdsv2_and_encrypt_their_disks",
    ),
    Mutation(
        "what EKS put on an adopted group is removed on destroy",
        "components/existing_node_group.py",
        "asg_tags.of_group(args, self.asg_name, managed_by_eks=True)",
        "asg_tags.of_group(args, self.asg_name)",
        f"{GRAPH}::test_an_existing_group_is_tagged_and_nothing_else_of_it_is_touched",
    ),
    Mutation(
        "a chart whose RBAC makes the autoscaler hang passes",
        "components/pure/compatibility.py",
        "if chart < (floor := rbac_floor(minor)):",
        "if chart < (floor := OLDEST_CHART):",
        "tests/unit/test_compatibility.py::test_a_chart_whose_rbac_makes_the_autoscaler_hang_is_refused_with_the_floor",
    ),
    Mutation(
        "a taint tag loses its effect",
        "components/pure/discovery.py",
        "return f\"{taint.get('value', '')}:{taint['effect']}\"",
        "return taint.get('value', '')",
        "tests/unit/test_discovery.py::test_the_autoscaler_itself_can_read_every_taint_tag",
    ),
    Mutation(
        "a setting is lost on its way to the chart",
        "components/values.py",
        '"replicaCount": int(settings.get("replicas", DEFAULT_REPLICAS))',
        '"replicaCount": DEFAULT_REPLICAS',
        "tests/program/test_every_setting.py::test_the_graph_is_the_recorded_one[adopted]",
    ),
    Mutation(
        "the permissions boundary is lost on its way to a role",
        "components/node_role.py",
        'args.get("permissions_boundary_arn"),\n            tags',
        "None,\n            tags",
        "tests/program/test_program.py::test_boundary_path_and_prefix_reach_the_roles_of_nodes_and_autoscaler",
    ),
    Mutation(
        "something is registered before the settings are read",
        "__main__.py",
        "settings = stack_settings.load()",
        'early = pulumi.ComponentResource("test:index:Early", "early")\nsettings = stack_settings.load()',
        "tests/program/test_refusals.py",
    ),
)


def survives(mutation: Mutation) -> str:
    """What is wrong with the tests, as seen from one mutation; empty when the named test noticed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                # A checkout that served as a plugin has a virtual environment in `components/`.
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "venv"))
            else:
                shutil.copy2(source, copy / name)
        for stack in ROOT.glob("Pulumi*.yaml"):
            shutil.copy2(stack, copy)
        target = copy / mutation.path
        text = target.read_text()
        if mutation.before not in text:
            return f"no longer applies to {mutation.path}: fix scripts/mutations.py"
        target.write_text(text.replace(mutation.before, mutation.after))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", mutation.test]
        run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if run.returncode == 1:
        return ""
    return "survived" if run.returncode == 0 else f"pytest ended with {run.returncode}: {run.stdout[-500:]}"


def main(arguments: list[str]) -> int:
    """Run every mutation; exit code 1 when one survives."""
    parser = argparse.ArgumentParser(prog="python scripts/mutations.py", description=__doc__)
    parser.parse_args(arguments)
    with ThreadPoolExecutor(max_workers=2) as pool:
        verdicts = list(pool.map(survives, MUTATIONS))
    for mutation, verdict in zip(MUTATIONS, verdicts, strict=True):
        print(f"{'NOT NOTICED' if verdict else 'noticed'}: {mutation.what} ({mutation.test.split('::')[-1]}) {verdict}")
    noticed = verdicts.count("")
    print(f"{noticed} passed, {len(MUTATIONS) - noticed} failed")
    return 0 if noticed == len(MUTATIONS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

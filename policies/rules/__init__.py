"""The rules, in the order in which a person meets them: permissions, groups, nodes, release, cluster, good practice."""

from importlib import import_module

from pulumi_policy import Policy

_MODULES = (
    "no_broad_managed_policy",
    "scaling_needs_cluster_tag",
    "irsa_trust_pins_service_account",
    "pod_identity_trust_is_narrow",
    "trust_names_the_service_account",
    "no_static_aws_keys",
    "desired_size_is_ignored",
    "discovery_tags",
    "autoscaler_tag_spelling",
    "tags_name_the_discovered_cluster",
    "imdsv2_required",
    "hop_limit_fits_credentials",
    "chart_version_pinned",
    "image_pinned",
    "image_minor_fits_cluster",
    "chart_fits_image",
    "flags_fit_image",
    "release_name_fixed",
    "api_endpoint_not_open",
    "disruption_budget",
    "replicas",
    "priority_class",
    "expander",
    "capacity_buffers_are_enabled",
    "encrypted_volumes",
    "max_size",
)

RULES: tuple[Policy, ...] = tuple(import_module(f".{module}", __name__).RULE for module in _MODULES)

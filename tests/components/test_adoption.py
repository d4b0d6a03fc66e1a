"""What exists already: adopted instead of created twice, and left behind for the workloads that share it."""

import pulumi
import pulumi_aws as aws
import pytest

from components import ClusterAutoscaler, ClusterOidcProvider, EksCluster, FaultsError, cluster_arguments
from components.pod_identity import explanation
from tests.cloud import CLUSTER, CLUSTER_ARN, ISSUER, PROVIDER_ARN, Cloud, run

OIDC_PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
ADDON = "aws:eks/addon:Addon"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
AGENT = "eks-pod-identity-agent"


def provider(cloud, **args):
    return run(lambda: ClusterOidcProvider("oidc", {"issuer": ISSUER, **args}), cloud).one(OIDC_PROVIDER)


def autoscaler(cloud, **args):
    base = {"cluster_arn": CLUSTER_ARN, "cluster_name": CLUSTER, "kubernetes_version": "1.35", "oidc_issuer": ISSUER}
    return run(lambda: ClusterAutoscaler("autoscaler", {**base, **args}), cloud)


class Denied(Cloud):
    """AWS refuses every look-up of what may exist."""

    def call(self, args):
        if "getOpenIdConnectProvider" in args.token or "getAddon" in args.token:
            return {}, [("", "AccessDenied: not authorized to perform this action")]
        return super().call(args)


def test_a_provider_that_exists_is_adopted_with_its_tags_and_audiences(cloud):
    cloud.has_oidc_provider, cloud.oidc_audiences = True, ["sigstore"]
    found = provider(cloud, tags={"team": "platform"})
    assert found.import_id == PROVIDER_ARN
    assert found.inputs["clientIdLists"] == ["sigstore", "sts.amazonaws.com"]
    assert found.ignore_changes == ("tags", "tagsAll")


def test_a_provider_that_does_not_exist_is_created(cloud):
    found = provider(cloud, tags={"team": "platform"})
    assert (found.import_id, found.ignore_changes) == ("", ())
    assert found.inputs == {"url": ISSUER, "clientIdLists": ["sts.amazonaws.com"], "tags": {"team": "platform"}}


def test_the_issuer_of_a_cluster_that_does_not_exist_yet_is_not_looked_up():
    def build():
        role = aws.iam.Role("later", assume_role_policy="{}")
        ClusterOidcProvider("oidc", {"issuer": role.arn})

    graph = run(build, Cloud(preview=True))
    assert graph.invokes == []
    assert graph.one(OIDC_PROVIDER).import_id == ""


def test_an_agent_that_exists_is_adopted(cloud):
    cloud.addons = {AGENT}
    graph = autoscaler(cloud, credentials="podIdentity")
    assert graph.one(ADDON).import_id == f"{CLUSTER}:{AGENT}"
    assert {"tags", "tagsAll", "serviceAccountRoleArn", "configurationValues"} <= set(graph.one(ADDON).ignore_changes)
    assert autoscaler(Cloud(), credentials="podIdentity").one(ADDON).import_id == ""


def test_an_association_is_adopted_by_the_id_that_the_user_gives(cloud):
    graph = autoscaler(cloud, credentials="podIdentity", association_id="a-1g7g0a1u7vqczibqp")
    assert graph.one(ASSOCIATION).import_id == f"{CLUSTER},a-1g7g0a1u7vqczibqp"
    assert graph.one(ASSOCIATION).inputs["disableSessionTags"] is False
    assert autoscaler(cloud, credentials="podIdentity").one(ASSOCIATION).import_id == ""


def test_the_id_of_an_association_is_checked():
    with pytest.raises(FaultsError, match=r"association_id: got 'arn:x'; expected the ID of a Pod Identity"):
        autoscaler(Cloud(), credentials="podIdentity", association_id="arn:x")


def test_the_refusal_of_eks_names_the_setting_that_adopts_the_association():
    error = (
        "creating EKS Pod Identity Association: operation error EKS: CreatePodIdentityAssociation, "
        "https response error StatusCode: 409, ResourceInUseException: Association already exists: a-dt1bedfjc72dlwp5n"
    )
    assert "podIdentity.associationId" in str(explanation(error))
    assert "a-dt1bedfjc72dlwp5n" in str(explanation(error))
    assert explanation("ResourceInUseException: Addon already exists.") is None


def test_without_permission_to_read_the_preview_warns_and_goes_on(cloud):
    graph = run(lambda: ClusterOidcProvider("oidc", {"issuer": ISSUER}), Denied(preview=cloud.preview))
    assert graph.one(OIDC_PROVIDER).import_id == ""
    (warning,) = graph.warnings
    assert "allow iam:ListOpenIDConnectProviders" in warning
    graph = autoscaler(Denied(preview=cloud.preview), credentials="podIdentity")
    assert any("allow eks:DescribeAddon" in warning for warning in graph.warnings)


def test_what_does_not_exist_is_no_warning(cloud):
    assert run(lambda: ClusterOidcProvider("oidc", {"issuer": ISSUER}), cloud).warnings == []


def test_what_other_workloads_use_stays_unless_the_user_lets_it_go(cloud):
    irsa, pods = autoscaler(cloud), autoscaler(cloud, credentials="podIdentity")
    assert irsa.one(OIDC_PROVIDER).retain_on_delete
    assert provider(cloud).retain_on_delete
    assert not provider(cloud, retain=False).retain_on_delete
    assert pods.one(ADDON).retain_on_delete
    assert not pods.one(ASSOCIATION).retain_on_delete, "it serves this service account alone"
    assert not autoscaler(cloud, retain_oidc_provider=False).one(OIDC_PROVIDER).retain_on_delete
    assert not autoscaler(cloud, credentials="podIdentity", retain_agent=False).one(ADDON).retain_on_delete


def test_the_agent_can_follow_the_default_version_of_the_cluster(cloud):
    follows = autoscaler(cloud, credentials="podIdentity", agent_version="default").one(ADDON)
    assert follows.inputs["addonVersion"] == "v1.35.0-eksbuild.1"
    pinned = autoscaler(cloud, credentials="podIdentity", agent_version="v1.3.8-eksbuild.2").one(ADDON)
    assert pinned.inputs["addonVersion"] == "v1.3.8-eksbuild.2"
    assert "addonVersion" not in autoscaler(cloud, credentials="podIdentity").one(ADDON).inputs
    with pytest.raises(FaultsError, match=r"agent_version: got 'latest'; expected default or a version"):
        autoscaler(cloud, credentials="podIdentity", agent_version="latest")


def test_settings_of_an_agent_of_another_owner_are_refused():
    with pytest.raises(FaultsError, match="agent_version: got a value with install_agent false"):
        autoscaler(Cloud(), credentials="podIdentity", install_agent=False, agent_version="default")


SUBNETS = {"vpc_id": "vpc-00000001", "private_subnet_ids": ["subnet-0000000a", "subnet-0000000b"]}


@pytest.mark.parametrize("credentials", ["irsa", "podIdentity"])
def test_the_provider_of_a_created_cluster_exists_in_every_mode_and_is_deleted_with_it(credentials):
    def build():
        cluster = EksCluster("cluster", {"name": CLUSTER, "create": {"kubernetes_version": "1.35", **SUBNETS}})
        ClusterAutoscaler("autoscaler", {**cluster_arguments(cluster), "credentials": credentials})

    assert not run(build).one(OIDC_PROVIDER).retain_on_delete


def test_the_provider_of_an_adopted_cluster_stays_and_exists_for_irsa_alone():
    def build(credentials):
        cluster = EksCluster("cluster", {"name": CLUSTER})
        ClusterAutoscaler("autoscaler", {**cluster_arguments(cluster), "credentials": credentials})

    assert run(lambda: build("irsa")).one(OIDC_PROVIDER).retain_on_delete
    assert run(lambda: build("podIdentity")).of(OIDC_PROVIDER) == []


def test_a_provider_that_the_program_has_is_used_and_none_is_created():
    def build():
        cluster = aws.eks.Cluster("theirs", role_arn="arn:aws:iam::123456789012:role/x", vpc_config={"subnet_ids": []})
        arguments = {**cluster_arguments(cluster), "oidc_provider_arn": PROVIDER_ARN}
        ClusterAutoscaler("autoscaler", arguments, pulumi.ResourceOptions())

    class WithCluster(Cloud):
        def new_resource(self, args):
            if args.typ == "aws:eks/cluster:Cluster":
                issuer = [{"oidcs": [{"issuer": ISSUER}]}]
                return CLUSTER, {"name": CLUSTER, "arn": CLUSTER_ARN, "version": "1.35", "identities": issuer}
            return super().new_resource(args)

    assert run(build, WithCluster()).of(OIDC_PROVIDER) == []

"""Which releases there are, and what differs between them."""

import pytest

from sandbox.autoscaler.releases import Release, UnknownReleaseError

REPOSITORY = "registry.k8s.io/autoscaling/cluster-autoscaler"


@pytest.mark.parametrize(
    "image",
    [f"{REPOSITORY}:v1.36.1", "localhost:5000/mirror/ca:v1.36.1", f"{REPOSITORY}:v1.36.1@sha256:{'0' * 64}"],
)
def test_the_release_is_that_of_the_images_tag(image):
    assert Release.of_image(image) == Release(36, 1)


@pytest.mark.parametrize(
    "tag", [":1.36.1", ":v1.36.99", ":v1.27.0", ":v1.25.0", ":v1.99.0", ":latest", "", f"@sha256:{'0' * 64}"]
)
def test_an_image_that_was_never_published_is_refused_with_what_there_is(tag):
    with pytest.raises(UnknownReleaseError, match=r"v1\.36\.0-"):
        Release.of_image(REPOSITORY + tag)


def listed(release: Release) -> set[str]:
    return {informed.path.rpartition("/")[2] for informed in release.informed}


def test_newer_releases_list_more_at_start():
    assert listed(Release(32, 0)) - listed(Release(31, 0)) == {"volumeattachments"}
    assert listed(Release(35, 0)) - listed(Release(34, 0)) == {"deviceclasses", "resourceclaims", "resourceslices"}


@pytest.mark.parametrize(
    ("release", "knows"),
    [
        (Release(26, 6), False),
        (Release(26, 7), True),
        (Release(27, 5), False),
        (Release(27, 6), True),
        (Release(28, 2), False),
        (Release(28, 3), True),
        (Release(29, 0), True),
    ],
)
def test_pod_identity_is_known_from_the_patch_whose_sdk_knows_it(release, knows):
    assert release.knows_pod_identity is knows


@pytest.mark.parametrize(
    ("trait", "first"),
    [
        ("writes_yaml_status", 30),
        ("translates_eks_taints", 31),
        ("waits_for_informers", 33),
        ("uses_sdk_v2", 35),
    ],
)
def test_a_trait_begins_with_its_release(trait, first):
    assert not getattr(Release(first - 1, 0), trait)
    assert getattr(Release(first, 0), trait)


def test_the_metadata_service_is_asked_for_the_region_up_to_1_34():
    assert Release(34, 5).asks_metadata_for_region
    assert not Release(35, 0).asks_metadata_for_region

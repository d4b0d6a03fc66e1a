"""Systems Manager through the provider stand-in."""

import grpc
import pytest

from sandbox.tests.providers.aws.lifecycle import answered

GET = "aws:ssm/getParameter:getParameter"


@pytest.mark.parametrize(
    "folder",
    [
        "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended",
        "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/arm64/nvidia/recommended",
        "/aws/service/bottlerocket/aws-k8s-1.35/x86_64/latest",
        "/aws/service/bottlerocket/aws-k8s-1.35-nvidia-fips/arm64/latest",
    ],
)
def test_the_newest_image_of_eks_is_a_public_parameter(engine, cloud, folder):
    answer = answered(engine, GET, name=f"{folder}/image_id")
    assert answer["insecureValue"] == answer["value"]
    (image,) = cloud("ec2").describe_images(ImageIds=[answer["value"]])["Images"]
    assert image["Architecture"] == ("arm64" if "arm64" in folder else "x86_64")


def test_a_parameter_that_does_not_exist_is_an_error(engine):
    with pytest.raises(grpc.RpcError, match=r"reading SSM Parameter .*: couldn't find resource"):
        engine.invoke(GET, name="/aws/service/eks/optimized-ami/0.1/recommended/image_id")
